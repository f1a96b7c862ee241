"""The keeper of deliveries against real sockets: what waits is sent once, in order, through whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.receiver import SECRET, Behaviour, Receiver
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain import delivery as rules
from groundcrew.domain.delivery import Channel
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.use_case import SignOffRule
from groundcrew.domain.webhook import new_secret
from groundcrew.errors import InputError
from groundcrew.gateway.http_client import HttpClient
from groundcrew.gateway.webhook_client import WebhookClient
from groundcrew.jobs.delivery_keeper import CHANNEL_SENDS_MAX, DeliveryKeeper
from groundcrew.jobs.delivery_senders import Senders
from groundcrew.services import deliveries
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
    assert (await services.audit.verify()).problems == ()


async def test_a_receiver_that_is_away_gets_everything_once_it_is_back(services: Services) -> None:
    receiver = Receiver()
    await receiver.start()
    await receiver.stop()
    await channel(services, "hook", receiver.url)
    await put(services, *(f"k/{each}" for each in range(10)))
    async with keeping(services):

        async def tried() -> bool:
            return all(each.attempts >= 2 for each in await services.deliveries.find())

        await bank.until(tried)
        assert {each.last_error for each in await services.deliveries.find()} == {
            "127.0.0.1 can not be reached (ConnectionRefusedError)"
        }
        async with receiver:
            await bank.until(all_are(services, "delivered"))
    assert dict(receiver.effects) == {f"k/{each}": 1 for each in range(10)}


@pytest.mark.parametrize("behaviour", [500, 302, "drop before", "drop after"])
async def test_what_fails_on_the_way_is_sent_again_and_is_one_effect(services: Services, behaviour: Behaviour) -> None:
    async with Receiver() as receiver, keeping(services):
        receiver.headers = {"location": receiver.url + "/elsewhere"}
        receiver.behave = lambda number: behaviour if number <= 6 else 200
        await channel(services, "hook", receiver.url)
        await put(services, "a", "b", "c")
        await bank.until(all_are(services, "delivered"))
    assert dict(receiver.effects) == {"a": 1, "b": 1, "c": 1}
    assert receiver.requests >= 9
    assert not receiver.refused


async def test_what_is_about_the_same_comes_in_order(services: Services) -> None:
    async with Receiver() as receiver, keeping(services):
        receiver.behave = lambda number: 503 if number % 3 else 200
        await channel(services, "hook", receiver.url)
        keys = [f"order/{each}" for each in range(8)]
        await put(services, *keys, subject="case/1")
        await bank.until(all_are(services, "delivered"))
    assert [each.id for each in receiver.messages] == keys


async def test_a_slow_receiver_holds_up_nobody_else(services: Services) -> None:
    async with Receiver() as slow, Receiver() as quick, keeping(services):
        slow.behave = lambda _number: "hang"
        await channel(services, "slow", slow.url)
        await channel(services, "hook", quick.url)
        await put(services, *(f"slow/{each}" for each in range(20)), to="slow")
        await bank.until(lambda: _is(slow.open == CHANNEL_SENDS_MAX))
        await put(services, *(f"quick/{each}" for each in range(20)))
        await bank.until(lambda: _is(len(quick.effects) == 20))
        assert slow.open_most == CHANNEL_SENDS_MAX, "it is asked no more than a few at a time"


async def test_a_receivers_wish_is_granted(services: Services) -> None:
    async with Receiver() as receiver, keeping(services):
        receiver.behave, receiver.headers = lambda _number: 429, {"retry-after": "3600"}
        await channel(services, "hook", receiver.url)
        await put(services, "a")
        await bank.until(lambda: _is(receiver.requests == 1))

        async def noted() -> bool:
            return (await services.deliveries.get("a")).last_error != ""

        await bank.until(noted)
    view = await services.deliveries.get("a")
    assert view.next_attempt_at is not None
    left_s = (view.next_attempt_at - services.database.clock.now()).total_seconds()
    assert 3_500 < left_s <= 3_600
    assert receiver.requests == 1


async def test_one_that_is_gone_or_too_late_has_failed_for_all_to_see_and_may_be_sent_again(
    services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with Receiver() as receiver, keeping(services):
        receiver.behave = lambda _number: 410
        await channel(services, "hook", receiver.url)
        await put(services, "gone")
        await bank.until(all_are(services, "failed"))
        assert receiver.requests == 1
        receiver.behave = lambda _number: 500
        monkeypatch.setattr(deliveries, "GIVE_UP_AFTER_S", 0.1)
        await put(services, "late")
        await bank.until(all_are(services, "failed"))
        view = await services.deliveries.get("late")
        assert view.last_error == "the receiver answered with HTTP 500"
        assert view.delivery.failed_at is not None
        assert "late through hook has failed" in caplog.text
        (counted,) = await services.deliveries.channels()
        assert (counted.pending, counted.delivered, counted.failed) == (0, 0, 2)
        receiver.behave = lambda _number: 200
        for key in ("gone", "late"):
            with pytest.raises(InputError):
                await services.deliveries.replay(key, actor="user:anna", reason=" ")
            await services.deliveries.replay(key, actor="user:anna", reason="it is repaired")
        await bank.until(all_are(services, "delivered"))
        # One that was taken can be sent again too: under its id, so that it is no second effect.
        await services.deliveries.replay("late", actor="user:anna", reason="they lost it")
        await bank.until(lambda: _is(len(receiver.bodies) == 3))
        await bank.until(all_are(services, "delivered"))
    assert dict(receiver.effects) == {"gone": 1, "late": 1}


async def test_nothing_leaves_for_where_it_may_not(services: Services) -> None:
    async with Receiver() as receiver:
        await channel(services, "private", receiver.url, networks=())
        await channel(services, "metadata", "https://169.254.169.254/latest")
        await channel(services, "plain", "http://198.51.100.7/hook", networks=("198.51.100.0/24",))
        await channel(services, "unsigned", receiver.url, secret="env:NOT_THERE")
        await channel(services, "unresolved", "env:NOT_THERE")
        for name in ("private", "metadata", "plain", "unsigned", "unresolved", "unknown"):
            await put(services, name, to=name)
        async with keeping(services):

            async def tried() -> bool:
                return all(each.last_error for each in await services.deliveries.find())

            await bank.until(tried)
            errors = {each.delivery.id: each.last_error for each in await services.deliveries.find()}
    assert receiver.requests == 0
    assert "not public" in errors["private"]
    assert "not public" in errors["metadata"]
    assert "plain http goes to this machine only" in errors["plain"]
    assert errors["unsigned"] == "the channel's secret (env:NOT_THERE) can not be resolved"
    assert errors["unresolved"] == "the channel's url (env:NOT_THERE) can not be resolved"
    assert errors["unknown"] == "no channel unknown is declared"


async def test_a_stop_while_a_connection_is_made_keeps_the_text_back(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection may take seconds: a stop that was confirmed meanwhile holds."""
    receiver = Receiver()
    await receiver.start()
    await receiver.stop()
    await channel(services, "hook", receiver.url)
    rule = SignOffRule(when="always", qualification="service-agent", webhook="hook")
    await bank.apply(services, use_cases=[bank.use_case(sign_off=rule)])
    signer = await services.users.create(
        "anna", "a long password", roles=("reviewer",), qualifications=("service-agent",), actor="user:admin"
    )
    call = bank.call(
        status="held",
        answer="",
        sign_off_id=new_id(),
        withheld_answer="We refund CHF 900.",
        received_at=services.database.clock.now(),
    )
    await services.calls.ship([call], gateway="gateway-1")
    scope, connect, stopped = Scope("use-case", bank.NAME), HttpClient._connection, asyncio.Event()

    async def connect_slowly(client: HttpClient, *given: Any, **named: Any) -> Any:
        connection = await connect(client, *given, **named)
        if not stopped.is_set():
            await services.kill_switches.stop(scope, actor="user:bob", reason="wrong refunds")
            stopped.set()
        return connection

    monkeypatch.setattr(HttpClient, "_connection", connect_slowly)
    async with receiver, keeping(services, held_s=0.05):
        await services.sign_offs.decide(str(call.sign_off_id), "approve", signer=signer)
        await stopped.wait()

        async def held() -> bool:
            (view,) = await services.deliveries.find()
            return view.last_error.startswith("waits:")

        await bank.until(held)
        assert receiver.requests == 0
        people = ("user:bob", "user:carla")
        await bank.accounts(services, *people)
        for who in people:
            await services.kill_switches.resume(scope, actor=who, reason="repaired")
        await bank.until(all_are(services, "delivered"))
    (message,) = receiver.messages
    assert message.data["text"] == "We refund CHF 900."


async def test_while_a_secret_changes_both_sign(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    new = new_secret()
    monkeypatch.setenv("NEW_SECRET", new)
    async with Receiver(secrets=[SECRET]) as late, Receiver(secrets=[new]) as early, keeping(services):
        await channel(services, "late", late.url, secret="env:NEW_SECRET", old_secrets=("env:HOOK_SECRET", "env:NOT_THERE"))
        await channel(services, "early", early.url, secret="env:NEW_SECRET", old_secrets=("env:HOOK_SECRET",))
        await put(services, "a", to="late")
        await put(services, "b", to="early")
        await bank.until(all_are(services, "delivered"))
    assert (dict(late.effects), dict(early.effects)) == ({"a": 1}, {"b": 1})


async def test_who_stops_lets_go_at_once(services: Services) -> None:
    async with Receiver() as receiver:
        receiver.behave = lambda _number: "hang"
        await channel(services, "hook", receiver.url)
        await put(services, "a")
        async with keeping(services):
            await bank.until(lambda: _is(receiver.open == 1))
        receiver.behave = lambda _number: 200
        async with keeping(services):
            await bank.until(all_are(services, "delivered"), within_s=20)


@pytest.mark.postgres
async def test_several_servers_send_each_once(postgres_url: str, tmp_path: Path, prepared: Prepared) -> None:
    prepared.copy("declared", postgres_url)
    async with contextlib.AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(bank.opened(postgres_url, tmp_path, None, bare=True)) for _ in range(3)]
        receiver = await stack.enter_async_context(Receiver())
        await channel(servers[0], "hook", receiver.url)
        await put(servers[0], *(f"k/{each}" for each in range(60)))
        for each in servers:
            await stack.enter_async_context(keeping(each))
        await bank.until(all_are(servers[0], "delivered"), within_s=20, every_s=0.05)
        assert len(receiver.effects) == 60
        assert receiver.requests == 60, "each was taken by one of them"
        assert (await servers[0].audit.verify()).problems == ()


async def _is(so: bool) -> bool:
    return so
