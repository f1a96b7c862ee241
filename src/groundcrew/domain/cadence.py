"""When the Stream meets: the slots of a cadence, by the wall clock of its time zone, so that summer time moves no meeting."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from groundcrew.domain.meeting import Cadence

LENGTH_MIN_MIN, LENGTH_MIN_MAX = 15, 480
EVERY_DAYS_MIN, EVERY_DAYS_MAX = 7, 28
#: Of the first day: slots are looked for past it, and the calendar ends with the year 9999.
YEAR_MIN, YEAR_MAX = 2000, 2100
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """One place of a cadence: its name, and from when to when in UTC."""

    name: str
    starts_at: datetime
    ends_at: datetime


def problem_of(cadence: Cadence) -> tuple[str, str] | None:
    """What is wrong with a cadence, as (field, text), or None."""
    if not _CLOCK.fullmatch(cadence.at):
        return "at", f"expected a time as HH:MM, found {cadence.at!r}"
    if cadence.time_zone not in available_timezones():
        return "time_zone", f"no time zone is called {cadence.time_zone!r}: use a name such as Europe/Zurich or UTC"
    if not LENGTH_MIN_MIN <= cadence.length_min <= LENGTH_MIN_MAX:
        return "length_min", f"a meeting takes {LENGTH_MIN_MIN} to {LENGTH_MIN_MAX} minutes"
    if not EVERY_DAYS_MIN <= cadence.every_days <= EVERY_DAYS_MAX:
        return "every_days", f"the Stream meets every {EVERY_DAYS_MIN} to {EVERY_DAYS_MAX} days"
    if not YEAR_MIN <= cadence.first_day.year <= YEAR_MAX:
        return "first_day", f"the first day is in the years {YEAR_MIN} to {YEAR_MAX}"
    return None


def starts_at(cadence: Cadence, day: date) -> datetime:
    """When the meeting of `day` starts, in UTC. A time that summer time leaves out is an hour later."""
    hour, minute = (int(each) for each in cadence.at.split(":"))
    return datetime.combine(day, time(hour, minute), ZoneInfo(cadence.time_zone)).astimezone(UTC)


def slots_from(cadence: Cadence, after: datetime) -> Iterator[Slot]:
    """The slots that start after this moment, without end."""
    passed = max((after.date() - cadence.first_day).days // cadence.every_days - 1, 0)
    day = cadence.first_day + timedelta(days=passed * cadence.every_days)
    while True:
        begin = starts_at(cadence, day)
        if begin > after:
            end = begin + timedelta(minutes=cadence.length_min)
            yield Slot(name=f"{cadence.revision}/{day.isoformat()}", starts_at=begin, ends_at=end)
        day += timedelta(days=cadence.every_days)
