"""Cuts an answer into segments and tells claims from what asserts nothing (greeting, question, refusal …). When in doubt
a segment is a claim: what is set apart is never checked, so setting apart must be the exception."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from groundcrew.grounding import claim_patterns as patterns
from groundcrew.grounding.references import without_references
from groundcrew.grounding.sentences import Sentence, split_sentences

SegmentKind = Literal["claim", "greeting", "closing", "courtesy", "question", "refusal", "contact", "heading"]

#: Words on each side that a part after a semicolon needs to stand as a claim of its own.
CLAUSE_WORDS_MIN = 3
#: Longest heading or lead-in ("The fees are:") that is set apart, in words.
HEADING_WORDS_MAX = 12
#: Lines after a sign-off that may belong to the signature.
SIGNATURE_LINES_MAX = 4
SIGNATURE_WORDS_MAX = 7
#: Claims of one answer that are scored one by one; what comes after is taken together as one unsupported claim.
CLAIMS_MAX = 400

_TRAILING = " \t\n.!,;:–-*_\"'”’»)"
_LEADING = " \t*_\"'“‘«(–-"
_SEMICOLON = re.compile(r";\s+")


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of an answer, `answer[start:end]`. `lead` is the heading or table header that it stands under."""

    start: int
    end: int
    kind: SegmentKind
    text: str
    lead: str = ""


def segments(answer: str) -> list[Segment]:
    """All segments of `answer` in order, each with its kind; offsets count code points."""
    found: list[Segment] = []
    lead, signature_left = "", 0
    sentences = split_sentences(answer)
    for position, sentence in enumerate(sentences):
        following = sentences[position + 1] if position + 1 < len(sentences) else None
        for start, end in _parts(answer, sentence):
            text = answer[start:end]
            kind = _kind(text, sentence, following)
            if kind == "claim" and signature_left > 0 and _is_signature(text):
                kind = "closing"
            signature_left = SIGNATURE_LINES_MAX if kind == "closing" and _is_sign_off(text) else signature_left - 1
            found.append(Segment(start=start, end=end, kind=kind, text=text, lead=lead))
            if kind == "heading" or (sentence.kind == "sentence" and kind == "claim" and text.rstrip().endswith(":")):
                lead = text
            elif sentence.kind == "sentence" and following is not None and following.block != sentence.block:
                lead = "" if not text.rstrip().endswith(":") else lead
    if all(segment.kind != "claim" for segment in found):
        return [_as_claim(segment) if patterns.BARE_VERDICT.fullmatch(segment.text) else segment for segment in found]
    return found


def _as_claim(segment: Segment) -> Segment:
    """A bare "Yes." is a claim where it is the whole answer, and an opening where more follows."""
    return Segment(start=segment.start, end=segment.end, kind="claim", text=segment.text, lead=segment.lead)


def claims(answer: str) -> list[Segment]:
    """The segments of `answer` that assert something."""
    return [segment for segment in segments(answer) if segment.kind == "claim"]


def is_refusal(answer: str) -> bool:
    """Whether the answer as a whole declines to answer: it holds a refusal and asserts nothing."""
    found = segments(answer)
    return any(segment.kind == "refusal" for segment in found) and all(segment.kind != "claim" for segment in found)


def _parts(answer: str, sentence: Sentence) -> list[tuple[int, int]]:
    """A sentence, cut at semicolons that join two full statements."""
    cuts = [sentence.start]
    if sentence.kind in ("sentence", "item"):
        for match in _SEMICOLON.finditer(answer, sentence.start, sentence.end):
            left, right = answer[cuts[-1] : match.start()], answer[match.end() : sentence.end]
            if len(left.split()) >= CLAUSE_WORDS_MIN and len(right.split()) >= CLAUSE_WORDS_MIN:
                cuts.append(match.end())
    ends = [_rstrip_end(answer, start) for start in cuts[1:]] + [sentence.end]
    return list(zip(cuts, ends, strict=True))


def _rstrip_end(answer: str, end: int) -> int:
    while end > 0 and answer[end - 1].isspace():
        end -= 1
    return end


def _kind(text: str, sentence: Sentence, following: Sentence | None) -> SegmentKind:
    """The kind of one segment; anything that no pattern matches as a whole is a claim."""
    bare = without_references(text).strip()
    core = bare.strip(_TRAILING).strip(_LEADING)
    if not any(char.isalnum() for char in core):
        return "courtesy"
    words = core.split()
    if patterns.GREETING.fullmatch(bare) and not patterns.PROMISE.search(bare) and not patterns.HAS_FIGURE.search(bare):
        return "greeting"
    if patterns.CLOSING.fullmatch(bare) and not patterns.PROMISE.search(bare) and not patterns.HAS_FIGURE.search(bare):
        return "closing"
    if patterns.PROMISE.search(core) or patterns.HAS_FIGURE.search(core) or patterns.HAS_ADDRESS.search(core):
        return "refusal" if _is_refusal(core) and not patterns.PROMISE.search(core) else "claim"
    if _is_refusal(core):
        return "refusal"
    if bare.rstrip("\"'”’»)*_").endswith("?"):
        return "claim" if patterns.RHETORICAL.search(core) or "." in core else "question"
    if len(words) <= patterns.COURTESY_WORDS_MAX:
        if any(pattern.fullmatch(core) for pattern in patterns.COURTESY):
            return "courtesy"
        if any(pattern.fullmatch(core) for pattern in patterns.CONTACT):
            return "contact"
    if _is_heading(bare, words, sentence, following):
        return "heading"
    return "claim"


def _is_refusal(core: str) -> bool:
    """Whether the whole of `core` declines to answer; "no answer, but …" goes on and is a claim."""
    flat = core.replace("’", "'")
    lead = re.sub(r"(?i)^(?:(?:i am|i'm|we are|we're) (?:sorry|afraid),? (?:but|that) |sorry,? but )", "", flat)
    if patterns.ADVERSATIVE.search(lead) or ":" in flat:
        return False
    return any(pattern.fullmatch(flat) for pattern in patterns.REFUSAL)


def _is_heading(bare: str, words: list[str], sentence: Sentence, following: Sentence | None) -> bool:
    """A heading, a lead-in that ends with a colon, or the header row of a table; short and without a figure."""
    if len(words) > HEADING_WORDS_MAX:
        return False
    if patterns.FINITE_VERB.search(bare) and not patterns.POINTING_WORD.search(bare):
        return False
    if bare.rstrip("*_ ").endswith(":") or (bare.startswith("**") and bare.endswith("**")):
        return True
    if sentence.kind == "heading":
        return True
    return sentence.kind == "row" and following is not None and following.kind == "row" and _is_header_row(bare)


def _is_header_row(row: str) -> bool:
    cells = [cell.strip() for cell in re.split(r"[|\t]", row) if cell.strip()]
    return bool(cells) and all(len(cell.split()) <= 3 for cell in cells)


def _is_sign_off(text: str) -> bool:
    return patterns.CLOSING.fullmatch(text.strip()) is not None


def _is_signature(text: str) -> bool:
    """Capitalised names and offices only ("Maria Keller", "Customer Service"), as follow a sign-off."""
    words = text.split()
    if len(words) > SIGNATURE_WORDS_MAX or patterns.PROMISE.search(text) or patterns.HAS_FIGURE.search(text):
        return False
    return not text.rstrip().endswith(("!", "?")) and all(patterns.SIGNATURE_WORD.fullmatch(word.strip(".,;")) for word in words)
