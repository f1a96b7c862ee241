"""Maps from score to probability and guarantees as the gateway holds them: monotone, bounded, never NaN, never a free 1."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.domain.calibration import CalibrationMap, Guarantee
from groundcrew.errors import InputError

SLOPES = st.floats(0, 20)
SCORES = st.floats(0, 1)


@st.composite
def maps(draw: st.DrawFn) -> CalibrationMap:
    floor = draw(st.floats(1e-6, 0.4))
    if draw(st.booleans()):
        scores = sorted(draw(st.sets(SCORES, min_size=1, max_size=6)))
        probabilities = sorted(draw(st.lists(SCORES, min_size=len(scores), max_size=len(scores))))
        knots = tuple(zip(scores, probabilities, strict=True))
        return CalibrationMap(method="isotonic", labels=300, floor=floor, ceiling=1 - floor, knots=knots)
    return CalibrationMap(
        method="beta",
        labels=60,
        floor=floor,
        ceiling=1 - floor,
        intercept=draw(st.floats(-1e4, 1e4)),
        rise=draw(SLOPES),
        fall=draw(SLOPES),
    )


@given(maps(), SCORES, SCORES)
def test_a_map_never_falls_and_stays_inside(fitted: CalibrationMap, first: float, second: float) -> None:
    low, high = sorted((first, second))
    below, above = fitted.apply(low), fitted.apply(high)
    assert below <= above + 1e-12
    assert 0 < fitted.floor <= below <= fitted.ceiling < 1


@given(maps(), st.floats())
def test_no_score_gives_nan_or_certainty(fitted: CalibrationMap, score: float) -> None:
    value = fitted.apply(score)
    assert 0 < value < 1
    if math.isnan(score):
        assert value == fitted.floor


@given(maps(), SCORES)
def test_a_map_survives_its_json(fitted: CalibrationMap, score: float) -> None:
    again = msgspec.json.decode(msgspec.json.encode(fitted), type=CalibrationMap)
    assert again == fitted
    assert again.apply(score) == fitted.apply(score)


def test_the_shipped_map_is_the_identity_within_its_bounds() -> None:
    shipped = CalibrationMap(method="shipped", labels=0, floor=0.01, ceiling=0.99)
    assert [shipped.apply(score) for score in (0.2, 0.5, 0.97)] == pytest.approx([0.2, 0.5, 0.97])
    assert (shipped.apply(0.0), shipped.apply(1.0)) == (0.01, 0.99)


@pytest.mark.parametrize(
    "wrong",
    [
        {"floor": 0.0},
        {"ceiling": 1.0},
        {"floor": 0.9, "ceiling": 0.8},
        {"intercept": math.nan},
        {"rise": -1.0},
        {"fall": math.inf},
        {"method": "isotonic"},
        {"method": "isotonic", "knots": ((0.5, 0.6), (0.5, 0.7))},
        {"method": "isotonic", "knots": ((0.2, 0.6), (0.5, 0.5))},
    ],
)
def test_a_map_that_falls_or_promises_certainty_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        CalibrationMap(**{"method": "beta", "labels": 1, "floor": 0.1, "ceiling": 0.9} | wrong)  # type: ignore[arg-type]


def guarantee(threshold: float | None) -> Guarantee:
    return Guarantee(
        threshold=threshold,
        unsupported_max=0.05,
        confidence=0.95,
        method="exact-binomial",
        monitoring="fixed",
        sampling="uniform",
        labels=100,
        released=60,
        unsupported=0,
        share=0.6,
        share_lower=0.5,
        share_upper=0.7,
        risk=0.0,
        risk_upper=0.049,
        reason="",
    )


def test_only_known_scores_at_or_above_the_threshold_are_released() -> None:
    assert guarantee(0.8).releases(0.8)
    assert not guarantee(0.8).releases(0.7999999)
    for unknown in (None, math.nan):
        assert not guarantee(0.0).releases(unknown)
    assert not guarantee(None).releases(1.0)
