"""The HTTP client towards providers: connections that are reused, answers of every framing, bounds on size and time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from groundcrew.gateway.http_client import HttpClient
from groundcrew.gateway.http_connection import BrokenOff, Connection, NoConnection, TimedOut, TooLarge
from groundcrew.gateway.http_origins import split_url

Handler = Callable[[int, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Server:
    """A raw server: `handler` gets the number of the connection."""

    def __init__(self) -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self.url = ""


@contextlib.asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[Server]:
    server = Server()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await handler(server.connections, reader, writer)
        writer.close()

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/x"
    try:
        yield server
    finally:
        listener.close()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    return head + await reader.readexactly(length)


def always(*pieces: bytes | float, close: bool = False) -> Handler:
    """Answer every request with `pieces`; a number is a pause in seconds."""

    async def handle(_: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            for piece in pieces:
                if isinstance(piece, float):
                    await asyncio.sleep(piece)
                else:
                    writer.write(piece)
                    await writer.drain()
            if close:
                return

    return handle


@contextlib.asynccontextmanager
async def client(connections_max: int = 4) -> AsyncIterator[HttpClient]:
    made = HttpClient(connections_max=connections_max, connect_s_max=2.0)
    try:
        yield made
    finally:
        await made.close()


async def post(made: HttpClient, url: str, *, whole: bool = True, wait_s: float = 5.0, limit: int = 1_000_000) -> Connection:
    deadline_s = asyncio.get_running_loop().time() + wait_s
    return await made.post(url, b"x-a: b\r\n", b"{}", deadline_s=deadline_s, limit=limit, whole=whole)


async def body_of(made: HttpClient, url: str, **fields: float) -> bytes:
    connection = await post(made, url, **fields)  # type: ignore[arg-type]
    body = await connection.everything()
    connection.done()
    return body


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (always(OK), b"ok"),
        (always(CHUNKED + b"1\r\no\r\n", b"1\r\nk\r\n0\r\n\r\n"), b"ok"),
        (always(b"HTTP/1.1 200 OK\r\n\r\no", b"k", close=True), b"ok"),
        (always(b"HTTP/1.1 100 Continue\r\n\r\n", OK), b"ok"),
        (always(b"HTTP/1.1 204 No Content\r\n\r\n"), b""),
        (always(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), b""),
    ],
    ids=["length", "chunks", "until it closes", "interim answer", "no content", "empty"],
)
async def test_answers_of_every_framing_are_read(handler: Handler, expected: bytes) -> None:
    async with serving(handler) as server, client() as made:
        assert await body_of(made, server.url) == expected
        assert await body_of(made, server.url) == expected


async def test_what_is_sent_late_is_asked_for_once_there_is_a_connection_and_again_with_the_next_one() -> None:
    bodies: list[bytes] = []
    hang_up = asyncio.Event()

    async def handle(_number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bodies.append((await read_request(reader)).rpartition(b"\r\n\r\n")[2])
        writer.write(OK)
        await hang_up.wait()

    async with serving(handle) as server, client() as made:
        asked: list[int] = []

        async def late() -> tuple[bytes, bytes]:
            asked.append(len(made))
            if len(asked) == 2:  # the connection is kept from the first call, and the other side closes it meanwhile
                hang_up.set()
                while len(made):  # noqa: ASYNC110  (the client has no event for it)
                    await asyncio.sleep(0.01)
            return b"x-late: yes\r\n", b"%d" % len(asked)

        async def refuse() -> tuple[bytes, bytes]:
            raise ValueError("nothing leaves")

        for _ in range(2):
            deadline_s = asyncio.get_running_loop().time() + 5
            connection = await made.post(server.url, b"", b"", deadline_s=deadline_s, limit=9, whole=True, late=late)
            connection.done()
        assert (asked, bodies) == ([1, 1, 1], [b"1", b"3"])
        with pytest.raises(ValueError, match="nothing leaves"):
            await made.post(server.url, b"", b"", deadline_s=deadline_s, limit=9, whole=True, late=refuse)
        assert len(bodies) == 2


async def test_a_connection_serves_one_call_after_the_other() -> None:
    async with serving(always(OK)) as server, client() as made:
        for _ in range(5):
            assert await body_of(made, server.url) == b"ok"
        assert (server.connections, len(made), made.idle) == (1, 1, 1)


async def test_a_connection_that_was_closed_while_idle_is_tried_anew() -> None:
    async def handle(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        await writer.drain()
        if number == 1:  # takes the next request and goes away without a word
            await read_request(reader)
            return
        await always(OK)(number, reader, writer)

    async with serving(handle) as server, client() as made:
        assert await body_of(made, server.url) == b"ok"
        assert await body_of(made, server.url) == b"ok"
        assert server.connections == 2


async def test_a_new_connection_that_breaks_is_not_tried_anew() -> None:
    async def handle(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)

    async with serving(handle) as server, client() as made:
        with pytest.raises(BrokenOff):
            await body_of(made, server.url)
        assert (server.connections, len(made)) == (1, 0)


async def read_all(made: HttpClient, url: str, *, whole: bool) -> bytes:
    connection = await post(made, url, whole=whole, wait_s=0.3, limit=1_000)
    try:
        return await connection.everything()
    finally:
        connection.abort()


@pytest.mark.parametrize(
    ("handler", "failure"),
    [
        (always(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", close=True), BrokenOff),
        (always(b"nonsense\r\n\r\n"), BrokenOff),
        (always(CHUNKED + b"zz\r\n"), BrokenOff),
        (always(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"), BrokenOff),
        (always(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000 + b"\r\n\r\n"), TooLarge),
        (always(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 300 + b"\r\n"), TooLarge),
        (always(CHUNKED + b"ffff\r\n" + b"y" * 0xFFFF + b"\r\n"), TooLarge),
        (always(1.0, OK), TimedOut),
        (always(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no", 1.0, b"k"), TimedOut),
    ],
    ids=["cut", "nonsense", "bad chunk", "upgrade", "long header", "many headers", "large", "late", "slow"],
)
@pytest.mark.parametrize("whole", [False, True])
async def test_what_is_wrong_ends_the_call_and_its_connection(handler: Handler, failure: type[Exception], whole: bool) -> None:
    async with serving(handler) as server, client() as made:
        with pytest.raises(failure):
            await read_all(made, server.url, whole=whole)
        assert len(made) == 0


async def test_nobody_there_is_told() -> None:
    async with client() as made:
        with pytest.raises(NoConnection):
            await body_of(made, "http://127.0.0.1:9/x")
        assert len(made) == 0


async def test_a_stream_comes_as_it_comes_and_its_gap_is_bounded() -> None:
    handler = always(CHUNKED + b"2\r\nab\r\n", 0.05, b"2\r\ncd\r\n", 2.0, b"0\r\n\r\n")
    async with serving(handler) as server, client() as made:
        connection = await post(made, server.url, whole=False)
        loop = asyncio.get_running_loop()
        assert await connection.some(loop.time() + 2) == b"ab"
        assert await connection.some(loop.time() + 2) == b"cd"
        with pytest.raises(TimedOut):
            await connection.some(loop.time() + 0.1)
        connection.done()
        assert len(made) == 0


async def test_a_reader_that_is_slow_holds_the_sender_up() -> None:
    sent = 0

    async def handle(_: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(CHUNKED)
        for _ in range(400):
            writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            await writer.drain()
            sent += 0x10000
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async with serving(handle) as server, client() as made:
        connection = await post(made, server.url, whole=False, limit=100_000_000)
        loop = asyncio.get_running_loop()
        await connection.some(loop.time() + 2)
        await asyncio.sleep(0.3)
        assert sent < 20_000_000
        size = 0
        while data := await connection.some(loop.time() + 5):
            size += len(data)
        assert size > 20_000_000
        connection.done()


async def test_an_answer_that_is_told_to_be_over_gives_its_connection_back_when_it_is() -> None:
    async with serving(always(CHUNKED + b"4\r\ndone\r\n", 0.05, b"0\r\n\r\n")) as server, client() as made:
        for _ in range(3):
            connection = await post(made, server.url, whole=False)
            assert await connection.some(asyncio.get_running_loop().time() + 2) == b"done"
            connection.finish()
            for _ in range(100):
                if made.idle:
                    break
                await asyncio.sleep(0.01)
        assert (server.connections, len(made), made.idle) == (1, 1, 1)


async def test_an_answer_that_goes_on_after_its_end_loses_its_connection() -> None:
    async with serving(always(CHUNKED + b"4\r\ndone\r\n", 0.05, b"8000\r\n" + b"x" * 0x8000)) as server, client() as made:
        connection = await post(made, server.url, whole=False)
        await connection.some(asyncio.get_running_loop().time() + 2)
        connection.finish()
        for _ in range(200):
            if not len(made):
                break
            await asyncio.sleep(0.01)
        assert len(made) == 0


async def test_calls_wait_for_a_connection_and_idle_ones_give_way() -> None:
    async with serving(always(0.05, OK)) as first, serving(always(OK)) as second, client(connections_max=2) as made:
        bodies = await asyncio.gather(*(body_of(made, first.url) for _ in range(6)))
        assert bodies == [b"ok"] * 6
        assert first.connections <= 6
        assert len(made) <= 2
        assert await body_of(made, second.url) == b"ok"
        assert len(made) <= 2
    async with serving(always(1.0, OK)) as slow, client(connections_max=1) as made:
        waiting = asyncio.ensure_future(body_of(made, slow.url))
        await asyncio.sleep(0.05)
        with pytest.raises(TimedOut):
            await body_of(made, slow.url, wait_s=0.1)
        assert await waiting == b"ok"


async def test_a_call_that_is_cancelled_drops_its_connection() -> None:
    async with serving(always(5.0, OK)) as server, client() as made:
        work = asyncio.ensure_future(body_of(made, server.url))
        await asyncio.sleep(0.1)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        assert (server.connections, len(made)) == (1, 0)


async def test_closing_ends_the_calls_under_way() -> None:
    async with serving(always(5.0, OK)) as server, client() as made:
        work = asyncio.ensure_future(body_of(made, server.url))
        await asyncio.sleep(0.1)
        await made.close()
        with pytest.raises(BrokenOff):
            await work


@pytest.mark.parametrize(
    "url", ["ftp://a/b", "http://", "http://u:p@h/x", "http://h/a b", "http://h/\u00e4", "not a url", "http://h/a\r\nx: y"]
)
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        split_url(url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://h.example/v1?a=b", (("h.example", 443, True, ""), "/v1?a=b", "h.example")),
        ("http://h.example:8080", (("h.example", 8080, False, ""), "/", "h.example:8080")),
        ("http://[::1]:9/x", (("::1", 9, False, ""), "/x", "[::1]:9")),
    ],
)
def test_addresses_are_taken_apart(url: str, expected: tuple[object, str, str]) -> None:
    assert split_url(url) == expected
