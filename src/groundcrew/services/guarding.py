"""Policies as people look at them: which rules there are, what guards found lately, and how a policy does on labelled texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from groundcrew.domain.call import Call, GuardResult
from groundcrew.domain.guard import Place, Policy
from groundcrew.guards.runner import GuardRunner
from groundcrew.guards.trial import DEFAULT_PLACE, TrialReport, TrialRow, as_enforced, try_policy
from groundcrew.guards.warming import prepare_rules
from groundcrew.services.latency import rank
from groundcrew.services.lookups import require
from groundcrew.stats.intervals import Interval, wilson
from groundcrew.store import catalog
from groundcrew.store.calls import latest
from groundcrew.store.database import Database

#: The newest calls that findings and counts are taken over.
CALLS_MAX = 1_000
FINDINGS_MAX = 200
#: Rows that one test over the network may hold; `groundcrew policy test` has no such limit.
TRIAL_ROWS_MAX = 2_000


class GuardFinding(msgspec.Struct, frozen=True, kw_only=True):
    """What one guard found in one call. Findings are counted by type; no text of theirs is kept."""

    call_id: str
    use_case: str
    received_at: datetime
    status: str
    sample: bool
    result: GuardResult


class GuardCounts(msgspec.Struct, frozen=True, kw_only=True):
    """One guard in one place over the newest calls. `acted` runs did more than mask; `act_rate` is their share with its 95 %
    score interval, failed runs left out."""

    guard: str
    place: str
    runs: int
    flagged: int
    blocked: int
    failed: int
    acted: int
    masked: int
    act_rate: Interval
    latency_ms_p50: float
    latency_ms_p95: float


class GuardOverview(msgspec.Struct, frozen=True, kw_only=True):
    """What guards did in the newest `calls` calls, sample data apart in counts but shown among findings. `truncated` tells that
    there are older calls."""

    calls: int
    calls_max: int
    truncated: bool
    counts: tuple[GuardCounts, ...]
    findings: tuple[GuardFinding, ...]
    findings_total: int


class Guarding:
    """Reads policies and what they led to; changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def policies(self) -> list[Policy]:
        """All policies, by name."""
        async with self._database.read() as connection:
            return sorted(await catalog.POLICIES.find(connection), key=lambda each: each.name)

    async def policy(self, name: str) -> Policy:
        """One policy; NotFound with the nearest name."""
        async with self._database.read() as connection:
            return await require(connection, catalog.POLICIES, name)

    async def overview(
        self, *, use_case: str | None = None, guard: str | None = None, findings_max: int = FINDINGS_MAX
    ) -> GuardOverview:
        """Counts and the latest findings, of one use case or guard where given."""
        async with self._database.read() as connection:
            calls = await latest(connection, use_case=use_case, limit=CALLS_MAX + 1)
        kept = calls[:CALLS_MAX]
        findings = [
            _finding(call, result)
            for call in kept
            for result in call.guards
            if result.verdict != "pass" and guard in (None, result.guard)
        ]
        return GuardOverview(
            calls=len(kept),
            calls_max=CALLS_MAX,
            truncated=len(calls) > CALLS_MAX,
            counts=_counts([call for call in kept if not call.sample], guard),
            findings=tuple(findings[:findings_max]),
            findings_total=len(findings),
        )

    async def test(
        self,
        name: str,
        rows: Sequence[tuple[int, TrialRow, str]],
        *,
        place: Place = DEFAULT_PLACE,
        enforced: bool = False,
        group_field: str | None = None,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> TrialReport:
        """`run_trial` of a stored policy; NotFound where there is none of that name."""
        return await run_trial(
            await self.policy(name), rows, place=place, enforced=enforced, group_field=group_field, progress=progress
        )


async def run_trial(
    policy: Policy,
    rows: Sequence[tuple[int, TrialRow, str]],
    *,
    place: Place = DEFAULT_PLACE,
    enforced: bool = False,
    group_field: str | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> TrialReport:
    """A policy over labelled rows; with `enforced` as if its monitoring rules acted too. Nothing is recorded."""
    runner = GuardRunner()
    try:
        chosen = as_enforced(policy) if enforced else policy
        await prepare_rules((chosen,))
        return await try_policy(chosen, rows, runner=runner, place=place, group_field=group_field, progress=progress)
    finally:
        runner.close()


def _finding(call: Call, result: GuardResult) -> GuardFinding:
    return GuardFinding(
        call_id=call.id,
        use_case=call.use_case,
        received_at=call.received_at,
        status=call.status,
        sample=call.sample,
        result=result,
    )


def _counts(calls: Sequence[Call], guard: str | None) -> tuple[GuardCounts, ...]:
    runs: dict[tuple[str, str], list[GuardResult]] = {}
    for call in calls:
        for result in call.guards:
            if guard in (None, result.guard):
                runs.setdefault((result.guard, result.place), []).append(result)
    return tuple(_count(*key, results) for key, results in sorted(runs.items()))


def _count(guard: str, place: str, results: Sequence[GuardResult]) -> GuardCounts:
    times_ms = [each.latency_ms for each in results]
    failed = sum(each.verdict == "failed" for each in results)
    judged = [each for each in results if each.verdict != "failed"]
    acted = sum(each.action not in ("allow", "redact") for each in judged)
    return GuardCounts(
        guard=guard,
        place=place,
        runs=len(results),
        flagged=sum(each.verdict == "flag" for each in results),
        blocked=sum(each.verdict == "block" for each in results),
        failed=failed,
        acted=acted,
        masked=sum(each.action == "redact" for each in judged),
        act_rate=wilson(acted, len(judged)),
        latency_ms_p50=rank(times_ms, 0.5),
        latency_ms_p95=rank(times_ms, 0.95),
    )
