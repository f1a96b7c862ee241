"""Who may call: keys, stages, run state, holds, kill switch, age of the policy, model, data class, budget. Every doubt denies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.provider import Price, Provider, Target
from groundcrew.domain.use_case import Budget, Hold
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
    request,
)


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream("one two three four") as fake:
        yield fake


@pytest.fixture
async def memory(upstream: FakeUpstream, tmp_path: Path) -> Iterator[MemoryGateway]:
    use_case = memory_use_case(budget=Budget(tokens_per_day=100_000))
    made = memory_gateway(memory_snapshot(upstream.url, use_case=use_case), tmp_path, clock=FakeClock())
    yield made
    await made.gateway.close()
    made.spool.close()


def error_of(response: Response) -> tuple[int, str]:
    return response.status, response.json()["error"]["code"]


async def test_a_key_works_as_bearer_and_as_x_api_key(memory: MemoryGateway) -> None:
    body = b'{"messages": [{"role": "user", "content": "hi"}]}'
    for headers in ({"authorization": f"bearer {TEST_KEY}"}, {"x-api-key": TEST_KEY}):
        assert (await request(memory.gateway, "/v1/chat/completions", headers=headers, body=body)).status == 200


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Basic x"}, {"authorization": "Bearer "}, {"x-api-key": "gc_" + "x" * 5000}]
)
async def test_no_key_is_one_and_the_same_refusal(memory: MemoryGateway, headers: dict[str, str]) -> None:
    assert error_of(await request(memory.gateway, "/v1/chat/completions", headers=headers, body=b"{}")) == (401, "invalid_key")


async def test_an_expired_key_is_no_key(upstream: FakeUpstream, tmp_path: Path) -> None:
    clock = FakeClock()
    expires = clock.now().timestamp() + 10
    memory = memory_gateway(memory_snapshot(upstream.url, key_expires_at_s=expires), tmp_path, clock=clock)
    assert (await chat(memory.gateway, TEST_KEY, text="hi")).status == 200
    clock.advance(10)
    assert error_of(await chat(memory.gateway, TEST_KEY, text="hi")) == (401, "invalid_key")
    await memory.gateway.close()
    memory.spool.close()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"stage": "retired"}, "retired"),
        ({"run_state": "off", "run_reason": "never started"}, "never started"),
        ({"run_state": "suspended"}, "suspended"),
        (
            {
                "holds": (
                    Hold(kind="incident", reason="wrong fee quoted", since=datetime(2026, 1, 1, tzinfo=UTC), stops_calls=True),
                )
            },
            "wrong fee",
        ),
    ],
)
async def test_a_use_case_that_may_not_serve_is_refused_with_the_reason(
    memory: MemoryGateway, upstream: FakeUpstream, fields: dict[str, object], says: str
) -> None:
    memory.snapshots.change_use_case("demo", **fields)
    response = await chat(memory.gateway, TEST_KEY, text="hi")
    assert error_of(response) == (403, "use_case_not_running")
    assert says in response.json()["error"]["message"]
    assert upstream.requests == []
    (call,) = memory.calls()
    assert (call.status, call.error_code) == ("refused", "use_case_not_running")
    assert response.headers["groundcrew-call-id"] == call.id


async def test_a_hold_that_only_stops_promotion_lets_calls_through(memory: MemoryGateway) -> None:
    hold = Hold(kind="evidence", reason="expired", since=datetime(2026, 1, 1, tzinfo=UTC))
    memory.snapshots.change_use_case("demo", holds=(hold,))
    assert (await chat(memory.gateway, TEST_KEY, text="hi")).status == 200


#: How long a provider says nothing: what ends sooner has not waited for it, on a loaded machine either.
SILENT_S = 20.0
SCOPES = [
    Scope("all"),
    Scope("use-case", "demo"),
    Scope("model", "writer"),
    Scope("provider", "fake"),
    Scope("unit", "retail"),
    Scope("key", "key-1"),
]


@pytest.mark.parametrize("scope", SCOPES, ids=str)
async def test_each_scope_of_the_kill_switch_stops_the_call(memory: MemoryGateway, upstream: FakeUpstream, scope: Scope) -> None:
    memory.snapshots.stop(scope)
    response = await chat(memory.gateway, TEST_KEY, text="hi")
    assert error_of(response) == (503, "kill_switch")
    assert str(scope) in response.json()["error"]["message"]
    assert response.headers["x-should-retry"] == "false"
    assert upstream.requests == []
    assert memory.gateway.stopped(scope)


async def test_scopes_of_others_do_not_matter(memory: MemoryGateway) -> None:
    memory.snapshots.stop(Scope("use-case", "other"), Scope("provider", "other"), Scope("key", "key-2"))
    assert (await chat(memory.gateway, TEST_KEY, text="hi")).status == 200


@pytest.mark.parametrize("scope", SCOPES, ids=str)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_trip_cuts_what_is_in_flight_at_once(
    memory: MemoryGateway, upstream: FakeUpstream, scope: Scope, stream: bool
) -> None:
    """Long before the provider says its next word; how fast it is, the bench says."""
    upstream.script = Reply(text="one two three four five six", delay_s=0.0 if stream else SILENT_S, chunk_delay_s=SILENT_S)
    work = asyncio.ensure_future(chat(memory.gateway, TEST_KEY, text="hi", stream=stream))
    async with asyncio.timeout(SILENT_S):
        while not upstream.requests:  # noqa: ASYNC110 - the script runs in a thread of its own
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    assert memory.gateway.inflight(scope) == 1
    assert not memory.gateway.stopped(scope)
    memory.snapshots.stop(scope)
    tripped_s = time.monotonic()
    response = await work
    assert time.monotonic() - tripped_s < SILENT_S / 2
    assert memory.gateway.stopped(scope)
    if stream:
        assert response.events()[-1]["error"]["code"] == "kill_switch"
    else:
        assert error_of(response) == (503, "kill_switch")
    (call,) = memory.calls()
    assert (call.error_code, call.status) == ("kill_switch", "cancelled" if stream else "refused")
    assert call.details["cut_in_flight"] is True


async def test_enforcing_at_once_tells_how_many_were_cut(memory: MemoryGateway, upstream: FakeUpstream) -> None:
    upstream.script = Reply(delay_s=3.0)
    work = [asyncio.ensure_future(chat(memory.gateway, TEST_KEY, text="hi")) for _ in range(3)]
    await asyncio.sleep(0.1)
    memory.snapshots.stop(Scope("all"))
    assert memory.gateway.enforce_stops() == 3
    assert {error_of(each) for each in await asyncio.gather(*work)} == {(503, "kill_switch")}


async def test_a_stopped_provider_leaves_the_others_of_the_alias(upstream: FakeUpstream, tmp_path: Path) -> None:
    providers = tuple(
        Provider(name=name, api="openai", base_url=upstream.url, data_classes=("internal",)) for name in ("one", "two")
    )
    targets = tuple(Target(provider=name, model=name) for name in ("one", "two"))
    memory = memory_gateway(memory_snapshot("", providers=providers, targets=targets), tmp_path)
    memory.snapshots.stop(Scope("provider", "one"))
    assert (await chat(memory.gateway, TEST_KEY, text="hi")).status == 200
    assert memory.calls()[0].provider == "two"
    await memory.gateway.close()
    memory.spool.close()


async def test_an_old_snapshot_stops_only_what_fails_closed(upstream: FakeUpstream, tmp_path: Path) -> None:
    for fails_closed, expected in ((True, 503), (False, 200)):
        memory = memory_gateway(memory_snapshot(upstream.url, fails_closed=fails_closed), tmp_path / str(fails_closed))
        memory.snapshots.age = 61.0
        response = await chat(memory.gateway, TEST_KEY, text="hi")
        assert response.status == expected
        if fails_closed:
            assert error_of(response) == (503, "stale_policy")
        await memory.gateway.close()
        memory.spool.close()


@pytest.mark.parametrize("asked", ["writer", "demo", "default", "", None])
async def test_the_own_model_goes_by_several_names(memory: MemoryGateway, upstream: FakeUpstream, asked: str | None) -> None:
    assert (await chat(memory.gateway, TEST_KEY, text="hi", model=asked)).status == 200
    assert upstream.requests[0].body["model"] == "fake-model-1"


async def test_a_declared_data_class_is_held_against_use_case_and_provider(memory: MemoryGateway, upstream: FakeUpstream) -> None:
    for declared, status in (("public", 200), ("pii", 200), ("phi", 403)):
        response = await chat(memory.gateway, TEST_KEY, headers={"groundcrew-data-class": declared}, text="hi")
        assert response.status == status
    assert error_of(response) == (403, "data_class_not_allowed")
    assert [call.data_class for call in memory.calls()] == ["internal", "pii", "phi"]
    memory.snapshots.change(
        providers={"fake": Provider(name="fake", api="openai", base_url=upstream.url, data_classes=("public",))}
    )
    refused = await chat(memory.gateway, TEST_KEY, text="hi")
    assert error_of(refused) == (403, "data_class_not_allowed")
    assert "fake" in refused.json()["error"]["message"]
    assert len(upstream.requests) == 2


async def test_phi_needs_a_signed_agreement(upstream: FakeUpstream, tmp_path: Path) -> None:
    for baa, status in ((False, 403), (True, 200)):
        provider = Provider(name="fake", api="openai", base_url=upstream.url, data_classes=("phi",), baa=baa)
        snapshot = memory_snapshot("", use_case=memory_use_case(data_classes=("phi",)), providers=(provider,))
        memory = memory_gateway(snapshot, tmp_path / str(baa))
        assert (await chat(memory.gateway, TEST_KEY, text="hi")).status == status
        await memory.gateway.close()
        memory.spool.close()


async def test_a_budget_is_settled_with_what_was_really_used(memory: MemoryGateway) -> None:
    for _ in range(3):
        await chat(memory.gateway, TEST_KEY, text="hi")
    assert memory.gateway.ledger.used("demo", memory.gateway.clock.now()).tokens_today == 3 * 18


async def test_money_is_counted_where_a_price_is_known(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.script = Reply(usage=(1_000, 2_000))
    use_case = memory_use_case(budget=Budget(usd_per_month=0.02, tokens_per_day=10_000_000))
    snapshot = memory_snapshot(upstream.url, use_case=use_case, price=Price(input_usd=1.0, output_usd=4.0))
    clock = FakeClock()
    memory = memory_gateway(snapshot, tmp_path, clock=clock)
    assert (await chat(memory.gateway, TEST_KEY, text="hi")).status == 200
    assert memory.calls()[0].cost_usd == pytest.approx(0.009)
    assert (await chat(memory.gateway, TEST_KEY, text="hi")).status == 200
    refused = await chat(memory.gateway, TEST_KEY, text="hi")
    details = refused.json()["error"]["details"]
    assert (error_of(refused), details["what"], details["used"]) == ((429, "budget_exceeded"), "usd_per_month", 0.018)
    assert details["resets_at"] == "2026-04-01T00:00:00Z"
    clock.advance(30 * 86_400)
    assert (await chat(memory.gateway, TEST_KEY, text="hi")).status == 200
    await memory.gateway.close()
    memory.spool.close()


async def test_calls_beyond_the_limit_in_flight_are_told_to_come_back(upstream: FakeUpstream, tmp_path: Path) -> None:
    from groundcrew.gateway.settings import GatewaySettings

    upstream.script = Reply(delay_s=0.3)
    memory = memory_gateway(memory_snapshot(upstream.url), tmp_path, settings=GatewaySettings(inflight_max=2, drain_s_max=1.0))
    answers = await asyncio.gather(*(chat(memory.gateway, TEST_KEY, text="hi") for _ in range(3)))
    assert sorted(each.status for each in answers) == [200, 200, 429]
    await memory.gateway.close()
    memory.spool.close()
