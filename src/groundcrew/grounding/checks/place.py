"""A figure at its place in a source, and whether two figures can be compared and agree: what all checks of figures share."""

from __future__ import annotations

import msgspec

from groundcrew.grounding.evidence import SourceSentence
from groundcrew.grounding.facts import dates
from groundcrew.grounding.facts.dates import Moment
from groundcrew.grounding.facts.quantities import Quantity, compatible, same_value

Item = Quantity | Moment
#: Dimensions of lengths of time.
PERIODS = frozenset(("duration", "months", "working_day", "working_hour"))


class Placed(msgspec.Struct, frozen=True):
    """A figure or date in a source sentence, with how well its surroundings fit the claim, 0..1."""

    item: Item
    sentence: SourceSentence
    fit: float


def comparable(item: Item, other: Item) -> bool:
    """Whether the two could stand for the same fact: units of one kind, dates with dates, a year with a year."""
    if isinstance(item, Quantity) and isinstance(other, Quantity):
        return compatible(item, other) or is_period(item, other) or is_money(item, other)
    if isinstance(item, Moment) and isinstance(other, Moment):
        return item.kind == other.kind or (item.kind == "weekday" and dates.weekday_of(other) is not None)
    if isinstance(item, Quantity) and isinstance(other, Moment):
        return other.kind == "date" and item.dimension == "" and item.values[0] in (float(other.readings[0][0]),)
    return isinstance(item, Moment) and isinstance(other, Quantity) and item.kind == "date" and _is_year_figure(item, other)


def _is_year_figure(item: Moment, other: Quantity) -> bool:
    year, month, day = item.readings[0]
    return other.dimension == "" and not month and not day and float(year) in other.values


def is_period(item: Quantity, other: Quantity) -> bool:
    return item.dimension in PERIODS and other.dimension in PERIODS


def is_money(item: Quantity, other: Quantity) -> bool:
    money = [
        quantity.dimension.startswith("currency") or quantity.dimension in ("percent", "promille", "percent_point")
        for quantity in (item, other)
    ]
    return all(money)


def agrees(item: Item, other: Item) -> bool:
    """Whether what the claim gives follows from what the source gives."""
    if isinstance(item, Quantity) and isinstance(other, Quantity):
        return same_value(item, other)
    if isinstance(item, Moment) and isinstance(other, Moment):
        return dates.agree(item, other)
    return True
