"""Telemetry as a collector sees it: names and attributes of the GenAI conventions, and calls that never wait for it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import yaml
from tests.unit.gateway.collector import Collector, Log, Span

from groundcrew.domain.guard import GuardRule
from groundcrew.domain.provider import Provider, Target
from groundcrew.domain.snapshot import KnowledgeEntry
from groundcrew.domain.use_case import Grounding
from groundcrew.errors import RecorderUnavailable
from groundcrew.gateway.admission import Route
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.telemetry import Telemetry, open_tracing
from groundcrew.gateway.telemetry.config import Sampler, read_config, read_sampler
from groundcrew.gateway.telemetry.dialects import request_attributes, response_attributes
from groundcrew.gateway.telemetry.measures import HISTOGRAMS, measures_of
from groundcrew.gateway.telemetry.providers import provider_name
from groundcrew.gateway.telemetry.signals import Ended, signals_of
from groundcrew.gateway.telemetry.totals import OVERFLOW, Totals
from groundcrew.gateway.telemetry.worker import Worker
from groundcrew.gateway.trace import Tracing, parse_parent
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
    request,
)

CONVENTIONS = Path(__file__).parents[3].parent / "shared" / "reference-otel"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PASSAGE = "The replacement card costs CHF 20."
QUESTION = "What does a replacement card cost?"
BOTH = pytest.mark.parametrize("stream", [False, True])
Build = Callable[..., MemoryGateway]

#: Every name of the conventions that we send, and where it is expected.
SENT = {
    *("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.request.max_tokens"),
    *("gen_ai.request.temperature", "gen_ai.request.top_p", "gen_ai.request.top_k", "gen_ai.request.frequency_penalty"),
    *("gen_ai.request.presence_penalty", "gen_ai.request.seed", "gen_ai.request.choice.count", "gen_ai.request.stream"),
    *("gen_ai.request.stop_sequences", "gen_ai.request.encoding_formats", "gen_ai.embeddings.dimension.count"),
    *("gen_ai.output.type", "gen_ai.response.id", "gen_ai.response.model", "gen_ai.response.finish_reasons"),
    *("gen_ai.response.time_to_first_chunk", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"),
    *("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_creation.input_tokens"),
    *("gen_ai.usage.reasoning.output_tokens", "gen_ai.token.type", "gen_ai.data_source.id", "gen_ai.input.messages"),
    *("gen_ai.output.messages", "gen_ai.evaluation.name", "gen_ai.evaluation.score.value"),
    *("gen_ai.evaluation.score.label", "gen_ai.evaluation.explanation"),
}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as made:
        yield made


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream(PASSAGE) as fake:
        yield fake


@pytest.fixture
async def build(upstream: FakeUpstream, collector: Collector, tmp_path: Path) -> Iterator[Build]:
    made: list[MemoryGateway] = []

    def make(
        *,
        environment: dict[str, str] | None = None,
        tracing: Tracing | None = None,
        passages: tuple[str, ...] = (PASSAGE,),
        **more: Any,
    ) -> MemoryGateway:
        told = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url} if environment is None else environment
        chosen = tracing or open_tracing(told, content=more.pop("content", "off"))
        snapshot_fields = {name: more.pop(name) for name in ("guards", "api", "providers", "targets") if name in more}
        source = more.pop("source", None) or FakeGrounding(*passages)
        knowledge = KnowledgeEntry(name="kb", revision="r1", folder="unused", expires_at_s=4e9)
        snapshot = memory_snapshot(upstream.url, use_case=memory_use_case(**more), knowledge=(knowledge,), **snapshot_fields)
        memory = memory_gateway(snapshot, tmp_path / str(len(made)), grounding=source, tracing=chosen)
        made.append(memory)
        return memory

    yield make
    for memory in made:
        await memory.gateway.close()
        memory.spool.close()


def grounded(mode: str = "required") -> Grounding:
    return Grounding(knowledge="kb", mode=mode, threshold=0.7)  # type: ignore[arg-type]


def event(collector: Collector, name: str) -> Log:
    (found,) = [each for each in collector.logs() if each.name == name]
    return found


def children(collector: Collector, parent: Span) -> list[str]:
    found = [each for each in collector.spans() if each.parent_id == parent.span_id]
    return [each.name for each in sorted(found, key=lambda each: each.start_ns)]


@BOTH
async def test_a_call_is_a_server_span_with_a_chat_below(
    build: Build, collector: Collector, upstream: FakeUpstream, stream: bool
) -> None:
    memory = build()
    fields = {"temperature": 0.3, "max_tokens": 50, "stop": ["END"], "seed": 7, "stream": stream}
    response = await chat(memory.gateway, TEST_KEY, text="Hi", **fields)
    assert response.status == 200
    await memory.gateway.close()
    (call,) = [each for each in memory.calls() if each.status == "answered"]
    server, client = collector.span("POST /v1/chat/completions"), collector.span("chat fake-model-1")
    assert (server.kind, client.kind, client.parent_id, server.parent_id) == ("server", "client", server.span_id, "")
    assert server.trace_id == client.trace_id == call.trace_id
    assert upstream.requests[0].headers["traceparent"] == f"00-{client.trace_id}-{client.span_id}-01"
    assert server.start_ns <= client.start_ns < client.end_ns <= server.end_ns
    assert server.attributes["http.request.method"] == "POST"
    assert server.attributes["http.response.status_code"] == 200
    assert server.attributes["groundcrew.call.id"] == call.id == response.headers["groundcrew-call-id"]
    assert server.attributes["groundcrew.use_case"] == "demo"
    assert server.attributes["groundcrew.stage"] == "pilot"
    assert server.attributes["groundcrew.status"] == "answered"
    assert server.attributes["groundcrew.scan"] == "not_scanned"
    assert server.attributes["groundcrew.latency_ms.record"] > 0
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "fake-model-1",
        "gen_ai.request.temperature": 0.3,
        "gen_ai.request.max_tokens": 50,
        "gen_ai.request.stop_sequences": ["END"],
        "gen_ai.request.seed": 7,
        "gen_ai.response.id": "chatcmpl-fake",
        "gen_ai.response.model": "fake-model-1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 7,
        "server.address": "127.0.0.1",
        "server.port": upstream.port,
        "groundcrew.provider": "fake",
    }
    assert expected.items() <= client.attributes.items()
    assert client.attributes.get("gen_ai.request.stream", False) is stream
    assert ("gen_ai.response.time_to_first_chunk" in client.attributes) is stream
    assert not client.failed
    assert not server.failed
    assert server.resource["service.name"] == "groundcrew"
    assert server.resource["service.version"]


@BOTH
async def test_metrics_have_the_conventions_names_units_and_buckets(build: Build, collector: Collector, stream: bool) -> None:
    memory = build()
    await chat(memory.gateway, TEST_KEY, text="Hi", stream=stream)
    await memory.gateway.close()
    points = collector.points()
    expected = {"gen_ai.client.token.usage", "gen_ai.client.operation.duration", "gen_ai.server.request.duration"}
    expected |= {"http.server.request.duration", "groundcrew.call.part.duration"}
    if stream:
        expected |= {"gen_ai.client.operation.time_to_first_chunk", "gen_ai.server.time_to_first_token"}
        expected |= {"gen_ai.server.time_per_output_token"}
    assert set(points) == expected
    bounds = {each.name: (each.unit, each.bounds) for each in HISTOGRAMS}
    for name, found in points.items():
        for each in found:
            assert (each.unit, each.bounds) == bounds[name]
            if name.startswith("gen_ai."):
                assert {"gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model"} <= set(each.attributes)
    tokens = {each.attributes["gen_ai.token.type"]: each.sum for each in points["gen_ai.client.token.usage"]}
    assert tokens == {"input": 11, "output": 7}
    (served,) = points["gen_ai.server.request.duration"]
    assert served.attributes["gen_ai.request.model"] == "writer"
    assert served.attributes["groundcrew.status"] == "answered"
    parts = {each.attributes["groundcrew.part"] for each in points["groundcrew.call.part.duration"]}
    assert {"admission", "upstream", "record", "other"} <= parts


async def test_checks_are_spans_and_events(build: Build, collector: Collector) -> None:
    guards = (GuardRule(guard="secrets", on=("input", "passages", "output"), mode="monitor"),)
    memory = build(grounding=grounded(), guards=guards)
    response = await chat(memory.gateway, TEST_KEY, text=QUESTION)
    assert response.status == 200
    await memory.gateway.close()
    server = collector.span("POST /v1/chat/completions")
    assert server.attributes["groundcrew.trust"] == 1.0
    assert server.attributes["groundcrew.trust.state"] == "supported"
    assert server.attributes["groundcrew.scan"] == "scanned"
    assert children(collector, server) == [
        *("guards input", "retrieval kb", "guards passages", "chat fake-model-1", "guards output", "trust", "record"),
    ]
    retrieval = collector.span("retrieval kb")
    assert retrieval.kind == "client"
    assert retrieval.attributes["gen_ai.operation.name"] == "retrieval"
    assert retrieval.attributes["gen_ai.data_source.id"] == "kb"
    assert retrieval.attributes["groundcrew.retrieval.passages"] == 1
    ((name, attributes),) = collector.span("guards input").events
    assert name == "groundcrew.guard"
    assert attributes["groundcrew.guard.name"] == "secrets"
    assert attributes["groundcrew.guard.verdict"] == "pass"
    judged = event(collector, "gen_ai.evaluation.result")
    assert judged.attributes == {
        "gen_ai.evaluation.name": "groundcrew.trust",
        "gen_ai.evaluation.score.value": 1.0,
        "gen_ai.evaluation.score.label": "supported",
        "gen_ai.response.id": "chatcmpl-fake",
        "groundcrew.trust.withheld": False,
    }
    assert (judged.trace_id, judged.span_id) == (server.trace_id, collector.span("chat fake-model-1").span_id)


async def test_trust_that_can_not_be_told_is_an_error_of_the_evaluation(build: Build, collector: Collector) -> None:
    source = FakeGrounding(PASSAGE)
    source.fail = True
    memory = build(grounding=grounded("advisory"), source=source)
    assert (await chat(memory.gateway, TEST_KEY, text=QUESTION)).status == 200
    await memory.gateway.close()
    assert event(collector, "gen_ai.evaluation.result").attributes["error.type"] == "grounding_failed"
    assert collector.span("retrieval kb").attributes["error.type"] == "grounding_failed"


async def test_the_embedded_provider_is_a_call_inside_the_process(build: Build, collector: Collector) -> None:
    memory = build(grounding=grounded(), api="extractive")
    assert (await chat(memory.gateway, TEST_KEY, text=QUESTION)).status == 200
    await memory.gateway.close()
    span = collector.span("chat fake-model-1")
    assert span.kind == "internal"
    assert span.attributes["gen_ai.provider.name"] == "groundcrew"
    assert children(collector, span) == ["compose"]


@BOTH
async def test_failed_targets_are_spans_of_their_own(
    build: Build, collector: Collector, upstream: FakeUpstream, stream: bool
) -> None:
    def script(received: Any) -> Reply:
        return Reply(status=503) if received.body["model"] == "first" else Reply(text="Hello.")

    upstream.script = script
    targets = tuple(Target(provider="fake", model=name, timeout_s=5.0) for name in ("first", "second"))
    memory = build(targets=targets)
    assert (await chat(memory.gateway, TEST_KEY, text="Hi", stream=stream)).status == 200
    await memory.gateway.close()
    first, second = collector.span("chat first"), collector.span("chat second")
    assert (first.failed, first.attributes["error.type"]) == (True, "503")
    assert (second.failed, "error.type" in second.attributes) == (False, False)
    assert "gen_ai.usage.input_tokens" not in first.attributes
    failure = event(collector, "gen_ai.client.operation.exception")
    assert (failure.severity, failure.span_id) == (13, first.span_id)
    assert failure.attributes["exception.type"] == "503"
    assert failure.attributes["exception.message"] == "provider fake: answered with HTTP 503"
    errors = [each.attributes.get("error.type") for each in collector.points()["gen_ai.client.operation.duration"]]
    assert sorted(errors, key=str) == ["503", None]


@pytest.mark.parametrize(
    ("reply", "stream", "status", "error"),
    [
        (Reply(fault="reset"), False, 502, "upstream_error"),
        (Reply(fault="malformed"), False, 502, "upstream_error"),
        (Reply(text="one two three four", fault="reset_mid_stream"), True, 200, "upstream_error"),
        (Reply(status=429), False, 429, "429"),
    ],
)
async def test_errors_are_marked(
    build: Build, collector: Collector, upstream: FakeUpstream, reply: Reply, stream: bool, status: int, error: str
) -> None:
    upstream.script = reply
    memory = build()
    assert (await chat(memory.gateway, TEST_KEY, text="Hi", stream=stream)).status == status
    await memory.gateway.close()
    client, server = collector.span("chat fake-model-1"), collector.span("POST /v1/chat/completions")
    assert (client.failed, client.attributes["error.type"]) == (True, error)
    assert server.failed is (status >= 500)
    assert server.attributes["http.response.status_code"] == status
    assert server.attributes["groundcrew.error_code"]


async def test_refusals_have_a_server_span_only(build: Build, collector: Collector) -> None:
    memory = build()
    assert (await chat(memory.gateway, "gc_wrong", text="Hi")).status == 401
    assert (await request(memory.gateway, "/v1/secret/path-of-a-client", method="BREW")).status == 404
    assert (
        await request(memory.gateway, "/v1/models", method="GET", headers={"authorization": f"Bearer {TEST_KEY}"})
    ).status == 200
    await memory.gateway.close()
    assert {each.name for each in collector.spans()} == {"POST /v1/chat/completions", "_OTHER", "GET /v1/models"}
    assert set(collector.points()) == {"http.server.request.duration"}
    for point in collector.points()["http.server.request.duration"]:
        assert "/v1/secret/path-of-a-client" not in point.attributes.values()


async def test_a_clients_trace_is_continued(build: Build, collector: Collector, upstream: FakeUpstream) -> None:
    memory = build()
    headers = {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "vendor=1"}
    await chat(memory.gateway, TEST_KEY, headers=headers, text="Hi")
    await chat(memory.gateway, TEST_KEY, headers={"traceparent": "garbage", "tracestate": "vendor=1"}, text="Hi")
    await memory.gateway.close()
    first, second = (each for each in collector.spans() if each.kind == "server")
    assert (first.trace_id, first.parent_id) == (TRACE, SPAN)
    assert second.parent_id == ""
    assert second.trace_id != TRACE
    handed_on, new = (each.headers for each in upstream.requests)
    assert handed_on["tracestate"] == "vendor=1"
    assert handed_on["traceparent"].split("-")[1] == TRACE
    assert handed_on["traceparent"].split("-")[2] != SPAN
    assert "tracestate" not in new
    assert new["traceparent"].split("-")[1] == second.trace_id
    assert [each.trace_id for each in memory.calls()] == [TRACE, second.trace_id]


async def test_a_trace_that_is_not_sampled_has_no_spans_but_counts(
    build: Build, collector: Collector, upstream: FakeUpstream
) -> None:
    memory = build()
    await chat(memory.gateway, TEST_KEY, headers={"traceparent": f"00-{TRACE}-{SPAN}-00"}, text="Hi")
    await memory.gateway.close()
    assert collector.spans() == collector.logs() == []
    assert "gen_ai.client.token.usage" in collector.points()
    assert upstream.requests[0].headers["traceparent"] == f"00-{TRACE}-{SPAN}-00"


async def test_where_only_metrics_are_sent_no_provider_is_told_of_our_spans(
    build: Build, collector: Collector, upstream: FakeUpstream
) -> None:
    memory = build(environment={"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": collector.url + "/v1/metrics"})
    await chat(memory.gateway, TEST_KEY, text="Hi")
    await chat(memory.gateway, TEST_KEY, headers={"traceparent": f"00-{TRACE}-{SPAN}-01"}, text="Hi")
    await memory.gateway.close()
    assert {path for path, _ in collector.requests} == {"/v1/metrics"}
    assert [each.headers.get("traceparent") for each in upstream.requests] == [None, f"00-{TRACE}-{SPAN}-01"]


MAIL = "anna.mueller@customer.example"


@pytest.mark.parametrize("content", ["off", "spans", "events"])
async def test_content_is_masked_and_only_sent_where_asked(
    build: Build, collector: Collector, upstream: FakeUpstream, content: str
) -> None:
    upstream.script = f"I wrote to {MAIL}."
    memory = build(content=content)
    response = await chat(memory.gateway, TEST_KEY, text=f"Write to {MAIL}, please, about the blue house")
    assert MAIL in response.text()
    await memory.gateway.close()
    assert MAIL not in collector.text()
    assert ("blue house" in collector.text()) is (content != "off")
    span = collector.span("chat fake-model-1").attributes
    assert ("gen_ai.input.messages" in span) is (content == "spans")
    details = [each for each in collector.logs() if each.name == "gen_ai.client.inference.operation.details"]
    assert len(details) == (content == "events")
    if content == "off":
        return
    found = details[0].attributes if details else {name: _decoded(value) for name, value in span.items()}
    (asked,), (answered,) = found["gen_ai.input.messages"], found["gen_ai.output.messages"]
    assert asked["role"] == "user"
    assert asked["parts"][0]["type"] == "text"
    assert "blue house" in asked["parts"][0]["content"]
    assert answered["role"] == "assistant"
    assert answered["finish_reason"] == "stop"
    assert answered["parts"][0]["content"].startswith("I wrote to [")


def _decoded(value: Any) -> Any:
    return msgspec.json.decode(value) if isinstance(value, str) and value.startswith("[") else value


async def test_everything_that_is_sent_has_its_name_in_the_conventions(
    build: Build, collector: Collector, upstream: FakeUpstream
) -> None:
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 3}}
    usage["completion_tokens_details"] = {"reasoning_tokens": 2}
    upstream.script = Reply(text=PASSAGE, usage=None, extra={"usage": usage})
    memory = build(grounding=grounded("advisory"), content="spans")
    more = {"temperature": 1, "top_p": 0.5, "frequency_penalty": 0.1, "presence_penalty": 0.2, "max_completion_tokens": 9}
    await chat(memory.gateway, TEST_KEY, text=QUESTION, response_format={"type": "json_object"}, **more)
    await chat(memory.gateway, TEST_KEY, text=QUESTION, stream=True)
    await memory.gateway.close()
    genai = {each for each in collector.names() if each.startswith("gen_ai.")}
    assert genai <= SENT
    client = next(each for each in collector.spans() if each.name.startswith("chat") and "gen_ai.output.type" in each.attributes)
    assert client.attributes["gen_ai.usage.cache_read.input_tokens"] == 3
    assert client.attributes["gen_ai.usage.reasoning.output_tokens"] == 2
    assert client.attributes["gen_ai.output.type"] == "json"
    others = {each for each in collector.names() if not each.startswith(("gen_ai.", "groundcrew.", "http."))}
    assert others <= {
        *("error.type", "server.address", "server.port", "url.path", "url.scheme", "network.protocol.version"),
        *("exception.type", "exception.message"),
    }


@pytest.mark.skipif(not CONVENTIONS.is_dir(), reason="the conventions' files are not on this machine")
def test_the_names_stand_in_the_conventions_files() -> None:
    registry = yaml.safe_load((CONVENTIONS / "registry.yaml").read_text())
    known = {each["id"] for group in registry["groups"] for each in group["attributes"]}
    assert known >= SENT
    metrics = yaml.safe_load((CONVENTIONS / "metrics.yaml").read_text())
    units = {each["metric_name"]: each["unit"] for each in metrics["groups"] if each["type"] == "metric"}
    ours = {each.name: each.unit for each in HISTOGRAMS if each.name.startswith("gen_ai.")}
    assert ours.items() <= units.items()
    events = yaml.safe_load((CONVENTIONS / "events.yaml").read_text())
    assert {each["name"] for each in events["groups"]} >= {
        *("gen_ai.evaluation.result", "gen_ai.client.operation.exception", "gen_ai.client.inference.operation.details"),
    }
    (names,) = [each for group in registry["groups"] for each in group["attributes"] if each["id"] == "gen_ai.provider.name"]
    members = {each["value"] for each in names["type"]["members"]}
    hosts = [("openai", "https://api.groq.com/openai/v1"), ("bedrock", None), ("gemini", None), ("anthropic", None)]
    assert {provider_name(api, host) for api, host in hosts} <= members  # type: ignore[arg-type]


async def test_a_collector_that_hangs_holds_up_nothing(build: Build, upstream: FakeUpstream) -> None:
    with Collector(held=threading.Event()) as hanging:
        lost: list[int] = []
        memory = build(tracing=open_tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": hanging.url}, dropped=lost.append))
        for _ in range(3):
            assert (await chat(memory.gateway, TEST_KEY, text="Hi")).status == 200
        await memory.gateway.close()
        assert hanging.requests == []
        assert len(memory.calls()) == sum(lost) == 3


async def test_what_the_collector_refuses_is_counted(build: Build) -> None:
    with Collector(status=400) as refusing:
        lost: list[int] = []
        memory = build(tracing=open_tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": refusing.url}, dropped=lost.append))
        for _ in range(3):
            assert (await chat(memory.gateway, TEST_KEY, text="Hi")).status == 200
        await memory.gateway.close()
    assert sum(lost) == 3


class _StuckExport:
    """An export whose sending waits for `free`."""

    def __init__(self) -> None:
        self.free, self.sending = threading.Event(), threading.Event()
        self.sent = self.told = 0

    def measure(self, measures: Any) -> None:
        pass

    def dropped(self, number: int) -> None:
        self.told += number

    def send(self, calls: Any) -> bool:
        self.sending.set()
        self.free.wait(30)
        self.sent += len(calls)
        return True

    def send_metrics(self) -> None:
        pass

    def close(self) -> None:
        pass


async def test_the_queue_is_bounded_and_drops_are_counted(build: Build, collector: Collector) -> None:
    export, lost = _StuckExport(), []
    worker = Worker(export, content="off", dropped=lost.append, queue_max=2, wait_s=0.0)  # type: ignore[arg-type]
    config = read_config({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
    assert config is not None
    memory = build(tracing=Telemetry(worker, config, "off", 12))
    assert (await chat(memory.gateway, TEST_KEY, text="Hi")).status == 200
    assert await asyncio.to_thread(export.sending.wait, 10)
    for _ in range(5):
        assert (await chat(memory.gateway, TEST_KEY, text="Hi")).status == 200
    assert sum(lost) == 3
    export.free.set()
    await memory.gateway.close()
    assert (export.sent, export.told) == (3, 3)
    assert len(memory.calls()) == 6


async def test_texts_that_wait_are_bounded(build: Build, collector: Collector) -> None:
    export, lost = _StuckExport(), []
    worker = Worker(export, content="spans", dropped=lost.append, text_max=1_000, wait_s=0.0)  # type: ignore[arg-type]
    config = read_config({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
    assert config is not None
    memory = build(tracing=Telemetry(worker, config, "spans", 12))
    assert (await chat(memory.gateway, TEST_KEY, text="Hi")).status == 200
    assert await asyncio.to_thread(export.sending.wait, 10)
    for text, dropped in (("x" * 2_000, 1), ("x" * 900, 1), ("x" * 900, 2), ("Hi", 2)):
        assert (await chat(memory.gateway, TEST_KEY, text=text)).status == 200
        assert sum(lost) == dropped
    export.free.set()
    await memory.gateway.close()
    assert export.sent == 3


async def test_telemetry_that_breaks_costs_no_call(build: Build, monkeypatch: pytest.MonkeyPatch, collector: Collector) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("broken")

    lost: list[int] = []
    memory = build(tracing=open_tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}, dropped=lost.append))
    monkeypatch.setattr("groundcrew.gateway.telemetry.worker.signals_of", broken)
    assert (await chat(memory.gateway, TEST_KEY, text="Hi")).status == 200
    await memory.gateway.close()
    assert lost == [1]


async def test_a_call_that_is_not_recorded_has_no_status(build: Build, collector: Collector, tmp_path: Path) -> None:
    class Down:
        async def record(self, call: Any) -> None:
            raise RecorderUnavailable("down")

        opened = record

        def later(self, call: Any) -> None:
            pass

        def missed(self, call: Any, *, answered: bool) -> None:
            pass

    tracing = open_tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
    memory = memory_gateway(memory_snapshot("http://127.0.0.1:9/v1"), tmp_path / "down", recorder=Down(), tracing=tracing)
    assert (await chat(memory.gateway, TEST_KEY, text="Hi")).status == 502
    await memory.gateway.close()
    memory.spool.close()
    attributes = collector.span("POST /v1/chat/completions").attributes
    assert "groundcrew.status" not in attributes
    assert attributes["groundcrew.error_code"] == "upstream_error"


def test_nothing_of_opentelemetry_is_loaded_while_it_is_off() -> None:
    program = (
        "import sys\nimport groundcrew.gateway.app\nfrom groundcrew.gateway.telemetry import open_tracing\n"
        "assert type(open_tracing({})).__name__ == 'Tracing'\n"
        "print([name for name in sys.modules if name.startswith(('opentelemetry', 'google.protobuf', 'requests'))])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("environment", "signals"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "c:4318"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/"}, {"traces", "metrics", "logs"}),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_LOGS_EXPORTER": "none"}, {"traces", "metrics"}),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, {"traces"}),
    ],
)
def test_the_standard_variables_switch_it(environment: dict[str, str], signals: set[str] | None) -> None:
    config = read_config(environment)
    assert (set(config.endpoints) if config is not None else None) == signals
    if config is not None:
        assert all(url == f"http://c:4318/v1/{signal}" for signal, url in config.endpoints.items())


def test_the_setting_counts_before_the_general_variable() -> None:
    config = read_config({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:1"}, "http://b:2")
    assert config is not None
    assert config.endpoints["traces"] == "http://b:2/v1/traces"


@pytest.mark.parametrize(
    ("environment", "sampler"),
    [
        ({}, Sampler()),
        ({"OTEL_TRACES_SAMPLER": "always_on"}, Sampler(follows_parent=False)),
        ({"OTEL_TRACES_SAMPLER": "always_off"}, Sampler(share=0.0, follows_parent=False)),
        ({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25"}, Sampler(share=0.25)),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "nan"}, Sampler(follows_parent=False)),
        ({"OTEL_TRACES_SAMPLER": "jaeger_remote"}, Sampler()),
    ],
)
def test_samplers(environment: dict[str, str], sampler: Sampler) -> None:
    assert read_sampler(environment) == sampler


def test_a_share_of_traces_is_sampled() -> None:
    sampled, not_sampled = (parse_parent(f"00-{TRACE}-{SPAN}-0{flag}".encode()) for flag in (1, 0))
    for share in (0.0, 1.0):
        assert Sampler(share=share).samples(TRACE, sampled)
        assert not Sampler(share=share).samples(TRACE, not_sampled)
        assert Sampler(share=share, follows_parent=False).samples(TRACE, not_sampled) is bool(share)
    ids = [f"{'0' * 16}{index << 56:016x}" for index in range(256)]
    assert sum(Sampler(share=0.25).samples(each, None) for each in ids) == 64


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"max_tokens": 5, "top_k": 3, "stop_sequences": ["x"]}, {"max_tokens": 5, "top_k": 3, "stop_sequences": ("x",)}),
        ({"generationConfig": {"maxOutputTokens": 5, "topP": 0.5}}, {"max_tokens": 5, "top_p": 0.5}),
        ({"inferenceConfig": {"maxTokens": 5, "stopSequences": ["x"]}}, {"max_tokens": 5, "stop_sequences": ("x",)}),
        ({"input": "x", "encoding_format": "float"}, {"encoding_formats": ("float",)}),
        ({"n": 3, "seed": 2**70, "temperature": True, "max_tokens": "many"}, {"choice.count": 3}),
        ([1], {}),
    ],
)
def test_requests_are_read_in_any_dialect(body: Any, expected: dict[str, Any]) -> None:
    found = request_attributes(msgspec.json.encode(body))
    assert {name.removeprefix("gen_ai.request."): value for name, value in found.items()} == expected
    assert set(found) <= SENT


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"id": "msg", "model": "m", "stop_reason": "end_turn"}, {"id": "msg", "model": "m", "finish_reasons": ("end_turn",)}),
        ({"message": {"id": "msg", "model": "m"}}, {"id": "msg", "model": "m"}),
        (
            {"responseId": "r", "modelVersion": "g", "candidates": [{"finishReason": "STOP"}]},
            {"id": "r", "model": "g", "finish_reasons": ("STOP",)},
        ),
        ({"stopReason": "end_turn"}, {"finish_reasons": ("end_turn",)}),
        ({"id": 5, "model": ["x"], "choices": []}, {}),
        ("text", {}),
    ],
)
def test_answers_are_read_in_any_dialect(body: Any, expected: dict[str, Any]) -> None:
    found = response_attributes(msgspec.json.encode(body))
    assert {name.removeprefix("gen_ai.response."): value for name, value in found.items()} == expected


@pytest.mark.parametrize(
    ("api", "url", "name"),
    [
        ("openai", "https://api.openai.com/v1", "openai"),
        ("openai", "https://llm.bank.example/v1", "openai"),
        ("openai", "https://bank.openai.azure.com/openai/v1", "azure.ai.openai"),
        ("openai", "https://api.mistral.ai/v1", "mistral_ai"),
        ("openai", "https://notapi.mistral.ai.evil.example/v1", "openai"),
        ("gemini", "https://europe-west6-aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("gemini", "https://generativelanguage.googleapis.com", "gcp.gemini"),
        ("bedrock", "https://bedrock-runtime.eu-central-1.amazonaws.com", "aws.bedrock"),
        ("anthropic", "https://proxy.example", "anthropic"),
        ("openai", "https://[broken", "openai"),
        ("extractive", None, "groundcrew"),
    ],
)
def test_providers_have_the_conventions_names(api: Any, url: str | None, name: str) -> None:
    assert provider_name(api, url) == name


def test_a_flight_outside_of_a_request_has_a_trace_that_notes_nothing() -> None:
    flight = Flight("id", datetime.now(UTC))
    assert flight.trace.headers(b"{}") == ()
    assert flight.trace.trace_id is None
    provider = Provider(name="x", api="openai")
    flight.trace.attempt(provider)  # type: ignore[arg-type]
    flight.trace.first_chunk(b"data: {}")
    Tracing().end(flight)


PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "telemetry.md"


async def test_the_page_names_everything_that_is_sent(build: Build, collector: Collector) -> None:
    guards = (GuardRule(guard="pii", on=("input", "output"), mode="monitor"),)
    memory = build(grounding=grounded(), guards=guards)
    await chat(memory.gateway, TEST_KEY, text=QUESTION)
    await chat(memory.gateway, TEST_KEY, text=QUESTION, model="other")
    await memory.gateway.close()
    page = PAGE.read_text()
    sent = {each for each in collector.names() if not each.startswith(("http.", "url.", "network.", "groundcrew.latency_ms."))}
    sent |= SENT | {each.name for each in HISTOGRAMS}
    assert [each for each in sorted(sent) if f"`{each}`" not in page] == []
    families = [line.split()[2] for line in memory.gateway.metrics.render().decode().splitlines() if line.startswith("# TYPE")]
    assert [each for each in families if not each.endswith("_created") and f"`{each}`" not in page] == []


@pytest.mark.parametrize("preference", ["", "delta"])
async def test_metrics_are_sent_at_an_interval(
    build: Build, collector: Collector, monkeypatch: pytest.MonkeyPatch, preference: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", preference)
    url = collector.url + "/v1/metrics"
    memory = build(environment={"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": url, "OTEL_METRIC_EXPORT_INTERVAL": "20"})
    for number in (1, 2):
        await chat(memory.gateway, TEST_KEY, text="Hi")
        expected = 1 if preference else number
        while True:
            points = [each for _, each in collector.requests]
            counts = [
                point.count
                for message in points
                for metric in message.resource_metrics[0].scope_metrics[0].metrics
                if metric.name == "gen_ai.client.operation.duration"
                for point in metric.histogram.data_points
            ]
            if (sum(counts) if preference else max(counts, default=0)) == number:
                break
            await asyncio.sleep(0.01)
        assert expected in counts
    await memory.gateway.close()


def test_attributes_without_an_end_are_added_up_in_one_series() -> None:
    totals = Totals(series_max=2)
    totals.add([(HISTOGRAMS[0], float(value), {"name": value}) for value in range(5)])
    ((_, found),) = totals
    assert set(found) == {(("name", 0),), (("name", 1),), OVERFLOW}
    assert (sum(found[OVERFLOW].counts), found[OVERFLOW].sum, found[OVERFLOW].lowest, found[OVERFLOW].highest) == (
        3,
        9.0,
        2.0,
        4.0,
    )


def test_embeddings_are_an_operation_of_their_own() -> None:
    snapshot = memory_snapshot("https://api.mistral.ai/v1")
    flight = Flight("id", datetime.now(UTC))
    sent = {"headers": [], "method": "POST", "path": "/v1/embeddings"}
    kept: list[Ended] = []
    worker = SimpleNamespace(put=kept.append)
    config = read_config({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"})
    assert config is not None
    telemetry = Telemetry(worker, config, "off", 12)  # type: ignore[arg-type]
    telemetry.begin(flight, sent, None)  # type: ignore[arg-type]
    provider, target = snapshot.providers["fake"], snapshot.models["writer"].targets[0]
    flight.entry, flight.usage_known, flight.input_tokens = snapshot.use_cases["demo"], True, 5
    started_s = time.perf_counter()
    flight.trace.attempt(Route(provider=provider, target=target))
    headers = dict(flight.trace.headers(b'{"model": "m", "input": "x", "dimensions": 256, "encoding_format": "float"}'))
    flight.trace.answered(b'{"object": "list", "model": "embed-1", "data": []}')
    flight.timed("upstream", started_s)
    telemetry.end(flight)
    (ended,) = kept
    server, client = signals_of(ended, None).spans
    assert (server.name, client.name) == ("POST /v1/embeddings", "embeddings fake-model-1")
    assert headers["traceparent"] == f"00-{ended.trace.trace_id}-{client.span_id}-01"
    assert client.attributes == {
        "gen_ai.operation.name": "embeddings",
        "gen_ai.provider.name": "mistral_ai",
        "gen_ai.request.model": "fake-model-1",
        "gen_ai.request.encoding_formats": ("float",),
        "gen_ai.embeddings.dimension.count": 256,
        "gen_ai.response.model": "embed-1",
        "gen_ai.usage.input_tokens": 5,
        "server.address": "api.mistral.ai",
        "server.port": 443,
        "groundcrew.provider": "fake",
    }
    tokens = [attributes["gen_ai.token.type"] for each, _, attributes in measures_of(ended) if each.name.endswith("token.usage")]
    assert tokens == ["input"]
