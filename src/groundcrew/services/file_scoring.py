"""Scoring a file of answers as a job: in batches, in order, each noted once its bytes are on the disk, so that a worker after a
kill goes on behind the last one. A bad row is named and left out, unless the job was to stop at it."""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from groundcrew.domain.job import Job
from groundcrew.errors import InputError
from groundcrew.services import job_files
from groundcrew.services.jobs import Jobs, Task

if TYPE_CHECKING:
    from groundcrew.grounding.trust import TrustScorer
    from groundcrew.services.bundle import Services

KIND = "score-file"
#: Rows between two notes of progress.
BATCH_ROWS = 32

Line = tuple[int, bytes | None]


async def submit(jobs: Jobs, name: str, *, actor: str, stop_at_bad_row: bool = False, packed: bool = False) -> Job:
    """Ask for the file `name` of the jobs' folder to be scored; `packed`: the result is gzipped."""
    job_files.find(jobs.folder, name)
    arguments = {"input": name, "stop_at_bad_row": stop_at_bad_row, "packed": packed}
    return await jobs.submit(KIND, name, arguments, actor=actor, local=True)


async def work(services: Services, task: Task) -> dict[str, Any]:
    """Score `arguments.input` into results/JOB.jsonl. Returns the result's name, its rows and the digest of what was read."""
    folder, arguments = services.jobs.folder, task.job.arguments
    source = job_files.find(folder, arguments["input"])
    digest, total = await asyncio.to_thread(job_files.digest_and_rows, source)
    if task.checkpoint and task.checkpoint["sha256"] != digest:
        raise InputError("has changed since the job began: ask for a new job", file=arguments["input"])
    state = task.checkpoint or {"sha256": digest, "line": 0, "bytes": 0, "rows": 0}
    await task.save(state, done=task.done, total=total)
    name = f"{job_files.RESULTS}/{task.job.id}.jsonl" + (".gz" if arguments.get("packed") else "")
    writing = _Result(folder / name, state["bytes"])
    scorer = await asyncio.to_thread(shipped_scorer)
    remaining = islice(job_files.lines(source), state["line"], None)
    while batch := await asyncio.to_thread(lambda: list(islice(remaining, BATCH_ROWS))):
        scored, bad = await asyncio.to_thread(score_lines, batch, scorer)
        if bad and arguments.get("stop_at_bad_row"):
            line, reason = bad[0]
            raise InputError(reason, file=arguments["input"], line=line)
        for line, reason in bad:
            task.fail_row(f"line {line}", reason)
        # Only who still holds the job may write.
        await task.hold()
        size = await asyncio.to_thread(writing.write, state["bytes"], scored)
        state = {"sha256": digest, "line": batch[-1][0], "bytes": size, "rows": state["rows"] + len(scored)}
        rows = sum(1 for _, line in batch if line is None or line.strip())
        await task.save(state, done=task.done + rows)
    if not state["rows"] and task.failed:
        first = task.failures[0]
        raise InputError(f"none of its {task.failed} rows can be scored; {first.row}: {first.reason}", file=arguments["input"])
    await asyncio.to_thread(writing.complete, state["bytes"])
    return {"file": name, "rows": state["rows"], "input_sha256": digest}


def score_lines(batch: Sequence[Line], scorer: TrustScorer) -> tuple[list[bytes], list[tuple[int, str]]]:
    """The result rows of a batch, in order, and (line, reason) of each row that could not be scored."""
    from groundcrew.grounding.batch import score_rows

    scored: list[bytes] = []
    bad: list[tuple[int, str]] = []
    texts = [line.decode("utf-8", "strict") for _, line in batch if line is not None and _is_text(line)]
    if len(texts) == len(batch):
        try:
            return [msgspec.json.encode(row) for row in score_rows(texts, scorer=scorer)], []
        except Exception:
            scored = []  # one of them is bad: each by itself
    for number, line in batch:
        if line is None:
            bad.append((number, f"longer than {job_files.LINE_BYTES_MAX} bytes"))
            continue
        try:
            scored += [msgspec.json.encode(row) for row in score_rows([line.decode("utf-8")], scorer=scorer)]
        except UnicodeDecodeError:
            bad.append((number, "not UTF-8 text"))
        except InputError as error:
            bad.append((number, f"{error.field}: {error.message}" if error.field else error.message))
        except Exception as error:
            bad.append((number, f"could not be scored: {type(error).__name__}"))
    return scored, bad


def _is_text(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def shipped_scorer() -> TrustScorer:
    """A scorer of one's own, as one is not safe across threads. The network is loaded on first use, which takes a second."""
    from groundcrew.grounding.trust import TrustScorer

    return TrustScorer.shipped()


class _Result:
    """A result that grows beside its place and takes its name when it is whole. What is written twice is written at one place."""

    def __init__(self, target: Path, size: int) -> None:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._target, self._part = target, target.with_name(f".{target.name}.part")
        if target.exists() and not self._part.exists():
            return  # a worker before this one came as far as its last note
        if size and (not self._part.exists() or self._part.stat().st_size < size):
            raise InputError("holds less than the job has noted: ask for a new job", file=self._part.name)
        with self._part.open("ab") as file:
            file.truncate(size)

    def write(self, position: int, rows: Sequence[bytes]) -> int:
        """Write rows at `position`, on the disk when it returns; the position behind them."""
        content = b"".join(row + b"\n" for row in rows)
        if self._target.name.endswith(".gz") and content:
            content = gzip.compress(content, mtime=0)  # members follow each other: the file is one gzip stream
        with self._part.open("r+b") as file:
            file.seek(position)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return position + len(content)

    def complete(self, size: int) -> None:
        """Give the result its name."""
        if self._part.exists():
            with self._part.open("r+b") as file:
                file.truncate(size)
            os.replace(self._part, self._target)
        descriptor = os.open(self._target.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_result(folder: Path, job: Job) -> Iterator[bytes]:
    """The result's bytes, a chunk at a time; InputError or NotFound where it is not there (any more)."""
    path = job_files.find(folder, str(job.result.get("file", "")))
    with path.open("rb") as file:
        while chunk := file.read(1 << 16):
            yield chunk
