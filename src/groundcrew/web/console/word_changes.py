"""What an edit changed, laid out to be read: the draft and the signed text in pieces that stayed, went and came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from groundcrew.domain.sign_off_edits import Edit

ChangeKind = Literal["same", "removed", "added"]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of text that both have, or only the draft (`removed`), or only what is signed (`added`)."""

    kind: ChangeKind
    text: str


def changes_of(draft: str, edits: Sequence[Edit]) -> tuple[Change, ...]:
    """The pieces in reading order: all but the added ones are the draft, all but the removed ones are the signed text."""
    pieces, position = [], 0
    for each in edits:
        pieces += [
            Change(kind="same", text=draft[position : each.at]),
            Change(kind="removed", text=each.removed),
            Change(kind="added", text=each.inserted),
        ]
        position = each.at + len(each.removed)
    return tuple(each for each in (*pieces, Change(kind="same", text=draft[position:])) if each.text)


def changed_words(changes: Sequence[Change]) -> tuple[int, int]:
    """How many words went and how many came."""
    counts = {kind: sum(len(each.text.split()) for each in changes if each.kind == kind) for kind in ("removed", "added")}
    return counts["removed"], counts["added"]
