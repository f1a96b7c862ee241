"""The process in which an architecture learns: it reads one task from its first line of input, writes steps and the outcome as
JSON lines, and ends at once when whoever started it is gone.

A process of its own, because learning is all computation: beside it the worker keeps its lease, and a cancelled run is ended
whatever it is doing.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import msgspec

from groundcrew.errors import GroundcrewError
from groundcrew.tuning.architecture import ARCHITECTURES, Architecture, Fitted, Step
from groundcrew.tuning.examples import fields_of, read_description, read_examples
from groundcrew.tuning.packing import pack

MODEL, CHECKPOINTS, LOCK, LOG = "model", "checkpoints", ".lock", "log.txt"
#: Another process that still works on the run (its worker has just lost its lease) is waited for this long.
LOCK_WAIT_S = 30.0
METRICS_MAX = 100
MESSAGE_LENGTH_MAX = 500


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be learned. `factory` (``module:name``) makes the architecture where the catalogue has none of its name: it is
    written by the runner and never by who asked. `architecture` is the manifest's. `described_sha256` is that of the
    registered revision.json."""

    architecture: str
    factory: str
    name: str
    data_set: str
    data_revision: str
    seed: int
    settings: dict[str, Any]
    examples: str
    work: str
    threads: int = 1
    described_sha256: str = ""


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the process says: a step, its outcome, or why there is none."""

    step: Step | None = None
    digest: str = ""
    metrics: dict[str, float] = {}
    best_step: int | None = None
    error: str = ""


def main() -> None:
    """Do the task that the first line of the input holds."""
    lines = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # What libraries print is no outcome.
    first = sys.stdin.buffer.readline()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Checkpoints and models are made of records: for their owner alone.
    os.umask(0o077)
    assignment = msgspec.json.decode(first, type=Assignment)
    try:
        told = _learn(assignment, lambda step: _tell(lines, Line(step=step)))
    except GroundcrewError as error:
        told = Line(error=_without_paths(str(error), assignment) or type(error).__name__)
    except Exception:
        # The text of an unknown error may hold words of a record: it goes to the run's own folder and nowhere else.
        with contextlib.suppress(OSError):
            log = os.open(Path(assignment.work) / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(log, "w", encoding="utf-8") as file:
                file.write(traceback.format_exc())
        raise SystemExit(1) from None
    _tell(lines, told)


def _learn(assignment: Assignment, tell: Callable[[Step], None]) -> Line:
    work = Path(assignment.work)
    folder, checkpoints = work / MODEL, work / CHECKPOINTS
    with _alone(work):
        train = read_examples(Path(assignment.examples), "train", sha256=assignment.described_sha256)
        validation = read_examples(Path(assignment.examples), "validation", sha256=assignment.described_sha256)
        # What a dead attempt left half-written is no part of the model; checkpoints are.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        checkpoints.mkdir(exist_ok=True)
        architecture = _architecture(assignment)
        fitted: Fitted = architecture.fit(
            train,
            validation,
            settings=_with_code_system(architecture, assignment),
            seed=assignment.seed,
            folder=folder,
            checkpoints=checkpoints,
            progress=tell,
        )
        digest = pack(
            folder,
            fitted,
            name=assignment.name,
            architecture=assignment.architecture,
            data_set=assignment.data_set,
            data_revision=assignment.data_revision,
            seed=assignment.seed,
        )
    return Line(digest=digest, metrics=fitted.metrics, best_step=fitted.best_step)


def _with_code_system(architecture: Architecture, assignment: Assignment) -> dict[str, Any]:
    """The settings, with the data set's code system where the architecture reads one and nobody said which. "" means none."""
    if not getattr(architecture, "reads_code_system", False) or "code_system" in assignment.settings:
        return assignment.settings
    examples = Path(assignment.examples)
    return {**assignment.settings, "code_system": fields_of(examples, read_description(examples)).code_system}


def _without_paths(text: str, assignment: Assignment) -> str:
    """An error is kept on record and shown to whoever may read: where files lie on this host is no part of it."""
    return text.replace(assignment.examples, assignment.data_set).replace(assignment.work, "the run's folder")


def _architecture(assignment: Assignment) -> Architecture:
    made = ARCHITECTURES.get(assignment.architecture)
    if made is None:
        module, _, name = assignment.factory.partition(":")
        made = getattr(import_module(module), name)
    return made()


@contextlib.contextmanager
def _alone(work: Path) -> Any:
    """Hold the run's folder: a worker that lost its lease may have left a process that has not ended yet."""
    with (work / LOCK).open("w") as file:
        end_s = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > end_s:
                    raise
                time.sleep(0.1)
        yield


def _tell(lines: IO[bytes], line: Line) -> None:
    if line.step is not None:
        # What is no number has no JSON; a loss that ran away is missing on the page.
        finite = [(key, value) for key, value in sorted(line.step.metrics.items()) if math.isfinite(value)]
        metrics = dict(finite[:METRICS_MAX])
        step = msgspec.structs.replace(line.step, metrics=metrics, message=line.step.message[:MESSAGE_LENGTH_MAX])
        line = Line(step=step)
    lines.write(msgspec.json.encode(line) + b"\n")


def _end_with_parent() -> None:
    """End when the input is closed: whoever started this is gone, and nobody would hear of the outcome."""
    sys.stdin.buffer.read()
    os._exit(3)


if __name__ == "__main__":
    main()
