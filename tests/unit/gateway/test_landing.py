"""The landing zone through the gateway: budgets under many callers, exposure, identities, rates, prices in the record."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.domain.exposure import exposed_user, place_of
from groundcrew.domain.key import secret_sha256
from groundcrew.domain.provider import Price
from groundcrew.domain.spending import AccountId
from groundcrew.domain.use_case import Budget, Exposure, Limits, RateLimits, SpendLimits, UseCase
from groundcrew.gateway.dialects.chat import named_user
from groundcrew.gateway.landing import plan_for
from groundcrew.testing import (
    TEST_KEY,
    FakeClock,
    FakeUpstream,
    MemoryGateway,
    Reply,
    Response,
    chat,
    memory_gateway,
    memory_snapshot,
    memory_use_case,
)

CALLERS = 64


class Zone:
    """A gateway over a use case whose upstream answers with `usage`."""

    def __init__(self, folder: Path, use_case: UseCase, *, reply: Reply | None = None, price: Price | None = None) -> None:
        self.upstream = FakeUpstream(reply or Reply())
        self._folder, self._use_case, self._price = folder, use_case, price

    async def __aenter__(self) -> MemoryGateway:
        self.upstream.__enter__()
        snapshot = memory_snapshot(self.upstream.url, use_case=self._use_case, price=self._price)
        self._memory = memory_gateway(snapshot, self._folder, clock=FakeClock())
        return self._memory

    async def __aexit__(self, *_: object) -> None:
        await self._memory.gateway.close()
        self._memory.spool.close()
        self.upstream.__exit__()


def code_of(response: Response) -> str:
    return "" if response.status == 200 else str(response.json()["error"]["code"])


@pytest.mark.parametrize("who", ["use case", "per_user", "per_key"])
async def test_many_callers_overshoot_by_no_more_than_they_use_beyond_their_estimates(tmp_path: Path, who: str) -> None:
    """The bound that is written down: the sum, over calls in flight, of what each uses beyond its own estimate."""
    limit, output, real = 8_000, 100, (50, 400)
    spend = SpendLimits(tokens_per_day=limit)
    budget = Budget(tokens_per_day=limit) if who == "use case" else Budget(tokens_per_day=10**9, **{who: spend})
    account = {"use case": AccountId("use-case", "demo"), "per_user": AccountId("user", "demo", "anna")}
    async with Zone(tmp_path, memory_use_case(budget=budget), reply=Reply(usage=real, delay_s=0.05)) as memory:

        async def one(number: int) -> Response:
            headers = {"groundcrew-user-id": "anna", "groundcrew-case-id": f"case-{number}"}
            return await chat(memory.gateway, TEST_KEY, text="hi", max_tokens=output, headers=headers)

        answers = await asyncio.gather(*(one(number) for number in range(CALLERS)))
        again = await asyncio.gather(*(one(number) for number in range(CALLERS)))
        used = memory.gateway.ledger.used(account.get(who, AccountId("key", "demo", "key-1")), memory.gateway.clock.now())
        held = memory.gateway.ledger.held()
        calls = memory.calls()
    assert {code_of(each) for each in (*answers, *again)} == {"", "budget_exceeded"}
    served = [each for each in calls if each.status == "answered"]
    estimates = used.tokens_today - limit
    assert used.tokens_today == sum(each.input_tokens + each.output_tokens for each in served)
    first = sum(1 for each in answers if each.status == 200)
    beyond = first * (sum(real) - output)  # an estimate holds `output` and some bytes of the request: this is an upper bound
    assert 0 < estimates <= beyond, f"{used.tokens_today} of {limit}"
    assert all(each.status == 429 for each in again), "what is over the limit stays closed"
    assert held == []


async def test_estimates_that_are_upper_ones_keep_the_limit(tmp_path: Path) -> None:
    use_case = memory_use_case(budget=Budget(tokens_per_day=3_000, usd_per_day=0.02))
    price = Price(input_usd=2, output_usd=8)
    async with Zone(tmp_path, use_case, reply=Reply(usage=(10, 90), delay_s=0.02), price=price) as memory:
        answers = await asyncio.gather(*(chat(memory.gateway, TEST_KEY, text="hi", max_tokens=100) for _ in range(CALLERS)))
        used = memory.gateway.ledger.used("demo", memory.gateway.clock.now())
    assert {code_of(each) for each in answers} == {"", "budget_exceeded"}
    assert 0 < used.tokens_today <= 3_000
    assert 0 < used.usd_today <= 0.02


async def test_a_users_limits_hold_whatever_key_or_place_names_the_user(tmp_path: Path) -> None:
    use_case = memory_use_case(budget=Budget(tokens_per_day=10**6, per_user=SpendLimits(tokens_per_day=40)))
    async with Zone(tmp_path, use_case) as memory:
        ways: list[dict[str, Any]] = [
            {"headers": {"groundcrew-user-id": "anna"}},
            {"user": "anna"},
            {"metadata": {"user_id": "anna"}},
            {"headers": {"groundcrew-unit-id": "anna"}},
        ]
        first = await chat(memory.gateway, TEST_KEY, text="hi", max_tokens=5, **ways[0])
        assert first.status == 200
        for way in ways:
            assert code_of(await chat(memory.gateway, TEST_KEY, text="hi", max_tokens=5, **way)) == "budget_exceeded"
        other = await chat(memory.gateway, TEST_KEY, text="hi", max_tokens=5, headers={"groundcrew-user-id": "beat"})
        assert other.status == 200
        assert [each.user_id for each in memory.calls()] == ["anna"] * 5 + ["beat"]


async def test_a_user_who_is_named_by_personal_data_is_recorded_by_a_digest(tmp_path: Path) -> None:
    async with Zone(tmp_path, memory_use_case()) as memory:
        for user in ("anna@example.com", "x" * 500, "anna\u0000"):
            assert (await chat(memory.gateway, TEST_KEY, text="hi", user=user)).status == 200
        refused = await chat(memory.gateway, TEST_KEY, text="hi", headers={"groundcrew-user-id": "anna@example.com"})
        assert code_of(refused) == "invalid_request"
        assert "groundcrew-user-id" in refused.json()["error"]["message"]
        recorded = [each.user_id or "" for each in memory.calls() if each.status == "answered"]
    assert all(each.startswith("sha256-") for each in recorded)
    assert len(set(recorded)) == 3


@pytest.mark.parametrize("stage", ["discovery", "pilot", "production_readiness", "scale", "optimization"])
async def test_exposure_is_enforced_from_the_pilot_on(tmp_path: Path, stage: Any) -> None:
    use_case = memory_use_case(stage=stage, exposure=Exposure(ceiling_percent=20, users=frozenset({"anna"})))
    users = [f"user-{number}" for number in range(60)]
    async with Zone(tmp_path, use_case) as memory:

        async def ask(user: str | None) -> str:
            headers = {"groundcrew-user-id": user} if user else {}
            return code_of(await chat(memory.gateway, TEST_KEY, text="hi", headers=headers))

        found = {user: await ask(user) for user in users}
        named, nobody = await ask("anna"), await ask(None)
        upstream = len(memory.calls())
    if stage == "discovery":
        assert set(found.values()) | {named, nobody} == {""}
        return
    served = [user for user, code in found.items() if code == ""]
    assert set(found.values()) == {"", "not_in_exposure"}
    assert 2 <= len(served) <= 25, "about a fifth of 60"
    assert (named, nobody) == ("", "not_in_exposure")
    assert upstream == 62, "a refusal is recorded"


async def test_an_undeclared_exposure_and_one_of_a_hundred_percent_serve_everybody(tmp_path: Path) -> None:
    for number, exposure in enumerate((None, Exposure(ceiling_percent=100))):
        async with Zone(tmp_path / str(number), memory_use_case(exposure=exposure)) as memory:
            assert (await chat(memory.gateway, TEST_KEY, text="hi")).status == 200
    async with Zone(tmp_path / "list", memory_use_case(exposure=Exposure(users=frozenset({"anna"})))) as memory:
        for user, status in (("anna", 200), ("beat", 403)):
            headers = {"groundcrew-user-id": user}
            assert (await chat(memory.gateway, TEST_KEY, text="hi", headers=headers)).status == status


@given(user=st.text(min_size=1), low=st.floats(0, 100), high=st.floats(0, 100))
def test_raising_a_ceiling_keeps_everyone_who_was_in(user: str, low: float, high: float) -> None:
    from groundcrew.domain.snapshot import KeyEntry

    key = KeyEntry(id="k", use_case="demo", expires_at_s=1e12)
    low, high = min(low, high), max(low, high)
    shares = [plan_for(memory_use_case(exposure=Exposure(ceiling_percent=each)), key).share for each in (low, high)]
    place = place_of("demo", user)
    inside = [share is None or place < share for share in shares]
    assert inside[1] or not inside[0]


def test_the_share_that_is_let_in_is_the_ceiling_and_differs_by_use_case() -> None:
    users = [f"user-{number}" for number in range(20_000)]
    inside = {name: {user for user in users if place_of(name, user) < 0.05 * 2**64} for name in ("mail", "chat")}
    for found in inside.values():
        assert 0.045 <= len(found) / len(users) <= 0.055
    assert len(inside["mail"] & inside["chat"]) < len(inside["mail"]) / 3


def test_a_probe_finds_a_user_who_is_in() -> None:
    for exposure, user in ((None, "probe"), (Exposure(ceiling_percent=0), None), (Exposure(users=frozenset({"b", "a"})), "a")):
        assert exposed_user(memory_use_case(exposure=exposure)) == user
    found = exposed_user(memory_use_case(exposure=Exposure(ceiling_percent=1)))
    assert found is not None
    assert place_of("demo", found) < 0.01 * 2**64


@pytest.mark.parametrize(
    ("body", "user"),
    [
        ({"user": " anna "}, "anna"),
        ({"user": "anna", "metadata": {"user_id": "beat"}}, "anna"),
        ({"metadata": {"user_id": "beat"}}, "beat"),
        ({"metadata": {"user_id": 7}}, None),
        ({"metadata": None, "user": None}, None),
        ({"user": 7, "metadata": "x"}, None),
        ({"user": ""}, None),
    ],
)
def test_whom_a_body_names(body: dict[str, Any], user: str | None) -> None:
    assert named_user(body.get("user"), body.get("metadata")) == user


async def test_rates_and_calls_at_once_are_told_to_come_back(tmp_path: Path) -> None:
    use_case = memory_use_case(limits=Limits(requests_per_minute=3, per_user=RateLimits(concurrent=1)))
    async with Zone(tmp_path, use_case, reply=Reply(delay_s=0.1)) as memory:
        user = {"groundcrew-user-id": "anna"}
        at_once = await asyncio.gather(*(chat(memory.gateway, TEST_KEY, text="hi", headers=user) for _ in range(2)))
        assert sorted(map(code_of, at_once)) == ["", "rate_limited"]
        served = next(each for each in at_once if each.status == 200)
        assert served.headers["x-ratelimit-limit-requests"] == "3"
        assert served.headers["x-ratelimit-remaining-requests"] == "2"
        for _ in range(2):
            assert (await chat(memory.gateway, TEST_KEY, text="hi")).status == 200
        refused = await chat(memory.gateway, TEST_KEY, text="hi")
        assert (code_of(refused), refused.headers["retry-after"]) == ("rate_limited", "20")
        assert refused.json()["error"]["details"]["what"] == "requests_per_minute"
        memory.gateway.clock.advance(20)  # type: ignore[attr-defined]
        assert (await chat(memory.gateway, TEST_KEY, text="hi")).status == 200


async def test_a_key_has_limits_of_its_own(tmp_path: Path) -> None:
    async with Zone(tmp_path, memory_use_case()) as memory:
        digest = secret_sha256(TEST_KEY)
        entry = memory.snapshots.current.keys[digest]
        limited = msgspec.structs.replace(entry, budget=SpendLimits(tokens_per_day=10))
        memory.snapshots.change(keys={digest: limited})
        refused = await chat(memory.gateway, TEST_KEY, text="hi")
    assert code_of(refused) == "budget_exceeded"
    assert refused.json()["error"]["details"]["account"] == "key"


async def test_the_record_names_the_price_and_an_unknown_cost_is_never_zero(tmp_path: Path) -> None:
    use_case = memory_use_case(budget=Budget(tokens_per_day=10**7, usd_per_month=0.1))
    price = Price(input_usd=1, output_usd=2)
    async with Zone(tmp_path / "known", use_case, reply=Reply(usage=(1_000, 500)), price=price) as memory:
        await chat(memory.gateway, TEST_KEY, text="hi", max_tokens=10)
        known = memory.calls()[0]
    assert (known.cost_usd, known.details["price"]) == (pytest.approx(0.002), "declared")
    async with Zone(tmp_path / "unknown", use_case, reply=Reply(usage=(1_000, 500))) as memory:
        await chat(memory.gateway, TEST_KEY, text="hi", max_tokens=10)
        unknown = memory.calls()[0]
        charged = memory.gateway.ledger.used("demo", memory.gateway.clock.now()).usd_this_month
    assert (unknown.cost_usd, unknown.details["price"]) == (None, "unknown")
    assert charged == pytest.approx(unknown.details["assumed_usd"])
    assert charged > 0.01, "a budget in USD reckons with the highest known price"


async def test_a_warning_is_counted(tmp_path: Path) -> None:
    use_case = memory_use_case(budget=Budget(tokens_per_day=22))
    async with Zone(tmp_path, use_case) as memory:
        await chat(memory.gateway, TEST_KEY, text="hi", max_tokens=1)
        metrics = memory.gateway.metrics.render().decode()
    assert 'groundcrew_budget_warnings_total{kind="use-case",meter="tokens_per_day",use_case="demo"} 1.0' in metrics
