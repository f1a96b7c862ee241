"""Held answers: a qualified person decides once, a timeout never approves, and what was signed is what is released."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.call import Call
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.kill_switch import KillSwitch, Scope
from groundcrew.domain.sign_off import EXPIRES_AFTER_S
from groundcrew.domain.trust import ClaimScore, TrustReport
from groundcrew.domain.use_case import SignOffRule
from groundcrew.domain.user import User
from groundcrew.errors import Conflict, InputError, NotAllowed, NotFound, WouldBeMasked
from groundcrew.services.bundle import Services
from groundcrew.store import catalog
from groundcrew.testing import FakeClock

DRAFT = "We refund CHF 900."


@pytest.fixture
def clock(database_url: str, prepared: Prepared) -> FakeClock:
    return prepared.copy("declared", database_url)


@pytest.fixture
async def services(database_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Services]:
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        await declare(services)
        yield services


async def declare(services: Services, **rule: Any) -> None:
    said = SignOffRule(**{"when": "always", "qualification": "service-agent"} | rule)
    await bank.apply(services, use_cases=[bank.use_case(sign_off=said)])


@pytest.fixture
async def signer(services: Services) -> User:
    return await services.users.create(
        "anna", "a long password", roles=("reviewer",), qualifications=("service-agent",), actor="user:admin"
    )


async def held(services: Services) -> Call:
    call = bank.call(status="held", answer="", sign_off_id=new_id(), withheld_answer=DRAFT)
    await services.calls.ship([call], gateway="gateway-1")
    return call


async def test_a_held_call_opens_its_sign_off_in_the_same_transaction(services: Services) -> None:
    call = await held(services)
    (pending,) = await services.sign_offs.find(state="pending", use_case=bank.NAME)
    assert (pending.id, pending.call_id, pending.draft, pending.qualification) == (
        call.sign_off_id,
        call.id,
        DRAFT,
        "service-agent",
    )
    await services.calls.ship([call], gateway="gateway-1")
    assert await services.sign_offs.find() == [pending], "shipping again opens no second one"


async def test_approval_releases_the_draft_and_an_edit_the_edited_text(services: Services, signer: User) -> None:
    first, second = await held(services), await held(services)
    approved = await services.sign_offs.decide(str(first.sign_off_id), "approve", signer=signer)
    assert (approved.state, approved.final_text, approved.signer) == ("approved", DRAFT, "anna")
    edited = await services.sign_offs.decide(str(second.sign_off_id), "edit", signer=signer, text="We refund CHF 9.")
    assert (edited.state, edited.final_text) == ("edited", "We refund CHF 9.")
    assert edited.signed_sha256 == hashlib.sha256(b"We refund CHF 9.").hexdigest()
    with pytest.raises(Conflict, match="is approved"):
        await services.sign_offs.decide(approved.id, "reject", signer=signer, comment="second thoughts")


async def test_what_the_sources_contradict_is_not_signed_in_passing(services: Services, signer: User) -> None:
    claim = ClaimScore(start=0, end=len(DRAFT), support=0.02, contradicted=True)
    doubted = TrustReport(trust=0.02, state="unsupported", verifier="v1", claims=(claim,))
    call = bank.call(status="held", answer="", sign_off_id=new_id(), withheld_answer=DRAFT, withheld_trust=doubted)
    await services.calls.ship([call], gateway="gateway-1")
    waiting = str(call.sign_off_id)
    for decision, text in (("approve", None), ("edit", f"{DRAFT} Best regards")):
        with pytest.raises(InputError, match="contradict 1 of this draft's claims, first 'We refund CHF 900") as refused:
            await services.sign_offs.decide(waiting, decision, signer=signer, text=text)  # type: ignore[arg-type]
        assert refused.value.field == "contradictions_checked"
    with pytest.raises(InputError, match="contradict 1 of this draft's claims"):
        # One character less takes no contradiction out of a sentence.
        await services.sign_offs.decide(waiting, "edit", signer=signer, text=DRAFT.removesuffix("."))
    edited = await services.sign_offs.decide(waiting, "edit", signer=signer, text="Nothing can be said about that.")
    assert edited.final_text == "Nothing can be said about that.", "not a word of the claim stands in it"
    other = bank.call(status="held", answer="", sign_off_id=new_id(), withheld_answer=DRAFT, withheld_trust=doubted)
    await services.calls.ship([other], gateway="gateway-1")
    signed = await services.sign_offs.decide(str(other.sign_off_id), "approve", signer=signer, contradictions_checked=True)
    assert signed.final_text == DRAFT


async def test_an_edit_that_changes_nothing_approves_nothing_unsupported(services: Services, signer: User) -> None:
    waiting = str((await held(services)).sign_off_id)
    with pytest.raises(InputError, match="changes nothing"):
        await services.sign_offs.decide(waiting, "edit", signer=signer, text=DRAFT, grounded=False)


async def test_what_wrote_a_draft_is_stopped_with_it(services: Services, signer: User) -> None:
    """Whatever the use case has now: its model may have been swapped, and one of two providers stopped."""
    for scope, wrote in ((Scope("provider", "other"), {"provider": "other"}), (Scope("key", "k-1"), {"key_id": "k-1"})):
        call = bank.call(status="held", answer="", sign_off_id=new_id(), withheld_answer=DRAFT, **wrote)
        await services.calls.ship([call], gateway="gateway-1")
        async with services.database.write("user:anna") as writer:
            await catalog.KILL_SWITCHES.put(writer, KillSwitch(scope=scope, state="confirmed_stopped", reason="odd"), "trip")
        with pytest.raises(Conflict, match=f"stopped by the kill switch {scope}"):
            await services.sign_offs.decide(str(call.sign_off_id), "approve", signer=signer)
    free = await held(services)
    assert (await services.sign_offs.decide(str(free.sign_off_id), "approve", signer=signer)).state == "approved"


async def test_a_rejection_releases_nothing_and_says_why(services: Services, signer: User) -> None:
    call = await held(services)
    with pytest.raises(InputError, match="comment"):
        await services.sign_offs.decide(str(call.sign_off_id), "reject", signer=signer)
    with pytest.raises(InputError, match="text"):
        await services.sign_offs.decide(str(call.sign_off_id), "edit", signer=signer, text="  ")
    rejected = await services.sign_offs.decide(str(call.sign_off_id), "reject", signer=signer, comment="no such refund")
    assert (rejected.state, rejected.final_text, rejected.signed_sha256) == ("rejected", None, None)


async def test_only_a_qualified_person_signs(services: Services) -> None:
    call = await held(services)
    other = await services.users.create("beat", "a long password", roles=("admin", "reviewer"), actor="user:admin")
    with pytest.raises(NotAllowed, match="not qualified as service-agent"):
        await services.sign_offs.decide(str(call.sign_off_id), "approve", signer=other)
    assert (await services.sign_offs.get(str(call.sign_off_id))).state == "pending"


async def test_a_timeout_never_approves(services: Services, signer: User, clock: FakeClock) -> None:
    call = await held(services)
    clock.advance(EXPIRES_AFTER_S)
    expired = await services.sign_offs.get(str(call.sign_off_id))
    assert (expired.state, expired.final_text) == ("expired", None)
    with pytest.raises(Conflict, match="is expired"):
        await services.sign_offs.decide(expired.id, "approve", signer=signer)
    (settled,) = await services.sign_offs.settle()
    assert (settled.state, await services.sign_offs.settle()) == ("expired", [])
    assert (await services.sign_offs.find(state="expired")) == [settled]
    assert (await services.audit.verify()).problems == ()


async def test_one_that_is_not_there_is_looked_for_in_the_spool(services: Services) -> None:
    call = bank.call(status="held", sign_off_id=new_id(), withheld_answer=DRAFT)
    with pytest.raises(NotFound, match="no sign-off"):
        await services.sign_offs.get(str(call.sign_off_id))

    async def flush() -> None:
        await services.calls.ship([call], gateway="gateway-1")

    services.flush = flush
    assert (await services.sign_offs.get(str(call.sign_off_id))).call_id == call.id


async def test_a_text_that_would_be_masked_is_not_signed_and_its_masked_form_is(services: Services, signer: User) -> None:
    """Nobody signs what they have not seen, and nothing is kept with anybody's data in it."""
    call = await held(services)
    waiting, comment = str(call.sign_off_id), "anna@bank.example asked"
    with pytest.raises(WouldBeMasked, match=r"secrets \(EMAIL\)") as refused:
        await services.sign_offs.decide(waiting, "edit", signer=signer, text="Write to anna@bank.example.", comment=comment)
    assert (refused.value.text, refused.value.kinds, refused.value.field) == ("Write to [EMAIL].", ("EMAIL",), "text")
    assert "anna@" not in str(refused.value)
    pending = await services.sign_offs.get(waiting)
    assert (pending.state, pending.readings) == ("pending", ())
    signed = await services.sign_offs.decide(waiting, "edit", signer=signer, text=refused.value.text, comment=comment)
    assert signed.final_text == "Write to [EMAIL]."
    assert "anna@" not in signed.comment
    assert signed.signed_sha256 == hashlib.sha256(b"Write to [EMAIL].").hexdigest()
