"""Shadow copies count for nothing but comparison and budgets, and the comparison says what the copies say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.call import Call
from groundcrew.domain.trust import TrustReport
from groundcrew.errors import InputError, NotFound
from groundcrew.metrics.shadow_comparison import DISAGREEMENTS_SHOWN_MAX, compare_pairs
from groundcrew.services.bundle import Services
from groundcrew.services.feedback import NewRating
from groundcrew.services.gate_facts import gather
from groundcrew.services.views import Views
from groundcrew.stats.intervals import mean_t
from groundcrew.stats.moments import moments


@pytest.fixture
async def services(database_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    clock = prepared.copy("declared", database_url)
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        yield services


def pair(shadow: dict[str, Any] | None = None, **changes: Any) -> tuple[Call, Call]:
    """A call and its copy; `changes` hold for both, `shadow` for the copy."""
    main = bank.call(latency_ms={"upstream": 200.0}, **changes)
    other: dict[str, Any] = {"id": bank.call().id, "shadow_of": main.id, "target_model": "trial", **(shadow or {})}
    return main, msgspec.structs.replace(main, **other)


async def shipped(services: Services, *pairs: tuple[Call, Call]) -> None:
    digest = await bank.digest_of(services)
    calls = [msgspec.structs.replace(call, version_digest=digest) for each in pairs for call in each]
    await services.calls.ship(calls, gateway="gateway-1")


async def test_copies_count_in_budgets_and_in_nothing_else(services: Services) -> None:
    pairs = [pair({"cost_usd": 1.0, "status": "failed" if odd else "answered"}) for odd in (False, True, False)]
    await shipped(services, *pairs)
    now = services.database.clock.now()
    async with services.database.read() as connection:
        use_case = await services.use_cases.get(bank.NAME)
        facts = await gather(connection, use_case, now)
    assert facts.status_counts == {("answered", "supported"): 3}
    assert facts.cost_usd == pytest.approx(0.0003)
    assert await services.calls.status_counts(bank.NAME) == {("answered", "supported"): 3}
    assert {each.id for each in await services.calls.latest(use_case=bank.NAME)} == {main.id for main, _ in pairs}
    assert len(await services.calls.latest(use_case=bank.NAME, shadows=True)) == 6
    view = await Views(services.database).use_case(bank.NAME)
    assert view.status_counts == {"answered": 3}
    spent = await services.spending.usage(pairs[0][0].received_at)
    assert spent[bank.NAME].usd_this_month == pytest.approx(3.0003)
    assert (await services.audit.verify()).problems == ()
    main, copy = pairs[0]
    with pytest.raises(InputError, match="rate " + main.id):
        await services.feedback.rate(NewRating(call_id=copy.id, stars=5, rater="anna"), actor="user:anna")
    trial = bank.call(version_digest=main.version_digest, trial="rehearsal")
    await services.calls.ship([trial], gateway="gateway-1")
    with pytest.raises(InputError, match="a trial that nobody was shown"):
        await services.feedback.rate(NewRating(call_id=trial.id, stars=5, rater="anna"), actor="user:anna")


async def test_the_comparison_is_of_the_current_version(services: Services) -> None:
    assert (await services.shadows.compare(bank.NAME)).targets == ()
    await shipped(services, pair(), pair())
    old = pair()
    lonely = pair()[1]
    await services.calls.ship([*old], gateway="gateway-1")
    await services.calls.ship([msgspec.structs.replace(lonely, version_digest=await bank.digest_of(services))], gateway="g")
    found = await services.shadows.compare(bank.NAME, meanings=False)
    assert (found.copies, found.unpaired, found.truncated) == (3, 1, False)
    (target,) = found.targets
    assert (target.provider, target.model, target.pairs, target.similarity) == (bank.PROVIDER, "trial", 2, None)
    with pytest.raises(NotFound, match=bank.NAME):
        await services.shadows.compare(bank.NAME + "x")


def trust(value: float | None, state: str = "supported") -> TrustReport:
    return TrustReport(trust=value, state=state)  # type: ignore[arg-type]


def test_figures_are_those_of_the_pairs() -> None:
    values = [(0.9, 0.8, 200.0, 300.0), (0.7, 0.9, 100.0, 150.0), (0.5, 0.1, 150.0, 400.0)]
    pairs = [
        pair(
            {
                "trust": trust(after, "supported" if after >= 0.5 else "unsupported"),
                "latency_ms": {"upstream": slow},
                "cost_usd": 0.0003,
            },
            trust=trust(before),
            cost_usd=0.0001,
        )
        for before, after, _, slow in values
    ]
    (target,) = compare_pairs(pairs)
    differences = mean_t(moments([after - before for before, after, _, _ in values]))
    assert (target.trust_difference.estimate, target.trust_difference.lower) == pytest.approx(
        (differences.estimate, differences.lower)
    )
    assert target.main.trust.estimate == pytest.approx(0.7)
    assert target.shadow.latency_ms.estimate == pytest.approx(850 / 3)
    assert target.latency_ms_difference.estimate == pytest.approx(850 / 3 - 200)
    assert target.cost_usd_difference.estimate == pytest.approx(0.0002)
    assert (target.main.grounded.estimate, target.shadow.grounded.estimate) == (1.0, pytest.approx(2 / 3))
    assert (target.shadow.grounded.n, target.main.answered, target.shadow.failed) == (3, 3, 0)
    assert target.disagreement_counts == {
        "only_one_answered": 0,
        "only_one_supported": 1,
        "trust_apart": 0,
        "meaning_apart": 0,
    }


def test_the_generated_answer_counts_whether_it_left_or_not() -> None:
    held = pair({"answer": "B", "withheld_answer": "", "trust": trust(0.6)}, status="held", answer="", withheld_answer="A")
    replaced = pair(
        {"answer": "B", "withheld_answer": "", "trust": trust(0.6), "withheld_trust": None},
        status="fallback",
        answer="We say this instead.",
        withheld_answer="A",
        trust=trust(1.0),
        withheld_trust=trust(0.2, "unsupported"),
    )
    (target,) = compare_pairs([held, replaced])
    assert target.main.answered == 2
    assert target.main.trust.estimate == pytest.approx((0.97 + 0.2) / 2)
    assert target.disagreement_counts["only_one_supported"] == 1


def test_failures_are_told_apart_and_cuts_are_left_out() -> None:
    failed: dict[str, Any] = {"status": "failed", "answer": "", "trust": None, "cost_usd": 0.0, "latency_ms": {"upstream": 1.0}}
    cut = pair({"status": "cancelled", "answer": "", "trust": None})
    (target,) = compare_pairs([pair(failed), pair(), cut])
    assert (target.pairs, target.shadow.answered, target.shadow.failed) == (2, 1, 1)
    assert target.disagreements[0].kind == "only_one_answered"
    assert target.shadow.latency_ms.n == target.shadow.cost_usd.n == 1, "what did not answer was neither fast nor cheap"
    assert compare_pairs([cut]) == ()


def test_meanings_are_compared_and_disagreements_listed_worst_first() -> None:
    def encode(texts: Sequence[str]) -> NDArray[np.float64]:
        return np.array([[1.0, 0.0] if "same" in text else [0.0, 1.0] for text in texts])

    pairs = [pair({"answer": "same"}, answer="same"), pair({"answer": "other"}, answer="same", trust=trust(0.9))]
    pairs += [pair({"trust": trust(0.1)}, answer="same", trust=trust(0.9))]
    (target,) = compare_pairs(pairs, encode)
    assert target.similarity is not None
    assert target.similarity.estimate == pytest.approx(2 / 3)
    assert [each.kind for each in target.disagreements] == ["trust_apart", "meaning_apart"]
    assert target.disagreements[1].similarity == 0.0
    many = [pair({"answer": "other"}, answer="same") for _ in range(DISAGREEMENTS_SHOWN_MAX + 5)]
    (target,) = compare_pairs(many, encode)
    assert target.disagreement_counts["meaning_apart"] == DISAGREEMENTS_SHOWN_MAX + 5
    assert len(target.disagreements) == DISAGREEMENTS_SHOWN_MAX


def test_targets_are_compared_apart() -> None:
    found = compare_pairs([pair({"target_model": name}) for name in ("b", "a", "b")])
    assert [(each.model, each.pairs) for each in found] == [("a", 1), ("b", 2)]
