"""People's labels: drawn with recorded probabilities, handed out in an order nobody chooses, one at a time, and never lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.call import Call, GuardResult, SourceReference
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.sign_off import EXPIRES_AFTER_S
from groundcrew.domain.trust import ClaimScore, TrustReport
from groundcrew.domain.trust_label import ClaimMark, Draw, draw, inclusion_probability, judged, place_of_call
from groundcrew.domain.use_case import Grounding, SignOffRule, SpotChecks
from groundcrew.domain.user import User
from groundcrew.errors import Conflict, InputError, NotAllowed, NotFound
from groundcrew.services.bundle import Services
from groundcrew.services.feedback import NewRating
from groundcrew.services.labels import LEASE_S
from groundcrew.store import catalog
from groundcrew.store.labels import LABEL_DRAWS
from groundcrew.testing import FakeClock

EVERY = SpotChecks(share=1.0, informative_share=0.0)


@pytest.fixture
def clock(database_url: str, prepared: Prepared) -> FakeClock:
    return prepared.copy("declared", database_url)


@pytest.fixture
async def services(database_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Services]:
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        await declared(services)
        yield services


async def declared(services: Services, *, rule: SpotChecks = EVERY, **changes: Any) -> None:
    grounding = Grounding(knowledge=bank.BASE, spot_checks=rule)
    await bank.apply(services, use_cases=[bank.use_case(**({"grounding": grounding} | changes))])


async def person(services: Services, name: str, *roles: Any) -> User:
    return await services.users.create(name, "a long password", roles=roles or ("reviewer",), actor="user:admin")


def scored(trust: float = 0.9, *, contradicted: bool = False, **changes: Any) -> TrustReport:
    claim = ClaimScore(start=0, end=5, support=trust, source=0, quote=(0, 5), contradicted=contradicted)
    state = "supported" if trust >= 0.5 and not contradicted else "unsupported"
    return TrustReport(trust=trust, state=state, claims=(claim,), verifier="v1", **changes)  # type: ignore[arg-type]


async def ship(services: Services, **changes: Any) -> Call:
    source = SourceReference(passage_id="p1", document="fees.md", title="Fees", text="It costs CHF 3 a month.")
    digest = await bank.digest_of(services)
    call = bank.call(**({"version_digest": digest, "trust": scored(), "sources": (source,)} | changes))
    await services.calls.ship([call], gateway="gateway-1")
    return call


async def drawn(services: Services, call: Call) -> Draw | None:
    async with services.database.read() as connection:
        return await LABEL_DRAWS.get(connection, call.id)


async def test_a_scored_answer_is_drawn_with_its_call_and_the_audit_covers_it(services: Services) -> None:
    call = await ship(services, trust=scored(0.62, uncalibrated=0.8))
    found = await drawn(services, call)
    assert found is not None
    assert (found.probability, found.part, found.raw, found.design, found.verifier) == (1.0, "sent", 0.8, "spot_check", "v1")
    await services.calls.ship([call], gateway="gateway-1")
    assert (await services.labels.queue(bank.NAME)).drawn == 1, "shipping again draws nothing again"
    assert (await services.audit.verify()).problems == ()


async def test_chance_decides_by_the_call_alone_and_as_often_as_it_says() -> None:
    rule = SpotChecks(share=0.1, informative_share=0.3)
    calls = [bank.call(trust=scored(0.7 if each % 2 else 0.2)) for each in range(4_000)]
    draws = [draw(each, rule=rule, threshold=0.7, signs=False, at=each.received_at) for each in calls]
    near = [each for each in draws if each is not None and each.raw == 0.7]
    far = [each for each in draws if each is not None and each.raw == 0.2]
    assert {round(each.probability, 9) for each in near} == {0.4}
    assert {each.probability for each in far} == {0.1}
    assert abs(len(near) - 800) < 4 * (2_000 * 0.4 * 0.6) ** 0.5
    assert abs(len(far) - 200) < 4 * (2_000 * 0.1 * 0.9) ** 0.5
    for each in (*near, *far):
        assert each.place == place_of_call(bank.NAME, each.id) < each.probability
        assert (each.purpose == "information") == (each.place >= rule.share)
    assert all(
        draw(each, rule=rule, threshold=0.7, signs=False, at=each.received_at) == made
        for each, made in zip(calls, draws, strict=True)
    )


@given(share=st.floats(0.001, 1), more=st.floats(0, 1), trust=st.floats(0, 1), threshold=st.none() | st.floats(0, 1))
def test_every_answer_can_be_drawn_and_none_more_than_once(
    share: float, more: float, trust: float, threshold: float | None
) -> None:
    probability = inclusion_probability(SpotChecks(share=share, informative_share=more), trust, threshold)
    assert share <= probability <= 1


def test_the_answers_that_count_are_those_that_trust_decides_about() -> None:
    """Withheld for want of trust belongs in; what a guard took, quotes in another answer's place and copies do not."""
    low = scored(0.3)
    withheld = {"trust": None, "answer": "", "withheld_answer": "It costs CHF 9.", "withheld_trust": low}
    counted = [
        bank.call(trust=scored()),
        bank.call(status="refused", error_code="not_grounded", **withheld),
        bank.call(status="fallback", **(withheld | {"trust": scored(0.99), "answer": "It costs CHF 3."})),
        bank.call(status="held", sign_off_id=new_id(), **withheld),
    ]
    found = [judged(each) for each in counted]
    assert [each and (each.part, each.raw) for each in found] == [("sent", 0.9), *[("withheld", 0.3)] * 3]
    guard = GuardResult(guard="commitment", place="output", verdict="block", action="hold", mode="enforce")
    left_out = [
        bank.call(trust=None),
        bank.call(trust=TrustReport(trust=None, state="no_claims", reason="the answer is a refusal")),
        bank.call(trust=TrustReport(trust=0.0, state="no_sources")),
        bank.call(status="held", guards=(guard,), **withheld),
        bank.call(status="held", details={"replaced_because": "below"}, **withheld),
        bank.call(status="fallback", trust=scored()),
        bank.call(trust=scored(), shadow_of="other"),
    ]
    assert [judged(each) for each in left_out] == [None] * len(left_out)


async def test_without_a_declaration_nobody_is_asked(services: Services) -> None:
    await declared(services, grounding=Grounding(knowledge=bank.BASE))
    assert await drawn(services, await ship(services)) is None


async def test_two_people_never_get_the_same_answer_and_a_lease_ends(services: Services, clock: FakeClock) -> None:
    first, second = await person(services, "dora"), await person(services, "emil")
    calls = [await ship(services) for _ in range(2)]
    ranks = {each.id: (await drawn(services, each)).rank for each in calls}  # type: ignore[union-attr]
    task = await services.labels.next(bank.NAME, first)
    assert task is not None
    assert task.draw.id == min(ranks, key=lambda each: ranks[each]), "in order of rank: nobody chooses"
    again = await services.labels.next(bank.NAME, first)
    assert again is not None
    assert again.draw.id == task.draw.id, "theirs until it is done"
    other = await services.labels.next(bank.NAME, second)
    assert other is not None
    assert other.draw.id != task.draw.id
    third = await person(services, "finn")
    assert await services.labels.next(bank.NAME, third) is None
    with pytest.raises(Conflict, match="dora is looking"):
        await services.labels.label(task.draw.id, labeller=second, supported=True)
    clock.advance(LEASE_S)
    late = await services.labels.next(bank.NAME, third)
    assert late is not None
    assert late.draw.id == task.draw.id


async def test_a_label_says_what_was_scored_and_the_same_again_changes_nothing(services: Services) -> None:
    dora = await person(services, "dora")
    call = await ship(services)
    made = await services.labels.label(
        call.id,
        labeller=dora,
        supported=False,
        claims=[ClaimMark(start=0, end=5, supported=False)],
        reason="Anna Muster pays CHF 5",
    )
    assert (made.raw, made.probability, made.origin, made.supported) == (0.9, 1.0, "spot_check", False)
    assert "Muster" not in made.reason
    assert (
        await services.labels.label(
            call.id,
            labeller=dora,
            supported=False,
            claims=[ClaimMark(start=0, end=5, supported=False)],
            reason="Anna Muster pays CHF 5",
        )
        == made
    )
    revised = await services.labels.label(call.id, labeller=dora, supported=True)
    assert await services.labels.of_call(call.id) == [revised]
    assert await services.labels.find(bank.NAME) == [revised, made], "what was said before stays"
    state = await services.labels.queue(bank.NAME)
    assert (state.drawn, state.judged, state.waiting) == (1, 1, 0)
    assert await services.labels.next(bank.NAME, await person(services, "emil")) is None
    assert (await services.audit.verify()).problems == ()


async def test_what_one_skips_waits_for_another_and_counts_against_the_answer(services: Services) -> None:
    dora, emil = await person(services, "dora"), await person(services, "emil")
    call = await ship(services)
    with pytest.raises(InputError, match="say why"):
        await services.labels.label(call.id, labeller=dora, supported=None)
    await services.labels.label(call.id, labeller=dora, supported=None, reason="needs a lawyer")
    assert await services.labels.next(bank.NAME, dora) is None
    assert (await services.labels.queue(bank.NAME)).skipped == 1
    task = await services.labels.next(bank.NAME, emil)
    assert task is not None
    await services.labels.label(call.id, labeller=emil, supported=True)
    assert (await services.labels.queue(bank.NAME)).judged == 1


async def test_who_may_not_judge(services: Services) -> None:
    await declared(services, owner="olga", champion="carl")
    call = await ship(services, user_id="dora")
    auditor = await person(services, "arno", "auditor")
    for name, roles in (("olga", ("owner", "reviewer")), ("carl", ("reviewer",))):
        with pytest.raises(NotAllowed, match="owns, champions or has built"):
            await services.labels.label(call.id, labeller=await person(services, name, *roles), supported=True)
    with pytest.raises(NotAllowed, match="not qualified as reviewer"):
        await services.labels.next(bank.NAME, auditor)
    dora = await person(services, "dora")
    assert await services.labels.next(bank.NAME, dora) is None, "nobody judges their own answer"
    with pytest.raises(NotAllowed, match="asked for this answer"):
        await services.labels.label(call.id, labeller=dora, supported=True)
    with pytest.raises(NotFound, match="not drawn"):
        await services.labels.label("nowhere", labeller=dora, supported=True)


async def test_a_claim_that_does_not_hold_and_a_supported_answer_exclude_each_other(services: Services) -> None:
    dora, call = await person(services, "dora"), await ship(services)
    with pytest.raises(InputError, match="unsupported claim"):
        await services.labels.label(call.id, labeller=dora, supported=True, claims=[ClaimMark(start=0, end=5, supported=False)])
    with pytest.raises(Conflict, match="not in them"):
        await services.labels.label(
            call.id, labeller=dora, supported=False, claims=[ClaimMark(start=0, end=500, supported=False)]
        )


async def held(services: Services, trust: float = 0.9) -> Call:
    return await ship(
        services,
        status="held",
        sign_off_id=new_id(),
        answer="",
        trust=None,
        withheld_answer="It costs CHF 3 a month.",
        withheld_trust=scored(trust),
    )


async def test_signing_is_labelling_where_the_signer_says_so(services: Services, clock: FakeClock) -> None:
    await declared(services, sign_off=SignOffRule(when="always", qualification="service-agent"))
    signer = await services.users.create(
        "dora", "a long password", roles=("reviewer",), qualifications=("service-agent",), actor="user:admin"
    )
    approved, toned, wrong, left = [await held(services) for _ in range(4)]
    assert (await services.labels.queue(bank.NAME)).waiting == 4
    assert await services.labels.next(bank.NAME, signer) is None, "what waits for a signature is not handed out"
    with pytest.raises(InputError, match="not approved"):
        await services.sign_offs.decide(str(approved.sign_off_id), "approve", signer=signer, grounded=False)
    await services.sign_offs.decide(str(approved.sign_off_id), "approve", signer=signer)
    await services.sign_offs.decide(str(toned.sign_off_id), "edit", signer=signer, text="It costs CHF 3.")
    await services.sign_offs.decide(str(wrong.sign_off_id), "reject", signer=signer, comment="it is 9", grounded=False)
    assert [each.supported for each in (await services.labels.find(bank.NAME))] == [False, True]
    state = await services.labels.queue(bank.NAME)
    assert (state.judged, state.skipped, state.waiting) == (2, 1, 1), "an edit for its tone is no label"
    task = await services.labels.next(bank.NAME, signer)
    assert task is not None
    assert task.draw.id == toned.id, "and somebody may still say it"
    clock.advance(EXPIRES_AFTER_S)
    assert (await services.labels.queue(bank.NAME)).skipped == 2, "nobody signed in time"
    assert left.id in {each.id for each in [left]}


async def test_a_rating_may_say_it_and_is_known_as_volunteered(services: Services) -> None:
    call = await ship(services)
    await services.feedback.rate(NewRating(stars=4, rater="app-user", call_id=call.id, grounded=True), actor="key:1")
    (found,) = await services.labels.find(bank.NAME)
    assert (found.origin, found.probability, found.volunteered) == ("rating", None, True)
    assert (await services.labels.queue(bank.NAME)).judged == 0, "a volunteer's word is no spot check"
    with pytest.raises(InputError, match="grounded"):
        await services.feedback.rate(NewRating(stars=4, rater="x", use_case=bank.NAME, case_id="c", grounded=True), actor="key:1")


async def test_nobody_chooses_what_to_judge(services: Services) -> None:
    """Not by its address either: whoever could leave the difficult ones out would earn a guarantee of the easy ones."""
    dora, calls = await person(services, "dora"), [await ship(services) for _ in range(5)]
    task = await services.labels.next(bank.NAME, dora)
    assert task is not None
    for other in calls:
        if other.id != task.draw.id:
            with pytest.raises(Conflict, match="in the order"):
                await services.labels.label(other.id, labeller=dora, supported=True)
    await services.labels.label(task.draw.id, labeller=dora, supported=True)
    await services.labels.label(task.draw.id, labeller=dora, supported=False)
    emil = await person(services, "emil")
    await services.labels.label(task.draw.id, labeller=emil, supported=True)
    assert len(await services.labels.of_call(task.draw.id)) == 2, "what was judged may be said anew, and by others"


async def test_a_comment_is_kept_once_where_retention_finds_it(services: Services, clock: FakeClock) -> None:
    """Neither a label nor the audit log, from which nothing can be removed, copies what was written beside a rating."""
    call = await ship(services)
    rating = NewRating(stars=4, rater="app-user", call_id=call.id, grounded=True, comment="as the branch told me")
    await services.feedback.rate(rating, actor="key:1")
    dora, drawn = await person(services, "dora"), call
    await services.labels.label(drawn.id, labeller=dora, supported=False, reason="the branch says so")
    said = await services.labels.of_call(call.id)
    assert {each.origin: each.reason for each in said} == {"rating": "", "spot_check": "the branch says so"}
    assert not [each for each in await services.audit.latest(limit=50) if "branch" in (each.reason or "")]
    async with services.database.write("user:maria") as writer:
        item = await catalog.USE_CASES.get(writer.connection, bank.NAME)
        assert item is not None
        await catalog.USE_CASES.put(writer, msgspec.structs.replace(item, retention_days=30), "update")
    clock.advance(31 * 86_400)
    (done,) = await services.retention.run()
    assert done.labels == 1
    assert [(each.reason, each.supported) for each in await services.labels.of_call(drawn.id)] == [("", True), ("", False)]
    assert (await services.audit.verify()).problems == ()


async def test_who_built_it_volunteers_no_label(services: Services) -> None:
    owner, call = (await services.use_cases.get(bank.NAME)).owner, await ship(services)
    for actor in (f"user:{owner}", "key:1"):
        with pytest.raises(NotAllowed, match="did not build it"):
            await services.feedback.rate(NewRating(stars=5, rater=owner, call_id=call.id, grounded=True), actor=actor)
    assert await services.labels.find(bank.NAME) == []


async def test_a_removed_text_is_judged_by_nobody(services: Services) -> None:
    from groundcrew.domain.call import redacted
    from groundcrew.store.calls import CALLS

    dora, call = await person(services, "dora"), await ship(services)
    async with services.database.write("system:test") as writer:
        await CALLS.put(writer, redacted(call, services.database.clock.now()), "redact")
    assert await services.labels.next(bank.NAME, dora) is None
    with pytest.raises(Conflict, match="not there"):
        await services.labels.label(call.id, labeller=dora, supported=True)


async def test_sample_labels_are_shown_and_never_count(services: Services) -> None:
    dora, call = await person(services, "dora"), await ship(services)
    made = await services.labels.label(call.id, labeller=dora, supported=True, sample=True)
    assert made.sample
    state = await services.labels.queue(bank.NAME)
    assert (state.judged, state.waiting) == (0, 1)
    assert msgspec.structs.replace(made, sample=False).counted
