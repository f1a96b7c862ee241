"""Public fakes for whoever tests against groundcrew: a scripted provider on a real socket, a clock to turn, a gateway in memory.

Nothing here is imported by the product itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec

from groundcrew.domain.data_class import DataClass
from groundcrew.domain.guard import GuardRule, Policy
from groundcrew.domain.key import secret_sha256
from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.provider import Model, Price, Provider, Target
from groundcrew.domain.snapshot import KeyEntry, KnowledgeEntry, Snapshot, UseCaseEntry
from groundcrew.domain.use_case import UseCase
from groundcrew.gateway.app import Gateway
from groundcrew.gateway.protocols import Grounding
from groundcrew.gateway.recorder import SpoolRecorder
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.gateway.spool import Spool
from groundcrew.gateway.upstream import HttpUpstream

Fault = Literal["hang", "reset", "reset_mid_stream", "hang_mid_stream", "malformed", "wrong_content_type", "huge", "no_end"]

START_S_MAX = 10.0
REQUEST_BYTES_MAX = 16 * 1024 * 1024
HUGE_BYTES = 64 * 1024 * 1024


class FakeClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime | None = None) -> None:
        self._now = now or datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        """The time it was set to."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self._now += timedelta(seconds=seconds)


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What the fake upstream answers. `fault` makes it misbehave; `usage` (input, output) None leaves token counts out."""

    text: str = "Hello."
    status: int = 200
    delay_s: float = 0.0
    #: Wait before each piece of a stream; a piece is one word.
    chunk_delay_s: float = 0.0
    fault: Fault | None = None
    usage: tuple[int, int] | None = (11, 7)
    tool_calls: tuple[dict[str, Any], ...] = ()
    error_message: str = "scripted error"
    headers: dict[str, str] = {}
    #: Members added to a plain answer's top level.
    extra: dict[str, Any] = {}


class ReceivedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request that reached the fake upstream."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    def last_user_text(self) -> str:
        """The newest user message's text."""
        for message in reversed(self.body.get("messages", [])):
            if message.get("role") == "user" and isinstance(message.get("content"), str):
                return str(message["content"])
        return ""

    def text(self) -> str:
        """The whole body as text, to look for what must not be there."""
        return msgspec.json.encode(self.body).decode()


Script = Callable[[ReceivedRequest], Reply | str]


class FakeUpstream:
    """A local HTTP server that speaks OpenAI chat completions and answers as `script` says.

    Use it as a context manager; `url` is what goes into `Provider.base_url`. `requests` holds everything that arrived, and
    `dropped` counts the connections that the caller closed before the answer was out.
    """

    def __init__(self, script: Script | Reply | str = "Hello.") -> None:
        self.script: Script | Reply | str = script
        self.requests: list[ReceivedRequest] = []
        self.dropped = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fake-upstream", daemon=True)
        self._ready = threading.Event()
        self.port = 0

    @property
    def url(self) -> str:
        """The base URL, `/v1` included."""
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> FakeUpstream:
        self._thread.start()
        if not self._ready.wait(START_S_MAX):
            raise RuntimeError("the fake upstream did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_S_MAX)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, limit=REQUEST_BYTES_MAX))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._exchange(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            with contextlib.suppress(OSError):
                writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; whether the connection stays open."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        except asyncio.IncompleteReadError:
            return False
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        raw = await reader.readexactly(int(headers.get("content-length", "0")))
        request = ReceivedRequest(path=head[0].split(" ")[1], headers=headers, body=msgspec.json.decode(raw) if raw else {})
        self.requests.append(request)
        answer = self.script(request) if callable(self.script) else self.script
        reply = Reply(text=answer) if isinstance(answer, str) else answer
        work = asyncio.ensure_future(self._answer(request, reply, writer))
        watch = asyncio.ensure_future(reader.read(1))
        await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            self.dropped += 1
            work.cancel()
            writer.transport.abort()
            await asyncio.gather(work, return_exceptions=True)
            return False
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        return work.result()

    async def _answer(self, request: ReceivedRequest, reply: Reply, writer: asyncio.StreamWriter) -> bool:
        await asyncio.sleep(3600 if reply.fault == "hang" else reply.delay_s)
        if reply.fault == "reset":
            writer.transport.abort()
            return False
        if reply.status != 200:
            body = {"error": {"message": reply.error_message, "type": "scripted", "param": None, "code": None}}
            await _write(writer, reply.status, msgspec.json.encode(body), reply.headers)
            return True
        if request.body.get("stream"):
            return await _stream(request, reply, writer)
        return await _plain(request, reply, writer)


async def _write(
    writer: asyncio.StreamWriter, status: int, body: bytes, headers: dict[str, str], content_type: str = "application/json"
) -> None:
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status} Scripted\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n{more}\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


async def _plain(request: ReceivedRequest, reply: Reply, writer: asyncio.StreamWriter) -> bool:
    if reply.fault == "malformed":
        await _write(writer, 200, b'{"choices": [{"message"', {})
        return True
    if reply.fault == "wrong_content_type":
        await _write(writer, 200, b"<html>busy</html>", {}, "text/html")
        return True
    if reply.fault == "huge":
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {HUGE_BYTES}\r\n\r\n".encode())
        for _ in range(HUGE_BYTES // 65_536):
            writer.write(b" " * 65_536)
            await writer.drain()
        return False
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None}
    if reply.tool_calls:
        message["tool_calls"] = reply.tool_calls
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if reply.tool_calls else "stop"}
    body = {"id": "chatcmpl-fake", "object": "chat.completion", "created": 1, "model": request.body.get("model")}
    answer: dict[str, Any] = {**body, "choices": [choice], **reply.extra}
    if reply.usage is not None:
        answer["usage"] = _usage(reply.usage)
    await _write(writer, 200, msgspec.json.encode(answer), reply.headers)
    return True


def _usage(usage: tuple[int, int]) -> dict[str, int]:
    return {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}


async def _stream(request: ReceivedRequest, reply: Reply, writer: asyncio.StreamWriter) -> bool:
    content_type = "application/json" if reply.fault == "wrong_content_type" else "text/event-stream"
    writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n".encode())

    async def put(data: bytes) -> None:
        writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await writer.drain()

    async def put_delta(delta: dict[str, Any], reason: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        await put(b"data: " + msgspec.json.encode(_chunk(request, [choice])) + b"\n\n")

    words = reply.text.split(" ")
    pieces = [word if index == 0 else " " + word for index, word in enumerate(words)]
    await put_delta({"role": "assistant", "content": ""})
    for index, piece in enumerate(pieces):
        await asyncio.sleep(reply.chunk_delay_s)
        if index == len(pieces) // 2:
            if reply.fault == "reset_mid_stream":
                writer.transport.abort()
                return False
            if reply.fault == "hang_mid_stream":
                await asyncio.sleep(3600)
            if reply.fault == "malformed":
                await put(b"data: {this is no JSON\n\n")
            if reply.fault == "huge":
                await put(b"data: " + b"x" * (4 * 1024 * 1024))
        await put_delta({"content": piece})
    for index, call in enumerate(reply.tool_calls):
        await put_delta({"tool_calls": [{"index": index, **call}]})
    if reply.fault != "no_end":
        await put_delta({}, "tool_calls" if reply.tool_calls else "stop")
        if reply.usage is not None and (request.body.get("stream_options") or {}).get("include_usage"):
            await put(b"data: " + msgspec.json.encode({**_chunk(request, []), "usage": _usage(reply.usage)}) + b"\n\n")
        await put(b"data: [DONE]\n\n")
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


def _chunk(request: ReceivedRequest, choices: list[dict[str, Any]]) -> dict[str, Any]:
    head = {"id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": 1, "model": request.body.get("model")}
    return {**head, "choices": choices}


class FakeSnapshots:
    """A snapshot source that is set by hand."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.current = snapshot
        self.age = 0.0

    @property
    def confirmed_version(self) -> int:
        """The current snapshot's version."""
        return self.current.version

    def age_s(self) -> float:
        """The age it was given."""
        return self.age

    def change(self, **fields: Any) -> None:
        """Put a new snapshot with `fields` replaced in place, one version on."""
        self.current = msgspec.structs.replace(self.current, version=self.current.version + 1, **fields)

    def stop(self, *scopes: Scope) -> None:
        """Trip the kill switch for `scopes`."""
        self.change(stopped=self.current.stopped | frozenset(scopes))

    def change_use_case(self, name: str, **fields: Any) -> None:
        """Replace `fields` of the use case `name`."""
        entry = self.current.use_cases[name]
        changed = msgspec.structs.replace(entry, use_case=msgspec.structs.replace(entry.use_case, **fields))
        self.change(use_cases={**self.current.use_cases, name: changed})


TEST_KEY = "gc_test-key-of-the-memory-gateway-000000000000"


def memory_use_case(**fields: Any) -> UseCase:
    """A running use case in the pilot stage for `memory_snapshot`; `fields` replace its defaults."""
    defaults: dict[str, Any] = {
        "name": "demo",
        "title": "Demo",
        "owner": "owner@bank.example",
        "business_unit": "retail",
        "purpose": "try things",
        "affected_persons": "nobody",
        "solution": "product",
        "autonomy": "assist",
        "data_classes": ("internal", "pii"),
        "model": "writer",
        "stage": "pilot",
        "run_state": "running",
    }
    return UseCase(**{**defaults, **fields})


def memory_snapshot(
    base_url: str,
    *,
    use_case: UseCase | None = None,
    api: Literal["openai", "extractive"] = "openai",
    providers: tuple[Provider, ...] | None = None,
    targets: tuple[Target, ...] | None = None,
    guards: tuple[GuardRule, ...] = (),
    knowledge: tuple[KnowledgeEntry, ...] = (),
    fails_closed: bool = False,
    price: Price | None = None,
    key_expires_at_s: float = 32_503_680_000.0,
) -> Snapshot:
    """A snapshot with one use case, its key `TEST_KEY`, one model and one provider, unless given otherwise."""
    subject = use_case or memory_use_case()
    classes: tuple[DataClass, ...] = ("public", "internal", "confidential", "pii")
    given = providers or (Provider(name="fake", api=api, base_url=base_url or None, data_classes=classes),)
    if guards:
        subject = msgspec.structs.replace(subject, policy="test-policy")
    aims = targets or (Target(provider=given[0].name, model="fake-model-1", timeout_s=5.0, price=price),)
    entry = UseCaseEntry(use_case=subject, version_digest="d" * 64, risk_tier="limited", fails_closed=fails_closed)
    return Snapshot(
        version=1,
        keys={secret_sha256(TEST_KEY): KeyEntry(id="key-1", use_case=subject.name, expires_at_s=key_expires_at_s)},
        use_cases={subject.name: entry},
        models={subject.model: Model(name=subject.model, targets=aims)},
        providers={each.name: each for each in given},
        policies={"test-policy": Policy(name="test-policy", guards=guards)} if guards else {},
        knowledge={each.name: each for each in knowledge},
    )


class MemoryGateway(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway over an in-memory snapshot and a spool in a folder. Close the gateway in its loop, then the spool."""

    gateway: Gateway
    snapshots: FakeSnapshots
    spool: Spool

    def calls(self) -> list[Any]:
        """Everything that was recorded, oldest first."""
        return [call for _, _, call in self.spool.read_batch(5_000)]


def memory_gateway(
    snapshot: Snapshot,
    folder: Path,
    *,
    settings: GatewaySettings | None = None,
    grounding: Grounding | None = None,
    clock: FakeClock | None = None,
) -> MemoryGateway:
    """A gateway with a real upstream client and a real spool in `folder`."""
    spool = Spool.open(folder / "spool.db")
    snapshots = FakeSnapshots(snapshot)
    chosen = settings or GatewaySettings(drain_s_max=1.0)
    gateway = Gateway(
        snapshots=snapshots,
        recorder=SpoolRecorder(spool),
        upstream=HttpUpstream(chosen),
        grounding=grounding,
        settings=chosen,
        clock=clock,
    )
    return MemoryGateway(gateway=gateway, snapshots=snapshots, spool=spool)


@contextlib.contextmanager
def serve(app: Any) -> Iterator[str]:
    """Serve an ASGI application with uvicorn on an ephemeral port of 127.0.0.1, in a thread; yields its URL."""
    import uvicorn

    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="error", lifespan="on", timeout_graceful_shutdown=2, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="test-server", daemon=True)
    thread.start()
    deadline_s = time.monotonic() + START_S_MAX
    while not server.started:
        if time.monotonic() > deadline_s or not thread.is_alive():
            raise RuntimeError("the test server did not start")
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(START_S_MAX)
        listener.close()
