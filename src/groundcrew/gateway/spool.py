"""The local append-only spool: a call is durable here before its answer leaves, and stays until it is shipped.

One writer thread over one file (`spool_file`). Records that arrive while a commit runs share the next one, and under load a
commit waits a moment for more, so that an fsync, and the wake-up of the event loop after it, serve many calls.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from groundcrew.domain.call import Call, RecordingGap
from groundcrew.domain.identifiers import new_id
from groundcrew.errors import RecorderUnavailable
from groundcrew.gateway.spool_file import FILE_BYTES_MAX, FREE_BYTES_MIN, SpoolFile, encode

#: Records waiting for the writer; beyond it the recorder is unavailable, so that memory stays bounded when the disk stalls.
QUEUE_RECORDS_MAX = 10_000
QUEUE_BYTES_MAX = 128 * 1024 * 1024
#: Records and bytes in one commit; one record always fits.
GROUP_RECORDS_MAX = 512
GROUP_BYTES_MAX = 8 * 1024 * 1024
#: Under load commits begin this far apart, so that each serves more calls. A record that comes alone does not wait; where so many
#: came together, the next commit waits twice as long: each takes turns at the interpreter from the calls themselves.
GATHER_S = 0.004
MANY_RECORDS = 8
RECORD_BYTES_MAX = 32 * 1024 * 1024
#: How long a call waits for its record; a disk that hangs must not hold calls up for ever.
RECORD_S_MAX = 5.0
READ_ROWS_MAX = 5_000
#: Ends of streams that could not be written in time and wait in memory for the disk; their `opened` rows are on it.
LATE_RECORDS_MAX = 1_000
#: Keys whose unrecorded calls are counted apart while the disk is away; those of further keys are counted by use case.
GAP_KEYS_MAX = 1_000
#: How often a spool that could not be written is tried again, by itself.
RETRY_S = 1.0
CLOSE_S_MAX = 30.0

Kind = Literal["opened", "call"]
#: A record to write: what it is, the call's id, its JSON.
Row = tuple[Kind, str, bytes]

log = logging.getLogger("groundcrew.gateway")
_DECODER = msgspec.json.Decoder(Call)
_HANGS = "the spool's disk does not answer"


class SpoolStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the spool does. `problem`: why records can not be written now; `oldest_s`: age of the oldest that is not shipped;
    `missed`: calls without a record since the start."""

    pending: int
    bytes: int
    oldest_s: float
    problem: str | None
    missed: int


class _Job(msgspec.Struct, eq=False):
    """One append: rows to write, `size` bytes together, and whom to tell."""

    rows: list[Row]
    size: int
    error: Exception | None = None
    finished: threading.Event | None = None
    loop: asyncio.AbstractEventLoop | None = None
    future: asyncio.Future[None] | None = None
    deadline_s: float = 0.0

    @property
    def is_given_up(self) -> bool:
        """Whether nobody waits for the record any more: its answer has not left."""
        return self.future is not None and self.future.done()


class _Deadlines:
    """The jobs of one event loop that wait for their records, in the order of their deadlines: one timer for all of them, since
    all may wait as long."""

    def __init__(self, loop: asyncio.AbstractEventLoop, record_s_max: float) -> None:
        self.loop, self._record_s_max = loop, record_s_max
        self._jobs: deque[_Job] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, job: _Job) -> asyncio.Future[None]:
        """Give `job` the loop's time that it may take; what tells that it is over."""
        jobs, future = self._jobs, self.loop.create_future()
        while jobs and jobs[0].is_given_up:  # told already, one way or the other
            jobs.popleft()
        job.loop, job.future, job.deadline_s = self.loop, future, self.loop.time() + self._record_s_max
        jobs.append(job)
        if self._timer is None:
            self._timer = self.loop.call_at(job.deadline_s, self._tick)
        return future

    def _tick(self) -> None:
        self._timer, now_s = None, self.loop.time()
        while self._jobs:
            job = self._jobs[0]
            assert job.future is not None
            if not job.future.done():
                if job.deadline_s > now_s:
                    self._timer = self.loop.call_at(job.deadline_s, self._tick)
                    return
                after_s = self._record_s_max
                problem = f"the record was not durable within {after_s:g} s: the disk does not keep up"
                job.future.set_exception(RecorderUnavailable(problem))
            self._jobs.popleft()


class Spool:
    """An open spool. Made by `Spool.open`; one process at a time may hold a file."""

    def __init__(self, file: SpoolFile, record_s_max: float) -> None:
        self.path = file.path
        self._file, self._record_s_max = file, record_s_max
        self._queue: deque[_Job] = deque()
        self._chores: deque[Callable[[], None]] = deque()
        self._queued_records = self._queued_bytes = 0
        self._late: deque[Row] = deque(maxlen=LATE_RECORDS_MAX)
        self._gaps: dict[tuple[str, str], RecordingGap] = {}
        self._missed = 0
        self._problem: str | None = None
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._deadlines: _Deadlines | None = None
        self._is_waiting = self._closing = False
        #: Streams whose `opened` is on the disk, and the sequence up to which records are there to stay.
        self._open: set[str] = set()
        self._settled = file.last
        self._began_s, self._gather_s = 0.0, 0.0
        self._busy_since_s: float | None = None
        self._thread = threading.Thread(target=self._write_loop, name="groundcrew-spool", daemon=True)
        self._thread.start()

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        file_bytes_max: int = FILE_BYTES_MAX,
        free_bytes_min: int = FREE_BYTES_MIN,
        record_s_max: float = RECORD_S_MAX,
    ) -> Spool:
        """Open or create the spool at `path`. RecorderUnavailable when another process holds it or it is broken."""
        return cls(SpoolFile.open(Path(path), file_bytes_max=file_bytes_max, free_bytes_min=free_bytes_min), record_s_max)

    def append(self, records: Sequence[tuple[Kind, Call]]) -> None:
        """Make `records` durable, in order and together; blocks. RecorderUnavailable when that fails: then none is stored."""
        rows = [_row(kind, call) for kind, call in records]
        job = _Job(rows, sum([len(body) for _, _, body in rows]))
        job.finished = threading.Event()
        self._submit(job)
        job.finished.wait()
        if job.error is not None:
            raise job.error

    async def record(self, call: Call, kind: Kind = "call") -> None:
        """Make one record durable; a `call` supersedes the `opened` of the same id.

        RecorderUnavailable when that fails or takes longer than the spool's `record_s_max`: then it is not stored.
        """
        row, loop = _row(kind, call), asyncio.get_running_loop()
        job, deadlines = _Job([row], len(row[2])), self._deadlines
        if deadlines is None or deadlines.loop is not loop:
            deadlines = self._deadlines = _Deadlines(loop, self._record_s_max)
        future = deadlines.add(job)
        try:
            self._submit(job)
        except RecorderUnavailable:
            future.cancel()
            raise
        await future

    def later(self, call: Call) -> None:
        """Write the end of a stream, whose record failed, as soon as the disk allows it. At most LATE_RECORDS_MAX wait."""
        row = _row("call", call)
        with self._wake:
            self._late.append(row)
            self._wake.notify()

    def missed(self, use_case: str, key_id: str, *, answered: bool) -> None:
        """Count a call without a record. The count is made durable as soon as the disk takes anything."""
        now = datetime.now(UTC)
        with self._wake:
            self._missed += 1
            name = (use_case, key_id)
            if name not in self._gaps and len(self._gaps) >= GAP_KEYS_MAX:
                name = (use_case, "")
            gap = self._gaps.get(name)
            if gap is None:
                log.error("calls of use case %s can not be recorded: %s", use_case, self.problem() or "the disk is slow")
                gap = RecordingGap(id=new_id(), use_case=use_case, key_id=name[1], calls=0, answered=0, first_at=now, last_at=now)
            self._gaps[name] = msgspec.structs.replace(gap, calls=gap.calls + 1, answered=gap.answered + answered, last_at=now)
            self._wake.notify()

    def problem(self) -> str | None:
        """Why records can not be written now; None while they can."""
        return _HANGS if self._hangs() else self._problem

    def _hangs(self) -> bool:
        since_s: float | None = self._busy_since_s
        return since_s is not None and time.monotonic() - since_s > self._record_s_max

    def status(self) -> SpoolStatus:
        """How the spool does; from memory, so that a disk that hangs can be told."""
        oldest = self._file.oldest_at_s
        return SpoolStatus(
            pending=self.pending(),
            bytes=self._file.pending_bytes,
            oldest_s=max(0.0, time.time() - oldest) if oldest is not None else 0.0,
            problem=self.problem(),
            missed=self._missed,
        )

    def pending(self) -> int:
        """Records in the file that are not shipped, those of running streams included."""
        return self._file.pending_records + len(self._open)

    def _submit(self, job: _Job) -> None:
        with self._lock:
            if self._closing:
                raise RecorderUnavailable("the spool is closed")
            if self._busy_since_s is not None and self._hangs():
                raise RecorderUnavailable(_HANGS)
            full = self._queued_records + len(job.rows) > QUEUE_RECORDS_MAX or self._queued_bytes + job.size > QUEUE_BYTES_MAX
            if full and self._queue:
                raise RecorderUnavailable("the spool can not keep up: too many records wait to be written")
            self._queue.append(job)
            self._queued_records += len(job.rows)
            self._queued_bytes += job.size
            if self._is_waiting:
                self._is_waiting = False
                self._wake.notify()

    def _take(self) -> list[_Job]:
        """The next group of jobs. [] when there is none: closing, a chore, or time to try again what failed."""
        with self._wake:
            while not self._queue and not self._closing and not self._chores:
                self._is_waiting = True
                retry = bool(self._late or self._problem or self._gaps)
                self._wake.wait(RETRY_S if retry else None)
                self._is_waiting = False
                if retry:
                    break
            gather_s = 0.0 if self._closing else self._gather_s
            pause_s = self._began_s + gather_s - time.monotonic() if gather_s else 0.0
        if pause_s > 0:
            time.sleep(pause_s)
        with self._wake:
            group: list[_Job] = []
            count = size = 0
            while self._queue:
                job = self._queue[0]
                count, size = count + len(job.rows), size + job.size
                if group and (count > GROUP_RECORDS_MAX or size > GROUP_BYTES_MAX):
                    break
                group.append(self._queue.popleft())
                self._queued_records -= len(job.rows)
                self._queued_bytes -= job.size
        self._gather_s = 0.0 if len(group) < 2 else GATHER_S if len(group) < MANY_RECORDS else 2 * GATHER_S
        return group

    def _write_loop(self) -> None:
        while True:
            group = self._take()
            self._busy_since_s = time.monotonic()
            while self._chores:
                self._chores.popleft()()
            group = [job for job in group if not job.is_given_up] if group else group
            if group:
                self._began_s = time.monotonic()
                error = self._try(group)
                _tell(group, error)
            if not group or self._problem is None:
                self._catch_up()
            self._busy_since_s = None
            if self._closing and not group and not self._queue and not self._chores:
                return

    def _try(self, group: list[_Job]) -> Exception | None:
        """Write the rows of `group` in one transaction; what went wrong."""
        try:
            records, jobs = self._write([(row, job) for job in group for row in job.rows])
        except Exception as caught:
            self._problem = f"the spool could not be written: {caught}"
            return RecorderUnavailable(self._problem)
        self._problem = None
        late = {number for number, job in enumerate(jobs) if job is not None and job.is_given_up}
        if late:
            # Their answers did not leave, so the record must not say that they did.
            try:
                self._file.withdraw(late, records)
            except sqlite3.Error as caught:
                log.error("records of calls that were given up stay in the spool: %s", caught)
        self._settled = self._file.last
        return None

    def _write(self, rows: list[tuple[Row, _Job | None]]) -> tuple[list[bytes], list[_Job | None]]:
        """One transaction. The records of ended calls that it wrote, and whose they are."""
        ended = [(body, job) for (kind, _, body), job in rows if kind == "call"]
        begun, closed = {row[1]: row[2] for row, _ in rows if row[0] == "opened"}, set[str]()
        if begun or self._open:
            ids = {row[1] for row, _ in rows if row[0] == "call"}
            begun = {call_id: body for call_id, body in begun.items() if call_id not in ids}
            closed = self._open & ids
        records = [body for body, _ in ended]
        self._file.write(records, list(begun.items()), list(closed))
        self._open |= begun.keys()
        self._open -= closed
        return records, [job for _, job in ended]

    def _catch_up(self) -> None:
        """Write what waits for the disk: late ends, counts of calls that were not recorded; or see whether it works again."""
        late = list(self._late)
        with self._wake:
            gaps, self._gaps = self._gaps, {}
        if not late and not gaps and self._problem is None:
            return
        try:
            if late:
                self._write([(row, None) for row in late])
                self._settled = self._file.last
                with self._wake:
                    for row in late:
                        if self._late and self._late[0] is row:
                            self._late.popleft()
            self._file.probe([msgspec.json.encode(gap) for gap in gaps.values()])
        except Exception as caught:
            self._problem = f"the spool could not be written: {caught}"
            with self._wake:
                self._gaps = {**self._gaps, **{name: _joined(gap, self._gaps.get(name)) for name, gap in gaps.items()}}
            return
        self._problem = None

    def _in_writer(self, work: Callable[[], int]) -> int:
        """Have the writer thread do `work` and wait for it. RecorderUnavailable when that fails or takes too long."""
        done = threading.Event()
        result: list[Any] = []

        def chore() -> None:
            try:
                result.append(work())
            except Exception as error:
                result.append(error)
            done.set()

        with self._wake:
            if self._closing:
                raise RecorderUnavailable("the spool is closed")
            self._chores.append(chore)
            self._wake.notify()
        if not done.wait(CLOSE_S_MAX):
            raise RecorderUnavailable(_HANGS)
        if isinstance(result[0], Exception):
            raise RecorderUnavailable(f"shipped records could not be removed from the spool: {result[0]}") from result[0]
        return int(result[0])

    def read_records(self, limit: int = 500) -> list[tuple[int, bytes]]:
        """The oldest unshipped records as (sequence, canonical JSON), at most `limit`; streams that run are not among them.

        Blocks on the disk: call it from a thread. RecorderUnavailable when the file can not be read.
        """
        try:
            return self._file.read(min(limit, READ_ROWS_MAX), self._settled)
        except sqlite3.Error as error:
            raise RecorderUnavailable(f"the spool could not be read: {error}") from error

    def read_batch(self, limit: int = 500) -> list[tuple[int, Kind, Call]]:
        """`read_records`, decoded, as (sequence, kind, call); `opened` only where no end will come."""
        decoded = [(sequence, _DECODER.decode(record)) for sequence, record in self.read_records(limit)]
        return [(sequence, "opened" if call.status == "opened" else "call", call) for sequence, call in decoded]

    def mark_shipped(self, up_to_sequence: int) -> int:
        """Forget what the last reading could see up to `up_to_sequence`; how many records went. Blocks."""
        gone = self._in_writer(lambda: self._file.mark(min(up_to_sequence, self._settled)))
        with contextlib.suppress(sqlite3.Error):  # a convenience: the writer does it when there is more
            self._file.settle()
        return gone

    def has_gaps(self) -> bool:
        """Whether `read_gaps` has anything. Never blocks."""
        return self._file.pending_gaps > 0

    def read_gaps(self) -> list[tuple[int, RecordingGap]]:
        """Counts of calls that went on unrecorded, as far as they are durable and not shipped. Blocks."""
        try:
            return [(sequence, msgspec.json.decode(gap, type=RecordingGap)) for sequence, gap in self._file.gaps()]
        except sqlite3.Error as error:
            raise RecorderUnavailable(f"the spool could not be read: {error}") from error

    def forget_gaps(self, up_to_sequence: int) -> None:
        """Forget shipped gaps. Blocks."""
        self._in_writer(lambda: self._file.forget_gaps(up_to_sequence))

    def close(self) -> None:
        """Write what waits, then close the file and give up the lock. Safe to call twice.

        A disk that hangs is not waited for longer than CLOSE_S_MAX; the file then stays open until the process ends.
        """
        with self._wake:
            if self._closing:
                return
            self._closing = True
            self._wake.notify()
        self._thread.join(CLOSE_S_MAX)
        if not self._thread.is_alive():
            self._file.close()


def _joined(first: RecordingGap, second: RecordingGap | None) -> RecordingGap:
    if second is None:
        return first
    return msgspec.structs.replace(
        first, calls=first.calls + second.calls, answered=first.answered + second.answered, last_at=second.last_at
    )


def _row(kind: Kind, call: Call) -> Row:
    body = encode(call)
    if len(body) > RECORD_BYTES_MAX:
        raise RecorderUnavailable(f"the record is larger than {RECORD_BYTES_MAX} bytes")
    return kind, call.id, body


def _tell(group: list[_Job], error: Exception | None) -> None:
    """Tell everybody who waits for `group`: one wake-up for each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in group:
        if job.loop is not None:
            by_loop.setdefault(job.loop, []).append(job)
        elif job.finished is not None:
            job.error = error
            job.finished.set()
    for loop, jobs in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, jobs, error)


def _resolve(jobs: list[_Job], error: Exception | None) -> None:
    for job in jobs:
        if job.future is None or job.future.done():
            continue
        if error is None:
            job.future.set_result(None)
        else:
            job.future.set_exception(error)
