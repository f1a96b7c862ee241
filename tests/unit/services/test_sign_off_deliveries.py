"""What leaves of a sign-off through a channel: the signed bytes or nothing, once, and never while its use case is stopped."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.delivery import Channel, Delivery, Held, NotTaken
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.use_case import SignOffRule
from groundcrew.domain.user import User
from groundcrew.services.bundle import Services
from groundcrew.services.sign_off_deliveries import no_longer_pending, outgoing
from groundcrew.store import catalog
from groundcrew.testing import FakeClock

DRAFT = "We refund CHF 900."
HOOK = Channel(name="app", kind="webhook", url="https://app.example/hooks", secret="env:S")
RULE = SignOffRule(when="always", qualification="service-agent", webhook="app")


@pytest.fixture
async def services(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    clock: FakeClock = prepared.copy("declared", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        async with services.database.write("user:admin") as writer:
            await catalog.CHANNELS.put(writer, HOOK, "apply")
        await bank.apply(services, use_cases=[bank.use_case(sign_off=RULE)])
        yield services


@pytest.fixture
async def signer(services: Services) -> User:
    return await services.users.create(
        "anna", "a long password", roles=("reviewer",), qualifications=("service-agent",), actor="user:admin"
    )


async def held(services: Services) -> str:
    call = bank.call(status="held", answer="", sign_off_id=new_id(), withheld_answer=DRAFT)
    await services.calls.ship([call], gateway="gateway-1")
    assert call.sign_off_id is not None
    return call.sign_off_id


async def told(services: Services) -> list[Delivery]:
    return [each.delivery for each in await services.deliveries.find()]


async def test_a_released_text_leaves_as_it_was_signed(services: Services, signer: User) -> None:
    sign_off_id = await held(services)
    assert await told(services) == []
    assert await no_longer_pending(services.database, [sign_off_id, "unknown"]) == set()
    signed = await services.sign_offs.decide(sign_off_id, "edit", signer=signer, text="We refund CHF 90.")
    assert await no_longer_pending(services.database, [sign_off_id, "unknown"]) == {sign_off_id}
    (delivery,) = await told(services)
    assert (delivery.id, delivery.event) == (f"sign-off/{sign_off_id}/released", "sign_off.released")
    assert "text" not in delivery.body, "the outbox holds no text"
    left = await outgoing(services.database, delivery, HOOK)
    assert left == {**delivery.body, "text": "We refund CHF 90."}
    assert left["sha256"] == signed.signed_sha256
    assert "anna" not in str(left), "who signed is in the audit log"
    room = Channel(name="room", kind="slack", url="env:ROOM")
    assert await outgoing(services.database, delivery, room) == delivery.body, "no text in a room"


async def test_one_byte_that_differs_keeps_it_from_leaving(services: Services, signer: User) -> None:
    sign_off_id = await held(services)
    signed = await services.sign_offs.decide(sign_off_id, "approve", signer=signer)
    (delivery,) = await told(services)
    other = msgspec.structs.replace(delivery, body={**delivery.body, "sha256": "0" * 64})
    with pytest.raises(NotTaken, match="not the one that was signed") as refused:
        await outgoing(services.database, other, HOOK)
    assert refused.value.is_final
    changed = msgspec.structs.replace(signed, final_text=DRAFT.replace("900", "901"))
    async with services.database.operate() as connection:
        table = catalog.SIGN_OFFS.table
        document = msgspec.json.encode(changed).decode()
        await connection.execute(table.update().where(table.c.id == sign_off_id).values(document=document))
    with pytest.raises(NotTaken, match="nothing leaves") as refused:
        await outgoing(services.database, delivery, HOOK)
    assert refused.value.is_final
    gone = msgspec.structs.replace(delivery, body={**delivery.body, "id": "unknown"})
    with pytest.raises(NotTaken, match="nothing leaves"):
        await outgoing(services.database, gone, HOOK)


async def test_nothing_is_released_while_its_use_case_is_stopped(services: Services, signer: User) -> None:
    sign_off_id = await held(services)
    await services.sign_offs.decide(sign_off_id, "approve", signer=signer)
    (delivery,) = await told(services)
    await services.kill_switches.stop(Scope("use-case", bank.NAME), actor="user:bob", reason="wrong refunds")
    with pytest.raises(Held, match="kill switch"):
        await outgoing(services.database, delivery, HOOK)
    await bank.accounts(services, "user:bob", "user:carla")
    for who in ("user:bob", "user:carla"):
        await services.kill_switches.resume(Scope("use-case", bank.NAME), actor=who, reason="repaired")
    assert (await outgoing(services.database, delivery, HOOK))["text"] == DRAFT


async def test_a_rejection_tells_why_and_no_text(services: Services, signer: User) -> None:
    sign_off_id = await held(services)
    await services.sign_offs.decide(sign_off_id, "reject", signer=signer, comment="the sum is wrong")
    (delivery,) = await told(services)
    assert delivery.id == f"sign-off/{sign_off_id}/rejected"
    left = await outgoing(services.database, delivery, HOOK)
    assert (left["state"], left["comment"], left["sha256"]) == ("rejected", "the sum is wrong", None)
    assert "text" not in left
    assert DRAFT not in str(left)


async def test_a_message_that_may_not_go_now_waits_and_counts_no_attempt(services: Services) -> None:
    sent = await services.deliveries.test("app", actor="user:maria")
    (sending,) = await services.deliveries.due(owner="one", room={}, room_default=4, most=4, lease_s=60)
    assert await services.deliveries.due(owner="two", room={}, room_default=4, most=4, lease_s=60) == []
    await services.deliveries.held(sending, "waits: stopped", owner="one", for_s=30)
    view = await services.deliveries.get(sent.id)
    assert (view.delivery.state, view.attempts, view.last_error) == ("pending", 0, "waits: stopped")
    await services.deliveries.taken([sending], owner="one")
    assert (await services.deliveries.get(sent.id)).delivery.state == "pending", "the lease was given back: it changes nothing"


async def test_what_a_dead_server_had_taken_goes_to_another_one(services: Services) -> None:
    clock = services.database.clock
    assert isinstance(clock, FakeClock)
    sent = await services.deliveries.test("app", actor="user:maria")
    (first,) = await services.deliveries.due(owner="one", room={}, room_default=4, most=4, lease_s=60)
    clock.advance(61)
    (second,) = await services.deliveries.due(owner="two", room={}, room_default=4, most=4, lease_s=60)
    assert second.run.attempts == 2
    await services.deliveries.not_taken(first, NotTaken("late news"), owner="one")
    await services.deliveries.taken([second], owner="two")
    view = await services.deliveries.get(sent.id)
    assert (view.delivery.state, view.attempts, view.last_error) == ("delivered", 2, "")
