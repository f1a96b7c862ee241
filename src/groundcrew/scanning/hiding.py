"""How a line of a file is shown: without the keys that stand in it, whichever of them a finding is about, without what else looks
like a secret, and without user and password of an address."""

from __future__ import annotations

import re
from collections.abc import Iterable

from groundcrew.guards.secrets import check
from groundcrew.scanning.hits import Hit, hidden

#: Characters of a line that are looked at: more than what is shown can come from.
LINE_LENGTH_MAX = 30_000
#: Keys are told by how they begin; no key is as short as this.
BEGINNING = 16
#: Parts of a key that is written in several texts.
PIECE_LENGTH_MIN = 6

_WORD = "A-Za-z0-9_./+=~-"
_WORD_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./+=~-:@%"
_PIECE = re.compile(rf"[{_WORD}]{{{PIECE_LENGTH_MIN},}}")
_CREDENTIALS = re.compile(r"(?<=://)[^\s/?#\"'`<>]{1,300}@")


def without_secrets(text: str) -> str:
    """A text without what looks like a secret, and without user and password of the addresses in it."""
    text = _CREDENTIALS.sub("…@", text)
    kept, place = [], 0
    for each in sorted(check(text, {}).findings, key=lambda each: each.start):
        if each.start >= place:
            kept += [text[place : each.start], "…"]
        place = max(place, each.end)
    return "".join((*kept, text[place:]))


class Hiding:
    """Shows the lines of one file without its keys: all that were found in it, also those that no finding names."""

    def __init__(self, hits: Iterable[Hit]) -> None:
        self._at: dict[int, set[str]] = {}
        for hit in hits:
            if hit.mask:
                self._at.setdefault(hit.line, set()).add(hit.mask)
        self._secrets: set[str] = set().union(*self._at.values())
        lengths: dict[str, set[int]] = {}
        for each in self._secrets:
            lengths.setdefault(each[:BEGINNING], set()).add(len(each))
        self._lengths = {start: sorted(found, reverse=True) for start, found in lengths.items()}

    def line(self, line: str, number: int = 0) -> str:
        """A line as it may be shown, its blanks joined. A key of the line `number` may be written in several parts."""
        line = " ".join(line.split())
        if len(line) > LINE_LENGTH_MAX:  # Where it is cut, no part of a word stays.
            line = line[:LINE_LENGTH_MAX].rstrip(_WORD_CHARACTERS)
        whole = "\n".join(each for each in self._at.get(number, ()) if each not in line)
        if whole:
            line = _PIECE.sub(lambda match: "…" if match[0] in whole else match[0], line)
        return without_secrets(self._without_keys(line) if self._lengths else line)

    def _without_keys(self, line: str) -> str:
        kept: list[str] = []
        place = shown = 0
        while place < len(line):
            for length in self._lengths.get(line[place : place + BEGINNING], ()):
                if line[place : place + length] in self._secrets:
                    kept += [line[shown:place], hidden(line[place : place + length])]
                    place = shown = place + length
                    break
            else:
                place += 1
        return "".join((*kept, line[shown:]))
