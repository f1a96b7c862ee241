"""Assigning units to arms, and the log of who was exposed: each unit once, durable before it is told its arm."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, get_args

import msgspec

from groundcrew.domain import hypothesis as rules
from groundcrew.domain.assignment import Arm, ExperimentEntry, ExperimentExposure, arm_of, assignable, entry_of, exposure_id
from groundcrew.domain.call import CallHead
from groundcrew.domain.hypothesis import Hypothesis
from groundcrew.domain.stage import limits
from groundcrew.domain.use_case import UseCase
from groundcrew.errors import Conflict, InputError
from groundcrew.services.lookups import newest_hypothesis, require_use_case
from groundcrew.services.masking import check_identifiers
from groundcrew.store import catalog
from groundcrew.store import experiments as stored
from groundcrew.store.database import Database, Writer

UNITS_PER_REQUEST_MAX = 10_000
UNIT_LENGTH_MAX = 200
_ARMS: dict[str, Arm] = {each: each for each in get_args(Arm)}

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=UNIT_LENGTH_MAX)]


class NewUnit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A unit that asks for its arm, and the cluster that it belongs to."""

    unit_id: Text
    cluster: Text | None = None


class Assigned(msgspec.Struct, frozen=True, kw_only=True):
    """The arm of a unit. `name` is what the plan calls it. `enrolled` tells that the unit is in the comparison; where it is not,
    it is on the control and `why` says what for: outcomes then leave `arm` out. `experiment` is the hypothesis's digest."""

    unit_id: str
    arm: Literal["control", "treatment"]
    name: str
    enrolled: bool
    why: str = ""
    experiment: str | None = None
    exposed_at: datetime | None = None


async def assign(database: Database, use_case: str, units: Sequence[NewUnit], *, actor: str) -> list[Assigned]:
    """The arms of `units`, in their order; those that were never seen are logged as exposed first, all of them or none.

    A unit that is known keeps its arm, whatever has changed since. InputError for units that can not be identifiers or whose
    cluster is not known to the plan; Conflict where no registered hypothesis assigns units.
    """
    if len(units) > UNITS_PER_REQUEST_MAX:
        raise InputError(f"{len(units)} units at once: send at most {UNITS_PER_REQUEST_MAX}", field="units")
    for place, unit in enumerate(units):
        _check(unit, place)
    async with database.read() as connection:
        item = await require_use_case(connection, use_case)
        newest = await newest_hypothesis(connection, use_case)
        entry, why = _open_experiment(item, newest)
        if entry is None or why:
            return [_on_control(newest, each.unit_id, why) for each in units]
        names = list(dict.fromkeys(each.unit_id for each in units))
        known = await stored.known_exposures(connection, entry.digest, names)
    fresh = _exposures(entry, use_case, [each for each in units if each.unit_id not in known], database.clock.now())
    if fresh:
        async with database.write(actor) as writer:
            # Somebody else may have been first, and the experiment may be over by now.
            newest = await newest_hypothesis(writer.connection, use_case)
            if entry_of(newest) != entry:
                return [_on_control(newest, each.unit_id, "the experiment has just changed: ask again") for each in units]
            added = await _log(writer, use_case, newest, fresh)
            known |= {each.unit_id: each for each in added}
            missing = [each for each in names if each not in known]
            known |= await stored.known_exposures(writer.connection, entry.digest, missing)
    return [_told(entry, known[each.unit_id]) for each in units]


async def log_shipped(writer: Writer, heads: Sequence[CallHead]) -> None:
    """Log the units that gateways have assigned, in the transaction that records their calls. Shadow copies and trials expose
    nobody; of several calls of a unit the first counts."""
    first: dict[str, ExperimentExposure] = {}
    for head in sorted([each for each in heads if each.experiment is not None], key=lambda each: each.received_at):
        arm = _ARMS.get(head.arm or "")
        if head.experiment is None or head.unit_id is None or arm is None:
            continue
        if head.shadow_of is not None or head.trial is not None or head.sample:
            continue
        cluster = head.details.get("cluster")
        exposure = ExperimentExposure(
            id=exposure_id(head.experiment, head.unit_id),
            use_case=head.use_case,
            experiment=head.experiment,
            unit_id=head.unit_id,
            arm=arm,
            exposed_at=head.received_at,
            cluster=cluster if isinstance(cluster, str) else None,
            call_id=head.id,
        )
        first.setdefault(exposure.id, exposure)
    for use_case in sorted({each.use_case for each in first.values()}):
        newest = await newest_hypothesis(writer.connection, use_case)
        await _log(writer, use_case, newest, [each for each in first.values() if each.use_case == use_case])


async def _log(
    writer: Writer, use_case: str, newest: Hypothesis | None, exposures: Sequence[ExperimentExposure]
) -> list[ExperimentExposure]:
    """Insert exposures that are not there yet; the first one of an experiment sets it running. Returns those inserted."""
    present = await stored.EXPOSURES.present(writer.connection, [each.id for each in exposures])
    fresh = [each for each in exposures if each.id not in present]
    await stored.insert_exposures(writer, use_case, fresh)
    if newest is not None and newest.state == "registered" and any(each.experiment == newest.digest for each in fresh):
        await start(writer, newest, "its first unit was exposed")
    return fresh


async def start(writer: Writer, registered: Hypothesis, reason: str) -> Hypothesis:
    """Set a registered experiment running."""
    running = rules.move(registered, "running")
    await catalog.HYPOTHESES.put(writer, running, "start", reason=reason, details={"digest": running.digest})
    return running


def _check(unit: NewUnit, place: int) -> None:
    try:
        for field, text in (("unit_id", unit.unit_id), ("cluster", unit.cluster)):
            if text is not None and (not text.strip() or not text.isprintable() or len(text) > UNIT_LENGTH_MAX):
                raise InputError(f"use 1 to {UNIT_LENGTH_MAX} printable characters", field=field)
        check_identifiers(unit_id=unit.unit_id, cluster=unit.cluster)
    except InputError as error:
        raise InputError(error.message, field=f"[{place}].{error.field}") from None


def _open_experiment(use_case: UseCase, newest: Hypothesis | None) -> tuple[ExperimentEntry | None, str]:
    """The experiment that takes in units, and why it takes in none now. Conflict where there is none to speak of."""
    if newest is None or newest.state == "draft":
        raise Conflict(f"{use_case.name} has no registered hypothesis: register it before anyone is exposed")
    if not newest.intact:
        raise Conflict(f"hypothesis {newest.name} was altered after registration: its digest does not match")
    if not assignable(newest.plan):
        raise Conflict(
            f"the design {newest.plan.design} of {newest.name} assigns no units: the application says which arm a case was in"
        )
    if newest.state not in ("registered", "running"):
        return None, f"the experiment is over: {newest.state}"
    entry = entry_of(newest)
    if newest.treatment_stopped_at is not None:
        return entry, "the treatment is stopped"
    if not limits(use_case).serves or use_case.run_state != "running":
        return entry, f"the use case is {use_case.stage if not limits(use_case).serves else use_case.run_state}"
    if use_case.calls_held:
        return entry, "the use case is on hold"
    return entry, ""


def _exposures(entry: ExperimentEntry, use_case: str, units: Sequence[NewUnit], now: datetime) -> list[ExperimentExposure]:
    """What would be logged of units that are new, once each."""
    found: dict[str, ExperimentExposure] = {}
    for place, unit in enumerate(units):
        arm = arm_of(entry, unit.unit_id, at=now, cluster=unit.cluster)
        if arm is None:
            known = ", ".join(sorted(entry.arms.steps)[:10])
            raise InputError(f"the plan has steps for other clusters: {known}", field=f"[{place}].cluster")
        found.setdefault(
            unit.unit_id,
            ExperimentExposure(
                id=exposure_id(entry.digest, unit.unit_id),
                use_case=use_case,
                experiment=entry.digest,
                unit_id=unit.unit_id,
                arm=arm,
                exposed_at=now,
                cluster=unit.cluster,
            ),
        )
    return list(found.values())


def _told(entry: ExperimentEntry, exposure: ExperimentExposure) -> Assigned:
    held_out = exposure.arm == "holdout"
    arm: Literal["control", "treatment"] = "treatment" if exposure.arm == "treatment" else "control"
    return Assigned(
        unit_id=exposure.unit_id,
        arm=arm,
        name=entry.arms.name_of(arm),
        enrolled=not held_out,
        why="held out" if held_out else "",
        experiment=entry.digest,
        exposed_at=exposure.exposed_at,
    )


def _on_control(newest: Hypothesis | None, unit_id: str, why: str) -> Assigned:
    name = newest.plan.arms.control if newest is not None and newest.plan.arms is not None else "control"
    return Assigned(unit_id=unit_id, arm="control", name=name, enrolled=False, why=why)
