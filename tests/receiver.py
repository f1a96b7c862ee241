"""A receiver of webhooks over real sockets that can be as bad as receivers are: away, slow, failing, hanging up after it has
taken the body. It acts once on each id that is signed, as receivers do, and counts what it did."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Literal

from groundcrew.client import Webhook, verify_webhook
from groundcrew.errors import GroundcrewError

SECRET = "whsec_" + "QUJD" * 10

#: What becomes of one request: an HTTP status, none at all although the body was taken, or none before the body was read.
Behaviour = int | Literal["drop after", "drop before", "hang"]


class Receiver:
    """Listens on `port` of this machine between `start` and `stop`; may be started again on the same port."""

    def __init__(self, secrets: Sequence[str] = (SECRET,)) -> None:
        self.secrets = tuple(secrets)
        self.behave: Callable[[int], Behaviour] = lambda _number: 200
        self.headers: dict[str, str] = {}
        self.requests = 0
        self.refused: list[str] = []
        self.effects: Counter[str] = Counter()
        self.messages: list[Webhook] = []
        self.bodies: list[bytes] = []
        self.open = self.open_most = 0
        self.delay_s = 0.0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Receiver:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while await self._answer(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        self.requests += 1
        behaviour = self.behave(self.requests)
        if behaviour == "drop before":
            return False
        self.open += 1
        self.open_most = max(self.open, self.open_most)
        try:
            headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in head[1:]) if name}
            body = await reader.readexactly(int(headers["content-length"]))
            await asyncio.sleep(self.delay_s)
            if behaviour == "hang":
                await asyncio.sleep(3_600)
            status = 200 if behaviour == "drop after" else int(behaviour)
            if status == 200:
                status = self._act(headers, body)
            if behaviour == "drop after":
                return False
        finally:
            self.open -= 1
        more = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        writer.write(f"HTTP/1.1 {status} Whatever\r\ncontent-length: 2\r\n{more}\r\nok".encode())
        await writer.drain()
        return True

    def _act(self, headers: dict[str, str], body: bytes) -> int:
        self.bodies.append(body)
        if not self.secrets:
            return 200
        try:
            message = verify_webhook(headers, body, self.secrets)
        except GroundcrewError as error:
            self.refused.append(str(error))
            return 400
        if not self.effects[message.id]:
            self.messages.append(message)
            self.effects[message.id] += 1
        return 200
