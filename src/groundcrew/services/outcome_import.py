"""Importing a file of outcomes as a job. The whole file is checked before anything of it is recorded; then it is recorded in
batches, each in one transaction with its audit entry and the note that it is done, so that a kill costs and doubles nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from groundcrew.domain.job import Job
from groundcrew.errors import InputError
from groundcrew.services import job_files
from groundcrew.services.jobs import Jobs, Task
from groundcrew.services.lookups import require_use_case
from groundcrew.services.outcome_files import TEXTS, Batch, Format, format_of, read_batches
from groundcrew.services.outcomes import Imported, record

if TYPE_CHECKING:
    from groundcrew.services.bundle import Services

KIND = "import-outcomes"


class Checked(msgspec.Struct, frozen=True):
    """A file without a wrong row: how many rows it has, and which of them (ascending) a later one of the same metric and case
    supersedes, so that importing a file again changes nothing."""

    rows: int
    superseded: Any


async def submit(jobs: Jobs, use_case: str, file: str, *, name: str, kind: Format, actor: str) -> Job:
    """Ask for `file` of the jobs' folder, which its sender calls `name`, to be imported."""
    job_files.find(jobs.folder, file)
    arguments = {"input": file, "name": name, "format": kind}
    return await jobs.submit(KIND, use_case, arguments, actor=actor, local=True)


async def work(services: Services, task: Task) -> dict[str, Any]:
    """Import `arguments.input`. Returns how many rows were recorded, unchanged and outdated; InputError names the first bad row,
    and then nothing is recorded."""
    arguments = task.job.arguments
    path = job_files.find(services.jobs.folder, arguments["input"])
    name, kind, now = arguments["name"], arguments["format"], services.database.clock.now()
    digest = await asyncio.to_thread(_sha256, path)
    if task.checkpoint and task.checkpoint["sha256"] != digest:
        raise InputError("has changed since the job began: ask for a new job", file=name)
    checked = await asyncio.to_thread(check, path, kind, name=name, now=now)
    state = task.checkpoint or {"sha256": digest, "recorded": 0, "unchanged": 0, "outdated": 0}
    await task.save(state, done=task.done, total=checked.rows)
    batches = read_batches(path, kind, name=name, now=now)
    while (batch := await asyncio.to_thread(_next_after, batches, task.done)) is not None:
        rows, superseded = await asyncio.to_thread(_counting, batch, checked)
        details = {"job": task.job.id, "asked_by": task.job.asked_by, "file_sha256": digest, "from_row": batch.start + 1}
        new = dict(state)
        async with task.step(new, done=batch.start + batch.table.num_rows) as writer:
            use_case = await require_use_case(writer.connection, task.job.subject)
            made = await record(writer, use_case, rows, details=details)
            new["recorded"] = state["recorded"] + made.recorded
            new["unchanged"] = state["unchanged"] + made.unchanged
            new["outdated"] = state["outdated"] + made.outdated + superseded
        state = new
    return {"rows": checked.rows, "input_sha256": digest, **{name: state[name] for name in Imported.__struct_fields__}}


def check(path: Path, kind: Format, *, name: str, now: datetime, progress: Callable[[int], None] | None = None) -> Checked:
    """Look at every row; InputError names the first that is wrong. Returns the rows that count."""
    import numpy as np
    import pyarrow as pa

    kept, rows = [], 0
    for batch in read_batches(path, kind, name=name, now=now):
        kept.append(batch.table.select(["metric", "case_id", "sample", "as_of"]))
        rows += batch.table.num_rows
        if progress is not None:
            progress(rows)
    table = pa.concat_tables(kept)
    metric, case = (_codes(table.column(each)) for each in TEXTS[:2])
    sample = table.column("sample").fill_null(False).combine_chunks().to_numpy(zero_copy_only=False).astype(np.int64)
    key = (metric * (int(case.max()) + 1) + case) * 2 + sample
    if np.unique(key).size == rows:
        return Checked(rows, np.empty(0, np.int64))
    # A value without a time is known as of its arrival, which is later than any.
    as_of = table.column("as_of").cast(pa.int64()).fill_null(np.iinfo(np.int64).max).combine_chunks().to_numpy()
    order = np.lexsort((np.arange(rows), as_of, key))
    last = np.append(key[order][1:] != key[order][:-1], True)
    return Checked(rows, np.sort(order[~last]))


def _codes(column: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    encoded = column.cast(pa.large_string()).combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64)


def _next_after(batches: Any, row: int) -> Batch | None:
    """The next batch that holds rows from `row` on: batches end where they ended before."""
    return next((each for each in batches if each.start >= row), None)


def _counting(batch: Batch, checked: Checked) -> tuple[list[Any], int]:
    """The rows of a batch that no later row of the file supersedes, and how many others there are."""
    import numpy as np

    size = batch.table.num_rows
    low, high = np.searchsorted(checked.superseded, (batch.start, batch.start + size))
    if low == high:
        return batch.outcomes(), 0
    places = np.setdiff1d(np.arange(size), checked.superseded[low:high] - batch.start)
    return batch.outcomes(places), int(high - low)


def _sha256(path: Path) -> str:
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


__all__ = ["KIND", "Checked", "check", "format_of", "submit", "work"]
