"""What the gateway's measurements share: processes and what they cost, one request at a time, and load from many connections."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

HERE = Path(__file__).resolve().parent
TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
STOP_S_MAX = 30.0
REQUEST_S_MAX = 30.0

SYSTEM = (
    "You answer the customers of a bank in plain words. Rest on the passages that you are given, name the rule that you apply, "
    "promise nothing that they do not promise, and say so when they do not answer the question. Keep to a hundred words."
)
PASSAGES = (
    "Passage: a lost card is blocked at once when it is reported, by telephone or in the app. Passage: a new card comes within "
    "three working days. Passage: the holder bears at most the excess for what was paid before the report, nothing where no "
    "code was used. "
)
ASKED = "I lost my card at the market this morning and somebody has paid with it. What now?"
SAID = "Report it at once, in the app or by telephone: it is blocked from then on, and a new one is sent."
ASKED_AGAIN = "Thank you. Who pays for what was bought with it, and do I have to come to a branch?"


def chat_body(model: str, *, stream: bool = False, mark: str = "") -> bytes:
    """The request that everything is measured with: four messages, about 1.3 kB."""
    messages = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": PASSAGES + ASKED},
        {"role": "assistant", "content": SAID},
        {"role": "user", "content": mark + PASSAGES + ASKED_AGAIN},
    ]
    body: dict[str, Any] = {"model": model, "messages": messages, "temperature": 0.2, "max_tokens": 200}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return json.dumps(body).encode()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Process:
    """A process of its own group; what it and its children cost is read from /proc."""

    def __init__(
        self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> None:
        # A peer whose byte code may not be written compiles on every import, and some import while they serve.
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self.begun_s = time.perf_counter()
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=output, start_new_session=True, env={**kept, **(environment or {})}, cwd=cwd
            )
        self.command, self.log = command, log

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def tree(self) -> list[int]:
        """Its process ids: itself and all that descend from it."""
        parents: dict[int, int] = {}
        for name in os.listdir("/proc"):
            if name.isdigit() and (fields := _stat(int(name))):
                parents[int(name)] = int(fields[1])
        found = [self._process.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found

    def cpu_s(self) -> float:
        """Seconds of CPU so far, user and system, of the tree and of its children that have ended."""
        spent = (_stat(pid) for pid in self.tree())
        return sum(sum(map(int, fields[11:15])) for fields in spent if fields) / TICKS

    def rss_mb(self) -> float:
        """Resident memory of the tree, in MB (10^6 bytes)."""
        pages = (_stat(pid) for pid in self.tree())
        return sum(int(fields[21]) for fields in pages if fields) * PAGE_BYTES / 1e6

    def stop(self) -> None:
        """End its group, and those of its children that have left it."""
        tree = self.tree()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_S_MAX)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for pid in tree[1:]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(5.0)

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-800:]


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name: state, parent, …; [] for a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return []


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer; times in seconds from the request's first byte. `first_s` is when a first piece of text was there."""

    status: int
    body: bytes
    first_s: float
    total_s: float


class Client:
    """One keep-alive connection, one request at a time, bytes seen as they come."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._parts = urllib.parse.urlsplit(url)
        lines = [f"POST {self._parts.path} HTTP/1.1", f"host: {self._parts.netloc}", "content-type: application/json"]
        self._head = "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), ""])
        self._socket: socket.socket | None = None

    def ask(self, body: bytes) -> Answer:
        """Send one request. A connection that was closed meanwhile is opened again, once."""
        for is_last in (False, True):
            fresh = self._socket is None
            if self._socket is None:
                self._socket = socket.create_connection((self._parts.hostname or "", self._parts.port or 80), REQUEST_S_MAX)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                return self._exchange(self._socket, body)
            except OSError:
                self.close()
                if is_last or fresh:
                    raise
        raise AssertionError

    def close(self) -> None:
        """Drop the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _exchange(self, connection: socket.socket, body: bytes) -> Answer:
        started_s = time.perf_counter()
        connection.sendall(f"{self._head}content-length: {len(body)}\r\n\r\n".encode() + body)
        received, first_s, end = b"", 0.0, -1
        while end < 0 or len(received) < end:
            data = connection.recv(262_144)
            if not data:
                raise ConnectionResetError("closed in the middle of an answer")
            received += data
            if not first_s and (b"data:" in received or b'"choices"' in received):
                first_s = time.perf_counter() - started_s
            end = _end_of(received)
        status, head_end = int(received[9:12]), received.find(b"\r\n\r\n") + 4
        if re.search(rb"\r\nconnection:\s*close", received[:head_end], re.IGNORECASE):
            self.close()
        return Answer(status=status, body=received[head_end:], first_s=first_s, total_s=time.perf_counter() - started_s)


def _end_of(received: bytes) -> int:
    """Where the answer ends, or -1 while that is not known."""
    head_end = received.find(b"\r\n\r\n")
    if head_end < 0:
        return -1
    head = received[:head_end].lower()
    if length := re.search(rb"\r\ncontent-length:\s*(\d+)", head):
        return head_end + 4 + int(length.group(1))
    if b"chunked" in head and received.endswith(b"0\r\n\r\n"):
        return len(received)
    return -1


def get_json(url: str) -> Any:
    """The JSON that a GET answers."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=REQUEST_S_MAX)
    try:
        connection.request("GET", parts.path)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What a window of load brought; times in ms."""

    calls: int
    errors: int
    per_s: float
    p50_ms: float
    p99_ms: float


_LUA = """
wrk.method = "POST"
%s
wrk.body = [==[%s]==]
done = function(summary, latency, requests)
  io.write(string.format('RESULT{"calls":%%d,"errors":%%d,"us":%%d,"p50":%%f,"p99":%%f}\\n', summary.requests,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    summary.duration, latency:percentile(50), latency:percentile(99)))
end
"""


def load(url: str, headers: Mapping[str, str], body: bytes, *, connections: int, seconds: int) -> Loaded:
    """Closed-loop load from `connections` at once: with wrk where it is installed, else with the generator below."""
    if shutil.which("wrk") is None:
        return asyncio.run(_python_load(url, headers, body, connections, seconds))
    named = {"content-type": "application/json", **headers}
    lines = "\n".join(f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in named.items())
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_LUA % (lines, body.decode()))
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", script.name, url]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"RESULT(\{.*\})", done.stdout)
    if found is None:
        raise RuntimeError(f"wrk failed: {done.stdout[-300:]} {done.stderr[-300:]}")
    values = json.loads(found.group(1))
    return Loaded(
        calls=values["calls"],
        errors=values["errors"],
        per_s=values["calls"] / (values["us"] / 1e6),
        p50_ms=values["p50"] / 1e3,
        p99_ms=values["p99"] / 1e3,
    )


class _Caller(asyncio.Protocol):
    """One connection of the generator: the next request goes out when the answer is complete."""

    def __init__(self, request: bytes, until_s: float) -> None:
        self._request, self._until_s = request, until_s
        self.times_s: list[float] = []
        self.errors = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._received, self._end, self._sent_s = b"", -1, time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._end < 0:
            self._end = _end_of(self._received)
        if self._end < 0 or len(self._received) < self._end:
            return
        now_s = time.perf_counter()
        self.times_s.append(now_s - self._sent_s)
        self.errors += not self._received.startswith(b"HTTP/1.1 200")
        if now_s < self._until_s:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.errors += time.perf_counter() < self._until_s
        if not self.done.done():
            self.done.set_result(None)


async def _python_load(url: str, headers: Mapping[str, str], body: bytes, connections: int, seconds: int) -> Loaded:
    parts = urllib.parse.urlsplit(url)
    lines = [
        f"POST {parts.path} HTTP/1.1",
        f"host: {parts.netloc}",
        "content-type: application/json",
        f"content-length: {len(body)}",
    ]
    request = "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode() + body
    started_s = time.perf_counter()
    loop, callers = asyncio.get_running_loop(), [_Caller(request, started_s + seconds) for _ in range(connections)]
    for caller in callers:
        await loop.create_connection(lambda caller=caller: caller, parts.hostname, parts.port)  # type: ignore[misc]
    await asyncio.wait([caller.done for caller in callers], timeout=seconds + REQUEST_S_MAX)
    times = sorted(each for caller in callers for each in caller.times_s) or [0.0]
    return Loaded(
        calls=len(times),
        errors=sum(caller.errors for caller in callers),
        per_s=len(times) / (time.perf_counter() - started_s),
        p50_ms=times[len(times) // 2] * 1e3,
        p99_ms=times[min(len(times) - 1, len(times) * 99 // 100)] * 1e3,
    )


@contextlib.contextmanager
def mock_provider(folder: Path) -> Iterator[str]:
    """The mock in a process of its own; yields its base URL, `/v1` included."""
    port = free_port()
    process = Process([sys.executable, str(HERE / "mock.py"), str(port)], folder / "mock.log")
    try:
        until_s = time.monotonic() + 10
        while True:
            try:
                get_json(f"http://127.0.0.1:{port}/v1/models")
                break
            except OSError:
                if time.monotonic() > until_s or not process.alive():
                    raise RuntimeError(f"the mock did not start: {process.last_words()}") from None
                time.sleep(0.02)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.stop()


def machine() -> str:
    """One line on the machine."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def note(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)
