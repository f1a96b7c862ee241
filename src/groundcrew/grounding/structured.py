"""Makes structured sources quotable: JSON, tables and lists of keys become row sentences ("opening hours of Zug branch:
9–17") that rest on exact offsets of the source. What is not structured stays prose, sentence by sentence."""

from __future__ import annotations

import msgspec

from groundcrew.grounding.sentences import SentenceKind, split_sentences
from groundcrew.grounding.structured_json import json_regions
from groundcrew.grounding.structured_rows import Row
from groundcrew.grounding.structured_tables import table_regions


class Quotable(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence of a source that rests on `source[start:end]`: `text` is that slice for prose, and a readable sentence where
    `structured`. Several rows may rest on the same words."""

    start: int
    end: int
    text: str
    kind: SentenceKind
    structured: bool = False


def quotable(source: str) -> list[Quotable]:
    """All sentences of `source` in the order of the text. Bounded: 2,000 rows a structure, 32 levels of JSON; what lies beyond is
    read as prose."""
    found: list[Quotable] = []
    position = 0
    for start, end, rows in structured_regions(source):
        found.extend(_prose(source, position, start))
        found.extend(Quotable(start=row.start, end=row.end, text=row.text, kind="row", structured=True) for row in rows)
        position = end
    found.extend(_prose(source, position, len(source)))
    return found


def structured_regions(source: str) -> list[tuple[int, int, list[Row]]]:
    """The structured stretches of `source` as (start, end, rows), in order and without overlap."""
    regions: list[tuple[int, int, list[Row]]] = []
    position = 0
    for start, end, rows in [*json_regions(source), (len(source), len(source), [])]:
        regions.extend(table_regions(source, position, start))
        if rows:
            regions.append((start, end, rows))
        position = end
    return regions


def _prose(source: str, start: int, end: int) -> list[Quotable]:
    piece = source[start:end]
    if not piece.strip():
        return []
    return [
        Quotable(
            start=start + sentence.start,
            end=start + sentence.end,
            text=piece[sentence.start : sentence.end],
            kind=sentence.kind,
        )
        for sentence in split_sentences(piece)
    ]
