"""Work in portions on Daft: processes of this machine, or the workers of a Ray cluster. One plan for both.

A task and its result are JSON. What a task makes it writes into the work folder, which all workers must see.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Literal

import msgspec

from groundcrew.errors import InputError

#: Daft reports its use over the network on import and shows its own progress bars; neither has a place here.
DAFT_ENVIRONMENT = {"DAFT_ANALYTICS_ENABLED": "0", "SCARF_NO_ANALYTICS": "true", "DAFT_PROGRESS_BAR": "0"}
RAY_ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0"}
WORKERS_MAX = 1_024


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """Where tasks run. `workers` processes at a time, 0 for as many as this machine has cores; `address` is that of a Ray
    cluster, None for one on this machine."""

    runner: Literal["native", "ray"] = "native"
    address: str | None = None
    workers: int = 0


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a task's input can not be read. An error that leaves a process does not keep its type."""

    message: str
    file: str | None = None
    line: int | None = None


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a task: its number, and what it returned, or why it failed."""

    number: int
    value: msgspec.Raw = msgspec.Raw(b"null")
    failure: Failure | None = None


def load_daft() -> Any:
    """The module `daft`, silenced. Raises InputError where it is not installed."""
    os.environ.update(DAFT_ENVIRONMENT)
    try:
        import daft
    except ImportError as error:
        raise InputError("curation needs Daft, which is not installed: pip install 'groundcrew[batch]'") from error
    return daft


def run_tasks(
    tasks: Sequence[bytes], where: Where, advance: Callable[[int, int], None] = lambda _done, _total: None
) -> list[msgspec.Raw]:
    """The results of all tasks, in their order; `advance` hears of every one that has ended. Raises InputError where one failed.

    A single task of this machine runs in this process: starting another would take longer.
    """
    found: dict[int, msgspec.Raw] = {}
    advance(0, len(tasks))
    workers = where.workers or len(os.sched_getaffinity(0))
    alone = where.runner == "native" and (len(tasks) == 1 or workers == 1)
    ended = (perform(number, task) for number, task in enumerate(tasks)) if alone else _on_daft(tasks, where, workers)
    failures: dict[int, Failure] = {}
    # To the end even where a task failed: a plan of Daft that is left in the middle does not close what it opened.
    for text in ended:
        done = msgspec.json.decode(text, type=Done)
        if done.failure is not None:
            failures[done.number] = done.failure
            if alone:
                break
        found[done.number] = done.value
        advance(len(found), len(tasks))
    if failures:
        first = failures[min(failures)]
        raise InputError(first.message, file=first.file, line=first.line)
    return [found[number] for number in range(len(tasks))]


def perform(number: int, task: bytes | str) -> str:
    """Do one task and say how it ended, as JSON."""
    from groundcrew.curation.tasks import perform_task

    try:
        done = Done(number=number, value=msgspec.Raw(msgspec.json.encode(perform_task(task))))
    except InputError as error:
        done = Done(number=number, failure=Failure(message=error.message, file=error.file, line=error.line))
    return msgspec.json.encode(done).decode()


@lru_cache(maxsize=1)
def _worker_class() -> Any:
    """What Daft makes one of in every process."""
    daft = load_daft()

    class Worker:
        @daft.method.batch(return_dtype=daft.DataType.string(), batch_size=1)  # type: ignore[untyped-decorator]
        def perform(self, numbers: Any, tasks: Any) -> list[str]:
            return [perform(*pair) for pair in zip(numbers.to_pylist(), tasks.to_pylist(), strict=True)]

    return Worker


def _on_daft(tasks: Sequence[bytes], where: Where, workers: int) -> Iterator[str]:
    daft = load_daft()
    _choose_runner(daft, where)
    made = daft.cls(_worker_class(), use_process=True, max_concurrency=min(workers, len(tasks), WORKERS_MAX))
    frame = daft.from_pydict({"number": list(range(len(tasks))), "task": [each.decode() for each in tasks]})
    if where.runner == "ray":
        frame = frame.into_partitions(len(tasks))
    frame = frame.select(made().perform(daft.col("number"), daft.col("task")).alias("done"))
    return (row["done"] for row in frame.iter_rows(results_buffer_size=1))


def _choose_runner(daft: Any, where: Where) -> None:
    """Set Daft's runner, which is set once in a process. Raises InputError where Ray is not installed."""
    chosen = daft.get_or_infer_runner_type()
    if where.runner == "native":
        if chosen == "ray":
            raise InputError("Daft runs on Ray in this process; name the runner ray")
        return
    os.environ.update(RAY_ENVIRONMENT)
    try:
        import ray  # noqa: F401
    except ImportError as error:
        raise InputError("this runner needs Ray, which is not installed: pip install 'groundcrew[cluster]'") from error
    daft.set_runner_ray(address=where.address, noop_if_initialized=True)
