"""Asks our gateway very many times, plain and streamed in turn, and sees whether its memory grows and whether each answer that a
client got is recorded, once. One command: python bench/gateway/soak.py [--calls 1000000] [--connections 48] [--json]

The server ships to an SQLite database of its own. Records are counted there by the ids of their calls and deleted, so that the
disk stays small however long it runs: the database holds a few thousand, the spool what is not shipped yet.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
import urllib.parse
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from harness import machine, mock_provider  # noqa: E402
from run import wait_until_it_answers  # noqa: E402
from targets import Target, groundcrew, pending  # noqa: E402

#: Share of the calls after which the server counts as warm, and of those that its size at the end is taken from.
WARM_SHARE, LAST_SHARE = 0.1, 0.1
PRUNE_ROWS, PRUNE_PAUSE_S = 2_000, 0.5
SAMPLE_S, LINE_S = 1.0, 15.0
#: The whole run fails when no call ends for this long.
STILL_S_MAX = 60.0
ERRORS_SHOWN = 5

_CALL_ID = re.compile(rb"\r\ngroundcrew-call-id: ([0-9a-f-]{36})\r\n", re.IGNORECASE)


class Tally:
    """What clients got. Ids are kept as numbers: some 70 bytes a call."""

    def __init__(self, calls: int) -> None:
        self.left = self.calls = calls
        self.answered: set[int] = set()
        self.errors: list[str] = []
        self.failed = self.repeated = 0

    def take(self) -> int | None:
        """The number of a call to make, None when all are made."""
        if not self.left:
            return None
        self.left -= 1
        return self.calls - self.left

    def ended(self) -> int:
        """Calls that have ended, well or not."""
        return len(self.answered) + self.failed + self.repeated

    def fail(self, why: str) -> None:
        """Count a call without a whole answer."""
        self.failed += 1
        if len(self.errors) < ERRORS_SHOWN:
            self.errors.append(why)


class Caller(asyncio.Protocol):
    """One connection that asks one call after the other."""

    def __init__(self, requests: tuple[bytes, bytes], tally: Tally) -> None:
        self._requests, self._tally = requests, tally
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._next()

    def _next(self) -> None:
        number = self._tally.take()
        self._received: bytearray | None = None
        if number is None:
            self._transport.close()
            return
        self._received, self._stream, self._end = bytearray(), number % 2 == 1, 0
        self._transport.write(self._requests[self._stream])

    def data_received(self, data: bytes) -> None:
        if self._received is None:
            return
        self._received += data
        if not self._end:
            head_end = self._received.find(b"\r\n\r\n")
            if head_end < 0:
                return
            length = re.search(rb"\r\ncontent-length: *(\d+)", self._received[:head_end], re.IGNORECASE)
            self._end = head_end + 4 + int(length.group(1)) if length else -1
        if self._end > len(self._received) or (self._end < 0 and not self._received.endswith(b"0\r\n\r\n")):
            return
        self._count(bytes(self._received))
        self._next()

    def _count(self, received: bytes) -> None:
        identifier = _CALL_ID.search(received)
        whole = b"data: [DONE]" in received and b'"error"' not in received if self._stream else b'"choices"' in received
        if not received.startswith(b"HTTP/1.1 200") or not whole or identifier is None:
            self._tally.fail(received[-300:].decode(errors="replace"))
            return
        number = uuid.UUID(identifier.group(1).decode()).int
        if number in self._tally.answered:
            self._tally.repeated += 1
        self._tally.answered.add(number)

    def connection_lost(self, error: Exception | None) -> None:
        if self._received is not None:
            self._tally.fail(f"the connection was closed: {error}")
        self.done.set_result(None)


class Records:
    """Counts the calls that reach the database, and deletes them there."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self.ids: set[int] = set()
        self.statuses: Counter[str] = Counter()
        self.repeated = 0

    def run(self, enough: threading.Event) -> None:
        """Count until `enough` is set."""
        while not enough.wait(PRUNE_PAUSE_S):
            self.prune()

    def prune(self) -> None:
        """Count and delete all that is there now."""
        with contextlib.closing(sqlite3.connect(self._database, timeout=60, isolation_level=None)) as connection:
            while rows := connection.execute("SELECT id, status FROM calls ORDER BY id LIMIT ?", (PRUNE_ROWS,)).fetchall():
                for identifier, status in rows:
                    number = uuid.UUID(identifier).int
                    self.repeated += number in self.ids
                    self.ids.add(number)
                    self.statuses[status] += 1
                connection.executemany("DELETE FROM calls WHERE id = ?", [(identifier,) for identifier, _ in rows])


def main() -> int:
    parser = argparse.ArgumentParser(description="A long run: memory, and no answer without its record.")
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--connections", type=int, default=48)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    tally, sizes, disk = Tally(options.calls), list[tuple[int, float]](), list[float]()
    with tempfile.TemporaryDirectory(prefix="gateway-soak-") as folder, mock_provider(Path(folder)) as upstream:
        target = groundcrew(upstream, Path(folder), None)
        records, enough = Records(Path(folder) / "groundcrew" / "groundcrew.db"), threading.Event()
        counting = threading.Thread(target=records.run, args=(enough,), daemon=True)
        try:
            wait_until_it_answers(target)
            target.idle()
            records.prune()
            records.ids.clear()
            records.statuses.clear()
            counting.start()
            begun_s = time.monotonic()
            uvloop.run(ask(target, tally, options.connections, sizes, lambda: disk.append(folder_mb(Path(folder)))))
            seconds = time.monotonic() - begun_s
            target.idle()
            shipped_s = time.monotonic() - begun_s
        finally:
            enough.set()
            target.stop()
        counting.join(60)
        records.prune()
    found = result(options, tally, records, sizes, seconds, shipped_s) | {"disk_mb_max": max(disk, default=0.0)}
    print(json.dumps(found) if options.json else words(found))
    return 0 if found["passed"] else 1


def folder_mb(folder: Path) -> float:
    """What the files of the run take, in MB."""
    found = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            found += path.stat().st_size
    return round(found / 1e6, 1)


async def ask(target: Target, tally: Tally, connections: int, sizes: list[tuple[int, float]], sample: Callable[[], None]) -> None:
    """Make all calls; note the server's size on the way, and call `sample` with it."""
    parts = urllib.parse.urlsplit(target.url)
    lines = [f"POST {parts.path} HTTP/1.1", f"host: {parts.netloc}", "content-type: application/json"]
    head = "\r\n".join([*lines, *(f"{name}: {value}" for name, value in target.headers.items()), ""])
    bodies = [target.body(stream=stream) for stream in (False, True)]
    plain, stream = (f"{head}content-length: {len(body)}\r\n\r\n".encode() + body for body in bodies)
    loop = asyncio.get_running_loop()
    callers = [Caller((plain, stream), tally) for _ in range(connections)]
    for caller in callers:
        await loop.create_connection(lambda caller=caller: caller, parts.hostname, parts.port)  # type: ignore[misc]
    waiting: set[asyncio.Future[None]] = {caller.done for caller in callers}
    begun_s = moved_s = time.monotonic()
    before, shown_s = 0, 0.0
    while waiting:
        _, waiting = await asyncio.wait(waiting, timeout=SAMPLE_S)
        ended, now_s = tally.ended(), time.monotonic()
        assert target.process is not None
        sizes.append((ended, target.process.rss_mb()))
        if ended > before:
            before, moved_s = ended, now_s
        elif now_s - moved_s > STILL_S_MAX:
            raise RuntimeError(f"no call has ended for {STILL_S_MAX:g} s, {ended} before that")
        sample()
        if sys.stderr.isatty() or now_s - shown_s > LINE_S:
            shown_s = now_s
            show(target, tally, ended, ended / (now_s - begun_s), sizes[-1][1])


def show(target: Target, tally: Tally, ended: int, rate: float, size_mb: float) -> None:
    """The progress bar."""
    share = ended / tally.calls
    left_s = (tally.calls - ended) / rate if rate else 0.0
    parts = urllib.parse.urlsplit(target.url)
    waiting: int | str = "?"
    with contextlib.suppress(OSError, KeyError, ValueError):
        waiting = pending(f"http://{parts.netloc}")
    bar = "#" * int(30 * share) + "." * (30 - int(30 * share))
    line = f"[{bar}] {ended:,} of {tally.calls:,}, {rate:,.0f}/s, {left_s:,.0f} s left, {size_mb:.0f} MB, {waiting} to ship"
    print(line.ljust(110), end="\r" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)


def result(
    options: argparse.Namespace,
    tally: Tally,
    records: Records,
    sizes: list[tuple[int, float]],
    seconds: float,
    shipped_s: float,
) -> dict[str, Any]:
    """What was found, as one object; `passed` where nothing was lost, doubled or failed."""
    warm = [size for ended, size in sizes if WARM_SHARE * tally.calls <= ended < (WARM_SHARE + LAST_SHARE) * tally.calls]
    last = [size for ended, size in sizes if ended >= (1 - LAST_SHARE) * tally.calls]
    warm_mb = statistics.median(warm or [sizes[0][1]])
    last_mb = statistics.median(last or [sizes[-1][1]])
    lost, unasked = len(tally.answered - records.ids), len(records.ids - tally.answered)
    return {
        "machine": machine(),
        "calls": options.calls,
        "connections": options.connections,
        "answered": len(tally.answered),
        "failed": tally.failed,
        "errors": tally.errors,
        "recorded": len(records.ids),
        "statuses": dict(records.statuses),
        "lost": lost,
        "recorded_without_answer": unasked,
        "doubled": tally.repeated + records.repeated,
        "seconds": round(seconds, 1),
        "shipped_after_s": round(shipped_s, 1),
        "per_s": round(options.calls / seconds, 1),
        "million_hours": round(1e6 / (options.calls / shipped_s) / 3600, 2),
        "warm_mb": round(warm_mb, 1),
        "last_mb": round(last_mb, 1),
        "growth_percent": round((last_mb / warm_mb - 1) * 100, 2),
        "sizes_mb": [round(sizes[len(sizes) * tenth // 10][1], 1) for tenth in range(10)] + [round(sizes[-1][1], 1)],
        "passed": not (lost or unasked or tally.repeated or records.repeated or tally.failed),
    }


def words(found: dict[str, Any]) -> str:
    """The result for people."""
    return "\n".join(
        (
            f"{found['calls']:,} calls, half of them streams, from {found['connections']} connections on {found['machine']}:",
            f"  {found['seconds']:,} s, {found['per_s']:,} a second; all shipped after {found['shipped_after_s']:,} s "
            f"(a million would take {found['million_hours']} h)",
            f"  answered {found['answered']:,}, failed {found['failed']:,}, recorded {found['recorded']:,} {found['statuses']}",
            f"  answers without a record {found['lost']:,}, records without an answer {found['recorded_without_answer']:,}, "
            f"doubled {found['doubled']:,}",
            f"  memory {found['warm_mb']} MB when warm, {found['last_mb']} MB at the end: {found['growth_percent']:+.1f} %; "
            f"every tenth of the run: {found['sizes_mb']}",
            f"  disk: at most {found['disk_mb_max']} MB",
            *(f"  error: {each}" for each in found["errors"]),
            "  passed" if found["passed"] else "  FAILED",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
