"""What an edit changed, word by word: the draft and the text that a person signs, cut into what stayed, went and came."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from itertools import groupby
from typing import Literal

import msgspec

#: Longer texts are compared in their middle as one piece: the comparison's time grows with the product of both lengths.
WORDS_COMPARED_MAX = 4_000

ChangeKind = Literal["same", "removed", "added"]
#: A word with the blanks behind it, or blanks at the start: the pieces of a text, put together, are the text.
_WORD = re.compile(r"\S+\s*|\s+")


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of text that both have, or only the draft (`removed`), or only what is signed (`added`)."""

    kind: ChangeKind
    text: str


def word_changes(draft: str, text: str) -> tuple[Change, ...]:
    """The pieces in reading order: all but the added ones are the draft, all but the removed ones are the text."""
    before, after = _WORD.findall(draft), _WORD.findall(text)
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    pieces: list[tuple[ChangeKind, str]] = [("same", "".join(before[:start]))]
    if len(old) > WORDS_COMPARED_MAX or len(new) > WORDS_COMPARED_MAX:
        pieces += [("removed", "".join(old)), ("added", "".join(new))]
    else:
        for _, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if old[old_from:old_to] == new[new_from:new_to]:
                pieces.append(("same", "".join(old[old_from:old_to])))
            else:
                pieces += [("removed", "".join(old[old_from:old_to])), ("added", "".join(new[new_from:new_to]))]
    pieces.append(("same", "".join(before[len(before) - end :])))
    joined = [(kind, "".join(text for _, text in group)) for kind, group in groupby(pieces, key=lambda piece: piece[0])]
    return tuple(Change(kind=kind, text=text) for kind, text in joined if text)


def changed_words(changes: tuple[Change, ...]) -> tuple[int, int]:
    """How many words went and how many came."""
    counts = {kind: sum(len(each.text.split()) for each in changes if each.kind == kind) for kind in ("removed", "added")}
    return counts["removed"], counts["added"]
