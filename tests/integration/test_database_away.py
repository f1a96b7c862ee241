"""The database goes away while the server runs: calls go on, readiness says so, and nothing is lost when it is back."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.server import Server, pending, running
from tests.load.clients import Load, declare
from tests.unit.services import bank

from groundcrew.services.bundle import open_services
from groundcrew.testing import FakeUpstream

CALLS = 40
BACK_S_MAX = 40.0


class Proxy:
    """Passes bytes to a database server on the loopback address, until it is cut."""

    def __init__(self, port: int) -> None:
        self._target, self._loop = port, asyncio.new_event_loop()
        self._ready = threading.Event()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen(0))
        self._ready.set()
        self._loop.run_forever()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _listen(self, port: int) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        self._open.add(back)
        await asyncio.gather(self._pass(reader, back), self._pass(there, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    def cut(self) -> None:
        """Close every connection and accept no more."""

        async def work() -> None:
            assert self._server is not None
            self._server.close()
            for writer in self._open:
                writer.transport.abort()
            self._open.clear()

        asyncio.run_coroutine_threadsafe(work(), self._loop).result(10)

    def mend(self) -> None:
        """Accept connections again, on the same port."""
        asyncio.run_coroutine_threadsafe(self._listen(self.port), self._loop).result(10)

    def close(self) -> None:
        """End it."""
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


@pytest.fixture
def proxy(postgres_url: str) -> Iterator[tuple[Proxy, str]]:
    head, _, tail = postgres_url.rpartition("@")
    port, _, name = tail.partition(":")[2].partition("/")
    proxy = Proxy(int(port))
    yield proxy, f"{head}@127.0.0.1:{proxy.port}/{name}"
    proxy.close()


async def database_is(server: Server, *, there: bool) -> None:
    """Wait until /readyz says so."""

    async def said() -> bool:
        return bool((await asyncio.to_thread(readiness, server))["parts"]["database"]["ok"]) == there

    await bank.until(said, within_s=BACK_S_MAX, every_s=0.1)


def readiness(server: Server) -> dict[str, Any]:
    try:
        return server.ready()
    except urllib.error.HTTPError as error:
        if error.code != 503:
            raise
        with error:
            found: dict[str, Any] = json.loads(error.read())
        return found


@pytest.mark.postgres
@pytest.mark.slow
async def test_calls_go_on_while_the_database_is_away_and_none_is_lost(
    proxy: tuple[Proxy, str], postgres_url: str, tmp_path: Path
) -> None:
    line, url = proxy
    data, storage = tmp_path / "data", ("--database-url", url)
    with FakeUpstream("Hello.") as upstream:
        secret = await asyncio.to_thread(declare, upstream.url, data, *storage)
        with running(data, *storage) as server:
            before = await Load(server.url, secret, CALLS).run()
            line.cut()
            await database_is(server, there=False)
            meanwhile = await Load(server.url, secret, CALLS).run()
            line.mend()
            await database_is(server, there=True)
            await asyncio.to_thread(server.wait_until_shipped)
            after = await Load(server.url, secret, CALLS).run()
            await asyncio.to_thread(server.wait_until_shipped)
            assert pending(server.ready()) == 0
    for found in (before, meanwhile, after):
        assert (found.errors, found.broken, len(found.answers)) == ([], 0, CALLS)
    services = await open_services(postgres_url, data)
    recorded = {call.id for call in await services.calls.latest(limit=1_000)}
    problems = (await services.audit.verify()).problems
    await services.database.close()
    assert recorded == {*before.answers, *meanwhile.answers, *after.answers}
    assert problems == ()
