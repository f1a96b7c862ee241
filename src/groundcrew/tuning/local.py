"""The local runner: an architecture learns in a process of its own on this machine, and goes on from its checkpoints."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from groundcrew.domain.tuning import RunnerName
from groundcrew.errors import InputError
from groundcrew.tuning.architecture import ARCHITECTURES, Architecture
from groundcrew.tuning.runner import RUN_S_MAX, Made, Order, Reports, RunFailed
from groundcrew.tuning.training_process import MODEL, Assignment, Line

#: How often the lease is looked at while nothing is told.
LOOK_S = 1.0
#: How long a process that is told to stop may take.
STOP_S_MAX = 5.0
LINE_BYTES_MAX = 1 << 20
#: Threads of the libraries that compute, where the setting `threads` says nothing.
THREADS_DEFAULT, THREADS_MAX = 1, 256
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")


class ProcessDied(Exception):
    """The process ended without a word: killed, out of memory, or a defect. The next attempt goes on from its checkpoints."""


class LocalRunner:
    """Has an architecture of the catalogue learn here."""

    name: RunnerName = "local"

    def problem(self, architecture: str, settings: dict[str, Any]) -> str | None:
        """What is wrong with `settings` for this architecture, naming the key."""
        if architecture not in ARCHITECTURES:
            why = f"{architecture!r} is not known" if architecture else "say what learns"
            return f"architecture: {why}; there are: {', '.join(sorted(ARCHITECTURES)) or 'none'}"
        threads, rest = split_threads(settings)
        if threads is None:
            return f"threads: expected a whole number from 1 to {THREADS_MAX}"
        return ARCHITECTURES[architecture]().settings_problem(rest)

    async def run(self, order: Order, reports: Reports) -> Made:
        """Learn until the end, or go on learning."""
        factory = ARCHITECTURES.get(order.run.architecture)
        if factory is None:
            raise InputError(f"architecture {order.run.architecture!r} is not known to this worker", field="architecture")
        return await learn(order, reports, factory, architecture=order.run.architecture)

    async def abandon(self, order: Order) -> None:
        """Nothing goes on elsewhere."""


async def learn(
    order: Order,
    reports: Reports,
    factory: Callable[[], Architecture],
    *,
    architecture: str,
    more: dict[str, Any] | None = None,
) -> Made:
    """Have what `factory` makes learn in a process of its own. `more` are settings that the runner adds."""
    threads, settings = split_threads(order.run.settings)
    order.work.mkdir(parents=True, exist_ok=True, mode=0o700)
    assignment = Assignment(
        architecture=architecture,
        factory=f"{factory.__module__}:{factory.__qualname__}",
        name=order.run.model,
        data_set=order.run.data_set,
        data_revision=order.run.data_revision,
        seed=order.run.seed,
        settings={**settings, **(more or {})},
        examples=str(order.examples.resolve()),
        work=str(order.work.resolve()),
        described_sha256=order.data_set.described_sha256,
    )
    end_s = time.monotonic() + RUN_S_MAX
    async with _process(assignment, threads or THREADS_DEFAULT) as process:
        assert process.stdout is not None
        while True:
            line = await _next_line(process.stdout, reports)
            if time.monotonic() > end_s:
                raise RunFailed(f"it took more than {RUN_S_MAX / 3_600:.0f} hours")
            if line is None:
                status = await process.wait()
                raise ProcessDied(f"the learning process ended with status {status}")
            told = msgspec.json.decode(line, type=Line)
            if told.step is not None:
                await reports.step(told.step)
            elif told.error:
                raise RunFailed(told.error)
            else:
                return Made(
                    digest=told.digest,
                    architecture=architecture,
                    metrics=told.metrics,
                    folder=order.work / MODEL,
                    best_step=told.best_step,
                )


async def _next_line(stream: asyncio.StreamReader, reports: Reports) -> bytes | None:
    """The next line, None at the end; says that work goes on while there is none."""
    reading = asyncio.ensure_future(stream.readline())
    try:
        while not (await asyncio.wait({reading}, timeout=LOOK_S))[0]:
            await reports.alive()
        return reading.result() or None
    finally:
        if not reading.done():
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


@asynccontextmanager
async def _process(assignment: Assignment, threads: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """The process at work; ended when the block is left, however it is left."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "groundcrew.tuning.training_process"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=LINE_BYTES_MAX,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join(each for each in sys.path if each), "PYTHONHASHSEED": "0"}
        | dict.fromkeys(_THREAD_VARIABLES, str(threads)),
    )
    try:
        assert process.stdin is not None
        # Left open: the process ends when it is closed.
        process.stdin.write(msgspec.json.encode(assignment) + b"\n")
        await process.stdin.drain()
        yield process
    finally:
        await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    if process.returncode is None:
        try:
            await asyncio.wait_for(process.wait(), 0.2 if process.stdout is None or not process.stdout.at_eof() else STOP_S_MAX)
        except TimeoutError:
            process.kill()
            await process.wait()
    # The pipe's transport is closed with the process; what nobody read goes with it.
    if process.stdout is not None:
        await process.stdout.read()


def split_threads(settings: dict[str, Any]) -> tuple[int | None, dict[str, Any]]:
    """(threads, the other settings); None where the number is none."""
    given = settings.get("threads", THREADS_DEFAULT)
    rest = {key: value for key, value in settings.items() if key != "threads"}
    whole = isinstance(given, int) and not isinstance(given, bool) and 1 <= given <= THREADS_MAX
    return (given if whole else None), rest
