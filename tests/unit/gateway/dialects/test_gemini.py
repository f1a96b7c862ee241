"""The Gemini dialect: requests, answers, streams, embeddings."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.errors import RefusedCall, UpstreamError
from groundcrew.gateway import sse
from groundcrew.gateway.dialects import gemini
from groundcrew.testing.upstream import Reply
from groundcrew.testing.upstream_clouds import GeminiShape
from groundcrew.testing.upstream_shapes import SIGNATURE

PNG = "iVBORw0KGgo="
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a town",
        "parameters": {"type": "object", "properties": {"town": {"type": "string"}}, "additionalProperties": False},
    },
}
ANSWER: dict[str, Any] = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Hi."}]}, "finishReason": "STOP", "index": 0}],
    "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7},
    "modelVersion": "gemini-3-pro",
    "responseId": "r1",
}


def request(*messages: dict[str, Any], model: str = "gemini-3-pro", **more: Any) -> dict[str, Any]:
    return gemini.from_chat({"model": "writer", "messages": list(messages), **more}, model)


def user(content: Any = "Hello") -> dict[str, Any]:
    return {"role": "user", "content": content}


def called(identifier: str, arguments: str = '{"town": "Bern"}', **more: Any) -> dict[str, Any]:
    return {"id": identifier, "type": "function", "function": {"name": "weather", "arguments": arguments}, **more}


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
        {"role": "developer", "content": "Be kind."},
        user("The fee?"),
    )
    assert body == {
        "systemInstruction": {"parts": [{"text": "Be brief."}, {"text": "Be kind."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Hello"}]},
            {"role": "model", "parts": [{"text": "Yes?"}]},
            {"role": "user", "parts": [{"text": "The fee?"}]},
        ],
    }


def test_sampling_and_limits() -> None:
    body = request(
        user(),
        max_completion_tokens=100,
        temperature=0.4,
        top_p=0.9,
        stop=["END", "\n"],
        n=2,
        seed=7,
        presence_penalty=0.5,
        frequency_penalty=-0.5,
        logprobs=True,
        top_logprobs=3,
        user="u-1",
        stream=True,
        metadata={"a": "b"},
        verbosity="low",
    )
    assert body["generationConfig"] == {
        "maxOutputTokens": 100,
        "temperature": 0.4,
        "topP": 0.9,
        "stopSequences": ["END", "\n"],
        "candidateCount": 2,
        "seed": 7,
        "presencePenalty": 0.5,
        "frequencyPenalty": -0.5,
        "responseLogprobs": True,
        "logprobs": 3,
    }


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0, "includeThoughts": False}),
        ("gemini-2.5-pro", "high", {"thinkingBudget": 24_576, "includeThoughts": True}),
        ("gemini-3-pro", "low", {"thinkingLevel": "LOW", "includeThoughts": True}),
        ("gemini-flash-latest", "none", {"thinkingLevel": "MINIMAL", "includeThoughts": False}),
        ("gemini-2.5-pro", "none", {"thinkingBudget": 128, "includeThoughts": False}),
        ("gemini-3.1-pro-preview", "minimal", {"thinkingLevel": "LOW", "includeThoughts": True}),
        ("gemini-3.1-pro-preview", "medium", {"thinkingLevel": "MEDIUM", "includeThoughts": True}),
        ("gemini-3-pro-preview", "medium", {"thinkingLevel": "HIGH", "includeThoughts": True}),
        ("gemini-2.0-flash", "high", None),
        ("gemma-3-27b-it", "high", None),
    ],
)
def test_reasoning_effort(model: str, effort: str, expected: Any) -> None:
    config = request(user(), model=model, reasoning_effort=effort).get("generationConfig", {})
    assert config.get("thinkingConfig") == expected


def test_an_answer_after_a_schema() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    asked = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}}
    config = request(user(), response_format=asked)["generationConfig"]
    assert config == {"responseMimeType": "application/json", "responseJsonSchema": schema}
    assert request(user(), response_format={"type": "json_object"})["generationConfig"] == {
        "responseMimeType": "application/json"
    }
    assert "generationConfig" not in request(user(), response_format={"type": "text"})


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, None),
        ("auto", {"mode": "AUTO"}),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        ({"type": "function", "function": {"name": "weather"}}, {"mode": "ANY", "allowedFunctionNames": ["weather"]}),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [WEATHER]}},
            {"mode": "VALIDATED", "allowedFunctionNames": ["weather"]},
        ),
    ],
)
def test_tools(choice: Any, expected: Any) -> None:
    body = request(user(), tools=[WEATHER], tool_choice=choice)
    function = WEATHER["function"]
    assert isinstance(function, dict)
    declared = {"name": "weather", "description": function["description"], "parametersJsonSchema": function["parameters"]}
    assert body["tools"] == [{"functionDeclarations": [declared]}]
    assert (body.get("toolConfig") or {}).get("functionCallingConfig") == expected


def test_results_of_one_turn_stand_together_and_find_their_names() -> None:
    body = request(
        user(),
        {"role": "assistant", "content": None, "tool_calls": [called("a"), called("b", "")]},
        {"role": "tool", "tool_call_id": "a", "content": '{"degrees": 3}'},
        {"role": "tool", "tool_call_id": "b", "content": "[no JSON object]"},
        user("So?"),
    )
    calls, results = body["contents"][1]["parts"], body["contents"][2]["parts"]
    assert calls[0]["functionCall"] == {"id": "a", "name": "weather", "args": {"town": "Bern"}}
    assert calls[1]["functionCall"]["args"] == {}
    assert results == [
        {"functionResponse": {"id": "a", "name": "weather", "response": {"degrees": 3}}},
        {"functionResponse": {"id": "b", "name": "weather", "response": {"output": "[no JSON object]"}}},
    ]
    assert [each["role"] for each in body["contents"]] == ["user", "model", "user", "user"]


def test_a_call_without_signature_is_marked_where_the_model_demands_one() -> None:
    history = [user(), {"role": "assistant", "tool_calls": [called("a"), called("b")]}]
    history += [{"role": "tool", "tool_call_id": each, "content": "ok"} for each in ("a", "b")]
    newer = request(*history)["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in newer] == ["skip_thought_signature_validator", None]
    older = request(*history, model="gemini-2.5-flash")["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in older] == [None, None]


def test_media() -> None:
    body = request(
        user(
            [
                {"type": "text", "text": "Look:"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                {"type": "image_url", "image_url": {"url": "https://bank.example/a/chart.jpg?x=1"}},
                {"type": "input_audio", "input_audio": {"data": PNG, "format": "wav"}},
                {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PNG}", "filename": "a.pdf"}},
            ]
        )
    )
    assert body["contents"][0]["parts"] == [
        {"text": "Look:"},
        {"inlineData": {"mimeType": "image/png", "data": PNG}},
        {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://bank.example/a/chart.jpg?x=1"}},
        {"inlineData": {"mimeType": "audio/wav", "data": PNG}},
        {"inlineData": {"mimeType": "application/pdf", "data": PNG}},
    ]


@pytest.mark.parametrize(
    ("message", "place"),
    [
        (
            user([{"type": "image_url", "image_url": {"url": "http://bank.example/a.png"}}]),
            "messages[0].content[0].image_url.url",
        ),
        (user([{"type": "image_url", "image_url": {"url": "https://bank.example/a"}}]), "messages[0].content[0].image_url.url"),
        (user([{"type": "image_url", "image_url": {"url": "data:image/png,x"}}]), "messages[0].content[0].image_url.url"),
        (user([{"type": "image_url", "image_url": {"url": "data:image/png;base64,?"}}]), "messages[0].content[0].image_url.url"),
        (user([{"type": "video", "video": 1}]), "messages[0].content[0].type"),
        (user([{"type": "file", "file": {"file_id": "f-1"}}]), "messages[0].content[0]"),
        (user(""), "messages[0].content"),
        (user(7), "messages[0].content"),
        ({"role": "function", "content": "x"}, "messages[0].role"),
        ({"role": "tool", "tool_call_id": "x", "content": "y"}, "messages[0].tool_call_id"),
        ({"role": "tool", "content": "y"}, "messages[0].tool_call_id"),
        ({"role": "system", "content": "only"}, "messages"),
        ({"role": "assistant", "tool_calls": [called("a", "[1]")]}, "messages[0].tool_calls[0].function.arguments"),
    ],
)
def test_messages_that_have_no_counterpart(message: dict[str, Any], place: str) -> None:
    assert refusal(message).startswith(place + ": ")


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"logit_bias": {"1": 2}}, "logit_bias"),
        ({"audio": {"voice": "x"}}, "audio"),
        ({"modalities": ["text", "audio"]}, "modalities[1]"),
        ({"functions": [{}]}, "functions"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"parallel_tool_calls": False, "tools": [WEATHER]}, "parallel_tool_calls"),
        ({"tools": [{"type": "custom", "custom": {}}]}, "tools[0].type"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "other"}}}, "tool_choice"),
        ({"temperature": 3}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
    ],
)
def test_fields_that_have_no_counterpart(more: dict[str, Any], field: str) -> None:
    assert refusal(user(), **more).startswith(field + ": ")


def test_null_counts_as_absent() -> None:
    assert request(user(), audio=None, tools=None, stop=None, temperature=None) == request(user())


def test_an_answer() -> None:
    completion = gemini.read_completion(
        {
            **ANSWER,
            "candidates": [
                {
                    "content": {
                        "parts": [
                            {"text": "They ask", "thought": True},
                            {"text": "It is "},
                            {"text": "3.", "thoughtSignature": "sig-text"},
                            {"functionCall": {"name": "weather", "args": {"town": "Bern"}}, "thoughtSignature": "sig-call"},
                            {"functionCall": {"id": "x1", "name": "weather"}},
                        ]
                    },
                    "finishReason": "STOP",
                }
            ],
            "usageMetadata": {
                "promptTokenCount": 50,
                "toolUsePromptTokenCount": 4,
                "candidatesTokenCount": 9,
                "thoughtsTokenCount": 30,
                "cachedContentTokenCount": 20,
            },
        },
        "g",
    )
    choice = completion["choices"][0]
    message = choice["message"]
    assert (message["content"], message["reasoning_content"]) == ("It is 3.", "They ask")
    assert message["gemini"] == {"thought_signature": "sig-text"}
    first, second = message["tool_calls"]
    assert first["function"] == {"name": "weather", "arguments": '{"town":"Bern"}'}
    assert first["extra_content"] == {"google": {"thought_signature": "sig-call"}}
    assert first["id"] != second["id"] == "x1"
    assert second["function"]["arguments"] == "{}"
    assert choice["finish_reason"] == "tool_calls"
    assert completion["usage"] == {
        "prompt_tokens": 54,
        "completion_tokens": 39,
        "total_tokens": 93,
        "prompt_tokens_details": {"cached_tokens": 20},
        "completion_tokens_details": {"reasoning_tokens": 30},
    }
    # What came back goes out again: signatures where they were, no id where none was.
    parts = request(user(), {**message, "role": "assistant"}, {"role": "tool", "tool_call_id": first["id"], "content": "1"})
    assert parts["contents"][1]["parts"] == [
        {"text": "It is 3.", "thoughtSignature": "sig-text"},
        {"functionCall": {"name": "weather", "args": {"town": "Bern"}}, "thoughtSignature": "sig-call"},
        {"functionCall": {"id": "x1", "name": "weather", "args": {}}},
    ]
    assert parts["contents"][2]["parts"][0]["functionResponse"] == {"name": "weather", "response": {"output": "1"}}


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("NEW", "content_filter"),
    ],
)
def test_finish_reasons(reason: str, expected: str) -> None:
    answer = {**ANSWER, "candidates": [{**ANSWER["candidates"][0], "finishReason": reason}]}
    assert gemini.read_completion(answer, "g")["choices"][0]["finish_reason"] == expected


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"candidates": []},
        {"candidates": [{"content": {"parts": [{"text": "x"}]}}]},
        {"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL"}]},
        {"candidates": [{"finishReason": "STOP", "content": {"parts": [{"inlineData": {"data": PNG}}]}}]},
        {"candidates": [{"finishReason": "STOP", "content": {"parts": [{"functionCall": {"args": {}}}]}}]},
        {"candidates": [{"finishReason": "STOP", "content": {"parts": ["x"]}}]},
        {"error": {"code": 503, "message": "overloaded"}},
    ],
)
def test_what_is_no_answer(answer: dict[str, Any]) -> None:
    with pytest.raises(UpstreamError):
        gemini.read_completion(answer, "g")
    reader = gemini.EventReader("g")
    with contextlib.suppress(UpstreamError):
        reader.read(None, msgspec.json.encode(answer))
    assert not reader.done


def test_a_blocked_prompt_is_an_empty_filtered_answer() -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}}
    completion = gemini.read_completion(blocked, "g")
    assert completion["choices"][0]["finish_reason"] == "content_filter"
    assert completion["usage"]["prompt_tokens"] == 4
    reader = gemini.EventReader("g")
    chunks = reader.read(None, msgspec.json.encode(blocked))
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks if chunk["choices"]] == ["content_filter"]
    assert reader.done


def test_counts_that_make_no_sense_are_unknown() -> None:
    assert "usage" not in gemini.read_completion({**ANSWER, "usageMetadata": {"promptTokenCount": -1}}, "g")


def test_logprobs() -> None:
    chosen = [{"token": "H", "logProbability": -0.1}]
    result = {"chosenCandidates": chosen, "topCandidates": [{"candidates": [*chosen, {"token": "Y", "logProbability": -2.0}]}]}
    answer = {**ANSWER, "candidates": [{**ANSWER["candidates"][0], "logprobsResult": result}]}
    content = gemini.read_completion(answer, "g")["choices"][0]["logprobs"]["content"]
    assert content[0]["logprob"] == -0.1
    assert [each["token"] for each in content[0]["top_logprobs"]] == ["H", "Y"]


def stream_of(reply: Reply) -> list[bytes]:
    shape = GeminiShape({}, "gemini-3-pro", stream=True)
    pieces = [shape.piece(word) for word in reply.text.split(" ")] if reply.text else []
    raw = b"".join([*shape.start(reply), *pieces, *shape.tools(reply), *shape.end(reply)])
    return [data for each in sse.EventSplitter(10**6).feed(raw) if (data := sse.event_data(each)) is not None]


def test_a_stream() -> None:
    call = {"id": "c", "function": {"name": "weather", "arguments": '{"town": "Bern"}'}}
    reader = gemini.EventReader("g")
    chunks: list[dict[str, Any]] = []
    for data in stream_of(Reply(text="one two", reasoning="hm", tool_calls=(call, call), usage=(3, 4))):
        assert not reader.done
        chunks += reader.read(None, data)
    assert reader.done
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    assert deltas[0]["role"] == "assistant"
    assert "".join(each.get("content", "") for each in deltas) == "onetwo"
    assert "".join(each.get("reasoning_content", "") for each in deltas) == "hm"
    calls = [each for delta in deltas for each in delta.get("tool_calls", [])]
    assert [each["index"] for each in calls] == [0, 1]
    assert calls[0]["extra_content"]["google"]["thought_signature"] == SIGNATURE
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks if chunk["choices"]][-1] == "tool_calls"
    assert chunks[-1]["usage"]["total_tokens"] == 7
    assert all(chunk["object"] == "chat.completion.chunk" and chunk["id"] == chunks[0]["id"] for chunk in chunks)


def test_a_signature_of_text_is_told_once() -> None:
    reader = gemini.EventReader("g")
    chunks: list[dict[str, Any]] = []
    for signature, reason in (("s1", None), ("s2", None), (None, "STOP")):
        part = {"text": "x"} | ({"thoughtSignature": signature} if signature else {})
        event = {"candidates": [{"content": {"parts": [part]}, **({"finishReason": reason} if reason else {})}]}
        chunks += reader.read(None, msgspec.json.encode(event))
    found = [chunk["choices"][0]["delta"].get("gemini") for chunk in chunks]
    assert found == [None, None, {"thought_signature": "s2"}]


def test_an_error_in_a_stream() -> None:
    with pytest.raises(UpstreamError) as caught:
        gemini.EventReader("g").read(None, b'{"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED"}}')
    assert caught.value.status == 429


def test_embeddings() -> None:
    body = gemini.embeddings_body(["a", "b"], "gemini-embedding-001", 256)
    assert body["requests"][1] == {
        "model": "models/gemini-embedding-001",
        "content": {"parts": [{"text": "b"}]},
        "outputDimensionality": 256,
    }
    assert gemini.embeddings_body(["a"], "text-embedding-005", None, on_vertex=True) == {"instances": [{"content": "a"}]}
    assert gemini.read_embeddings({"embeddings": [{"values": [1, 2.5]}]}, "g") == ([[1.0, 2.5]], None)
    predictions = [{"embeddings": {"values": [1.0], "statistics": {"token_count": 3, "truncated": False}}}]
    assert gemini.read_embeddings({"predictions": predictions}, "g") == ([[1.0]], 3)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
PARTS = st.lists(
    JSON
    | st.fixed_dictionaries(
        {},
        optional={
            "text": JSON,
            "thought": JSON,
            "thoughtSignature": JSON,
            "functionCall": JSON | st.fixed_dictionaries({"name": st.text(max_size=3) | JSON, "args": JSON, "id": JSON}),
        },
    ),
    max_size=3,
)
ANSWERS = JSON | st.fixed_dictionaries(
    {},
    optional={
        "candidates": JSON
        | st.lists(
            st.fixed_dictionaries(
                {
                    "finishReason": st.sampled_from(["STOP", "SAFETY", None]) | JSON,
                    "content": st.fixed_dictionaries({"parts": PARTS}) | JSON,
                },
                optional={"index": JSON, "logprobsResult": JSON},
            ),
            max_size=3,
        ),
        "usageMetadata": JSON,
        "promptFeedback": JSON,
        "error": JSON,
        "embeddings": JSON,
        "predictions": JSON,
    },
)


@given(ANSWERS)
def test_any_json_is_an_answer_or_an_upstream_error(answer: Any) -> None:
    readers: list[Any] = [gemini.read_completion, gemini.read_embeddings]
    for read in readers:
        with contextlib.suppress(UpstreamError):
            json.dumps(read(answer, "g"))
    reader = gemini.EventReader("g")
    with contextlib.suppress(UpstreamError):
        for _ in range(2):
            msgspec.json.encode(reader.read(None, msgspec.json.encode(answer)))


@given(st.binary(max_size=40))
def test_any_bytes_are_an_event_or_an_upstream_error(data: bytes) -> None:
    with contextlib.suppress(UpstreamError):
        gemini.EventReader("g").read(None, data)
