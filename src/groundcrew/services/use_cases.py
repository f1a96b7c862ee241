"""Moving use cases: advance only through an open gate, demote with a reason, start and stop serving."""

from __future__ import annotations

import msgspec

from groundcrew.domain import stage as stages
from groundcrew.domain.gate import GateEvaluation
from groundcrew.domain.ramp import Ramp, RampStep
from groundcrew.domain.use_case import Stage, UseCase
from groundcrew.errors import Conflict, GateNotPassed
from groundcrew.services.certifications import certify
from groundcrew.services.gates import Gates, keep_evaluation, published_policy
from groundcrew.services.lookups import require_reason, require_use_case
from groundcrew.services.propagation import propagate
from groundcrew.services.ramp_rules import rule_of
from groundcrew.store import catalog
from groundcrew.store.database import Database, Writer


class UseCases:
    """The registered use cases and their moves."""

    def __init__(self, database: Database, gates: Gates) -> None:
        self._database, self._gates = database, gates

    async def get(self, name: str) -> UseCase:
        """One use case; NotFound names the nearest."""
        async with self._database.read() as connection:
            return await require_use_case(connection, name)

    async def find(self) -> list[UseCase]:
        """All use cases, by name."""
        async with self._database.read() as connection:
            return await catalog.USE_CASES.find(connection)

    async def advance(self, name: str, to: Stage, *, actor: str, reason: str) -> GateEvaluation:
        """Advance one stage if every entry criterion passes now; GateNotPassed carries the full list otherwise.

        The evaluation and the move are one transaction, so that nothing can change between them; a refused attempt
        is recorded as an evaluation as well.
        """
        require_reason(reason)
        async with self._database.write(actor) as writer:
            use_case = await require_use_case(writer.connection, name)
            stages.check_advance(use_case.stage, to)
            evaluation = await keep_evaluation(writer, use_case, to)
            if evaluation.passed and not use_case.holds:
                moved = stages.moved(use_case, to)
                if to == "scale":
                    moved = msgspec.structs.replace(moved, ramp=await _first_step(writer, reason))
                await catalog.USE_CASES.put(
                    writer,
                    moved,
                    "advance",
                    reason=reason,
                    details={"from": use_case.stage, "to": to, "evaluation": evaluation.id},
                )
                await certify(writer, moved, evaluation)
                await writer.touch_snapshot()
        await propagate(self._database)
        if use_case.holds:
            raise Conflict(f"{name} can not advance while held: " + "; ".join(each.reason for each in use_case.holds))
        if not evaluation.passed:
            missing = [each for each in evaluation.results if each.status != "pass"]
            raise GateNotPassed(
                f"{name} can not advance to {to}: {len(missing)} of {len(evaluation.results)} criteria are not met", evaluation
            )
        return evaluation

    async def demote(self, name: str, to: Stage, *, actor: str, reason: str) -> UseCase:
        """Move to an earlier stage, or to rejected or retired, with a reason."""
        require_reason(reason)
        async with self._database.write(actor) as writer:
            use_case = await require_use_case(writer.connection, name)
            stages.check_demote(use_case.stage, to)
            moved = stages.moved(use_case, to)
            if to in ("rejected", "retired"):
                moved = msgspec.structs.replace(moved, run_state="off", run_reason=f"{to}: {reason}")
            await catalog.USE_CASES.put(writer, moved, "demote", reason=reason, details={"from": use_case.stage, "to": to})
            await writer.touch_snapshot()
        await propagate(self._database)
        return moved


async def _first_step(writer: Writer, reason: str) -> Ramp:
    """The ramp of a use case that enters scale: its lowest step."""
    rule = rule_of(await published_policy(writer.connection, "optimization"))
    step = RampStep(percent=rule.steps[0], at=writer.clock.now(), by=writer.actor, reason=reason, figure="the gate into scale")
    return Ramp(steps=(step,))
