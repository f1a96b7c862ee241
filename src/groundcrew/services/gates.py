"""Gates: evaluating the entry criteria of a stage from recorded facts. Unknown never passes, an empty policy denies."""

from __future__ import annotations

from datetime import datetime
from importlib import resources

import msgspec

from groundcrew.domain.gate import GateEvaluation, GatePolicy, passes
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.stage import next_stage
from groundcrew.domain.use_case import Stage, UseCase
from groundcrew.errors import Conflict
from groundcrew.services.gate_facts import Facts, gather
from groundcrew.services.lookups import require_use_case
from groundcrew.store import catalog
from groundcrew.store.database import Connection, Database


def default_policies() -> list[GatePolicy]:
    """The gate policies that ship with groundcrew."""
    return msgspec.json.decode(
        resources.files("groundcrew.domain").joinpath("default_gates.json").read_bytes(), type=list[GatePolicy]
    )


async def evaluate_in(connection: Connection, use_case: UseCase, to: Stage, *, now: datetime, actor: str) -> GateEvaluation:
    """Evaluate the gate into `to` on this connection; nothing is written."""
    return (await evaluate_with_facts(connection, use_case, to, now=now, actor=actor))[0]


async def evaluate_with_facts(
    connection: Connection, use_case: UseCase, to: Stage, *, now: datetime, actor: str
) -> tuple[GateEvaluation, Facts]:
    """`evaluate_in`, with the facts that it rests on."""
    from groundcrew.services.criteria import entry, grounded, results  # noqa: F401  (importing registers the checks)
    from groundcrew.services.criteria.registry import evaluate

    policies = await catalog.GATE_POLICIES.find(connection, stage=to, state="published")
    policy = policies[-1] if policies else GatePolicy(stage=to, version=0, state="published", criteria=())
    wanted = any(each.check == "grounded" for each in policy.criteria)
    facts = await gather(connection, use_case, now, labels=wanted)
    results_of = tuple(evaluate(facts, criterion) for criterion in policy.criteria)
    evaluation = GateEvaluation(
        id=new_id(),
        use_case=use_case.name,
        stage=to,
        policy_version=policy.version,
        version_digest=facts.version_digest,
        evaluated_at=now,
        evaluated_by=actor,
        results=results_of,
        passed=passes(results_of),
    )
    return evaluation, facts


class Gates:
    """The gates and their policies."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def publish_defaults(self) -> None:
        """Publish the default policy of each stage that has none yet."""
        async with self._database.read() as connection:
            present = {each.stage for each in await catalog.GATE_POLICIES.find(connection)}
        missing = [each for each in default_policies() if each.stage not in present]
        if missing:
            async with self._database.write("system:first-run") as writer:
                for policy in missing:
                    await catalog.GATE_POLICIES.put(writer, policy, "publish")

    async def evaluate(self, name: str, *, actor: str, to: Stage | None = None, save: bool = True) -> GateEvaluation:
        """Evaluate the gate into `to`, or into the next stage; the evaluation is kept unless `save` is false."""
        async with self._database.read() as connection:
            use_case = await require_use_case(connection, name)
            stage = to or next_stage(use_case.stage)
            if stage is None:
                raise Conflict(f"{name} is in {use_case.stage}, which has no next stage: name one with --to")
            evaluation = await evaluate_in(connection, use_case, stage, now=self._database.clock.now(), actor=actor)
        if save:
            async with self._database.write(actor) as writer:
                await catalog.GATE_EVALUATIONS.put(writer, evaluation, "evaluate", details={"passed": evaluation.passed})
        return evaluation

    async def evaluations(self, name: str, *, limit: int = 50) -> list[GateEvaluation]:
        """The newest evaluations first."""
        async with self._database.read() as connection:
            await require_use_case(connection, name)
            return await catalog.GATE_EVALUATIONS.find(connection, use_case=name, newest_first=True, limit=limit)
