"""The file of the spool: one SQLite database in WAL mode with synchronous=FULL.

Records are kept as they came in, a group to a row: one statement, and one fsync, make a whole group durable. A stream that runs
has a row of its own until its end comes. One thread writes; one connection reads.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from groundcrew.domain.call import Call
from groundcrew.errors import RecorderUnavailable

FILE_BYTES_MAX = 1024 * 1024 * 1024
#: Free space of the file system below which nothing more is written: the database beside the spool needs room to take it in.
FREE_BYTES_MIN = 64 * 1024 * 1024
#: While so many times that is free, it is looked at this often at most: a disk does not lose the rest in between.
FREE_AMPLE, FREE_LOOK_S = 16, 0.05
#: Longest file whose pages are all checked on opening.
CHECK_BYTES_MAX = 128 * 1024 * 1024
#: Pages in the WAL at which the writer itself moves them into the file; usually the one who ships does it before.
WAL_PAGES_MAX = 4_096
#: Rows moved at a time where a file of an earlier version is brought up to date.
MOVE_ROWS_MAX = 500
GAPS_MAX = 1_000

APPLICATION_ID = 0x67637370
PAGE_BYTES = 4096

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS groups (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, at_s REAL NOT NULL, "
    "records BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS opened (call_id TEXT PRIMARY KEY, record BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS gaps (sequence INTEGER PRIMARY KEY AUTOINCREMENT, gap BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS shipped (id INTEGER PRIMARY KEY CHECK (id = 1), up_to INTEGER NOT NULL, at_s REAL NOT NULL)",
)
#: Sorted keys, so that what is written here is the record's canonical JSON, and is what the database keeps.
_ENCODER = msgspec.json.Encoder(order="sorted")
#: A record as the spool and the database keep it: its canonical JSON.
encode: Callable[[Call], bytes] = _ENCODER.encode


class SpoolFile:
    """An open file. `write`, `mark` and `probe` are for one thread; `read` and `settle` may run beside them."""

    def __init__(self, path: Path, lock: int, file_bytes_max: int, free_bytes_min: int) -> None:
        self.path, self._lock_file = path, lock
        self._file_bytes_max, self._free_bytes_min = file_bytes_max, free_bytes_min
        self._reading = threading.Lock()
        #: Until when (monotonic) the disk counts as one with more than enough room.
        self._free_until_s = 0.0
        self._writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
        try:
            self._check()
            self._set_up(self._writer)
            self._prepare()
            self._reader = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
            self._set_up(self._reader)
            self._identity = self._found()
        except BaseException:
            self._writer.close()
            raise

    @classmethod
    def open(cls, path: Path, *, file_bytes_max: int, free_bytes_min: int) -> SpoolFile:
        """Open or create the file at `path`. RecorderUnavailable when another process holds it or it is broken."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = _lock(path)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise RecorderUnavailable(f"{path}: the spool can not be opened: {error.strerror}") from error
        try:
            return cls(path, lock, file_bytes_max, free_bytes_min)
        except sqlite3.OperationalError as error:
            os.close(lock)
            raise RecorderUnavailable(
                f"{path}: the spool can not be written ({error}); is the disk full, or not this user's?"
            ) from error
        except sqlite3.Error as error:
            os.close(lock)
            raise RecorderUnavailable(
                f"{path}: this is not a sound spool ({error}); move it aside, keep it, and start again"
            ) from error
        except BaseException:
            os.close(lock)
            raise

    def _set_up(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = FAST")
        connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES_MAX}")
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
        with self._transaction():
            for statement in _SCHEMA:
                connection.execute(statement)
            connection.execute("INSERT OR IGNORE INTO shipped VALUES (1, 0, ?)", (time.time(),))
            self.shipped: int = connection.execute("SELECT up_to FROM shipped").fetchone()[0]
            newest = connection.execute("SELECT max(last) FROM groups").fetchone()[0]
            self.last: int = max(self.shipped, newest or 0)
            self._take_over()
            # No end will come of a stream that an earlier process has begun: it is shipped as it is.
            left = [row[0] for row in connection.execute("SELECT record FROM opened ORDER BY rowid")]
            self._insert(left, time.time())
            connection.execute("DELETE FROM opened")
        size = connection.execute("SELECT sum(length(records)) FROM groups").fetchone()[0]
        self.pending_records: int = self.last - self.shipped
        self.pending_bytes: int = size or 0
        self.pending_gaps: int = connection.execute("SELECT count(*) FROM gaps").fetchone()[0]
        self._find_oldest()

    def _take_over(self) -> None:
        """Move what a file of the first version holds (a row for each record) into groups."""
        connection = self._writer
        if not connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'records'").fetchone()[0]:
            return
        reached = -1
        while rows := connection.execute(
            "SELECT sequence, body FROM records WHERE sequence > ? ORDER BY sequence LIMIT ?", (reached, MOVE_ROWS_MAX)
        ).fetchall():
            self._insert([_ENCODER.encode(msgspec.json.decode(body, type=Call)) for _, body in rows], time.time())
            reached = rows[-1][0]
        connection.execute("DROP TABLE records")
        connection.execute("DROP TABLE IF EXISTS sessions")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise

    def _insert(self, records: list[bytes], now_s: float) -> None:
        if records:
            first, self.last = self.last + 1, self.last + len(records)
            self._writer.execute("INSERT INTO groups VALUES (?, ?, ?, ?)", (first, self.last, now_s, b"\n".join(records)))

    def _find_oldest(self) -> None:
        row = self._writer.execute("SELECT at_s FROM groups ORDER BY first LIMIT 1").fetchone()
        #: Unix time at which the oldest record that is not shipped was written; None where there is none.
        self.oldest_at_s: float | None = row[0] if row else None

    def write(self, ended: list[bytes], opened: Sequence[tuple[str, bytes]] = (), closed: Sequence[str] = ()) -> None:
        """Make it durable that calls `ended`, that streams `opened`, and that the streams `closed` are among those ended.

        All or nothing; raises what goes wrong.
        """
        self._may_write()
        before, now_s = self.last, time.time()
        try:
            if opened or closed:
                with self._transaction():
                    self._insert(ended, now_s)
                    self._writer.executemany("INSERT OR REPLACE INTO opened VALUES (?, ?)", opened)
                    self._writer.executemany("DELETE FROM opened WHERE call_id = ?", [(each,) for each in closed])
            else:
                # One statement is a transaction of its own.
                self._insert(ended, now_s)
        except BaseException:
            self.last = before
            raise
        self.pending_records += len(ended)
        self.pending_bytes += sum(map(len, ended)) + len(ended) - 1 if ended else 0
        if self.oldest_at_s is None and ended:
            self.oldest_at_s = now_s

    def withdraw(self, numbers: set[int], records: list[bytes]) -> None:
        """Take the records with these places out of the group that was written last, which held `records`."""
        kept = [each for number, each in enumerate(records) if number not in numbers]
        first = self.last - len(records) + 1
        if kept:
            last = first + len(kept) - 1
            self._writer.execute("UPDATE groups SET last = ?, records = ? WHERE first = ?", (last, b"\n".join(kept), first))
        else:
            self._writer.execute("DELETE FROM groups WHERE first = ?", (first,))
        gone = len(records) - len(kept)
        self.last -= gone
        self.pending_records -= gone
        self.pending_bytes -= sum(len(records[number]) + 1 for number in numbers)

    def probe(self, gaps: Sequence[bytes] = ()) -> None:
        """Show whether the disk takes anything, and note `gaps`, which are whole afterwards or not there."""
        self._may_write()
        with self._transaction():
            self._writer.execute("UPDATE shipped SET at_s = ?", (time.time(),))
            self._writer.executemany("INSERT INTO gaps (gap) VALUES (?)", [(each,) for each in gaps])
        self.pending_gaps += len(gaps)

    def _may_write(self) -> None:
        if self._found() != self._identity:
            raise RecorderUnavailable("the file was moved or removed")
        if self._free_bytes_min and time.monotonic() >= self._free_until_s:
            found = os.statvfs(self.path)
            free = found.f_bavail * found.f_frsize
            if free < self._free_bytes_min:
                raise RecorderUnavailable(f"less than {self._free_bytes_min} bytes are free on its disk")
            if free >= FREE_AMPLE * self._free_bytes_min:
                self._free_until_s = time.monotonic() + FREE_LOOK_S

    def _found(self) -> tuple[int, int] | None:
        """Which file stands at `path`: what is written to one that was removed would not be there after a crash."""
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def mark(self, up_to: int) -> int:
        """Forget the records up to this sequence; how many went."""
        up_to = min(up_to, self.last)
        if up_to <= self.shipped:
            return 0
        with self._transaction():
            self._writer.execute("UPDATE shipped SET up_to = ?, at_s = ?", (up_to, time.time()))
            size = self._writer.execute("SELECT sum(length(records)) FROM groups WHERE last <= ?", (up_to,)).fetchone()[0]
            self._writer.execute("DELETE FROM groups WHERE last <= ?", (up_to,))
        gone, self.shipped = up_to - self.shipped, up_to
        self.pending_records -= gone
        self.pending_bytes -= size or 0
        self._find_oldest()
        return gone

    def read(self, limit: int, up_to: int) -> list[tuple[int, bytes]]:
        """The oldest records that are not shipped as (sequence, JSON), at most `limit`, none past `up_to`."""
        found: list[tuple[int, bytes]] = []
        with self._reading:
            shipped = self.shipped
            rows = self._reader.execute(
                "SELECT first, records FROM groups WHERE last > ? AND last <= ? ORDER BY first", (shipped, up_to)
            )
            for first, records in rows:
                found += [each for each in enumerate(_lines(records), first) if each[0] > shipped]
                if len(found) >= limit:
                    break
            rows.close()
        return found[:limit]

    def settle(self) -> None:
        """Move what the WAL holds into the file, as far as nobody has to wait for it."""
        with self._reading:
            self._reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def gaps(self) -> list[tuple[int, bytes]]:
        """The oldest gaps that are not shipped, as (sequence, JSON)."""
        with self._reading:
            query = f"SELECT sequence, gap FROM gaps ORDER BY sequence LIMIT {GAPS_MAX}"
            return list(self._reader.execute(query).fetchall())

    def forget_gaps(self, up_to: int) -> int:
        """Forget the gaps up to this sequence; how many went."""
        gone = self._writer.execute("DELETE FROM gaps WHERE sequence <= ?", (up_to,)).rowcount
        self.pending_gaps -= gone
        return gone

    def close(self) -> None:
        """Close the file and give up its lock."""
        with self._reading:
            self._reader.close()
        self._writer.close()
        os.close(self._lock_file)


def _lines(records: bytes) -> list[bytes]:
    """The records of a group. They are long: `bytes.split` looks at each byte, `find` skips to the next end."""
    found: list[bytes] = []
    start = 0
    while (end := records.find(b"\n", start)) >= 0:
        found.append(records[start:end])
        start = end + 1
    found.append(records[start:])
    return found


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
