"""The local append-only spool: a call is durable here before its answer leaves, and stays until it is shipped.

One SQLite file in WAL mode with synchronous=FULL and one writer thread. Records that arrive while a commit runs share the
next one, so that the wait is one or two fsyncs however many calls there are, and no timer is needed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from groundcrew.domain.call import Call
from groundcrew.errors import RecorderUnavailable

#: Records waiting for the writer; beyond it the recorder is unavailable, so that memory stays bounded when the disk stalls.
QUEUE_RECORDS_MAX = 10_000
QUEUE_BYTES_MAX = 128 * 1024 * 1024
#: Records in one commit.
GROUP_RECORDS_MAX = 512
RECORD_BYTES_MAX = 32 * 1024 * 1024
FILE_BYTES_MAX = 1024 * 1024 * 1024
#: Rows deleted in one transaction by `mark_shipped`.
DELETE_ROWS_MAX = 1_000
READ_ROWS_MAX = 5_000
#: Ends of streams that could not be written in time and wait in memory for the disk; their `opened` rows are on it.
LATE_RECORDS_MAX = 1_000
#: How often a spool that could not be written is tried again, by itself.
RETRY_S = 1.0
#: Longest file whose pages are all checked on opening.
CHECK_BYTES_MAX = 128 * 1024 * 1024
CLOSE_S_MAX = 30.0

APPLICATION_ID = 0x67637370
PAGE_BYTES = 4096

Kind = Literal["opened", "call"]

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS records (sequence INTEGER PRIMARY KEY AUTOINCREMENT, session INTEGER NOT NULL, "
    "at_s REAL NOT NULL, kind TEXT NOT NULL, call_id TEXT NOT NULL, body BLOB NOT NULL)",
    "CREATE INDEX IF NOT EXISTS records_opened ON records (call_id) WHERE kind = 'opened'",
    "CREATE TABLE IF NOT EXISTS sessions (id INTEGER PRIMARY KEY AUTOINCREMENT, at_s REAL NOT NULL)",
)
#: Rows that may be shipped: everything but the `opened` rows of this process. Their end may still come, however late, and the
#: database keeps only the first that it gets of a call; without an end they ship when the spool is opened again.
_SHIPPABLE = "(kind = 'call' OR session <> :session)"

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Call)


class _Job:
    """One append: rows to write, and whom to tell."""

    __slots__ = ("done", "rows", "size")

    def __init__(self, rows: list[tuple[Kind, str, bytes]], done: Callable[[Exception | None], None]) -> None:
        self.rows, self.done = rows, done
        self.size = sum(len(body) for _, _, body in rows)


class Spool:
    """An open spool. Made by `Spool.open`; one process at a time may hold a file."""

    def __init__(self, path: Path, lock: int, file_bytes_max: int) -> None:
        self.path = path
        self._lock_file = lock
        self._file_bytes_max = file_bytes_max
        self._queue: deque[_Job] = deque()
        self._queued_records = 0
        self._queued_bytes = 0
        self._late: deque[tuple[Kind, str, bytes]] = deque(maxlen=LATE_RECORDS_MAX)
        self._problem: str | None = None
        self._wake = threading.Condition()
        self._closing = False
        self._reading = threading.Lock()
        self._writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
        try:
            self._check()
            self._set_up(self._writer)
            self._prepare()
            self._reader = self._connect()
            self._identity = _identity(path)
        except BaseException:
            self._writer.close()
            raise
        self._thread = threading.Thread(target=self._write_loop, name="groundcrew-spool", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, path: Path | str, *, file_bytes_max: int = FILE_BYTES_MAX) -> Spool:
        """Open or create the spool at `path`. RecorderUnavailable when another process holds it or it is broken."""
        place = Path(path)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            lock = _lock(place)
            os.close(os.open(place, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise RecorderUnavailable(f"{place}: the spool can not be opened: {error.strerror}") from error
        try:
            return cls(place, lock, file_bytes_max)
        except sqlite3.OperationalError as error:
            os.close(lock)
            raise RecorderUnavailable(
                f"{place}: the spool can not be written ({error}); is the disk full, or not this user's?"
            ) from error
        except sqlite3.Error as error:
            os.close(lock)
            raise RecorderUnavailable(
                f"{place}: this is not a sound spool ({error}); move it aside, keep it, and start again"
            ) from error
        except BaseException:
            os.close(lock)
            raise

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=5.0)
        try:
            self._set_up(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_up(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA max_page_count = {max(16, self._file_bytes_max // PAGE_BYTES)}")

    def _check(self) -> None:
        """Refuse what is no sound spool before anything is written to it."""
        application_id = self._writer.execute("PRAGMA application_id").fetchone()[0]
        tables = self._writer.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and application_id != APPLICATION_ID:
            raise RecorderUnavailable(f"{self.path}: this is a database of something else, not a spool")
        if self.path.stat().st_size <= CHECK_BYTES_MAX:
            verdict = self._writer.execute("PRAGMA quick_check(1)").fetchone()[0]
            if verdict != "ok":
                raise sqlite3.DatabaseError(verdict)

    def _prepare(self) -> None:
        connection = self._writer
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        for statement in _SCHEMA:
            connection.execute(statement)
        cursor = connection.execute("INSERT INTO sessions (at_s) VALUES (?)", (time.time(),))
        assert cursor.lastrowid is not None
        self._session = cursor.lastrowid
        connection.execute("DELETE FROM sessions WHERE id < ?", (self._session,))
        self._pending: int = connection.execute("SELECT count(*) FROM records").fetchone()[0]

    def append(self, records: Sequence[tuple[Kind, Call]]) -> None:
        """Make `records` durable, in order and together; blocks. RecorderUnavailable when that fails: then none is stored."""
        finished = threading.Event()
        errors: list[Exception] = []

        def done(error: Exception | None) -> None:
            if error is not None:
                errors.append(error)
            finished.set()

        self._submit(_Job([_row(kind, call) for kind, call in records], done))
        finished.wait()
        if errors:
            raise errors[0]

    async def record(self, call: Call, kind: Kind = "call") -> None:
        """Make one record durable; a `call` supersedes the `opened` of the same id. RecorderUnavailable when that fails."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()

        def resolve(error: Exception | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)

        def done(error: Exception | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
                loop.call_soon_threadsafe(resolve, error)

        self._submit(_Job([_row(kind, call)], done))
        await future

    def later(self, call: Call) -> None:
        """Write the end of a stream, whose record failed, as soon as the disk allows it. At most LATE_RECORDS_MAX wait."""
        row = _row("call", call)
        with self._wake:
            self._late.append(row)
            self._wake.notify()

    def problem(self) -> str | None:
        """Why records can not be written now; None while they can."""
        return self._problem

    def _submit(self, job: _Job) -> None:
        with self._wake:
            if self._closing:
                raise RecorderUnavailable("the spool is closed")
            full = self._queued_records + len(job.rows) > QUEUE_RECORDS_MAX or self._queued_bytes + job.size > QUEUE_BYTES_MAX
            if full and self._queue:
                raise RecorderUnavailable("the spool can not keep up: too many records wait to be written")
            self._queue.append(job)
            self._queued_records += len(job.rows)
            self._queued_bytes += job.size
            self._wake.notify()

    def _take(self) -> list[_Job]:
        """The next group of jobs. [] when there is none: closing, or time to try again what failed."""
        with self._wake:
            while not self._queue and not self._closing:
                if self._late or self._problem:
                    self._wake.wait(RETRY_S)
                    break
                self._wake.wait()
            group: list[_Job] = []
            count = 0
            while self._queue and (not group or count + len(self._queue[0].rows) <= GROUP_RECORDS_MAX):
                job = self._queue.popleft()
                group.append(job)
                count += len(job.rows)
                self._queued_records -= len(job.rows)
                self._queued_bytes -= job.size
            return group

    def _write_loop(self) -> None:
        while True:
            group = self._take()
            if not group and self._closing and not self._queue:
                self._try([])
                return
            error = self._try([row for job in group for row in job.rows])
            for job in group:
                job.done(error)
            if error is None and group and self._late:
                self._try([])

    def _try(self, rows: list[tuple[Kind, str, bytes]]) -> RecorderUnavailable | None:
        """Write `rows`, or without any those that are late; what went wrong."""
        late = [] if rows else list(self._late)
        try:
            self._write(rows or late)
        except Exception as caught:
            self._problem = f"the spool could not be written: {caught}"
            return RecorderUnavailable(self._problem)
        self._problem = None
        with self._wake:
            for row in late:
                if self._late and self._late[0] is row:
                    self._late.popleft()
        return None

    def _write(self, rows: list[tuple[Kind, str, bytes]]) -> None:
        """One transaction. Without rows it shows only whether the disk takes anything."""
        connection = self._writer
        now_s = time.time()
        written = superseded = 0
        if _identity(self.path) != self._identity:
            raise RecorderUnavailable("the file was moved or removed")
        connection.execute("BEGIN IMMEDIATE")
        try:
            if not rows:
                connection.execute("UPDATE sessions SET at_s = ? WHERE id = ?", (now_s, self._session))
            for kind, call_id, body in rows:
                if kind == "call":
                    cursor = connection.execute("DELETE FROM records WHERE call_id = ? AND kind = 'opened'", (call_id,))
                    superseded += cursor.rowcount
                connection.execute(
                    "INSERT INTO records (session, at_s, kind, call_id, body) VALUES (?, ?, ?, ?, ?)",
                    (self._session, now_s, kind, call_id, body),
                )
                written += 1
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        with self._wake:
            self._pending += written - superseded

    def read_batch(self, limit: int = 500) -> list[tuple[int, Kind, Call]]:
        """The oldest unshipped records as (sequence, kind, call), at most `limit`; `opened` only where no end will come.

        Blocks on the disk: call it from a thread. RecorderUnavailable when the file can not be read.
        """
        with self._reading:
            try:
                rows = self._reader.execute(
                    f"SELECT sequence, kind, body FROM records WHERE {_SHIPPABLE} ORDER BY sequence LIMIT :limit",
                    {"session": self._session, "limit": min(limit, READ_ROWS_MAX)},
                ).fetchall()
            except sqlite3.Error as error:
                raise RecorderUnavailable(f"the spool could not be read: {error}") from error
        return [(sequence, kind, _DECODER.decode(body)) for sequence, kind, body in rows]

    def mark_shipped(self, up_to_sequence: int) -> int:
        """Delete what the last `read_batch` could see up to `up_to_sequence`, in bounded batches; how many rows went. Blocks."""
        removed = 0
        with self._reading:
            values = {"session": self._session, "up_to": up_to_sequence}
            try:
                while True:
                    cursor = self._reader.execute(
                        "DELETE FROM records WHERE sequence IN (SELECT sequence FROM records "
                        f"WHERE sequence <= :up_to AND {_SHIPPABLE} ORDER BY sequence LIMIT {DELETE_ROWS_MAX})",
                        values,
                    )
                    removed += cursor.rowcount
                    with self._wake:
                        self._pending -= cursor.rowcount
                    if cursor.rowcount < DELETE_ROWS_MAX:
                        return removed
            except sqlite3.Error as error:
                raise RecorderUnavailable(f"shipped records could not be removed from the spool: {error}") from error

    def pending(self) -> int:
        """Records in the file that are not shipped, those of running streams included."""
        return self._pending

    def close(self) -> None:
        """Write what waits, then close the file and give up the lock. Safe to call twice."""
        with self._wake:
            if self._closing:
                return
            self._closing = True
            self._wake.notify()
        self._thread.join(CLOSE_S_MAX)
        with self._reading:
            self._reader.close()
        self._writer.close()
        os.close(self._lock_file)


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file stands at `path`: what is written to one that was removed would not be there after a crash."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _row(kind: Kind, call: Call) -> tuple[Kind, str, bytes]:
    body = _ENCODER.encode(call)
    if len(body) > RECORD_BYTES_MAX:
        raise RecorderUnavailable(f"the record is larger than {RECORD_BYTES_MAX} bytes")
    return kind, call.id, body


def _lock(path: Path) -> int:
    """Hold `path`'s lock file for this process, or raise RecorderUnavailable naming the process that holds it."""
    import fcntl

    name = path.with_name(path.name + ".lock")
    descriptor = os.open(name, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise RecorderUnavailable(f"{path}: the spool is in use by another process (pid {holder})") from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor
