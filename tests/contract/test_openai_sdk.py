"""The official openai package against a real server: plain and streaming answers, and each error as the SDK's own exception."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.use_case import Budget
from groundcrew.testing import (
    TEST_KEY,
    FakeUpstream,
    MemoryGateway,
    Reply,
    memory_gateway,
    memory_snapshot,
    memory_use_case,
    serve,
)

QUESTION = [{"role": "user", "content": "Hello there"}]


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream("Good morning to you.") as fake:
        yield fake


@pytest.fixture
def memory(upstream: FakeUpstream, tmp_path: Path) -> Iterator[MemoryGateway]:
    use_case = memory_use_case(budget=Budget(tokens_per_day=100_000))
    made = memory_gateway(memory_snapshot(upstream.url, use_case=use_case), tmp_path)
    yield made
    made.spool.close()


@pytest.fixture
def client(memory: MemoryGateway) -> Iterator[openai.OpenAI]:
    with serve(memory.gateway) as url, openai.OpenAI(base_url=url + "/v1", api_key=TEST_KEY, max_retries=0) as made:
        yield made


def test_a_plain_answer_comes_through_with_its_report(
    client: openai.OpenAI, memory: MemoryGateway, upstream: FakeUpstream
) -> None:
    raw = client.chat.completions.with_raw_response.create(model="writer", messages=QUESTION)
    answer = raw.parse()
    assert answer.choices[0].message.content == "Good morning to you."
    assert answer.model == "writer"
    assert answer.usage is not None
    assert answer.usage.total_tokens == 18
    assert raw.headers["groundcrew-use-case"] == "demo"
    assert raw.headers["groundcrew-stage"] == "pilot"
    assert raw.headers["groundcrew-scan"] == "not_scanned"
    report = (answer.model_extra or {})["groundcrew"]
    assert report["status"] == "answered"
    assert report["call_id"] == raw.headers["groundcrew-call-id"]
    assert upstream.requests[0].body == {"model": "fake-model-1", "messages": QUESTION}
    (call,) = memory.calls()
    assert (call.id, call.status, call.answer) == (report["call_id"], "answered", "Good morning to you.")
    assert (call.input_tokens, call.output_tokens) == (11, 7)


def test_a_stream_comes_through_and_ends_with_its_report(client: openai.OpenAI, memory: MemoryGateway) -> None:
    text, reports = "", []
    for chunk in client.chat.completions.create(model="writer", messages=QUESTION, stream=True):
        for choice in chunk.choices:
            text += choice.delta.content or ""
        if "groundcrew" in (chunk.model_extra or {}):
            reports.append(chunk.model_extra["groundcrew"])
        assert chunk.usage is None
    assert text == "Good morning to you."
    assert [each["status"] for each in reports] == ["answered"]
    (call,) = memory.calls()
    assert (call.stream, call.status, call.answer, call.output_tokens) == (True, "answered", text, 7)


def test_a_stream_tells_its_usage_when_asked(client: openai.OpenAI) -> None:
    chunks = client.chat.completions.create(
        model="writer", messages=QUESTION, stream=True, stream_options={"include_usage": True}
    )
    assert [chunk.usage.total_tokens for chunk in chunks if chunk.usage is not None] == [18]


async def test_the_async_client_works_too(client: openai.OpenAI) -> None:
    async with openai.AsyncOpenAI(base_url=str(client.base_url), api_key=TEST_KEY, max_retries=0) as asynchronous:
        answer = await asynchronous.chat.completions.create(model="demo", messages=QUESTION)
        stream = await asynchronous.chat.completions.create(model="default", messages=QUESTION, stream=True)
        pieces = [choice.delta.content or "" async for chunk in stream for choice in chunk.choices]
    assert answer.choices[0].message.content == "".join(pieces) == "Good morning to you."


def test_the_models_are_the_use_cases_own(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["writer"]
    assert client.models.retrieve("writer").id == "writer"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4")


def test_unknown_fields_survive_both_ways(client: openai.OpenAI, upstream: FakeUpstream) -> None:
    upstream.script = Reply(text="Hi", extra={"system_fingerprint": "fp_1", "vendor": {"deep": [1, 2]}})
    answer = client.chat.completions.create(
        model="writer", messages=QUESTION, seed=7, extra_body={"vendor_option": {"a": [1, None, "ü"]}}
    )
    assert upstream.requests[-1].body["vendor_option"] == {"a": [1, None, "ü"]}
    assert upstream.requests[-1].body["seed"] == 7
    assert answer.system_fingerprint == "fp_1"
    assert (answer.model_extra or {})["vendor"] == {"deep": [1, 2]}


def test_a_wrong_key_is_an_authentication_error(client: openai.OpenAI, memory: MemoryGateway) -> None:
    with pytest.raises(openai.AuthenticationError) as caught:
        client.with_options(api_key="gc_wrong").chat.completions.create(model="writer", messages=QUESTION)
    assert caught.value.code == "invalid_key"
    assert memory.calls() == []


def test_another_model_is_refused_and_the_allowed_one_named(client: openai.OpenAI) -> None:
    with pytest.raises(openai.PermissionDeniedError, match="'writer'") as caught:
        client.chat.completions.create(model="gpt-4", messages=QUESTION)
    assert caught.value.code == "model_not_allowed"


def test_a_spent_budget_is_a_rate_limit_error_with_figures(client: openai.OpenAI, memory: MemoryGateway) -> None:
    memory.snapshots.change_use_case("demo", budget=Budget(tokens_per_day=50))
    with pytest.raises(openai.RateLimitError) as caught:
        client.with_options(max_retries=2).chat.completions.create(model="writer", messages=QUESTION)
    assert caught.value.code == "budget_exceeded"
    details = caught.value.body["details"]
    assert (details["what"], details["limit"], details["used"]) == ("tokens_per_day", 50, 0)
    assert details["resets_at"].endswith("T00:00:00Z")
    assert [call.error_code for call in memory.calls()] == ["budget_exceeded"], "the SDK was told not to try again"


def test_a_tripped_kill_switch_is_an_error_that_is_not_retried(
    client: openai.OpenAI, memory: MemoryGateway, upstream: FakeUpstream
) -> None:
    memory.snapshots.stop(Scope("unit", "retail"))
    with pytest.raises(openai.InternalServerError) as caught:
        client.with_options(max_retries=2).chat.completions.create(model="writer", messages=QUESTION)
    assert (caught.value.status_code, caught.value.code) == (503, "kill_switch")
    assert upstream.requests == []
    assert len(memory.calls()) == 1


def test_a_client_that_stops_reading_ends_the_upstreams_work(
    client: openai.OpenAI, memory: MemoryGateway, upstream: FakeUpstream
) -> None:
    upstream.script = Reply(text="word " * 100, chunk_delay_s=0.05)
    with client.chat.completions.create(model="writer", messages=QUESTION, stream=True) as stream:
        next(iter(stream))
    deadline_s = time.monotonic() + 5
    while not (upstream.dropped and memory.calls()) and time.monotonic() < deadline_s:
        time.sleep(0.02)
    assert upstream.dropped == 1
    (call,) = memory.calls()
    assert (call.status, call.details["interrupted"]) == ("cancelled", "disconnected")
    assert memory.gateway.inflight() == 0


def test_an_upstream_failure_in_a_stream_is_an_error_in_the_stream(
    client: openai.OpenAI, memory: MemoryGateway, upstream: FakeUpstream
) -> None:
    upstream.script = Reply(text="one two three four", fault="reset_mid_stream", chunk_delay_s=0.03)
    text = ""

    def read() -> None:
        nonlocal text
        for chunk in client.chat.completions.create(model="writer", messages=QUESTION, stream=True):
            text += chunk.choices[0].delta.content or ""

    with pytest.raises(openai.APIError) as caught:
        read()
    assert caught.value.code == "upstream_error"
    (call,) = memory.calls()
    assert (call.status, call.error_code) == ("failed", "upstream_error")
    assert call.answer == text
    assert text.startswith("one")
