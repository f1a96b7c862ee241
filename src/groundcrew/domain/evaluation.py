"""Evaluation suites: questions with what a right answer looks like, and what came of asking them. Cases hold masked texts only;
results hold none at all, since the calls that they name do."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from groundcrew.domain.call import CallStatus
from groundcrew.domain.canonical import digest

CASES_MAX = 2_000
CASE_BYTES_MAX = 64 * 1024
SUITE_BYTES_MAX = 8 * 1024 * 1024
EXPECTATIONS_MAX = 50
JUDGES_MAX = 4
RUBRIC_LENGTH_MAX = 4_000
#: How often one question may be asked of a target, and of a judge.
REPEATS_MAX, JUDGE_REPEATS_MAX = 20, 5
CONCURRENCY_MAX = 32
WEIGHT_MAX = 1_000.0

#: stars: 1 to 5, more is better. yes_no: whether the rubric is met.
JudgeScale = Literal["stars", "yes_no"]


class EvaluationCase(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One question. `messages` are a chat completion's.

    `contains` are words that every right answer holds, `excludes` words that none does; `declines`: the right answer is that
    there is none. A case that was picked from a call names it, and `recorded` is what was answered then.
    """

    id: str
    messages: tuple[dict[str, Any], ...]
    reference: str | None = None
    contains: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    declines: bool = False
    tags: tuple[str, ...] = ()
    weight: float = 1.0
    call_id: str | None = None
    recorded: str = ""

    @property
    def question(self) -> str:
        """The newest thing that the user says."""
        said = [each["content"] for each in self.messages if each.get("role") == "user"]
        return str(said[-1]) if said else ""


class JudgeRule(msgspec.Struct, frozen=True, kw_only=True):
    """A model alias that judges answers by a rubric, `repeats` times each. Its numbers stand beside people's, never for them."""

    name: str
    model: str
    rubric: str
    scale: JudgeScale = "stars"
    repeats: int = 1


class SuiteContent(msgspec.Struct, frozen=True, kw_only=True):
    """What a suite asks: everything that its digest is over. `parameters` go with every question (temperature and the like).

    `mask`: what looks for the personal data that is masked in its texts, where that is not what the use case's records ask for:
    texts that were invented for the suite need `patterns` alone, and keep their names and dates.
    """

    name: str
    use_case: str
    title: str = ""
    cases: tuple[EvaluationCase, ...] = ()
    judges: tuple[JudgeRule, ...] = ()
    parameters: dict[str, Any] = {}
    mask: Literal["full", "patterns"] | None = None


class EvaluationSuite(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a suite, which never changes: `digest` is over its content, `version` counts from 1."""

    content: SuiteContent
    digest: str
    version: int
    made_by: str
    made_at: datetime

    @property
    def id(self) -> str:
        """Sorts a suite's versions by their number."""
        return f"{self.content.name}@{self.version:06d}"


def content_digest(content: SuiteContent) -> str:
    """SHA-256 over the content: the same cases are the same version, wherever they come from."""
    return digest(content)


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What one judge said of one answer: a score for each repeat that was a judgement, the calls that hold its words, and why
    others were none. `cost_usd` is None where the price is unknown."""

    judge: str
    scores: tuple[float, ...] = ()
    call_ids: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    cost_usd: float | None = 0.0

    @property
    def mean(self) -> float | None:
        """The mean of the scores; None without one."""
        return sum(self.scores) / len(self.scores) if self.scores else None


class EvaluationResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of asking one case once. `figures` are by metric; one that could not be told is left out."""

    job_id: str
    suite: str
    case_id: str
    repeat: int
    at: datetime
    call_id: str
    status: CallStatus
    error_code: str | None = None
    provider: str | None = None
    target_model: str | None = None
    cost_usd: float | None = 0.0
    figures: dict[str, float] = {}
    judgements: tuple[Judgement, ...] = ()

    @property
    def id(self) -> str:
        """Once for each case and repeat of a run."""
        return result_id(self.job_id, self.case_id, self.repeat)


def result_id(job_id: str, case_id: str, repeat: int) -> str:
    """How a result is named."""
    return f"{job_id}/{case_id}/{repeat:03d}"


class EvaluationOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What a run was asked to do. `model` is an alias, `target` one provider and model of it; neither: the use case's own.
    `recorded`: the answers that were recorded with the cases are looked at, and nothing is asked but judges."""

    suite: str
    version: int
    digest: str
    use_case: str
    model: str | None = None
    target: tuple[str, str] | None = None
    recorded: bool = False
    repeats: int = 1
    concurrency: int = 4
    cost_usd_max: float | None = None
    #: The version of the use case that was asked.
    version_digest: str = ""

    @property
    def asked(self) -> str:
        """Who was asked, in words."""
        if self.recorded:
            return "the recorded answers"
        if self.target is not None:
            return "/".join(self.target)
        return self.model or "the use case's own model"
