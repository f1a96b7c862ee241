"""Automation: cases closed without a human, and that stayed closed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from groundcrew.errors import InputError
from groundcrew.metrics.registry import metric
from groundcrew.stats.intervals import Interval, Side, wilson

#: A case reopened within this time was not solved.
REOPEN_WINDOW_DAYS = 7


class ResolvedCase(msgspec.Struct, frozen=True, kw_only=True):
    """A closed business case: when, whether a human had a hand in it, and when it was first reopened, if ever. UTC."""

    resolved_at: datetime
    by_human: bool
    reopened_at: datetime | None = None


@metric(
    name="automation_rate",
    unit="share",
    range=(0.0, 1.0),
    empty="estimate unknown, bounds 0 to 1",
    source="Wilson 1927, score interval; reopen window of the gate policy",
)
def automation_rate(
    cases: Sequence[ResolvedCase], as_of: datetime, confidence: float = 0.95, side: Side = "two-sided"
) -> Interval:
    """Cases resolved without a human and not reopened within 7 days, divided by all resolved cases that are 7 days old.

    A younger case is left out, whoever resolved it and even if it was reopened already: counting some of the young ones
    would bias the share. Raises InputError for a time without an offset or a case reopened before it was resolved.
    """
    window = timedelta(days=REOPEN_WINDOW_DAYS)
    automated = counted = 0
    for case in cases:
        for time in (case.resolved_at, as_of, case.reopened_at or as_of):
            if time.utcoffset() is None:
                raise InputError("has no offset from UTC", field="time")
        if case.reopened_at is not None and case.reopened_at < case.resolved_at:
            raise InputError("lies before the case was resolved", field="reopened_at")
        if as_of - case.resolved_at < window:
            continue
        counted += 1
        stayed_closed = case.reopened_at is None or case.reopened_at - case.resolved_at > window
        automated += not case.by_human and stayed_closed
    return wilson(automated, counted, confidence, side)
