"""Fresh labels against the calibration: alarms when it is off, in the right direction, and hardly ever when it is not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundcrew.errors import InputError
from groundcrew.stats.calibration_drift import CalibrationDrift, calibration_drift


def fresh(n: int, seed: int, shift: float = 0.0) -> tuple[list[float], list[bool]]:
    """Scores and labels whose P(supported) is off by `shift` logits."""
    source = np.random.default_rng(seed)
    scores = source.beta(6, 1.2, n)
    truth = 1 / (1 + np.exp(-(np.log(scores / (1 - scores)) + shift)))
    return scores.tolist(), (source.random(n) < truth).tolist()


def test_a_calibrated_score_raises_no_alarm_however_often_one_looks() -> None:
    alarms = sum(calibration_drift(*fresh(500, seed), tolerance=0.0, alpha=0.05).alarm for seed in range(200))
    assert alarms <= 10  # 5 % of 200, and that without the tolerance that the default allows


@pytest.mark.parametrize(("shift", "direction"), [(-2.0, "over-confident"), (1.5, "under-confident")])
def test_a_drift_is_found_with_its_direction(shift: float, direction: str) -> None:
    found = [calibration_drift(*fresh(400, seed, shift)) for seed in range(20)]
    assert sum(each.alarm for each in found) >= (20 if shift < 0 else 15)
    assert {each.direction for each in found if each.alarm} == {direction}
    for each in found:
        assert each.observed is not None
        assert each.expected is not None
        assert (each.observed < each.expected) == (shift < 0)
        assert not each.alarm or direction in each.reason


def test_an_alarm_stays_and_is_raised_at_the_same_label_whenever_one_looks() -> None:
    scores, good = fresh(300, 4, -2.0)
    whole = calibration_drift(scores, good)
    assert whole.at is not None
    assert not calibration_drift(scores[: whole.at - 1], good[: whole.at - 1]).alarm
    assert calibration_drift(scores[: whole.at], good[: whole.at]).at == whole.at
    healed = calibration_drift([*scores, *[0.9] * 2000], [*good, *[True] * 2000])
    assert (healed.alarm, healed.at, healed.direction) == (True, whole.at, "over-confident")


def test_a_drift_in_one_range_only_is_found_and_named() -> None:
    source = np.random.default_rng(1)
    scores = np.concatenate([source.uniform(0.1, 0.9, 400), np.full(120, 0.97)])
    good = source.random(520) < np.where(scores > 0.95, 0.75, scores)
    order = source.permutation(520)
    found = calibration_drift(scores[order].tolist(), good[order].tolist())
    assert found.direction == "over-confident"
    assert "between 0.95 and 1" in found.reason
    assert (found.ranges[0].lower, found.ranges[0].upper) == (0.0, 1.0)


def test_unequal_sampling_is_allowed_for() -> None:
    """Unsupported answers are reviewed more often (a customer complained): not a drift, once the probabilities are given."""
    source = np.random.default_rng(2)
    scores, good = fresh(4000, 3)
    chances = [0.25 if each else 1.0 for each in good]
    picked = [place for place in range(4000) if source.random() < chances[place]]
    given_labels = ([scores[place] for place in picked], [good[place] for place in picked])
    assert calibration_drift(*given_labels).alarm
    assert not calibration_drift(*given_labels, probabilities=[chances[place] for place in picked]).alarm


def test_the_first_label_of_a_group_counts() -> None:
    once = calibration_drift([0.9] * 5, [False] * 5)
    many = calibration_drift([0.9] * 50, [False] * 50, groups=["a", "b", "c", "d", "e"] * 10)
    assert (many.labels, many.over_e_value) == (5, pytest.approx(once.over_e_value))
    assert calibration_drift([0.9] * 50, [False] * 50, groups=[None] * 50).at == calibration_drift([0.9] * 50, [False] * 50).at


def test_no_labels_say_nothing() -> None:
    found = calibration_drift([], [])
    assert (found.alarm, found.direction, found.at, found.labels, found.expected) == (False, None, None, 0, None)
    assert (found.over_e_value, found.under_e_value) == (1.0, 1.0)
    assert found.reason == "no fresh labels yet"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.floats(0.01, 1)), max_size=50))
def test_any_labels_give_finite_evidence(rows: list[tuple[float, bool, float]]) -> None:
    found = calibration_drift([row[0] for row in rows], [row[1] for row in rows], probabilities=[row[2] for row in rows])
    assert isinstance(found, CalibrationDrift)
    for value in (found.over_e_value, found.under_e_value):
        assert math.isfinite(value)
        assert value >= 0


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"calibrated": [0.5], "supported": []}, "supported"),
        ({"calibrated": [1.5], "supported": [True]}, "calibrated"),
        ({"calibrated": [math.nan], "supported": [True]}, "calibrated"),
        ({"calibrated": [0.5], "supported": [True], "probabilities": [0.0]}, "probabilities"),
        ({"calibrated": [0.5], "supported": [True], "groups": []}, "supported"),
        ({"calibrated": [0.5], "supported": [True], "alpha": 0.0}, "alpha"),
        ({"calibrated": [0.5], "supported": [True], "tolerance": 1.0}, "tolerance"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: dict[str, object], field: str) -> None:
    with pytest.raises(InputError) as refused:
        calibration_drift(**arguments)  # type: ignore[arg-type]
    assert refused.value.field == field
