"""The share of cases resolved without a human, from outcomes named `resolved` and `reopened`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from groundcrew.metrics.automation_rate import CaseColumns, automation_counts
from groundcrew.stats.intervals import Interval, Side, wilson
from groundcrew.store import audit
from groundcrew.store.database import Connection
from groundcrew.store.memory import Memory, marked
from groundcrew.store.outcome_values import CaseEnd, resolved_cases

#: Newest resolved cases that count; their columns take 17 bytes each in memory.
CASES_MAX = 200_000
#: Versions whose cases are kept in memory, those read last.
VERSIONS_MAX = 32

_Key = tuple[str, str, bool]
_KEPT: Memory[_Key, tuple[object, CaseColumns]] = Memory(VERSIONS_MAX)


async def automation(
    connection: Connection,
    use_case: str,
    version_digest: str,
    as_of: datetime,
    *,
    since: datetime | None = None,
    side: Side = "lower",
    sample: bool = False,
    confidence: float = 0.95,
) -> Interval:
    """Automation rate of one version of a use case as of a moment: cases resolved without a human that stayed closed for 7 days,
    divided by all cases that were resolved at least 7 days ago, of those resolved after `since` where given; Wilson's bound,
    one-sided unless `side` says otherwise.

    A case is resolved by the newest outcome `resolved` of it (1: without a human, 0: a human had a hand in it), at its `at`, and
    reopened by `reopened` (1), whatever version that was reported under. n = 0 gives no estimate and the bounds 0 and 1.
    """
    cases = await resolved_columns(connection, use_case, version_digest, sample=sample)
    if since is not None:
        cases = cases.where(cases.resolved_at_s > since.timestamp())
    automated, counted = automation_counts(cases, as_of.timestamp())
    return wilson(automated, counted, confidence, side)


async def resolved_columns(connection: Connection, use_case: str, version_digest: str, *, sample: bool) -> CaseColumns:
    """The newest CASES_MAX resolved cases; read anew only where outcomes came since."""
    newest = await audit.latest(connection, subject=f"outcomes/{use_case}", limit=1)

    async def read() -> CaseColumns:
        found = await resolved_cases(connection, use_case, version_digest, sample=sample, limit=CASES_MAX)
        return await asyncio.to_thread(_columns, found)

    return await marked(_KEPT, connection, (use_case, version_digest, sample), newest[0].hash if newest else "", read)


def _columns(cases: Sequence[CaseEnd]) -> CaseColumns:
    return CaseColumns(
        resolved_at_s=np.array([_seconds(each.resolved_at) for each in cases], dtype=np.float64),
        by_human=np.array([not each.automatic for each in cases], dtype=np.bool_),
        reopened_at_s=np.array([_seconds(each.reopened_at) if each.reopened_at else np.nan for each in cases], dtype=np.float64),
    )


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()
