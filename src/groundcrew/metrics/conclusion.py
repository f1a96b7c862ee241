"""Whether an experiment may be concluded now, and as what: the rule's verdict, where the plan's stop rule lets it end."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from groundcrew.domain.hypothesis import Concluded, HypothesisPlan, SuccessMetric
from groundcrew.metrics.analysis import AnalysisReport
from groundcrew.metrics.comparison import MetricResult
from groundcrew.metrics.plan import plan as planned


class Conclusion(msgspec.Struct, frozen=True, kw_only=True):
    """What an experiment may be concluded as now, and why; `state` is None where it has to go on, and `reasons` then say for
    what. `units` of `needed` are in it; `window_ends` is when it ends in any case."""

    state: Concluded | None
    reasons: tuple[str, ...]
    units: int = 0
    needed: int | None = None
    window_ends: datetime | None = None


def conclude(plan: HypothesisPlan, report: AnalysisReport | None, *, started: datetime | None, now: datetime) -> Conclusion:
    """The conclusion that `report` allows; `started` is when the first unit was exposed, else when the plan was registered.

    Invalid data end it at any time. A fixed plan is read once: when its number of units is reached, or its window is over. A
    sequential one may end whenever its bounds say so: for harm at once, else after minimum_days. It is refuted where it does
    harm, or where the whole interval of the primary metric lies short of the effect worth having; inconclusive where the window
    is over and nothing of this is so.
    """
    needed = plan.planned_n if plan.planned_n is not None else planned(plan).required_n
    ends = started + timedelta(days=plan.window_days) if started is not None and plan.window_days is not None else None
    units = sum(report.units.values()) if report is not None else 0
    is_over = ends is not None and now >= ends

    def said(state: Concluded | None, *reasons: str) -> Conclusion:
        return Conclusion(state=state, reasons=reasons, units=units, needed=needed, window_ends=ends)

    if report is None:
        if is_over:
            return said("inconclusive", "the window is over and nothing can be compared")
        return said(None, "nothing can be compared yet")
    if report.verdict == "invalid":
        return said("invalid", *report.reasons)
    is_reached = needed is not None and units >= needed
    if plan.monitoring == "fixed" and not is_reached and not is_over:
        return said(
            None,
            f"a fixed plan is read once: {units} of {needed if needed is not None else 'an unknown number of'} units are in it",
            *_later(ends),
        )
    if report.verdict == "rollback":
        return said("refuted", *report.reasons)
    if report.verdict == "supported":
        return said("supported", *report.reasons)
    is_long_enough = plan.minimum_days is None or report.days >= plan.minimum_days
    if is_long_enough and (short := _falls_short(plan, report)):
        return said("refuted", short)
    if is_over:
        return said("inconclusive", "the window is over and the rule does not decide", *report.reasons)
    if plan.monitoring == "fixed" and is_long_enough:
        return said("inconclusive", "the planned number of units is reached and the rule does not decide", *report.reasons)
    return said(None, *report.reasons, *_later(ends))


def _later(ends: datetime | None) -> tuple[str, ...]:
    return (f"the window ends on {ends:%Y-%m-%d}",) if ends is not None else ()


def _falls_short(plan: HypothesisPlan, report: AnalysisReport) -> str:
    """Why the primary metric credibly does not reach the effect worth having, "" where it still may."""
    primary = plan.primary
    found = next((each for each in report.metrics if primary is not None and each.name == primary.name), None)
    if primary is None or primary.mde is None or found is None or primary.kind == "rare_harm":
        return ""
    best = _best(primary, found)
    if best is None or best >= primary.mde:
        return ""
    return (
        f"the effect on {primary.name} is at best {best:.4g} in the good direction, the smallest worth having is {primary.mde:g}"
    )


def _best(primary: SuccessMetric, found: MetricResult) -> float | None:
    """The largest good effect that the interval still allows."""
    if primary.direction == "increase":
        return found.upper
    return None if found.lower is None else -found.lower
