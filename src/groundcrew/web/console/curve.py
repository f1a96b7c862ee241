"""Draws the figures of a run step by step: one curve a figure, with its first, best and last value in words."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from groundcrew.domain.tuning import RunStep

WIDTH, HEIGHT = 320.0, 110.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 312.0, 8.0, 92.0
CURVES_MAX = 12
#: Points of one curve; of more, every n-th is drawn, the last one always.
POINTS_MAX = 300


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """One figure over the steps: `line` is an SVG path, `ticks` are (height, value), `label` says it in words."""

    name: str
    line: str
    last_x: float
    last_y: float
    ticks: tuple[tuple[float, str], ...]
    first_step: int
    last_step: int
    last: float
    label: str


def curves(steps: Sequence[RunStep]) -> list[Curve]:
    """A curve for each figure that was taken at least twice."""
    names = sorted({name for each in steps for name in each.metrics})[:CURVES_MAX]
    drawn = (_curve(name, [(each.step, each.metrics[name]) for each in steps if name in each.metrics]) for name in names)
    return [each for each in drawn if each is not None]


def _curve(name: str, points: list[tuple[int, float]]) -> Curve | None:
    if len(points) < 2:
        return None
    stride = -(-len(points) // POINTS_MAX)
    some = [*points[:-1:stride], points[-1]]
    first, last = some[0][0], some[-1][0]
    low, high = min(value for _, value in points), max(value for _, value in points)
    span = (high - low) or 1.0

    def place(step: int, value: float) -> tuple[float, float]:
        x = LEFT + (RIGHT - LEFT) * (step - first) / max(last - first, 1)
        return round(x, 1), round(BOTTOM - (BOTTOM - TOP) * (value - low) / span, 1)

    placed = [place(*each) for each in some]
    line = "M" + "L".join(f"{x} {y}" for x, y in placed)
    value = some[-1][1]
    return Curve(
        name=name,
        line=line,
        last_x=placed[-1][0],
        last_y=placed[-1][1],
        ticks=((TOP, f"{high:.3g}"), (BOTTOM, f"{low:.3g}")) if high > low else ((BOTTOM, f"{low:.3g}"),),
        first_step=first,
        last_step=last,
        last=value,
        label=f"{name} from {some[0][1]:.4g} at step {first} to {value:.4g} at step {last}, between {low:.4g} and {high:.4g}",
    )
