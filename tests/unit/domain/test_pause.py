"""A process that stood still is noticed by whoever asks first, and stays suspect until something asked for later is known."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from groundcrew.domain.pause import Pauses


class Clocks:
    """The machine's two clocks, moved by hand."""

    def __init__(self) -> None:
        self.running_s, self.wall_s = 100.0, 1_000_000.0

    def advance(self, seconds: float, *, wall: float | None = None) -> None:
        self.running_s += seconds
        self.wall_s += seconds if wall is None else wall

    def pauses(self, pause_s_max: float = 1.0) -> Pauses:
        return Pauses(pause_s_max=pause_s_max, running=lambda: self.running_s, wall=lambda: self.wall_s)


def test_nothing_is_a_pause_before_the_first_beat() -> None:
    clocks = Clocks()
    pauses = clocks.pauses()
    clocks.advance(1_000)
    assert not pauses.pending()


def test_a_pause_is_pending_until_what_was_asked_for_after_it_is_known() -> None:
    clocks = Clocks()
    pauses = clocks.pauses()
    pauses.beat()
    clocks.advance(0.9)
    assert not pauses.pending()
    asked_before = pauses.now_s()
    clocks.advance(30)
    assert pauses.pending(), "whoever asks first notices, not only the beat"
    pauses.settle(asked_before)
    assert pauses.pending(), "an answer to a question of before says nothing"
    pauses.beat()
    pauses.settle(pauses.now_s())
    assert not pauses.pending()
    assert (pauses.count, round(pauses.last_s), pauses.ended_at_s) == (1, 31, clocks.wall_s)


def test_a_beat_does_not_hide_the_pause_before_it() -> None:
    """After a pause the timers that are due may run before anything else does."""
    clocks = Clocks()
    pauses = clocks.pauses()
    pauses.beat()
    clocks.advance(5)
    pauses.beat()
    assert pauses.pending()


def test_a_machine_whose_running_clock_stood_still_too_is_noticed_by_the_wall_clock() -> None:
    clocks = Clocks()
    pauses = clocks.pauses()
    pauses.beat()
    clocks.advance(0.01, wall=3_600)
    assert pauses.pending()


@given(st.lists(st.tuples(st.sampled_from(["beat", "ask", "learn"]), st.floats(0, 3)), max_size=60))
def test_nothing_goes_on_after_a_silence_without_an_answer_to_a_later_question(steps: list[tuple[str, float]]) -> None:
    clocks = Clocks()
    pauses = clocks.pauses()
    pauses.beat()
    heard_s, suspect = clocks.running_s, False
    for what, seconds in steps:
        clocks.advance(seconds)
        asked_s = clocks.running_s
        if asked_s - heard_s > 1.0:
            suspect, heard_s = True, asked_s
        if what == "beat":
            pauses.beat()
            heard_s = asked_s
        elif what == "learn":
            pauses.pending()
            pauses.settle(asked_s)
            suspect = False
        assert pauses.pending() == suspect
