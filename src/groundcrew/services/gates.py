"""Gates: evaluating the entry criteria of a stage from recorded facts. Unknown never passes, an empty policy denies.

A kept evaluation names the snapshot of what it rested on, which is stored by the hash of its content.
"""

from __future__ import annotations

import pkgutil
from datetime import datetime
from importlib import import_module, resources

import msgspec

from groundcrew.domain.approval import newest_by_function
from groundcrew.domain.gate import GateEvaluation, GatePolicy, passes, policy_digest
from groundcrew.domain.gate_snapshot import ApprovalMark, EvidenceMark, EvidenceSnapshot, RowsMark, snapshot_id
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.stage import next_stage
from groundcrew.domain.use_case import Stage, UseCase
from groundcrew.errors import Conflict, NotFound
from groundcrew.services import criteria
from groundcrew.services.gate_facts import Facts, gather
from groundcrew.services.lookups import require_use_case
from groundcrew.store import catalog, governance
from groundcrew.store.database import Connection, Database, Writer

#: Tables whose rows count for one version and are summed up in a snapshot.
COUNTED = ("ratings", "outcomes", "trust_labels", "calls")


class KeptEvaluation(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluation on record with the snapshot that it rested on and the policy that it was made by, None where they are not
    kept (evaluations of earlier releases have no snapshot)."""

    evaluation: GateEvaluation
    snapshot: EvidenceSnapshot | None
    policy: GatePolicy | None


def default_policies() -> list[GatePolicy]:
    """The gate policies that ship with groundcrew."""
    return msgspec.json.decode(
        resources.files("groundcrew.domain").joinpath("default_gates.json").read_bytes(), type=list[GatePolicy]
    )


def load_checks() -> None:
    """Import every module of criteria: importing registers their checks."""
    for module in pkgutil.iter_modules(criteria.__path__):
        import_module(f"{criteria.__name__}.{module.name}")


async def published_policy(connection: Connection, stage: Stage) -> GatePolicy:
    """The policy in force, or an empty one, which denies."""
    policies = await catalog.GATE_POLICIES.find(connection, stage=stage, state="published")
    return policies[-1] if policies else GatePolicy(stage=stage, version=0, state="published", criteria=())


async def evaluate_in(
    connection: Connection, use_case: UseCase, to: Stage, *, now: datetime, actor: str, recompute: bool = True
) -> GateEvaluation:
    """Evaluate the gate into `to` on this connection; nothing is written. Without `recompute` the experiment is as it was last
    looked at: for pages, never for a decision."""
    evaluation, _ = await evaluate_with_facts(connection, use_case, to, now=now, actor=actor, recompute=recompute)
    return evaluation


async def keep_evaluation(writer: Writer, use_case: UseCase, to: Stage, *, action: str = "evaluate") -> GateEvaluation:
    """Evaluate the gate into `to` and keep the evaluation with a snapshot of what it rests on, in one transaction."""
    evaluation, facts = await evaluate_with_facts(writer.connection, use_case, to, now=writer.clock.now(), actor=writer.actor)
    snapshot = await _snapshot(writer.connection, evaluation, facts)
    name = snapshot_id(snapshot)
    if await catalog.EVIDENCE_SNAPSHOTS.get(writer.connection, name) is None:
        await catalog.EVIDENCE_SNAPSHOTS.put(writer, snapshot, "keep")
    evaluation = msgspec.structs.replace(evaluation, snapshot=name)
    await catalog.GATE_EVALUATIONS.put(writer, evaluation, action, details={"passed": evaluation.passed, "snapshot": name})
    return evaluation


async def evaluate_with_facts(
    connection: Connection, use_case: UseCase, to: Stage, *, now: datetime, actor: str, recompute: bool = True
) -> tuple[GateEvaluation, Facts]:
    """`evaluate_in`, with the facts that it rests on."""
    from groundcrew.services.criteria.registry import evaluate

    load_checks()
    policy = await published_policy(connection, to)
    checks = frozenset(each.check for each in policy.criteria)
    facts = await gather(connection, use_case, now, labels="grounded" in checks, checks=checks, into=to, recompute=recompute)
    results = tuple(evaluate(facts, criterion) for criterion in policy.criteria)
    evaluation = GateEvaluation(
        id=new_id(),
        use_case=use_case.name,
        stage=to,
        policy_version=policy.version,
        version_digest=facts.version_digest,
        evaluated_at=now,
        evaluated_by=actor,
        results=results,
        passed=passes(results),
        policy_digest=policy_digest(policy),
    )
    return evaluation, facts


async def _snapshot(connection: Connection, evaluation: GateEvaluation, facts: Facts) -> EvidenceSnapshot:
    hypothesis, name, digest = facts.hypothesis, evaluation.use_case, evaluation.version_digest
    said = newest_by_function(facts.governance.approvals, evaluation.stage, digest)
    rows = {}
    for table in COUNTED:
        n, newest = await governance.rows_mark(connection, table, name, digest)
        rows[table] = RowsMark(n=n, newest=newest)
    return EvidenceSnapshot(
        use_case=name,
        stage=evaluation.stage,
        version_digest=digest,
        policy_version=evaluation.policy_version,
        policy_digest=evaluation.policy_digest,
        hypothesis_version=hypothesis.version if hypothesis else None,
        hypothesis_digest=hypothesis.digest if hypothesis else None,
        evidence=tuple(
            EvidenceMark(
                id=each.id,
                kind=each.kind,
                subject=each.subject,
                sha256=each.sha256,
                producer=each.producer,
                valid_until=each.valid_until,
            )
            for each in facts.valid_evidence
        ),
        approvals=tuple(
            ApprovalMark(id=each.id, function=each.function, state=each.state, decided_by=each.decided_by)
            for _, each in sorted(said.items())
        ),
        rows=rows,
        results=evaluation.results,
    )


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
        if not save:
            async with self._database.read() as connection:
                use_case = await require_use_case(connection, name)
                stage, now = _stage(use_case, to), self._database.clock.now()
                return await evaluate_in(connection, use_case, stage, now=now, actor=actor)
        async with self._database.write(actor) as writer:
            use_case = await require_use_case(writer.connection, name)
            return await keep_evaluation(writer, use_case, _stage(use_case, to))

    async def evaluations(self, name: str, *, limit: int = 50) -> list[GateEvaluation]:
        """The newest evaluations first."""
        async with self._database.read() as connection:
            await require_use_case(connection, name)
            return await catalog.GATE_EVALUATIONS.find(connection, use_case=name, newest_first=True, limit=limit)

    async def kept(self, evaluation_id: str) -> KeptEvaluation:
        """One evaluation on record with what it rested on; NotFound."""
        async with self._database.read() as connection:
            return await kept_evaluation(connection, evaluation_id)


async def kept_evaluation(connection: Connection, evaluation_id: str) -> KeptEvaluation:
    """One evaluation on record with what it rested on; NotFound."""
    evaluation = await catalog.GATE_EVALUATIONS.get(connection, evaluation_id)
    if evaluation is None:
        raise NotFound(f"no gate evaluation {evaluation_id!r}")
    return KeptEvaluation(
        evaluation=evaluation,
        snapshot=await catalog.EVIDENCE_SNAPSHOTS.get(connection, evaluation.snapshot) if evaluation.snapshot else None,
        policy=await catalog.GATE_POLICIES.get(connection, f"{evaluation.stage}@{evaluation.policy_version:06d}"),
    )


def _stage(use_case: UseCase, to: Stage | None) -> Stage:
    stage = to or next_stage(use_case.stage)
    if stage is None:
        raise Conflict(f"{use_case.name} is in {use_case.stage}, which has no next stage: name one with --to")
    return stage
