"""The work of those who sign: claims, two people, passing on in time, absences, second reviews, and the one way in which a text
leaves. On SQLite: what takes another database's locks is in tests/load."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.canonical import canonical_json, sha256_hex
from groundcrew.domain.delivery import Channel
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.kill_switch import KillSwitch, Scope
from groundcrew.domain.sign_off import CLAIM_S, SignOff
from groundcrew.domain.use_case import SignOffRule
from groundcrew.domain.user import User
from groundcrew.errors import Conflict, InputError, NotAllowed, NotFound, ReleaseRefused
from groundcrew.jobs.sign_off_keeper import SignOffKeeper
from groundcrew.services.bundle import Services
from groundcrew.store import catalog, tables
from groundcrew.testing import FakeClock

DRAFT = "We refund CHF 900."
PEOPLE = {"bert": ("clerk",), "cleo": ("clerk",), "dora": ("lead",), "emil": ()}


@pytest.fixture
def clock(sqlite_url: str, prepared: Prepared) -> FakeClock:
    return prepared.copy("declared", sqlite_url)


@pytest.fixture
async def services(sqlite_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Services]:
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        async with services.database.write("test") as writer:
            await catalog.CHANNELS.put(writer, Channel(name="desk", kind="email", to=("desk@bank.example",)), "apply")
            for name, qualifications in {"ada": ("clerk",), **PEOPLE}.items():
                await catalog.USERS.put(writer, account(name, qualifications), "create")
            await catalog.USERS.put(writer, account("robot", ("clerk",), kind="agent"), "create")
        await declare(services)
        yield services


def account(name: str, qualifications: Iterable[str] = ("clerk",), **more: Any) -> User:
    made = FakeClock().now()
    return User(name=name, password_hash="", roles=("business",), created_at=made, qualifications=tuple(qualifications), **more)


ADA, BERT, CLEO, DORA = (account(name, PEOPLE.get(name, ("clerk",))) for name in ("ada", "bert", "cleo", "dora"))


async def declare(services: Services, **rule: Any) -> None:
    said = SignOffRule(**{"when": "always", "qualification": "clerk", "webhook": "desk"} | rule)
    use_case = bank.use_case(sign_off=said, mask="patterns", data_classes=("internal",))
    async with services.database.write("test") as writer:
        await catalog.USE_CASES.put(writer, use_case, "declare")


async def hold(services: Services, **changes: Any) -> str:
    now = services.database.clock.now()
    fields = {"status": "held", "answer": "", "sign_off_id": new_id(), "withheld_answer": DRAFT, "received_at": now}
    call = bank.call(**fields | changes)
    await services.calls.ship([call], gateway="gateway-1")
    return str(call.sign_off_id)


async def events(services: Services) -> list[tuple[str, str]]:
    async with services.database.read() as connection:
        return sorted((each.event, each.subject) for each in await catalog.DELIVERIES.find(connection))


async def switch(services: Services, state: Any, scope: Scope) -> None:
    async with services.database.write("test") as writer:
        await catalog.KILL_SWITCHES.put(writer, KillSwitch(scope=scope, state=state), "turn")


async def test_a_claim_keeps_others_away_until_it_ends(services: Services, clock: FakeClock) -> None:
    item = await hold(services)
    claim = await services.sign_offs.claim(item, ADA)
    assert (claim.holder, claim.until) == ("ada", clock.now() + timedelta(seconds=CLAIM_S))
    for work in (services.sign_offs.claim(item, BERT), services.sign_offs.decide(item, "approve", signer=BERT)):
        with pytest.raises(Conflict, match=r"ada has sign-off .* before them until"):
            await work
    (seen,) = await services.sign_off_queue.waiting(BERT)
    assert (seen.mine, seen.why_not, seen.claim) == (False, "ada has it before them", claim)
    clock.advance(CLAIM_S - 1)
    renewed = await services.sign_offs.claim(item, ADA)
    assert renewed.until > claim.until
    clock.advance(CLAIM_S)
    assert (await services.sign_offs.claim(item, BERT)).holder == "bert", "taking over one that is over"
    await services.sign_offs.release_claim(item, ADA)
    assert (await services.sign_off_queue.standing(item)).claim is not None, "nobody lets go of another's"
    await services.sign_offs.release_claim(item, BERT)
    assert (await services.sign_offs.decide(item, "approve", signer=CLEO)).state == "approved"


async def test_the_most_urgent_one_is_taken_and_each_by_one_person(services: Services, clock: FakeClock) -> None:
    await declare(services, respond_within_s=7_200)
    later = await hold(services)
    clock.advance(10)
    await declare(services, respond_within_s=600)
    sooner = await hold(services)
    waiting = await services.sign_off_queue.waiting(ADA)
    assert [(each.sign_off.id, each.timing) for each in waiting] == [(sooner, "due"), (later, "due")]
    clock.advance(700)
    assert [each.timing for each in await services.sign_off_queue.waiting(ADA)] == ["overdue", "due"]
    taken = [await services.sign_offs.claim_next(each) for each in (ADA, BERT, CLEO)]
    assert [each.id if each else None for each in taken] == [sooner, later, None]
    assert await services.sign_offs.claim_next(DORA) is None
    assert await services.sign_off_queue.waiting(DORA, only_mine=True) == []


@pytest.mark.parametrize("name", ["emil", "robot", "nobody"])
async def test_only_a_qualified_person_in_use_signs(services: Services, name: str) -> None:
    item = await hold(services)
    for work in (
        services.sign_offs.claim(item, account(name)),
        services.sign_offs.decide(item, "approve", signer=account(name)),
    ):
        with pytest.raises(NotAllowed, match=r"agent|not qualified|no account in use"):
            await work
    with pytest.raises(NotAllowed):
        await services.second_reviews.judge(item, "approve", reviewer=account(name))


async def test_who_lost_the_account_since_they_signed_in_signs_nothing(services: Services) -> None:
    item = await hold(services)
    async with services.database.write("test") as writer:
        await catalog.USERS.put(writer, account("ada", disabled=True), "disable")
    with pytest.raises(NotAllowed, match="no account in use"):
        await services.sign_offs.decide(item, "approve", signer=ADA)
    with pytest.raises(InputError, match="only people sign"):
        await services.users.create(
            "tool", "a long password", roles=("it",), qualifications=("clerk",), kind="agent", actor="test"
        )


async def test_two_people_sign_what_they_saw(services: Services) -> None:
    await declare(services, readers=2)
    item = await hold(services)
    first = await services.sign_offs.decide(item, "approve", signer=ADA)
    assert (first.state, first.final_text) == ("pending", None)
    assert (await services.sign_offs.released(item)).text is None
    assert await events(services) == []
    with pytest.raises(Conflict, match="a second person"):
        await services.sign_offs.claim(item, ADA)
    await services.sign_offs.decide(item, "edit", signer=BERT, text="We refund CHF 9.")
    stands = (await services.sign_offs.get(item)).sha256_to_sign
    with pytest.raises(Conflict, match="name its sha256"):
        await services.sign_offs.decide(item, "approve", signer=ADA)
    with pytest.raises(Conflict, match="meanwhile"):
        await services.sign_offs.decide(item, "approve", signer=ADA, sha256=first.sha256_to_sign)
    done = await services.sign_offs.decide(item, "approve", signer=ADA, sha256=stands)
    assert (done.state, done.final_text, done.signed_sha256) == ("edited", "We refund CHF 9.", stands)
    assert (await services.sign_offs.released(item)).text == "We refund CHF 9."
    assert await events(services) == [("sign_off.released", f"sign-off/{item}")]
    entry = (await services.audit.latest(subject=f"sign-off/{item}", limit=1))[0]
    assert (entry.actor, entry.details["sha256"], entry.details["signatures"]) == ("user:ada", stands, 2)
    assert entry.details["edits"] == [{"at": 14, "removed": "900", "inserted": "9"}]


async def test_what_runs_out_passes_on_once_and_is_told(services: Services, clock: FakeClock) -> None:
    await declare(services, escalate_to="lead", expires_after_s=3_600, respond_within_s=600)
    item = await hold(services)
    await services.sign_offs.claim(item, ADA)
    clock.advance(3_600)
    keepers = [SignOffKeeper(services), SignOffKeeper(services)]
    assert sum(await asyncio.gather(*(each.look() for each in keepers))) == 1
    assert sum([await each.look() for each in keepers]) == 0
    passed = await services.sign_off_queue.standing(item, DORA)
    assert (passed.mine, passed.claim, passed.sign_off.escalated_from) == (True, None, "clerk")
    assert (passed.sign_off.due_at, passed.timing) == (clock.now() + timedelta(seconds=600), "due")
    with pytest.raises(NotAllowed, match="not qualified as lead"):
        await services.sign_offs.decide(item, "approve", signer=ADA)
    clock.advance(3_600)
    assert await keepers[0].look() == 1
    assert (await services.sign_offs.get(item)).state == "expired"
    assert await events(services) == [("sign_off.escalated", f"sign-off/{item}"), ("sign_off.expired", f"sign-off/{item}")]


async def test_who_decides_after_the_time_before_the_keeper_looked_is_asked_as_who_it_passed_to(
    services: Services, clock: FakeClock
) -> None:
    await declare(services, escalate_to="lead", expires_after_s=3_600)
    item = await hold(services)
    clock.advance(3_601)
    with pytest.raises(NotAllowed, match="not qualified as lead"):
        await services.sign_offs.decide(item, "approve", signer=ADA)
    assert (await services.sign_offs.decide(item, "approve", signer=DORA)).state == "approved"
    assert [event for event, _ in await events(services)] == ["sign_off.escalated", "sign_off.released"]
    assert await services.sign_offs.settle() == []


async def test_while_it_is_stopped_nothing_is_signed_and_nothing_leaves(services: Services) -> None:
    signed, waits = await hold(services), await hold(services)
    await services.sign_offs.decide(signed, "approve", signer=ADA)
    for scope in (Scope("use-case", bank.NAME), Scope("all"), Scope("model", bank.MODEL)):
        await switch(services, "stop_failed", scope)
        release = await services.sign_offs.released(signed)
        assert (release.text, release.withheld) == (None, f"stopped by the kill switch {scope} (stop failed)")
        for work in (services.sign_offs.claim(waits, ADA), services.sign_offs.decide(waits, "approve", signer=ADA)):
            with pytest.raises(Conflict, match="nothing is signed until it is reset"):
                await work
        assert not (await services.sign_off_queue.standing(waits, ADA)).mine
        await switch(services, "armed", scope)
    await switch(services, "confirmed_stopped", Scope("use-case", "another"))
    assert (await services.sign_offs.released(signed)).text == DRAFT
    assert (await services.sign_offs.get(waits)).state == "pending"


@pytest.mark.parametrize("change", ["text", "text and sha256", "state"])
async def test_one_byte_changed_after_signing_blocks_the_release_loudly(
    services: Services, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    item = await hold(services)
    if change != "state":
        await services.sign_offs.decide(item, "approve", signer=ADA)
    async with services.database.operate() as connection:
        document = (
            await connection.execute(sa.select(tables.sign_offs.c.document).where(tables.sign_offs.c.id == item))
        ).scalar_one()
        before = msgspec.json.decode(document, type=SignOff)
        changed = before.draft.replace("900", "901")
        more: dict[str, Any] = {"final_text": changed}
        if change != "text":
            digest = sha256_hex(changed.encode())
            readings = tuple(msgspec.structs.replace(each, sha256=digest) for each in before.readings)
            more |= {"signed_sha256": digest, "readings": readings, "state": "approved", "signer": "ada"}
        edited = canonical_json(msgspec.structs.replace(before, **more)).decode()
        update = tables.sign_offs.update().where(tables.sign_offs.c.id == item)
        await connection.execute(update.values(document=edited, state="approved"))
    for _ in range(2):
        with pytest.raises(ReleaseRefused, match="is not released"):
            await services.sign_offs.released(item)
    (noted,) = await services.audit.latest(subject=f"sign-off-release/{item}")
    assert noted.action == "refuse_release"
    assert "is not released" in caplog.text
    assert any(item in each for each in (await services.audit.verify()).problems), "the edit itself is found too"


async def test_who_is_away_holds_nothing_and_their_delegate_says_for_whom(services: Services, clock: FakeClock) -> None:
    first, second = await hold(services), await hold(services)
    await services.sign_offs.claim(first, ADA)
    now = clock.now()
    absence = await services.absences.start(ADA, starts_at=now, ends_at=now + timedelta(days=5), delegate="bert")
    assert (await services.sign_off_queue.standing(first)).claim is None
    for work in (services.sign_offs.claim(first, ADA), services.sign_offs.decide(first, "approve", signer=ADA)):
        with pytest.raises(Conflict, match="ada is away until"):
            await work
    assert (await services.sign_off_queue.standing(first, BERT)).in_place_of == ("ada",)
    with pytest.raises(NotAllowed, match="ada is not away with cleo"):
        await services.sign_offs.decide(first, "approve", signer=CLEO, on_behalf_of="ada")
    done = await services.sign_offs.decide(first, "approve", signer=BERT, on_behalf_of="ada")
    assert (done.signer, done.readings[0].on_behalf_of) == ("bert", "ada")
    assert (await services.audit.latest(subject=f"sign-off/{first}", limit=1))[0].details["on_behalf_of"] == "ada"
    with pytest.raises(Conflict, match="in that time already"):
        await services.absences.start(ADA, starts_at=now, ends_at=now + timedelta(days=1))
    assert [each.id for each in await services.absences.find(person="ada")] == [absence.id]
    with pytest.raises(NotFound):
        await services.absences.end(absence.id, actor="user:bert", person=BERT)
    await services.absences.end(absence.id, actor="user:ada", person=ADA)
    assert await services.absences.find() == []
    assert (await services.sign_offs.decide(second, "approve", signer=ADA)).state == "approved"


async def test_a_claim_ends_when_an_absence_begins_by_itself(services: Services, clock: FakeClock) -> None:
    item = await hold(services)
    starts_at = clock.now() + timedelta(seconds=60)
    await services.absences.start(ADA, starts_at=starts_at, ends_at=starts_at + timedelta(days=1))
    await services.sign_offs.claim(item, ADA)
    clock.advance(60)
    assert (await services.sign_offs.claim(item, BERT)).holder == "bert"


@pytest.mark.parametrize(
    ("hours", "delegate", "words"),
    [
        ((0, -1), None, "ends after it begins"),
        ((-5, -1), None, "not in the past"),
        ((0, 24 * 400), None, "at most 366 days"),
        ((0, 5), "ada", "stands in for themselves"),
        ((0, 5), "robot", "no account of a person"),
        ((0, 5), "nobody", "no account of a person"),
    ],
)
async def test_an_absence_that_makes_no_sense_is_refused(
    services: Services, clock: FakeClock, hours: tuple[int, int], delegate: str | None, words: str
) -> None:
    start, end = (clock.now() + timedelta(hours=each) for each in hours)
    with pytest.raises(InputError, match=words):
        await services.absences.start(ADA, starts_at=start, ends_at=end, delegate=delegate)


async def test_where_nobody_is_there_the_owner_is_told_once_a_day(services: Services, clock: FakeClock) -> None:
    assert await services.sign_off_queue.unattended() == []
    await declare(services, readers=2)
    await hold(services)
    now = clock.now()
    for person in (ADA, BERT):
        await services.absences.start(person, starts_at=now, ends_at=now + timedelta(days=1))
    (alone,) = await services.sign_off_queue.unattended()
    assert (alone.use_case, alone.waiting, alone.present, alone.needed) == (bank.NAME, 1, ("cleo",), 2)
    keeper = SignOffKeeper(services, owners_every_s=0)
    await keeper.look()
    await keeper.look()
    assert await events(services) == [("sign_off.unattended", f"use-case/{bank.NAME}")]


async def test_second_reviews_are_blind_and_their_agreement_is_measured(services: Services) -> None:
    await declare(services, second_review_share=1.0)
    items = [await hold(services) for _ in range(4)]
    for each, decision in zip(items, ("approve", "approve", "edit", "reject"), strict=True):
        await services.sign_offs.decide(each, decision, signer=ADA, text="No." if decision == "edit" else None, comment="no")
    assert await services.second_reviews.waiting(ADA) == [], "nobody judges what they have read"
    tasks = await services.second_reviews.waiting(BERT)
    assert [each.sign_off_id for each in tasks] == items
    assert set(msgspec.to_builtins(tasks[0])) == {"sign_off_id", "use_case", "call_id", "qualification", "draft", "requested_at"}
    assert {each.draft for each in tasks} == {DRAFT}
    for each, decision in zip(items, ("approve", "reject", "edit", "reject"), strict=True):
        await services.second_reviews.judge(each, decision, reviewer=BERT, comment="" if decision == "approve" else "why")
    with pytest.raises(Conflict, match="already"):
        await services.second_reviews.judge(items[0], "approve", reviewer=CLEO)
    with pytest.raises(InputError, match="what you would change"):
        await services.second_reviews.judge(items[0], "edit", reviewer=CLEO)
    (found,) = await services.second_reviews.agreement(use_case=bank.NAME)
    assert found.table == ((1, 0, 1), (0, 1, 0), (0, 0, 1))
    assert (found.share.estimate, found.share.n, found.disagreements) == (0.75, 4, (items[1],))
    assert found.kappa == pytest.approx((0.75 - 5 / 16) / (1 - 5 / 16))
    assert (await services.sign_offs.released(items[1])).text == DRAFT, "it changes nothing of what was released"
    assert (await services.audit.verify()).problems == ()


async def test_texts_that_were_kept_long_enough_are_released_no_more(services: Services, clock: FakeClock) -> None:
    use_case = await services.use_cases.get(bank.NAME)
    async with services.database.write("test") as writer:
        await catalog.USE_CASES.put(writer, msgspec.structs.replace(use_case, retention_days=1), "declare")
    item, waits = await hold(services), await hold(services)
    await services.sign_offs.decide(item, "edit", signer=ADA, text="We refund CHF 9.")
    clock.advance(2 * 86_400)
    await services.retention.run(actor="test")
    release = await services.sign_offs.released(item)
    assert (release.text, release.sign_off.state, release.sign_off.edits) == (None, "edited", ())
    assert (await services.sign_offs.get(waits)).draft == DRAFT, "what can still be signed is still readable"
