"""The ramp in scale: one step up at a time on guardrails that held since the last one, a step back at once when one falls."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from groundcrew.domain.exposure import RAMPED_STAGES, effective_exposure
from groundcrew.domain.gate import CriterionStatus
from groundcrew.domain.ramp import Ramp, RampRule, RampStep, check_step, next_percent, previous_percent
from groundcrew.domain.use_case import UseCase
from groundcrew.errors import Conflict, InputError
from groundcrew.services.criteria.results import difference
from groundcrew.services.experiment_analysis import registered_of
from groundcrew.services.gates import evaluate_in, published_policy
from groundcrew.services.governance import analysis_since
from groundcrew.services.lookups import current_digest, newest_hypothesis, require_reason, require_use_case
from groundcrew.services.propagation import propagate
from groundcrew.services.ramp_rules import rule_of
from groundcrew.store import catalog, governance
from groundcrew.store.database import Connection, Database, Writer

ACTOR = "system:ramp"


class RampCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the guardrails allow a step up: `figure` says what they show since the last step, `missing` what a step lacks;
    `fallen` are those that are credibly worse."""

    status: CriterionStatus
    figure: str
    missing: str = ""
    n: int = 0
    fallen: tuple[str, ...] = ()


class RampView(msgspec.Struct, frozen=True, kw_only=True):
    """Where a use case's ramp stands. `exposed_percent` is the share that is served now, None where everybody is; `check` None
    where there is no ramp."""

    use_case: str
    rule: RampRule
    ramp: Ramp | None
    exposed_percent: float | None
    following: float | None
    check: RampCheck | None


class Ramps:
    """The ramps of use cases in scale."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: dict[str, str | None] = {}

    async def of(self, name: str) -> RampView:
        """Where the ramp of a use case stands, and whether its next step is allowed."""
        async with self._database.read() as connection:
            use_case = await require_use_case(connection, name)
            rule = rule_of(await published_policy(connection, "optimization"))
            exposure = effective_exposure(use_case)
            check = await self._check(connection, use_case, rule) if use_case.ramp is not None else None
        return RampView(
            use_case=name,
            rule=rule,
            ramp=use_case.ramp,
            exposed_percent=exposure.ceiling_percent if exposure is not None else None,
            following=next_percent(rule, use_case.ramp.percent) if use_case.ramp is not None else None,
            check=check,
        )

    async def step(self, name: str, *, actor: str, reason: str, to: float | None = None) -> UseCase:
        """Step to the next share (or `to`, which may be any lower one), with a reason.

        Conflict outside of scale and optimization, while held, past the next step, and upwards unless every guardrail is shown to
        hold on what happened since the last step, over enough units and days.
        """
        require_reason(reason)
        async with self._database.write(actor) as writer:
            use_case = await require_use_case(writer.connection, name)
            ramp = _require_ramp(use_case)
            rule = rule_of(await published_policy(writer.connection, "optimization"))
            target = to if to is not None else next_percent(rule, ramp.percent)
            if target is None:
                raise Conflict(f"{name} is at {ramp.percent:g} %, the last step of its ramp")
            if not 0 <= target <= 100:
                raise InputError("a share lies between 0 and 100 percent", field="to")
            check_step(rule, ramp.percent, target)
            found = RampCheck(status="pass", figure="stepped back")
            if target > ramp.percent:
                if use_case.holds:
                    raise Conflict(f"{name} can not step up while held: " + "; ".join(each.reason for each in use_case.holds))
                found = await self._may_climb(writer.connection, use_case, rule)
                if found.status != "pass":
                    raise Conflict(f"{name} stays at {ramp.percent:g} %: {found.missing}")
            stepped = await _put_step(writer, use_case, target, reason, found)
        await propagate(self._database)
        return stepped

    async def watch(self) -> list[UseCase]:
        """Step back every use case of which a guardrail has fallen since its last step; returns those that were.

        Use cases of which no outcome has arrived since the last look are left alone.
        """
        async with self._database.read() as connection:
            ramped = [
                each for each in await catalog.USE_CASES.find(connection) if each.stage in RAMPED_STAGES and each.ramp is not None
            ]
            newest = {each.name: await governance.newest_outcome(connection, each.name) for each in ramped}
        back = []
        for each in ramped:
            if self._seen.get(each.name, "") == newest[each.name]:
                continue
            stepped = await self._step_back_if_fallen(each.name)
            self._seen[each.name] = newest[each.name]
            if stepped is not None:
                back.append(stepped)
        if back:
            await propagate(self._database)
        return back

    async def _step_back_if_fallen(self, name: str) -> UseCase | None:
        async with self._database.read() as connection:
            use_case = await require_use_case(connection, name)
            rule = rule_of(await published_policy(connection, "optimization"))
            if use_case.ramp is None or not (await self._check(connection, use_case, rule)).fallen:
                return None
        async with self._database.write(ACTOR) as writer:
            use_case = await require_use_case(writer.connection, name)
            ramp = use_case.ramp
            if ramp is None or use_case.stage not in RAMPED_STAGES:
                return None
            found = await self._check(writer.connection, use_case, rule)
            if not found.fallen or ramp.percent <= 0:
                return None
            # Below the lowest step nobody is served but those who are named.
            target = previous_percent(rule, ramp.percent) or 0.0
            reason = f"guardrail fell: {', '.join(found.fallen)}"
            return await _put_step(writer, use_case, target, reason, found)

    async def _may_climb(self, connection: Connection, use_case: UseCase, rule: RampRule) -> RampCheck:
        """Whether a step up is allowed. Where nobody is served nothing is measured: there the gate into scale decides anew."""
        ramp = _require_ramp(use_case)
        if ramp.percent > 0:
            return await self._check(connection, use_case, rule)
        gate = await evaluate_in(connection, use_case, "scale", now=self._database.clock.now(), actor=ACTOR)
        unmet = [each.title for each in gate.results if each.status != "pass"]
        if gate.passed:
            return RampCheck(status="pass", figure="the gate into scale is open")
        return RampCheck(status="fail", figure="", missing="the gate into scale is closed: " + "; ".join(unmet))

    async def _check(self, connection: Connection, use_case: UseCase, rule: RampRule) -> RampCheck:
        ramp, now = use_case.ramp, self._database.clock.now()
        assert ramp is not None
        registered = registered_of(await newest_hypothesis(connection, use_case.name))
        if registered is None:
            return RampCheck(status="unknown", figure="no registered hypothesis", missing="register the hypothesis")
        digest = await current_digest(connection, use_case)
        analysis = await analysis_since(connection, use_case, registered, digest, ramp.since)
        report = analysis.report
        if report is None:
            why = f"no outcomes since the last step on {ramp.since:%Y-%m-%d}"
            return RampCheck(status="unknown", figure="0 units", missing=f"{why}: record them with arm and unit_id")
        rails = [each for each in report.metrics if each.role == "guardrail"]
        fallen = tuple(each.name for each in report.metrics if each.role != "quality" and each.finding == "worse")
        n = sum(report.units.values())
        missing = [f"{each.name}: {difference(each)} is not shown to hold" for each in rails if each.finding != "non_inferior"]
        missing += _too_little(rule, n, ramp.since, now)
        if report.verdict == "invalid":
            missing += report.reasons
        if not rails:
            missing.append("the plan has no guardrail")
        figure = (
            f"{len(rails) - sum(each.finding != 'non_inferior' for each in rails)} of {len(rails)} guardrails hold, {n} units"
        )
        status: CriterionStatus = "fail" if fallen else ("unknown" if missing else "pass")
        return RampCheck(status=status, figure=figure, missing="; ".join(missing), n=n, fallen=fallen)


def _require_ramp(use_case: UseCase) -> Ramp:
    if use_case.stage not in RAMPED_STAGES:
        raise Conflict(f"{use_case.name} is in {use_case.stage}: the ramp begins when it enters scale")
    if use_case.ramp is None:
        raise Conflict(f"{use_case.name} entered scale without a ramp: demote it and let it enter again to begin one")
    return use_case.ramp


def _too_little(rule: RampRule, n: int, since: datetime, now: datetime) -> list[str]:
    found = []
    if n < rule.n_min:
        found.append(f"{n} of {rule.n_min} units since the last step")
    days = (now - since) / timedelta(days=1)
    if days < rule.days_min:
        found.append(f"{days:.1f} of {rule.days_min:g} days since the last step")
    return found


async def _put_step(writer: Writer, use_case: UseCase, to: float, reason: str, found: RampCheck) -> UseCase:
    ramp = _require_ramp(use_case)
    step = RampStep(percent=to, at=writer.clock.now(), by=writer.actor, reason=reason, figure=found.figure, n=found.n)
    stepped = msgspec.structs.replace(use_case, ramp=ramp.with_step(step))
    action = "ramp" if to > ramp.percent else "ramp_back"
    details = {"from_percent": ramp.percent, "to_percent": to, "guardrails": found.figure}
    await catalog.USE_CASES.put(writer, stepped, action, reason=reason, details=details)
    await writer.touch_snapshot()
    return stepped
