"""What an evaluation of a gate rested on, named by its own hash, so that anybody can check it later without the database."""

from __future__ import annotations

from datetime import datetime

import msgspec

from groundcrew.domain.canonical import digest
from groundcrew.domain.gate import CriterionResult, GateEvaluation, GatePolicy, passes, policy_digest
from groundcrew.domain.use_case import Stage


class EvidenceMark(msgspec.Struct, frozen=True, kw_only=True):
    """One valid piece of evidence and the hash of its content."""

    id: str
    kind: str
    subject: str
    sha256: str
    producer: str
    valid_until: datetime


class ApprovalMark(msgspec.Struct, frozen=True, kw_only=True):
    """One function's word."""

    id: str
    function: str
    state: str
    decided_by: str | None


class RowsMark(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows counted, and the newest of them: later ones did not."""

    n: int
    newest: str | None


class EvidenceSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that an evaluation rested on. It holds no time of evaluation: the same facts make the same snapshot."""

    use_case: str
    stage: Stage
    version_digest: str
    policy_version: int
    policy_digest: str
    hypothesis_version: int | None
    hypothesis_digest: str | None
    evidence: tuple[EvidenceMark, ...]
    approvals: tuple[ApprovalMark, ...]
    rows: dict[str, RowsMark]
    results: tuple[CriterionResult, ...]


def snapshot_id(snapshot: EvidenceSnapshot) -> str:
    """SHA-256 over the canonical JSON of the snapshot: its name."""
    return digest(snapshot)


def evaluation_problems(evaluation: GateEvaluation, snapshot: EvidenceSnapshot, policy: GatePolicy) -> list[str]:
    """Why `evaluation` does not follow from `snapshot` and `policy`, one line each; none where it does."""
    problems = []
    if snapshot_id(snapshot) != evaluation.snapshot:
        problems.append("the snapshot's hash is not the one that the evaluation names: one of them was changed")
    if policy_digest(policy) != snapshot.policy_digest or evaluation.policy_digest != snapshot.policy_digest:
        problems.append("the policy is not the one that the evaluation was made by")
    for name in ("use_case", "stage", "version_digest", "policy_version"):
        if getattr(evaluation, name) != getattr(snapshot, name):
            problems.append(f"evaluation and snapshot differ in {name}")
    if evaluation.results != snapshot.results:
        problems.append("the figures of the evaluation are not those of the snapshot")
    if [each.key for each in snapshot.results] != [each.key for each in policy.criteria]:
        problems.append("the results are not those of the policy's criteria")
    if evaluation.passed != passes(snapshot.results):
        problems.append(f"it says {'passed' if evaluation.passed else 'not passed'}, and its results say otherwise")
    known = {each.sha256 for each in snapshot.evidence}
    lost = {sha for each in snapshot.results if each.status == "pass" for sha in each.evidence} - known
    problems += [f"a result rests on evidence {sha[:12]} that is not in the snapshot" for sha in sorted(lost)]
    return problems
