"""The ledger: nothing is taken twice, everything is settled once, rates hold in every window, gateways share what is left."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.domain.snapshot import KeyEntry, Usage
from groundcrew.domain.spending import AccountId, BudgetWarning, Held, Spent
from groundcrew.domain.use_case import Budget, Limits, RateLimits, SpendLimits, UseCase
from groundcrew.errors import RefusedCall
from groundcrew.gateway import budget as budgets
from groundcrew.gateway.budget import Ask, BudgetExceeded, Ledger, LimitReached, RateLimited, Reservation
from groundcrew.gateway.rates import BURST_S, Backlogs, admitted_at, wait_s
from groundcrew.testing import memory_use_case

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
KEY = KeyEntry(id="key-1", use_case="demo", expires_at_s=1e12)
DEMO = AccountId("use-case", "demo")


def limited(*, limits: Limits | None = None, **fields: Any) -> UseCase:
    return memory_use_case(budget=Budget(**{"tokens_per_day": 10**12, **fields}), limits=limits)


def ask(use_case: UseCase, tokens: int = 1, usd: float = 0.0, *, now: datetime = NOON, **fields: Any) -> Ask:
    return Ask(use_case=use_case, key=fields.pop("key", KEY), user=fields.pop("user", None), tokens=tokens, usd=usd, now=now)


def spend(ledger: Ledger, use_case: UseCase, tokens: int, usd: float = 0.0, **fields: Any) -> None:
    asked = ask(use_case, tokens, usd, **fields)
    ledger.settle(ledger.reserve(asked), tokens, usd, asked.now)


def test_a_day_and_a_month_begin_anew() -> None:
    ledger = Ledger()
    ledger.learn([Spent(DEMO, NOON.date(), 90, 5 * 10**9)], [], processes=1, now=NOON)
    use_case = limited(tokens_per_day=100, usd_per_month=6.0)
    with pytest.raises(BudgetExceeded) as caught:
        ledger.reserve(ask(use_case, 11))
    assert caught.value.details["resets_at"] == "2026-04-01T00:00:00Z"
    assert caught.value.reset_in_s == 12 * 3600
    spend(ledger, use_case, 10, 1.0)
    tomorrow = NOON + timedelta(days=1)
    ledger.settle(ledger.reserve(ask(use_case, 100, 6.0, now=tomorrow)), 1, 1.0, tomorrow)
    assert ledger.used(DEMO, tomorrow) == Usage(tokens_today=1, tokens_this_month=1, usd_today=1.0, usd_this_month=1.0)
    assert ledger.used(DEMO, NOON).tokens_today == 1, "a clock that is set back begins no new day"


@pytest.mark.parametrize("meter", ["tokens_per_day", "tokens_per_month", "usd_per_day", "usd_per_month"])
@pytest.mark.parametrize("who", ["use case", "key", "own key", "user"])
def test_every_limit_holds_for_use_case_key_and_user(meter: str, who: str) -> None:
    limit = {meter: 100}
    use_case, key = limited(), KEY
    if who == "use case":
        use_case = limited(**limit)
    elif who == "key":
        use_case = limited(per_key=SpendLimits(**limit))
    elif who == "own key":
        key = KeyEntry(id="key-1", use_case="demo", expires_at_s=1e12, budget=SpendLimits(**limit))
    else:
        use_case = limited(per_user=SpendLimits(**limit))
    ledger = Ledger()
    spend(ledger, use_case, 60, 60.0, key=key, user="anna")
    with pytest.raises(BudgetExceeded) as caught:
        ledger.reserve(ask(use_case, 41, 41.0, key=key, user="anna"))
    assert caught.value.details["what"] == meter
    assert (caught.value.details["limit"], caught.value.details["used"]) == (100, 60)
    spend(ledger, use_case, 40, 40.0, key=key, user="anna")
    other_key = KeyEntry(id="key-2", use_case="demo", expires_at_s=1e12)
    if who == "use case":
        with pytest.raises(BudgetExceeded):
            ledger.reserve(ask(use_case, 1, 1.0, key=other_key, user="beat"))
    else:
        spend(ledger, use_case, 100, 100.0, key=other_key, user="beat")


def test_of_the_limits_of_a_key_and_of_all_keys_the_lower_one_holds() -> None:
    use_case = limited(per_key=SpendLimits(tokens_per_day=50, usd_per_day=1))
    key = KeyEntry(id="key-1", use_case="demo", expires_at_s=1e12, budget=SpendLimits(tokens_per_day=80, usd_per_day=0.5))
    ledger = Ledger()
    for tokens, usd in ((51, 0.0), (1, 0.6)):
        with pytest.raises(BudgetExceeded):
            ledger.reserve(ask(use_case, tokens, usd, key=key))
    ledger.reserve(ask(use_case, 50, 0.5, key=key))


def test_a_refusal_holds_nothing_on_any_account() -> None:
    use_case = limited(per_user=SpendLimits(tokens_per_day=10), limits=Limits(requests_per_minute=1, concurrent=1))
    ledger = Ledger()
    with pytest.raises(BudgetExceeded):
        ledger.reserve(ask(use_case, 11, user="anna"))
    assert ledger.held() == []
    ledger.reserve(ask(use_case, 10, user="anna"))


def test_calls_that_name_nobody_share_one_allowance_where_users_are_limited() -> None:
    use_case = limited(per_user=SpendLimits(tokens_per_day=10))
    ledger = Ledger()
    spend(ledger, use_case, 10)
    with pytest.raises(BudgetExceeded):
        ledger.reserve(ask(use_case, 1))
    spend(ledger, use_case, 10, user="anna")


@given(
    limit=st.integers(1, 10_000),
    calls=st.lists(
        st.tuples(st.integers(0, 500), st.integers(0, 700), st.sampled_from(["a", "b", None]), st.booleans()), max_size=60
    ),
)
def test_a_budget_is_overshot_by_no_more_than_calls_use_beyond_their_estimates(
    limit: int, calls: list[tuple[int, int, str | None, bool]]
) -> None:
    ledger = Ledger()
    use_case = limited(tokens_per_day=limit, usd_per_day=limit / 7, per_user=SpendLimits(tokens_per_month=limit // 2 + 1))
    held: list[tuple[Reservation, int, str]] = []
    for estimate, real, user, settle_now in calls:
        try:
            reservation = ledger.reserve(ask(use_case, estimate, estimate / 7, user=user))
        except BudgetExceeded:
            continue
        held.append((reservation, real, user or ""))
        if settle_now:
            ledger.settle(reservation, real, real / 7, NOON)
    in_flight = sum(each.tokens for each, _, _ in held if not each.settled)
    assert sum(each.tokens for each in ledger.held() if each.account == DEMO) == in_flight
    for reservation, real, _ in held * 2:  # settling twice books once
        ledger.settle(reservation, real, real / 7, NOON)
    assert ledger.held() == []
    beyond = sum(max(0, real - each.tokens) for each, real, _ in held)
    used = ledger.used(DEMO, NOON)
    assert used.tokens_today == used.tokens_this_month == sum(real for _, real, _ in held) <= limit + beyond
    assert used.usd_today == pytest.approx(sum(real / 7 for _, real, _ in held))
    for user in {each for _, _, each in held}:
        mine = [(each, real) for each, real, name in held if name == user]
        over = sum(max(0, real - each.tokens) for each, real in mine)
        booked = ledger.used(AccountId("user", "demo", user), NOON).tokens_this_month
        assert booked == sum(real for _, real in mine) <= limit // 2 + 1 + over


@given(
    limit=st.integers(1, 120),
    arrivals=st.lists(st.tuples(st.floats(0, 20), st.integers(1, 60)), min_size=1, max_size=80),
)
def test_no_window_sees_more_than_the_rate_and_one_bucket(limit: int, arrivals: list[tuple[float, int]]) -> None:
    meter, now, admitted = 0.0, 1_000_000.0, []
    for gap, units in arrivals:
        now += gap
        cost = units * 60 / limit
        after = admitted_at(meter, now, cost)
        if units <= limit and wait_s(after, now, cost) <= 1e-6:
            meter = after
            admitted.append((now, units))
    for start, (begin, _) in enumerate(admitted):
        taken = 0
        for at, units in admitted[start:]:
            taken += units
            assert taken <= limit * (1 + (at - begin) / BURST_S) + 1e-3


def test_what_is_added_to_a_call_under_way_is_held_and_given_back() -> None:
    ledger = Ledger()
    use_case = limited(tokens_per_day=1_000, usd_per_day=1.0, limits=Limits(tokens_per_minute=5_000, concurrent=1))
    reservation = ledger.reserve(ask(use_case, 400, now=NOON))
    ledger.extend(reservation, 500, 0.4, NOON)
    with pytest.raises(BudgetExceeded):
        ledger.extend(reservation, 200, 0.0, NOON)
    with pytest.raises(BudgetExceeded):
        ledger.extend(reservation, 0, 0.7, NOON)
    assert {each.tokens for each in ledger.held()} == {900}
    ledger.shrink(reservation, 300, 0.3)
    ledger.shrink(reservation, -50, -1.0)
    assert {each.tokens for each in ledger.held()} == {600}
    ledger.extend(reservation, 200, 0.7, NOON)
    ledger.settle(reservation, 450, 0.2, NOON)
    ledger.shrink(reservation, 300, 0.3)
    assert ledger.held() == []
    assert ledger.used(use_case.name, NOON).tokens_today == 450


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(-50, 500)), max_size=8), st.integers(0, 3_000))
def test_holds_and_gifts_back_leave_nothing_behind(steps: list[tuple[int, int]], used: int) -> None:
    ledger = Ledger()
    use_case = limited(tokens_per_day=2_000)
    reservation = ledger.reserve(ask(use_case, 100, now=NOON))
    for more, less in steps:
        with contextlib.suppress(BudgetExceeded):
            ledger.extend(reservation, more, more / 1e6, NOON)
            ledger.shrink(reservation, less, less / 1e6)
        assert 0 <= reservation.tokens <= 2_000
        assert {each.tokens for each in ledger.held()} == {reservation.tokens}
    ledger.settle(reservation, used, 0.0, NOON)
    assert ledger.held() == []
    assert ledger.used(use_case.name, NOON).tokens_today == used


@given(
    limit=st.integers(10, 200),
    calls=st.lists(st.tuples(st.floats(0, 10), st.integers(1, 60), st.integers(0, 60), st.integers(0, 3)), max_size=60),
)
def test_real_tokens_keep_to_the_rate_where_estimates_are_upper_ones(
    limit: int, calls: list[tuple[float, int, int, int]]
) -> None:
    """What was estimated too high is given back, and never more than that."""
    ledger, now = Ledger(), NOON
    use_case = limited(limits=Limits(tokens_per_minute=limit))
    waiting: list[tuple[Reservation, int]] = []
    admitted: list[tuple[float, int]] = []
    for gap, estimate, real, keep in calls:
        now += timedelta(seconds=gap)
        while len(waiting) > keep:
            reservation, used = waiting.pop(0)
            ledger.settle(reservation, used, 0.0, now)
        try:
            reservation = ledger.reserve(ask(use_case, estimate, now=now))
        except RateLimited:
            continue
        waiting.append((reservation, min(real, estimate)))
        admitted.append((now.timestamp(), min(real, estimate)))
    for start, (begin, _) in enumerate(admitted):
        taken = 0
        for at, tokens in admitted[start:]:
            taken += tokens
            assert taken <= limit * (1 + (at - begin) / BURST_S) + 1e-3


def test_what_time_has_refilled_is_not_given_back_once_more() -> None:
    """A call that was estimated at a whole bucket and used nothing, settled when the bucket is full again and half taken anew."""
    ledger, use_case = Ledger(), limited(limits=Limits(tokens_per_minute=60))
    idle = ledger.reserve(ask(use_case, 60))
    later = NOON + timedelta(seconds=60)
    ledger.settle(ledger.reserve(ask(use_case, 60, now=later)), 60, 0.0, later)
    ledger.settle(idle, 0, 0.0, later)
    with pytest.raises(RateLimited):
        ledger.reserve(ask(use_case, 1, now=later))


@given(
    st.lists(st.tuples(st.floats(0, 20), st.floats(0, 30), st.floats(0, 1), st.integers(0, 4)), max_size=40),
)
def test_given_back_seconds_are_those_of_a_queue_without_the_surplus(calls: list[tuple[float, float, float, int]]) -> None:
    """Against the queue worked through anew with what each piece of work was in the end."""
    backlogs, meter, now = Backlogs(), 0.0, 0.0
    queue: list[list[float]] = []
    waiting: list[tuple[int, int, float]] = []
    for gap, cost, share, keep in calls:
        now += gap
        while len(waiting) > keep:
            number, place, surplus = waiting.pop(0)
            meter -= backlogs.give_back(number, surplus)
            queue[place][1] -= surplus
        waiting.append((backlogs.admit(meter, now), len(queue), cost * share))
        queue.append([now, cost])
        meter = max(meter, now) + cost
        afresh = 0.0
        for at, length in queue:
            afresh = max(afresh, at) + length
        assert meter == pytest.approx(afresh, abs=1e-6)


def test_a_rate_limit_says_when_to_come_back_and_means_it() -> None:
    use_case = limited(limits=Limits(requests_per_minute=30))
    ledger = Ledger()
    for _ in range(30):
        spend(ledger, use_case, 1)
    with pytest.raises(RateLimited) as caught:
        ledger.reserve(ask(use_case))
    wait = caught.value.reset_in_s
    assert wait == pytest.approx(2.0)
    with pytest.raises(RateLimited):
        ledger.reserve(ask(use_case, now=NOON + timedelta(seconds=1.9)))
    spend(ledger, use_case, 1, now=NOON + timedelta(seconds=2.0))


@pytest.mark.parametrize("who", ["use case", "per_key", "per_user"])
def test_rates_and_concurrency_hold_for_use_case_key_and_user(who: str) -> None:
    def made(**rates: int) -> UseCase:
        return limited(limits=Limits(**rates) if who == "use case" else Limits(**{who: RateLimits(**rates)}))

    for rates, what in (({"requests_per_minute": 2}, "requests"), ({"tokens_per_minute": 20}, "tokens"), ({"concurrent": 2}, "")):
        ledger, use_case = Ledger(), made(**rates)
        held = [ledger.reserve(ask(use_case, 10, user="anna")) for _ in range(2)]
        with pytest.raises(RateLimited) as caught:
            ledger.reserve(ask(use_case, 10, user="anna"))
        assert what in str(caught.value.details["what"])
        ledger.settle(held[0], 10, 0.0, NOON)
        if not what:
            ledger.reserve(ask(use_case, 10, user="anna"))


def test_a_call_larger_than_a_minute_is_told_that_waiting_does_not_help() -> None:
    with pytest.raises(RateLimited) as caught:
        Ledger().reserve(ask(limited(limits=Limits(tokens_per_minute=10)), 11))
    assert caught.value.reset_in_s is None


def test_a_clock_that_is_set_back_locks_nobody_out_for_long() -> None:
    use_case = limited(limits=Limits(requests_per_minute=1))
    ledger = Ledger()
    spend(ledger, use_case, 1, now=NOON)
    with pytest.raises(RateLimited) as caught:
        ledger.reserve(ask(use_case, now=NOON - timedelta(days=300)))
    assert caught.value.reset_in_s is not None
    assert caught.value.reset_in_s <= 600


def test_response_headers_tell_the_tightest_rate() -> None:
    use_case = limited(limits=Limits(requests_per_minute=60, per_user=RateLimits(requests_per_minute=10)))
    headers = dict(Ledger().reserve(ask(use_case, user="anna")).headers())
    assert headers[b"x-ratelimit-limit-requests"] == b"10"
    assert headers[b"x-ratelimit-remaining-requests"] == b"9"
    assert headers[b"x-ratelimit-reset-requests"] == b"6.000s"
    assert Ledger().reserve(ask(limited())).headers() == []


def test_a_warning_comes_once_for_each_account_and_period() -> None:
    given: list[BudgetWarning] = []
    ledger = Ledger(given.append)
    use_case = limited(tokens_per_day=100, usd_per_month=10)
    spend(ledger, use_case, 79, 1)
    assert given == []
    for _ in range(3):
        spend(ledger, use_case, 1, 3.0)
    assert [(each.meter, each.period, each.used, each.limit) for each in given] == [
        ("tokens_per_day", "2026-03-31", 80, 100),
        ("usd_per_month", "2026-03", 10, 10),
    ]
    assert ledger.take_warnings() == given
    assert ledger.take_warnings() == []
    spend(ledger, use_case, 90, now=NOON + timedelta(days=1))
    assert [each.period for each in ledger.take_warnings()] == ["2026-04-01"]


def test_users_have_a_limit_in_number_and_the_next_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "USERS_PER_USE_CASE_MAX", 3)
    ledger = Ledger()
    use_case = limited(per_user=SpendLimits(tokens_per_day=10))
    for number in range(3):
        spend(ledger, use_case, 5, user=f"user-{number}")
    with pytest.raises(RefusedCall, match="keeps accounts of as many as it can"):
        ledger.reserve(ask(use_case, 5, user="user-3"))
    spend(ledger, use_case, 5, user="user-0")
    unlimited = memory_use_case(name="other")
    for number in range(5):
        spend(ledger, unlimited, 5, user=f"user-{number}")
    assert ledger.used(AccountId("use-case", "other"), NOON).tokens_today == 25, "uncounted users are served all the same"
    next_month = NOON + timedelta(days=2)
    spend(ledger, use_case, 5, user="user-3", now=next_month)


def test_a_full_table_forgets_nobody_who_has_spent_this_month(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "USERS_PER_USE_CASE_MAX", 2)
    ledger = Ledger()
    anna = AccountId("user", "demo", "anna")
    ledger.learn([Spent(anna, NOON.date(), 10, 0)], [], processes=1, now=NOON)
    use_case = limited(per_user=SpendLimits(tokens_per_day=10))
    ledger.settle(ledger.reserve(ask(use_case, 5, user="idle")), 0, 0.0, NOON)
    spend(ledger, use_case, 5, user="beat")  # in the place of the one who has spent nothing
    with pytest.raises(BudgetExceeded):
        ledger.reserve(ask(use_case, 1, user="anna"))


def share(count: int) -> tuple[list[Ledger], Callable[[], None]]:
    """Ledgers of `count` gateways, and an exchange among them as the database would pass it on."""
    ledgers = [Ledger() for _ in range(count)]
    booked = [0] * count

    def exchange() -> None:
        before = [*booked]
        booked[:] = [own(each) for each in range(count)]
        for number, ledger in enumerate(ledgers):
            spent = [Spent(DEMO, NOON.date(), booked[each] - before[each], 0) for each in range(count) if each != number]
            held = [one for each in range(count) if each != number for one in ledgers[each].held()]
            told[number] = [a + b for a, b in zip(told[number], [each.tokens for each in spent], strict=True)]
            ledger.learn(spent, held, processes=count, now=NOON)

    told = [[0] * (count - 1) for _ in range(count)]

    def own(index: int) -> int:
        return ledgers[index].used(DEMO, NOON).tokens_today - sum(told[index])

    return ledgers, exchange


@given(
    count=st.integers(2, 4),
    limit=st.integers(1, 2_000),
    steps=st.lists(
        st.one_of(st.just(None), st.tuples(st.integers(0, 3), st.integers(1, 200), st.booleans())), min_size=1, max_size=80
    ),
)
def test_gateways_that_hear_of_each_other_do_not_overshoot(
    count: int, limit: int, steps: list[tuple[int, int, bool] | None]
) -> None:
    """Each takes its share of what was left when they last heard of each other: together never more than the limit."""
    ledgers, exchange = share(count)
    use_case = limited(tokens_per_day=limit)
    exchange()
    held: list[tuple[Ledger, Reservation]] = []
    for step in steps:
        if step is None:
            exchange()
            continue
        index, tokens, settle = step
        ledger = ledgers[index % count]
        try:
            reservation = ledger.reserve(ask(use_case, tokens))
        except LimitReached:
            continue
        held.append((ledger, reservation))
        if settle:
            ledger.settle(reservation, tokens, 0.0, NOON)
    assert sum(each.tokens for _, each in held) <= limit


def test_a_gateway_that_hears_nothing_more_keeps_to_its_last_share() -> None:
    ledgers, exchange = share(2)
    use_case = limited(tokens_per_day=100)
    exchange()
    for ledger in ledgers:
        spend(ledger, use_case, 50)
        with pytest.raises(BudgetExceeded):
            ledger.reserve(ask(use_case, 1))
    assert sum(each.used(DEMO, NOON).tokens_today for each in ledgers) == 100


def test_a_call_that_only_its_gateways_share_refuses_is_told_so() -> None:
    ledgers, exchange = share(2)
    exchange()
    with pytest.raises(BudgetExceeded, match="may need 60; of what is left each of 2 gateways gives its share; the budget"):
        ledgers[0].reserve(ask(limited(tokens_per_day=100), 60))
    with pytest.raises(BudgetExceeded, match="may need 101; the budget"):
        ledgers[0].reserve(ask(limited(tokens_per_day=100), 101))


def test_who_names_nobody_is_told_so() -> None:
    use_case = limited(per_user=SpendLimits(tokens_per_day=5))
    with pytest.raises(BudgetExceeded, match=r"the unnamed user of demo \(a call without `groundcrew-user-id`\) has used"):
        Ledger().reserve(ask(use_case, 6))


def test_what_another_gateway_holds_is_not_there_to_take_until_its_lease_ends() -> None:
    ledger, use_case = Ledger(), limited(tokens_per_day=100)
    ledger.learn([], [Held(DEMO, 60, 0)], processes=2, now=NOON)
    with pytest.raises(BudgetExceeded):
        ledger.reserve(ask(use_case, 21))
    ledger.learn([], [], processes=1, now=NOON)
    ledger.reserve(ask(use_case, 100))
