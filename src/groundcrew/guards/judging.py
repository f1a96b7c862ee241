"""What a rule's verdicts mean under its mode, action and failure behaviour, and whether they make sense at all: a verdict that
does not is a failed scan, never a pass."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal, get_args

import msgspec

from groundcrew.domain.call import GuardResult
from groundcrew.domain.guard import Action, Finding, GuardRule, Place, Verdict, VerdictKind
from groundcrew.guards.registry import FINDINGS_MAX

#: Length of the reason that a finding gives; what is longer is cut.
REASON_LENGTH_MAX = 300
_TYPE = re.compile(r"[^\[\]\s]{1,80}")
_KINDS = frozenset(get_args(VerdictKind))
PARTLY = "looked at a part of the text only; send a long text in parts"
NOTHING = Verdict(verdict="pass")


class RuleRun(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule says of the texts of one place. `ran`: it looked at something. `missing`: not at everything, or it failed;
    `is_closed`: and for that reason nothing may leave."""

    result: GuardResult
    action: Action = "allow"
    blocked: frozenset[int] = frozenset()
    redactions: dict[int, tuple[Finding, ...]] = {}
    ran: bool = True
    missing: bool = False
    is_closed: bool = False

    @property
    def has_effect(self) -> bool:
        """Whether anything follows from it but a line in the record."""
        return bool(self.action != "allow" or self.redactions or self.blocked or self.missing or self.is_closed)


def is_clean(verdict: Verdict) -> bool:
    """Whether nothing at all follows from `verdict`, whatever the rule."""
    return verdict is NOTHING or (
        type(verdict) is Verdict
        and verdict.verdict == "pass"
        and not verdict.findings
        and verdict.score == 0
        and verdict.complete is True
    )


def nonsense_in(verdict: object, text: str) -> str:
    """What makes no sense in a guard's verdict on `text`, "" where nothing does."""
    if not isinstance(verdict, Verdict):
        return f"gave a {type(verdict).__name__}, not a verdict"
    if not isinstance(verdict.verdict, str) or verdict.verdict not in _KINDS:
        return "gave a verdict that is none of pass, flag and block"
    if not isinstance(verdict.complete, bool) or not _is_score(verdict.score):
        return "gave a score that is no number from 0 to 1" if isinstance(verdict.complete, bool) else "gave a malformed verdict"
    if not isinstance(verdict.findings, tuple) or len(verdict.findings) > FINDINGS_MAX:
        return f"gave findings that are no tuple of at most {FINDINGS_MAX}"
    for each in verdict.findings:
        if not isinstance(each, Finding) or not _is_score(each.score) or not isinstance(each.reason, str):
            return "gave a malformed finding"
        if type(each.start) is not int or type(each.end) is not int or not 0 <= each.start < each.end <= len(text):
            return "gave a finding that lies outside of the text"
        if not isinstance(each.type, str) or not _TYPE.fullmatch(each.type):
            return "gave a finding whose type is no word"
    return ""


def _is_score(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value <= 1


def passed(rule: GuardRule, place: Place, latency_ms: float, score: float = 0.0) -> RuleRun:
    """A rule that found nothing."""
    return RuleRun(
        result=GuardResult(
            guard=rule.name or rule.guard,
            place=place,
            verdict="pass",
            action="allow",
            mode=rule.mode,
            score=score,
            latency_ms=latency_ms,
        )
    )


def failed(rule: GuardRule, place: Place, problem: str, latency_ms: float) -> RuleRun:
    """A rule without verdicts: it refuses where it is enforced and closed."""
    action: Action = "refuse" if rule.mode == "enforce" and rule.on_failure == "closed" else "allow"
    result = GuardResult(
        guard=rule.label,
        place=place,
        verdict="failed",
        action=action,
        mode=rule.mode,
        latency_ms=latency_ms,
        reason=problem[:REASON_LENGTH_MAX],
    )
    return RuleRun(result=result, action=action, ran=False, missing=True, is_closed=action == "refuse")


def conclude(rule: GuardRule, place: Place, verdicts: Sequence[Verdict], latency_ms: float) -> RuleRun:
    """What follows from verdicts that make sense, one for each text of the place.

    A part that was not looked at is a scan that is missing: where the rule is enforced and closed, texts leave only as they would
    if the guard had failed. So it is where a rule masks and its guard blocks without saying what.
    """
    if all(each.verdict == "pass" and not each.findings and each.complete for each in verdicts):
        return passed(rule, place, latency_ms, max((each.score for each in verdicts), default=0.0))
    enforced = rule.mode == "enforce"
    block_at = rule.settings.get("block_at")
    blocking = {index for index, each in enumerate(verdicts) if blocks(each, block_at)}
    partial = any(not each.complete for each in verdicts)
    verdict: Literal["pass", "flag", "block", "failed"]
    verdict = "block" if blocking else ("flag" if any(each.verdict != "pass" or each.findings for each in verdicts) else "pass")
    action: Action = "allow"
    redactions: dict[int, tuple[Finding, ...]] = {}
    problem = PARTLY if partial else ""
    if enforced and rule.action == "redact":
        redactions = {index: each.findings for index, each in enumerate(verdicts) if each.findings}
        action = "redact" if redactions else "allow"
        if any(not verdicts[index].findings for index in blocking):
            partial, problem = True, "blocked a text without saying what in it is to be masked"
    elif enforced and blocking:
        action = rule.action
    is_closed = partial and enforced and rule.on_failure == "closed"
    if is_closed and action in ("allow", "redact"):
        action = "refuse"
    acted = action not in ("allow", "redact")
    reasons = [finding.reason for index in sorted(blocking) for finding in verdicts[index].findings if finding.reason]
    reason = problem if problem and (not acted or action != rule.action) else (reasons[0] if reasons else problem)
    result = GuardResult(
        guard=rule.label,
        place=place,
        verdict=verdict if verdict != "pass" or not partial else "failed",
        action=action,
        mode=rule.mode,
        score=max((each.score for each in verdicts), default=0.0),
        types=dict(Counter(finding.type for each in verdicts for finding in each.findings)),
        latency_ms=latency_ms,
        reason=reason[:REASON_LENGTH_MAX],
    )
    blocked = frozenset(blocking) if acted else frozenset()
    return RuleRun(result=result, action=action, blocked=blocked, redactions=redactions, missing=partial, is_closed=is_closed)


def blocks(verdict: Verdict, block_at: object) -> bool:
    """Whether a verdict blocks: as its guard says, or from the score on that the rule says."""
    if not isinstance(block_at, int | float):
        return verdict.verdict == "block"
    return (verdict.verdict != "pass" or bool(verdict.findings)) and verdict.score >= block_at
