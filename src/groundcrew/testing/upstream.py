"""A scripted provider on a real socket: it answers as a function of the request, late, wrongly or not at all.

The shapes of its answers are in `upstream_shapes`, `upstream_apis` and `upstream_clouds`.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from typing import Any, Literal

import msgspec

from groundcrew.testing.upstream_apis import shape_of
from groundcrew.testing.upstream_shapes import Shape, texts_of

Fault = Literal["hang", "reset", "reset_mid_stream", "hang_mid_stream", "malformed", "wrong_content_type", "huge", "no_end"]

START_S_MAX = 10.0
REQUEST_BYTES_MAX = 16 * 1024 * 1024
HUGE_BYTES = 64 * 1024 * 1024


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What the fake upstream answers. `fault` makes it misbehave; `usage` (input, output) None leaves token counts out."""

    text: str = "Hello."
    #: What the provider thought before it answered; "" for none.
    reasoning: str = ""
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
    #: Instead of all of the above: bytes to write to the socket as they are, and numbers of seconds to wait between them.
    raw: Iterable[bytes | float] | None = None
    #: What becomes of the connection after `raw`.
    then: Literal["keep", "close", "reset", "hang"] = "keep"


class ReceivedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request that reached the fake upstream."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    def last_user_text(self) -> str:
        """The newest user message's text, whichever API the request speaks; "" without one."""
        given = self.body.get("messages") or self.body.get("contents") or self.body.get("input") or []
        if isinstance(given, str):
            return given
        for message in reversed(given):
            is_user = isinstance(message, dict) and message.get("role") == "user"
            if is_user and (texts := texts_of(message.get("content") or message.get("parts"))):
                return "".join(texts)
        return ""

    def text(self) -> str:
        """The whole body as text, to look for what must not be there."""
        return msgspec.json.encode(self.body).decode()


Script = Callable[[ReceivedRequest], Reply | str]


class FakeUpstream:
    """A local HTTP server that speaks every API of `upstream_apis`, by the request's path, and answers as `script` says.

    Use it as a context manager; `url` is what goes into `Provider.base_url`. `requests` holds everything that arrived, and
    `dropped` counts the connections that the caller closed before the answer was out, `dropped_at_s` says when
    (time.perf_counter), and `connections` counts those that are open. `without` names shapes (`responses`,
    `embeddings` ...: see `Shape.name`) that it answers with 404, as a server that does not know them.
    """

    def __init__(self, script: Script | Reply | str = "Hello.", *, without: tuple[str, ...] = ()) -> None:
        self.script: Script | Reply | str = script
        self.without = without
        self.requests: list[ReceivedRequest] = []
        self.dropped = self.connections = 0
        self.dropped_at_s: list[float] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fake-upstream", daemon=True)
        self._ready = threading.Event()
        self._writers = weakref.WeakSet[asyncio.StreamWriter]()
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
        self._loop.run_until_complete(self._drop_all())
        self._loop.close()

    async def _drop_all(self) -> None:
        """Close what a caller has not read to the end as well: a loop that is closed closes no sockets any more."""
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while await self._exchange(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.connections -= 1
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
            self.dropped_at_s.append(time.perf_counter())
            self.dropped += 1
            work.cancel()
            writer.transport.abort()
            await asyncio.gather(work, watch, return_exceptions=True)
            return False
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        return work.result()

    async def _answer(self, request: ReceivedRequest, reply: Reply, writer: asyncio.StreamWriter) -> bool:
        if reply.raw is not None:
            return await _raw(reply.raw, reply.then, writer)
        await asyncio.sleep(3600 if reply.fault == "hang" else reply.delay_s)
        if reply.fault == "reset":
            writer.transport.abort()
            return False
        shape = shape_of(request.path, request.body)
        if shape.name in self.without:
            body = msgspec.json.encode(shape.error(404, f"{request.path} is not known here"))
            await _write(writer, 404, body, {})
            return True
        if reply.status != 200:
            await _write(writer, reply.status, msgspec.json.encode(shape.error(reply.status, reply.error_message)), reply.headers)
            return True
        if shape.stream:
            return await _stream(shape, reply, writer)
        return await _plain(shape, reply, writer)


async def _write(
    writer: asyncio.StreamWriter, status: int, body: bytes, headers: dict[str, str], content_type: str = "application/json"
) -> None:
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status} Scripted\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n{more}\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


async def _raw(pieces: Iterable[bytes | float], then: str, writer: asyncio.StreamWriter) -> bool:
    for piece in pieces:
        if isinstance(piece, bytes):
            writer.write(piece)
            await writer.drain()
        else:
            await asyncio.sleep(piece)
    if then == "hang":
        await asyncio.sleep(3600)
    if then == "reset":
        writer.transport.abort()
    return then == "keep"


async def _plain(shape: Shape, reply: Reply, writer: asyncio.StreamWriter) -> bool:
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
    await _write(writer, 200, msgspec.json.encode({**shape.plain(reply), **reply.extra}), reply.headers)
    return True


async def _stream(shape: Shape, reply: Reply, writer: asyncio.StreamWriter) -> bool:
    content_type = "application/json" if reply.fault == "wrong_content_type" else shape.content_type
    writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n".encode())

    async def put(data: bytes) -> None:
        writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await writer.drain()

    words = reply.text.split(" ")
    pieces = [word if index == 0 else " " + word for index, word in enumerate(words)]
    for data in shape.start(reply):
        await put(data)
    for index, piece in enumerate(pieces):
        await asyncio.sleep(reply.chunk_delay_s)
        if index == len(pieces) // 2:
            if reply.fault == "reset_mid_stream":
                writer.transport.abort()
                return False
            if reply.fault == "hang_mid_stream":
                await asyncio.sleep(3600)
            if reply.fault == "malformed":
                await put(shape.malformed)
            if reply.fault == "huge":
                await put(shape.huge)
        if reply.text:
            await put(shape.piece(piece))
    for data in shape.tools(reply):
        await put(data)
    if reply.fault != "no_end":
        for data in shape.end(reply):
            await put(data)
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True
