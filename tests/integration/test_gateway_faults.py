"""Upstreams that misbehave on a real socket, and clients that leave: each call ends in the documented error, in time, is recorded
once and settled, and leaves no task and no connection behind."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import itertools
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.gateway_routes import AUTHORIZATION, ROUTES, Route, error_of, holds_text

from groundcrew.domain.provider import Target
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.testing import (
    FakeUpstream,
    MemoryGateway,
    ReceivedRequest,
    Reply,
    Response,
    memory_gateway,
    memory_snapshot,
    request,
    serve,
)

#: Limits of time that only a broken gateway reaches, and short ones for what must time out. `END_S_MAX` is far beyond both.
PATIENT_S, QUICK_S, END_S_MAX = 10.0, 0.2, 30.0
#: Calls that meet the same fault one after the other, so that what each leaves behind would show.
REPEATS = 2
#: A target may be tried again before anything has left; the one record tells of all tries.
TRIES_MAX = 3
TEXT = "one two three four"


def answer(text: str = TEXT) -> bytes:
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    return msgspec.json.encode(body)


def piece(delta: dict[str, Any], reason: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}
    return b"data: " + msgspec.json.encode(body) + b"\n\n"


PIECES = [piece({"content": word if word == "one" else " " + word}) for word in TEXT.split()]
WHOLE = [piece({"role": "assistant", "content": ""}), *PIECES, piece({}, "stop"), b"data: [DONE]\n\n"]
JSON, EVENTS = b"application/json", b"text/event-stream"


def head(kind: bytes, *more: bytes, status: bytes = b"200 OK") -> bytes:
    return b"\r\n".join((b"HTTP/1.1 " + status, b"content-type: " + kind, *more, b"", b""))


def sized(body: bytes, kind: bytes = JSON, *more: bytes, status: bytes = b"200 OK") -> bytes:
    return head(kind, b"content-length: %d" % len(body), *more, status=status) + body


def chunked(*parts: bytes, end: bool = True) -> list[bytes]:
    return [b"%x\r\n%b\r\n" % (len(part), part) for part in parts] + ([b"0\r\n\r\n"] if end else [])


def events(*parts: bytes, end: bool = True) -> list[bytes]:
    return [head(EVENTS, b"transfer-encoding: chunked"), *chunked(*parts, end=end)]


def slowly(data: bytes, size: int, pause_s: float) -> Iterable[bytes | float]:
    return itertools.chain.from_iterable((data[at : at + size], pause_s) for at in range(0, len(data), size))


def for_ever(*parts: bytes | float) -> Iterable[bytes | float]:
    return itertools.cycle(parts)


BOMB = gzip.compress(b" " * 40_000_000)

#: What an upstream does whatever is asked of it, and the error that follows (or either of two).
EITHER: dict[str, tuple[Callable[[], Reply], str]] = {
    "status 429": (lambda: Reply(status=429, headers={"retry-after": "7"}), "rate_limited"),
    "status 500": (lambda: Reply(status=500), "upstream_error"),
    "status 401": (lambda: Reply(status=401), "upstream_error"),
    "status 422": (lambda: Reply(status=422), "invalid_request"),
    "status 204": (lambda: Reply(raw=(b"HTTP/1.1 204 No Content\r\n\r\n",)), "upstream_error"),
    # Whether a client waits for the rest of an error that is clear already is its own affair.
    "error without a body's end": (
        lambda: Reply(raw=(head(JSON, b"content-length: 1000", status=b"503 Busy"), b'{"error"'), then="hang"),
        "upstream_error or upstream_timeout",
    ),
    "chunks that are none": (
        lambda: Reply(raw=(head(JSON, b"transfer-encoding: chunked"), b"zz\r\nabc\r\n"), then="hang"),
        "upstream_error or upstream_timeout",
    ),
    "hang": (lambda: Reply(fault="hang"), "upstream_timeout"),
    "hang in the head": (lambda: Reply(raw=(b"HTTP/1.1 200 OK\r\ncontent-ty",), then="hang"), "upstream_timeout"),
    "head byte by byte": (lambda: Reply(raw=slowly(head(JSON, b"x: " + b"y" * 500), 1, 0.01)), "upstream_timeout"),
    "head without end": (lambda: Reply(raw=for_ever(b"HTTP/1.1 200 OK\r\n", b"x: yyyyyyyy\r\n" * 500, 0.0)), "upstream_error"),
    "reset": (lambda: Reply(fault="reset"), "upstream_error"),
    "closed": (lambda: Reply(raw=(), then="close"), "upstream_error"),
    "closed in the head": (lambda: Reply(raw=(b"HTTP/1.1 200 OK\r\ncontent-ty",), then="close"), "upstream_error"),
    "no HTTP": (lambda: Reply(raw=(b"SSH-2.0-OpenSSH_9.6\r\n\r\n",), then="close"), "upstream_error"),
    "wrong content type": (lambda: Reply(raw=(sized(b"<html>busy</html>", b"text/html"),)), "upstream_error"),
    "no content type": (lambda: Reply(raw=(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",)), "upstream_error"),
}

#: The same for a whole answer.
PLAIN: dict[str, tuple[Callable[[], Reply], str]] = {
    "truncated JSON": (lambda: Reply(raw=(sized(answer()[:-20]),)), "upstream_error"),
    "no object": (lambda: Reply(raw=(sized(b"[1, 2]"),)), "upstream_error"),
    "no choices": (lambda: Reply(raw=(sized(b'{"choices": []}'),)), "upstream_error"),
    "empty": (lambda: Reply(raw=(sized(b""),)), "upstream_error"),
    "deeply nested": (lambda: Reply(raw=(sized(b'{"choices": ' + b"[" * 100_000),)), "upstream_error"),
    "invalid UTF-8": (lambda: Reply(raw=(sized(answer().replace(b"two", b"\xff\xfe\xff")),)), "upstream_error"),
    "invalid UTF-8 where nothing is read": (
        lambda: Reply(raw=(sized(answer().replace(b"cmpl", b"\xff\xfe")),)),
        "upstream_error",
    ),
    "body cut": (lambda: Reply(raw=(head(JSON, b"content-length: 500"), answer()[:50]), then="close"), "upstream_error"),
    "reset in the body": (lambda: Reply(raw=(head(JSON, b"content-length: 500"), answer()[:50]), then="reset"), "upstream_error"),
    "hang in the body": (lambda: Reply(raw=(head(JSON, b"content-length: 500"), answer()[:50]), then="hang"), "upstream_timeout"),
    "body byte by byte": (
        lambda: Reply(raw=itertools.chain((head(JSON, b"content-length: %d" % len(answer())),), slowly(answer(), 1, 0.01))),
        "upstream_timeout",
    ),
    "huge": (lambda: Reply(fault="huge"), "upstream_error"),
    "never-ending": (
        lambda: Reply(
            raw=itertools.chain((head(JSON, b"transfer-encoding: chunked"),), for_ever(*chunked(b" " * 10_000, end=False), 0.0))
        ),
        "upstream_error",
    ),
    "never-ending until the connection closes": (
        lambda: Reply(raw=itertools.chain((head(JSON),), for_ever(b" " * 10_000, 0.0))),
        "upstream_error",
    ),
    "gzip bomb": (lambda: Reply(raw=(sized(BOMB, JSON, b"content-encoding: gzip"),)), "upstream_error"),
    "unknown encoding": (lambda: Reply(raw=(sized(answer()[::-1], JSON, b"content-encoding: zz-9"),)), "upstream_error"),
    "gzip that is none": (lambda: Reply(raw=(sized(answer(), JSON, b"content-encoding: gzip"),)), "upstream_error"),
}

#: The same for a stream. Where something has left already, the error comes as the last event.
STREAM: dict[str, tuple[Callable[[], Reply], str]] = {
    "malformed event first": (lambda: Reply(raw=events(b"data: {this is no JSON\n\n", *WHOLE)), "upstream_error"),
    "malformed event later": (lambda: Reply(raw=events(*WHOLE[:3], b"data: {this is no JSON\n\n", *WHOLE[3:])), "upstream_error"),
    "an array for an event": (lambda: Reply(raw=events(*WHOLE[:3], b"data: []\n\n", *WHOLE[3:])), "upstream_error"),
    "an error event": (lambda: Reply(raw=events(*WHOLE[:3], b'data: {"error": {"message": "no"}}\n\n')), "upstream_error"),
    "deeply nested": (lambda: Reply(raw=events(WHOLE[0], b"data: " + b"[" * 50_000 + b"\n\n")), "upstream_error"),
    "invalid UTF-8": (
        lambda: Reply(raw=events(*WHOLE[:2], piece({"content": "XX"}).replace(b"XX", b"\xff\xfe"))),
        "upstream_error",
    ),
    "invalid UTF-8 where nothing is read": (
        lambda: Reply(raw=events(*WHOLE[:2], WHOLE[2].replace(b"chatcmpl", b"\xff\xfe"), *WHOLE[3:])),
        "upstream_error",
    ),
    "no event at all": (lambda: Reply(raw=events()), "upstream_error"),
    "an event without end": (lambda: Reply(raw=events(*WHOLE[:3], WHOLE[3][:-2])), "upstream_error"),
    "no end": (lambda: Reply(raw=events(*WHOLE[:-2])), "upstream_error"),
    "closed in the middle": (lambda: Reply(raw=events(*WHOLE[:3], end=False), then="close"), "upstream_error"),
    "reset in the middle": (lambda: Reply(raw=[*events(*WHOLE[:3], end=False), 0.05], then="reset"), "upstream_error"),
    "hang before the first event": (lambda: Reply(raw=events(end=False), then="hang"), "upstream_timeout"),
    "hang in the middle": (lambda: Reply(raw=events(*WHOLE[:3], end=False), then="hang"), "upstream_timeout"),
    "comments for ever": (
        lambda: Reply(raw=itertools.chain(events(end=False), for_ever(*chunked(b": still here\n\n", end=False), 0.02))),
        "upstream_timeout",
    ),
    "pieces for ever": (
        lambda: Reply(raw=itertools.chain(events(end=False), for_ever(*chunked(PIECES[1], end=False), 0.02))),
        "upstream_timeout",
    ),
    "pieces for ever, quickly": (
        lambda: Reply(raw=itertools.chain(events(end=False), for_ever(*chunked(*PIECES[1:] * 20, end=False), 0.0))),
        "upstream_error",
    ),
    "a huge event": (lambda: Reply(raw=events(*WHOLE[:3], piece({"content": "x" * 150_000}))), "upstream_error"),
    "a huge event without end": (
        lambda: Reply(raw=events(*WHOLE[:3], b"data: " + b"x" * 150_000, end=False), then="hang"),
        "upstream_error",
    ),
    "byte by byte for too long": (
        lambda: Reply(raw=itertools.chain((head(EVENTS),), slowly(b"".join(WHOLE), 1, 0.01))),
        "upstream_timeout",
    ),
    "gzip bomb": (lambda: Reply(raw=(sized(BOMB, EVENTS, b"content-encoding: gzip"),)), "upstream_error"),
    "unknown encoding": (lambda: Reply(raw=(sized(b"".join(WHOLE)[::-1], EVENTS, b"content-encoding: zz-9"),)), "upstream_error"),
}

CASES = [
    *((f"{name}, plain", False, make, code) for name, (make, code) in {**EITHER, **PLAIN}.items()),
    *((f"{name}, stream", True, make, code) for name, (make, code) in {**EITHER, **STREAM}.items()),
]
STATUS = {"rate_limited": 429, "upstream_error": 502, "upstream_timeout": 504, "invalid_request": 400}


@pytest.fixture
def upstream() -> Iterable[FakeUpstream]:
    with FakeUpstream(TEXT) as fake:
        yield fake


@contextlib.asynccontextmanager
async def gateway_before(upstream: FakeUpstream, folder: Path, limit_s: float = PATIENT_S) -> AsyncIterator[MemoryGateway]:
    """A gateway whose end is checked as well: it leaves no task, no connection and no socket."""
    tasks, sockets = other_tasks(), open_sockets()
    limits = GatewaySettings(
        drain_s_max=1.0,
        chunk_gap_s_max=limit_s,
        stream_s_max=2 * limit_s,
        response_bytes_max=300_000,
        chunk_bytes_max=100_000,
    )
    targets = (Target(provider="fake", model="fake-model-1", timeout_s=limit_s),)
    made = memory_gateway(memory_snapshot(upstream.url, targets=targets), folder, settings=limits)
    try:
        yield made
    finally:
        await made.gateway.close()
        made.spool.close()
    await eventually(lambda: upstream.connections == 0, "the gateway leaves a connection open")
    await eventually(lambda: other_tasks() <= tasks, "the gateway leaves a task")
    await eventually(lambda: open_sockets() <= sockets, "the gateway leaves a socket")


@pytest.fixture
async def memory(upstream: FakeUpstream, tmp_path: Path) -> AsyncIterator[MemoryGateway]:
    async with gateway_before(upstream, tmp_path) as made:
        yield made


def open_sockets() -> int:
    """Sockets of this process; 0 where the system does not tell."""
    if not os.path.isdir("/proc/self/fd"):
        return 0
    found = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
        except OSError:
            continue
    return found


def other_tasks() -> set[asyncio.Task[Any]]:
    """The tasks of this loop, but for the one that asks."""
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


async def eventually(is_so: Callable[[], bool], complaint: str) -> None:
    until_s = time.monotonic() + END_S_MAX
    while not is_so():
        assert time.monotonic() < until_s, complaint
        await asyncio.sleep(0.005)


async def ask(memory: MemoryGateway, route: Route, *, stream: bool) -> Response:
    """One call, which must end far within `END_S_MAX`."""
    async with asyncio.timeout(END_S_MAX):
        return await request(memory.gateway, route.path, headers=AUTHORIZATION, body=route.request("hi", stream=stream))


def answers(upstream: FakeUpstream, make: Callable[[], Reply]) -> None:
    """Have chat completions answered so. The provider has no responses endpoint of its own, so those become completions too."""
    upstream.script = lambda request: Reply(status=404) if request.path.endswith("/responses") else make()


def asked(upstream: FakeUpstream) -> list[ReceivedRequest]:
    """The completions that were asked for."""
    return [each for each in upstream.requests if each.path.endswith("/chat/completions")]


def is_settled(memory: MemoryGateway) -> bool:
    """Whether nothing is reserved and what was booked is what the records say."""
    used = memory.gateway.ledger.used("demo", memory.gateway.clock.now())
    recorded = sum(call.input_tokens + call.output_tokens for call in memory.calls())
    assert memory.gateway.ledger.held() == []
    return used.tokens_today == recorded


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
@pytest.mark.parametrize(("stream", "make", "code"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
async def test_every_fault_ends_in_its_error_and_leaves_nothing(
    upstream: FakeUpstream, tmp_path: Path, route: Route, stream: bool, make: Callable[[], Reply], code: str
) -> None:
    timeout_s = QUICK_S if "upstream_timeout" in code else PATIENT_S
    async with gateway_before(upstream, tmp_path, timeout_s) as memory:
        tasks, codes = other_tasks(), []
        for _ in range(REPEATS):
            answers(upstream, make)
            response = await ask(memory, route, stream=stream)
            error = error_of(response)
            assert error.get("code") in code.split(" or "), response.body[-500:]
            codes.append(error["code"])
            assert error.get("message")
            if response.status == 200:
                assert stream, "only what has begun to leave may end in an error event"
                assert b"[DONE]" not in response.body
            else:
                assert response.status == STATUS[error["code"]]
        recorded = [(call.status, call.error_code, call.stream) for call in memory.calls()]
        assert recorded == [("failed", each, stream) for each in codes]
        assert REPEATS <= len(asked(upstream)) <= REPEATS * TRIES_MAX
        assert is_settled(memory)
        assert memory.gateway.inflight() == 0
        # One connection may wait in the pool for the next call; those that broke are gone.
        await eventually(lambda: upstream.connections <= 1, "a connection is left open")
        await eventually(lambda: other_tasks() <= tasks, "a task is left")
        wait_longer(memory)
        answers(upstream, lambda: Reply(text=TEXT))
        assert holds_text(await ask(memory, route, stream=False), TEXT), "the next call is answered"


def wait_longer(memory: MemoryGateway) -> None:
    """Give the target more time than any machine needs."""
    targets = (Target(provider="fake", model="fake-model-1", timeout_s=60.0),)
    memory.snapshots.change(
        models={"writer": msgspec.structs.replace(memory.snapshots.current.models["writer"], targets=targets)}
    )


SOUND: dict[str, tuple[bool, Callable[[], Reply]]] = {
    "plain in small pieces": (False, lambda: Reply(raw=slowly(sized(answer()), 25, 0.001))),
    "plain until the connection closes": (False, lambda: Reply(raw=(head(JSON, b"connection: close"), answer()), then="close")),
    "plain after an interim answer": (False, lambda: Reply(raw=(b"HTTP/1.1 103 Early Hints\r\n\r\n", sized(answer())))),
    "content type with a charset": (False, lambda: Reply(raw=(sized(answer(), JSON + b"; charset=utf-8"),))),
    "stream in small pieces": (True, lambda: Reply(raw=slowly(b"".join(events(*WHOLE)), 25, 0.001))),
    "stream until the connection closes": (True, lambda: Reply(raw=(head(EVENTS, b"connection: close"), *WHOLE), then="close")),
    "stream in one piece": (True, lambda: Reply(raw=(sized(b"".join(WHOLE), EVENTS),))),
    "stream with comments": (True, lambda: Reply(raw=events(b": hello\n\n", WHOLE[0], b":\n\n", *WHOLE[1:]))),
    "stream with other line ends": (True, lambda: Reply(raw=events(b"".join(WHOLE).replace(b"\n", b"\r\n")))),
    "stream without a mark at its end": (True, lambda: Reply(raw=events(*WHOLE[:-1]))),
    "stream with more after its end": (True, lambda: Reply(raw=events(*WHOLE, *PIECES))),
}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
@pytest.mark.parametrize(("stream", "make"), SOUND.values(), ids=SOUND)
async def test_what_is_only_unusual_is_answered(
    memory: MemoryGateway, upstream: FakeUpstream, route: Route, stream: bool, make: Callable[[], Reply]
) -> None:
    for _ in range(REPEATS):
        answers(upstream, make)
        response = await ask(memory, route, stream=stream)
        assert response.status == 200, response.body
        assert holds_text(response, TEXT)
    assert [call.answer for call in memory.calls()] == [TEXT] * REPEATS
    assert is_settled(memory)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
async def test_the_providers_reason_is_told_in_however_many_pieces_it_comes(
    memory: MemoryGateway, upstream: FakeUpstream, route: Route, stream: bool
) -> None:
    body = sized(b'{"error": {"message": "temperature is too high"}}', status=b"400 Bad Request")
    answers(upstream, lambda: Reply(raw=slowly(body, 20, 0.01)))
    error = error_of(await ask(memory, route, stream=stream))
    assert error["code"] == "invalid_request"
    assert "temperature is too high" in error["message"]
    assert is_settled(memory)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
async def test_a_compressed_answer_is_read_if_asked_for(memory: MemoryGateway, upstream: FakeUpstream, route: Route) -> None:
    answers(upstream, lambda: Reply(raw=(sized(gzip.compress(answer()), JSON, b"content-encoding: gzip"),)))
    response = await ask(memory, route, stream=False)
    wanted = "gzip" in asked(upstream)[0].headers.get("accept-encoding", "identity")
    assert holds_text(response, TEXT) if wanted else error_of(response)["code"] == "upstream_error"
    assert len(memory.calls()) == 1
    assert is_settled(memory)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [b"301 Moved", b"302 Found", b"303 See Other", b"307 Temporary", b"308 Permanent"])
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
async def test_nobody_is_sent_elsewhere_with_our_key(
    memory: MemoryGateway, upstream: FakeUpstream, route: Route, status: bytes, stream: bool
) -> None:
    with FakeUpstream(TEXT) as elsewhere:
        location = b"location: " + elsewhere.url.encode() + b"/chat/completions"
        answers(upstream, lambda: Reply(raw=(sized(b"", JSON, location, status=status),)))
        assert error_of(await ask(memory, route, stream=stream))["code"] == "upstream_error"
        assert elsewhere.requests == []
    assert is_settled(memory)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
async def test_a_pooled_connection_that_was_closed_meanwhile_is_no_trap(
    memory: MemoryGateway, upstream: FakeUpstream, route: Route, then: Any, stream: bool
) -> None:
    """The answer promises to keep the connection; it is closed after it, or when the next request arrives on it."""
    whole = events(*WHOLE) if stream else [sized(answer())]
    answers(upstream, lambda: Reply(raw=whole, then=then))
    for _ in range(3):
        assert holds_text(await ask(memory, route, stream=stream), TEXT)
        await eventually(lambda: upstream.connections == 0, "the scripted upstream closes")
    answers(upstream, lambda: Reply(raw=whole))
    assert holds_text(await ask(memory, route, stream=stream), TEXT)
    answers(upstream, lambda: Reply(raw=(), then=then))
    broken = await ask(memory, route, stream=stream)
    assert error_of(broken)["code"] == "upstream_error"
    answers(upstream, lambda: Reply(raw=whole))
    assert holds_text(await ask(memory, route, stream=stream), TEXT)
    assert [call.status for call in memory.calls()] == ["answered"] * 4 + ["failed", "answered"]
    assert is_settled(memory)


async def test_an_upstream_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    memory = memory_gateway(memory_snapshot(f"http://127.0.0.1:{port}/v1"), tmp_path)
    for route, stream in itertools.product(ROUTES, (False, True)):
        assert error_of(await ask(memory, route, stream=stream))["code"] == "upstream_error"
    assert is_settled(memory)
    await memory.gateway.close()
    memory.spool.close()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
async def test_a_client_that_leaves_stops_the_upstream_and_pays_for_what_was_used(
    upstream: FakeUpstream, tmp_path: Path, route: Route, stream: bool
) -> None:
    """Over a real server and a real socket, closed in the middle of the answer."""
    broken = Reply(raw=events(*WHOLE[:3], end=False), then="hang") if stream else Reply(fault="hang")
    answers(upstream, lambda: broken)
    body = route.request("hi", stream=stream)
    lines = [f"POST {route.path} HTTP/1.1", "host: test", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in AUTHORIZATION.items()]
    memory = memory_gateway(memory_snapshot(upstream.url), tmp_path)
    wait_longer(memory)
    with serve(memory.gateway) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        try:
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            if stream:
                async with asyncio.timeout(END_S_MAX):
                    await reader.readuntil(b"two")
            else:
                await eventually(lambda: len(asked(upstream)) == 1, "the call does not reach the upstream")
        finally:
            left_s = time.perf_counter()
            writer.close()
        await eventually(lambda: upstream.dropped == 1, "the upstream call goes on")
        # What it really takes is measured by bench/gateway; here it must only be no timeout that ends the call.
        assert upstream.dropped_at_s[0] - left_s < 1.0
        await eventually(lambda: len(memory.calls()) == 1, "the call is not recorded")
        await eventually(lambda: memory.gateway.inflight() == 0, "the call goes on")
        await eventually(lambda: upstream.connections == 0, "the connection stays open")
    (call,) = memory.calls()
    assert (call.status, call.details["interrupted"]) == ("cancelled", "disconnected")
    assert call.input_tokens > 0
    assert (call.answer, call.output_tokens > 0) == (("one two", True) if stream else ("", False))
    assert is_settled(memory)
    memory.spool.close()
