"""Read models: what a page of the console shows at once, gathered in one read transaction. Nothing here changes anything."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import msgspec

from groundcrew.domain import risk
from groundcrew.domain.alert import Alert
from groundcrew.domain.audit import AuditEntry
from groundcrew.domain.evidence import Evidence, EvidenceState, state_at
from groundcrew.domain.feedback import Rating
from groundcrew.domain.gate import CriterionResult, GateEvaluation
from groundcrew.domain.guard import Policy, policy_in
from groundcrew.domain.hypothesis import Hypothesis
from groundcrew.domain.incident import Incident
from groundcrew.domain.key import Key, secret_sha256
from groundcrew.domain.kill_switch import KillSwitch
from groundcrew.domain.knowledge import Revision
from groundcrew.domain.provider import Model
from groundcrew.domain.stage import next_stage
from groundcrew.domain.use_case import Stage, UseCase
from groundcrew.metrics.business import business
from groundcrew.services.gate_facts import Facts, gather
from groundcrew.services.gates import evaluate_with_facts
from groundcrew.services.incident_standing import open_incidents
from groundcrew.services.keys import is_live
from groundcrew.services.latency import CALLS_MAX, LatencyView, summarise
from groundcrew.services.lookups import require_use_case
from groundcrew.services.overlap_standing import OverlapStanding, overlaps_of
from groundcrew.services.rating_figures import RatingFigures
from groundcrew.services.stops import stopping
from groundcrew.stats.intervals import Interval
from groundcrew.stats.moments import Moments, moments_of_sums
from groundcrew.store import audit as stored_audit
from groundcrew.store import calls as stored_calls
from groundcrew.store import catalog, console, operations, outcome_sums, rollups, sign_offs
from groundcrew.store.database import Connection, Database
from groundcrew.store.feedback import RATINGS
from groundcrew.store.outcome_sums import OutcomeSums

VIEWER = "system:console"
#: How far back an entry that set the stage is looked for; a use case with more changes than this shows no age.
STAGE_ENTRIES_MAX = 500
ACTIVITY_HOURS_MAX = 24 * 14
RATINGS_SHOWN_MAX = 20
AUDIT_SHOWN_MAX = 12
#: Versions of the hypothesis whose changes are among the latest ones.
HYPOTHESES_MAX = 5
#: Alerts that are counted at the head of a page.
FIRING_MAX = 1_000
#: From this severity on a page's head names it.
SEVERE = 2
_MOVES = ("advance", "demote")


class PortfolioRow(msgspec.Struct, frozen=True, kw_only=True):
    """One use case at a glance. `waiting` are the criteria of its next gate that are not met, in the gate's order."""

    use_case: UseCase
    risk_tier: str
    stage_since: datetime | None
    next_stage: Stage | None
    criteria: int
    waiting: tuple[CriterionResult, ...]
    calls_today: int
    pending_sign_offs: int
    stopped_by: tuple[KillSwitch, ...]


class OutcomeSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The values that count of one metric in one arm: their mean with its 95 % interval."""

    metric: str
    unit: str
    arm: str
    mean: Interval
    sample: bool


class EvidenceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence and its state now."""

    evidence: Evidence
    state: EvidenceState


class UseCaseView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the page of one use case shows, as of one moment. `evaluation` is None in a stage with no next one."""

    use_case: UseCase
    version_digest: str
    assessment: risk.RiskAssessment
    stage_since: datetime | None
    evaluation: GateEvaluation | None
    hypotheses: tuple[Hypothesis, ...]
    model: Model | None
    policy: Policy | None
    revision: Revision | None
    ratings: RatingFigures
    sample_ratings: RatingFigures
    latest_ratings: tuple[Rating, ...]
    outcomes: tuple[OutcomeSummary, ...]
    evidence: tuple[EvidenceRow, ...]
    status_counts: dict[str, int]
    trust_counts: dict[str, int]
    cost_usd: float | None
    audit: tuple[AuditEntry, ...]
    stopped_by: tuple[KillSwitch, ...]
    #: How it stands with its overlaps, whatever its stage: who has passed the gate that asks is told as well.
    overlaps: OverlapStanding
    pending_sign_offs: int
    live_keys: int


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """What every page's header shows: switches that deny, alerts that fire and incidents that are not closed, the worst
    first."""

    stopped: tuple[KillSwitch, ...]
    firing: tuple[Alert, ...] = ()
    incidents: tuple[Incident, ...] = ()

    @property
    def severe(self) -> tuple[Alert | Incident, ...]:
        """What is told at the head of every page: severity 1 and 2, alerts only while nobody sees to them."""
        alerts = tuple(each for each in self.firing if each.severity <= SEVERE and each.acknowledged_by is None)
        return (*(each for each in self.incidents if each.severity <= SEVERE), *alerts)


class Scopes(msgspec.Struct, frozen=True, kw_only=True):
    """Names that a kill switch can be tripped for, by kind of scope."""

    use_cases: tuple[str, ...]
    units: tuple[str, ...]
    models: tuple[str, ...]
    providers: tuple[str, ...]


class Views:
    """The read models of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def _now(self) -> datetime:
        return self._database.clock.now()

    async def key_of(self, secret: str) -> Key | None:
        """The live key with this secret; None for one that is unknown, revoked, expired, or stopped by its kill switch."""
        async with self._database.read() as connection:
            found = await catalog.KEYS.find(connection, sha256=secret_sha256(secret), limit=1)
            live = [key for key in found if await is_live(connection, key, self._now)]
        return live[0] if live else None

    async def overview(self) -> Overview:
        """For the header of every page."""
        async with self._database.read() as connection:
            switches = await operations.denying(connection)
            firing = await catalog.ALERTS.find(connection, state="firing", limit=FIRING_MAX)
            incidents = await open_incidents(connection)
        return Overview(
            stopped=tuple(switches),
            firing=tuple(sorted(firing, key=lambda each: (each.severity, each.id))),
            incidents=tuple(sorted(incidents, key=lambda each: (each.severity, each.id))),
        )

    async def scopes(self) -> Scopes:
        """What there is to stop."""
        async with self._database.read() as connection:
            use_cases = await catalog.USE_CASES.find(connection)
            models = await catalog.MODELS.find(connection)
            providers = await catalog.PROVIDERS.find(connection)
        return Scopes(
            use_cases=tuple(each.name for each in use_cases),
            units=tuple(sorted({each.business_unit for each in use_cases})),
            models=tuple(each.name for each in models),
            providers=tuple(each.name for each in providers),
        )

    async def portfolio(self) -> list[PortfolioRow]:
        """Every use case, by name, with its next gate evaluated now."""
        now = self._now
        async with self._database.read() as connection:
            today = await rollups.calls_of_day(connection, now.date())
            pending = await sign_offs.pending_counts(connection, now)
            switches = await operations.denying(connection)
            rows = []
            for use_case in await catalog.USE_CASES.find(connection):
                evaluation, _ = await _evaluated(connection, use_case, now)
                results = evaluation.results if evaluation else ()
                rows.append(
                    PortfolioRow(
                        use_case=use_case,
                        risk_tier=risk.assess(use_case).tier,
                        stage_since=await stage_since_of(connection, use_case.name),
                        next_stage=evaluation.stage if evaluation else None,
                        criteria=len(results),
                        waiting=tuple(each for each in results if each.status != "pass"),
                        calls_today=today.get(use_case.name, 0),
                        pending_sign_offs=pending.get(use_case.name, 0),
                        stopped_by=await stopping(connection, use_case, switches),
                    )
                )
        return rows

    async def use_case(self, name: str) -> UseCaseView:
        """The page of one use case; NotFound names the nearest."""
        now = self._now
        async with self._database.read() as connection:
            use_case = await require_use_case(connection, name)
            evaluation, facts = await _evaluated(connection, use_case, now)
            switches = await operations.denying(connection)
            keys = await catalog.KEYS.find(connection, use_case=name)
            states: Counter[str] = Counter()
            trust: Counter[str] = Counter()
            for (status, state), number in facts.status_counts.items():
                states[status] += number
                trust[state or "not_scored"] += number
            hypotheses = tuple(await catalog.HYPOTHESES.find(connection, use_case=name))
            newest = [catalog.HYPOTHESES.subject(catalog.HYPOTHESES.identify(each)) for each in hypotheses[-HYPOTHESES_MAX:]]
            subjects = (f"use-case/{name}", f"version/{name}", *newest)
            return UseCaseView(
                use_case=use_case,
                version_digest=facts.version_digest,
                assessment=facts.assessment,
                stage_since=await stage_since_of(connection, name),
                evaluation=evaluation,
                hypotheses=hypotheses,
                model=facts.model,
                policy=await _policy_of(connection, use_case),
                revision=facts.revision,
                ratings=facts.ratings,
                sample_ratings=facts.sample_ratings,
                latest_ratings=tuple(
                    await console.newest_ratings(connection, name, facts.version_digest, limit=RATINGS_SHOWN_MAX)
                ),
                outcomes=await _outcomes(connection, name, facts.version_digest),
                evidence=_evidence(facts),
                status_counts=dict(states),
                trust_counts=dict(trust),
                cost_usd=facts.cost_usd,
                audit=tuple(await console.audit_page(connection, subjects=subjects, limit=AUDIT_SHOWN_MAX)),
                stopped_by=await stopping(connection, use_case, switches),
                overlaps=await overlaps_of(connection, use_case, now.date()),
                pending_sign_offs=(await sign_offs.pending_counts(connection, now)).get(name, 0),
                live_keys=sum(each.revoked_at is None and each.expires_at > now for each in keys),
            )

    async def activity(self, use_case: str, *, hours: int) -> list[tuple[datetime, dict[str, int]]]:
        """Calls by status for each of the last `hours` hours (at most ACTIVITY_HOURS_MAX), oldest first, empty hours too."""
        hours = max(1, min(hours, ACTIVITY_HOURS_MAX))
        this_hour = self._now.replace(minute=0, second=0, microsecond=0)
        moments = [this_hour - timedelta(hours=back) for back in range(hours - 1, -1, -1)]
        async with self._database.read() as connection:
            counts = await rollups.hourly_counts(connection, use_case, since=moments[0])
        by_hour: dict[str, dict[str, int]] = {}
        for (hour, status), number in counts.items():
            by_hour.setdefault(hour, {})[status] = number
        return [(moment, by_hour.get(moment.strftime("%Y-%m-%dT%H"), {})) for moment in moments]

    async def latency(self, use_case: str) -> LatencyView:
        """How long the parts of a use case's newest calls took; refused and failed ones count too."""
        async with self._database.read() as connection:
            return summarise(await stored_calls.latencies(connection, use_case, limit=CALLS_MAX))

    async def audit_page(self, *, subject: str | None = None, before: int | None = None, limit: int = 100) -> list[AuditEntry]:
        """The newest audit entries first, older than sequence `before` where given."""
        async with self._database.read() as connection:
            return await console.audit_page(connection, subjects=(subject,) if subject else (), before=before, limit=limit)

    async def ratings_of_call(self, use_case: str, call_id: str) -> list[Rating]:
        """The ratings that one call was given, oldest first."""
        async with self._database.read() as connection:
            return await RATINGS.find(connection, call_id=call_id, use_case=use_case)


async def _evaluated(connection: Connection, use_case: UseCase, now: datetime) -> tuple[GateEvaluation | None, Facts]:
    """The gate into the next stage, None where there is none, and the facts that it rests on."""
    stage = next_stage(use_case.stage)
    if stage is None:
        return None, await gather(connection, use_case, now, recompute=False)
    return await evaluate_with_facts(connection, use_case, stage, now=now, actor=VIEWER, recompute=False)


async def stage_since_of(connection: Connection, name: str) -> datetime | None:
    """When the use case entered its stage: its newest move, else its registration; None past STAGE_ENTRIES_MAX changes."""
    entries = await stored_audit.latest(connection, subject=f"use-case/{name}", limit=STAGE_ENTRIES_MAX)
    for entry in entries:
        if entry.action in _MOVES or (entry.action == "apply" and "demoted from" in entry.reason):
            return entry.at
    return entries[-1].at if entries and len(entries) < STAGE_ENTRIES_MAX else None


async def _outcomes(connection: Connection, use_case: str, version_digest: str) -> tuple[OutcomeSummary, ...]:
    sums = await outcome_sums.of_version(connection, use_case, version_digest)
    units: dict[tuple[str, bool], str] = {(each.metric, each.sample): "" for each in sums}
    for metric, sample in units:
        units[metric, sample] = await console.outcome_unit(connection, use_case, metric, sample=sample)
    return tuple(
        OutcomeSummary(
            metric=each.metric,
            unit=units[each.metric, each.sample],
            arm=each.arm,
            mean=_mean(moments_of_sums(each.outcomes, each.total, each.squares), units[each.metric, each.sample], each),
            sample=each.sample,
        )
        for each in sums
    )


def _mean(moments: Moments, unit: str, sums: OutcomeSums) -> Interval:
    """A share as one, with Wilson's interval: it stays within 0 and 1, and 0 of 240 has a bound too. Only values that are
    all 0 or 1 sum to their squares."""
    are_shares = unit in ("", "share") and sums.squares == sums.total and 0 <= sums.total <= sums.outcomes
    return business(moments, "proportion" if are_shares else "mean")


def _evidence(facts: Facts) -> tuple[EvidenceRow, ...]:
    rows = [EvidenceRow(evidence=each, state=state_at(each, facts.now, facts.version_digest)) for each in facts.evidence]
    return tuple(reversed(rows))


async def _policy_of(connection: Connection, use_case: UseCase) -> Policy | None:
    """The policy of a use case as it is in its stage."""
    policy = await catalog.POLICIES.get(connection, use_case.policy) if use_case.policy else None
    return policy_in(policy, use_case.stage) if policy is not None else None
