"""Quiet times by the clocks on the wall: across midnight, at week-ends, and on the days on which the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.domain.quiet_time import QuietTime, is_quiet

ZURICH = ZoneInfo("Europe/Zurich")
NIGHT = QuietTime(start=time(22), end=time(6), zone="Europe/Zurich")


def at(text: str, *, fold: int = 0) -> datetime:
    """A moment by the clocks in Zurich, in UTC as everything is kept."""
    return datetime.fromisoformat(text).replace(tzinfo=ZURICH, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("text", "quiet"),
    [
        ("2026-03-03T21:59:59", False),
        ("2026-03-03T22:00:00", True),
        ("2026-03-04T00:00:00", True),
        ("2026-03-04T05:59:59", True),
        ("2026-03-04T06:00:00", False),
    ],
)
def test_a_night_spans_midnight(text: str, quiet: bool) -> None:
    assert NIGHT.covers(at(text)) is quiet


def test_days_are_those_on_which_it_starts() -> None:
    weekend = QuietTime(start=time(22), end=time(6), zone="Europe/Zurich", days=("fri", "sat"))
    assert weekend.covers(at("2026-03-06T23:00:00")), "Friday night"
    assert weekend.covers(at("2026-03-08T05:00:00")), "Sunday morning belongs to Saturday night"
    assert not weekend.covers(at("2026-03-09T05:00:00")), "Monday morning does not"
    assert not weekend.covers(at("2026-03-06T05:00:00")), "nor does Friday morning, which is Thursday's night"


def test_in_spring_the_hour_that_is_left_out_is_not_quiet_twice() -> None:
    """On 29 March 2026 the clocks go from 02:00 to 03:00: the night ends at six on the clock, one hour earlier in UTC."""
    assert NIGHT.covers(datetime(2026, 3, 29, 3, 59, tzinfo=UTC)), "05:59 in Zurich"
    assert not NIGHT.covers(datetime(2026, 3, 29, 4, 0, tzinfo=UTC)), "06:00 in Zurich"
    assert NIGHT.covers(datetime(2026, 3, 28, 4, 59, tzinfo=UTC)), "05:59 the day before"
    gap = QuietTime(start=time(2), end=time(3), zone="Europe/Zurich")
    moments = [datetime(2026, 3, 29, hour, minute, tzinfo=UTC) for hour in range(24) for minute in (0, 30)]
    assert not any(is_quiet((gap,), each) for each in moments), "an hour that no clock shows"


def test_in_autumn_the_hour_that_comes_twice_is_quiet_twice() -> None:
    twice = QuietTime(start=time(2), end=time(3), zone="Europe/Zurich")
    first, second = at("2026-10-25T02:30:00", fold=0), at("2026-10-25T02:30:00", fold=1)
    assert (second - first).total_seconds() == 3_600
    assert twice.covers(first)
    assert twice.covers(second)
    assert NIGHT.covers(datetime(2026, 10, 25, 4, 59, tzinfo=UTC))
    assert not NIGHT.covers(datetime(2026, 10, 25, 5, 0, tzinfo=UTC))


def test_equal_ends_are_a_whole_day_and_an_unknown_zone_is_never_quiet() -> None:
    sunday = QuietTime(start=time(0), end=time(0), zone="Europe/Zurich", days=("sun",))
    assert sunday.covers(at("2026-03-08T00:00:00"))
    assert sunday.covers(at("2026-03-08T23:59:59"))
    assert not sunday.covers(at("2026-03-07T23:59:59"))
    assert not sunday.covers(at("2026-03-09T00:00:00"))
    assert not QuietTime(start=time(0), end=time(0), zone="Mars/Olympus").covers(at("2026-03-08T12:00:00"))


@given(st.times(), st.times(), st.integers(0, 366 * 86_400))
def test_it_is_the_clock_that_counts(start: time, end: time, seconds: int) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    shown = moment.astimezone(ZURICH).time()
    inside = start <= shown < end if start < end else (shown >= start or shown < end)
    assert QuietTime(start=start, end=end, zone="Europe/Zurich").covers(moment) is inside
