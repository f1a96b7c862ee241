"""A connection that sends no request, or one without an end, costs little and does not last."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn

from groundcrew.gateway import connections
from groundcrew.gateway.connections import BoundedProtocol
from groundcrew.gateway.respond import WRITER, send_events, send_json, start_events


async def _answer(scope: Any, receive: Any, send: Any) -> None:
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    content = str(size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(content)).encode())]})
    await send({"type": "http.response.body", "body": content})


async def _write(scope: Any, receive: Any, send: Any) -> None:
    """Answers through the connection's writer; `/own` through the server's, to compare."""
    way = send if scope["path"] == "/own" else scope[WRITER].send
    while (await receive()).get("more_body", False):
        pass
    if scope["path"] == "/stream":
        await start_events(way, 200, [])
        await send_events(way, b"data: 1\n\n")
        await send_events(way, b"", more=False)
        return
    value = b"a\nx-b: 2" if scope["path"] == "/broken" else b"a"
    await send_json(way, 404, [(b"x-a", value)], b'{"text":"something"}')


async def _take(scope: Any, receive: Any, send: Any) -> None:
    """Answers with what of the body was here at once, and with what had to be received."""
    arrived, received, more = scope[WRITER].arrived(), b"", True
    while arrived is None and more:
        message = await receive()
        received, more = received + message["body"], message["more_body"]
    again = scope[WRITER].arrived()
    await send_json(send, 200, [], repr((arrived, received, again)).encode())


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async for each in _served(_answer):
        yield each


@pytest.fixture
async def writing_port() -> AsyncIterator[int]:
    async for each in _served(_write):
        yield each


@pytest.fixture
async def taking_port() -> AsyncIterator[int]:
    async for each in _served(_take):
        yield each


async def _served(app: Any, **settings: Any) -> AsyncIterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, http=BoundedProtocol, ws="none", lifespan="off", log_level="error", **settings)
        server = uvicorn.Server(config)
        running = asyncio.ensure_future(server.serve(sockets=[listener]))
        for _ in range(500):
            if server.started:
                break
            await asyncio.sleep(0.005)
        yield listener.getsockname()[1]
        server.should_exit = True
        await running


async def _send(port: int, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)
        return await asyncio.wait_for(reader.read(65_536), 20.0)
    except ConnectionError:
        return b""
    finally:
        # What was not read there would keep the socket open beyond the end of this test's loop.
        writer.transport.abort()
        await asyncio.sleep(0)


async def test_a_large_body_is_no_large_head(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 500000\r\n\r\n"
    assert (await _send(port, head + b"x" * 500_000)).endswith(b"500000")


async def test_two_requests_on_one_connection(port: int) -> None:
    request = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nab"
    assert (await _send(port, request, request[:20], request[20:], pause_s=0.05)).count(b"HTTP/1.1 200") == 2


@pytest.mark.parametrize("piece", [b"x-a: " + b"a" * 30_000 + b"\r\n", b"a" * 30_000])
async def test_a_head_without_an_end_is_cut_off(port: int, piece: bytes) -> None:
    answer = await _send(port, b"POST / HTTP/1.1\r\nhost: x\r\nx-b: ", *[piece] * 4, pause_s=0.01)
    assert answer.startswith(b"HTTP/1.1 431") or answer == b""


@pytest.mark.parametrize("start", [b"", b"P", b"POST / HTTP/1.1\r\nhost: x\r\n"])
async def test_a_head_that_does_not_come_is_given_up(port: int, start: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_S_MAX", 0.1)
    assert await asyncio.wait_for(_send(port, start), 20.0) == b""


async def test_a_body_may_take_longer_than_a_head(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_S_MAX", 0.05)
    head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\n"
    assert (await _send(port, head + b"ab", b"cd", pause_s=0.15)).endswith(b"4")


def _request(path: bytes, method: bytes = b"POST", line: bytes = b"") -> bytes:
    return method + b" /" + path + b" HTTP/1.1\r\nhost: x\r\n" + line + b"content-length: 2\r\n\r\nab"


def _undated(answer: bytes) -> bytes:
    return b"\r\n".join(each for each in answer.split(b"\r\n") if not each.startswith(b"date: "))


@pytest.mark.parametrize("method", [b"POST", b"GET", b"HEAD"])
@pytest.mark.parametrize("line", [b"", b"connection: close\r\n"])
async def test_an_answer_in_one_write_is_the_one_that_the_server_writes(writing_port: int, method: bytes, line: bytes) -> None:
    own = await _send(writing_port, _request(b"own", method, line), pause_s=0.05)
    assert _undated(await _send(writing_port, _request(b"whole", method, line), pause_s=0.05)) == _undated(own)
    assert own.startswith(b"HTTP/1.1 404")
    assert own.endswith(b"\r\n\r\n" if method == b"HEAD" else b'{"text":"something"}')


async def test_requests_that_come_together_are_answered_one_after_the_other(writing_port: int) -> None:
    paths = [b"whole", b"stream", b"whole", b"own"]
    answer = await _send(writing_port, b"".join(map(_request, paths)), pause_s=0.1)
    assert answer.count(b"HTTP/1.1 404 Not Found\r\n") == answer.count(b'{"text":"something"}') == 3
    assert answer.find(b"something") < answer.find(b"data: 1") < answer.rfind(b"something")


async def test_no_value_of_a_header_makes_another_line(writing_port: int) -> None:
    answer = await _send(writing_port, _request(b"broken"), pause_s=0.05)
    assert answer.startswith(b"HTTP/1.1 500") or answer == b""
    assert b"x-b" not in answer


async def test_a_body_that_is_here_is_handed_over_at_once(taking_port: int) -> None:
    assert (await _send(taking_port, _request(b"")[:-2], b"ab", pause_s=0.05)).endswith(b"(None, b'ab', b'')")
    assert (await _send(taking_port, _request(b""))).endswith(b"(b'ab', b'', b'')")
    waits = _request(b"", line=b"expect: 100-continue\r\n")
    answer = await _send(taking_port, waits, pause_s=0.05)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n")
    assert answer.endswith(b"(None, b'ab', b'')")


async def test_an_idle_connection_ends_half_a_second_after_its_last_use() -> None:
    clock = asyncio.get_running_loop().time
    async for port in _served(_answer, timeout_keep_alive=0.5):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        used_s, answers = clock(), 0
        try:
            for _ in range(4):
                writer.write(_request(b""))
                await asyncio.wait_for(reader.readuntil(b"\r\n\r\n2"), 20.0)
                used_s, answers = clock(), answers + 1
                await asyncio.sleep(0.2)
            assert await asyncio.wait_for(reader.read(), 20.0) == b""
        except (asyncio.IncompleteReadError, ConnectionError):  # a busy machine has slept for longer than that
            pass
        assert answers >= 1
        assert clock() - used_s >= 0.45
        writer.close()
