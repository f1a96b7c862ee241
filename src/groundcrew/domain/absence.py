"""Absences: from when to when a person decides nothing, and who decides in their place."""

from __future__ import annotations

from datetime import datetime

import msgspec

#: An absence is at most this long; a person who is away for longer loses the qualification instead.
ABSENCE_S_MAX = 366 * 86_400


class Absence(msgspec.Struct, frozen=True, kw_only=True):
    """One person's absence. While it lasts they claim and decide nothing, and what they had claimed is free. `delegate` may say
    that they decide on `person`'s behalf: their own qualification is what lets them, never the absent person's."""

    id: str
    person: str
    starts_at: datetime
    ends_at: datetime
    delegate: str | None = None
    #: Who said so, "" where that was not kept.
    said_by: str = ""
    #: When the person came back before its end, or called it off.
    ended_at: datetime | None = None

    @property
    def own_word(self) -> bool:
        """Whether the person said so themselves, under their account."""
        return self.said_by == f"user:{self.person}"

    def lasts_at(self, now: datetime) -> bool:
        """Whether the person is away at `now`."""
        return self.ended_at is None and self.starts_at <= now < self.ends_at
