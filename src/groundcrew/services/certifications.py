"""Re-certification: a stage is held for a time and on evidence that stays valid. What lapses is warned of, then held, then
demoted by one stage, each step with its reason in the audit log."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from groundcrew.domain import risk
from groundcrew.domain.certification import (
    HOLD_DAYS,
    HOLD_PREFIX,
    NOTICE_DAYS,
    WARNING_DAYS,
    Certification,
    lapsed_state,
    valid_days,
)
from groundcrew.domain.evidence import Evidence, state_at
from groundcrew.domain.gate import GateEvaluation
from groundcrew.domain.stage import EXPOSED_STAGES, moved, stage_below
from groundcrew.domain.use_case import Hold, UseCase
from groundcrew.errors import Conflict
from groundcrew.services.gates import evaluate_in, keep_evaluation, published_policy
from groundcrew.services.lookups import current_digest, require_use_case
from groundcrew.services.propagation import propagate
from groundcrew.store import catalog
from groundcrew.store.database import Connection, Database, Writer

ACTOR = "system:certification"
REASONS_MAX = 30
#: Kind of evidence → the check that rests on it. An overlap scan is a matter of entering: it expires within a month by design.
_CHECKS = {
    "kill_switch_drill": "kill_switch",
    "phi_probe": "phi_probes",
    "sign_off_probe": "sign_off",
    "model_swap_rehearsal": "model_swap",
    "model_evaluation": "evaluation",
}


class Recertified(msgspec.Struct, frozen=True, kw_only=True):
    """What asking for a re-certification came to."""

    certification: Certification
    evaluation: GateEvaluation


class _Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """How a stage stands: the certification as it is to be, and whether an evaluation that passes is to renew it."""

    certification: Certification
    renews: bool = False


async def certify(writer: Writer, use_case: UseCase, evaluation: GateEvaluation) -> Certification:
    """Note that `evaluation`, which passed, carries the stage of `use_case` from now on."""
    tier = risk.assess(use_case).tier
    made = Certification(
        use_case=use_case.name,
        stage=use_case.stage,
        state="certified",
        certified_at=evaluation.evaluated_at,
        valid_until=evaluation.evaluated_at + timedelta(days=valid_days(tier)),
        evaluation=evaluation.id,
        version_digest=evaluation.version_digest,
    )
    await catalog.CERTIFICATIONS.put(writer, made, "certify", details={"evaluation": evaluation.id})
    return made


class Certifications:
    """How the stages of all use cases are certified."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, name: str) -> Certification | None:
        """How the stage of a use case stands now, as the next look of the keeper will note it; None where stages need none."""
        async with self._database.read() as connection:
            use_case = await require_use_case(connection, name)
            if use_case.stage not in EXPOSED_STAGES:
                return None
            return (await _judge(connection, use_case, self._database.clock.now())).certification

    async def recertify(self, name: str, *, actor: str) -> Recertified:
        """Evaluate the entry criteria of the stage again; passing renews the certification and lifts the keeper's hold."""
        async with self._database.write(actor) as writer:
            use_case = await require_use_case(writer.connection, name)
            if use_case.stage not in EXPOSED_STAGES:
                raise Conflict(f"{name} is in {use_case.stage}: stages are certified from pilot on")
            evaluation = await keep_evaluation(writer, use_case, use_case.stage, action="recertify")
            if evaluation.passed:
                certification = await _renew(writer, use_case, evaluation)
            else:
                certification = (await _judge(writer.connection, use_case, writer.clock.now(), evaluation)).certification
                await _note(writer, certification)
        await propagate(self._database)
        return Recertified(certification=certification, evaluation=evaluation)

    async def keep(self) -> list[Certification]:
        """Look at every use case that serves people; returns the certifications that have changed."""
        async with self._database.read() as connection:
            use_cases = [each for each in await catalog.USE_CASES.find(connection) if each.stage in EXPOSED_STAGES]
        changed = []
        for each in use_cases:
            async with self._database.read() as connection:
                judged = await _judge(connection, each, self._database.clock.now())
                stored = await catalog.CERTIFICATIONS.get(connection, each.name)
            if judged.renews or judged.certification != stored:
                changed.append(await self._act(each.name))
        if changed:
            await propagate(self._database)
        return [each for each in changed if each is not None]

    async def _act(self, name: str) -> Certification | None:
        """Judge once more in the transaction that acts, since anything may have changed."""
        async with self._database.write(ACTOR) as writer:
            use_case = await require_use_case(writer.connection, name)
            if use_case.stage not in EXPOSED_STAGES:
                return None
            judged = await _judge(writer.connection, use_case, writer.clock.now())
            if judged.renews:
                evaluation = await keep_evaluation(writer, use_case, use_case.stage, action="recertify")
                if evaluation.passed:
                    return await _renew(writer, use_case, evaluation)
            found = judged.certification
            if found.state == "demoted":
                return await _demote(writer, use_case, found)
            await _note(writer, found)
            if found.state == "held":
                await _hold(writer, use_case, found)
            elif found.lapsed_at is None:
                await _lift(writer, use_case)
            return found


async def _judge(
    connection: Connection, use_case: UseCase, now: datetime, evaluation: GateEvaluation | None = None
) -> _Judgement:
    stored = await catalog.CERTIFICATIONS.get(connection, use_case.name)
    if stored is None or stored.stage != use_case.stage:
        stored = await _from_evaluations(connection, use_case)
    if stored.certified_at is not None and stored.valid_until is not None:
        # A tier that rises shortens what was certified before; one that falls does not lengthen it.
        until = stored.certified_at + timedelta(days=valid_days(risk.assess(use_case).tier))
        stored = msgspec.structs.replace(stored, valid_until=min(stored.valid_until, until))
    lapses = await _lapses(connection, use_case, stored, now)
    if not lapses and (evaluation is None or evaluation.passed):
        assert stored.valid_until is not None
        soon = now >= stored.valid_until - timedelta(days=NOTICE_DAYS)
        ends = f"the certification ends on {stored.valid_until:%Y-%m-%d}: `groundcrew recertify {use_case.name}`"
        state = msgspec.structs.replace(
            stored, state="due_soon" if soon else "certified", lapsed_at=None, reasons=(ends,) if soon else ()
        )
        return _Judgement(certification=state)
    evaluation = evaluation or await evaluate_in(connection, use_case, use_case.stage, now=now, actor=ACTOR)
    if evaluation.passed:
        return _Judgement(certification=stored, renews=True)
    # From the moment at which it was noticed: nobody is demoted without having been warned.
    lapsed_at = stored.lapsed_at or now
    unmet = [f"{each.title}: {each.missing or each.figure}" for each in evaluation.results if each.status != "pass"]
    return _Judgement(
        certification=msgspec.structs.replace(
            stored,
            state=lapsed_state(lapsed_at, now),
            lapsed_at=lapsed_at,
            reasons=(*lapses, *unmet)[:REASONS_MAX],
        )
    )


async def _from_evaluations(connection: Connection, use_case: UseCase) -> Certification:
    """The certification that the newest passed evaluation of the stage amounts to, an empty one where there is none."""
    found = await catalog.GATE_EVALUATIONS.find(
        connection, use_case=use_case.name, stage=use_case.stage, newest_first=True, limit=1_000
    )
    newest = next((each for each in found if each.passed), None)
    made = Certification(use_case=use_case.name, stage=use_case.stage, state="warning")
    if newest is None:
        return made
    return msgspec.structs.replace(
        made,
        certified_at=newest.evaluated_at,
        valid_until=newest.evaluated_at + timedelta(days=valid_days(risk.assess(use_case).tier)),
        evaluation=newest.id,
        version_digest=newest.version_digest,
    )


async def _lapses(connection: Connection, use_case: UseCase, stored: Certification, now: datetime) -> list[str]:
    """Why the certification does not carry the stage any more, one line each."""
    if stored.certified_at is None or stored.valid_until is None:
        return ["no passed evaluation of this stage is on record"]
    lapses = []
    if now >= stored.valid_until:
        lapses.append(f"certified on {stored.certified_at:%Y-%m-%d}, which was valid until {stored.valid_until:%Y-%m-%d}")
    digest = await current_digest(connection, use_case)
    if stored.version_digest != digest:
        lapses.append("the version has changed since: what was shown of the earlier one is stale")
    policy = await published_policy(connection, use_case.stage)
    asked = {each.check for each in policy.criteria} | {each.key for each in policy.criteria if each.check == "attestation"}
    every: dict[tuple[str, str], list[Evidence]] = {}
    for each in await catalog.EVIDENCE.find(connection, use_case=use_case.name):
        every.setdefault((each.kind, each.subject), []).append(each)
    for (kind, subject), found in every.items():
        wanted = subject if kind == "attestation" else _CHECKS.get(kind)
        states = [state_at(each, now, digest) for each in found]
        if wanted not in asked or "valid" in states or states[-1] not in ("expired", "revoked"):
            continue
        what = subject if kind == "attestation" else kind.replace("_", " ")
        ended = f"expired on {found[-1].valid_until:%Y-%m-%d}" if states[-1] == "expired" else "was revoked"
        lapses.append(f"{what} {ended}")
    return lapses


async def _renew(writer: Writer, use_case: UseCase, evaluation: GateEvaluation) -> Certification:
    await _lift(writer, use_case)
    return await certify(writer, use_case, evaluation)


async def _note(writer: Writer, certification: Certification) -> None:
    stored = await catalog.CERTIFICATIONS.get(writer.connection, certification.use_case)
    if stored != certification:
        await catalog.CERTIFICATIONS.put(writer, certification, certification.state, reason="; ".join(certification.reasons[:5]))


async def _hold(writer: Writer, use_case: UseCase, certification: Certification) -> None:
    if any(each.reason.startswith(HOLD_PREFIX) for each in use_case.holds):
        return
    reason = HOLD_PREFIX + "; ".join(certification.reasons[:3])
    hold = Hold(kind="evidence", reason=reason, since=writer.clock.now())
    held = msgspec.structs.replace(use_case, holds=(*use_case.holds, hold))
    details = {"demotes_after_days": HOLD_DAYS}
    await catalog.USE_CASES.put(writer, held, "hold", reason=reason, details=details)
    await writer.touch_snapshot()


async def _lift(writer: Writer, use_case: UseCase) -> None:
    kept = tuple(each for each in use_case.holds if not each.reason.startswith(HOLD_PREFIX))
    if kept != use_case.holds:
        lifted = msgspec.structs.replace(use_case, holds=kept)
        await catalog.USE_CASES.put(writer, lifted, "lift_hold", reason="the stage is certified again")
        await writer.touch_snapshot()


async def _demote(writer: Writer, use_case: UseCase, certification: Certification) -> Certification:
    to = stage_below(use_case.stage)
    assert to is not None
    reason = f"re-certification failed: {WARNING_DAYS} days of warning and {HOLD_DAYS} of hold have passed; " + "; ".join(
        certification.reasons[:3]
    )
    kept = tuple(each for each in use_case.holds if not each.reason.startswith(HOLD_PREFIX))
    down = msgspec.structs.replace(moved(use_case, to), holds=kept)
    await catalog.USE_CASES.put(writer, down, "demote", reason=reason, details={"from": use_case.stage, "to": to})
    # The stage below is judged by its own evaluations, and warned of anew.
    made = msgspec.structs.replace(await _from_evaluations(writer.connection, down), state="demoted", reasons=(reason,))
    await catalog.CERTIFICATIONS.put(writer, made, "demoted", reason=reason)
    await writer.touch_snapshot()
    return made
