"""Splits text into sentences, list items and table rows with exact code-point offsets, in English, German, French and
Italian. Everything that quotes or marks text (claims, evidence, extractive answers) rests on these offsets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from groundcrew.grounding.sentence_ends import BOUNDARY, ends_sentence
from groundcrew.grounding.wordlists import word_set

SentenceKind = Literal["sentence", "item", "row", "heading"]

#: Markers (quote signs, bullets, hashes) that one line may open with.
MARKERS_MAX = 8
#: A line at least this long that ends without punctuation is taken to be wrapped, not finished.
WRAPPED_LINE_CHARS_MIN = 60

_BULLET = re.compile(
    r"[ \t]*(?:[-*+•‣◦▪–—·●○■□]|"
    r"[\U0001F300-\U0001FAFF\u2190-\u21FF\u2600-\u27BF\u2B00-\u2BFF][\uFE0E\uFE0F\u20E3]?|\d\uFE0F?\u20E3|"
    r"\(?(?P<number>\d{1,2})[.)](?![ \t]*(?i:jan|feb|mär|mar|apr|mai|jun|jul|aug|sep|okt|nov|dez)[a-z]*\b)|"
    r"\(?[a-zA-Z]\)|[a-z]\.(?![ \t]?[A-Za-z]\.)|\(?(?:i{1,3}|iv|v)[.)])[ \t]+"
)
_HEADING = re.compile(r"[ \t]*#{1,6}[ \t]+")
_QUOTE_MARK = re.compile(r"[ \t]*>+[ \t]*")
_RULE = re.compile(r"[ \t]*(?:[-*_=][ \t]*){3,}$")
_TABLE_RULE = re.compile(r"[ \t|:+-]*-{2,}[ \t|:+-]*$")
_FENCE = re.compile(
    r"[ \t]*(?:```|~~~)(?:bash|c|console|cpp|csv|diff|go|html|ini|java|javascript|js|json|markdown|md|plaintext|"
    r"powershell|python|rust|sh|"
    r"sql|text|toml|ts|txt|typescript|xml|yaml|yml)?[ \t]*$"
)
#: Tags that break a text as a line does; one with words of its own is text.
_TAG = (
    r"</?(?:p|div|br|li|ul|ol|tr|table|thead|tbody|h[1-6]|hr|section|blockquote)"
    r"(?:\s+[\w-]+=(?:\"[\w#%.:;/-]*\"|'[\w#%.:;/-]*'))*\s*/?>"
)
_BREAK_TAGS = re.compile(rf"(?i)(?:{_TAG}\s*)+")
#: Comments, tags that say something of their own, and runs of tags that break a line.
_BREAKS = re.compile(rf"(?i)<!--.{{0,2000}}?-->|<[a-z]\w{{0,15}}\s[^<>]{{0,500}}>|(?:{_TAG}\s*)+")
#: A line that ends with one of these goes on in the next one, capital or not.
_UNFINISHED = word_set(
    """the a an of for in on at by with from to and or per our your is are costs
    der die das den dem des ein eine einen einem einer von für in im am an auf bei mit zu zum zur und oder pro ihre
    ihrer unsere ist
    kostet beträgt le la les un une des du de pour dans par avec sur et ou est coûte il lo gli una di del della in con
    per su e o è costa chf eur usd"""
)
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
    """Joins wrapped lines and sets list items, table rows, lines of code and headings apart."""
    blocks: list[_Block] = []
    current: tuple[int, int, SentenceKind] | None = None
    offset, number, fenced = 0, 0, False
    for line in _lines(text):
        start, end = offset, offset + len(line)
        offset = end
        if _FENCE.match(line):
            fenced = not fenced
            _close(blocks, current)
            current = None
            continue
        body_start, body_end, kind, number = _line_body(text, start, end, number)
        if kind is None:
            _close(blocks, current)
            current = None
            continue
        if not fenced and current is not None and kind == "sentence" and _continues(text, current, body_start, body_end):
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


def _lines(text: str) -> Iterator[str]:
    """The lines of `text`, cut at tags that break a line as well."""
    for line in text.splitlines(keepends=True):
        if "<" not in line:
            yield line
            continue
        begin = 0
        for match in _BREAKS.finditer(line):
            yield line[begin : match.start()]
            yield line[match.start() : match.end()]
            begin = match.end()
        yield line[begin:]


def _close(blocks: list[_Block], current: tuple[int, int, SentenceKind] | None) -> None:
    if current is not None:
        blocks.append(_Block(start=current[0], end=current[1], kind=current[2]))


def _line_body(text: str, start: int, end: int, number: int) -> tuple[int, int, SentenceKind | None, int]:
    """The line without markers and outer white space, its kind, and the number of the list item it is (else `number`); kind None
    for an empty line, a rule or a mere tag."""
    line = text[start:end]
    if not line.strip() or _RULE.match(line.rstrip()) or ("|" in line and _TABLE_RULE.match(line.rstrip())):
        return start, start, None, number
    if "<" in line and _BREAK_TAGS.fullmatch(line.strip()):
        return start, start, None, number
    kind: SentenceKind = "sentence"
    for _ in range(MARKERS_MAX):
        heading, bullet = _HEADING.match(line), _BULLET.match(line)
        quote = _QUOTE_MARK.match(line)
        if quote:
            start += quote.end()
        elif heading and kind == "sentence":
            start, kind = start + heading.end(), "heading"
        elif bullet and line[bullet.end() :].strip() and not _is_ordinal_number(bullet, number):
            start, kind = start + bullet.end(), "item" if kind == "sentence" else kind
            number = int(bullet.group("number") or number)
        else:
            break
        line = text[start:end]
    if line.lstrip().startswith("|") or line.count("|") >= 2 or line.strip().count("\t") >= 1:
        kind = "row"
    lead = len(line) - len(line.lstrip())
    stripped = line.strip()
    if not stripped:
        return start, start, None, number
    return start + lead, start + lead + len(stripped), kind, number


def _is_ordinal_number(bullet: re.Match[str], number: int) -> bool:
    """Whether "3." at the start of a line is no item's number: no item 2 came before it ("3. Säule")."""
    found = bullet.group("number")
    return found is not None and int(found) > 1 and int(found) != number + 1 and bullet.group().rstrip().endswith(".")


def _continues(text: str, current: tuple[int, int, SentenceKind], start: int, end: int) -> bool:
    """Whether the line `text[start:end]` goes on with the sentence that the current block left unfinished."""
    before = text[current[0] : current[1]]
    last_line = before.rsplit("\n", 1)[-1]
    if before[-1] in ":;" or _FENCE.match(last_line) or _KEY_LINE.match(text[start:end]):
        return False
    if text[start].islower() and before[-1] not in ".!?…":
        return True
    last_word = last_line.rsplit(None, 1)[-1].lower()
    if last_word in _UNFINISHED and " " in last_line.strip():
        return True
    return len(last_line) >= WRAPPED_LINE_CHARS_MIN


def _cut(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Cuts one block at its sentence boundaries."""
    spans: list[tuple[int, int]] = []
    begin = start
    for match in BOUNDARY.finditer(text, start, end):
        if match.end() < end and not ends_sentence(text, match, begin, end):
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
