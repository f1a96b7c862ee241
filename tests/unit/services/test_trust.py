"""What labels lead to: a calibration that the gateway applies, an alarm that puts it in doubt, and a guarantee that fails
closed."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.call import Call
from groundcrew.domain.snapshot import UseCaseEntry
from groundcrew.domain.trust import ClaimScore, StageCost, TrustReport
from groundcrew.domain.trust_label import TrustLabel
from groundcrew.domain.use_case import Grounding, GuaranteeRule, SignOffRule, SpotChecks
from groundcrew.errors import Conflict
from groundcrew.services.bundle import Services
from groundcrew.services.labels import label_by_rating
from groundcrew.store import catalog
from groundcrew.store.labels import LABEL_DRAWS
from groundcrew.testing import FakeClock

EVERY = SpotChecks(share=1.0, informative_share=0.0)
PROMISE = GuaranteeRule(unsupported_max=0.1, confidence=0.9)
GUARANTEED = Grounding(knowledge=bank.BASE, threshold=None, spot_checks=EVERY, guarantee=PROMISE)


@pytest.fixture
def clock(database_url: str, prepared: Prepared) -> FakeClock:
    return prepared.copy("declared", database_url)


@pytest.fixture
async def services(database_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Services]:
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        await declared(services, GUARANTEED)
        yield services


async def declared(services: Services, grounding: Grounding, **changes: Any) -> None:
    await bank.apply(services, use_cases=[bank.use_case(grounding=grounding, **changes)])


async def entry(services: Services) -> UseCaseEntry:
    return (await services.snapshots.build()).use_cases[bank.NAME]


def report(raw: float, verifier: str = "v1") -> TrustReport:
    return TrustReport(trust=raw, state="supported" if raw >= 0.5 else "unsupported", verifier=verifier)


async def judged(services: Services, rows: Sequence[tuple[float, bool]], **changes: Any) -> list[Call]:
    """Recorded answers with their raw scores, each drawn and labelled as given; what follows is recomputed once."""
    digest = await bank.digest_of(services)
    verifier = changes.pop("verifier", "v1")
    calls = [bank.call(version_digest=digest, trust=report(raw, verifier), **changes) for raw, _ in rows]
    await services.calls.ship(calls, gateway="gateway-1")
    await bank.label_all(services, calls, said=[said for _, said in rows])
    await services.trust.refresh(bank.NAME)
    return calls


def honest(n: int, seed: int = 1, *, overconfident: float = 0.0) -> list[tuple[float, bool]]:
    """Scores and whether the answer holds: as often as the score says, or less often where it is overconfident."""
    chance = random.Random(seed)
    scores = [chance.random() for _ in range(n)]
    return [(each, chance.random() < each * (1 - overconfident)) for each in scores]


async def test_without_labels_nothing_is_released_and_it_is_said_why(services: Services) -> None:
    rule = (await entry(services)).release_rule
    assert not rule.reached_by(report(1.0))
    assert "nobody has labelled" in rule.problem
    found = await services.trust.report(bank.NAME)
    assert (found.drawn, found.guarantee is not None and found.guarantee.threshold) == (0, None)


async def test_labels_earn_a_guarantee_that_the_snapshot_publishes(services: Services) -> None:
    before = await services.snapshots.version()
    good = [(0.9 + each / 4_000, True) for each in range(180)]
    bad = [(0.2 + each / 4_000, each % 2 == 0) for each in range(120)]
    rows = good + bad
    random.Random(3).shuffle(rows)
    await judged(services, rows)
    rule = (await entry(services)).release_rule
    assert rule.guarantee is not None
    assert rule.guarantee.threshold is not None
    assert rule.guarantee.threshold > 0.2
    assert rule.guarantee.risk_upper <= 0.1
    assert rule.reached_by(report(0.96))
    assert not rule.reached_by(report(0.2))
    assert not rule.reached_by(report(0.96, "v2")), "another verifier's score means something else"
    assert await services.snapshots.version() > before
    async with services.database.read() as connection:
        (kept,) = await catalog.GUARANTEES.find(connection, use_case=bank.NAME)
    assert (kept.guarantee, kept.unjudged) == (rule.guarantee, 0)
    await services.trust.refresh(bank.NAME)
    async with services.database.read() as connection:
        assert await catalog.GUARANTEES.find(connection, use_case=bank.NAME) == [kept], "the same labels say the same"
    assert (await services.audit.verify()).problems == ()


async def test_a_change_of_version_ends_the_guarantee_and_labels_grow_stale(services: Services) -> None:
    await judged(services, [(0.95, True)] * 150)
    assert (await entry(services)).release_rule.guarantee is not None
    await declared(services, GUARANTEED, prompt="Answer curtly.")
    rule = (await entry(services)).release_rule
    assert rule.guarantee is None
    assert "another version" in rule.problem
    found = await services.trust.report(bank.NAME)
    assert (found.drawn, found.stale) == (0, 150)


async def test_the_same_threshold_of_a_new_version_reaches_the_gateways_too(services: Services) -> None:
    await judged(services, [(0.95, True)] * 150)
    first = (await entry(services)).release_rule.guarantee
    await declared(services, GUARANTEED, prompt="Answer curtly.")
    before = await services.snapshots.version()
    await judged(services, [(0.95, True)] * 150)
    again = (await entry(services)).release_rule.guarantee
    assert first is not None
    assert again is not None
    assert first.threshold == again.threshold
    assert await services.snapshots.version() > before


async def test_a_refresh_that_was_overtaken_by_a_label_writes_nothing(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was computed from fewer labels must not replace what was computed from more."""
    from groundcrew.services import trust

    calls = await judged(services, [(0.95, True)] * 150)
    assert (await entry(services)).release_rule.guarantee is not None
    computed = trust._record

    def overtaken(*given: Any) -> Any:
        made = computed(*given)
        return made and msgspec.structs.replace(made, unjudged=99)

    monkeypatch.setattr(trust, "_record", overtaken)
    _, stale = await services.trust._standing(bank.NAME)
    await bank.label_all(services, calls[:60], said=[False] * 60)

    async def as_before(_name: str) -> Any:
        return (await services.use_cases.get(bank.NAME)), stale

    monkeypatch.setattr(services.trust, "_standing", as_before)
    await services.trust.refresh(bank.NAME)
    monkeypatch.undo()
    async with services.database.read() as connection:
        kept = await catalog.GUARANTEES.find(connection, use_case=bank.NAME)
    assert 99 not in {each.unjudged for each in kept}
    await services.trust.refresh(bank.NAME)
    assert (await entry(services)).release_rule.guarantee is None


async def test_answers_that_nobody_could_judge_count_as_unsupported(services: Services) -> None:
    digest = await bank.digest_of(services)
    calls = [bank.call(version_digest=digest, trust=report(0.95)) for _ in range(150)]
    await services.calls.ship(calls, gateway="gateway-1")
    await bank.label_all(services, calls, said=[None if each % 5 == 0 else True for each in range(150)])
    await services.trust.refresh(bank.NAME)
    found = await services.trust.report(bank.NAME)
    assert (found.judged, found.skipped) == (120, 30)
    assert found.guarantee is not None
    assert (found.guarantee.threshold, found.rule.guarantee) == (None, None)


async def test_fewer_spot_checks_later_take_nothing_from_labels_that_were_given(services: Services) -> None:
    """A label weighs by the design under which it was drawn, a constant that was known before it."""
    await judged(services, [(0.95, True)] * 150)
    assert (await entry(services)).release_rule.guarantee is not None
    for share in (0.01, 1.0):
        fewer = msgspec.structs.replace(GUARANTEED, spot_checks=SpotChecks(share=share, informative_share=0.0))
        await declared(services, fewer)
        await services.trust.refresh(bank.NAME)
        assert (await entry(services)).release_rule.guarantee is not None, share


async def test_labels_drawn_under_a_smaller_share_neither_fail_nor_weigh_more(services: Services) -> None:
    few = SpotChecks(share=0.3, informative_share=0.7)
    await declared(services, msgspec.structs.replace(GUARANTEED, spot_checks=few))
    digest = await bank.digest_of(services)
    calls = [bank.call(version_digest=digest, trust=report(0.95)) for _ in range(150)]
    await services.calls.ship(calls, gateway="gateway-1")
    await declared(services, GUARANTEED)
    later = [bank.call(version_digest=digest, trust=report(0.95)) for _ in range(150)]
    await services.calls.ship(later, gateway="gateway-1")
    await bank.label_all(services, [*calls, *later], said=[True] * 300)
    _, now = await services.trust._standing(bank.NAME)
    scores, least = now.for_guarantee()
    weights = sorted({round(least / each.probability, 9) for each in scores})
    assert weights == [0.3, 1.0], "the least probability of its own time over its own"


@pytest.mark.parametrize(
    ("grounding", "sign_off", "weight"),
    [
        ({"below": "hold"}, None, 1.0),
        ({"below": "hold", "threshold": 0.7}, "always", 1.0),
        ({"below": "fallback", "threshold": 0.7}, "always", 0.02),
    ],
    ids=["everything held", "signed or held", "signed or replaced"],
)
async def test_signatures_weigh_in_full_where_every_answer_waits_for_one(
    services: Services, grounding: dict[str, Any], sign_off: Any, weight: float
) -> None:
    few = msgspec.structs.replace(GUARANTEED, spot_checks=SpotChecks(share=0.02), **grounding)
    signed = SignOffRule(when=sign_off, qualification="service-agent") if sign_off else None
    await declared(services, few, sign_off=signed)
    digest = await bank.digest_of(services)
    held = bank.call(version_digest=digest, status="held", withheld_answer="CHF 3.", withheld_trust=report(0.9), trust=None)
    await services.calls.ship([held], gateway="gateway-1")
    async with services.database.read() as connection:
        (drawn,) = await LABEL_DRAWS.find(connection, use_case=bank.NAME)
    assert (drawn.probability, drawn.probability_min) == (1.0, weight)


def without_a_verifier(raw: float, *, decided: bool) -> TrustReport:
    """What a cascade says whose second stage failed; `decided`: another one decided the claim."""
    claim = ClaimScore(start=0, end=2, support=raw, decided_by="third" if decided else None)
    stages = (
        StageCost(name="shipped", claims=1, latency_ms=1.0),
        StageCost(name="second", claims=1, latency_ms=1.0, failed=True),
    )
    return msgspec.structs.replace(report(raw), claims=(claim,), stages=stages)


@pytest.mark.parametrize("decided", [False, True])
async def test_a_guarantee_releases_nothing_that_was_scored_without_a_verifier(services: Services, decided: bool) -> None:
    await judged(services, [(each / 200, True) for each in range(200)])
    rule = (await entry(services)).release_rule
    assert rule.guarantee is not None
    assert rule.reached_by(report(0.49)), "nothing was wrong, so that the threshold is low"
    assert not rule.reached_by(without_a_verifier(0.98, decided=decided))
    digest = await bank.digest_of(services)
    calls = [bank.call(version_digest=digest, trust=without_a_verifier(0.9, decided=decided)) for _ in range(3)]
    await services.calls.ship(calls, gateway="gateway-1")
    found = await services.trust.report(bank.NAME)
    assert found.drawn == 200, "and what it never releases is no part of what it speaks of"


async def test_what_no_verifier_could_tell_never_passes_a_threshold(services: Services) -> None:
    """Nor does a calibration lift it above: a score that was never finished is unknown."""
    await declared(services, Grounding(knowledge=bank.BASE, threshold=0.4))
    rule = (await entry(services)).release_rule
    assert rule.reached_by(report(0.45))
    assert rule.reached_by(without_a_verifier(0.45, decided=True))
    assert not rule.reached_by(without_a_verifier(0.45, decided=False))


async def test_a_contradicted_answer_is_in_no_released_share(services: Services) -> None:
    digest = await bank.digest_of(services)
    against = TrustReport(
        trust=0.99, state="unsupported", verifier="v1", claims=(ClaimScore(start=0, end=2, support=0.0, contradicted=True),)
    )
    wrong = [bank.call(version_digest=digest, trust=against) for _ in range(60)]
    await services.calls.ship(wrong, gateway="gateway-1")
    await bank.label_all(services, wrong, said=[False] * 60)
    await judged(services, [(0.95, True)] * 150)
    assert (await entry(services)).release_rule.guarantee is not None


async def test_up_to_the_pilot_a_declared_threshold_stands_in_where_a_person_signs(services: Services) -> None:
    signed = SignOffRule(when="always", qualification="service-agent")
    with_threshold = msgspec.structs.replace(GUARANTEED, threshold=0.7)
    await declared(services, with_threshold, sign_off=signed)
    assert (await entry(services)).release_rule.threshold == 0.7
    await declared(services, with_threshold)
    assert (await entry(services)).release_rule.threshold is None, "nobody signs"
    await declared(services, GUARANTEED, sign_off=signed)
    assert (await entry(services)).release_rule.threshold is None, "no threshold is declared"
    later = msgspec.structs.replace((await entry(services)).use_case, grounding=with_threshold, sign_off=signed, stage="scale")
    assert msgspec.structs.replace(await entry(services), use_case=later).release_rule.threshold is None


async def test_recalibration_is_an_act_that_the_gateway_applies(services: Services) -> None:
    await declared(services, Grounding(knowledge=bank.BASE, spot_checks=EVERY))
    with pytest.raises(Conflict, match="0 labels: a calibration needs"):
        await services.trust.recalibrate(bank.NAME, actor=bank.PERSON)
    await judged(services, honest(300, overconfident=0.4))
    made = await services.trust.recalibrate(bank.NAME, actor=bank.PERSON)
    assert (made.map.labels, made.fitted_by, made.origins["spot_check"]) == (300, bank.PERSON, 300)
    published = (await entry(services)).trust
    calibrated = published.calibrated(report(0.95))
    assert calibrated.uncalibrated == calibrated.raw == 0.95
    assert calibrated.trust is not None
    assert abs(calibrated.trust - 0.57) < 0.12
    assert published.calibrated(report(0.95, "v2")) == report(0.95, "v2"), "labels of one verifier say nothing of another"
    assert published.calibrated(calibrated) == calibrated, "never twice"
    no_claims = TrustReport(trust=None, state="no_claims", reason="the answer is a refusal")
    assert published.calibrated(no_claims) == no_claims
    found = await services.trust.report(bank.NAME)
    assert found.raw is not None
    assert found.raw.auroc.estimate is not None
    assert found.raw.expected_calibration_error.estimate is not None
    assert found.raw.expected_calibration_error.estimate > 0.1
    (newest, *_) = await services.audit.latest(subject=f"calibration/{made.id}")
    assert (newest.action, newest.actor) == ("recalibrate", bank.PERSON)
    await declared(services, Grounding(knowledge=bank.BASE, spot_checks=EVERY), prompt="Other.")
    assert (await entry(services)).trust.calibration is None, "of another version"


async def test_fresh_labels_that_contradict_the_calibration_raise_an_alarm(services: Services, clock: FakeClock) -> None:
    await judged(services, [*[(0.95, True)] * 150, *[(0.1, False)] * 20])
    clock.advance(60)
    await services.trust.recalibrate(bank.NAME, actor=bank.PERSON)
    assert (await entry(services)).release_rule.guarantee is not None
    clock.advance(60)
    await judged(services, [(0.95, each % 2 == 0) for each in range(80)])
    found = await entry(services)
    assert found.trust.in_doubt
    assert found.trust.calibration is not None, "the best there is, and said to be in doubt"
    assert not found.release_rule.reached_by(report(0.99)), "and nothing is released on it"
    assert "fresh labels contradict" in found.release_rule.problem
    shown = await services.trust.report(bank.NAME)
    assert shown.alarm is not None
    assert shown.alarm.direction == "over-confident"
    assert len(await services.audit.latest(subject=f"calibration-alarm/{shown.alarm.id}")) == 1
    await services.trust.keep()
    assert (await entry(services)).trust.in_doubt, "only a person ends it"
    clock.advance(60)
    made = await services.trust.recalibrate(bank.NAME, actor=bank.PERSON)
    assert made.map.labels == 80, "older labels are set aside"
    after = await entry(services)
    assert not after.trust.in_doubt
    assert after.release_rule.guarantee is None, "half of the answers are wrong now"
    assert (await services.audit.verify()).problems == ()


async def test_a_label_that_is_revised_is_no_fresh_one(services: Services, clock: FakeClock) -> None:
    """People choose what they look at again, so that revisions raise no alarm; the guarantee follows them at once."""
    calls = await judged(services, [*[(0.95, True)] * 150, *[(0.1, False)] * 20])
    await services.trust.recalibrate(bank.NAME, actor=bank.PERSON)
    assert (await entry(services)).release_rule.guarantee is not None
    clock.advance(60)
    await bank.label_all(services, calls[:40], said=[False] * 40)
    await services.trust.refresh(bank.NAME)
    found = await services.trust.report(bank.NAME)
    assert (found.alarm, found.calibrated) == (None, None)
    assert found.rule.guarantee is None


async def test_a_calibration_grows_with_its_labels_by_itself(services: Services, clock: FakeClock) -> None:
    await judged(services, honest(60))
    await services.trust.keep()
    assert (await entry(services)).trust.calibration is None, "the first one is a person's decision"
    await services.trust.recalibrate(bank.NAME, actor=bank.PERSON)
    clock.advance(60)
    await judged(services, honest(20, seed=2))
    await services.trust.keep()
    assert (await services.trust.report(bank.NAME)).calibration.map.labels == 60  # type: ignore[union-attr]
    clock.advance(60)
    await judged(services, honest(20, seed=3))
    await services.trust.keep()
    grown = (await services.trust.report(bank.NAME)).calibration
    assert grown is not None
    assert (grown.map.labels, grown.fitted_by) == (100, "system:trust")


async def test_sign_offs_count_up_to_the_oldest_that_still_waits(services: Services) -> None:
    """Nobody earns a guarantee by leaving the difficult ones lying."""
    await declared(services, GUARANTEED, sign_off=SignOffRule(when="always", qualification="service-agent"))
    digest = await bank.digest_of(services)
    calls = [
        bank.call(
            version_digest=digest,
            status="held",
            sign_off_id=f"s{each:03}",
            answer="",
            trust=None,
            withheld_answer="It costs CHF 3.",
            withheld_trust=report(0.95),
        )
        for each in range(160)
    ]
    await services.calls.ship(calls, gateway="gateway-1")
    await bank.label_all(services, [each for place, each in enumerate(calls) if place != 40], said=[True] * 159)
    await services.trust.refresh(bank.NAME)
    found = await services.trust.report(bank.NAME)
    assert found.guarantee is not None
    assert (found.waiting, found.guarantee.labels) == (1, 40)
    assert found.rule.guarantee is None


async def test_volunteers_move_no_calibration_by_themselves_and_an_answer_counts_once(
    services: Services, clock: FakeClock
) -> None:
    """Whoever holds a key may send ratings, in whatever names."""
    calls = await judged(services, honest(60))
    first = await services.trust.recalibrate(bank.NAME, actor=bank.PERSON)
    clock.advance(60)
    async with services.database.write("key:1") as writer:
        for each in calls:
            for number in range(5):
                await label_by_rating(writer, each, rater=f"app-user-{number}", grounded=True, sample=False)
    await services.trust.keep()
    found = await services.trust.report(bank.NAME)
    assert found.calibration == first
    assert found.origins["rating"] == 300
    _, now = await services.trust._standing(bank.NAME)
    assert len(now.for_calibration()) == 120


async def test_volunteered_labels_calibrate_and_guarantee_nothing(services: Services) -> None:
    digest = await bank.digest_of(services)
    calls = [bank.call(version_digest=digest, trust=report(0.95)) for _ in range(150)]
    await services.calls.ship(calls, gateway="gateway-1")
    async with services.database.write(bank.PERSON) as writer:
        for each in calls:
            made = TrustLabel(
                id=each.id,
                use_case=bank.NAME,
                call_id=each.id,
                labeller="app-user",
                at=services.database.clock.now(),
                origin="rating",
                part="sent",
                supported=True,
                version_digest=digest,
                verifier="v1",
                raw=0.95,
                releasable=True,
            )
            await catalog.TRUST_LABELS.put(writer, made, "label")
    await services.trust.refresh(bank.NAME)
    found = await services.trust.report(bank.NAME)
    assert (found.origins["rating"], found.judged, found.rule.guarantee) == (150, 0, None)
    assert found.raw is not None
    assert found.raw.labels == 150
