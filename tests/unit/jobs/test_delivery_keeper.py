"""The keeper of deliveries against real sockets: what waits is sent once, in order, through whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.receiver import SECRET, Receiver
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain import delivery as rules
from groundcrew.domain.delivery import Channel
from groundcrew.gateway.webhook_client import WebhookClient
from groundcrew.jobs.delivery_keeper import DeliveryKeeper
from groundcrew.jobs.delivery_senders import Senders
from groundcrew.services.bundle import Services
from groundcrew.services.deliveries import enqueue
from groundcrew.settings import Settings
from groundcrew.store import catalog

LOOPBACK = ("127.0.0.0/8",)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.setattr(rules, "BACKOFF_S", 0.02)
    monkeypatch.setattr(rules, "BACKOFF_S_MAX", 0.2)


@pytest.fixture
async def services(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    prepared.copy("declared", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, None, bare=True) as services:
        yield services


@contextlib.asynccontextmanager
async def keeping(services: Services, **more: Any) -> AsyncIterator[DeliveryKeeper]:
    keeper = DeliveryKeeper(services, Senders(WebhookClient(), Settings()), poll_s=0.02, **more)
    task = asyncio.create_task(keeper.run())
    try:
        yield keeper
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def channel(services: Services, name: str, url: str, **more: Any) -> None:
    made = {"kind": "webhook", "secret": "env:HOOK_SECRET", "networks": LOOPBACK} | more
    async with services.database.write("user:admin") as writer:
        await catalog.CHANNELS.put(writer, Channel(name=name, url=url, **made), "apply")


async def put(services: Services, *keys: str, to: str = "hook", subject: str | None = None) -> None:
    async with services.database.write("test") as writer:
        for key in keys:
            await enqueue(writer, key=key, channel=to, event="test.done", subject=subject or key, body={"key": key})


async def states(services: Services) -> dict[str, str]:
    return {each.delivery.id: each.delivery.state for each in await services.deliveries.find(limit=1_000)}


def all_are(services: Services, state: str) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return set((await states(services)).values()) == {state}

    return look


async def test_a_message_is_signed_taken_and_noted(services: Services) -> None:
    async with Receiver() as receiver, keeping(services):
        await channel(services, "hook", receiver.url)
        await put(services, "a/one")
        await bank.until(all_are(services, "delivered"))
    (message,) = receiver.messages
    assert (message.id, message.type, message.data) == ("a/one", "test.done", {"key": "a/one"})
    view = await services.deliveries.get("a/one")
    assert (view.attempts, view.last_error, view.next_attempt_at) == (1, "", None)
    assert view.delivery.delivered_at is not None
    assert (await services.audit.verify()).ok
