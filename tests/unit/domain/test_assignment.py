"""Which arm a unit is in follows from the frozen hypothesis and the unit alone: it sticks, and the shares come out as planned."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.metrics.experiments import declared
from tests.unit.services.bank import model, use_case

from groundcrew.domain.assignment import ExperimentEntry, arm_of, assignable, entry_of, variant_of
from groundcrew.domain.hypothesis import Arms, Hypothesis, Variant, frozen_digest, parse_plan, problems, register
from groundcrew.domain.use_case import version_digest

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
UNITS = 4_000
shares = st.sampled_from((0.05, 0.2, 0.5, 0.8, 0.95))
digests = st.text("0123456789abcdef", min_size=64, max_size=64)


def entry(digest: str = "e" * 64, design: Any = "randomized", **arms: Any) -> ExperimentEntry:
    return ExperimentEntry(digest=digest, design=design, arms=Arms(control="human", treatment="assistant", **arms))


def arms_of(experiment: ExperimentEntry, units: int = UNITS, at: datetime = NOW) -> dict[str, str | None]:
    return {f"unit-{each}": arm_of(experiment, f"unit-{each}", at=at) for each in range(units)}


@given(st.text(max_size=200), digests, shares)
def test_a_unit_never_changes_sides(unit: str, digest: str, split: float) -> None:
    experiment = entry(digest, split=split)
    first = arm_of(experiment, unit, at=NOW)
    assert first in ("control", "treatment")
    assert arm_of(experiment, unit, at=NOW + timedelta(days=900), cluster="elsewhere") == first
    assert arm_of(msgspec.json.decode(msgspec.json.encode(experiment), type=ExperimentEntry), unit, at=NOW) == first


@settings(max_examples=25)
@given(digests, shares, st.sampled_from((0.0, 0.05, 0.3)))
def test_shares_are_as_declared(digest: str, split: float, holdout: float) -> None:
    arms = list(arms_of(entry(digest, split=split, holdout=holdout)).values())
    held = arms.count("holdout")
    for seen, n, share in ((held, UNITS, holdout), (arms.count("treatment"), UNITS - held, split)):
        # Six standard deviations: over all examples of all runs this does not happen by chance.
        assert abs(seen - n * share) <= 6 * math.sqrt(n * share * (1 - share)) + 1e-9


@given(digests, st.sampled_from((0.05, 0.2, 0.5)), st.sampled_from((0.0, 0.1)), st.sampled_from((0.0, 0.2)))
def test_a_larger_share_moves_nobody_back(digest: str, split: float, holdout: float, more: float) -> None:
    before = arms_of(entry(digest, split=split, holdout=holdout), 300)
    after = arms_of(entry(digest, split=split + more, holdout=holdout + more), 300)
    for unit, arm in before.items():
        if arm == "holdout":
            assert after[unit] == "holdout"
        if arm == "treatment":
            assert after[unit] in ("treatment", "holdout")


def test_another_experiment_treats_other_units() -> None:
    one, other = arms_of(entry("a" * 64)), arms_of(entry("b" * 64))
    same = sum(one[unit] == other[unit] for unit in one)
    assert abs(same - UNITS / 2) < 6 * math.sqrt(UNITS / 4)


def test_a_switchback_goes_by_the_block_of_time() -> None:
    experiment = entry(design="switchback", block_hours=12)
    blocks = [arm_of(experiment, "any", at=NOW.replace(hour=1) + timedelta(hours=12 * each)) for each in range(200)]
    assert arm_of(experiment, "other", at=NOW.replace(hour=11)) == blocks[0]
    assert blocks.count("treatment") == 100, "of two neighbouring blocks one is treated"
    assert sum(before != after for before, after in pairwise(blocks)) > 100
    uneven = entry(design="switchback", block_hours=12, split=0.2)
    treated = sum(arm_of(uneven, "any", at=NOW + timedelta(hours=12 * each)) == "treatment" for each in range(1_000))
    assert 130 < treated < 270


def test_a_stepped_wedge_treats_a_cluster_from_its_day_on() -> None:
    steps = {"zurich": date(2026, 3, 2), "bern": date(2026, 3, 9)}
    experiment = entry(design="stepped_wedge", steps=steps)
    assert arm_of(experiment, "t-1", at=NOW, cluster="zurich") == "treatment"
    assert arm_of(experiment, "t-1", at=NOW, cluster="bern") == "control"
    assert arm_of(experiment, "t-1", at=NOW + timedelta(days=7), cluster="bern") == "treatment"
    assert arm_of(experiment, "t-1", at=NOW, cluster="basel") is None
    assert arm_of(experiment, "t-1", at=NOW) is None


def hypothesis(**changes: Any) -> Hypothesis:
    return Hypothesis(use_case="assistant", plan=declared(duration_days=30, **changes))


def test_only_a_registered_unaltered_hypothesis_takes_in_units() -> None:
    draft = hypothesis()
    assert entry_of(None) is None
    assert entry_of(draft) is None
    registered = register(draft, by="maria", at=NOW)
    found = entry_of(registered)
    assert found is not None
    assert found.digest == registered.digest
    altered = msgspec.structs.replace(registered, plan=msgspec.structs.replace(registered.plan, alpha=0.2))
    assert entry_of(altered) is None
    assert entry_of(msgspec.structs.replace(registered, state="refuted")) is None
    assert not assignable(hypothesis(design="before_after").plan)
    assert not assignable(hypothesis(design="switchback").plan)


def test_plans_that_declare_nothing_new_keep_their_digest() -> None:
    plain = hypothesis()
    assert frozen_digest(plain) == "ad42d49fe20d4b7f2f9029c4978bbf8178ae28095e85d5fd85b3297edff3ab9b"
    arms = {"control": "human", "treatment": "draft_assist", "split": 0.5}
    assert frozen_digest(hypothesis(arms={**arms, "holdout": 0.0, "variants": {}})) == frozen_digest(plain)
    changed = [
        hypothesis(arms={**arms, "holdout": 0.1}),
        hypothesis(arms={**arms, "variants": {"treatment": {"prompt": "Be brief."}}}),
        hypothesis(arms={**arms, "variants": {"treatment": {"prompt": "Be brief!"}}}),
        hypothesis(on_rollback="stop_treatment"),
    ]
    assert len({frozen_digest(each) for each in (plain, *changed)}) == 5


@pytest.mark.parametrize(
    ("arms", "design", "word"),
    [
        ({"holdout": 0.7}, "randomized", "holdout"),
        ({"block_hours": 12}, "randomized", "switchback"),
        ({"block_hours": 0}, "switchback", "block_hours"),
        ({"steps": {"bern": "2026-03-02", "basel": "2026-03-09"}}, "randomized", "stepped_wedge"),
        ({"steps": {"bern": "2026-03-02"}}, "stepped_wedge", "two days"),
        ({"variants": {"draft_assist": {"prompt": "Be brief."}}}, "randomized", "control and treatment"),
        ({"variants": {"treatment": {}}}, "randomized", "changes nothing"),
        ({"variants": {"control": {"human_only": True, "model": "writer"}}}, "randomized", "human_only"),
        ({"variants": {"treatment": {"prompt": "Be brief."}}}, "before_after", "assigned"),
    ],
)
def test_what_can_not_be_assigned_can_not_be_registered(arms: dict[str, Any], design: str, word: str) -> None:
    named = {"control": "human", "treatment": "draft_assist", **arms}
    found = problems(hypothesis(arms=named, design=design))
    assert any(word in each for each in found), found


def test_the_version_covers_what_the_arms_answer_with() -> None:
    def digest(*variants: tuple[str, Variant, Any]) -> str:
        return version_digest(use_case(), model=model(), providers=(), policy=None, knowledge_revision=None, variants=variants)

    plain = digest()
    other = msgspec.structs.replace(model(), name="writer-2")
    found = {
        plain,
        digest(("treatment", Variant(prompt="Be brief."), None)),
        digest(("treatment", Variant(prompt="Be brief!"), None)),
        digest(("treatment", Variant(model="writer-2"), other)),
        digest(("control", Variant(model="writer-2"), other)),
        digest(("control", Variant(human_only=True), None)),
    }
    assert len(found) == 6


def test_variants_go_with_their_arm() -> None:
    treated, people = Variant(prompt="Be brief."), Variant(human_only=True)
    experiment = entry(variants={"treatment": treated, "control": people})
    assert variant_of(experiment, "treatment") == treated
    assert variant_of(experiment, "control") == variant_of(experiment, "holdout") == people
    assert variant_of(entry(), "treatment") is None
    assert parse_plan({"name": "x", "arms": {"control": "a", "treatment": "b", "steps": {"bern": "2026-03-02"}}}).arms
