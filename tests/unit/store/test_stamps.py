"""Times as rows hold them: text that sorts by time."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from groundcrew.store.rows import stamp

MOMENTS = st.datetimes(timezones=st.just(UTC))


@given(first=MOMENTS, second=MOMENTS)
def test_times_are_written_in_full_and_sort_as_they_come(first: datetime, second: datetime) -> None:
    assert stamp(first) == first.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
    assert (stamp(first) < stamp(second)) == (first < second)
