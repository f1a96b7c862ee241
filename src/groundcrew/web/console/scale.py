"""Places an estimate, its interval and the bound that it must reach on one short scale, for drawing."""

from __future__ import annotations

import re

import msgspec

from groundcrew.domain.gate import CriterionResult

WIDTH = 160.0
#: Share of the width that stays free at each end.
MARGIN = 0.06
_BOUND = re.compile(r"(≥|≤|>=|<=|>|<|at least|at most)\s*(-?\d+(?:[.,]\d+)*)\s*(%)?")


class Whisker(msgspec.Struct, frozen=True, kw_only=True):
    """Positions in 0..WIDTH; `zero` where there is no bound. `good_from` and `good_to` enclose the side that passes."""

    estimate: float | None
    lower: float | None
    upper: float | None
    bound: float | None
    zero: float | None
    good_from: float | None
    good_to: float | None
    label: str


def bound_of(text: str) -> tuple[float, bool] | None:
    """The first bound in a text such as ``≥ 4.0`` or ``≤ 1 %``: its value, and whether higher passes. Percent are points."""
    found = _BOUND.search(text)
    if found is None:
        return None
    value = float(found.group(2).replace(",", ""))
    return value / 100 if found.group(3) else value, found.group(1) in ("≥", ">=", ">", "at least")


def whisker(result: CriterionResult) -> Whisker | None:
    """The drawing of one criterion; None where it has no interval."""
    known = [each for each in (result.lower, result.upper) if each is not None]
    if not known:
        return None
    bound = bound_of(result.bound)
    # Without a bound it is a difference, and what matters is where nothing is.
    values = [*known, *([result.estimate] if result.estimate is not None else []), bound[0] if bound else 0.0]
    low, high = min(values), max(values)
    span = (high - low) or max(abs(high), 1.0) * 0.1
    low, high = low - MARGIN * span, high + MARGIN * span

    def place(value: float | None) -> float | None:
        return None if value is None else round((value - low) / (high - low) * WIDTH, 1)

    at = place(bound[0]) if bound else None
    good = (None, None) if bound is None or at is None else ((at, WIDTH) if bound[1] else (0.0, at))
    return Whisker(
        estimate=place(result.estimate),
        lower=place(result.lower) if result.lower is not None else 0.0,
        upper=place(result.upper) if result.upper is not None else WIDTH,
        bound=at,
        zero=place(0.0) if bound is None else None,
        good_from=good[0],
        good_to=good[1],
        label=_label(result),
    )


def _label(result: CriterionResult) -> str:
    parts = [f"estimate {result.estimate:.4g}"] if result.estimate is not None else []
    lower = f"{result.lower:.4g}" if result.lower is not None else "unbounded"
    upper = f"{result.upper:.4g}" if result.upper is not None else "unbounded"
    parts.append(f"interval {lower} to {upper}")
    if result.bound:
        parts.append(f"bound {result.bound}")
    return ", ".join(parts)
