"""Cuts an answer into segments and tells claims from what asserts nothing (greeting, question, refusal …). When in doubt
a segment is a claim: what is set apart is never checked, so setting apart must be the exception."""

from __future__ import annotations

import re

import msgspec

from groundcrew.grounding import claim_patterns as patterns
from groundcrew.grounding.clauses import split_clauses
from groundcrew.grounding.not_claims import HEADING_WORDS_MAX, SegmentKind, is_header_row, is_heading, is_signature, set_apart
from groundcrew.grounding.plain import has_invisible, plain
from groundcrew.grounding.sentences import Sentence, split_sentences
from groundcrew.grounding.structured_json import json_regions
from groundcrew.grounding.structured_rows import Row, row_text, with_unit

#: Words on each side that a part after a semicolon needs to stand as a claim of its own.
CLAUSE_WORDS_MIN = 3
#: Lines after a sign-off that may belong to the signature.
SIGNATURE_LINES_MAX = 4
#: Claims of one answer that are scored one by one; what comes after is taken together as one unsupported claim.
CLAIMS_MAX = 400
#: Longest segment, in characters; a run-on sentence is cut at white space, away from figures.
SEGMENT_CHARS_MAX = 600

_SEMICOLON = re.compile(r";\s+")
_CELL_MARK = re.compile(r"[|\t]")
_GAP = re.compile(r"(?<=[^\W\d_]{2})[,;]?\s+(?=[^\W\d_]{2})")

__all__ = ["CLAIMS_MAX", "HEADING_WORDS_MAX", "Segment", "SegmentKind", "claims", "is_refusal", "segments"]


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of an answer, `answer[start:end]`. `lead` is the heading or table header that it stands under; `reading` what it
    says on its own: with its subject carried over, as a row sentence, and with figures in plain digits."""

    start: int
    end: int
    kind: SegmentKind
    text: str
    lead: str = ""
    reading: str = ""
    #: The sentence that a clause was cut from, as (start, end); of any other segment the segment itself.
    sentence: tuple[int, int] = (0, 0)
    #: Whether it is a list item or table row, which says nothing without what it stands under.
    listed: bool = False


class _Part(msgspec.Struct, frozen=True):
    """One part of a sentence, before its kind is known."""

    start: int
    end: int
    reading: str
    sentence: tuple[int, int] | None = None


def segments(answer: str, *, clauses: bool = True) -> list[Segment]:
    """All segments of `answer` in order, each with its kind; offsets count code points. Without `clauses`, sentences stay
    whole."""
    found: list[Segment] = []
    position = 0
    for start, end, rows in [*json_regions(answer), (len(answer), len(answer), [])]:
        found.extend(_prose(answer, position, start, clauses=clauses))
        found.extend(_records(answer, start, end, rows))
        position = end
    if all(segment.kind != "claim" for segment in found):
        return [_as_claim(segment) if patterns.BARE_VERDICT.fullmatch(segment.text) else segment for segment in found]
    return found


def claims(answer: str) -> list[Segment]:
    """The segments of `answer` that assert something."""
    return [segment for segment in segments(answer) if segment.kind == "claim"]


def is_refusal(answer: str) -> bool:
    """Whether the answer as a whole declines to answer: it holds a refusal and asserts nothing."""
    found = segments(answer)
    return any(segment.kind == "refusal" for segment in found) and all(segment.kind != "claim" for segment in found)


def _records(answer: str, start: int, end: int, rows: list[Row]) -> list[Segment]:
    """JSON in an answer: every row is a claim, cut so that together they cover all of it."""
    found: list[Segment] = []
    for number, row in enumerate(rows):
        first = found[-1].end if found else start
        last = row.end if number + 1 < len(rows) else end
        first, last = _trim(answer, first, max(first, last))
        if first < last:
            text = answer[first:last]
            found.append(Segment(start=first, end=last, kind="claim", text=text, reading=plain(row.text), sentence=(first, last)))
    return found


def _trim(answer: str, start: int, end: int) -> tuple[int, int]:
    while start < end and answer[start].isspace():
        start += 1
    while end > start and answer[end - 1].isspace():
        end -= 1
    return start, end


def _prose(answer: str, begin: int, end: int, *, clauses: bool) -> list[Segment]:
    """The segments of running text, lists and tables in `answer[begin:end]`."""
    piece = answer[begin:end]
    found: list[Segment] = []
    lead, signature_left = "", 0
    sentences = split_sentences(piece)
    for position, sentence in enumerate(sentences):
        following = sentences[position + 1] if position + 1 < len(sentences) else None
        for part in _parts(piece, sentence, clauses=clauses):
            text = piece[part.start : part.end]
            kind = _kind(text, sentence, following)
            if kind == "claim" and signature_left > 0 and is_signature(text):
                kind = "signature"
            signature_left = SIGNATURE_LINES_MAX if kind == "closing" else signature_left - 1
            first, last = part.sentence or (part.start, part.end)
            found.append(
                Segment(
                    start=begin + part.start,
                    end=begin + part.end,
                    kind=kind,
                    text=text,
                    lead=lead,
                    reading=plain(
                        _row_reading(part.reading, lead) if sentence.kind == "row" and kind == "claim" else part.reading
                    ),
                    listed=sentence.kind in ("item", "row"),
                    sentence=(begin + first, begin + last),
                )
            )
            if kind == "heading" or (sentence.kind == "sentence" and kind == "claim" and text.rstrip().endswith(":")):
                lead = text
            elif sentence.kind == "sentence" and following is not None and following.block != sentence.block:
                lead = "" if not text.rstrip().endswith(":") else lead
    return found


def _row_reading(row: str, header: str) -> str:
    """A table row under its header as a sentence: "Annual fee of Gold: CHF 120"."""
    names, cells = (_CELL_MARK.split(text.strip().strip("|")) for text in (header, row))
    if len(cells) < 2 or len(names) != len(cells):
        return row
    subject = cells[0].strip()
    pairs = [with_unit(name.strip(), cell.strip()) for name, cell in zip(names[1:], cells[1:], strict=True)]
    return "; ".join(filter(None, (row_text(name, subject, cell) for name, cell in pairs))) or row


def _as_claim(segment: Segment) -> Segment:
    """A bare "Yes." is a claim where it is the whole answer, and an opening where more follows."""
    return msgspec.structs.replace(segment, kind="claim")


def _parts(piece: str, sentence: Sentence, *, clauses: bool) -> list[_Part]:
    """A sentence, cut at semicolons that join full statements, at independent clauses, and where it runs on without end."""
    if sentence.kind not in ("sentence", "item"):
        spans = _bounded(piece, sentence.start, sentence.end)
        return [_Part(start, end, piece[start:end]) for start, end in spans]
    parts: list[_Part] = []
    for start, end in _statements(piece, sentence):
        found = split_clauses(piece[start:end]) if clauses else []
        if len(found) < 2:
            parts.extend(_Part(first, last, piece[first:last]) for first, last in _bounded(piece, start, end))
            continue
        for clause in found:
            spans = _bounded(piece, start + clause.start, start + clause.end)
            readings = [clause.reading] if len(spans) == 1 else [piece[first:last] for first, last in spans]
            whole = (start, end)
            parts.extend(_Part(first, last, reading, whole) for (first, last), reading in zip(spans, readings, strict=True))
    return parts


def _statements(piece: str, sentence: Sentence) -> list[tuple[int, int]]:
    cuts = [sentence.start]
    for match in _SEMICOLON.finditer(piece, sentence.start, sentence.end):
        if _has_words(piece[cuts[-1] : match.start()]) and _has_words(piece[match.end() : sentence.end]):
            cuts.append(match.end())
    ends = [_trim(piece, sentence.start, start)[1] for start in cuts[1:]] + [sentence.end]
    return list(zip(cuts, ends, strict=True))


def _has_words(text: str) -> bool:
    return len(text.split(None, CLAUSE_WORDS_MIN)) >= CLAUSE_WORDS_MIN


def _bounded(piece: str, start: int, end: int) -> list[tuple[int, int]]:
    """The span, or its cuts where it is longer than a segment may be."""
    spans: list[tuple[int, int]] = []
    while end - start > SEGMENT_CHARS_MAX:
        limit = start + SEGMENT_CHARS_MAX
        gaps = list(_GAP.finditer(piece, start + SEGMENT_CHARS_MAX // 2, limit))
        space = piece.rfind(" ", start + 1, limit)
        cut = gaps[-1].end() if gaps else space + 1 if space > start else limit
        spans.append(_trim(piece, start, cut))
        start = cut
    spans.append(_trim(piece, start, end))
    return [span for span in spans if span[0] < span[1]]


def _kind(text: str, sentence: Sentence, following: Sentence | None) -> SegmentKind:
    """The kind of one segment; anything that no pattern matches as a whole is a claim. Invisible characters are read both as
    nothing and as a gap: what either reading asserts is a claim."""
    kind = _read_kind(plain(text), sentence, following)
    if kind != "claim" and has_invisible(text) and _read_kind(plain(text, joiner=" "), sentence, following) == "claim":
        return "claim"
    return kind


def _read_kind(text: str, sentence: Sentence, following: Sentence | None) -> SegmentKind:
    kind = set_apart(text)
    if kind != "claim":
        return kind
    if is_heading(text, marked=sentence.kind == "heading"):
        return "heading"
    under_it = sentence.kind == "row" and following is not None and following.kind == "row"
    return "heading" if under_it and is_header_row(text) else "claim"
