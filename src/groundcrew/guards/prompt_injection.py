"""Attempts to give a model other orders than its owner's: by a small network of our own, and by patterns that are chosen for
precision. Where a text comes from decides what is out of place in it: a user may ask for things, an e-mail, a passage or a tool's
result may not."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from groundcrew.domain.guard import Finding, Verdict, VerdictKind
from groundcrew.guards.escapes import with_spaces
from groundcrew.guards.injection_patterns import Match, PlainText, matches_of, plain_text
from groundcrew.guards.injection_scores import BLOCK_SCORE, FLAG_SCORE, NOTHING, Head, InjectionScores, Part
from groundcrew.guards.registry import FINDINGS_MAX, Context, guard, verdict_of

#: Who may give orders: the owner. Their texts are not looked at.
OWNER_ROLES = frozenset({"system", "developer"})
#: Whose texts are data, in which any instruction to an assistant is out of place.
DATA_ROLES = frozenset({"tool", "function", "passage"})
DATA_PLACES = frozenset({"passages", "tool_results"})
#: What a policy or a caller may say of a user's texts that somebody else wrote.
DATA_ORIGINS: tuple[str, ...] = ("email", "document", "web", "passage", "tool")
#: What a pattern adds to a network's logit: the surer the pattern, the more.
PATTERN_LOGIT_MAX = 4.0
#: From this logit on the network does not contradict a pattern, whose own score then counts: harmless talk that patterns match
#: lay below -2.4 where this was chosen, attacks that the network doubts above -0.9.
AGREED_LOGIT = -1.5
#: Verdicts that are remembered, the oldest forgotten first, and the longest text (code points) that is: the history of a
#: conversation, passages and tool results come again with every call.
RECENT_MAX, RECENT_LENGTH_MAX = 1_024, 20_000

#: A score that nothing reaches.
NEVER = 1.01

_REASONS: dict[Head, str] = {
    "direct": "reads like an attempt to give the model other orders",
    "planted": "holds an instruction that is out of place",
    "order": "holds an instruction to an assistant, inside data",
}
_PASS = Verdict(verdict="pass")
_scores = InjectionScores()


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in a text, before anybody's thresholds."""

    score: float
    findings: tuple[Finding, ...]
    complete: bool


_recent: dict[tuple[bool, str], Judged] = {}


def is_data(context: Context) -> bool:
    """Whether the text comes from where nobody's instructions are to be followed: by its `role` or `place`, or, where a user
    sends it, by its `origin`."""
    role = context.get("role")
    if role in DATA_ROLES or context.get("place") in DATA_PLACES:
        return True
    return role in (None, "user") and context.get("origin") in DATA_ORIGINS


def quick(text: str, context: Context) -> Verdict | None:
    """The verdict where it is known: the owner's own text, nothing to read, or a text that was looked at before."""
    if context.get("role") in OWNER_ROLES or not text.strip():
        return _PASS
    if context.get("detect") == "patterns":
        return _by_patterns(text, context) if len(text) <= RECENT_LENGTH_MAX else None
    judged = _recent.get((is_data(context), text))
    return None if judged is None else _verdict(text, judged, context)


@guard("prompt_injection", warm=_scores.warm, by=frozenset({"role"}), quick=quick)
def check(text: str, context: Context) -> Verdict:
    """Findings of the type INJECTION. `context["role"]` (or `origin`) tells where the text comes from: the owner's own messages
    (system, developer) are not looked at, data (tool, passage, email, …) may hold no instruction at all. `score` is graded, 0..1,
    for texts that pass, too; `context["block_at"]` is the score from which the guard blocks. `context["detect"]` "patterns" asks
    the patterns alone, which flag and do not block by themselves."""
    if context.get("detect") == "patterns" and context.get("role") not in OWNER_ROLES:
        return _by_patterns(text, context)
    known = quick(text, context)
    if known is not None:
        return known
    data = is_data(context)
    judged = _judge(text, data)
    if len(text) <= RECENT_LENGTH_MAX:
        while len(_recent) >= RECENT_MAX:
            try:
                del _recent[next(iter(_recent))]
            except (KeyError, StopIteration, RuntimeError):  # another thread forgot it, or changed the order meanwhile
                break
        _recent[data, text] = judged
    return _verdict(text, judged, context)


def _by_patterns(text: str, context: Context) -> Verdict:
    """What the patterns alone say: too weak a ground to turn a person away, unless the rule sets `block_at`."""
    given = context.get("block_at")
    text = with_spaces(text)
    plain = plain_text(text)
    findings = [
        Finding(start=each.start, end=each.end, type="INJECTION", score=each.score, reason=each.reason)
        for each in matches_of(text if plain is None else plain.text)
    ]
    if plain is not None:
        findings = _in_the_text(findings, plain)
    return verdict_of(findings, block_at=float(given) if isinstance(given, int | float) else NEVER)


def _in_the_text(findings: Sequence[Finding], plain: PlainText) -> list[Finding]:
    """Findings in a text's plain reading, at their places in the text itself."""
    return [
        msgspec.structs.replace(each, start=plain.starts[each.start], end=max(plain.ends[each.start : each.end]))
        for each in findings
    ]


def _verdict(text: str, judged: Judged, context: Context) -> Verdict:
    given = context.get("block_at")
    block_at = float(given) if isinstance(given, int | float) else BLOCK_SCORE
    score, complete = judged.score, judged.complete
    if score < min(FLAG_SCORE, block_at):
        return Verdict(verdict="pass", score=score, complete=complete)
    kind: VerdictKind = "block" if score >= block_at else "flag"
    findings = judged.findings or (Finding(start=0, end=len(text), type="INJECTION", score=score, reason=_REASONS["planted"]),)
    return Verdict(verdict=kind, score=score, findings=findings, complete=complete)


def _judge(text: str, data: bool) -> Judged:
    text = with_spaces(text)
    plain = plain_text(text)
    score, findings, complete = _judge_plain(text if plain is None else plain.text, data)
    if plain is not None:
        findings = _in_the_text(findings, plain)
    kept = sorted(findings, key=lambda each: (each.start, each.end))[:FINDINGS_MAX]
    return Judged(score=score, findings=tuple(kept), complete=complete and len(kept) == len(findings))


def _judge_plain(text: str, data: bool) -> tuple[float, list[Finding], bool]:
    """Score, findings, and whether all of it was read."""
    reading = _scores.read(text)
    matches = matches_of(text)
    heads: tuple[Head, ...] = ("direct", "planted", "order") if data else ("direct", "planted")
    weight = max((_weight(each) for each in matches), default=0.0)
    score, findings = 0.0, []
    for head in heads:
        logit = reading.logits[head]
        if logit == NOTHING[head]:
            continue
        line = getattr(_scores.calibration, head)
        score = max(score, line.score(logit + (weight if head == "direct" or data else 0.0)))
        findings += [_finding(part, _REASONS[head]) for part in reading.parts[head]]
    agreed = reading.logits["direct"] > AGREED_LOGIT or (data and reading.logits["planted"] > 0.0)
    score = max([score, *(each.score for each in matches if each.sure or agreed)])
    if score >= FLAG_SCORE:
        findings += [
            Finding(
                start=each.start,
                end=each.end,
                type="INJECTION",
                score=max(FLAG_SCORE, min(score, each.score)),
                reason=each.reason,
            )
            for each in matches
        ]
    return score, findings, reading.complete


def _weight(match: Match) -> float:
    """From 0.8 on, a pattern's own log odds, bounded."""
    return min(PATTERN_LOGIT_MAX, math.log(match.score / (1.0 - match.score)))


def _finding(part: Part, reason: str) -> Finding:
    return Finding(start=part.start, end=part.end, type="INJECTION", score=part.score, reason=reason)
