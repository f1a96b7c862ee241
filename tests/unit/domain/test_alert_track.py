"""How a rule goes from ok to firing and back: by its two bounds and its patience alone, whatever the figures do."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.domain.alert import AlertRule, Figure, exact
from groundcrew.domain.alert_track import Track, compared, look

NOW = datetime.fromisoformat("2026-03-02T09:00:00+00:00")
EVERY = timedelta(seconds=15)
UNKNOWN = Figure(estimate=None)


def rule(**changes: Any) -> AlertRule:
    made = AlertRule(name="slow", metric="latency_p95", when="estimate_above", threshold=10.0, clear=8.0, severity=2)
    return msgspec.structs.replace(made, **changes)


def run(of: AlertRule, figures: list[Figure]) -> list[Track]:
    """The track after each look."""
    track, tracks = Track(rule=of.name, use_case="a"), []
    for place, figure in enumerate(figures):
        track = look(of, track, figure, NOW + place * EVERY)
        tracks.append(track)
    return tracks


def phases(of: AlertRule, *values: float | None) -> list[str]:
    return [each.phase for each in run(of, [UNKNOWN if value is None else exact(value) for value in values])]


def test_it_raises_past_the_threshold_and_ends_at_the_clear_bound_only() -> None:
    found = phases(rule(clear_looks=1), 10.0, 10.1, 9.0, 10.5, 8.1, 8.0, 9.5)
    assert found == ["ok", "firing", "firing", "firing", "firing", "ok", "ok"]


def test_below_is_the_same_the_other_way_round() -> None:
    stars = rule(when="estimate_below", threshold=4.0, clear=4.2, clear_looks=1)
    assert phases(stars, 4.0, 3.9, 4.1, 4.2) == ["ok", "firing", "firing", "ok"]


def test_it_waits_for_looks_and_time_and_begins_anew_after_a_good_figure() -> None:
    assert phases(rule(looks=3), 11, 11, 9, 11, 11, 11) == ["pending", "pending", "ok", "pending", "pending", "firing"]
    assert phases(rule(for_s=30), 11, 11, 11) == ["pending", "pending", "firing"]


def test_it_ends_after_clear_looks_in_a_row() -> None:
    assert phases(rule(clear_looks=2), 11, 7, 9, 7, 7) == ["firing", "firing", "firing", "firing", "ok"]


def test_a_bound_is_compared_and_not_the_bare_figure() -> None:
    credible = rule(when="credibly_above", threshold=0.05, clear=0.03)
    assert compared(credible, Figure(estimate=0.2, lower=0.04, upper=0.6)) == 0.04
    few, many = Figure(estimate=0.2, lower=0.04, upper=0.6), Figure(estimate=0.2, lower=0.15, upper=0.3)
    assert [each.phase for each in run(credible, [few, many])] == ["ok", "firing"]
    assert compared(rule(when="credibly_below"), Figure(estimate=3.5, lower=3.0, upper=4.1)) == 4.1
    # What no data give has bounds of its own, which say nothing.
    assert compared(credible, Figure(estimate=None, lower=0.0, upper=1.0)) is None


def test_unknown_neither_raises_nor_ends() -> None:
    assert phases(rule(), None, None) == ["ok", "ok"]
    assert phases(rule(clear_looks=1), 11, None, None) == ["firing", "firing", "firing"]
    assert phases(rule(looks=2), 11, None, 11) == ["pending", "pending", "firing"]
    assert phases(rule(clear_looks=2), 11, 7, None, 7, 7) == ["firing"] * 4 + ["ok"], "no data is no clear look"


def test_no_data_is_an_alert_of_its_own_where_asked_for() -> None:
    patient = rule(no_data_for_s=30, clear_looks=1)
    tracks = run(patient, [UNKNOWN, UNKNOWN, UNKNOWN, exact(9.0), exact(11.0)])
    assert [(each.phase, each.cause) for each in tracks] == [
        ("ok", "breach"),
        ("ok", "breach"),
        ("firing", "no_data"),
        ("ok", "breach"),
        ("firing", "breach"),
    ]
    bad = run(patient, [UNKNOWN, UNKNOWN, UNKNOWN, exact(11.0), exact(9.0), exact(8.0)])
    assert [(each.phase, each.cause) for each in bad[2:]] == [
        ("firing", "no_data"),
        ("firing", "breach"),
        ("firing", "breach"),
        ("ok", "breach"),
    ], "data came back, and were bad: the clear bound holds again"


values = st.one_of(st.none(), st.floats(0, 20))
RULES = st.builds(
    rule,
    when=st.sampled_from(["estimate_above", "credibly_above"]),
    threshold=st.floats(8, 12),
    clear=st.one_of(st.none(), st.floats(4, 8)),
    looks=st.integers(1, 4),
    clear_looks=st.integers(1, 4),
    for_s=st.sampled_from([0, 15, 45]),
)


@given(RULES, st.lists(values, max_size=40))
def test_what_fires_was_bad_for_long_enough_and_what_ends_was_good(of: AlertRule, series: list[float | None]) -> None:
    """Every change of phase is one that the rule asks for, whatever the series."""
    tracks = run(of, [UNKNOWN if each is None else exact(each) for each in series])
    bound = of.threshold if of.clear is None else of.clear
    before = "ok"
    for place, (track, value) in enumerate(zip(tracks, series, strict=True)):
        seen = [each for each in series[: place + 1] if each is not None]
        if before != "firing" and track.phase == "firing":
            assert value is not None
            assert value > of.threshold
            assert len(seen) >= of.looks
            assert all(each > of.threshold for each in seen[-of.looks :])
            assert track.since is not None
            assert NOW + place * EVERY - track.since >= timedelta(seconds=of.for_s)
        if before == "firing" and track.phase != "firing":
            assert track.phase == "ok"
            last = series[place + 1 - of.clear_looks : place + 1]
            assert len(last) == of.clear_looks
            assert all(each is not None and each <= bound for each in last)
        if value is None:
            assert track.phase == before, "unknown changes nothing"
        before = track.phase


@given(st.lists(st.floats(8.000001, 9.999999), min_size=1, max_size=60), st.booleans())
def test_nothing_flaps_between_the_bounds(series: list[float], raised: bool) -> None:
    """A figure that sways between the two bounds changes nothing, from either side."""
    start = [11.0] if raised else [5.0]
    assert set(phases(rule(clear_looks=1), *start, *series)) == ({"firing"} if raised else {"ok"})


@pytest.mark.parametrize("when", ["estimate_above", "estimate_below"])
def test_without_a_clear_bound_the_threshold_itself_clears(when: str) -> None:
    assert phases(rule(when=when, clear=None, clear_looks=1), 10.0) == ["ok"]
