"""Decides what asserts nothing: each kind must match a closed pattern as a whole, and nothing in it may carry a figure, a
promise, a verb in a name's place or a clause of its own. Whatever fails any of this is a claim."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Literal

from groundcrew.grounding import claim_patterns as patterns
from groundcrew.grounding.references import without_references

SegmentKind = Literal[
    "claim",
    "greeting",
    "closing",
    "signature",
    "courtesy",
    "question",
    "refusal",
    "contact",
    "hedge",
    "instruction",
    "heading",
    "header",
]

#: Longest heading or lead-in ("The fees are:") that is set apart, in words.
HEADING_WORDS_MAX = 12
SIGNATURE_WORDS_MAX = 7
#: Longest question that is set apart, in words.
QUESTION_WORDS_MAX = 30
#: Longest text that is looked at as anything but a claim, in characters.
CHARS_MAX = 400

_TRAILING = " \t\n.!,;:–-*_\"'”’»)"
_LEADING = " \t*_\"'“‘«(–-"
_TAG = re.compile(r"(?i)</?(?:b|i|u|em|strong|span|small|p|div|br|td|th|tr|li|ul|ol|table|h[1-6]|code|pre)\s*/?>")


def set_apart(text: str) -> SegmentKind:
    """The kind of `text` where it asserts nothing whatever stands around it; else "claim"."""
    if len(text) > CHARS_MAX:
        return "claim"
    bare = _TAG.sub(" ", without_references(text)).strip()
    core = bare.strip(_TRAILING).strip(_LEADING)
    if not any(char.isalnum() for char in core):
        return "courtesy"
    if patterns.MAIL_HEADER.fullmatch(bare):
        return "header"
    firm = patterns.PROMISE.search(core) is not None
    if not firm and not patterns.HAS_FIGURE.search(bare) and not asserts_by_name(bare):
        if patterns.CLOSING.fullmatch(bare):
            return "closing"
        if patterns.GREETING.fullmatch(bare):
            return "greeting"
    if is_refusal(core):
        return "claim" if firm else "refusal"
    if firm or patterns.HAS_FIGURE.search(core) or patterns.HAS_ADDRESS.search(core):
        return "claim"
    if bare.rstrip("\"'”’»)*_ ").endswith(("?", "؟")):
        return "question" if is_question(core) else "claim"
    return _phrase(core)


def _phrase(core: str) -> SegmentKind:
    if len(core.split()) > patterns.COURTESY_WORDS_MAX:
        return "claim"
    kinds: tuple[tuple[SegmentKind, list[re.Pattern[str]]], ...] = (
        ("courtesy", patterns.COURTESY),
        ("contact", patterns.CONTACT),
        ("hedge", patterns.HEDGE),
        ("instruction", patterns.INSTRUCTION),
    )
    flat = core.replace("’", "'")
    for kind, known in kinds:
        for pattern in known:
            match = pattern.fullmatch(flat)
            if match:
                return kind if not _slot_asserts(match.groupdict().get("about") or "") else "claim"
    return "claim"


def is_refusal(core: str) -> bool:
    """Whether the whole of `core` declines to answer; "no answer, but …" goes on and is a claim."""
    flat = core.replace("’", "'")
    lead = patterns.REGRET.sub("", flat)
    if patterns.ADVERSATIVE.search(lead) or ":" in flat:
        return False
    return any(pattern.fullmatch(flat) for pattern in patterns.REFUSAL) and not _slot_asserts(
        patterns.REFUSED.sub("", lead, count=1)
    )


def _slot_asserts(slot: str) -> bool:
    """Whether free words inside a pattern ("… about the fee") say something of their own: a clause, a reason, another
    sentence."""
    asked = patterns.INDIRECT_QUESTION.search(slot)
    head = slot[: asked.start()] if asked else slot
    return bool(patterns.REASON.search(slot) or patterns.FINITE_VERB.search(head) or patterns.RELATIVE.search(slot))


def is_question(core: str) -> bool:
    """Whether a sentence with a question mark only asks: it opens as a question does and presupposes nothing."""
    if len(core.split()) > QUESTION_WORDS_MAX or "." in core or "!" in core or "?" in core[:-1]:
        return False
    if patterns.RHETORICAL.search(core) or patterns.REASON.search(core) or patterns.PRESUPPOSES.search(core):
        return False
    return patterns.QUESTION_OPENS.match(core) is not None


def is_heading(text: str, *, marked: bool) -> bool:
    """A heading or a lead-in that ends with a colon; short, without figure, verb, promise or sweeping word."""
    if len(text) > CHARS_MAX:
        return False
    bare = _TAG.sub(" ", without_references(text)).strip()
    words = bare.split()
    if len(words) > HEADING_WORDS_MAX or patterns.HAS_FIGURE.search(bare) or patterns.PROMISE.search(bare):
        return False
    if patterns.HAS_ADDRESS.search(bare) or _has_verb(bare) or asserts_by_name(bare):
        return False
    bold = bare.startswith("**") and bare.rstrip(": ").endswith("**") and len(bare) > 4
    return marked or bold or bare.rstrip("*_ ").endswith(":")


def _has_verb(bare: str) -> bool:
    return patterns.FINITE_VERB.search(bare) is not None and not patterns.POINTING.fullmatch(
        bare.strip(_TRAILING).strip(_LEADING)
    )


def is_header_row(row: str) -> bool:
    """The first row of a table: short cells without figure, verb or promise."""
    if len(row) > CHARS_MAX:
        return False
    cells = [cell.strip() for cell in re.split(r"[|\t]", _TAG.sub("|", row)) if cell.strip()]
    if (
        patterns.PROMISE.search(row)
        or patterns.HAS_FIGURE.search(row)
        or patterns.FINITE_VERB.search(row)
        or patterns.HAS_ADDRESS.search(row)
    ):
        return False
    return bool(cells) and all(len(cell.split()) <= 3 and not asserts_by_name(cell) for cell in cells)


def is_signature(text: str) -> bool:
    """Capitalised names and offices only ("Maria Keller", "Customer Service"), as follow a sign-off."""
    if len(text) > CHARS_MAX:
        return False
    words = text.split()
    if len(words) > SIGNATURE_WORDS_MAX or patterns.PROMISE.search(text) or patterns.HAS_FIGURE.search(text):
        return False
    if asserts_by_name(text) or patterns.FINITE_VERB.search(text) or text.rstrip().endswith(("!", "?")):
        return False
    return all(patterns.SIGNATURE_WORD.fullmatch(word.strip(".,;*_")) for word in words)


def asserts_by_name(text: str) -> bool:
    """Whether words in the place of a name or title assert something: "Fees Abolished", "All Cards Free", "Loan Is Granted"."""
    if patterns.SWEEPING.search(text):
        return True
    words = text.strip(_TRAILING).split()
    for word, after in pairwise([*words, ""]):
        if patterns.PARTICIPLE.fullmatch(word.strip("*_.,;:!|")) and (
            not after or not after[0].isalpha() or patterns.AFTER_PARTICIPLE.fullmatch(after)
        ):
            return True
    return False
