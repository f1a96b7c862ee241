"""The circuit breaker against a plain model of it, over any order of calls, ends and pauses."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from groundcrew.domain.provider import BreakerRule
from groundcrew.gateway.breaker import BREAKERS_MAX, Breaker, Breakers, State

RULE = BreakerRule(failures=3, open_s=10.0)


class Circuit(RuleBasedStateMachine):
    """Calls enter, end in any order, and time passes. The model keeps what the state must be, and since when."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1_000.0
        self.heard: list[State] = []
        self.breaker = Breaker(lambda: self.now_s, self.heard.append)
        self.state: State = "closed"
        self.failures = 0
        self.opens_s = 0.0
        #: Calls under way: ticket, and the number of the state that they began in.
        self.calls: list[tuple[int, int]] = []
        self.epoch = 0
        self.probe: int | None = None

    def turn(self, state: State) -> None:
        self.state, self.failures, self.probe = state, 0, None
        self.epoch += 1
        if state == "open":
            self.opens_s = self.now_s + RULE.open_s

    @rule()
    def enter(self) -> None:
        if self.state == "open" and self.now_s >= self.opens_s:
            self.turn("half_open")
        allowed = self.state == "closed" or (self.state == "half_open" and self.probe is None)
        ticket = self.breaker.enter()
        assert (ticket is not None) == allowed
        if ticket is not None:
            if self.state == "half_open":
                self.probe = self.epoch
            self.calls.append((ticket, self.epoch))

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), end=st.sampled_from(["succeeded", "failed", "abandoned"]))
    def leave(self, data: st.DataObject, end: str) -> None:
        ticket, epoch = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        if end == "failed":
            self.breaker.failed(ticket, RULE)
        else:
            getattr(self.breaker, end)(ticket)
        if epoch != self.epoch:
            return
        if end == "succeeded":
            self.failures = 0
            if self.state == "half_open":
                self.turn("closed")
        elif end == "failed":
            self.failures += 1
            if self.state == "half_open" or self.failures >= RULE.failures:
                self.turn("open")
        else:
            self.probe = None

    @rule(seconds=st.floats(0, 15))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    @invariant()
    def agrees(self) -> None:
        seen = "half_open" if self.state == "open" and self.now_s >= self.opens_s else self.state
        assert self.breaker.state == seen
        assert self.breaker.retry_after_s() == (max(0.0, self.opens_s - self.now_s) if self.state == "open" else 0.0)
        assert len(self.heard) == self.epoch
        assert all(first != second for first, second in zip(self.heard, self.heard[1:], strict=False))


Circuit.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestCircuit = Circuit.TestCase


def test_what_began_before_a_change_says_nothing_about_after() -> None:
    breaker = Breaker(lambda: 0.0)
    tickets = [breaker.enter() for _ in range(4)]
    assert None not in tickets
    for ticket in tickets[:3]:
        breaker.failed(ticket or 0, RULE)
    assert breaker.state == "open"
    breaker.succeeded(tickets[3] or 0)
    assert breaker.state == "open"


def test_a_target_keeps_its_breaker_and_the_number_is_bounded() -> None:
    breakers = Breakers(lambda: 0.0)
    kept = ("p", "https://one", "m", False)
    first = breakers.of(kept)
    assert breakers.of(kept) is first
    assert breakers.of(("p", "https://two", "m", False)) is not first
    assert breakers.of(("p", "https://one", "m", True)) is not first
    for number in range(BREAKERS_MAX):
        breakers.of(("p", None, str(number), False))
    assert breakers.of(kept) is not first, "the one used least recently went first"
