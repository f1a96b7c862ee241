"""The sample that drift monitors look at: all of what is quiet, evenly of what is busy, never more than an hour allows."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from hypothesis import example, given, settings
from hypothesis import strategies as st

from groundcrew.domain.use_case import DriftRule
from groundcrew.services.drift_sampling import (
    SAMPLED_PER_HOUR,
    SAMPLED_PER_HOUR_MIN,
    SAVED_MAX,
    SAVED_MIN,
    Sampler,
    choose,
)
from groundcrew.store.drift import Arrived

START_S = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
HOUR_S, DAY_S = 3_600.0, 86_400.0
LATER_S = START_S + 1_000 * DAY_S
RULES: dict[str, DriftRule | None] = {"assistant": DriftRule()}


def calls_at(times: Iterable[float], use_case: str = "assistant", *, first: int = 0) -> list[Arrived]:
    return [
        Arrived(1, f"{place:08d}-{use_case}", use_case, "d1", datetime.fromtimestamp(START_S + at, UTC), True)
        for place, at in enumerate(times, first)
    ]


def sampled(rows: list[Arrived], step: int = 5_000, rules: dict[str, DriftRule | None] = RULES) -> list[Arrived]:
    """What is taken of these calls, so many looked at in one step."""
    taken, samplers = list[Arrived](), dict[str, Sampler]()
    for first in range(0, len(rows), step):
        some, samplers = choose(rows[first : first + step], rules, samplers, LATER_S)
        taken += some
    return taken


def most_in_an_hour(taken: list[Arrived]) -> int:
    times = sorted(each.received_at.timestamp() for each in taken)
    most = first = 0
    for last, at in enumerate(times):
        while times[first] <= at - HOUR_S:
            first += 1
        most = max(most, last - first + 1)
    return most


def test_the_first_hour_of_a_busy_version_is_sampled_evenly() -> None:
    """30 calls a second: each minute gives its ten calls, the first one as the last."""
    taken = sampled(calls_at(number / 30 for number in range(108_000)))
    minutes = Counter(int((each.received_at.timestamp() - START_S) // 60) for each in taken)
    assert len(minutes) == 60
    assert set(minutes.values()) <= {9, 10, 11}
    assert abs(len(taken) - SAMPLED_PER_HOUR) <= 1


def test_of_a_quiet_use_case_nothing_is_thrown_away() -> None:
    """50 calls a day, spread over it or all within one minute."""
    for spread_s in (DAY_S, 60.0):
        chance = random.Random(spread_s)
        rows = calls_at(sorted(day * DAY_S + chance.random() * spread_s for day in range(30) for _ in range(50)))
        assert sampled(rows) == rows


def test_a_crowd_after_a_quiet_night_weighs_no_more_than_the_rest_of_the_day() -> None:
    night = [9 * number * 60.0 for number in range(50)]
    morning = [8 * HOUR_S + number / 20 for number in range(20 * 3_600)]
    taken = sampled(calls_at([*night, *morning]))[50:]
    first = sum(each.received_at.timestamp() - START_S < 8 * HOUR_S + 300 for each in taken)
    assert first <= len(taken) * 300 / HOUR_S + 2


def test_which_calls_are_taken_follows_from_their_times_and_ids_alone() -> None:
    """Every call of a busy minute is as likely as any other, wherever in it and beside whatever it stands."""
    rows, places = calls_at(number / 10 for number in range(12_000)), Counter[int]()
    for salt in range(10):
        own = [each._replace(id=f"{salt}-{each.id}") for each in rows]
        places.update(int(10 * (each.received_at.timestamp() % 60) / 60) for each in sampled(own))
    total = sum(places.values())
    # χ² with 9 degrees of freedom: beyond 33.7 once in 10,000.
    assert sum((places[tenth] - total / 10) ** 2 / (total / 10) for tenth in range(10)) < 33.7
    assert sampled(rows) == sampled(rows)


@settings(max_examples=60, deadline=None)
@example(bursts=[(0.0, 150, 0.0)], step=7, late=False)
@example(bursts=[(0.0, 150, 900.0)], step=256, late=False)
@given(
    bursts=st.lists(
        st.tuples(st.floats(0, 3 * DAY_S), st.integers(1, 2_000), st.sampled_from([0.0, 1.0, 60.0, 900.0, 7_200.0])), max_size=6
    ),
    step=st.sampled_from([7, 256, 5_000]),
    late=st.booleans(),
)
def test_no_hour_takes_more_than_it_may(bursts: list[tuple[float, int, float]], step: int, late: bool) -> None:
    times = [begin + width * place / number for begin, number, width in bursts for place in range(number)]
    taken = sampled(calls_at(times if late else sorted(times)), step)
    assert len({each.id for each in taken}) == len(taken)
    if not late:
        assert most_in_an_hour(taken) <= SAMPLED_PER_HOUR + SAVED_MAX + 2
    # A burst alone, no larger than half of what is saved, is taken whole, in however many pieces it is looked at.
    if len(bursts) == 1 and bursts[0][1] <= SAVED_MAX // 2:
        assert len(taken) == bursts[0][1]


def test_use_cases_share_the_hour_and_each_gets_its_least() -> None:
    for number, rate, saved in ((5, SAMPLED_PER_HOUR // 5, SAVED_MAX // 5), (40, SAMPLED_PER_HOUR_MIN, SAVED_MIN)):
        names = [f"u-{place}" for place in range(number)]
        rows = [each for name in names for each in calls_at((second for second in range(3_600)), name)]
        rows.sort(key=lambda each: each.received_at)
        taken = Counter(each.use_case for each in sampled(rows, rules=dict.fromkeys(names, DriftRule())))
        assert set(taken) == set(names)
        assert all(rate - 2 <= each <= rate + saved + 2 for each in taken.values())


def test_windows_of_time_take_what_they_can_hold() -> None:
    """Of a window of a day that is busy all day as many calls as a window holds, from all of its hours."""
    rule = DriftRule(window_s=int(DAY_S))
    taken = sampled(calls_at(float(10 * number) for number in range(8_640)), rules={"assistant": rule})
    hours = Counter(int((each.received_at.timestamp() - START_S) // HOUR_S) for each in taken)
    assert 990 <= len(taken) <= 1_000 + SAVED_MAX
    assert min(hours.values()) >= 40


def test_what_was_noted_before_this_way_of_sampling_is_read() -> None:
    """A database of an earlier version says less of its samplers."""
    rows = calls_at([0.0, 1.0])
    taken, after = choose(rows, RULES, {"assistant@d1": Sampler(allowed=1_600.0, at=START_S)}, LATER_S)
    assert taken == rows
    assert after["assistant@d1"].allowed <= SAVED_MAX + 1
