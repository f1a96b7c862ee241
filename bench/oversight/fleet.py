"""Several gateways and a control plane as processes of their own on one PostgreSQL database, with streams through all of them
whose every word says when the provider wrote it: what a stop lets through shows by itself."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from tests.integration.server import Server, running
from tests.load.clients import declare

from groundcrew.services.bundle import Services, open_services
from groundcrew.testing import FakeUpstream, ReceivedRequest, Reply

#: Who resets a switch: two people with accounts.
RESETTERS = ("user:anna", "user:luca")
#: What the load's use case is called.
NAME = "load"
#: A stream goes on for so long unless it is cut, a word every `gap_s`.
STREAM_S = 600.0
START_S_MAX, LOOK_S = 120.0, 0.05
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


def endless(gap_s: float) -> Any:
    """A provider's script: a stream of moments (monotonic seconds), one every `gap_s`; a question for no stream gets a word."""

    def pieces() -> Iterator[bytes | float]:
        yield _HEAD
        ends_s = time.monotonic() + STREAM_S
        while time.monotonic() < ends_s:
            delta = {"choices": [{"index": 0, "delta": {"content": f"{time.monotonic():.6f} "}}]}
            yield b"data: " + msgspec.json.encode(delta) + b"\n\n"
            yield gap_s

    def script(request: ReceivedRequest) -> Reply:
        if not request.body.get("stream"):
            return Reply(text="word")
        return Reply(raw=pieces(), then="close")

    return script


async def _until(condition: Callable[[], bool]) -> None:
    for _ in range(int(START_S_MAX / LOOK_S)):
        if condition():
            return
        await asyncio.sleep(LOOK_S)
    raise AssertionError("it did not come to that")


class Stream(msgspec.Struct, kw_only=True):
    """One stream as its client sees it: when the words that reached it were written, and how it ended."""

    gateway: int
    words_s: list[float] = []
    received_s: list[float] = []
    code: str | None = None
    ended_s: float | None = None
    status: int | None = None


class Fleet:
    """The processes, and the streams through them."""

    def __init__(self, services: Services, gateways: list[Server], control: Server, secret: str, session: Any) -> None:
        self.services, self.gateways, self.control = services, gateways, control
        self._secret, self._session = secret, session
        self.streams: list[Stream] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def fill(self, number: int) -> None:
        """Open `number` streams, spread over the gateways, and wait until a word of each has come."""
        self.streams = [Stream(gateway=each % len(self.gateways)) for each in range(number)]
        self._tasks = [asyncio.create_task(self._follow(each)) for each in self.streams]
        await _until(lambda: all(each.words_s or each.ended_s for each in self.streams))
        refused = {(each.status, each.code) for each in self.streams if each.ended_s}
        assert not refused, refused

    async def ended(self) -> None:
        """Wait until every stream has ended."""
        await asyncio.wait_for(asyncio.gather(*self._tasks), START_S_MAX)

    async def probe(self, gateway: int, *, calls: int = 1) -> set[tuple[int, str | None]]:
        """Ask one gateway plain questions at once; status and error code of what it says."""
        return set(await asyncio.gather(*(self._ask(gateway) for _ in range(calls))))

    async def _ask(self, gateway: int) -> tuple[int, str | None]:
        body = {"messages": [{"role": "user", "content": "word?"}]}
        async with self._session.post(self._url(gateway), json=body, headers=self._headers()) as response:
            content = msgspec.json.decode(await response.read())
            return response.status, content.get("error", {}).get("code")

    async def _follow(self, stream: Stream) -> None:
        body = {"messages": [{"role": "user", "content": "go on"}], "stream": True}
        try:
            async with self._session.post(self._url(stream.gateway), json=body, headers=self._headers()) as response:
                stream.status = response.status
                async for line in response.content:
                    self._take(stream, line)
        except aiohttp.ClientError as error:
            stream.code = type(error).__name__
        finally:
            stream.ended_s = time.monotonic()

    @staticmethod
    def _take(stream: Stream, line: bytes) -> None:
        data = line.removeprefix(b"data: ").strip()
        if not data.startswith(b"{"):
            return
        event = msgspec.json.decode(data)
        if "error" in event:
            stream.code = event["error"]["code"]
        for choice in event.get("choices", ()):
            for word in (choice["delta"].get("content") or "").split():
                stream.words_s.append(float(word))
                stream.received_s.append(time.monotonic())

    def _url(self, gateway: int) -> str:
        return f"{self.gateways[gateway].url}/v1/chat/completions"

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._secret}"}

    async def start_again(self, scope: Any) -> None:
        """Two people reset the switch; wait until every gateway answers again."""
        for person in RESETTERS:
            await self.services.kill_switches.resume(scope, actor=person, reason="next round")
        await self.answers()

    async def answers(self) -> None:
        """Wait until every gateway answers."""
        for gateway in range(len(self.gateways)):
            for _ in range(int(START_S_MAX / LOOK_S)):
                if await self.probe(gateway) == {(200, None)}:
                    break
                await asyncio.sleep(LOOK_S)


@contextlib.asynccontextmanager
async def fleet(
    database_url: str,
    folder: Path,
    *,
    gateways: int,
    gap_s: float,
    confirm_s: float = 5.0,
    settings: Mapping[int, Mapping[str, str]] | None = None,
) -> AsyncIterator[Fleet]:
    """`gateways` gateways and a control plane, declared and answering; everything is ended with the context. `settings`: further
    variables of the environment of single gateways, by their number."""
    storage = ("--database-url", database_url)
    async with contextlib.AsyncExitStack() as stack:
        upstream = stack.enter_context(FakeUpstream(endless(gap_s)))
        secret = await asyncio.to_thread(declare, upstream.url, folder / "control", *storage)

        def start(name: str, part: str, extra: Mapping[str, str] | None = None) -> Server:
            return stack.enter_context(running(folder / name, *storage, part=part, extra=extra))

        services = await open_services(database_url, folder / "control", kill_confirm_s=confirm_s)
        stack.push_async_callback(services.database.close)
        # Before the servers start: a database that is stopped at once may lose what it was told within its last second.
        there = {each.name for each in await services.users.find()}
        for name in (each.removeprefix("user:") for each in RESETTERS):
            if name not in there:
                await services.users.create(name, "a long password", roles=("on_call",), actor="system:bench")
        control = await asyncio.to_thread(start, "control", "control")
        own = settings or {}
        servers = [await asyncio.to_thread(start, f"gateway-{each}", "gateway", own.get(each)) for each in range(gateways)]
        listening = asyncio.create_task(services.database.listen())
        stack.callback(listening.cancel)
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        session = await stack.enter_async_context(
            aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None, sock_read=120))
        )
        yield Fleet(services, servers, control, secret, session)
