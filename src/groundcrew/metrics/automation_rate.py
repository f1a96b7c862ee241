"""Automation: cases closed without a human, and that stayed closed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from groundcrew.errors import InputError
from groundcrew.metrics.registry import metric
from groundcrew.stats.intervals import Interval, Side, wilson

#: A case reopened within this time was not solved.
REOPEN_WINDOW_DAYS = 7
REOPEN_WINDOW = timedelta(days=REOPEN_WINDOW_DAYS)


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
    automated = counted = 0
    for case in cases:
        for time in (case.resolved_at, as_of, case.reopened_at or as_of):
            if time.utcoffset() is None:
                raise InputError("has no offset from UTC", field="time")
        if case.reopened_at is not None and case.reopened_at < case.resolved_at:
            raise InputError("lies before the case was resolved", field="reopened_at")
        if as_of - case.resolved_at < REOPEN_WINDOW:
            continue
        counted += 1
        automated += is_automated(case)
    return wilson(automated, counted, confidence, side)


def is_automated(case: ResolvedCase) -> bool:
    """Whether a case that is old enough was resolved without a human and stayed closed."""
    stayed_closed = case.reopened_at is None or case.reopened_at - case.resolved_at > REOPEN_WINDOW
    return not case.by_human and stayed_closed


class CaseColumns(NamedTuple):
    """Resolved cases as columns, for when there are many: Unix times in s, whether a human had a hand in it; `reopened_at_s` is
    NaN for a case that never was."""

    resolved_at_s: NDArray[np.float64]
    by_human: NDArray[np.bool_]
    reopened_at_s: NDArray[np.float64]

    def where(self, chosen: NDArray[np.bool_]) -> CaseColumns:
        """The chosen ones."""
        return CaseColumns(self.resolved_at_s[chosen], self.by_human[chosen], self.reopened_at_s[chosen])


def automation_counts(cases: CaseColumns, as_of_s: float) -> tuple[int, int]:
    """(automated, counted) of `automation_rate`. A case whose reopening lies before its resolution was resolved more than once:
    it was not solved the first time, which counts against it."""
    window_s = REOPEN_WINDOW.total_seconds()
    old = as_of_s - cases.resolved_at_s >= window_s
    with np.errstate(invalid="ignore"):
        reopened = cases.reopened_at_s - cases.resolved_at_s <= window_s  # False where never
    return int(np.count_nonzero(old & ~cases.by_human & ~reopened)), int(np.count_nonzero(old))
