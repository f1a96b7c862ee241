"""Quiet times: when people are not to be woken, by the wall clock where they live, across midnight and changes of the clock."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class QuietTime(msgspec.Struct, frozen=True, kw_only=True):
    """From `start` to `end` (excluded) by the clocks of `zone`, on the days that it starts on. An end that is not after the start
    is on the next day; equal ends are a whole day."""

    start: time
    end: time
    zone: str = "UTC"
    days: tuple[Weekday, ...] = WEEKDAYS

    def covers(self, moment: datetime) -> bool:
        """Whether `moment` (timezone-aware) is quiet. What the clocks show counts: an hour that comes twice is quiet twice, one
        that is left out is not there. In a zone that this machine does not know nothing is quiet: rather woken than not told."""
        zone = zone_of(self.zone)
        if zone is None:
            return False
        local = moment.astimezone(zone)
        clock = local.time()
        today, yesterday = WEEKDAYS[local.weekday()], WEEKDAYS[(local - timedelta(days=1)).weekday()]
        if self.start < self.end:
            return today in self.days and self.start <= clock < self.end
        return (today in self.days and clock >= self.start) or (yesterday in self.days and clock < self.end)


def zone_of(name: str) -> ZoneInfo | None:
    """The time zone of this IANA name, None where this machine knows none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def is_quiet(times: tuple[QuietTime, ...], moment: datetime) -> bool:
    """Whether any of `times` covers `moment`."""
    return any(each.covers(moment) for each in times)
