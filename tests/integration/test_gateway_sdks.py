"""The official openai and anthropic packages against the gateway, whatever the provider behind it speaks: answers, streams,
tools, images, schemas, errors, cancellation. What a client of one vendor asks, every provider answers."""

from __future__ import annotations

import base64
import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from pydantic import BaseModel

from groundcrew.domain.guard import GuardRule
from groundcrew.domain.provider import Provider
from groundcrew.domain.use_case import SignOffRule
from groundcrew.gateway.settings import GatewaySettings
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

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning", "ignore:.*:UserWarning", "ignore::ResourceWarning")

APIS = ["openai", "openai-without-responses", "anthropic", "gemini", "bedrock"]
CLASSES = ("public", "internal", "confidential", "pii")
PIXEL = base64.b64encode(
    base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
).decode()
CHAT_TOOL: Any = {
    "type": "function",
    "function": {
        "name": "balance",
        "description": "The balance of an account",
        "parameters": {"type": "object", "properties": {"account": {"type": "string"}}, "required": ["account"]},
    },
}
MESSAGES_TOOL: Any = {
    "name": "balance",
    "description": "The balance of an account",
    "input_schema": CHAT_TOOL["function"]["parameters"],
}
RESPONSES_TOOL: Any = {"type": "function", **CHAT_TOOL["function"], "strict": False}
CALLED = ({"id": "call_1", "type": "function", "function": {"name": "balance", "arguments": '{"account": "A-7"}'}},)


class Stage:
    """A gateway on a socket, a scripted provider behind it, and both vendors' clients before it."""

    def __init__(self, memory: MemoryGateway, upstream: FakeUpstream, url: str) -> None:
        self.memory, self.upstream, self.url = memory, upstream, url
        self.openai = openai.OpenAI(base_url=url + "/v1", api_key=TEST_KEY, max_retries=0, timeout=20)
        self.anthropic = anthropic.Anthropic(base_url=url, api_key=TEST_KEY, max_retries=0, timeout=20)

    def close(self) -> None:
        """Close the clients: their sockets would be found much later, in some other test."""
        self.openai.close()
        self.anthropic.close()

    def call(self) -> Any:
        """The newest recorded call, once it is there."""
        ends_s = time.monotonic() + 10
        while time.monotonic() < ends_s:
            calls = [each for each in self.memory.calls() if each.finished_at is not None]
            if calls:
                return calls[-1]
            time.sleep(0.01)
        raise AssertionError("no call was recorded")


Build = Callable[..., Stage]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    with contextlib.ExitStack() as stack:

        def make(api: str, reply: Any = "Fine, thanks.", *guards: GuardRule, **fields: Any) -> Stage:
            without = ("responses",) if api == "openai-without-responses" else ()
            kind: Any = api.partition("-")[0]
            upstream = stack.enter_context(FakeUpstream(reply, without=without))
            provider = Provider(
                name="fake", api=kind, base_url=upstream.url, data_classes=CLASSES, api_key="env:FAKE_PROVIDER_KEY"
            )
            snapshot = memory_snapshot(upstream.url, providers=(provider,), use_case=memory_use_case(**fields), guards=guards)
            memory = memory_gateway(snapshot, tmp_path / api, settings=GatewaySettings(drain_s_max=1.0))
            stack.callback(memory.spool.close)
            stage = Stage(memory, upstream, stack.enter_context(serve(memory.gateway)))
            stack.callback(stage.close)
            return stage

        yield make


@pytest.fixture(autouse=True)
def provider_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_PROVIDER_KEY", "of-the-provider")


@pytest.mark.parametrize("api", APIS)
def test_every_client_gets_its_answer_from_every_provider(build: Build, api: str) -> None:
    stage = build(api)
    chat = stage.openai.chat.completions.create(model="writer", messages=[{"role": "user", "content": "How are you?"}])
    assert chat.choices[0].message.content == "Fine, thanks."
    assert chat.choices[0].finish_reason == "stop"
    assert (chat.usage.prompt_tokens, chat.usage.completion_tokens) == (11, 7)
    response = stage.openai.responses.create(model="writer", input="How are you?", instructions="Be brief.")
    assert response.output_text == "Fine, thanks."
    assert (response.status, response.usage.input_tokens, response.usage.output_tokens) == ("completed", 11, 7)
    message = stage.anthropic.messages.create(
        model="writer", max_tokens=100, system="Be brief.", messages=[{"role": "user", "content": "How are you?"}]
    )
    assert [each.text for each in message.content] == ["Fine, thanks."]
    assert (message.stop_reason, message.usage.input_tokens, message.usage.output_tokens) == ("end_turn", 11, 7)
    for answer in (chat, response, message):
        assert answer.model == "writer"
        assert answer.groundcrew["call_id"]
    assert {request.last_user_text() for request in stage.upstream.requests} == {"How are you?"}
    calls = stage.memory.calls()
    assert [(each.status, each.answer, each.input_tokens, each.output_tokens) for each in calls] == [
        ("answered", "Fine, thanks.", 11, 7)
    ] * 3
    assert all("How are you?" in each.request for each in calls)


@pytest.mark.parametrize("api", APIS)
def test_every_client_gets_its_stream_from_every_provider(build: Build, api: str) -> None:
    stage = build(api, "One two three four.")
    pieces: list[str] = []
    usage = None
    for chunk in stage.openai.chat.completions.create(
        model="writer",
        messages=[{"role": "user", "content": "Count."}],
        stream=True,
        stream_options={"include_usage": True},
    ):
        pieces += [each.delta.content for each in chunk.choices if each.delta.content]
        usage = chunk.usage or usage
    assert "".join(pieces) == "One two three four."
    assert len(pieces) > 1
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (11, 7)
    with stage.openai.responses.stream(model="writer", input="Count.") as events:
        kinds = [each.type for each in events]
        final = events.get_final_response()
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert final.output_text == "One two three four."
    assert final.usage.output_tokens == 7
    with stage.anthropic.messages.stream(
        model="writer", max_tokens=100, messages=[{"role": "user", "content": "Count."}]
    ) as stream:
        assert "".join(stream.text_stream) == "One two three four."
        done = stream.get_final_message()
    assert (done.stop_reason, done.usage.output_tokens) == ("end_turn", 7)
    statuses = [(each.status, each.answer, each.output_tokens) for each in stage.memory.calls() if each.finished_at]
    assert statuses == [("answered", "One two three four.", 7)] * 3


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("api", APIS)
def test_every_client_gets_tool_calls_from_every_provider(build: Build, api: str, stream: bool) -> None:
    stage = build(api, Reply(text="", tool_calls=CALLED))
    question: Any = [{"role": "user", "content": "What is on A-7?"}]
    if stream:
        with stage.openai.chat.completions.stream(model="writer", messages=question, tools=[CHAT_TOOL]) as events:
            for _ in events:
                pass
            choice = events.get_final_completion().choices[0]
        with stage.openai.responses.stream(model="writer", input="What is on A-7?", tools=[RESPONSES_TOOL]) as events:
            for _ in events:
                pass
            response = events.get_final_response()
        with stage.anthropic.messages.stream(model="writer", max_tokens=99, messages=question, tools=[MESSAGES_TOOL]) as events:
            message = events.get_final_message()
    else:
        choice = stage.openai.chat.completions.create(model="writer", messages=question, tools=[CHAT_TOOL]).choices[0]
        response = stage.openai.responses.create(model="writer", input="What is on A-7?", tools=[RESPONSES_TOOL])
        message = stage.anthropic.messages.create(model="writer", max_tokens=99, messages=question, tools=[MESSAGES_TOOL])
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls[0].function.name == "balance"
    assert json(choice.message.tool_calls[0].function.arguments) == {"account": "A-7"}
    (call,) = [each for each in response.output if each.type == "function_call"]
    assert (call.name, json(call.arguments)) == ("balance", {"account": "A-7"})
    (use,) = [each for each in message.content if each.type == "tool_use"]
    assert (use.name, use.input, message.stop_reason) == ("balance", {"account": "A-7"}, "tool_use")


def json(text: str) -> Any:
    import json as parser

    return parser.loads(text)


@pytest.mark.parametrize("api", APIS)
def test_the_result_of_a_tool_goes_back_to_every_provider(build: Build, api: str) -> None:
    stage = build(api, "It holds 12 francs.")
    chat: Any = [
        {"role": "user", "content": "What is on A-7?"},
        {"role": "assistant", "content": None, "tool_calls": list(CALLED)},
        {"role": "tool", "tool_call_id": "call_1", "content": "12 CHF of result"},
    ]
    assert stage.openai.chat.completions.create(model="writer", messages=chat, tools=[CHAT_TOOL]).choices
    items: Any = [
        {"role": "user", "content": "What is on A-7?"},
        {"type": "function_call", "call_id": "call_1", "name": "balance", "arguments": '{"account": "A-7"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "12 CHF of result"},
    ]
    assert stage.openai.responses.create(model="writer", input=items, tools=[RESPONSES_TOOL]).output_text
    messages: Any = [
        {"role": "user", "content": "What is on A-7?"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "call_1", "name": "balance", "input": {"account": "A-7"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "12 CHF of result"}]},
    ]
    assert stage.anthropic.messages.create(model="writer", max_tokens=99, messages=messages, tools=[MESSAGES_TOOL]).content
    for request in stage.upstream.requests[-3:]:
        assert "12 CHF of result" in request.text()
        assert "A-7" in request.text()
    assert all("12 CHF of result" in each.request for each in stage.memory.calls())


@pytest.mark.parametrize("api", APIS)
def test_images_reach_every_provider(build: Build, api: str) -> None:
    stage = build(api, "A pixel.")
    url = f"data:image/png;base64,{PIXEL}"
    stage.openai.chat.completions.create(
        model="writer",
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": url}}]}
        ],
    )
    items: Any = [
        {"role": "user", "content": [{"type": "input_text", "text": "What?"}, {"type": "input_image", "image_url": url}]}
    ]
    stage.openai.responses.create(model="writer", input=items)
    source: Any = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    blocks: Any = [{"type": "text", "text": "What?"}, {"type": "image", "source": source}]
    stage.anthropic.messages.create(model="writer", max_tokens=99, messages=[{"role": "user", "content": blocks}])
    answered = [each for each in stage.upstream.requests if PIXEL in each.text()]
    assert len(answered) >= 3


class Balance(BaseModel):
    account: str
    francs: int


@pytest.mark.parametrize("api", ["openai", "openai-without-responses", "gemini"])
def test_a_schema_reaches_the_provider_and_its_answer_parses(build: Build, api: str) -> None:
    stage = build(api, '{"account": "A-7", "francs": 12}')
    parsed = stage.openai.chat.completions.parse(
        model="writer", messages=[{"role": "user", "content": "A-7?"}], response_format=Balance
    )
    assert parsed.choices[0].message.parsed == Balance(account="A-7", francs=12)
    response = stage.openai.responses.parse(model="writer", input="A-7?", text_format=Balance)
    assert response.output_parsed == Balance(account="A-7", francs=12)
    assert all("francs" in each.text() for each in stage.upstream.requests[-2:])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [400, 401, 429, 500])
@pytest.mark.parametrize("api", APIS)
def test_a_providers_errors_are_the_clients_own(build: Build, api: str, status: int, stream: bool) -> None:
    stage = build(api, Reply(status=status, error_message="scripted trouble"))
    expected: dict[int, tuple[Any, Any]] = {
        400: (openai.BadRequestError, anthropic.BadRequestError),
        401: (openai.InternalServerError, anthropic.InternalServerError),
        429: (openai.RateLimitError, anthropic.RateLimitError),
        500: (openai.InternalServerError, anthropic.InternalServerError),
    }
    for_openai, for_anthropic = expected[status]
    question: Any = [{"role": "user", "content": "hi"}]
    with pytest.raises(for_openai) as first:
        stage.openai.chat.completions.create(model="writer", messages=question, stream=stream)
    assert first.value.body["code"]
    with pytest.raises(for_openai):
        stage.openai.responses.create(model="writer", input="hi", stream=stream)
    with pytest.raises(for_anthropic) as second:
        stage.anthropic.messages.create(model="writer", max_tokens=9, messages=question, stream=stream)
    assert second.value.body["type"] == "error"
    assert [each.status for each in stage.memory.calls()] == ["failed"] * 3


@pytest.mark.parametrize("client", ["chat", "responses", "messages"])
def test_a_refusal_of_ours_is_the_clients_own_error(build: Build, client: str) -> None:
    stage = build("openai", "never sent", run_state="paused")
    question: Any = [{"role": "user", "content": "hi"}]
    if client == "messages":
        with pytest.raises(anthropic.PermissionDeniedError) as caught:
            stage.anthropic.messages.create(model="writer", max_tokens=9, messages=question)
        assert caught.value.body["error"]["code"] == "use_case_not_running"
    else:
        chat = client == "chat"
        with pytest.raises(openai.PermissionDeniedError) as refused:
            _ = (
                stage.openai.chat.completions.create(model="writer", messages=question)
                if chat
                else stage.openai.responses.create(model="writer", input="hi")
            )
        assert refused.value.code == "use_case_not_running"
    assert not stage.upstream.requests


def read_response(stage: Stage) -> None:
    with stage.openai.responses.stream(model="writer", input="hi") as events:
        list(events)
        events.get_final_response()


@pytest.mark.parametrize("api", APIS)
def test_a_stream_that_breaks_off_ends_in_the_clients_error(build: Build, api: str) -> None:
    stage = build(api, Reply(text="one two three four five six", fault="reset_mid_stream"))
    question: Any = [{"role": "user", "content": "hi"}]
    with pytest.raises(openai.APIError):
        list(stage.openai.chat.completions.create(model="writer", messages=question, stream=True))
    with pytest.raises((openai.APIError, RuntimeError)):
        read_response(stage)
    with (
        pytest.raises(anthropic.APIError),
        stage.anthropic.messages.stream(model="writer", max_tokens=9, messages=question) as messages,
    ):
        list(messages)
    assert [each.status for each in stage.memory.calls() if each.finished_at] == ["failed"] * 3


@pytest.mark.parametrize("client", ["chat", "responses", "messages"])
@pytest.mark.parametrize("api", APIS)
def test_a_client_that_leaves_stops_the_provider_and_pays_for_what_it_got(build: Build, api: str, client: str) -> None:
    words = " ".join(["word"] * 200)
    stage = build(api, Reply(text=words, chunk_delay_s=0.05))
    question: Any = [{"role": "user", "content": "hi"}]
    streams: dict[str, Callable[[], Any]] = {
        "chat": lambda: stage.openai.chat.completions.create(model="writer", messages=question, stream=True),
        "responses": lambda: stage.openai.responses.create(model="writer", input="hi", stream=True),
        "messages": lambda: stage.anthropic.messages.create(model="writer", max_tokens=9, messages=question, stream=True),
    }
    stream = streams[client]()
    for count, _ in enumerate(stream):
        if count == 6:
            break
    stream.response.close()
    ends_s = time.monotonic() + 10
    while not stage.upstream.dropped and time.monotonic() < ends_s:
        time.sleep(0.01)
    assert stage.upstream.dropped == 1
    call = stage.call()
    assert call.status == "cancelled"
    assert call.output_tokens > 0
    assert call.input_tokens > 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_checked_answer_comes_in_the_clients_dialect(build: Build, stream: bool) -> None:
    """Where guards check the output, nothing of the provider's leaves as it came."""
    rule = GuardRule(guard="pii", on=("output",), action="redact")
    stage = build("anthropic", "Write to anna.meier@bank.example. Bye.", rule)
    question: Any = [{"role": "user", "content": "Whom?"}]
    if stream:
        chunks = stage.openai.chat.completions.create(model="writer", messages=question, stream=True)
        chat = "".join(each.delta.content or "" for chunk in chunks for each in chunk.choices)
        with stage.openai.responses.stream(model="writer", input="Whom?") as events:
            for _ in events:
                pass
            response = events.get_final_response()
        with stage.anthropic.messages.stream(model="writer", max_tokens=99, messages=question) as messages:
            message = messages.get_final_message()
    else:
        chat = str(stage.openai.chat.completions.create(model="writer", messages=question).choices[0].message.content)
        response = stage.openai.responses.create(model="writer", input="Whom?")
        message = stage.anthropic.messages.create(model="writer", max_tokens=99, messages=question)
    assert chat == response.output_text == message.content[0].text == "Write to [EMAIL]. Bye."


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_waits_for_a_signature_holds_no_text(build: Build, stream: bool) -> None:
    rule = SignOffRule(when="always", qualification="radiologist")
    stage = build("anthropic", "The lungs are clear.", sign_off=rule)
    question: Any = [{"role": "user", "content": "Findings?"}]
    answers = [
        stage.openai.chat.completions.with_raw_response.create(model="writer", messages=question, stream=stream),
        stage.openai.responses.with_raw_response.create(model="writer", input="Findings?", stream=stream),
        stage.anthropic.messages.with_raw_response.create(model="writer", max_tokens=99, messages=question, stream=stream),
    ]
    for answer in answers:
        assert answer.http_response.status_code == 202
        body = answer.http_response.read()
        assert b"pending_sign_off" in body
        assert b"lungs" not in body


@pytest.mark.parametrize("api", ["openai", "gemini"])
def test_embeddings_come_as_numbers_and_as_base64(build: Build, api: str) -> None:
    stage = build(api)
    numbers = stage.openai.embeddings.create(model="writer", input=["one", "two"], encoding_format="float")
    packed = stage.openai.embeddings.create(model="writer", input=["one", "two"])
    assert len(numbers.data) == len(packed.data) == 2
    for one, other in zip(numbers.data, packed.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-6)
    assert [(each.status, each.output_tokens) for each in stage.memory.calls()] == [("answered", 0)] * 2
    assert all(each.details["dialect"] == "embeddings" for each in stage.memory.calls())


def test_embeddings_are_masked_and_need_a_provider_that_gives_them(build: Build) -> None:
    rule = GuardRule(guard="pii", on=("input",), action="redact")
    stage = build("openai", "x", rule)
    stage.openai.embeddings.create(model="writer", input="mail anna.meier@bank.example")
    assert stage.upstream.requests[-1].body["input"] == "mail [EMAIL]"
    other = build("anthropic", "x")
    with pytest.raises(openai.BadRequestError, match="embeddings"):
        other.openai.embeddings.create(model="writer", input="hi")


def test_both_clients_list_the_models(build: Build) -> None:
    stage = build("openai")
    assert [each.id for each in stage.openai.models.list()] == ["writer"]
    assert [each.id for each in stage.anthropic.models.list()] == ["writer"]
    assert stage.openai.models.retrieve("writer").id == stage.anthropic.models.retrieve("writer").id == "writer"
    with pytest.raises(openai.NotFoundError):
        stage.openai.models.retrieve("another")


def test_unknown_members_of_an_answer_survive_where_both_sides_speak_the_same(build: Build) -> None:
    extra = {"vendor_note": {"region": "zrh-1"}}
    for api in ("openai", "anthropic"):
        stage = build(api, Reply(text="Hi.", extra=extra))
        question: Any = [{"role": "user", "content": "hi"}]
        if api == "openai":
            assert stage.openai.chat.completions.create(model="writer", messages=question).vendor_note == extra["vendor_note"]
            assert stage.openai.responses.create(model="writer", input="hi").vendor_note == extra["vendor_note"]
        else:
            answer = stage.anthropic.messages.create(model="writer", max_tokens=9, messages=question)
            assert answer.vendor_note == extra["vendor_note"]
