"""Explorations: a hypothesis that is worth a few days, the box of days, tokens and money that it gets, and what was learned.

What was refuted stays as findable as what was supported: that is what keeps the next one from trying it again.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, get_args

import msgspec

from groundcrew.domain.data_class import DataClass
from groundcrew.domain.use_case import Autonomy, Solution

ExplorationState = Literal["idea", "running", "finished"]
Learned = Literal["supported", "refuted", "inconclusive", "dropped"]
LEARNED: tuple[Learned, ...] = get_args(Learned)
#: What a box can run out of.
BoxPart = Literal["days", "tokens", "usd"]

TITLE_LENGTH_MAX, TEXT_LENGTH_MAX, TAG_LENGTH_MAX, TAGS_MAX = 200, 4_000, 40, 20
BOX_DAYS_MAX, BOX_TOKENS_MAX, BOX_USD_MAX = 180, 10**12, 1e9
EXTENSIONS_MAX = 5
EXPLORATIONS_MAX = 10_000
SEARCH_WORDS_MAX, SEARCH_LENGTH_MAX = 10, 200


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """What may go into an exploration: days from its start, and tokens and USD where they are limited."""

    days: int
    tokens: int | None = None
    usd: float | None = None

    def widened(self, more: Box) -> Box:
        """This box with `more` added to what it limits."""
        return Box(
            days=self.days + more.days,
            tokens=None if self.tokens is None else self.tokens + (more.tokens or 0),
            usd=None if self.usd is None else round(self.usd + (more.usd or 0.0), 9),
        )


class Extension(msgspec.Struct, frozen=True, kw_only=True):
    """That somebody else than its owner widened a box, by how much and why."""

    more: Box
    by: str
    at: datetime
    reason: str


class BoxUse(msgspec.Struct, frozen=True, kw_only=True):
    """What an exploration has used so far. Tokens and USD are None where it names nothing whose calls are recorded; USD counts
    calls of unknown price as the dearest known one, and `unknown_calls` says how many those are."""

    days: int
    tokens: int | None = None
    usd: float | None = None
    unknown_calls: int = 0


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What an exploration becomes: the use case's name, and what its declaration says that the exploration does not."""

    name: str
    model: str
    affected_persons: str
    solution: Solution = "vendor_feature"
    autonomy: Autonomy = "assist"
    data_classes: tuple[DataClass, ...] = ("internal",)


class Exploration(msgspec.Struct, frozen=True, kw_only=True):
    """One exploration. `box` is what it started with; `extensions` widen it. Its calls are those of `use_case` since it
    started, or of the gateway key `key_id` alone where that is named."""

    id: str
    title: str
    hypothesis: str
    why: str
    business_unit: str
    owner: str
    box: Box
    created_at: datetime
    created_by: str
    tags: tuple[str, ...] = ()
    use_case: str | None = None
    key_id: str | None = None
    state: ExplorationState = "idea"
    started_at: datetime | None = None
    started_by: str | None = None
    #: What had been recorded on the day of the start when it started: that is not its own.
    tokens_before: int = 0
    usd_before: float = 0.0
    #: Until when the key was made to live: while the exploration runs it lives no longer than the box.
    key_expires_at: datetime | None = None
    extensions: tuple[Extension, ...] = ()
    finished_at: datetime | None = None
    finished_by: str | None = None
    outcome: Learned | None = None
    learned: str = ""
    #: What had been used when it was finished.
    used: BoxUse | None = None
    became: Draft | None = None

    @property
    def limits(self) -> Box:
        """The box with all that it was widened by."""
        found = self.box
        for each in self.extensions:
            found = found.widened(each.more)
        return found

    @property
    def ends_on(self) -> date | None:
        """The last day (UTC) of the box, None before it has started."""
        return self.started_at.date() + timedelta(days=self.limits.days - 1) if self.started_at is not None else None

    @property
    def ends_at(self) -> datetime | None:
        """The moment at which the last day of the box is over, None before it has started."""
        last = self.ends_on
        return datetime.combine(last + timedelta(days=1), time(), UTC) if last is not None else None


def days_used(exploration: Exploration, now: datetime) -> int:
    """How many days of the box have begun: the first counts from the start."""
    if exploration.started_at is None:
        return 0
    until = exploration.finished_at or now
    return max((until.date() - exploration.started_at.date()).days + 1, 1)


def used_up(limits: Box, use: BoxUse) -> tuple[BoxPart, ...]:
    """What of a box is used up, nothing where it can run on. What can not be counted never counts as used up, and a page says
    that it is not counted."""
    found: list[BoxPart] = []
    if use.days > limits.days:
        found.append("days")
    if limits.tokens is not None and use.tokens is not None and use.tokens >= limits.tokens:
        found.append("tokens")
    if limits.usd is not None and use.usd is not None and use.usd >= limits.usd:
        found.append("usd")
    return tuple(found)


def fold(text: str) -> str:
    """`text` as it is searched: without case and accents, words of letters and digits with one space around each."""
    plain = "".join(each for each in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(each))
    return " " + " ".join("".join(each if each.isalnum() else " " for each in plain).split()) + " "


def searched_text(exploration: Exploration) -> str:
    """What a search looks through: title, hypothesis, what was learned, and tags."""
    return fold(" ".join((exploration.title, exploration.hypothesis, exploration.learned, *exploration.tags)))
