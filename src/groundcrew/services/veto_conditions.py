"""What lifts a veto, looked up in the records: each condition is met, not met, or unknown, which is not met. Nothing here is
anybody's word about a condition."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

import msgspec

from groundcrew.domain.approval import newest_by_function
from groundcrew.domain.evidence import state_at
from groundcrew.domain.incident import IncidentAction
from groundcrew.domain.meeting import ActionItem
from groundcrew.domain.resource import MEASURES, Measure
from groundcrew.domain.use_case import STAGES, UseCase
from groundcrew.domain.veto import (
    ActionDone,
    ApprovalGiven,
    ConditionCheck,
    ConditionStatus,
    CriterionPasses,
    DateReached,
    EvidenceValid,
    IncidentClosed,
    LiftCondition,
    MetricBound,
    ResourceAllocated,
    VersionChanged,
)
from groundcrew.errors import GroundcrewError, InputError, NotFound
from groundcrew.services.gate_facts import gather
from groundcrew.services.gates import load_checks, published_policy
from groundcrew.services.governance import persons_who_built
from groundcrew.services.lookups import current_digest, nearest, person_of, require
from groundcrew.services.metric_figures import MetricFigure, Period
from groundcrew.services.metrics import DAYS_DEFAULT, figures_of
from groundcrew.services.resource_ledger import Allocated, allocated_in
from groundcrew.services.speakers import unheard
from groundcrew.store import catalog, deciding
from groundcrew.store.database import Connection

Found = tuple[ConditionStatus, str]
#: A check of a gate that counts vetoes can not be what lifts one.
COUNTS_VETOES = frozenset({"approvals"})
AMOUNT_MAX = 1e15


class Looking(msgspec.Struct, kw_only=True):
    """One look at the conditions of a veto on `use_case`, which objected to `objected_digest`. Without `recompute`, for pages,
    experiments are as they were last looked at."""

    connection: Connection
    use_case: UseCase
    objected_digest: str
    now: datetime
    recompute: bool = True


async def check_conditions(looking: Looking, conditions: Sequence[LiftCondition]) -> tuple[ConditionCheck, ...]:
    """How each condition stands now, in their order. What breaks is unknown."""
    checks = []
    for each in conditions:
        try:
            status, figure = await _look(looking, each)
        except (GroundcrewError, ArithmeticError, ValueError, LookupError, TypeError, msgspec.MsgspecError) as error:
            status, figure = "unknown", f"could not be told: {error}"
        checks.append(ConditionCheck(status=status, figure=figure, checked_at=looking.now))
    return tuple(checks)


async def check_names(connection: Connection, use_case: UseCase, conditions: Sequence[LiftCondition], now: datetime) -> None:
    """InputError or NotFound for a condition that names what there is not, or that could never be met."""
    for number, each in enumerate(conditions):
        try:
            await _check_name(connection, use_case, each, now)
        except InputError as error:
            raise InputError(error.message, field=f"conditions[{number}]" + (f".{error.field}" if error.field else "")) from None


async def _check_name(connection: Connection, use_case: UseCase, condition: LiftCondition, now: datetime) -> None:
    match condition:
        case ResourceAllocated():
            await _check_resource(connection, use_case, condition)
        case CriterionPasses(stage=stage, key=key):
            if stage not in STAGES:
                raise InputError(f"expected one of {', '.join(STAGES)}", field="stage")
            policy = await published_policy(connection, stage)
            found = next((each for each in policy.criteria if each.key == key), None)
            if found is None:
                keys = [each.key for each in policy.criteria]
                raise InputError(f"the gate into {stage} asks for no {key!r}{nearest(key, keys)}", field="key")
            if found.check in COUNTS_VETOES:
                raise InputError(f"{key} counts vetoes: it never passes while this one is active", field="key")
        case ActionDone(action=action):
            await _action(connection, action)
        case IncidentClosed(incident=incident):
            await require(connection, catalog.INCIDENTS, incident)
        case DateReached(at=at):
            if at.tzinfo is None:
                raise InputError("give the time with its zone, as in 2027-01-31T00:00:00Z", field="at")
            if at <= now:
                raise InputError("is past: it would be met already", field="at")
        case MetricBound(metric=metric, value=value):
            if not abs(value) <= AMOUNT_MAX:
                raise InputError("expected a number", field="value")
            names = [
                each.name
                for each in await _figures(Looking(connection=connection, use_case=use_case, objected_digest="", now=now))
            ]
            if metric not in names:
                measured = nearest(metric, names) or f"; measured of it: {', '.join(sorted(names)) or 'nothing yet'}"
                raise InputError(f"{use_case.name} has no metric {metric!r}{measured}", field="metric")
        case ApprovalGiven(stage=stage):
            if stage not in STAGES:
                raise InputError(f"expected one of {', '.join(STAGES)}", field="stage")


async def _look(looking: Looking, condition: LiftCondition) -> Found:
    match condition:
        case ResourceAllocated():
            return await _resource(looking, condition)
        case EvidenceValid():
            return await _evidence(looking, condition)
        case CriterionPasses():
            return await _criterion(looking, condition)
        case ActionDone(action=name):
            state, figure = await _action(looking.connection, name)
            return ("met" if state == "done" else "not_met"), figure
        case IncidentClosed(incident=name):
            incident = await require(looking.connection, catalog.INCIDENTS, name)
            if incident.state != "closed":
                return "not_met", f"it is {incident.state}"
            return "met", f"closed on {incident.closed_at:%Y-%m-%d}: {incident.category}"
        case VersionChanged():
            digest = await current_digest(looking.connection, looking.use_case)
            if digest == looking.objected_digest:
                return "not_met", f"still version {digest[:12]}"
            return "met", f"version {digest[:12]}, objected to was {looking.objected_digest[:12]}"
        case DateReached(at=at):
            days = (at - looking.now).total_seconds() / 86_400
            return ("met", f"since {at:%Y-%m-%d}") if days <= 0 else ("not_met", f"in {days:.0f} days")
        case MetricBound():
            return await _metric(looking, condition)
        case ApprovalGiven():
            return await _approval(looking, condition)


async def _evidence(looking: Looking, condition: EvidenceValid) -> Found:
    use_case, connection = looking.use_case, looking.connection
    digest, built = await current_digest(connection, use_case), await persons_who_built(connection, use_case)
    found = [
        each
        for each in await catalog.EVIDENCE.find(connection, use_case=use_case.name)
        if each.kind == condition.evidence and condition.subject in ("", each.subject) and not each.sample
    ]
    own = {each.id for each in found if each.attested and person_of(each.producer) in built}
    valid = [each for each in found if each.id not in own and state_at(each, looking.now, digest) == "valid"]
    if valid:
        newest = valid[-1]
        return "met", f"{newest.subject}, by {person_of(newest.producer)}, valid until {newest.valid_until:%Y-%m-%d}"
    if not found:
        return "not_met", "none is recorded"
    state = "attested by someone who built it" if found[-1].id in own else state_at(found[-1], looking.now, digest)
    return "not_met", f"the newest is {state}"


async def _criterion(looking: Looking, condition: CriterionPasses) -> Found:
    from groundcrew.services.criteria.registry import evaluate

    load_checks()
    policy = await published_policy(looking.connection, condition.stage)
    criterion = next((each for each in policy.criteria if each.key == condition.key), None)
    if criterion is None:
        return "unknown", f"the gate's policy {policy.version} asks for it no more"
    facts = await gather(
        looking.connection,
        looking.use_case,
        looking.now,
        labels=criterion.check == "grounded",
        checks=frozenset({criterion.check}),
        into=condition.stage,
        recompute=looking.recompute,
    )
    result = evaluate(facts, criterion)
    figure = result.figure or result.missing or result.status
    status: ConditionStatus = "met" if result.status == "pass" else "not_met" if result.status == "fail" else "unknown"
    return status, figure


async def _figures(looking: Looking) -> list[MetricFigure]:
    today = looking.now.date()
    period = Period(
        use_case=looking.use_case.name,
        version_digest=await current_digest(looking.connection, looking.use_case),
        since=today - timedelta(days=DAYS_DEFAULT - 1),
        until=today,
        sample=False,
    )
    return await figures_of(looking.connection, looking.use_case, period, looking.now, meanings=False)


async def _metric(looking: Looking, condition: MetricBound) -> Found:
    found = next((each for each in await _figures(looking) if each.name == condition.metric), None)
    if found is None:
        return "unknown", "there is no such metric of it any more"
    interval, unit = found.interval, f" {found.unit}" if found.unit else ""
    if found.sample:
        return "unknown", "only sample data are recorded"
    if interval.estimate is None or interval.lower is None or interval.upper is None:
        return "unknown", f"nothing to tell it from yet: {found.missing}" if found.missing else "nothing is recorded"
    figure = f"{interval.estimate:.4g} [{interval.lower:.4g}, {interval.upper:.4g}]{unit} over {DAYS_DEFAULT} days"
    good = interval.lower >= condition.value if condition.side == "at_least" else interval.upper <= condition.value
    bad = interval.upper < condition.value if condition.side == "at_least" else interval.lower > condition.value
    return ("met" if good else "not_met" if bad else "unknown"), figure


async def _approval(looking: Looking, condition: ApprovalGiven) -> Found:
    use_case, connection = looking.use_case, looking.connection
    digest, built = await current_digest(connection, use_case), await persons_who_built(connection, use_case)
    every = tuple(await catalog.APPROVALS.find(connection, use_case=use_case.name, version_digest=digest))
    said = newest_by_function(every, condition.stage, digest).get(condition.function)
    if said is None:
        return "not_met", "it was not asked about this version"
    silent = (await unheard(connection, use_case, every, built, looking.now)).get(said.id)
    if silent:
        return "not_met", silent
    state = said.state_now(digest, looking.now)
    if state == "approved" and said.decided_by and said.decided_at:
        return "met", f"{person_of(said.decided_by)} on {said.decided_at:%Y-%m-%d}"
    return "not_met", state.replace("_", " ")


async def _check_resource(connection: Connection, use_case: UseCase, condition: ResourceAllocated) -> None:
    if condition.amount_min is not None and not 0 < condition.amount_min <= AMOUNT_MAX:
        raise InputError("expected more than 0", field="amount_min")
    if condition.request:
        if condition.resource or condition.measure:
            raise InputError("name a request, or a resource, or a measure", field="request")
        await require(connection, deciding.RESOURCE_REQUESTS, condition.request)
        return
    if condition.amount_min is None:
        raise InputError("say how much at least, or name a request", field="amount_min")
    if bool(condition.resource) == bool(condition.measure):
        raise InputError("name a request, or a resource, or a measure", field="resource")
    if condition.measure and condition.measure not in MEASURES:
        raise InputError(f"expected one of {', '.join(MEASURES)}", field="measure")
    if condition.resource:
        await require(connection, deciding.RESOURCES, condition.resource)
    if (await _allocated(connection, use_case, condition, now=None)).met:
        raise InputError("so much is allocated already: say how much more it takes", field="amount_min")


async def _allocated(
    connection: Connection, use_case: UseCase, condition: ResourceAllocated, *, now: datetime | None
) -> Allocated:
    if condition.request:
        return await allocated_in(connection, condition.request, amount=condition.amount_min)
    return await allocated_in(
        connection,
        use_case=use_case.name,
        measure=cast("Measure", condition.measure) if condition.measure else None,
        resource=condition.resource or None,
        amount=condition.amount_min,
        today=now.date() if now is not None else None,
    )


async def _resource(looking: Looking, condition: ResourceAllocated) -> Found:
    found = await _allocated(looking.connection, looking.use_case, condition, now=looking.now)
    return ("met" if found.met else "not_met"), found.words


async def _action(connection: Connection, name: str) -> tuple[str, str]:
    """The state of an action of a meeting or of an incident, and that in words; NotFound."""
    found: ActionItem | IncidentAction | None = await deciding.ACTION_ITEMS.get(connection, name)
    found = found or await catalog.INCIDENT_ACTIONS.get(connection, name)
    if found is None:
        raise NotFound(f"no action {name!r}")
    if found.state == "done" and found.done_at is not None:
        return found.state, f"done on {found.done_at:%Y-%m-%d}: {found.result}"
    return found.state, f"{found.owner} does it by {found.due}"
