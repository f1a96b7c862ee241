"""A guard that raises, hangs or talks nonsense, in every place, mode and form of answer: what its rule declares is what happens,
and a scan that failed never counts as one."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from groundcrew.domain.guard import Action, Finding, GuardRule, Place, StageChange, Verdict
from groundcrew.domain.snapshot import KnowledgeEntry
from groundcrew.domain.spending import AccountId
from groundcrew.domain.use_case import Budget, Grounding
from groundcrew.guards import registry
from groundcrew.guards.registry import guard
from groundcrew.testing import (
    TEST_KEY,
    FakeGrounding,
    FakeUpstream,
    MemoryGateway,
    Response,
    chat,
    memory_gateway,
    memory_snapshot,
    memory_use_case,
    request,
)

PASSAGE = "The replacement card costs CHF 20."
QUESTION = "What does a replacement card cost?"
KNOWLEDGE = KnowledgeEntry(name="kb", revision="r1", folder="unused", expires_at_s=4e9)
DEMO = AccountId("use-case", "demo")
Build = Callable[..., MemoryGateway]


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream(PASSAGE) as fake:
        yield fake


@pytest.fixture
async def build(upstream: FakeUpstream, tmp_path: Path) -> Iterator[Build]:
    made: list[MemoryGateway] = []

    def make(*guards: GuardRule, **fields: Any) -> MemoryGateway:
        fields = {"grounding": Grounding(knowledge="kb", mode="advisory"), "budget": Budget(tokens_per_day=100_000), **fields}
        snapshot = memory_snapshot(upstream.url, use_case=memory_use_case(**fields), guards=guards, knowledge=(KNOWLEDGE,))
        memory = memory_gateway(snapshot, tmp_path / str(len(made)), grounding=FakeGrounding(PASSAGE))
        made.append(memory)
        return memory

    yield make
    for memory in made:
        await memory.gateway.close()
        memory.spool.close()


@pytest.fixture(autouse=True)
def bad_guards() -> Iterator[None]:
    registry.find_guard("secrets")
    before = dict(registry._GUARDS)
    over = threading.Event()

    @guard("raises")
    def raises(text: str, context: registry.Context) -> Verdict:
        raise ValueError(text)

    @guard("hangs")
    def hangs(text: str, context: registry.Context) -> Verdict:
        over.wait()
        return Verdict(verdict="pass")

    @guard("outside")
    def outside(text: str, context: registry.Context) -> Verdict:
        finding = Finding(start=0, end=len(text) + 1, type="X", score=0.9)
        return Verdict(verdict="flag", score=0.9, findings=(finding,))

    @guard("not-a-number", inline=True)
    def not_a_number(text: str, context: registry.Context) -> Verdict:
        return Verdict(verdict="pass", score=math.nan)

    @guard("wrong-type", inline=True, by=frozenset())
    def wrong_type(text: str, context: registry.Context) -> Any:
        return {"verdict": "pass"}

    @guard("partial", inline=True)
    def partial(text: str, context: registry.Context) -> Verdict:
        return Verdict(verdict="pass", complete=False)

    @guard("blocks", inline=True)
    def blocks(text: str, context: registry.Context) -> Verdict:
        finding = Finding(start=0, end=len(text), type="ALL", score=0.9, reason="all of it")
        return Verdict(verdict="block", score=0.9, findings=(finding,))

    yield
    over.set()
    for name in registry._GUARDS.keys() - before.keys() - registry.BUILT_IN.keys():
        del registry._GUARDS[name]
    registry._GUARDS.update(before)


async def ask(memory: MemoryGateway, place: Place, *, stream: bool = False) -> Response:
    messages: list[dict[str, Any]] = [{"role": "user", "content": QUESTION}]
    if place == "tool_results":
        messages.append({"role": "tool", "tool_call_id": "call_1", "content": "Cards cost CHF 20."})
    return await chat(memory.gateway, TEST_KEY, messages=messages, stream=stream)


PLACES: tuple[Place, ...] = ("input", "tool_results", "passages", "output")
BAD = ("raises", "hangs", "outside", "not-a-number", "wrong-type", "partial", "vanished")


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("mode", ["enforce", "monitor"])
@pytest.mark.parametrize("on_failure", ["open", "closed"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", BAD)
async def test_a_failed_scan_does_what_its_rule_declares(
    build: Build,
    upstream: FakeUpstream,
    name: str,
    place: Place,
    on_failure: Literal["open", "closed"],
    mode: Literal["enforce", "monitor"],
    stream: bool,
) -> None:
    rule = GuardRule(guard=name, on=(place,), mode=mode, on_failure=on_failure, action="redact", timeout_ms=15)
    memory = build(GuardRule(guard="secrets", on=PLACES, mode="monitor"), rule)
    response = await ask(memory, place, stream=stream)
    (call,) = memory.calls()
    refuses = mode == "enforce" and on_failure == "closed"
    assert response.status == (403 if refuses else 200)
    assert call.scan != "scanned"
    result = next(each for each in call.guards if each.guard == name)
    assert (result.verdict, result.place, result.action) == ("failed", place, "refuse" if refuses else "allow")
    assert QUESTION not in result.reason
    assert result.latency_ms >= 0
    if refuses:
        assert response.json()["error"]["code"] == "guard_blocked"
        assert PASSAGE.encode() not in response.body
        assert (call.status, call.error_code, call.answer) == ("refused", "guard_blocked", "")
    else:
        assert (call.status, call.answer) == ("answered", PASSAGE)
        assert response.headers["groundcrew-scan"] != "scanned"
        report = response.events()[-2]["groundcrew"] if stream else response.json()["groundcrew"]
        assert report["scan"] == call.scan == "partial"
    before_the_upstream = refuses and place != "output"
    assert len(upstream.requests) == (0 if before_the_upstream else 1)
    if before_the_upstream:
        assert (call.input_tokens, call.output_tokens, call.cost_usd, call.provider) == (0, 0, 0.0, None)
    assert memory.gateway.ledger.used(DEMO, call.received_at).tokens_today == (0 if before_the_upstream else 18)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("action", ["refuse", "hold", "replace", "fallback"])
@pytest.mark.parametrize("place", ["input", "tool_results"])
async def test_a_blocked_input_reaches_no_provider_costs_nothing_and_is_recorded(
    build: Build, upstream: FakeUpstream, place: Place, action: Action, stream: bool
) -> None:
    settings = {"text": "Ask the desk."} if action == "replace" else {}
    memory = build(GuardRule(guard="blocks", on=(place,), action=action, settings=settings))
    response = await ask(memory, place, stream=stream)
    assert upstream.requests == []
    (call,) = memory.calls()
    status = {"refuse": "refused", "hold": "held", "replace": "fallback"}.get(action)
    assert call.status == status or (action == "fallback" and call.status in ("fallback", "declined"))
    assert (call.input_tokens, call.output_tokens, call.cost_usd, call.provider, call.target_model) == (0, 0, 0.0, None, None)
    used = memory.gateway.ledger.used(DEMO, call.received_at)
    assert (used.tokens_today, used.usd_today) == (0, 0.0)
    assert memory.gateway.ledger.held() == []
    assert response.status == {"refuse": 403, "hold": 202}.get(action, 200)
    assert call.guards[0].verdict == "block"


async def test_a_reservation_of_a_blocked_input_is_given_back_in_full(build: Build, upstream: FakeUpstream) -> None:
    memory = build(GuardRule(guard="blocks", on=("input",)), budget=Budget(tokens_per_day=6_000))
    for _ in range(5):  # each reserves most of the day's tokens while it is checked
        assert (await ask(memory, "input")).json()["error"]["code"] == "guard_blocked"
    assert [call.status for call in memory.calls()] == ["refused"] * 5


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/messages", "/v1/embeddings"])
async def test_a_failed_scan_refuses_in_every_dialect(build: Build, upstream: FakeUpstream, path: str) -> None:
    bodies: dict[str, bytes] = {
        "/v1/responses": b'{"input": "hello"}',
        "/v1/messages": b'{"messages": [{"role": "user", "content": "hello"}], "max_tokens": 5}',
        "/v1/embeddings": b'{"input": ["hello"]}',
    }
    memory = build(GuardRule(guard="raises", on=("input",)))
    response = await request(memory.gateway, path, headers={"authorization": f"Bearer {TEST_KEY}"}, body=bodies[path])
    assert response.status == 403
    assert upstream.requests == []
    assert (memory.calls()[0].status, memory.calls()[0].error_code) == ("refused", "guard_blocked")


async def test_a_passage_that_could_not_be_scanned_is_not_hidden_by_one_that_is_blocked(
    build: Build, upstream: FakeUpstream
) -> None:
    memory = build(GuardRule(guard="blocks", on=("passages",)), GuardRule(guard="raises", on=("passages",)))
    assert (await ask(memory, "passages")).json()["error"]["code"] == "guard_blocked"
    assert upstream.requests == []


# What a rule does otherwise in a stage.


def by_stage() -> GuardRule:
    stages = {
        "discovery": StageChange(mode="monitor"),
        "scale": StageChange(action="hold"),
        "optimization": StageChange(skip=True),
    }
    return GuardRule(guard="blocks", on=("output",), stages=stages)


@pytest.mark.parametrize(
    ("stage", "status", "mode"),
    [("discovery", 200, "monitor"), ("pilot", 403, "enforce"), ("scale", 202, "enforce"), ("optimization", 200, None)],
)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_a_rule_changes_with_the_stage_for_answer_headers_and_record(
    build: Build, stage: str, status: int, mode: str | None, stream: bool
) -> None:
    memory = build(by_stage(), stage=stage, grounding=None)
    response = await ask(memory, "output", stream=stream)
    assert response.status == status
    (call,) = memory.calls()
    assert [each.mode for each in call.guards] == ([mode] if mode else [])
    assert call.scan == ("scanned" if mode else "not_scanned")
    if stream and status == 200:  # nothing holds the answer back: its first byte leaves before the guard has run
        assert len(response.sent) > 1
        assert response.headers["groundcrew-scan"] == "not_scanned"


async def test_a_stage_that_changes_while_the_gateway_runs_counts_at_once(build: Build) -> None:
    memory = build(by_stage(), grounding=None)
    assert (await ask(memory, "output")).status == 403
    memory.snapshots.change_use_case("demo", stage="optimization")
    assert (await ask(memory, "output")).status == 200
    memory.snapshots.change_use_case("demo", stage="scale")
    assert (await ask(memory, "output")).status == 202
