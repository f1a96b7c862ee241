"""Star ratings 1–5: how content people are, as a mean with a bound that holds and as a share of good ratings."""

from __future__ import annotations

from collections.abc import Sequence

from groundcrew.domain.hypothesis import RATING_MAX, RATING_MIN
from groundcrew.errors import InputError
from groundcrew.metrics.registry import metric
from groundcrew.stats.confidence_sequences import betting_sequence
from groundcrew.stats.intervals import Interval, Side, mean_t, wilson
from groundcrew.stats.moments import moments

#: From here on a rating counts as good.
GOOD_STARS_MIN = 4


@metric(
    name="stars",
    unit="stars",
    range=(RATING_MIN, RATING_MAX),
    empty="estimate unknown, bounds 1 to 5",
    source="Waudby-Smith & Ramdas 2024, betting confidence sequence on (stars − 1)/4",
)
def stars(ratings: Sequence[float], confidence: float = 0.95) -> Interval:
    """Mean of the ratings, with a betting confidence sequence that may be read after every rating.

    `ratings` in the order they came, each within 1..5 (else InputError).
    """
    return betting_sequence(ratings, confidence, RATING_MIN, RATING_MAX)


@metric(
    name="stars_one_look",
    unit="stars",
    range=(RATING_MIN, RATING_MAX),
    empty="estimate and bounds unknown",
    source="Student 1908, t interval",
)
def stars_one_look(ratings: Sequence[float], confidence: float = 0.95, side: Side = "two-sided") -> Interval:
    """Mean of the ratings with a t interval, valid when read once; bounds are cut to 1..5.

    Unknown bounds under two ratings or when all are equal: `stars` still bounds those.
    """
    _check(ratings)
    interval = mean_t(moments(ratings), confidence, side)
    lower = None if interval.lower is None else max(RATING_MIN, interval.lower)
    upper = None if interval.upper is None else min(RATING_MAX, interval.upper)
    return Interval(
        estimate=interval.estimate,
        lower=lower,
        upper=upper,
        n=interval.n,
        method=interval.method,
        confidence=confidence,
    )


@metric(
    name="good_ratings",
    unit="share",
    range=(0.0, 1.0),
    empty="estimate unknown, bounds 0 to 1",
    source="Wilson 1927, score interval",
)
def good_ratings(ratings: Sequence[float], confidence: float = 0.95, side: Side = "two-sided") -> Interval:
    """Ratings of four stars or more, divided by all ratings."""
    _check(ratings)
    return wilson(sum(rating >= GOOD_STARS_MIN for rating in ratings), len(ratings), confidence, side)


def _check(ratings: Sequence[float]) -> None:
    for rating in ratings:
        if not RATING_MIN <= rating <= RATING_MAX:
            raise InputError(f"{rating} is not within 1 to 5 stars", field="stars")
