"""Cuts a document into passages: small enough to quote and to encode whole, never across a heading, at sentence ends.

A passage is a contiguous slice of the document's text, so that a quote can be shown where it stands.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import re
from collections.abc import Iterator

import msgspec

from groundcrew.domain.knowledge import Document, Passage
from groundcrew.grounding.sentences import split_sentences

#: Part of every revision's id: raise it when the same document would be cut differently.
CHUNKER_VERSION = 2
#: About 200 tokens: with title and heading still under the encoder's 256.
PASSAGE_CHARACTERS_MAX = 900
HEADING_LEVELS_MAX = 6
HEADING_SEPARATOR = " > "

_HEADING = re.compile(r"^(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$", re.MULTILINE)
_WORD = re.compile(r"\w")


class _Section(msgspec.Struct, frozen=True):
    """The text between one heading and the next: `document.text[start:end]` under the heading path."""

    heading: str
    start: int
    end: int


def split(document: Document) -> list[Passage]:
    """The document's passages in order.

    Every word is in exactly one passage or in a heading line; `document.text[p.start:p.end] == p.text`; ids depend on the
    document's path, bytes and the offsets only. A sentence is cut only where it alone exceeds 900 characters.
    """
    passages: list[Passage] = []
    for section in _sections(document):
        for start, end in _pack(_atoms(document.text, section.start, section.end)):
            passages.append(
                Passage(
                    id=_passage_id(document, start, end),
                    document=document.path,
                    title=document.title,
                    heading=section.heading,
                    text=document.text[start:end],
                    start=start,
                    end=end,
                )
            )
    return passages


def _passage_id(document: Document, start: int, end: int) -> str:
    content = f"{document.path}\0{document.sha256}\0{start}\0{end}"
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _sections(document: Document) -> Iterator[_Section]:
    """Sections with a body. A heading with neither body nor sub-heading is a section itself, so that nothing is lost."""
    headings = list(_HEADING.finditer(document.text))
    first = headings[0].start() if headings else len(document.text)
    yield _Section("", 0, first)
    path: list[tuple[int, str]] = []
    for number, match in enumerate(headings):
        level, name = len(match.group(1)), match.group(2)
        path = [step for step in path if step[0] < level]
        above = HEADING_SEPARATOR.join(_without_title(path, document.title))
        path.append((level, name))
        following = headings[number + 1] if number + 1 < len(headings) else None
        end = following.start() if following else len(document.text)
        if _WORD.search(document.text, match.end(), end):
            yield _Section(HEADING_SEPARATOR.join(_without_title(path, document.title)), match.end(), end)
        elif following is None or len(following.group(1)) <= level:
            yield _Section(above, match.start(), end)


def _without_title(path: list[tuple[int, str]], title: str) -> list[str]:
    """The title stands in its own field already."""
    return [name for _, name in path if name and name != title]


def _atoms(text: str, start: int, end: int) -> list[tuple[int, int, int]]:
    """Sentences, list items and rows as (start, end, block), with their markers, each at most a passage long."""
    sentences = split_sentences(text[start:end])
    cuts = [start]
    for before, after in itertools.pairwise(sentences):
        gap = text[start + before.end : start + after.start]
        newline = gap.rfind("\n")
        # A list marker or quote sign belongs to what follows it.
        cuts.append(start + (before.end + newline + 1 if newline >= 0 else after.start))
    cuts.append(end)
    atoms: list[tuple[int, int, int]] = []
    for number, (first, last) in enumerate(itertools.pairwise(cuts)):
        block = sentences[number].block if number < len(sentences) else 0
        atoms.extend((a, b, block) for a, b in _cut_long(text, *_strip(text, first, last)))
    return atoms


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


def _cut_long(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Whole if it fits; else cut at white space, and where there is none at the limit. Wordless pieces are dropped."""
    while end - start > PASSAGE_CHARACTERS_MAX:
        limit = start + PASSAGE_CHARACTERS_MAX
        space = max(text.rfind(" ", start + 1, limit), text.rfind("\n", start + 1, limit))
        cut = space if space > 0 else limit
        yield from ((a, b) for a, b in [_strip(text, start, cut)] if _WORD.search(text, a, b))
        start, end = _strip(text, cut, end)
    if start < end and _WORD.search(text, start, end):
        yield start, end


def _pack(atoms: list[tuple[int, int, int]]) -> Iterator[tuple[int, int]]:
    """Joins atoms into passages of even length, so that the last is not a stub; prefers to break between blocks."""
    if not atoms:
        return
    length = atoms[-1][1] - atoms[0][0]
    target = length / math.ceil(length / PASSAGE_CHARACTERS_MAX)
    start, end, block = atoms[0]
    for first, last, next_block in atoms[1:]:
        size_with = last - start
        full = end - start >= target * (0.75 if next_block != block else 1.0)
        if full or size_with > PASSAGE_CHARACTERS_MAX:
            yield start, end
            start = first
        end, block = last, next_block
    yield start, end
