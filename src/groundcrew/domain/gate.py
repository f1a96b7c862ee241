"""Gates: published criteria, and evaluations in which each criterion is pass, fail or unknown. Unknown never passes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from groundcrew.domain.canonical import digest
from groundcrew.domain.use_case import Stage

CriterionStatus = Literal["pass", "fail", "unknown"]


class Criterion(msgspec.Struct, frozen=True, kw_only=True):
    """One entry criterion of a gate. `check` names the computation, `settings` its bounds."""

    key: str
    title: str
    check: str
    settings: dict[str, Any] = {}


class GatePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The entry criteria of one stage, immutable once published."""

    stage: Stage
    version: int
    state: Literal["draft", "published", "superseded"]
    criteria: tuple[Criterion, ...]
    source: str = ""
    #: Why it is looser than the defaults, where it is.
    reason: str = ""


def policy_digest(policy: GatePolicy) -> str:
    """SHA-256 over what a policy asks for: its stage, version and criteria. That it was superseded does not change it."""
    return digest({"stage": policy.stage, "version": policy.version, "criteria": policy.criteria})


class CriterionResult(msgspec.Struct, frozen=True, kw_only=True):
    """One criterion of one evaluation: status, the figure with its interval, the bound, and what is missing to pass. `link` is
    the console's page where it is closed, `evidence` the hashes of the recorded evidence that it rests on."""

    key: str
    title: str
    status: CriterionStatus
    figure: str = ""
    bound: str = ""
    missing: str = ""
    estimate: float | None = None
    lower: float | None = None
    upper: float | None = None
    n: int | None = None
    source: str = ""
    sample: bool = False
    link: str = ""
    evidence: tuple[str, ...] = ()


class GateEvaluation(msgspec.Struct, frozen=True, kw_only=True):
    """One evaluation of one gate, append-only. `passed` only if there are criteria and each one passes. `snapshot` names what a
    kept evaluation rested on."""

    id: str
    use_case: str
    stage: Stage
    policy_version: int
    version_digest: str
    evaluated_at: datetime
    evaluated_by: str
    results: tuple[CriterionResult, ...]
    passed: bool
    policy_digest: str = ""
    snapshot: str = ""


def passes(results: tuple[CriterionResult, ...]) -> bool:
    """Whether a gate with these results opens: an empty policy denies, fail and unknown deny."""
    return bool(results) and all(each.status == "pass" for each in results)
