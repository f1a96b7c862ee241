"""Where a call's time went: parts that do not overlap and add up, whatever is measured inside of what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from groundcrew.domain.call import LATENCY_PARTS, GuardResult
from groundcrew.domain.guard import GuardRule
from groundcrew.domain.snapshot import KnowledgeEntry
from groundcrew.domain.use_case import Grounding
from groundcrew.gateway.metrics import Metrics
from groundcrew.gateway.timing import Parts
from groundcrew.testing import (
    TEST_KEY,
    FakeGrounding,
    FakeUpstream,
    MemoryGateway,
    Reply,
    chat,
    memory_gateway,
    memory_snapshot,
    memory_use_case,
)

PASSAGE = "The replacement card costs CHF 20."


def test_a_part_inside_of_another_one_counts_once() -> None:
    parts = Parts(0.0)
    parts.book("record", 2.0, 3.0)
    parts.book("guards", 4.0, 4.5)
    parts.book("upstream", 1.0, 5.0)
    assert parts.latency_ms(6.0) == {"record": 1000.0, "guards": 500.0, "upstream": 2500.0, "other": 2000.0, "total": 6000.0}


def test_parts_that_run_side_by_side_share_their_time() -> None:
    parts = Parts(0.0)
    parts.book("guards", 0.0, 10.0)
    parts.book("retrieval", 5.0, 15.0)
    assert parts.latency_ms(15.0) == {"guards": 10_000.0, "retrieval": 5_000.0, "other": 0.0, "total": 15_000.0}


@given(
    st.lists(st.tuples(st.sampled_from(LATENCY_PARTS[:-1]), st.floats(0, 100), st.floats(0, 100)), max_size=20),
    st.floats(0, 10),
)
def test_parts_always_add_up(intervals: list[tuple[str, float, float]], more_s: float) -> None:
    ordered = sorted(((part, min(a, b), max(a, b)) for part, a, b in intervals), key=lambda each: each[2])
    parts = Parts(0.0)
    for part, start_s, end_s in ordered:
        parts.book(part, start_s, end_s)  # type: ignore[arg-type]
    end_s = max((each[2] for each in ordered), default=0.0) + more_s
    found = parts.latency_ms(end_s)
    total = found.pop("total")
    assert all(value >= 0 for value in found.values())
    assert sum(found.values()) == pytest.approx(total, abs=1e-6)
    assert total == pytest.approx(end_s * 1000, abs=0.02)
    covered = 0.0
    reached = 0.0
    for _, start_s, stop_s in sorted(ordered, key=lambda each: each[1]):
        covered += max(0.0, stop_s - max(start_s, reached))
        reached = max(reached, stop_s)
    assert found["other"] == pytest.approx(end_s * 1000 - covered * 1000, abs=0.05)


@pytest.fixture
async def memory(tmp_path: Path) -> Iterator[MemoryGateway]:
    with FakeUpstream(Reply(text=PASSAGE, delay_s=0.05)) as upstream:
        knowledge = KnowledgeEntry(name="kb", revision="r1", folder="unused", expires_at_s=4e9)
        use_case = memory_use_case(grounding=Grounding(knowledge="kb", mode="advisory"))
        guards = (GuardRule(guard="pii", on=("input", "passages", "output"), mode="monitor"),)
        snapshot = memory_snapshot(upstream.url, use_case=use_case, knowledge=(knowledge,), guards=guards)
        made = memory_gateway(snapshot, tmp_path, grounding=FakeGrounding(PASSAGE))
        yield made
        await made.gateway.close()
        made.spool.close()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_call_records_parts_that_add_up(memory: MemoryGateway, stream: bool) -> None:
    response = await chat(memory.gateway, TEST_KEY, text="What does a replacement card cost?", stream=stream)
    assert response.status == 200
    latency = dict(memory.calls()[-1].latency_ms)
    total = latency.pop("total")
    assert sum(latency.values()) == pytest.approx(total, abs=1e-6)
    assert set(latency) == {"admission", "guards", "retrieval", "upstream", "trust", "other"} | ({"record"} if stream else set())
    assert latency["upstream"] >= 50
    told = response.events()[-2]["groundcrew"] if stream else response.json()["groundcrew"]
    assert told["latency_ms"]["record"] > latency.get("record", 0.0), "the answer knows how long the record took to write"
    assert told["latency_ms"]["total"] >= total


async def test_a_refused_call_has_times_too(memory: MemoryGateway) -> None:
    await chat(memory.gateway, TEST_KEY, text="Hi", model="other")
    latency = memory.calls()[-1].latency_ms
    assert latency["total"] == latency["other"] > 0


def test_metrics_are_what_was_counted() -> None:
    metrics = Metrics()
    for total in (0.5, 1.0, 1.5, 70_000.0):
        metrics.call("demo", "answered", {"upstream": total, "total": total}, 3, 2)
    metrics.call("other", "declined", {}, 0, 0)
    metrics.refusal("kill_switch")
    metrics.guards([GuardResult(guard="pii", place="input", verdict="pass", action="allow", mode="enforce")])
    metrics.telemetry_dropped.inc(5)
    samples = {
        (each.name, tuple(sorted(each.labels.items()))): each.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for each in family.samples
    }
    assert samples["groundcrew_calls_total", (("status", "answered"), ("use_case", "demo"))] == 4
    assert samples["groundcrew_calls_total", (("status", "declined"), ("use_case", "other"))] == 1
    assert samples["groundcrew_tokens_total", (("direction", "input"), ("use_case", "demo"))] == 12
    assert ("groundcrew_tokens_total", (("direction", "input"), ("use_case", "other"))) not in samples
    assert samples["groundcrew_refusals_total", (("code", "kill_switch"),)] == 1
    assert samples["groundcrew_guard_verdicts_total", (("guard", "pii"), ("place", "input"), ("verdict", "pass"))] == 1
    assert samples["groundcrew_telemetry_dropped_total", ()] == 5
    for bound, number in (("0.001", 2), ("0.0025", 3), ("60.0", 3), ("+Inf", 4)):
        assert samples["groundcrew_latency_seconds_bucket", (("le", bound), ("part", "upstream"))] == number
        assert samples["groundcrew_call_seconds_bucket", (("le", bound), ("use_case", "demo"))] == number
    assert samples["groundcrew_call_seconds_count", (("use_case", "demo"),)] == 4
    assert samples["groundcrew_latency_seconds_sum", (("part", "upstream"),)] == pytest.approx(70.003)
