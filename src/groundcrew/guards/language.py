"""The language of what is said: one of those that a rule allows, or the one that the customer wrote in. What can not be told is
at most flagged."""

from __future__ import annotations

import re
from collections.abc import Iterable

from groundcrew.domain.guard import Finding, Verdict
from groundcrew.guards.language_profiles import TEXT_LENGTH_MAX, Told, tell_language, warm
from groundcrew.guards.registry import Context, guard, verdict_of
from groundcrew.guards.turns import is_judged

BLOCK_SCORE = 0.8
#: Scores of a text that is surely in another language, that may be, and that is in none that can be told.
SURE_SCORE, UNSURE_SCORE, UNTOLD_SCORE = 0.9, 0.5, 0.3
#: Letters and confidence that make it sure.
SURE_LETTERS_MIN, SURE_CONFIDENCE_MIN = 25, 0.7
#: Letters from which it is worth a remark that a text's language can not be told, and from which a paragraph is looked at alone.
REMARKABLE_LETTERS_MIN, PARAGRAPH_LETTERS_MIN = 120, 60
PARAGRAPHS_MAX = 64
_PARAGRAPH = re.compile(r"[^\n]+(?:\n(?!\s*\n)[^\n]*)*")


@guard("language", inline=True, warm=warm)
def check(text: str, context: Context) -> Verdict:
    """Findings of the type LANGUAGE: all of a text that is in a language that is not allowed; flagged, never blocked, where the
    text is short or mixed or its language can not be told, and for single paragraphs in another language.

    `context["allowed"]` lists codes such as de; `context["same_as_request"]` asks for the language of `context["request"]`, where
    that can be told.
    """
    if not is_judged(text, context):
        return verdict_of([], block_at=BLOCK_SCORE)
    wanted = _wanted(context)
    if wanted is None:
        return verdict_of([], block_at=BLOCK_SCORE)
    told = tell_language(text)
    findings: list[Finding] = []
    if told.language is None:
        if told.letters >= REMARKABLE_LETTERS_MIN:
            findings.append(_finding(0, len(text), UNTOLD_SCORE, "in a language that can not be told"))
    elif told.language not in wanted:
        findings.append(_finding(0, len(text), SURE_SCORE if is_sure(told) else UNSURE_SCORE, _reason(told, wanted)))
    else:
        findings += _foreign_paragraphs(text, wanted)
    found = verdict_of(findings, block_at=BLOCK_SCORE)
    whole = len(text) <= TEXT_LENGTH_MAX
    return found if whole else Verdict(verdict=found.verdict, score=found.score, findings=found.findings, complete=False)


def _wanted(context: Context) -> frozenset[str] | None:
    """The languages that a text may be in; None where any will do."""
    allowed = context.get("allowed")
    if context.get("same_as_request"):
        asked = tell_language(str(context.get("request") or ""))
        if asked.language is not None and is_sure(asked):
            return frozenset({asked.language})
    return frozenset(allowed) if allowed else None


def _foreign_paragraphs(text: str, wanted: frozenset[str]) -> Iterable[Finding]:
    if "\n" not in text:
        return
    for count, match in enumerate(_PARAGRAPH.finditer(text)):
        if count >= PARAGRAPHS_MAX:
            return
        if match.end() - match.start() < PARAGRAPH_LETTERS_MIN:
            continue
        told = tell_language(match.group())
        if told.language is not None and told.language not in wanted and is_sure(told):
            yield _finding(match.start(), match.end(), UNSURE_SCORE, f"a paragraph {_reason(told, wanted)}")


def is_sure(told: Told) -> bool:
    """Whether there are letters enough, and no near second, so that a text is surely in the language that was told."""
    return told.language is not None and told.letters >= SURE_LETTERS_MIN and told.confidence >= SURE_CONFIDENCE_MIN


def _reason(told: Told, wanted: frozenset[str]) -> str:
    return f"in {told.language}; expected {' or '.join(sorted(wanted))}"


def _finding(start: int, end: int, score: float, reason: str) -> Finding:
    return Finding(start=start, end=end, type="LANGUAGE", score=score, reason=reason)
