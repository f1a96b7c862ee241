"""Attempts to give a model other orders than its owner's, by patterns that are chosen for precision. It flags; a policy that
wants to act on it sets `block_at`."""

from __future__ import annotations

import re

from groundcrew.domain.guard import Finding, Verdict
from groundcrew.guards.registry import Context, guard, verdict_of

#: Nothing blocks by itself: patterns alone are too weak a ground to refuse a person.
BLOCK_SCORE = 1.01
#: How much of a very long text is looked at, from both ends.
SCANNED_LENGTH_MAX = 100_000

#: Score, reason, plain words of which a text must hold one for the pattern to be tried at all, and the pattern.
_PATTERNS: tuple[tuple[float, str, tuple[str, ...], re.Pattern[str]], ...] = (
    (
        0.95,
        "asks to drop the earlier instructions",
        ("ignore", "disregard", "forget", "override", "bypass", "discard"),
        re.compile(
            r"(?i)\b(?:ignore|disregard|forget|override|bypass|discard)\b[^.\n]{0,30}?\b(?:all|any|the|your|my|these|those|previous|prior|"
            r"above|earlier|preceding)\b[^.\n]{0,30}?\b(?:instructions?|prompts?|rules?|guidelines?|directives?|programming|training)\b"
        ),
    ),
    (
        0.9,
        "asks for the hidden instructions",
        ("prompt", "instruction", "message"),
        re.compile(
            r"(?i)\b(?:reveal|print|show|repeat|output|display|leak|tell me)\b[^.\n]{0,40}?"
            r"\b(?:system|hidden|initial|secret|original|developer)\s(?:prompt|instructions?|message)\b"
        ),
    ),
    (
        0.9,
        "sets up an unrestricted persona",
        ("dan", "jailbroken", "unfiltered", "uncensored", "unrestricted", "amoral", "without"),
        re.compile(
            r"(?i)\b(?:you are|act as|pretend to be|become|simulate|role-?play as)\b[^.\n]{0,60}?"
            r"\b(?:dan|jailbroken|unfiltered|uncensored|unrestricted|amoral"
            r"|without (?:any )?(?:restrictions|rules|limits|filters|ethic))"
        ),
    ),
    (
        0.85,
        "claims a special mode",
        (" mode",),
        re.compile(
            r"(?i)\b(?:developer|god|debug|maintenance|jailbreak|sudo|dan) mode\b[^.\n]{0,30}?\b(?:enabled?|on|activated?|now)\b"
        ),
    ),
    (
        0.9,
        "forges the chat's own markup",
        ("<|", "[inst", "[/inst", "[sys", "[/sys", "<<", "##"),
        re.compile(
            r"(?i)<\|(?:im_start|im_end|system|endoftext)\|>|\[/?(?:INST|SYS)\]|<</?SYS>>"
            r"|^\s{0,3}#{2,4}\s?(?:system|new instructions?)\b",
            re.M,
        ),
    ),
    (
        0.85,
        "demands rules to be dropped",
        ("ignore", "disregard", "break", "bypass", "anything"),
        re.compile(
            r"(?i)\byou (?:must|will|can|should|are (?:free|allowed|able) to)\s(?:now\s)?"
            r"(?:ignore|disregard|break|bypass|say anything|do anything)\b"
        ),
    ),
    (
        0.8,
        "announces new orders",
        ("instruction", "orders", "directive"),
        re.compile(r"(?i)\b(?:new|updated|real|actual)\s(?:system\s)?(?:instructions?|orders|directives?)\s{0,2}:"),
    ),
)


@guard("prompt_injection", inline=True, by=frozenset({"role"}))
def check(text: str, context: Context) -> Verdict:
    """Findings of the type INJECTION. The owner's own system messages (`context["role"]`) are not looked at."""
    if context.get("role") in ("system", "developer"):
        return Verdict(verdict="pass")
    offset = 0
    pieces = [(0, text)]
    if len(text) > SCANNED_LENGTH_MAX:
        half = SCANNED_LENGTH_MAX // 2
        offset = len(text) - half
        pieces = [(0, text[:half]), (offset, text[offset:])]
    lowered = text.lower()
    wanted = [each for each in _PATTERNS if any(hint in lowered for hint in each[2])]
    findings = [
        Finding(start=start + match.start(), end=start + match.end(), type="INJECTION", score=score, reason=reason)
        for start, piece in pieces
        for score, reason, _, pattern in wanted
        for match in pattern.finditer(piece)
    ]
    return verdict_of(findings, block_at=BLOCK_SCORE)
