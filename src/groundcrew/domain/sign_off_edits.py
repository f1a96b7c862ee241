"""What a signer changed in a draft, word by word, so that it can be shown, counted and applied again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

import msgspec

#: Words are compared up to so many on both sides together; longer texts line by line. Comparing is quadratic in the worst case.
WORDS_COMPARED_MAX = 4_000
LINES_COMPARED_MAX = 4_000

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """One change: at offset `at` of the draft (code points) `removed` was taken out and `inserted` put in."""

    at: int
    removed: str = ""
    inserted: str = ""


def edits_between(draft: str, text: str) -> tuple[Edit, ...]:
    """What makes `text` of `draft`, in the draft's order and without overlaps; none where they are the same."""
    if draft == text:
        return ()
    before, after = _WORDS.findall(draft), _WORDS.findall(text)
    if len(before) + len(after) > WORDS_COMPARED_MAX:
        before, after = draft.splitlines(keepends=True), text.splitlines(keepends=True)
    if len(before) + len(after) > LINES_COMPARED_MAX:
        return (Edit(at=0, removed=draft, inserted=text),)
    return tuple(_found(before, after))


def removed_from(draft: str, text: str) -> tuple[tuple[int, int], ...] | None:
    """The places of `draft` (code points, start and end) that are not in `text` any more, word by word; None where the texts are
    too long to tell."""
    if len(_WORDS.findall(draft)) + len(_WORDS.findall(text)) > WORDS_COMPARED_MAX:
        return None
    return tuple((each.at, each.at + len(each.removed)) for each in edits_between(draft, text) if each.removed)


def apply_edits(draft: str, edits: Sequence[Edit]) -> str:
    """The text that `edits` make of `draft`. ValueError where they are not of this draft."""
    parts, position = [], 0
    for each in edits:
        end = each.at + len(each.removed)
        if each.at < position or draft[each.at : end] != each.removed:
            raise ValueError(f"the edit at {each.at} does not fit the draft")
        parts += [draft[position : each.at], each.inserted]
        position = end
    return "".join([*parts, draft[position:]])


def _found(before: list[str], after: list[str]) -> list[Edit]:
    starts = [0]
    for each in before:
        starts.append(starts[-1] + len(each))
    found = []
    for tag, first, last, new_first, new_last in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            removed, inserted = "".join(before[first:last]), "".join(after[new_first:new_last])
            found.append(Edit(at=starts[first], removed=removed, inserted=inserted))
    return found
