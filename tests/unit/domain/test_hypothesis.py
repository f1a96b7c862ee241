"""A hypothesis is registered only when complete, and frozen from then on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.domain.hypothesis import (
    TRANSITIONS,
    Hypothesis,
    amend,
    baseline_problems,
    frozen_digest,
    move,
    parse_plan,
    problems,
    register,
)
from groundcrew.errors import Conflict, DeclarationError, InputError

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

PLAN = """
name: handle-time
unit: ticket
arms: {control: human, treatment: draft_assist, split: 0.5}
design: randomized
alpha: 0.05
power: 0.8
monitoring: sequential
cluster: employee
minimum_days: 14
planned_n: 1200
metrics:
  - {name: handle_time, role: success, kind: mean, direction: decrease, unit: s,
     baseline: {mean: 900, sd: 540, n: 400, days: 30, source: ticket system}, mde: 180}
  - {name: complaint, role: guardrail, kind: proportion, direction: decrease, margin: 0.02}
"""


def plan_data() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(PLAN)
    return data


def draft(**changes: Any) -> Hypothesis:
    return Hypothesis(use_case="email-assistant", plan=parse_plan(plan_data() | changes))


def registered() -> Hypothesis:
    return register(draft(), by="maria.keller@bank.example", at=NOW)


def test_complete_plan_has_no_problems() -> None:
    assert problems(draft()) == []
    assert baseline_problems(draft().plan) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"unit": ""}, "unit is missing"),
        ({"arms": None}, "arms are missing"),
        ({"arms": {"control": "a", "treatment": "a"}}, "different names"),
        ({"arms": {"control": "a", "treatment": "b", "split": 1.0}}, "split is 1"),
        ({"alpha": 0.5}, "alpha is 0.5"),
        ({"alpha": 0}, "alpha is 0"),
        ({"power": 0.49}, "power is 0.49"),
        ({"power": 1.0}, "power is 1"),
        ({"minimum_days": None}, "duration is missing"),
        ({"planned_n": 1}, "planned_n is 1"),
        ({"minimum_days": 30, "duration_days": 14}, "exceeds duration_days"),
        ({"icc": 1.5}, "icc is 1.5"),
        ({"metrics": []}, "no primary metric"),
        ({"metrics": []}, "no guardrail"),
    ],
)
def test_each_gap_is_said(changes: dict[str, Any], says: str) -> None:
    assert any(says in line for line in problems(draft(**changes))), problems(draft(**changes))


@pytest.mark.parametrize(
    ("position", "changes", "says"),
    [
        (0, {"mde": None}, "handle_time has no mde"),
        (0, {"mde": -3}, "positive number"),
        (0, {"mde": float("nan")}, "positive number"),
        (0, {"baseline": None}, "handle_time has no baseline"),
        (0, {"baseline": {"mean": 900, "n": 400, "days": 30, "source": "s"}}, "no usable baseline sd"),
        (0, {"kind": "rating"}, "stars from 1 to 5"),
        (1, {"margin": None}, "complaint has no margin"),
        (1, {"name": "handle_time"}, "declared 2 times"),
        (1, {"primary": True}, "not of role success"),
        (1, {"role": "success", "mde": 1.0}, "mde lies below 1"),
    ],
)
def test_each_gap_of_a_metric_is_said(position: int, changes: dict[str, Any], says: str) -> None:
    metrics = plan_data()["metrics"]
    metrics[position] |= changes
    found = problems(draft(metrics=metrics))
    assert any(says in line for line in found), found


def test_of_several_success_metrics_exactly_one_is_primary() -> None:
    metrics = plan_data()["metrics"]
    second = metrics[0] | {"name": "cost"}
    assert any("mark exactly one" in line for line in problems(draft(metrics=[*metrics, second])))
    marked = draft(metrics=[*metrics, second | {"primary": True}])
    assert problems(marked) == []
    assert marked.plan.primary is not None
    assert marked.plan.primary.name == "cost"


def test_thin_baseline_is_said() -> None:
    metrics = plan_data()["metrics"]
    metrics[0]["baseline"] |= {"n": 12, "days": 3, "source": " "}
    assert len(baseline_problems(draft(metrics=metrics).plan)) == 3


def test_unknown_field_and_wrong_type_name_their_place() -> None:
    with pytest.raises(DeclarationError, match="treshold"):
        parse_plan(plan_data() | {"treshold": 1})
    with pytest.raises(DeclarationError, match="alpha"):
        parse_plan(plan_data() | {"alpha": "five per cent"})


def test_registration_freezes() -> None:
    hypothesis = registered()
    assert (hypothesis.state, hypothesis.registered_at) == ("registered", NOW)
    assert hypothesis.intact
    tampered = msgspec.structs.replace(hypothesis, plan=msgspec.structs.replace(hypothesis.plan, alpha=0.2))
    assert not tampered.intact
    with pytest.raises(Conflict, match="altered"):
        move(tampered, "running")


def test_registration_refuses_gaps_nobody_and_local_time() -> None:
    with pytest.raises(InputError, match="no guardrail"):
        register(draft(metrics=plan_data()["metrics"][:1]), by="maria", at=NOW)
    with pytest.raises(InputError, match="registered_by"):
        register(draft(), by=" ", at=NOW)
    with pytest.raises(InputError, match="UTC"):
        register(draft(), by="maria", at=NOW.astimezone(timezone(timedelta(hours=2))))


def test_digest_covers_the_plan_but_not_the_state() -> None:
    running = move(registered(), "running")
    assert frozen_digest(running) == frozen_digest(draft())
    assert frozen_digest(draft(alpha=0.04)) != frozen_digest(draft())
    assert frozen_digest(msgspec.structs.replace(draft(), version=2)) != frozen_digest(draft())
    assert frozen_digest(msgspec.structs.replace(draft(), use_case="other")) != frozen_digest(draft())


def test_verdict_is_final_and_an_amendment_is_a_new_draft() -> None:
    refuted = move(move(registered(), "running"), "refuted")
    for state in TRANSITIONS:
        with pytest.raises(Conflict):
            move(refuted, state)
    amended = amend(refuted, draft(alpha=0.01).plan)
    assert (amended.version, amended.state, amended.digest) == (2, "draft", None)


@given(st.lists(st.sampled_from(list(TRANSITIONS)), max_size=6))
def test_no_history_reaches_a_verdict_without_registration(path: list[Any]) -> None:
    hypothesis = draft()
    for state in path:
        try:
            hypothesis = move(hypothesis, state)
        except Conflict:
            continue
    assert hypothesis.state == "draft"


@given(st.permutations(sorted(plan_data())))
def test_digest_does_not_depend_on_field_order(order: list[str]) -> None:
    data = plan_data()
    shuffled = Hypothesis(use_case="email-assistant", plan=parse_plan({key: data[key] for key in order}))
    assert frozen_digest(shuffled) == frozen_digest(draft())


def test_plan_survives_a_round_trip_through_json() -> None:
    hypothesis = registered()
    assert msgspec.json.decode(msgspec.json.encode(hypothesis), type=Hypothesis) == hypothesis
