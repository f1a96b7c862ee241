"""Numbers that people type into forms. What could be read in two ways is refused: a comma parts thousands here, and decimals
there."""

from __future__ import annotations

import re

from groundcrew.errors import InputError

_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?|[0-9]{1,3}([,’' ][0-9]{3})+(\.[0-9]+)?")
_SHOWN_LENGTH = 20


def number(text: str, field: str) -> float:
    """A number that is not negative, with a point before decimals; thousands may be parted. InputError for anything else."""
    typed = text.strip()
    if not _NUMBER.fullmatch(typed):
        raise InputError(f"{field}: expected a number such as 12.5 or 1,000, found {typed[:_SHOWN_LENGTH]!r}", field=field)
    return float(re.sub(r"[,’' ]", "", typed))


def whole(text: str, field: str) -> int:
    """A whole number that is not negative. InputError for anything else."""
    found = number(text, field)
    if found != int(found):
        raise InputError(f"{field}: expected a whole number, found {text.strip()[:_SHOWN_LENGTH]!r}", field=field)
    return int(found)
