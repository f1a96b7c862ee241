"""What scripts that walk through a blueprint share: commands of `groundcrew` typed in this process and shown, a server beside
them, and a folder to work in."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

START_S_MAX, STOP_S_MAX = 120.0, 30.0


class Failed(Exception):
    """A command ended otherwise than the script expects; carries what it said."""


class Shell:
    """Types commands on one data folder and shows each. A console account's password is made up for this run."""

    def __init__(self, data: Path, password: str) -> None:
        self._data = data
        os.environ["GROUNDCREW_PASSWORD"] = password

    def type(self, *words: str | Path, status: int | None = 0, shown: bool = True) -> str:
        """What the command wrote on standard output. Failed where it ends with another status (None: any)."""
        return self._run(*words, more=("--data", self._data), status=status, shown=shown)

    def _run(self, *words: str | Path, more: tuple[str | Path, ...] = (), status: int | None = 0, shown: bool = True) -> str:
        from groundcrew.app import main

        if shown:
            print(f"  $ groundcrew {' '.join(map(str, words))}", flush=True)
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            ended = main([*map(str, words), *map(str, more)])
        if status is not None and ended != status:
            raise Failed(f"groundcrew {' '.join(map(str, words))}: status {ended}\n{out.getvalue()}{errors.getvalue()}")
        return out.getvalue().strip()

    def json(self, *words: str | Path, shown: bool = True) -> Any:
        """What the command tells a program."""
        return json.loads(self.type(*words, "--json", shown=shown))

    def gate(self, use_case: str, stage: str) -> Any:
        """How the gate stands; a closed one is no failure."""
        return json.loads(self.type("gate", use_case, "--to", stage, "--json", status=None))

    def bare(self, *words: str | Path) -> str:
        """A command that takes no data folder."""
        return self._run(*words)

    def curate(self, recipe: Path, source: Path, output: Path) -> str:
        """Build a data set."""
        return self.bare("curate", recipe, "--input", source, "--output", output)


@contextlib.contextmanager
def server(data: Path, port: int = 0) -> Iterator[tuple[str, str | None]]:
    """`groundcrew up` in a process of its own; yields its URL and, on a first start, the admin's password."""
    command = [sys.executable, "-m", "groundcrew", "up", "--port", str(port), "--data", str(data)]
    with (data / "server.log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    timer = threading.Timer(START_S_MAX, process.kill)
    timer.start()
    assert process.stdout is not None
    # Whatever it prints later is read, so that it never waits for a reader.
    drain = threading.Thread(target=process.stdout.read, daemon=True)
    try:
        started = _read_start(process)
        timer.cancel()
        drain.start()
        yield started
    finally:
        timer.cancel()
        process.terminate()
        try:
            process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if drain.ident is not None:
            drain.join(STOP_S_MAX)
        process.stdout.close()


def _read_start(process: subprocess.Popen[str]) -> tuple[str, str | None]:
    password: str | None = None
    assert process.stdout is not None
    for line in process.stdout:
        if "with password " in line:
            password = line.split("with password ", 1)[1].split(" ", 1)[0]
        if "serves on " in line:
            return line.split("serves on ", 1)[1].split(": ", 1)[0], password
    raise Failed(f"the server did not start (exit status {process.wait()})")


def fresh(folder: Path, marker: str) -> Path:
    """An empty folder to work in, with the file `marker`: only a folder that holds it is ever cleared. SystemExit otherwise."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / marker).exists():
            raise SystemExit(f"{folder} is not empty and was not made by this script: name another one with --work")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / marker).touch()
    return folder


class Clock:
    """Headings with the seconds since the start, by the clock and of CPU (of this process and of what it started and has seen
    end)."""

    def __init__(self) -> None:
        self._start_s = time.monotonic()

    def heading(self, text: str) -> None:
        """Say what comes next."""
        used = os.times()
        cpu_s = used.user + used.system + used.children_user + used.children_system
        print(f"\n{text}  [{time.monotonic() - self._start_s:.0f} s, CPU {cpu_s:.0f} s]", flush=True)


def say(text: str) -> None:
    """A line of the story."""
    print(f"  {text}", flush=True)


def interval(each: dict[str, Any]) -> str:
    """An estimate with its bounds."""
    if each.get("estimate") is None:
        return f"unknown (n = {each.get('n', 0)})"
    bounds = "" if each.get("lower") is None else f" [{each['lower']:.3f}, {each['upper']:.3f}]"
    return f"{each['estimate']:.3f}{bounds}, n = {each.get('n')}"
