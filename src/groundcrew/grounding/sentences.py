"""Splits text into sentences, list items and table rows with exact code-point offsets, in English, German, French and
Italian. Everything that quotes or marks text (claims, evidence, extractive answers) rests on these offsets."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from groundcrew.grounding.wordlists import word_set

SentenceKind = Literal["sentence", "item", "row", "heading"]

#: A line at least this long that ends without punctuation is taken to be wrapped, not finished.
WRAPPED_LINE_CHARS_MIN = 60

#: Never end a sentence, whatever follows.
_ABBREVIATIONS = word_set(
    """dr mr mrs ms prof st e.g i.e eg ie approx vs cf resp dept est fig al jr sr gen rev hon z.b zb d.h dh
    u.a ua bzw ca inkl exkl evtl ggf sog vgl mio mrd tel hr fr frl dipl ing str v.a i.d.r idr o.ä s.o
    s.u u.u z.t p.ex ex env m mm mme mlle dott sig sig.ra sigg ecc.. pag tel incl excl min max mind max.
    u.s u.k a.k.a jan feb mär apr jun jul aug sep sept okt oct nov dez dec janv févr juil genn febbr
    sett ott re li bds tägl tgl pat beh dott.ssa"""
)
#: End a sentence only where the next word starts with a capital letter.
_ABBREVIATIONS_THAT_MAY_END = word_set("a.m p.m am pm etc usw inc ltd corp co ecc gmbh ag")
#: Abbreviations only before a digit ("No. 5"), else ordinary words.
_ABBREVIATIONS_BEFORE_DIGIT = word_set(
    """no nr nos art abs s p pp para sec ziff lit kap chf sfr cap vol bd rs pos ref min max st tel mind ext
    approx ca n"""
)
_MONTH_START = re.compile(
    r"(?i)(?:jan|feb|mär|maer|mar|apr|mai|may|jun|jul|aug|sep|okt|oct|nov|dez|dec|janv|févr|avr|juin|juil|août|déc|"
    r"gen|mag|giu|lug|ago|set|ott|dic|quartal|halbjahr|tag|woche|monat|jahr|stock|klasse|etage)"
)
_GERMAN_ORDINAL_LEAD = re.compile(r"(?i)\b(?:am|zum|der|den|dem|des|vom|die|das|ab|bis|im|beim|jeder|jedem|jeden)\s+\d{1,2}$")
_BOUNDARY = re.compile(r"[.!?…。]+[\"'”’»)\]*_]*(?=\s)")
_WORD_BEFORE = re.compile(r"[\w.'’-]+$")
_BULLET = re.compile(
    r"[ \t]*(?:[-*•‣◦▪–—·]|\(?\d{1,2}\)|\d{1,2}\.(?![ \t]*(?i:jan|feb|mär|mar|apr|mai|jun|jul|aug|sep|okt|nov|dez)[a-z]*\b)|"
    r"\(?[a-zA-Z]\)|[a-z]\.|\(?(?:i{1,3}|iv|v)[.)])[ \t]+"
)
_HEADING = re.compile(r"[ \t]*#{1,6}[ \t]+")
_QUOTE_MARK = re.compile(r"[ \t]*>+[ \t]*")
_RULE = re.compile(r"[ \t]*(?:[-*_=][ \t]*){3,}$")
_TABLE_RULE = re.compile(r"[ \t|:+-]*-{2,}[ \t|:+-]*$")
_KEY_LINE = re.compile(r"[ \t]*[\w][\w ()/&'’-]{0,40}:(?:\s|$)")


class Sentence(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence, list item, table row or heading: `text[start:end]`, without marker and outer white space."""

    start: int
    end: int
    kind: SentenceKind = "sentence"
    #: Number of the block (paragraph, list item, row) that it belongs to, from 0.
    block: int = 0


class _Block(msgspec.Struct, frozen=True, kw_only=True):
    """A run of lines that belong together, before it is cut into sentences."""

    start: int
    end: int
    kind: SentenceKind


def split_sentences(text: str) -> list[Sentence]:
    """Sentences of `text` in order; they never overlap and cover every character that is not white space or markup."""
    sentences: list[Sentence] = []
    for number, block in enumerate(_blocks(text)):
        if block.kind in ("row", "heading"):
            sentences.append(Sentence(start=block.start, end=block.end, kind=block.kind, block=number))
            continue
        for start, end in _cut(text, block.start, block.end):
            sentences.append(Sentence(start=start, end=end, kind=block.kind, block=number))
    return sentences


def _blocks(text: str) -> list[_Block]:
    """Joins wrapped lines and sets list items, table rows and headings apart."""
    blocks: list[_Block] = []
    current: tuple[int, int, SentenceKind] | None = None
    offset = 0
    for line in text.splitlines(keepends=True):
        start, end = offset, offset + len(line)
        offset = end
        body_start, body_end, kind = _line_body(text, start, end)
        if kind is None:
            _close(blocks, current)
            current = None
            continue
        if current is not None and kind == "sentence" and _continues(text, current, body_start, body_end):
            current = (current[0], body_end, current[2])
            continue
        _close(blocks, current)
        current = None
        if kind in ("row", "heading"):
            blocks.append(_Block(start=body_start, end=body_end, kind=kind))
        else:
            current = (body_start, body_end, kind)
    _close(blocks, current)
    return blocks


def _close(blocks: list[_Block], current: tuple[int, int, SentenceKind] | None) -> None:
    if current is not None:
        blocks.append(_Block(start=current[0], end=current[1], kind=current[2]))


def _line_body(text: str, start: int, end: int) -> tuple[int, int, SentenceKind | None]:
    """The line without marker and outer white space, and its kind; None for an empty line or a rule."""
    line = text[start:end]
    if not line.strip() or _RULE.match(line.rstrip()) or ("|" in line and _TABLE_RULE.match(line.rstrip())):
        return start, start, None
    quote = _QUOTE_MARK.match(line)
    if quote:
        start += quote.end()
        line = text[start:end]
    kind: SentenceKind = "sentence"
    heading, bullet = _HEADING.match(line), _BULLET.match(line)
    if heading:
        start, kind = start + heading.end(), "heading"
    elif line.lstrip().startswith("|") or line.count("|") >= 2 or line.strip().count("\t") >= 1:
        kind = "row"
    elif bullet and line[bullet.end() :].strip():
        start, kind = start + bullet.end(), "item"
    body = text[start:end]
    lead = len(body) - len(body.lstrip())
    stripped = body.strip()
    if not stripped:
        return start, start, None
    return start + lead, start + lead + len(stripped), kind


def _continues(text: str, current: tuple[int, int, SentenceKind], start: int, end: int) -> bool:
    """Whether the line `text[start:end]` goes on with the sentence that the current block left unfinished."""
    before = text[current[0] : current[1]]
    last_line = before.rsplit("\n", 1)[-1]
    if before[-1] in ":;" or _KEY_LINE.match(text[start:end]):
        return False
    if text[start].islower() and before[-1] not in ".!?…":
        return True
    if before[-1] in ".!?…":
        return len(last_line) >= WRAPPED_LINE_CHARS_MIN
    return len(last_line) >= WRAPPED_LINE_CHARS_MIN


def _cut(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Cuts one block at its sentence boundaries."""
    spans: list[tuple[int, int]] = []
    begin = start
    for match in _BOUNDARY.finditer(text, start, end):
        if match.end() < end and not _ends_sentence(text, match, begin, end):
            continue
        spans.append((begin, match.end()))
        begin = match.end()
    spans.append((begin, end))
    cut: list[tuple[int, int]] = []
    for first, last in spans:
        piece = text[first:last]
        lead = len(piece) - len(piece.lstrip())
        size = len(piece.strip())
        if size:
            cut.append((first + lead, first + lead + size))
    return cut


def _ends_sentence(text: str, match: re.Match[str], begin: int, end: int) -> bool:
    """Whether the punctuation that `match` found ends a sentence."""
    after = text[match.end() : end].lstrip()
    mark = match.group()
    if not after:
        return True
    if mark[0] != "." or mark.startswith(".."):
        return not (after[0].islower() and mark[0] in "…." and not after[:1].isdigit())
    before = _WORD_BEFORE.search(text[begin : match.start()])
    word = before.group().lower() if before else ""
    if not word:
        return True
    if word in _ABBREVIATIONS_BEFORE_DIGIT and after[0].isdigit():
        return False
    if word in _ABBREVIATIONS_THAT_MAY_END:
        return after[0].isupper()
    if word in _ABBREVIATIONS and word not in ("min", "max", "no", "am", "ex", "m", "mm"):
        return False
    if len(word) == 1 and word.isalpha() and word != "i" and text[match.start() - 1].isupper():
        return False
    if word.isdigit() and len(word) <= 2:
        lead = text[max(begin, match.start() - 12) : match.start()]
        if _MONTH_START.match(after) or (_GERMAN_ORDINAL_LEAD.search(lead) and after[0].isalpha()):
            return False
    return not after[0].islower()
