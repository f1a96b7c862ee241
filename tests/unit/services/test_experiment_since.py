"""An experiment on what happened since a moment alone: the log goes on to count, and its bounds hold however often one looks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.unit.services import bank

from groundcrew.domain.hypothesis import Hypothesis, register
from groundcrew.services.experiment_analysis import at_every_look
from groundcrew.services.experiment_columns import Recorded, Value, after, join, microseconds
from groundcrew.store.experiments import ExposureRow

REGISTERED = datetime(2026, 3, 1, tzinfo=UTC)
STEP = REGISTERED + timedelta(days=20)


def hypothesis(**changes: object) -> Hypothesis:
    draft = Hypothesis(use_case=bank.NAME, plan=bank.plan(**changes))
    return register(draft, by="maria", at=REGISTERED)


def value(unit: str, days: float, arm: str) -> Value:
    at_us = microseconds(REGISTERED + timedelta(days=days))
    return Value("handle_time", unit, 600.0, at_us, arm, None, True, False)


def test_a_log_of_which_nothing_is_left_is_still_a_log() -> None:
    log = {"t-1": ExposureRow("t-1", "treatment", None, "2026-03-02T00:00:00.000000Z")}
    recorded = Recorded([value("t-1", 2, "draft_assist"), value("made-up", 22, "draft_assist")], log, set())
    found = join(after(recorded, STEP, REGISTERED), hypothesis(), sample=False)
    assert (found.assigned_by, found.quality.unassigned) == ("log", 1)
    assert len(found.columns) == 0, "a unit that was assigned to no arm is in none, whatever it says of itself"


def test_who_was_treated_before_the_registration_is_left_out_of_every_part() -> None:
    recorded = Recorded([value("t-1", -3, "draft_assist"), value("t-1", 22, "human"), value("t-2", 22, "human")], {}, set())
    found = join(after(recorded, STEP, REGISTERED), hypothesis(), sample=False)
    assert (found.quality.before_registration, found.measured["control"]) == (1, 1)


def test_a_fixed_plan_is_looked_at_again_with_bounds_for_every_look() -> None:
    fixed = hypothesis(monitoring="fixed", planned_n=400)
    assert at_every_look(fixed).plan.monitoring == "sequential"
    assert at_every_look(fixed).digest == fixed.digest
