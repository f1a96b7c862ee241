"""A real `groundcrew up` in a process of its own, and the command line beside it, as an operator has them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

#: Far more than any of it takes: a loaded machine is no reason to fail.
START_S_MAX = 240.0
STOP_S_MAX = 60.0
DRAIN_S_MAX = 240.0
COMMAND_S_MAX = 300.0


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What a command left behind."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


class Server(msgspec.Struct, kw_only=True):
    """A running server: its process, its URL and, on a first run, the admin's password."""

    process: subprocess.Popen[str]
    url: str
    password: str | None

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait(STOP_S_MAX)

    def ready(self) -> dict[str, Any]:
        """What /readyz says."""
        with urllib.request.urlopen(f"{self.url}/readyz", timeout=10) as response:
            found: dict[str, Any] = json.loads(response.read())
            return found

    def wait_until_shipped(self) -> None:
        """Wait until nothing waits in the spool."""
        until = time.monotonic() + DRAIN_S_MAX
        while pending(self.ready()):
            assert time.monotonic() < until, "the spool does not empty"
            time.sleep(0.1)


def pending(answer: Mapping[str, Any]) -> int:
    """Records that wait to be shipped."""
    return int(answer["parts"]["spool"]["pending"])


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Nothing of a developer's own settings, and no proxy before the loopback address."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GROUNDCREW_")}
    return {name: value for name, value in kept.items() if not name.lower().endswith("_proxy")} | dict(extra or {})


def groundcrew(*arguments: str | Path, extra: Mapping[str, str] | None = None, cwd: Path | None = None) -> Done:
    """Run one command to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "groundcrew", *map(str, arguments)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=COMMAND_S_MAX,
        env=environment(extra),
        cwd=cwd,
        check=False,
    )
    return Done(status=done.returncode, out=done.stdout, err=done.stderr)


@contextlib.contextmanager
def running(
    data: Path, *arguments: str, extra: Mapping[str, str] | None = None, log: Path | None = None, part: str = "up"
) -> Iterator[Server]:
    """`groundcrew up` (or another `part`) on a free port with its data in `data`; stopped at the end, whether it still runs or
    not."""
    command: Sequence[str] = [sys.executable, "-m", "groundcrew", part, "--port", "0", "--data", str(data), *arguments]
    with contextlib.ExitStack() as stack:
        errors = stack.enter_context((log or data.with_suffix(".log")).open("a"))
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment(extra))
        stack.callback(_stop, process)
        url, password = _read_start(process)
        yield Server(process=process, url=url, password=password)


def _read_start(process: subprocess.Popen[str]) -> tuple[str, str | None]:
    timer = threading.Timer(START_S_MAX, process.kill)
    timer.start()
    password = None
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "with password " in line:
                password = line.partition("with password ")[2].partition(" ")[0]
            if "serves on " in line:
                return line.partition("serves on ")[2].partition(": ")[0], password
        raise AssertionError(f"the server did not start: exit status {process.wait(STOP_S_MAX)}")
    finally:
        timer.cancel()


def _stop(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)  # one that stands still would not hear of its end
        process.terminate()
        try:
            process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_S_MAX)
    if process.stdout is not None:
        process.stdout.close()
