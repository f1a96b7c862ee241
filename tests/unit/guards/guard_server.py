"""A guard on a real socket: answers as a script says, late, wrongly or not at all, and keeps what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

#: What to answer a question with: the JSON of a verdict, or the bytes of a whole HTTP answer; None leaves the connection open
#: without one.
Answer = dict[str, Any] | bytes | None
PASS: dict[str, Any] = {"verdict": "pass", "score": 0, "findings": []}


def http(body: bytes, *, status: str = "200 OK", headers: str = "content-type: application/json\r\n") -> bytes:
    """A whole HTTP answer."""
    return f"HTTP/1.1 {status}\r\n{headers}content-length: {len(body)}\r\n\r\n".encode() + body


class GuardServer:
    """Use it as an async context manager. `asked` holds the questions, `headers` each one's header lines in lower case."""

    def __init__(self, script: Callable[[dict[str, Any]], Answer] = lambda _question: PASS) -> None:
        self.script = script
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    async def __aenter__(self) -> GuardServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/check"
        self._writers: list[asyncio.StreamWriter] = []
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
                question = msgspec.json.decode(await reader.readexactly(int(headers["content-length"])))
                self.asked.append(question)
                self.headers.append({"": head[0], **headers})
                answer = self.script(question)
                if answer is not None:
                    writer.write(answer if isinstance(answer, bytes) else http(msgspec.json.encode(answer)))
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
