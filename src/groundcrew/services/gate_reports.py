"""The report of one evaluation of a gate, for an auditor who has nothing else: everything that it rests on, and how to check it.

The report as JSON is complete: `report_problems` verifies it without a database, and finds whatever was changed in it.
"""

from __future__ import annotations

import base64
import re
from datetime import datetime

import msgspec

from groundcrew import __version__
from groundcrew.domain import risk
from groundcrew.domain.approval import Approval
from groundcrew.domain.canonical import digest
from groundcrew.domain.evidence import Evidence
from groundcrew.domain.gate import GateEvaluation, GatePolicy
from groundcrew.domain.gate_snapshot import EvidenceSnapshot, evaluation_problems
from groundcrew.domain.hypothesis import Hypothesis, frozen_digest
from groundcrew.domain.use_case import Stage, UseCase
from groundcrew.errors import Conflict, InputError
from groundcrew.services.gates import kept_evaluation
from groundcrew.services.lookups import require_use_case
from groundcrew.store import audit, catalog
from groundcrew.store.database import Connection, Database

#: What a link in a report begins with whose rest is the report as JSON.
DATA_PREFIX = "data:application/json;base64,"
REPORT_BYTES_MAX = 64 * 1024 * 1024


class ChainHead(msgspec.Struct, frozen=True, kw_only=True):
    """Where the audit chain ended when the report was made; the chain that is exported later must hold this entry."""

    sequence: int
    hash: str
    at: datetime | None


class GateReport(msgspec.Struct, frozen=True, kw_only=True):
    """One evaluation of a gate with all that it rested on. `version` names what the version digest was over, in words."""

    release: str
    made_at: datetime
    use_case: UseCase
    risk_tier: str
    risk_reasons: tuple[str, ...]
    evaluation: GateEvaluation
    snapshot: EvidenceSnapshot
    policy: GatePolicy
    hypothesis: Hypothesis | None
    evidence: tuple[Evidence, ...]
    approvals: tuple[Approval, ...]
    version: dict[str, str]
    chain: ChainHead


class GateReports:
    """Reports of kept evaluations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, evaluation_id: str) -> GateReport:
        """The report of one evaluation; NotFound, Conflict for one that was kept without a snapshot."""
        async with self._database.read() as connection:
            return await self._gather(connection, evaluation_id)

    async def newest(self, use_case: str, to: Stage | None = None) -> GateReport:
        """The report of the newest kept evaluation of a use case, into `to` where given; Conflict where none is kept."""
        async with self._database.read() as connection:
            await require_use_case(connection, use_case)
            wanted = {"use_case": use_case} | ({"stage": to} if to is not None else {})
            found = await catalog.GATE_EVALUATIONS.find(connection, newest_first=True, limit=200, **wanted)
            kept = next((each for each in found if each.snapshot), None)
            if kept is None:
                raise Conflict(f"no evaluation of {use_case} is kept: evaluate its gate first")
            return await self._gather(connection, kept.id)

    async def _gather(self, connection: Connection, evaluation_id: str) -> GateReport:
        kept = await kept_evaluation(connection, evaluation_id)
        evaluation, snapshot, policy = kept.evaluation, kept.snapshot, kept.policy
        if snapshot is None or policy is None:
            raise Conflict(f"evaluation {evaluation_id} was kept without what it rested on: evaluate the gate again")
        use_case = await require_use_case(connection, evaluation.use_case)
        hypothesis = None
        if snapshot.hypothesis_version is not None:
            hypothesis = await catalog.HYPOTHESES.get(connection, f"{use_case.name}@{snapshot.hypothesis_version:06d}")
        evidence = [await catalog.EVIDENCE.get(connection, each.id) for each in snapshot.evidence]
        approvals = [await catalog.APPROVALS.get(connection, each.id) for each in snapshot.approvals]
        assessment = risk.assess(use_case)
        last = next(iter(await audit.latest(connection, limit=1)), None)
        return GateReport(
            release=__version__,
            made_at=self._database.clock.now(),
            use_case=use_case,
            risk_tier=assessment.tier,
            risk_reasons=assessment.reasons,
            evaluation=evaluation,
            snapshot=snapshot,
            policy=policy,
            hypothesis=hypothesis,
            evidence=tuple(each for each in evidence if each is not None),
            approvals=tuple(each for each in approvals if each is not None),
            version=await _version_of(connection, use_case),
            chain=ChainHead(sequence=last.sequence if last else 0, hash=last.hash if last else "", at=last.at if last else None),
        )


async def _version_of(connection: Connection, use_case: UseCase) -> dict[str, str]:
    """What makes up the version, as far as it can be said in a line each."""
    model = await catalog.MODELS.get(connection, use_case.model)
    targets = [f"{each.provider}/{each.model} ({each.role})" for each in model.targets] if model else []
    found = {
        "model": f"{use_case.model}: {', '.join(targets) or 'unknown'}",
        "prompt": f"sha256 {digest(use_case.prompt)}, {len(use_case.prompt)} characters",
        "policy": use_case.policy or "none",
        "purpose": use_case.purpose,
        "data classes": ", ".join(use_case.data_classes),
        "autonomy": use_case.autonomy.replace("_", " "),
    }
    if use_case.grounding is not None and use_case.grounding.knowledge is None:
        found["knowledge"] = "none: answers rest on what the request itself says"
    elif use_case.grounding is not None:
        base = use_case.grounding.knowledge
        approved = await catalog.REVISIONS.find(connection, knowledge_base=base, state="approved")
        found["knowledge"] = f"{base}: {', '.join(each.id[:12] for each in approved) or 'no approved revision'}"
    return found


def report_problems(report: GateReport) -> list[str]:
    """Everything in a report that does not fit together, one line each; none where it is as it was made."""
    problems = evaluation_problems(report.evaluation, report.snapshot, report.policy)
    if report.use_case.name != report.evaluation.use_case:
        problems.append("the report is headed by another use case than was evaluated")
    marks = {each.id: each for each in report.snapshot.evidence}
    for each in report.evidence:
        mark = marks.pop(each.id, None)
        if mark is None:
            problems.append(f"evidence {each.id} is not in the snapshot")
        elif digest(each.content) != each.sha256 or each.sha256 != mark.sha256 or each.producer != mark.producer:
            problems.append(f"evidence {each.kind} {each.subject} was changed: its content does not have the hash it had")
        elif each.version_digest != report.evaluation.version_digest:
            problems.append(f"evidence {each.kind} {each.subject} is of another version")
    problems += [f"evidence {each.kind} {each.subject} is lacking" for each in marks.values()]
    said = {each.id: each for each in report.snapshot.approvals}
    for approval in report.approvals:
        word = said.pop(approval.id, None)
        if word is None or word.function != approval.function or approval.version_digest != report.evaluation.version_digest:
            problems.append(f"the approval by {approval.function} is not the one of the snapshot")
    problems += [f"the approval by {each.function} is lacking" for each in said.values()]
    hypothesis = report.hypothesis
    if report.snapshot.hypothesis_digest is not None and (
        hypothesis is None or frozen_digest(hypothesis) != report.snapshot.hypothesis_digest
    ):
        problems.append("the hypothesis is not the one that was registered: its hash differs")
    return problems


def read_report(data: bytes, name: str) -> GateReport:
    """A report from its JSON, or from an HTML report, which carries it. Raises InputError naming the file."""
    if len(data) > REPORT_BYTES_MAX:
        raise InputError(f"larger than {REPORT_BYTES_MAX} bytes", file=name)
    if data.lstrip()[:1] == b"<":
        found = re.search(re.escape(DATA_PREFIX).encode() + rb"([A-Za-z0-9+/=]+)", data)
        if found is None:
            raise InputError("carries no report: expected one written by `groundcrew gate report`", file=name)
        data = base64.b64decode(found.group(1))
    try:
        return msgspec.json.decode(data, type=GateReport)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(f"is no gate report: {error}", file=name) from None
