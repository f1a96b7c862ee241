"""Retries: which failures, how often, how long, with a clock and a chance that the test holds."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.domain.provider import BreakerRule, Provider, Target
from groundcrew.errors import CircuitOpen, RefusedCall, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from groundcrew.gateway.breaker import Breakers
from groundcrew.gateway.metrics import Metrics
from groundcrew.gateway.retry import TIME_SLACK_S, Retrier, Timing, pause_s
from groundcrew.gateway.routing import Route
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.gateway.upstream import UpstreamRefused, retry_after_s

SETTINGS = GatewaySettings()


class Line:
    """Time that only moves when somebody waits, and a target that fails as told."""

    def __init__(self, seed: int = 0, settings: GatewaySettings = SETTINGS) -> None:
        self.now_s = 50.0
        self.pauses: list[float] = []
        self.given_s: list[float] = []
        self.failures: list[UpstreamError] = []
        timing = Timing(lambda: self.now_s, self.sleep, random.Random(seed))
        self.metrics = Metrics()
        self.retrier = Retrier(settings, Breakers(timing.clock, self.metrics.breaker), self.metrics, timing)

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now_s += seconds

    def run(self, ends: list[tuple[float, Exception | str]], **fields: object) -> str:
        """Attempts that take so long and end so, at a target with `fields`; the last end goes on for ever."""
        left = list(ends)

        async def attempt(_route: Route, target: Target) -> str:
            self.given_s.append(target.timeout_s)
            took_s, end = left.pop(0) if len(left) > 1 else left[0]
            self.now_s += min(took_s, target.timeout_s)
            if isinstance(end, Exception):
                raise end
            return end

        route = Route(provider=Provider(name="p", api="openai"), target=Target(provider="p", model="m", **fields))  # type: ignore[arg-type]
        return asyncio.run(
            self.retrier.run(route, self.retrier.deadline_s(), attempt, lambda _, error: self.failures.append(error))
        )


LOST = UpstreamUnreachable("lost")
BUSY = UpstreamRefused("busy", status=429, retry_after_s=2.0)


@pytest.mark.parametrize("error", [LOST, BUSY, UpstreamRefused("down", status=500), UpstreamRefused("over", status=529)])
def test_what_passes_is_tried_again(error: UpstreamError) -> None:
    line = Line()
    assert line.run([(0.1, error), (0.1, "ok")]) == "ok"
    assert line.failures == [error]
    assert len(line.pauses) == 1
    assert line.metrics.registry.get_sample_value("groundcrew_retries_total", {"provider": "p"}) == 1


@pytest.mark.parametrize(
    "error",
    [
        UpstreamRefused("wrong", status=400),
        UpstreamRefused("key", status=401),
        UpstreamTimeout("late"),
        UpstreamError("nonsense"),
        RefusedCall("kill_switch", "stopped"),
    ],
)
def test_what_does_not_pass_is_not(error: Exception) -> None:
    line = Line()
    with pytest.raises(type(error)):
        line.run([(0.1, error), (0.1, "ok")], retries=3)
    assert line.pauses == []


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_no_more_often_than_declared(retries: int) -> None:
    line = Line()
    with pytest.raises(UpstreamUnreachable):
        line.run([(0.0, LOST)], retries=retries)
    assert len(line.given_s) == retries + 1


def test_the_wish_to_wait_is_honoured_up_to_a_bound() -> None:
    line = Line()
    line.run([(0.0, BUSY), (0.0, "ok")])
    assert 2.0 <= line.pauses[0] <= 2.0 + SETTINGS.retry_base_s
    line = Line()
    with pytest.raises(UpstreamRefused):
        line.run([(0.0, UpstreamRefused("busy", status=429, retry_after_s=SETTINGS.retry_after_s_max + 1)), (0.0, "ok")])
    assert line.pauses == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Wed, 21 Oct 2015 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("9999999", None),
        ("٣", None),
    ],
)
def test_a_wish_is_seconds_or_a_date(text: str, expected: float | None) -> None:
    assert retry_after_s(text, 1_445_412_480.0) == expected


@given(st.text())
def test_any_wish_is_read_or_left_alone(text: str) -> None:
    wish_s = retry_after_s(text, 0.0)
    assert wish_s is None or wish_s >= 0


@given(st.integers(0, 3), st.integers(0, 1_000))
def test_a_pause_is_full_jitter(retry: int, seed: int) -> None:
    pause = pause_s(retry, LOST, random.Random(seed), SETTINGS)
    assert pause is not None
    assert 0 <= pause <= min(SETTINGS.retry_pause_s_max, SETTINGS.retry_base_s * 2**retry)


@given(
    st.lists(
        st.tuples(st.floats(0, 20), st.sampled_from([LOST, BUSY, UpstreamRefused("down", status=503)])), min_size=1, max_size=4
    ),
    st.floats(0.1, 20),
    st.floats(0.1, 40),
    st.integers(0, 3),
    st.integers(0, 1_000),
)
def test_all_tries_together_end_in_time(
    ends: list[tuple[float, UpstreamError]], timeout_s: float, call_s: float, retries: int, seed: int
) -> None:
    line = Line(seed, GatewaySettings(upstream_s_max=call_s))
    started_s = line.now_s
    with pytest.raises(UpstreamError):
        line.run(list(ends), timeout_s=timeout_s, retries=retries)
    assert line.now_s - started_s <= min(timeout_s, call_s) + TIME_SLACK_S + 1e-6
    assert len(line.given_s) <= retries + 1
    assert all(0 < given_s <= timeout_s for given_s in line.given_s)


def test_an_open_breaker_answers_at_once_and_one_probe_closes_it() -> None:
    line, rule = Line(), BreakerRule(failures=2, open_s=30.0)
    with pytest.raises(UpstreamUnreachable):
        line.run([(0.0, LOST)], retries=3, breaker=rule)
    assert len(line.given_s) == 2, "the breaker ends the retries"
    state = ("groundcrew_breaker_state", {"provider": "p", "model": "m", "kind": "main"})
    assert line.metrics.registry.get_sample_value(*state) == 2
    with pytest.raises(CircuitOpen) as caught:
        line.run([(0.0, "ok")], breaker=rule)
    assert caught.value.retry_after_s == pytest.approx(30)
    assert len(line.given_s) == 2
    line.now_s += 30.001
    assert line.run([(0.0, "ok")], breaker=rule) == "ok"
    assert line.metrics.registry.get_sample_value(*state) == 0


@pytest.mark.parametrize(
    "error", [UpstreamRefused("wrong", status=400), UpstreamRefused("key", status=403), RefusedCall("kill_switch", "x")]
)
def test_what_is_not_the_targets_failure_opens_nothing(error: Exception) -> None:
    line, rule = Line(), BreakerRule(failures=1, open_s=30.0)
    for _ in range(3):
        with pytest.raises(type(error)):
            line.run([(0.0, error)], breaker=rule)


def test_a_call_that_is_cut_gives_its_probe_back() -> None:
    line, rule = Line(), BreakerRule(failures=1, open_s=1.0)
    with pytest.raises(UpstreamTimeout):
        line.run([(0.0, UpstreamTimeout("late"))], breaker=rule)
    line.now_s += 1.001
    with pytest.raises(RefusedCall):
        line.run([(0.0, RefusedCall("kill_switch", "cut"))], breaker=rule)
    assert line.run([(0.0, "ok")], breaker=rule) == "ok"


@pytest.mark.parametrize(
    ("error", "reason", "is_told"),
    [
        (LOST, "no_connection", False),
        (BUSY, "429", False),
        (UpstreamRefused("wrong key", status=401), "401", True),
        (UpstreamTimeout("slow"), "timeout", False),
        (UpstreamError("no JSON"), "bad_answer", False),
        (UpstreamError("no key", is_sent=False), "not_sent", True),
        (UpstreamRefused("nonsense", status=777), "bad_answer", False),
    ],
)
def test_failed_tries_are_counted_and_faults_of_our_own_set_up_logged_once_a_minute(
    error: UpstreamError, reason: str, is_told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    line = Line()
    for _ in range(2):
        with pytest.raises(UpstreamError):
            line.run([(0.1, error)], retries=0)
    labels = {"provider": "p", "reason": reason}
    assert line.metrics.registry.get_sample_value("groundcrew_upstream_failures_total", labels) == 2
    assert [each.split(":")[0] for each in caplog.messages] == ([str(error)] if is_told else [])
