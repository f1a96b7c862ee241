"""Passages that their own words make old: a validity that has ended or soon ends, and a "last updated" long ago."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Literal

import msgspec

from groundcrew.domain.knowledge import Passage
from groundcrew.grounding.facts.dates import Moment, moments
from groundcrew.grounding.sentences import split_sentences

#: A validity that ends within so many days is told of beforehand.
AHEAD_DAYS = 30
#: A text that says it was last updated longer ago than this is to be checked.
UPDATED_DAYS_MAX = 365

_UNTIL = re.compile(
    r"\b(?:until|till|through|up to|by the end of|expires?(?: on)?|ends?(?: on)?|bis(?: und mit| zum)?|"
    r"endet am|läuft am|jusqu'au|expire le|fino al|fino a|scade il)\s*:?\s*(?:the\s+|dem\s+|le\s+|il\s+)?$",
    re.IGNORECASE,
)
_UPDATED = re.compile(
    r"\b(?:last (?:updated|reviewed|changed|modified)(?: on)?|updated(?: on)?|as of|as at|version of|status|stand|"
    r"zuletzt (?:geändert|aktualisiert|geprüft)(?: am)?|aktualisiert am|geändert am|mise à jour(?: le)?|état au|"
    r"aggiornat[oa] (?:il|al)|stato al)\s*:?\s*(?:the\s+|dem\s+|vom\s+|le\s+|il\s+)?$",
    re.IGNORECASE,
)


class Dated(msgspec.Struct, frozen=True):
    """A sentence with a date that makes it old: `passages[row].text[start:end]`."""

    row: int
    start: int
    end: int
    why: Literal["ended", "ends soon", "updated long ago"]
    day: date


def dated(passages: Sequence[Passage], today: date) -> Iterator[Dated]:
    """Every sentence whose validity has ended, ends within AHEAD_DAYS, or that was updated more than UPDATED_DAYS_MAX ago.

    A date without its year tells nothing, and one that two notations read differently counts at its later reading.
    """
    for row, passage in enumerate(passages):
        for sentence in split_sentences(passage.text):
            text = passage.text[sentence.start : sentence.end]
            for moment in moments(text):
                day = _last_day(moment)
                if day is None:
                    continue
                why = _why(text[: moment.start], day, today)
                if why is not None:
                    yield Dated(row, sentence.start, sentence.end, why, day)
                    break


def _why(before: str, day: date, today: date) -> Literal["ended", "ends soon", "updated long ago"] | None:
    if _UPDATED.search(before):
        return "updated long ago" if (today - day).days > UPDATED_DAYS_MAX else None
    if not _UNTIL.search(before):
        return None
    if day < today:
        return "ended"
    return "ends soon" if (day - today).days <= AHEAD_DAYS else None


def _last_day(moment: Moment) -> date | None:
    """The last day that a date may mean; None without a year."""
    if moment.kind != "date":
        return None
    days = [day for reading in moment.readings if (day := _day(reading)) is not None]
    return max(days) if days else None


def _day(reading: tuple[int, ...]) -> date | None:
    if len(reading) != 3 or not reading[0]:
        return None
    year, month, day = reading
    try:
        if not month:
            return date(year, 12, 31)
        if not day:
            return (date(year + month // 12, month % 12 + 1, 1)) - timedelta(days=1)
        return date(year, month, day)
    except ValueError:
        return None
