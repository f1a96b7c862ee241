"""The Converse dialect: requests that AWS's own service model accepts, answers, streams, embeddings."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import botocore.session
import msgspec
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.errors import RefusedCall, UpstreamError
from groundcrew.gateway.dialects import converse, gemini
from groundcrew.gateway.dialects.event_stream import EventStreamSplitter
from groundcrew.testing.upstream import Reply
from groundcrew.testing.upstream_clouds import ConverseShape, event_stream_message
from groundcrew.testing.upstream_shapes import SIGNATURE

MODEL = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
PNG = "iVBORw0KGgo="
SHAPE = botocore.session.Session().get_service_model("bedrock-runtime").operation_model("Converse").input_shape
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "description": "The weather", "parameters": {"type": "object"}, "strict": True},
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"town": "Bern"}'}}


def request(*messages: dict[str, Any], model: str = MODEL, **more: Any) -> dict[str, Any]:
    """The body, which AWS's service model must accept."""
    body = converse.from_chat({"model": "writer", "messages": list(messages), **more}, model)
    report = ParamValidator().validate({"modelId": "m", **body}, SHAPE)
    assert not report.has_errors(), report.generate_report()
    return body


def user(content: Any = "Hello") -> dict[str, Any]:
    return {"role": "user", "content": content}


def refusal(*messages: dict[str, Any], **more: Any) -> str:
    with pytest.raises(RefusedCall) as caught:
        request(*messages, **more)
    assert caught.value.code == "invalid_request"
    return caught.value.message


def test_a_conversation() -> None:
    body = request(
        {"role": "system", "content": "Be brief."},
        user(),
        {"role": "assistant", "content": "Yes?"},
        user("The fee?"),
        user([{"type": "text", "text": "Now."}, {"type": "text", "text": ""}]),
        max_tokens=50,
        temperature=1.5,
        top_p=0.9,
        stop="END",
        seed=1,
        user="u",
        stream=True,
    )
    assert body == {
        "system": [{"text": "Be brief."}],
        "messages": [
            {"role": "user", "content": [{"text": "Hello"}]},
            {"role": "assistant", "content": [{"text": "Yes?"}]},
            {"role": "user", "content": [{"text": "The fee?"}, {"text": "Now."}]},
        ],
        "inferenceConfig": {"maxTokens": 50, "temperature": 1.0, "topP": 0.9, "stopSequences": ["END"]},
    }


def test_tools_and_their_results() -> None:
    strange = {**CALL, "id": "a b/ü"}
    body = request(
        user(),
        {"role": "assistant", "content": "", "tool_calls": [CALL, strange]},
        {"role": "tool", "tool_call_id": "call_1", "content": "3 degrees"},
        {"role": "tool", "tool_call_id": "a b/ü", "content": ""},
        user("So?"),
        tools=[WEATHER],
        tool_choice="required",
    )
    assert body["toolConfig"]["toolChoice"] == {"any": {}}
    assert body["toolConfig"]["tools"] == [
        {
            "toolSpec": {
                "name": "weather",
                "description": "The weather",
                "inputSchema": {"json": {"type": "object"}},
                "strict": True,
            }
        }
    ]
    calls, results = body["messages"][1]["content"], body["messages"][2]["content"]
    assert calls[0] == {"toolUse": {"toolUseId": "call_1", "name": "weather", "input": {"town": "Bern"}}}
    assert results[0] == {"toolResult": {"toolUseId": "call_1", "content": [{"text": "3 degrees"}]}}
    assert results[1]["toolResult"]["toolUseId"] == calls[1]["toolUse"]["toolUseId"] != "a b/ü"
    assert results[2] == {"text": "So?"}
    assert len(body["messages"]) == 3


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, None),
        ("auto", {"auto": {}}),
        ({"type": "function", "function": {"name": "weather"}}, {"tool": {"name": "weather"}}),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [WEATHER]}}, {"any": {}}),
    ],
)
def test_tool_choice(choice: Any, expected: Any) -> None:
    other = {"type": "function", "function": {"name": "other"}}
    config = request(user(), tools=[WEATHER, other], tool_choice=choice)["toolConfig"]
    assert config.get("toolChoice") == expected
    assert len(config["tools"]) == (1 if isinstance(choice, dict) and choice["type"] == "allowed_tools" else 2)


def test_no_tools_may_be_called() -> None:
    assert "toolConfig" not in request(user(), tools=[WEATHER], tool_choice="none")
    history = [user(), {"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "call_1", "content": "3"}]
    assert refusal(*history, tools=[WEATHER], tool_choice="none").startswith("tool_choice: ")
    # Converse wants to know the tools that were called before, even where none is offered now.
    assert [each["toolSpec"]["name"] for each in request(*history)["toolConfig"]["tools"]] == ["weather"]


def test_media() -> None:
    pdf = {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PNG}", "filename": "../Fees  (2026).v1.pdf"}}
    body = request(
        user(
            [
                {"type": "text", "text": "Look:"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                {"type": "image_url", "image_url": {"url": "s3://bucket/a.jpg"}},
                {"type": "input_audio", "input_audio": {"data": PNG, "format": "wav"}},
                pdf,
                pdf,
            ]
        )
    )
    _, image, stored, audio, first, second = body["messages"][0]["content"]
    assert image == {"image": {"format": "png", "source": {"bytes": PNG}}}
    assert stored == {"image": {"format": "jpeg", "source": {"s3Location": {"uri": "s3://bucket/a.jpg"}}}}
    assert audio["audio"]["format"] == "wav"
    assert first["document"] == {"format": "pdf", "name": "Fees (2026) v1", "source": {"bytes": PNG}}
    assert second["document"]["name"] == "Fees (2026) v1 2"


def test_an_answer_after_a_schema() -> None:
    asked = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    output = request(user(), response_format=asked, reasoning_effort="high", model="anthropic.claude-opus-4-6-v1")["outputConfig"]
    assert output["textFormat"]["structure"]["jsonSchema"] == {"schema": '{"type":"object"}', "name": "x"}
    assert output["effort"] == "high"


@pytest.mark.parametrize(
    ("model", "effort", "more", "expected"),
    [
        (MODEL, "low", {}, {"thinking": {"type": "enabled", "budget_tokens": 1_024}}),
        (MODEL, "high", {"max_tokens": 4_096}, {"thinking": {"type": "enabled", "budget_tokens": 2_048}}),
        (MODEL, "high", {"max_tokens": 1_000}, None),
        (MODEL, "none", {}, None),
        (MODEL, "high", {"tools": [WEATHER], "tool_choice": "required"}, None),
        ("anthropic.claude-3-haiku-20240307-v1:0", "high", {}, None),
        ("anthropic.claude-opus-4-6-v1", "medium", {}, {"thinking": {"type": "adaptive"}}),
        ("anthropic.claude-opus-4-6-v1", "minimal", {}, None),
        ("anthropic.claude-opus-4-6-v1", "none", {}, {"thinking": {"type": "disabled"}}),
        ("openai.gpt-oss-120b-1:0", "max", {}, {"reasoning_effort": "high"}),
        ("us.openai.gpt-5.2", "xhigh", {}, {"reasoning": {"effort": "xhigh"}}),
        ("us.amazon.nova-2-lite-v1:0", "low", {}, {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}),
        ("meta.llama3-3-70b-instruct-v1:0", "high", {}, None),
    ],
)
def test_effort(model: str, effort: str, more: dict[str, Any], expected: Any) -> None:
    body = request(user(), model=model, reasoning_effort=effort, **more)
    assert body.get("additionalModelRequestFields") == expected
    takes_effort = "claude-opus-4-6" in model and effort != "none"
    assert body.get("outputConfig") == ({"effort": effort.replace("minimal", "low")} if takes_effort else None)


def test_sampling_that_a_model_refuses_is_left_out() -> None:
    asked: dict[str, Any] = {"temperature": 0.3, "top_p": 0.9, "top_k": 5}
    newest = request(user(), model="anthropic.claude-opus-4-7", **asked)
    assert "inferenceConfig" not in newest
    assert "additionalModelRequestFields" not in newest
    thinking = request(user(), reasoning_effort="low", **asked)
    assert thinking["inferenceConfig"] == {"topP": 0.9}
    assert "top_k" not in thinking["additionalModelRequestFields"]


def test_cache_points_for_models_that_have_them() -> None:
    marked = {"type": "text", "text": "Long.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    asked: dict[str, Any] = {"tools": [{**WEATHER, "cache_control": {"type": "ephemeral"}}]}
    conversation = [{"role": "system", "content": [marked]}, {**user([marked]), "cache_control": {"type": "ephemeral"}}]
    body = request(*conversation, **asked)
    point = {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert body["system"] == [{"text": "Long."}, point]
    assert body["messages"][0]["content"] == [{"text": "Long."}, point]
    whole = request({**user("Long."), "cache_control": {"type": "ephemeral"}})
    assert whole["messages"][0]["content"] == [{"text": "Long."}, {"cachePoint": {"type": "default"}}]
    assert body["toolConfig"]["tools"][1] == {"cachePoint": {"type": "default"}}
    assert "cachePoint" not in json.dumps(request(*conversation, model="meta.llama3-3-70b-instruct-v1:0", **asked))


def test_what_only_claude_takes() -> None:
    thinking = {"type": "adaptive"}
    body = request(user(), anthropic={"thinking": thinking, "inference_geo": "eu"}, top_k=5)
    assert body["additionalModelRequestFields"] == {"thinking": thinking, "top_k": 5}
    assert "additionalModelRequestFields" not in request(user(), anthropic={"thinking": thinking}, model="amazon.nova-pro-v1:0")
    assert refusal(user(), top_k=5, model="amazon.nova-pro-v1:0").startswith("top_k: ")


@pytest.mark.parametrize(
    ("message", "place"),
    [
        (
            user([{"type": "image_url", "image_url": {"url": "https://bank.example/a.png"}}]),
            "messages[0].content[0].image_url.url",
        ),
        (
            user([{"type": "image_url", "image_url": {"url": "data:image/tiff;base64," + PNG}}]),
            "messages[0].content[0].image_url.url",
        ),
        (
            user([{"type": "file", "file": {"file_data": "data:image/png;base64," + PNG}}]),
            "messages[0].content[0].file.file_data",
        ),
        (user([{"type": "file", "file": {"file_id": "f"}}]), "messages[0].content[0]"),
        (
            user([{"type": "input_audio", "input_audio": {"data": PNG, "format": "x"}}]),
            "messages[0].content[0].input_audio.format",
        ),
        (user(None), "messages[0].content"),
        ({"role": "tool", "tool_call_id": "x", "content": "y"}, "messages[0].tool_call_id"),
        ({"role": "system", "content": "only"}, "messages"),
        ({"role": "assistant", "tool_calls": [CALL, CALL]}, "messages[0].tool_calls[1].id"),
        (
            {"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "a", "arguments": "{"}}]},
            "messages[0].tool_calls[0]",
        ),
    ],
)
def test_messages_that_have_no_counterpart(message: dict[str, Any], place: str) -> None:
    assert refusal(message).startswith(place)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}, "response_format.json_schema.schema"),
        ({"audio": {}}, "audio"),
    ],
)
def test_fields_that_have_no_counterpart(more: dict[str, Any], field: str) -> None:
    assert refusal(user(), **more).startswith(field + ": ")


BLOCKS: list[dict[str, Any]] = [
    {"reasoningContent": {"reasoningText": {"text": "They ask.", "signature": "s1"}}},
    {"text": "Let me see. "},
    {"reasoningContent": {"redactedContent": "cmVkYWN0ZWQ="}},
    {"citationsContent": {"content": [{"text": "It is 3."}], "citations": []}},
    {"toolUse": {"toolUseId": "call_1", "name": "weather", "input": {"town": "Bern"}}},
]
USAGE = {"inputTokens": 10, "outputTokens": 5, "totalTokens": 115, "cacheReadInputTokens": 60, "cacheWriteInputTokens": 40}


def answer(blocks: list[Any], reason: str = "end_turn") -> dict[str, Any]:
    return {"output": {"message": {"role": "assistant", "content": blocks}}, "stopReason": reason, "usage": USAGE}


def test_an_answer_and_its_way_back() -> None:
    completion = converse.read_completion(answer(BLOCKS, "tool_use"), "b")
    choice = completion["choices"][0]
    message = choice["message"]
    assert (message["content"], message["reasoning_content"]) == ("Let me see. It is 3.", "They ask.")
    assert message["tool_calls"] == [{**CALL, "function": {"name": "weather", "arguments": '{"town":"Bern"}'}}]
    assert choice["finish_reason"] == "tool_calls"
    assert completion["usage"] == {
        "prompt_tokens": 110,
        "completion_tokens": 5,
        "total_tokens": 115,
        "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 40},
    }
    # No text stands anywhere but where it is checked.
    assert "They ask." not in json.dumps(message["anthropic"])
    back = request(user(), message, {"role": "tool", "tool_call_id": "call_1", "content": "3"}, tools=[WEATHER])
    assert back["messages"][1]["content"] == [*BLOCKS[:3], {"text": "It is 3."}, BLOCKS[4]]
    # A message that a guard has changed is sent without the reasoning, whose signature would no longer be true.
    masked = {**message, "content": "Let me see. It is [MASKED]."}
    changed = request(user(), masked, {"role": "tool", "tool_call_id": "call_1", "content": "3"}, tools=[WEATHER])
    assert changed["messages"][1]["content"] == [{"text": "Let me see. It is [MASKED]."}, BLOCKS[4]]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("something_new", "content_filter"),
    ],
)
def test_stop_reasons(reason: str, expected: str) -> None:
    assert converse.read_completion(answer([{"text": "x"}], reason), "b")["choices"][0]["finish_reason"] == expected


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"output": {}},
        {"output": {"message": {"content": []}}},
        answer([{"image": {}}]),
        answer([{"text": 1}]),
        answer([{}]),
        answer([{"toolUse": {"name": "x"}}]),
        answer([{"text": "x"}], "malformed_tool_use"),
    ],
)
def test_what_is_no_answer(body: dict[str, Any]) -> None:
    with pytest.raises(UpstreamError):
        converse.read_completion(body, "b")


def chunks_of(raw: bytes) -> tuple[list[dict[str, Any]], converse.EventReader]:
    reader = converse.EventReader("b")
    chunks = [chunk for event in EventStreamSplitter(10**6, "b").feed(raw) for chunk in reader.read(*event)]
    return chunks, reader


def stream_of(reply: Reply) -> bytes:
    shape = ConverseShape({}, MODEL, stream=True)
    raw = b"".join(shape.start(reply))
    raw += b"".join(shape.piece(each) for each in reply.text)
    return raw + b"".join([*shape.tools(reply), *shape.end(reply)])


def test_a_stream() -> None:
    chunks, reader = chunks_of(
        stream_of(Reply(text="one two", reasoning="hm", tool_calls=(CALL, {**CALL, "id": "c2"}), usage=(3, 4)))
    )
    assert reader.done
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    assert "".join(each.get("content", "") for each in deltas) == "one two"
    assert "".join(each.get("reasoning_content", "") for each in deltas) == "hm"
    calls: dict[int, str] = {}
    for each in (each for delta in deltas for each in delta.get("tool_calls", [])):
        calls[each["index"]] = calls.get(each["index"], "") + each["function"]["arguments"]
    assert list(calls.values()) == [CALL["function"]["arguments"]] * 2  # type: ignore[index]
    layout = [each for delta in deltas for each in delta.get("anthropic", {}).get("blocks", [])]
    assert [(each["index"], each["type"]) for each in layout] == [(0, "thinking"), (1, "text"), (2, "tool_use"), (3, "tool_use")]
    assert layout[0]["signature"] == SIGNATURE
    assert (layout[0]["length"], layout[1]["length"]) == (2, 7)
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks if chunk["choices"]][-1] == "tool_calls"
    assert chunks[-1]["usage"]["total_tokens"] == 7


def test_a_stream_without_counts_is_not_done_but_told_its_reason() -> None:
    chunks, reader = chunks_of(stream_of(Reply(text="x", usage=None)))
    assert not reader.done
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("name", "status"),
    [("throttlingException", 429), ("serviceUnavailableException", 503), ("validationException", 400), ("newException", None)],
)
def test_an_exception_in_a_stream(name: str, status: int | None) -> None:
    raw = event_stream_message({":message-type": "exception", ":exception-type": name}, b'{"message": "the text"}')
    with pytest.raises(UpstreamError) as caught:
        chunks_of(raw)
    assert caught.value.status == status
    assert "the text" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"toolUse": {"input": "{"}}}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"image": {}}}),
        ("contentBlockDelta", {"contentBlockIndex": -1, "delta": {}}),
        ("contentBlockDelta", []),
        ("messageStop", {}),
        ("messageStop", {"stopReason": "malformed_model_output"}),
        ("metadata", {"usage": {}}),
    ],
)
def test_a_malformed_stream(name: str, payload: Any) -> None:
    with pytest.raises(UpstreamError):
        converse.EventReader("b").read(name, msgspec.json.encode(payload))


def test_embeddings() -> None:
    titan = "amazon.titan-embed-text-v2:0"
    assert converse.texts_max(titan) == 1
    assert converse.embeddings_body(["a"], titan, 256) == {"inputText": "a", "dimensions": 256}
    cohere = converse.embeddings_body(["a", "b"], "cohere.embed-v4:0", 256)
    assert (cohere["texts"], cohere["output_dimension"]) == (["a", "b"], 256)
    with pytest.raises(RefusedCall):
        converse.embeddings_body(["a"], "meta.llama", None)
    assert converse.read_embeddings({"embedding": [1], "inputTextTokenCount": 2}, "b") == ([[1.0]], 2)
    assert converse.read_embeddings({"embeddings": {"float": [[1.0], [2.0]]}}, "b") == ([[1.0], [2.0]], None)
    assert converse.read_embeddings({"embeddings": [[1.0]]}, "b") == ([[1.0]], None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
CONTENT = st.lists(
    JSON
    | st.dictionaries(
        st.sampled_from(["text", "toolUse", "reasoningContent", "citationsContent", "image"]),
        JSON
        | st.fixed_dictionaries({"toolUseId": st.text(max_size=3), "name": st.text(max_size=3), "input": JSON})
        | st.fixed_dictionaries({"reasoningText": JSON | st.fixed_dictionaries({"text": JSON, "signature": JSON})}),
        max_size=2,
    ),
    max_size=3,
)
ANSWERS = JSON | st.fixed_dictionaries(
    {},
    optional={
        "output": JSON | st.fixed_dictionaries({"message": st.fixed_dictionaries({"content": CONTENT | JSON})}),
        "stopReason": st.sampled_from(["end_turn", "tool_use"]) | JSON,
        "usage": JSON,
        "embedding": JSON,
        "embeddings": JSON,
    },
)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata", "new"]
        ),
        JSON
        | st.fixed_dictionaries(
            {"contentBlockIndex": st.integers(0, 2) | JSON},
            optional={
                "start": JSON | st.fixed_dictionaries({"toolUse": JSON | st.just({"toolUseId": "a", "name": "b"})}),
                "delta": JSON
                | st.sampled_from([{"text": "a"}, {"toolUse": {"input": "x"}}, {"reasoningContent": {"text": "r"}}]),
                "stopReason": st.just("end_turn") | JSON,
            },
        ),
    ),
    max_size=6,
)


@given(ANSWERS)
def test_any_json_is_an_answer_or_an_upstream_error(body: Any) -> None:
    readers: list[Any] = [converse.read_completion, converse.read_embeddings]
    for read in readers:
        with contextlib.suppress(UpstreamError):
            json.dumps(read(body, "b"))


@given(EVENTS)
def test_any_events_are_chunks_or_an_upstream_error(events: list[tuple[str, Any]]) -> None:
    reader = converse.EventReader("b")
    with contextlib.suppress(UpstreamError):
        for name, payload in events:
            msgspec.json.encode(reader.read(name, msgspec.json.encode(payload)))


MESSAGE = JSON | st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool", "system"]) | JSON},
    optional={
        "content": JSON
        | st.lists(
            JSON
            | st.fixed_dictionaries({"type": st.just("text"), "text": JSON})
            | st.fixed_dictionaries(
                {"type": st.just("image_url"), "image_url": st.fixed_dictionaries({"url": st.text(max_size=20)})}
            )
            | st.fixed_dictionaries({"type": st.just("file"), "file": JSON}),
            max_size=2,
        ),
        "tool_calls": JSON | st.just([CALL]),
        "tool_call_id": JSON | st.just("call_1"),
        "anthropic": JSON | st.fixed_dictionaries({"blocks": JSON | st.lists(st.fixed_dictionaries({"type": st.just("text")}))}),
        "gemini": JSON | st.fixed_dictionaries({"thought_signatures": JSON}),
    },
)


@given(
    st.fixed_dictionaries(
        {"messages": st.lists(MESSAGE, max_size=3) | JSON},
        optional=dict.fromkeys(("tools", "tool_choice", "stop", "temperature", "response_format", "anthropic", "n"), JSON),
    )
)
def test_any_request_is_a_body_or_refused(chat: dict[str, Any]) -> None:
    for from_chat in (converse.from_chat, gemini.from_chat):
        with contextlib.suppress(RefusedCall):
            msgspec.json.encode(from_chat(chat, MODEL))
