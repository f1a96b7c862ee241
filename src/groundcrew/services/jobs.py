"""Durable jobs: asked for once, worked on by one worker at a time under a lease, resumed from their last step after a kill.

A step's effect in the database and the note that it is done are one transaction, so that no step counts twice. Effects in files
are written at a noted position, so that doing them again writes the same bytes.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from groundcrew.domain.identifiers import new_id
from groundcrew.domain.job import FAILURES_KEPT_MAX, REASON_LENGTH_MAX, Job, JobView, Phase, Progress, RowFailure
from groundcrew.errors import Conflict, GroundcrewError, InputError
from groundcrew.services.lookups import require
from groundcrew.store import catalog
from groundcrew.store import jobs as stored
from groundcrew.store.database import Connection, Database, Writer

ACTOR = "system:jobs"
#: Jobs that may wait at once; more are refused, so that a loop that submits can not fill the database.
WAITING_MAX = 200
#: A job whose worker died this often is given up: it may be what kills them.
ATTEMPTS_MAX = 5
LISTED_MAX = 200
#: How long a worker that says nothing keeps its job. Clocks of several hosts must agree to a part of it.
LEASE_S = 15.0
PLACE_FILE = ".place"
#: What is to end with a job, in the transaction of its end: it is handed the job as it ended.
AtEnd: TypeAlias = Callable[[Writer, Job], Awaitable[None]]


class LeaseLost(GroundcrewError):
    """Another worker has taken the job over, or it was ended: what this one does no longer counts."""


class Cancelled(GroundcrewError):
    """Somebody asked for the job to stop."""


class Task:
    """One worker's hold on one job: what to do, where to go on, and the only way to note progress."""

    def __init__(
        self, database: Database, job: Job, claim: stored.Claim, owner: str, lease_s: float, at_end: AtEnd | None = None
    ) -> None:
        self.job, self._at_end = job, at_end
        self.checkpoint: dict[str, Any] = claim.checkpoint
        self.done, self.total, self.failed = claim.done, claim.total, claim.failed
        self.attempts = claim.attempts
        self._failures = list(claim.failures)
        self._database, self._owner, self._lease_s = database, owner, lease_s

    @property
    def failures(self) -> tuple[RowFailure, ...]:
        """The first FAILURES_KEPT_MAX rows that could not be done."""
        return tuple(self._failures)

    def fail_row(self, row: str, reason: str) -> None:
        """Count a row that could not be done, and name it while there is room. Saved with the next step."""
        self.failed += 1
        if len(self._failures) < FAILURES_KEPT_MAX:
            self._failures.append(RowFailure(row=row, reason=reason[:REASON_LENGTH_MAX]))

    async def hold(self) -> None:
        """Keep the lease. LeaseLost where it is gone, Cancelled where the job is to stop."""
        async with self._database.operate() as connection:
            self._look(await stored.extend(connection, self.job.id, self._owner, now_s=self._now_s, lease_s=self._lease_s))

    async def save(self, checkpoint: dict[str, Any], *, done: int, total: int | None = None) -> None:
        """Note that everything up to `checkpoint` is done: a worker after this one goes on from there. Raises as `hold`."""
        async with self._database.operate() as connection:
            wanted = await self._advance(connection, checkpoint, done, total)
        self._look(wanted)

    @asynccontextmanager
    async def step(self, checkpoint: dict[str, Any], *, done: int, total: int | None = None) -> AsyncIterator[Writer]:
        """One transaction of a step's effects and its checkpoint: both or neither. Raises as `hold`; cancelled, it is kept."""
        async with self._database.write(ACTOR) as writer:
            yield writer
            wanted = await self._advance(writer.connection, checkpoint, done, total)
            if wanted is None:
                self._look(wanted)
        self._look(wanted)

    async def _advance(self, connection: Connection, checkpoint: dict[str, Any], done: int, total: int | None) -> bool | None:
        wanted = await stored.advance(
            connection,
            self.job.id,
            self._owner,
            now_s=self._now_s,
            lease_s=self._lease_s,
            checkpoint=checkpoint,
            done=done,
            total=self.total if total is None else total,
            failed=self.failed,
            failures=self._failures,
        )
        self.checkpoint, self.done = checkpoint, done
        self.total = self.total if total is None else total
        return wanted

    @property
    def _now_s(self) -> float:
        return self._database.clock.now().timestamp()

    def _look(self, wanted: bool | None) -> None:
        if wanted is None:
            raise LeaseLost(f"job {self.job.id} is not this worker's any more")
        if wanted:
            raise Cancelled(f"job {self.job.id} was cancelled")

    async def finish(self, *, error: str = "", result: dict[str, Any] | None = None, cancelled: bool = False) -> Job:
        """End the job: its outcome and its audit entry in one transaction. LeaseLost where it is not this worker's."""
        ended = msgspec.structs.replace(
            self.job,
            state="cancelled" if cancelled else "failed" if error else "done",
            finished_at=self._database.clock.now(),
            attempts=self.attempts,
            done=self.done,
            total=self.total,
            failed=self.failed,
            failures=self.failures,
            error=error[:REASON_LENGTH_MAX],
            result=result or {},
        )
        async with self._database.write(ACTOR) as writer:
            if not await stored.finish(writer.connection, self.job.id, self._owner):
                raise LeaseLost(f"job {self.job.id} is not this worker's any more")
            await catalog.JOBS.put(writer, ended, ended.state, reason=ended.error)
            if self._at_end is not None:
                await self._at_end(writer, ended)
        return ended

    async def release(self) -> None:
        """Let the job go unfinished: the next worker goes on from the last checkpoint."""
        async with self._database.operate() as connection:
            await stored.release(connection, self.job.id, self._owner)


class Jobs:
    """The jobs of one database. `folder` is where their files lie: inputs put there, and results."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self.folder = database, folder
        self._at_end: dict[str, AtEnd] = {}

    def at_end(self, kind: str, follow: AtEnd) -> None:
        """Have `follow` end, with each job of this kind, what the job was for: whoever ends it and why ever, also where its
        worker died too often to say so itself."""
        self._at_end[kind] = follow

    async def submit(
        self, kind: str, subject: str, arguments: dict[str, Any], *, actor: str, local: bool = False, alone: bool = False
    ) -> Job:
        """Ask for a job. `local`: it needs files of this data folder. `alone`: where one of this kind and subject waits or runs
        already, that one is returned. Conflict where WAITING_MAX wait."""
        async with self._database.write(actor) as writer:
            if alone:
                open_ones = await catalog.JOBS.find(writer.connection, kind=kind, subject=subject, state="queued", limit=1)
                if open_ones:
                    return open_ones[0]
            return await self.submit_within(writer, kind, subject, arguments, local=local)

    async def submit_within(
        self, writer: Writer, kind: str, subject: str, arguments: dict[str, Any], *, local: bool = False
    ) -> Job:
        """As `submit`, in the transaction of what the job is for."""
        place = self.place() if local else None
        if await catalog.JOBS.count(writer.connection, state="queued") >= WAITING_MAX:
            raise Conflict(f"{WAITING_MAX} jobs wait already: wait for some to end, or cancel them")
        job = Job(
            id=new_id(),
            kind=kind,
            subject=subject,
            asked_by=writer.actor,
            asked_at=self._database.clock.now(),
            arguments=arguments,
            place=place,
        )
        await catalog.JOBS.put(writer, job, "submit")
        await stored.open_run(writer.connection, job.id, kind=kind, place=place)
        return job

    async def claim(
        self, kinds: Sequence[str], *, lease_s: float = LEASE_S, job_id: str | None = None, place: str | None = None
    ) -> Task | None:
        """Take the oldest job that waits (or whose worker is gone), None where there is none; `place` defaults to this folder's.

        A job that has been taken up ATTEMPTS_MAX times without an end is ended as failed instead.
        """
        owner = secrets.token_hex(16)
        now_s = self._database.clock.now().timestamp()
        async with self._database.operate() as connection:
            claim = await stored.claim(
                connection,
                owner=owner,
                now_s=now_s,
                lease_s=lease_s,
                kinds=kinds,
                place=place or self.place(),
                job_id=job_id,
            )
            job = await catalog.JOBS.get(connection, claim.id) if claim else None
        if claim is None or job is None:
            return None
        task = Task(self._database, job, claim, owner, lease_s, self._at_end.get(job.kind))
        if claim.attempts > ATTEMPTS_MAX:
            await task.finish(error=f"its worker ended {ATTEMPTS_MAX} times before the job did")
            return None
        return task

    async def waiting(self, kinds: Sequence[str]) -> bool:
        """Whether a worker of this folder would find a job to take."""
        if not await self._database.glance(stored.WAITS):
            return False
        async with self._database.read() as connection:
            return await stored.waiting(connection, now_s=self._now.timestamp(), kinds=kinds, place=self.place())

    async def cancel(self, job_id: str, *, actor: str, reason: str = "") -> JobView:
        """Stop a job: at once where nobody works on it, else at its next step. Conflict where it has ended."""
        async with self._database.write(actor) as writer:
            job = await require(writer.connection, catalog.JOBS, job_id)
            if job.state != "queued":
                raise Conflict(f"job {job_id} is {job.state} already")
            progress = (await stored.progress(writer.connection, [job_id]))[job_id]
            await stored.ask_to_cancel(writer.connection, job_id)
            if self._phase(job, progress) == "queued" and await stored.finish(writer.connection, job_id, None):
                ended = msgspec.structs.replace(
                    job,
                    state="cancelled",
                    finished_at=self._database.clock.now(),
                    attempts=progress.attempts,
                    done=progress.done,
                    total=progress.total,
                    failed=progress.failed,
                    failures=progress.failures,
                    error=f"cancelled by {actor}" + (f": {reason}" if reason else ""),
                )
                await catalog.JOBS.put(writer, ended, "cancel", reason=reason)
                if follow := self._at_end.get(job.kind):
                    await follow(writer, ended)
            else:
                await catalog.JOBS.put(writer, job, "ask-to-cancel", reason=reason)
        return await self.get(job_id)

    async def get(self, job_id: str) -> JobView:
        """One job with its progress; NotFound if there is none."""
        async with self._database.read() as connection:
            job = await require(connection, catalog.JOBS, job_id)
            return self._view(job, (await stored.progress(connection, [job_id])).get(job_id))

    async def list(self, *, kind: str | None = None, subject: str | None = None, limit: int = 50) -> list[JobView]:
        """The newest jobs first."""
        wanted = {name: value for name, value in (("kind", kind), ("subject", subject)) if value is not None}
        async with self._database.read() as connection:
            found = await catalog.JOBS.find(connection, newest_first=True, limit=min(limit, LISTED_MAX), **wanted)
            progress = await stored.progress(connection, [each.id for each in found])
        return [self._view(each, progress.get(each.id)) for each in found]

    async def latest_done(self, kind: str, subject: str) -> Job | None:
        """The newest job of this kind and subject that came to its end."""
        async with self._database.read() as connection:
            found = await catalog.JOBS.find(connection, newest_first=True, limit=1, kind=kind, subject=subject, state="done")
        return found[0] if found else None

    def place(self) -> str:
        """The name of this data folder: workers on other folders leave its files' jobs alone."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = self.folder / PLACE_FILE
        try:
            with file.open("x") as new:
                new.write(secrets.token_hex(8))
        except FileExistsError:
            pass
        found = file.read_text().strip()
        if not found:
            raise InputError("is empty: delete it, so that it is made anew", file=str(file))
        return found

    def _view(self, job: Job, progress: Progress | None) -> JobView:
        if job.state != "queued" or progress is None:
            progress = msgspec.structs.replace(
                progress or Progress(attempts=0, done=0, total=None, failed=0),
                attempts=job.attempts,
                done=job.done,
                total=job.total,
                failed=job.failed,
                failures=job.failures,
                lease_until=None,
                cancelling=False,
            )
        return JobView(job=job, phase=self._phase(job, progress), progress=progress)

    def _phase(self, job: Job, progress: Progress) -> Phase:
        if job.state != "queued":
            return job.state
        if progress.lease_until is None or progress.lease_until <= self._now:
            return "queued"
        return "cancelling" if progress.cancelling else "running"

    @property
    def _now(self) -> datetime:
        return self._database.clock.now()
