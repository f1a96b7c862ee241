"""Anthropic Messages requests as chat completion requests: each mapping, and what is refused."""

from __future__ import annotations

from typing import Any

import pydantic
import pytest
from openai.types.chat import completion_create_params

from groundcrew.errors import RefusedCall
from groundcrew.gateway.dialects import messages

CHAT = pydantic.TypeAdapter(completion_create_params.CompletionCreateParamsNonStreaming)
PIXEL = "iVBORw0KGgo="


def ask(**members: Any) -> dict[str, Any]:
    return {"model": "support", "max_tokens": 64, "messages": [{"role": "user", "content": "hi"}], **members}


def to_chat(**members: Any) -> dict[str, Any]:
    chat = messages.to_chat(ask(**members))
    CHAT.validate_python({name: value for name, value in messages.without_vendor_members(chat).items() if name != "stream"})
    return chat


def turns(*blocks: Any, role: str = "user") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = to_chat(messages=[{"role": role, "content": list(blocks)}])["messages"]
    return found


def refusal(**members: Any) -> str:
    with pytest.raises(RefusedCall) as caught:
        messages.to_chat(ask(**members))
    assert caught.value.code == "invalid_request"
    return caught.value.message


def block_refusal(*blocks: Any, role: str = "user") -> str:
    return refusal(messages=[{"role": role, "content": list(blocks)}])


def test_the_least_request() -> None:
    assert to_chat() == {
        "model": "support",
        "max_completion_tokens": 64,
        "messages": [{"role": "user", "content": "hi"}],
    }


def test_settings() -> None:
    chat = to_chat(
        temperature=0.3,
        top_p=0.9,
        top_k=40,
        stop_sequences=["END", "\n"],
        stream=True,
        metadata={"user_id": "u-1"},
        service_tier="auto",
        cache_control={"type": "ephemeral"},
    )
    del chat["messages"], chat["model"], chat["max_completion_tokens"]
    assert chat == {
        "temperature": 0.3,
        "top_p": 0.9,
        "stop": ["END", "\n"],
        "stream": True,
        "stream_options": {"include_usage": True},
        "user": "u-1",
        "anthropic": {"top_k": 40},
    }


def test_null_counts_as_absent() -> None:
    assert to_chat(system=None, tools=None, tool_choice=None, thinking=None, container=None, stream=None) == to_chat()
    assert to_chat(tools=[], mcp_servers=[], anything_new={}) == to_chat()


@pytest.mark.parametrize(
    ("system", "content"),
    [
        ("Be kind.", "Be kind."),
        ([{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}], "Be kind."),
        (
            [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
        ),
    ],
)
def test_the_system_prompt_comes_first(system: Any, content: Any) -> None:
    assert to_chat(system=system)["messages"] == [{"role": "system", "content": content}, {"role": "user", "content": "hi"}]


def test_a_system_message_in_the_middle_stays_there() -> None:
    given = [
        {"role": "user", "content": "a"},
        {"role": "system", "content": [{"type": "text", "text": "be brief"}]},
        {"role": "assistant", "content": "b"},
    ]
    assert to_chat(messages=given)["messages"] == [
        {"role": "user", "content": "a"},
        {"role": "system", "content": "be brief"},
        {"role": "assistant", "content": "b"},
    ]


def test_images() -> None:
    data = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    url = {"type": "image", "source": {"type": "url", "url": "https://example.test/a.png"}}
    assert turns(data, {"type": "text", "text": "what is it?"}, url) == [
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
                {"type": "text", "text": "what is it?"},
                {"type": "image_url", "image_url": {"url": "https://example.test/a.png"}},
            ],
        }
    ]


def test_documents_are_files_or_texts() -> None:
    pdf = {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}
    found = turns(
        {"type": "document", "source": pdf, "title": "a.pdf", "context": "the contract"},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}, "title": "T"},
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "inside"}]}},
        {"type": "search_result", "title": "S", "source": "kb/1", "content": [{"type": "text", "text": "found"}]},
    )
    assert found[0]["content"] == [
        {"type": "text", "text": "the contract"},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}},
        {"type": "text", "text": "T\nwords"},
        {"type": "text", "text": "inside"},
        {"type": "text", "text": "S\nkb/1\nfound"},
    ]


def test_tools_and_their_choice() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    tools = [{"name": "weather", "description": "of a city", "input_schema": schema, "strict": True, "type": "custom"}]
    function = {"name": "weather", "description": "of a city", "parameters": schema, "strict": True}
    chat = to_chat(tools=tools, tool_choice={"type": "auto", "disable_parallel_tool_use": True})
    assert chat["tools"] == [{"type": "function", "function": function}]
    assert chat["tool_choice"] == "auto"
    assert chat["parallel_tool_calls"] is False
    assert to_chat(tools=tools, tool_choice={"type": "any"})["tool_choice"] == "required"
    assert to_chat(tools=tools, tool_choice={"type": "none"})["tool_choice"] == "none"
    named = to_chat(tools=tools, tool_choice={"type": "tool", "name": "weather"})["tool_choice"]
    assert named == {"type": "function", "function": {"name": "weather"}}
    assert "tool_choice" not in to_chat(tools=[], tool_choice={"type": "any"})


def test_a_tool_call_and_its_result() -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Bern"}}
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    parts = [{"type": "text", "text": "sunny"}, image]
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": parts, "is_error": True}
    chat = to_chat(
        messages=[
            {"role": "user", "content": "weather?"},
            {"role": "assistant", "content": [{"type": "text", "text": "I look."}, call]},
            {"role": "user", "content": [result, {"type": "text", "text": "and now?"}]},
        ]
    )
    calls = [{"id": "toolu_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Bern"}'}}]
    shown = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    assert chat["messages"] == [
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": "I look.", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "toolu_1", "content": "sunny", "anthropic": {"is_error": True}},
        {"role": "user", "content": [shown, {"type": "text", "text": "and now?"}]},
    ]


@pytest.mark.parametrize("content", ["", None, []])
def test_a_tool_result_without_content(content: Any) -> None:
    found = turns({"type": "tool_result", "tool_use_id": "t", "content": content})
    assert found == [{"role": "tool", "tool_call_id": "t", "content": ""}]


def test_thinking_is_reasoning_and_its_signature_travels_along() -> None:
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "opaque"},
        {"type": "text", "text": "yes"},
    ]
    [message] = turns(*blocks, role="assistant")
    assert message["content"] == "yes"
    assert message["reasoning_content"] == "hm"
    assert message["anthropic"]["blocks"] == [
        {"index": 0, "type": "thinking", "length": 2, "signature": "sig"},
        {"index": 1, "type": "redacted_thinking", "data": "opaque"},
        {"index": 2, "type": "text", "length": 3},
    ]
    assert messages.without_vendor_members({"messages": [message]}) == {"messages": [{"role": "assistant", "content": "yes"}]}


@pytest.mark.parametrize(
    ("members", "effort"),
    [
        ({"output_config": {"effort": "xhigh"}}, "xhigh"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "low"),
        ({"thinking": {"type": "enabled", "budget_tokens": 4000}}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 20_000}}, "high"),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, "low"),
        ({"thinking": {"type": "adaptive"}}, None),
        ({"thinking": {"type": "disabled"}}, None),
    ],
)
def test_thinking_is_an_effort(members: dict[str, Any], effort: str | None) -> None:
    chat = to_chat(**members)
    assert chat.get("reasoning_effort") == effort
    assert chat.get("anthropic", {}).get("thinking") == members.get("thinking")


@pytest.mark.parametrize("name", ["output_config", "output_format"])
def test_a_format_is_a_schema(name: str) -> None:
    wanted = {"type": "json_schema", "schema": {"type": "object"}}
    chat = to_chat(**{name: {"format": wanted} if name == "output_config" else wanted})
    schema = {"name": "answer", "schema": {"type": "object"}, "strict": True}
    assert chat["response_format"] == {"type": "json_schema", "json_schema": schema}


def test_a_prefill_stays_the_last_message() -> None:
    given = [{"role": "user", "content": "colour?"}, {"role": "assistant", "content": "It is "}]
    assert to_chat(messages=given)["messages"] == given


@pytest.mark.parametrize(
    ("members", "starts"),
    [
        ({"max_tokens": None}, "max_tokens: "),
        ({"max_tokens": 0}, "max_tokens: "),
        ({"messages": []}, "messages: "),
        ({"messages": [{"role": "user"}]}, "messages[0].content: is required"),
        ({"messages": [{"role": "bot", "content": "x"}]}, "messages[0].role: "),
        ({"temperature": 1.5}, "temperature: "),
        (
            {"tools": [{"type": "web_search_20260209", "name": "web_search"}]},
            "tools[0].type: 'web_search_20260209' is a tool that",
        ),
        ({"tools": [{"name": "x"}]}, "tools[0].input_schema: is required"),
        ({"tools": [{"name": "x", "input_schema": {}}], "tool_choice": {"type": "tool"}}, "tool_choice.name: is required"),
        ({"container": "c-1"}, "container: has no counterpart"),
        ({"inference_geo": "eu"}, "inference_geo: has no counterpart"),
        ({"mcp_servers": [{}]}, "mcp_servers: has no counterpart"),
        ({"anything_new": 1}, "anything_new: has no counterpart"),
    ],
)
def test_what_is_refused(members: dict[str, Any], starts: str) -> None:
    assert refusal(**members).startswith(starts)


PDF_URL = {"type": "document", "source": {"type": "url", "url": "https://example.test/a.pdf"}}
CITED = {"type": "document", "source": {"type": "text", "data": "x"}, "citations": {"enabled": True}}


@pytest.mark.parametrize(
    ("block", "starts"),
    [
        (
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
            "messages[0].content[0].type: 'server_tool_use'",
        ),
        ({"type": "container_upload", "file_id": "f"}, "messages[0].content[0].type: 'container_upload'"),
        ({"type": "image", "source": {"type": "file", "file_id": "f"}}, "messages[0].content[0].source.type: 'file'"),
        (PDF_URL, "messages[0].content[0].source.type: 'url'"),
        (CITED, "messages[0].content[0].citations.enabled: "),
        ({"type": "text"}, "messages[0].content[0].text: is required"),
        ({"type": "thinking", "thinking": "x", "signature": "s"}, "messages[0].content[0].type: a user message holds"),
    ],
)
def test_blocks_that_are_refused(block: dict[str, Any], starts: str) -> None:
    assert block_refusal(block).startswith(starts)


def test_an_assistant_shows_no_images() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://example.test/a.png"}}
    assert block_refusal(image, role="assistant").startswith("messages[0].content[0].type: an assistant message holds")
    assert block_refusal(image, role="system").startswith("messages[0].content: a system message holds")
