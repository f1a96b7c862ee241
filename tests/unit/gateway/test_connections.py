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


async def _answer(scope: Any, receive: Any, send: Any) -> None:
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    content = str(size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(content)).encode())]})
    await send({"type": "http.response.body", "body": content})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(_answer, http=BoundedProtocol, ws="none", lifespan="off", log_level="error")
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
        return await asyncio.wait_for(reader.read(65_536), 5.0)
    except ConnectionError:
        return b""
    finally:
        writer.close()


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
    assert await asyncio.wait_for(_send(port, start), 2.0) == b""


async def test_a_body_may_take_longer_than_a_head(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_S_MAX", 0.05)
    head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\n"
    assert (await _send(port, head + b"ab", b"cd", pause_s=0.15)).endswith(b"4")
