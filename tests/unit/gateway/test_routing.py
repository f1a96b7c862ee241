"""The order of targets: shares as declared, the same for the same caller, and every primary at most once."""

from __future__ import annotations

import math
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from groundcrew.domain.provider import Provider, Target
from groundcrew.gateway.routing import Plan, Route, caller_of, fraction, order

CALLS = 2_000
#: How likely a share is to be called wrong by chance alone.
FALSE_ALARM = 1e-9


def route(name: str, **fields: object) -> Route:
    return Route(provider=Provider(name=name, api="openai"), target=Target(provider=name, model=name, **fields))  # type: ignore[arg-type]


def plan(routes: list[Route], call_id: str = "call", caller: str | None = None, tries_max: int = 16) -> Plan:
    return order("writer", routes, call_id=call_id, caller=caller or f"call:{call_id}", tries_max=tries_max)


def names(routes: tuple[Route, ...]) -> list[str]:
    return [each.target.model for each in routes]


def is_share(count: int, share: float, n: int) -> bool:
    """Within Bernstein's bound of a binomial count."""
    log = math.log(2 / FALSE_ALARM)
    return abs(count - share * n) <= math.sqrt(2 * n * share * (1 - share) * log) + log / 3


weights = st.lists(st.none() | st.integers(0, 1_000), min_size=1, max_size=6)


@given(weights, st.text(max_size=20))
def test_every_primary_that_is_on_is_tried_once(drawn: list[int | None], call_id: str) -> None:
    routes = [route(f"t{index}", weight=weight) for index, weight in enumerate(drawn)]
    tried = names(plan(routes, call_id).tries)
    assert sorted(tried) == [each.target.model for each in routes if each.target.weight != 0]
    if not any(drawn):
        assert tried == [each.target.model for each in routes if each.target.weight is None], "no weights: as declared"
    else:
        assert routes[int(tried[0][1:])].target.weight, "a target without a weight is a fallback only"
        assert tried[1:] == [each for each in names(tuple(routes)) if each in tried[1:]], "the rest stays in its order"


@settings(max_examples=10)
@given(st.lists(st.integers(1, 100), min_size=2, max_size=4), st.integers(0, 10_000))
def test_weights_share_the_first_tries(drawn: list[int], seed: int) -> None:
    routes = [route(f"t{index}", weight=weight) for index, weight in enumerate(drawn)]
    first = Counter(names(plan(routes, f"{seed}-{number}").tries)[0] for number in range(CALLS))
    for index, weight in enumerate(drawn):
        assert is_share(first[f"t{index}"], weight / sum(drawn), CALLS)


@settings(max_examples=10)
@given(st.floats(0, 100), st.floats(0, 100), st.integers(0, 10_000))
def test_canaries_get_their_share_of_callers_and_fall_back_on_primaries(first: float, second: float, seed: int) -> None:
    second = min(second, 100 - first)
    routes = [
        route("a"),
        route("c1", role="canary", share_percent=first),
        route("c2", role="canary", share_percent=second),
        route("b"),
    ]
    seen = [tuple(names(plan(routes, str(number), f"user:{seed}-{number}").tries)) for number in range(CALLS)]
    assert set(seen) <= {("a", "b"), ("c1", "a", "b"), ("c2", "a", "b")}
    assert is_share(sum(each[0] == "c1" for each in seen), first / 100, CALLS)
    assert is_share(sum(each[0] == "c2" for each in seen), second / 100, CALLS)


@given(st.floats(0, 100), st.floats(0, 100), st.text(max_size=20), st.lists(st.text(max_size=8), max_size=5))
def test_a_caller_keeps_its_canary_whatever_it_calls_and_while_the_share_grows(
    share: float, more: float, caller: str, calls: list[str]
) -> None:
    share, more = sorted((share, more))

    def tried(percent: float, call_id: str) -> list[str]:
        return names(plan([route("a"), route("c", role="canary", share_percent=percent)], call_id, f"user:{caller}").tries)

    assert len({tuple(tried(share, each)) for each in calls}) <= 1
    if tried(share, "x")[0] == "c":
        assert tried(more, "y")[0] == "c"


@settings(max_examples=10)
@given(st.floats(0, 100), st.floats(0, 100), st.integers(0, 10_000))
def test_shadows_get_their_share_of_calls_and_are_never_tried(first: float, second: float, seed: int) -> None:
    routes = [
        route("a"),
        route("s1", role="shadow", share_percent=first),
        route("s2", role="shadow", share_percent=second),
    ]
    plans = [plan(routes, f"{seed}-{number}", "user:one") for number in range(CALLS)]
    assert {tuple(names(each.tries)) for each in plans} == {("a",)}
    for name, share in (("s1", first), ("s2", second)):
        assert is_share(sum(name in names(each.shadows) for each in plans), share / 100, CALLS)


@given(st.integers(1, 5), st.integers(0, 100))
def test_no_call_tries_more_than_its_limit(tries_max: int, seed: int) -> None:
    routes = [route("c", role="canary", share_percent=100), *(route(f"t{index}") for index in range(6))]
    assert names(plan(routes, str(seed), tries_max=tries_max).tries) == ["c", "t0", "t1", "t2", "t3"][:tries_max]


def test_a_canary_alone_answers_nobody() -> None:
    routes = [route("c", role="canary", share_percent=100), route("a", weight=0)]
    assert plan(routes).tries == ()


def test_a_canary_follows_the_user_then_the_unit_then_the_case() -> None:
    assert caller_of("1", user="u", unit_id="n", case_id="c") == "user:u"
    assert caller_of("1", unit_id="n", case_id="c") == "unit:n"
    assert caller_of("1", case_id="c") == "case:c"
    assert caller_of("1", user="") == "call:1"


@given(st.lists(st.text(), max_size=4))
def test_a_fraction_is_one(words: list[str]) -> None:
    assert 0 <= fraction(*words) < 1
    assert fraction(*words) == fraction(*words)
