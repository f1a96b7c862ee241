"""Chat completion requests as Anthropic Messages requests: each mapping, and what is refused."""

from __future__ import annotations

import base64
from typing import Any

import pydantic
import pytest
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming

from groundcrew.errors import RefusedCall
from groundcrew.gateway.dialects import messages
from groundcrew.gateway.dialects.messages_from_chat import MAX_TOKENS_DEFAULT

BODY = pydantic.TypeAdapter(MessageCreateParamsNonStreaming)
MODEL = "claude-opus-5"
PIXEL = "iVBORw0KGgo="


def from_chat(model: str = MODEL, **members: Any) -> dict[str, Any]:
    body = messages.from_chat({"model": "support", "messages": [{"role": "user", "content": "hi"}], **members}, model)
    BODY.validate_python({name: value for name, value in body.items() if name != "stream"})
    return body


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def refusal(**members: Any) -> str:
    with pytest.raises(RefusedCall) as caught:
        messages.from_chat({"messages": [{"role": "user", "content": "hi"}], **members}, MODEL)
    assert caught.value.code == "invalid_request"
    return caught.value.message


def test_the_least_request() -> None:
    assert from_chat() == {
        "model": MODEL,
        "max_tokens": MAX_TOKENS_DEFAULT,
        "messages": [{"role": "user", "content": [text("hi")]}],
    }


def test_settings() -> None:
    body = from_chat(
        model="claude-sonnet-4-5",
        max_tokens=5,
        max_completion_tokens=7,
        temperature=0.5,
        top_p=0.9,
        top_k=3,
        stop="END",
        stream=True,
        stream_options={"include_usage": True},
        user="u-1",
        seed=1,
        presence_penalty=0.5,
        store=False,
        n=1,
    )
    del body["messages"], body["model"]
    assert body == {
        "max_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 3,
        "stop_sequences": ["END"],
        "stream": True,
        "metadata": {"user_id": "u-1"},
    }


def test_a_temperature_that_anthropic_does_not_know_is_sent_as_its_highest() -> None:
    assert from_chat(model="claude-sonnet-4-5", temperature=1.7)["temperature"] == 1.0


@pytest.mark.parametrize(
    "model", ["claude-opus-4-7", "claude-sonnet-5", "eu.anthropic.claude-haiku-5-5-v1:0", "claude-fable-5.1"]
)
def test_models_that_take_no_sampling_get_none(model: str) -> None:
    body = from_chat(model=model, temperature=0.5, top_p=0.9, top_k=3, anthropic={"top_k": 3})
    assert not {"temperature", "top_p", "top_k"} & body.keys()


@pytest.mark.parametrize("model", ["claude-3-5-haiku-20241022", "claude-opus-4-20250514", "claude-opus-4-6", "other-model"])
def test_other_models_get_it(model: str) -> None:
    assert {"temperature", "top_p", "top_k"} <= from_chat(model=model, temperature=0.5, top_p=0.9, top_k=3).keys()


def test_system_and_developer_messages_go_to_the_front() -> None:
    given = [
        {"role": "system", "content": "a"},
        {"role": "user", "content": "hi"},
        {"role": "developer", "content": [text("b"), {**text("c"), "cache_control": {"type": "ephemeral"}}]},
        {"role": "user", "content": "there"},
    ]
    body = from_chat(messages=given)
    assert body["system"] == [text("a"), text("b"), {**text("c"), "cache_control": {"type": "ephemeral"}}]
    assert body["messages"] == [{"role": "user", "content": [text("hi"), text("there")]}]


def test_tool_calls_and_results() -> None:
    calls = [
        {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Bern"}'}},
        {"id": "functions.time:2", "type": "function", "function": {"name": "time", "arguments": ""}},
    ]
    given = [
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        {"role": "tool", "tool_call_id": "functions.time:2", "content": [text("noon")], "anthropic": {"is_error": True}},
        {"role": "user", "content": "and?"},
    ]
    assert from_chat(messages=given)["messages"][1:] == [
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Bern"}},
                {"type": "tool_use", "id": "functions_time_2", "name": "time", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": "sunny"},
                {"type": "tool_result", "tool_use_id": "functions_time_2", "content": [text("noon")], "is_error": True},
                text("and?"),
            ],
        },
    ]


def test_results_come_first_in_their_message() -> None:
    calls = [{"id": each, "type": "function", "function": {"name": "f", "arguments": "{}"}} for each in "ab"]
    results = [{"role": "tool", "tool_call_id": each, "content": each} for each in "ab"]
    given = [{"role": "assistant", "tool_calls": calls}, results[0], {"role": "user", "content": "u"}, results[1]]
    [_, turn] = from_chat(messages=given)["messages"]
    assert [each["type"] for each in turn["content"]] == ["tool_result", "tool_result", "text"]
    assert [each["content"] for each in turn["content"][:2]] == ["a", "b"]


def test_tools_and_their_choice() -> None:
    def tool(name: str, **more: Any) -> dict[str, Any]:
        return {"type": "function", "function": {"name": name, **more}}

    schema = {"properties": {"x": {"type": "string"}}}
    tools = [tool("a", description="does a", parameters=schema, strict=True), tool("b")]
    body = from_chat(tools=tools, parallel_tool_calls=False)
    assert body["tools"] == [
        {"name": "a", "description": "does a", "input_schema": {"type": "object", **schema}, "strict": True},
        {"name": "b", "input_schema": {"type": "object", "properties": {}}},
    ]
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert from_chat(tools=tools, tool_choice="required")["tool_choice"] == {"type": "any"}
    assert from_chat(tools=tools, tool_choice="none", parallel_tool_calls=False)["tool_choice"] == {"type": "none"}
    named = from_chat(tools=tools, tool_choice={"type": "function", "function": {"name": "b"}}, parallel_tool_calls=False)
    assert named["tool_choice"] == {"type": "tool", "name": "b", "disable_parallel_tool_use": True}
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [tool("b")]}}
    few = from_chat(tools=tools, tool_choice=allowed)
    assert [each["name"] for each in few["tools"]] == ["b"]
    assert few["tool_choice"] == {"type": "any"}


def test_images_and_files() -> None:
    words = base64.b64encode("wörter".encode()).decode()
    parts = [
        {"type": "image_url", "image_url": {"url": f"data:image/PNG;base64,{PIXEL}", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.test/a.png"}, "cache_control": {"type": "ephemeral"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}},
        {"type": "file", "file": {"file_data": f"data:text/plain;charset=utf-8;base64,{words}"}},
    ]
    [message] = from_chat(messages=[{"role": "user", "content": parts}])["messages"]
    assert message["content"] == [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
        {"type": "image", "source": {"type": "url", "url": "https://example.test/a.png"}, "cache_control": {"type": "ephemeral"}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}, "title": "a.pdf"},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "wörter"}},
    ]


def test_empty_texts_are_left_out_and_a_prefill_ends_without_white_space() -> None:
    given = [
        {"role": "user", "content": [text(""), text("colour?")]},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": "It is \n"},
    ]
    assert from_chat(messages=given)["messages"] == [
        {"role": "user", "content": [text("colour?")]},
        {"role": "assistant", "content": [text("It is")]},
    ]
    assert from_chat(messages=[*given[:2], {"role": "assistant", "content": " \n"}])["messages"] == [
        {"role": "user", "content": [text("colour?")]}
    ]


def test_signed_thinking_comes_back_as_it_was() -> None:
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "opaque"},
        {"type": "text", "text": "I look."},
        {"type": "thinking", "thinking": "then", "signature": "gis"},
        {"type": "tool_use", "id": "t", "name": "look", "input": {"x": [1, None]}},
    ]
    answer = {"type": "message", "content": content, "stop_reason": "tool_use", "usage": {"input_tokens": 1, "output_tokens": 1}}
    said = messages.read_completion(answer, "anthropic")["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": "t", "content": "x"}
    body = from_chat(messages=[{"role": "user", "content": "?"}, said, result])
    assert body["messages"][1]["content"] == content

    masked = {**said, "content": "I [MASKED]."}
    body = from_chat(messages=[{"role": "user", "content": "?"}, masked, result])
    assert body["messages"][1]["content"] == [text("I [MASKED]."), content[-1]], "a signature may not stand beside other words"


@pytest.mark.parametrize("reasoning", [None, "h", "hm and more"])
def test_thinking_that_is_not_as_it_was_is_left_out(reasoning: str | None) -> None:
    content = [{"type": "thinking", "thinking": "hm", "signature": "sig"}, text("yes")]
    said = messages.read_completion({"type": "message", "content": content}, "anthropic")["choices"][0]["message"]
    given = [{"role": "user", "content": "?"}, {**said, "reasoning_content": reasoning}, {"role": "user", "content": "so?"}]
    assert from_chat(messages=given)["messages"][1]["content"] == [text("yes")]


def test_reasoning_without_a_signature_is_left_out() -> None:
    said = {"role": "assistant", "content": "yes", "reasoning_content": "hm"}
    body = from_chat(messages=[{"role": "user", "content": "?"}, said, {"role": "user", "content": "so?"}])
    assert body["messages"][1]["content"] == [text("yes")]


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        ("claude-opus-5", "high", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}),
        ("claude-opus-5", "minimal", {"output_config": {"effort": "low"}}),
        ("claude-opus-5", "none", {"thinking": {"type": "disabled"}}),
        ("some-compatible-model", "max", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}),
        ("claude-sonnet-4-5", "medium", {"thinking": {"type": "enabled", "budget_tokens": 4096}}),
        ("claude-sonnet-4-5", "none", {}),
        ("claude-3-5-haiku-20241022", "high", {}),
    ],
)
def test_an_effort_is_what_the_model_knows_of_it(model: str, effort: str, expected: dict[str, Any]) -> None:
    body = from_chat(model=model, reasoning_effort=effort, max_tokens=64_000)
    assert {name: body[name] for name in ("thinking", "output_config") if name in body} == expected


def test_thinking_leaves_room_for_the_answer() -> None:
    model = "claude-sonnet-4-5"
    body = from_chat(model=model, reasoning_effort="high", max_tokens=8_000, temperature=0.2, top_k=3)
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 4_000}
    assert not {"temperature", "top_k"} & body.keys(), "Anthropic takes neither while a budget is set"
    assert "thinking" not in from_chat(model=model, reasoning_effort="high", max_tokens=2_000)


def test_a_forced_tool_comes_without_thinking() -> None:
    tools = [{"type": "function", "function": {"name": "a"}}]
    body = from_chat(tools=tools, tool_choice="required", reasoning_effort="high")
    assert "thinking" not in body
    assert body["output_config"] == {"effort": "high"}


def test_what_a_client_says_in_the_dialects_own_member() -> None:
    own = {"thinking": {"type": "enabled", "budget_tokens": 2048}, "inference_geo": "eu", "cache_control": {"type": "ephemeral"}}
    body = from_chat(model="claude-sonnet-4-5", reasoning_effort="low", anthropic=own)
    assert {name: body[name] for name in own} == own


def test_a_schema_is_an_output_format() -> None:
    schema = {"type": "object", "additionalProperties": False}
    body = from_chat(response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}})
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": schema}}
    assert "output_config" not in from_chat(response_format={"type": "text"})


def part(**members: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [members]}]}


BAD_CALL = {"id": "c", "type": "function", "function": {"name": "a", "arguments": "[1]"}}


@pytest.mark.parametrize(
    ("members", "starts"),
    [
        ({"n": 2}, "n: "),
        ({"logprobs": True}, "logprobs: "),
        ({"logit_bias": {"5": 1}}, "logit_bias: "),
        ({"temperature": 2.5}, "temperature: "),
        ({"stop": ["x", " \n"]}, "stop[1]: "),
        ({"response_format": {"type": "json_object"}}, "response_format.type: 'json_object'"),
        ({"modalities": ["audio"]}, "modalities[0]: "),
        ({"functions": [{"name": "f"}]}, "functions: has no counterpart"),
        ({"web_search_options": {}}, "web_search_options: has no counterpart"),
        ({"tools": [{"type": "custom", "custom": {"name": "c"}}]}, "tools[0].type: "),
        ({"anthropic": {"tools": []}}, "anthropic.tools: is not passed on"),
        ({"messages": []}, "messages: "),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages: Anthropic needs one"),
        ({"messages": [{"role": "user"}]}, "messages[0].content: is required"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id: is required"),
        ({"messages": [{"role": "function", "name": "f", "content": "x"}]}, "messages[0].role: "),
        ({"messages": [{"role": "assistant", "tool_calls": [BAD_CALL]}]}, "messages[0].tool_calls[0].function.arguments: "),
        (part(type="input_audio", input_audio={"data": "", "format": "wav"}), "messages[0].content[0].type: 'input_audio'"),
        (part(type="image_url", image_url={"url": "file:///etc/passwd"}), "messages[0].content[0].image_url.url: use a data URL"),
        (
            part(type="image_url", image_url={"url": "data:image/tiff;base64,AA=="}),
            "messages[0].content[0].image_url.url: Anthropic",
        ),
        (part(type="file", file={"file_id": "f"}), "messages[0].content[0].file.file_data: is required"),
        (
            part(type="file", file={"file_data": "data:text/plain;base64,/w=="}),
            "messages[0].content[0].file.file_data: is not base64",
        ),
        (
            part(type="file", file={"file_data": "data:text/csv;base64,AA=="}),
            "messages[0].content[0].file.file_data: Anthropic takes",
        ),
    ],
)
def test_what_is_refused(members: dict[str, Any], starts: str) -> None:
    assert refusal(**members).startswith(starts)
