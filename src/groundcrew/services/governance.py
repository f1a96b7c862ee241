"""What gates know besides the data of a version: approvals, who built it, its costs, how it has done since it entered scale."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from groundcrew.domain.approval import Approval
from groundcrew.domain.gate import GateEvaluation
from groundcrew.domain.hypothesis import Hypothesis
from groundcrew.domain.use_case import UseCase
from groundcrew.domain.veto import Veto
from groundcrew.metrics.cost_per_case import cost_per_case
from groundcrew.services.automation import automation
from groundcrew.services.champion_standing import ChampionStanding, carried, people_of
from groundcrew.services.experiment_analysis import Analysis, computed
from groundcrew.services.incident_standing import IncidentStanding, standing_of
from groundcrew.services.names import all_names
from groundcrew.services.overlap_standing import OverlapStanding, overlaps_of
from groundcrew.services.page_memory import remembered
from groundcrew.services.speakers import unheard
from groundcrew.services.veto_records import active_vetoes
from groundcrew.settings import load
from groundcrew.stats.intervals import Interval, mean_t
from groundcrew.stats.moments import finite_array, moments
from groundcrew.store import catalog, experiments, governance
from groundcrew.store.database import Connection

#: Outcomes by this name are the time that people spent on a case.
REVIEW_TIME = "review_time"
#: How old the costs of cases may be that a page shows, in s.
PAGE_COSTS_AGE_S = 300
_UNIT_S = {"s": 1.0, "second": 1.0, "seconds": 1.0, "min": 60.0, "minute": 60.0, "minutes": 60.0, "h": 3_600.0, "hours": 3_600.0}


class CaseCosts(msgspec.Struct, frozen=True, kw_only=True):
    """What a case costs in model calls: USD with its interval (unknown while any call's cost is), over which calls."""

    per_case: Interval
    calls: int
    cases: int
    #: Whether calls name their cases; without, each call is taken as a case of its own.
    by_case: bool


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """The effect that a stage was given for, in the primary metric's unit, and where it was claimed."""

    effect: float
    source: str


class Governance(msgspec.Struct, frozen=True, kw_only=True):
    """What criteria may look at besides the data of the version. What a gate does not ask for is None."""

    approvals: tuple[Approval, ...] = ()
    #: Everybody who built the use case, as persons (see `person_of`).
    builders: frozenset[str] = frozenset()
    #: Live use cases with the same champion, this one included.
    championed: int = 0
    #: How the champion stands; None where none is declared.
    champion: ChampionStanding | None = None
    #: For how many days texts are kept where the use case does not say; 0: for ever.
    retention_days_default: int = 0
    costs: CaseCosts | None = None
    review_s: Interval | None = None
    since_scale: Analysis | None = None
    claim: Claim | None = None
    automation: Interval | None = None
    incidents: IncidentStanding = IncidentStanding()
    overlaps: OverlapStanding = OverlapStanding()
    #: Active vetoes on the use case, whatever gate they speak about, oldest first.
    vetoes: tuple[Veto, ...] = ()
    #: Why words that were given do not count any more, by the id of the approval.
    unheard: dict[str, str] = {}


async def gather_governance(
    connection: Connection,
    use_case: UseCase,
    digest: str,
    registered: Hypothesis | None,
    now: datetime,
    checks: frozenset[str],
    *,
    recompute: bool = True,
) -> Governance:
    """Read what the named `checks` of a gate ask for, and what is cheap. Without `recompute`, for pages, costs are up to
    PAGE_COSTS_AGE_S old."""
    live = await catalog.USE_CASES.find(connection) if use_case.champion else []
    approvals = tuple(await catalog.APPROVALS.find(connection, use_case=use_case.name))
    builders = await persons_who_built(connection, use_case)
    current = [each for each in approvals if each.version_digest == digest]
    found = Governance(
        approvals=approvals,
        builders=builders,
        vetoes=tuple(await active_vetoes(connection, use_case.name)),
        unheard=await unheard(connection, use_case, current, builders, now),
        championed=len(carried(live, use_case.champion or "")),
        champion=(await people_of(connection)).standing(use_case.champion) if use_case.champion else None,
        retention_days_default=load().retention_days,
        incidents=await standing_of(connection, use_case.name, now.date()),
        overlaps=await overlaps_of(connection, use_case, now.date()) if "overlaps" in checks else OverlapStanding(),
    )
    costly = frozenset({"return_on_investment", "realised_effect"}) & checks
    if costly and recompute:
        found = await _with_costly(connection, found, use_case, digest, registered, costly)
    elif costly:
        key = ("governance", use_case.name, digest, *sorted(costly))
        mark = (
            await experiments.mark_of(connection, use_case.name),
            registered.digest if registered is not None else None,
            use_case.ramp.started if use_case.ramp is not None else None,
            int(now.timestamp()) // PAGE_COSTS_AGE_S,
        )
        kept = await remembered(
            connection, key, mark, lambda: _with_costly(connection, Governance(), use_case, digest, registered, costly)
        )
        found = msgspec.structs.replace(
            found, costs=kept.costs, review_s=kept.review_s, since_scale=kept.since_scale, claim=kept.claim
        )
    if "automation_rate" in checks:
        since = use_case.ramp.started if use_case.ramp is not None else None
        rate = await automation(connection, use_case.name, digest, now, since=since)
        found = msgspec.structs.replace(found, automation=rate)
    return found


async def _with_costly(
    connection: Connection,
    found: Governance,
    use_case: UseCase,
    digest: str,
    registered: Hypothesis | None,
    checks: frozenset[str],
) -> Governance:
    """`found` with what is computed from many calls and outcomes."""
    # Without declared economics there is no return to compute.
    if "return_on_investment" in checks and use_case.economics is not None:
        found = msgspec.structs.replace(
            found,
            costs=case_costs(await governance.case_costs(connection, use_case.name, digest)),
            review_s=await _review_time(connection, use_case, digest, registered),
        )
    if "realised_effect" in checks and use_case.ramp is not None and registered is not None:
        found = msgspec.structs.replace(
            found,
            since_scale=await analysis_since(connection, use_case, registered, digest, use_case.ramp.started),
            claim=await _claim(connection, use_case, registered),
        )
    return found


async def persons_who_built(connection: Connection, use_case: UseCase) -> frozenset[str]:
    """Whoever owns or champions the use case or ever did, declared it, wrote or registered its hypothesis, or changed its
    version: each under every name that they may act under (see `all_names`)."""
    built = await governance.builders(connection, use_case.name)
    actors = {each for each in built.actors if not each.startswith("system:")}
    named = {each for each in (use_case.owner, use_case.champion) if each}
    return await all_names(connection, actors | built.holders | named)


async def analysis_since(
    connection: Connection, use_case: UseCase, registered: Hypothesis, digest: str, since: datetime
) -> Analysis:
    """The experiment on what happened after `since` alone, real outcomes of the current version."""
    found = await computed(connection, use_case.name, registered, digest, since=since)
    return Analysis(report=None, why="only sample data are recorded") if found.sample else found


def case_costs(rows: Sequence[tuple[str | None, float | None]]) -> CaseCosts:
    """The cost of a case from (case id, USD) of calls; calls without a case are cases of their own."""
    by_case: dict[str, list[float | None]] = {}
    for number, (case_id, cost) in enumerate(rows):
        by_case.setdefault(case_id if case_id is not None else f"\0{number}", []).append(cost)
    sums = [None if None in costs else sum(each or 0.0 for each in costs) for costs in by_case.values()]
    return CaseCosts(
        per_case=cost_per_case(sums), calls=len(rows), cases=len(by_case), by_case=any(case_id is not None for case_id, _ in rows)
    )


def mean_of(values: Sequence[float]) -> Interval | None:
    """The mean with its t interval, None of nothing."""
    return mean_t(moments(finite_array(list(values), field="values")), 0.95) if values else None


def seconds_of(unit: str) -> float | None:
    """How many seconds a unit of time has, None for what is no time."""
    return _UNIT_S.get(unit.strip().lower())


async def _review_time(connection: Connection, use_case: UseCase, digest: str, registered: Hypothesis | None) -> Interval | None:
    since = registered.registered_at if registered is not None else None
    rows = await governance.outcomes_since(connection, use_case.name, digest, since, REVIEW_TIME)
    arms = registered.plan.arms if registered is not None else None
    controls = {"control", arms.control} if arms is not None else set()
    # What people spend on a case that the system has not touched is no review of it.
    return mean_of([each.value * (seconds_of(each.unit or "s") or 1.0) for each in rows if each.arm not in controls])


async def _claim(connection: Connection, use_case: UseCase, registered: Hypothesis) -> Claim | None:
    """The effect that the passed gates rested on: the estimate of the newest passed verdict, else what was registered."""
    primary = registered.plan.primary
    if primary is None:
        return None
    evaluations: list[GateEvaluation] = []
    for stage in ("production_readiness", "scale"):
        evaluations += await catalog.GATE_EVALUATIONS.find(connection, use_case=use_case.name, stage=stage)
    passed = [each for each in sorted(evaluations, key=lambda each: each.id) if each.passed]
    for evaluation in reversed(passed):
        found = next((each for each in evaluation.results if each.key == "verdict" and each.estimate is not None), None)
        if found is not None and found.estimate is not None:
            return Claim(effect=abs(found.estimate), source=f"the verdict of {evaluation.evaluated_at:%Y-%m-%d}")
    return Claim(effect=primary.mde, source="the registered smallest effect worth having") if primary.mde else None
