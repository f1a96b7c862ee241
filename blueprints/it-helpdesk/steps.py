"""What the scripts of this blueprint share: commands of `groundcrew` typed in this process and shown, a server beside them, and a
folder to work in."""

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
#: Written into the folder that a script works in, so that only such a folder is ever cleared.
MARKER = ".it-helpdesk"

_began_s = time.monotonic()


class Failed(Exception):
    """A command ended otherwise than the script expects; carries what it said."""


class Shell:
    """Types commands on one data folder and shows each. `password` is that of the accounts that a script adds."""

    def __init__(self, data: Path, password: str) -> None:
        self._data = data
        os.environ["GROUNDCREW_PASSWORD"] = password

    def type(self, *words: str | Path, status: int | None = 0, shown: bool = True) -> str:
        """What the command wrote on standard output. Failed where it ends with another status (None: any)."""
        return self._run(*words, more=("--data", self._data), status=status, shown=shown)

    def json(self, *words: str | Path, shown: bool = True) -> Any:
        """What the command tells a program."""
        return json.loads(self.type(*words, "--json", shown=shown))

    def gate(self, use_case: str, stage: str) -> Any:
        """How the gate stands; a closed one is no failure."""
        return json.loads(self.type("gate", use_case, "--to", stage, "--json", status=None))

    def curate(self, recipe: Path, source: Path, output: Path) -> None:
        """Build a data set: the one command here that needs no data folder."""
        self._run("curate", recipe, "--input", source, "--output", output)

    def _run(self, *words: str | Path, more: tuple[str | Path, ...] = (), status: int | None = 0, shown: bool = True) -> str:
        from groundcrew.app import main

        line = f"groundcrew {' '.join(map(str, words))}"
        if shown:
            say(f"$ {line}")
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            ended = main([*map(str, words), *map(str, more)])
        if status is not None and ended != status:
            raise Failed(f"{line}: status {ended}\n{out.getvalue()}{errors.getvalue()}")
        return out.getvalue().strip()


@contextlib.contextmanager
def server(data: Path, port: int = 0) -> Iterator[str]:
    """`groundcrew up` in a process of its own, on a free port unless one is named; yields its URL."""
    command = [sys.executable, "-m", "groundcrew", "up", "--port", str(port), "--data", str(data)]
    with (data / "server.log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    timer = threading.Timer(START_S_MAX, process.kill)
    timer.start()
    assert process.stdout is not None
    # Whatever it prints later is read, so that it never waits for a reader.
    drain = threading.Thread(target=process.stdout.read, daemon=True)
    try:
        found = next((line for line in process.stdout if "serves on " in line), None)
        timer.cancel()
        if found is None:
            raise Failed(f"the server did not start: exit status {process.wait(STOP_S_MAX)}")
        drain.start()
        yield found.partition("serves on ")[2].partition(": ")[0]
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


def fresh(folder: Path) -> Path:
    """An empty folder to work in; SystemExit where something else lies there."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER).exists():
            raise SystemExit(f"{folder} is not empty and was not made by this script: name another one with --work")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).touch()
    return folder


def heading(text: str) -> None:
    """Says what comes next, with the seconds since the start, by the clock and of CPU (of this process and what it started and
    has seen end)."""
    used = os.times()
    cpu_s = used.user + used.system + used.children_user + used.children_system
    print(f"\n{text}  [{time.monotonic() - _began_s:.0f} s, CPU {cpu_s:.0f} s]", flush=True)


def say(text: str) -> None:
    """A line of the story."""
    print(f"  {text}", flush=True)


def interval(each: dict[str, Any]) -> str:
    """An estimate with its bounds."""
    if each.get("estimate") is None:
        return f"unknown (n = {each.get('n', 0)})"
    bounds = "" if each.get("lower") is None else f" [{each['lower']:.3f}, {each['upper']:.3f}]"
    return f"{each['estimate']:.3f}{bounds}, n = {each.get('n')}"
