"""A job: work that outlives the request that asked for it, resumes where it stopped, and says what it could not do."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

#: queued until it has ended; whether it runs now is told by its lease, which is not part of the record.
JobState = Literal["queued", "done", "failed", "cancelled"]
Phase = Literal["queued", "running", "cancelling", "done", "failed", "cancelled"]

#: Rows that could not be done are all counted; so many are named.
FAILURES_KEPT_MAX = 100
REASON_LENGTH_MAX = 500


class RowFailure(msgspec.Struct, frozen=True, kw_only=True):
    """One row that could not be done: where it stands (``line 12``, a call's id) and why, without the row's text."""

    row: str
    reason: str


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for and what came of it. `subject` is what it is about (a use case, a knowledge base, a file); `place`
    names the data folder whose files it needs, None where any worker can do it."""

    id: str
    kind: str
    subject: str
    asked_by: str
    asked_at: datetime
    arguments: dict[str, Any] = {}
    place: str | None = None
    state: JobState = "queued"
    finished_at: datetime | None = None
    attempts: int = 0
    done: int = 0
    total: int | None = None
    failed: int = 0
    failures: tuple[RowFailure, ...] = ()
    error: str = ""
    result: dict[str, Any] = {}


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job has come: rows `done` of `total` (None: unknown yet), `failed` of them not done; `attempts` counts the
    workers that took it up. `lease_until` is when another worker may take over."""

    attempts: int
    done: int
    total: int | None
    failed: int
    failures: tuple[RowFailure, ...] = ()
    lease_until: datetime | None = None
    cancelling: bool = False
    started_at: datetime | None = None
    updated_at: datetime | None = None


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """A job with its progress now. A job whose worker died is `queued` again once its lease has run out."""

    job: Job
    phase: Phase
    progress: Progress
