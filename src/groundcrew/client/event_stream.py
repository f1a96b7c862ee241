"""Follows the event stream of a sign-off, from threads and from asyncio, only to hear when it is worth asking: what was
decided is read from the answer to a poll. Whatever is not as it should be ends the stream. Only the standard library."""

from __future__ import annotations

import asyncio
import ssl
import urllib.parse
from collections.abc import AsyncGenerator, Iterator
from typing import IO

#: Well above how often the server says that it is alive; a stream that is silent for longer is given up.
SILENCE_S_MAX = 20.0
LINE_BYTES_MAX = 8 * 1024 * 1024
HEAD_LINES_MAX = 100
_EVENT = b"event:"


def events(response: IO[bytes]) -> Iterator[str]:
    """For each line of an open answer the name of the event that it begins, "" for others; OSError where it breaks off."""
    while line := response.readline(LINE_BYTES_MAX):
        yield _name(line)


async def events_at(url: str, key: str, *, silence_s: float = SILENCE_S_MAX) -> AsyncGenerator[str, None]:
    """As `events`, of the stream at `url`, without a thread; OSError, TimeoutError or ValueError where it is none or breaks."""
    parts = urllib.parse.urlsplit(url)
    tls = ssl.create_default_context() if parts.scheme == "https" else None
    port = parts.port or (443 if tls else 80)
    async with asyncio.timeout(silence_s):
        reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=tls, limit=LINE_BYTES_MAX)
    try:
        lines = (
            "Host: " + parts.netloc,
            "Authorization: Bearer " + key,
            "Accept: text/event-stream",
            "Connection: close",
            "",
            "",
        )
        writer.write("\r\n".join((f"GET {parts.path} HTTP/1.1", *lines)).encode("latin-1"))
        in_chunks = await _check_head(reader, silence_s)
        rest = b""
        while part := await _part(reader, silence_s, in_chunks=in_chunks):
            *whole, rest = (rest + part).split(b"\n")
            if len(rest) > LINE_BYTES_MAX:
                raise ValueError("a line is too long")
            for line in whole:
                yield _name(line)
    finally:
        # Nothing more is to be said: not even TLS waits for the other side.
        writer.transport.abort()


def _name(line: bytes) -> str:
    return line.removeprefix(_EVENT).decode("utf-8", "replace").strip() if line.startswith(_EVENT) else ""


async def _line(reader: asyncio.StreamReader, silence_s: float) -> bytes:
    async with asyncio.timeout(silence_s):
        return await reader.readline()


async def _part(reader: asyncio.StreamReader, silence_s: float, *, in_chunks: bool) -> bytes:
    """The next bytes of the body, b"" at its end (RFC 9112, 7.1)."""
    if not in_chunks:
        async with asyncio.timeout(silence_s):
            return await reader.read(LINE_BYTES_MAX)
    size = int((await _line(reader, silence_s)).partition(b";")[0], 16)
    if not 0 <= size <= LINE_BYTES_MAX:
        raise ValueError("a chunk is too large")
    async with asyncio.timeout(silence_s):
        return (await reader.readexactly(size + 2))[:-2]


async def _check_head(reader: asyncio.StreamReader, silence_s: float) -> bool:
    """Whether the body comes in chunks; ValueError unless the answer is 200."""
    if b" 200" not in (await _line(reader, silence_s))[:16]:
        raise ValueError("no event stream")
    in_chunks = False
    for _ in range(HEAD_LINES_MAX):
        line = (await _line(reader, silence_s)).strip().lower()
        if not line:
            return in_chunks
        name, _, value = line.partition(b":")
        in_chunks = in_chunks or (name == b"transfer-encoding" and value.strip() == b"chunked")
    raise ValueError("the head is too long")
