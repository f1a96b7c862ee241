"""Texts without their secrets, for what is shown and kept of files that others wrote."""

from __future__ import annotations

import re

from groundcrew.guards.secrets import check

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
