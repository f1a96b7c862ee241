"""Places a reliability curve on a square: how often answers were supported against what the score said, with intervals."""

from __future__ import annotations

import msgspec

from groundcrew.stats.calibration import CalibrationReport

#: Width and height of the drawing, and what is left free for the axes.
SIZE, LEFT, BOTTOM, TOP, RIGHT = 260.0, 36.0, 30.0, 8.0, 8.0


class CurvePoint(msgspec.Struct, frozen=True, kw_only=True):
    """One bin: its place, the ends of its interval, and its words."""

    x: float
    y: float
    low: float
    high: float
    label: str


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """The drawing: points, the line through them, and what it says in words."""

    points: tuple[CurvePoint, ...]
    path: str
    label: str


def curve(report: CalibrationReport | None) -> Curve | None:
    """The drawing of a report; None without labels."""
    if report is None or not report.reliability:
        return None
    points = []
    for each in report.reliability:
        share = each.supported
        points.append(
            CurvePoint(
                x=across(each.mean_score),
                y=up(share.estimate or 0.0),
                low=up(share.lower or 0.0),
                high=up(1.0 if share.upper is None else share.upper),
                label=f"score {each.mean_score:.2f}: {share.estimate or 0.0:.2f} supported "
                f"({share.lower or 0.0:.2f}–{1.0 if share.upper is None else share.upper:.2f}), n = {share.n}",
            )
        )
    path = "M" + " L".join(f"{each.x} {each.y}" for each in points)
    return Curve(points=tuple(points), path=path, label="; ".join(each.label for each in points))


def across(value: float) -> float:
    """A score 0..1 as a place from left to right."""
    return round(LEFT + min(max(value, 0.0), 1.0) * (SIZE - LEFT - RIGHT), 1)


def up(value: float) -> float:
    """A share 0..1 as a place from top to bottom."""
    return round(SIZE - BOTTOM - min(max(value, 0.0), 1.0) * (SIZE - BOTTOM - TOP), 1)
