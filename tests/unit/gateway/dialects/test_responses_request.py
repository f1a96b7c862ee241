"""A Responses request as a chat completion request: every mapping, every refusal with the member that it is about."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import completion_create_params
from pydantic import TypeAdapter

from groundcrew.errors import RefusedCall
from groundcrew.gateway.dialects import responses

CHAT = TypeAdapter(completion_create_params.CompletionCreateParamsNonStreaming)
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}


def translate(**members: Any) -> dict[str, Any]:
    """The chat request, which the official types accept."""
    chat = responses.to_chat({"model": "m", "input": "hi", **members})
    CHAT.validate_python(chat)
    return chat


def messages(*items: Any, **members: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = translate(input=list(items), **members)["messages"]
    return found


def refusal(**members: Any) -> str:
    with pytest.raises(RefusedCall) as caught:
        responses.to_chat({"input": "hi", **members})
    assert caught.value.code == "invalid_request"
    return caught.value.message


def call(call_id: str = "c1", name: str = "weather", arguments: str = "{}") -> dict[str, Any]:
    return {
        "type": "function_call",
        "id": "fc_1",
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
        "status": "completed",
    }


def output(call_id: str = "c1", text: Any = "sunny") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": text}


def test_a_string_is_the_users_message_and_instructions_come_first() -> None:
    assert translate() == {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    assert translate(instructions="be brief")["messages"] == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "hi"},
    ]


@pytest.mark.parametrize("role", ["user", "assistant", "system", "developer"])
def test_an_easy_message_needs_no_type(role: str) -> None:
    assert messages({"role": role, "content": "text"}) == [{"role": role, "content": "text"}]
    assert messages({"type": "message", "role": role, "content": "text"}) == [{"role": role, "content": "text"}]


def test_parts_of_a_users_message() -> None:
    parts = [
        {"type": "input_text", "text": "look", "prompt_cache_breakpoint": {"mode": "explicit"}},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
        {"type": "input_image", "image_url": "https://x.example/a.png"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
        {"type": "input_file", "file_id": "file-1"},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
    ]
    assert messages({"role": "user", "content": parts}) == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "look", "prompt_cache_breakpoint": {"mode": "explicit"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}},
                {"type": "file", "file": {"file_id": "file-1"}},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            ],
        }
    ]


def test_one_text_part_becomes_a_string_which_every_provider_reads() -> None:
    assert messages({"role": "user", "content": [{"type": "input_text", "text": "a"}]}) == [{"role": "user", "content": "a"}]
    assert messages(
        {"role": "developer", "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]}
    ) == [{"role": "developer", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]


def test_the_assistants_items_of_one_turn_are_one_message() -> None:
    found = messages(
        {"role": "user", "content": "q"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "let me see", "annotations": []}],
        },
        call("c1", arguments='{"city":"Rome"}'),
        call("c2", arguments='{"city":"Oslo"}'),
        output("c1", "sunny"),
        output("c2", [{"type": "input_text", "text": "rain"}]),
    )
    assert found == [
        {"role": "user", "content": "q"},
        {
            "role": "assistant",
            "content": "let me see",
            "reasoning_content": "hm",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rome"}'}},
                {"id": "c2", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        {"role": "tool", "tool_call_id": "c2", "content": "rain"},
    ]


def test_text_after_a_call_does_not_come_between_the_call_and_its_result() -> None:
    found = messages(
        {"role": "assistant", "content": "one"},
        call(),
        {"role": "assistant", "content": "two"},
        {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "s"}]},
        output(),
        {"role": "assistant", "content": "three"},
        {"role": "assistant", "content": "four"},
    )
    assert [each["role"] for each in found] == ["assistant", "tool", "assistant", "assistant"]
    assert found[0]["content"] == [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert found[0]["reasoning_content"] == "s"
    assert [each["content"] for each in found[2:]] == ["three", "four"]


def test_reasoning_that_led_to_nothing_is_left_out() -> None:
    thought = {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "s"}]}
    assert messages(thought, {"role": "user", "content": "a"}, thought) == [{"role": "user", "content": "a"}]
    assert refusal(input=[thought]) == "input: must not be empty"


def test_calls_one_after_the_other_are_turns_of_their_own() -> None:
    found = messages(call("c1"), output("c1"), call("c2"), output("c2"))
    assert [each["role"] for each in found] == ["assistant", "tool", "assistant", "tool"]


def test_a_refusal_of_the_assistant() -> None:
    refused = {"type": "refusal", "refusal": "no"}
    text = {"type": "output_text", "text": "well", "annotations": []}
    assert messages({"role": "assistant", "content": [refused]}) == [{"role": "assistant", "content": None, "refusal": "no"}]
    assert messages({"role": "assistant", "content": [text, refused]})[0]["content"] == [
        {"type": "text", "text": "well"},
        {"type": "refusal", "refusal": "no"},
    ]


def test_custom_tools_and_their_calls() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: WORD"}
    chat = translate(
        input=[
            {"type": "custom_tool_call", "call_id": "c", "name": "sh", "input": "ls"},
            {"type": "custom_tool_call_output", "call_id": "c", "output": "a b"},
        ],
        tools=[{"type": "custom", "name": "sh", "description": "d", "format": grammar}, {"type": "custom", "name": "t"}],
        tool_choice={"type": "custom", "name": "sh"},
    )
    assert chat["messages"] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "sh", "input": "ls"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "a b"},
    ]
    nested = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: WORD"}}
    assert chat["tools"] == [
        {"type": "custom", "custom": {"name": "sh", "description": "d", "format": nested}},
        {"type": "custom", "custom": {"name": "t"}},
    ]
    assert chat["tool_choice"] == {"type": "custom", "custom": {"name": "sh"}}


def test_function_tools() -> None:
    chat = translate(
        tools=[
            {"type": "function", "name": "weather", "description": "d", "parameters": SCHEMA, "strict": True},
            {"type": "function", "name": "bare", "parameters": None, "strict": None},
        ],
        parallel_tool_calls=False,
    )
    assert chat["tools"] == [
        {"type": "function", "function": {"name": "weather", "description": "d", "parameters": SCHEMA, "strict": True}},
        {"type": "function", "function": {"name": "bare"}},
    ]
    assert chat["parallel_tool_calls"] is False


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("none", "none"),
        ("auto", "auto"),
        ("required", "required"),
        ({"type": "function", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]},
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "f"}}]},
            },
        ),
    ],
)
def test_tool_choice(choice: Any, expected: Any) -> None:
    assert translate(tool_choice=choice)["tool_choice"] == expected


def test_text_formats() -> None:
    assert "response_format" not in translate(text={"format": {"type": "text"}})
    assert translate(text={"format": {"type": "json_object"}})["response_format"] == {"type": "json_object"}
    form = {"type": "json_schema", "name": "place", "schema": SCHEMA, "strict": True, "description": "d"}
    chat = translate(text={"format": form, "verbosity": "low"})
    assert chat["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "place", "schema": SCHEMA, "strict": True, "description": "d"},
    }
    assert chat["verbosity"] == "low"


def test_settings() -> None:
    chat = translate(
        max_output_tokens=99,
        temperature=1,
        top_p=0.5,
        reasoning={"effort": "low", "summary": "auto"},
        top_logprobs=3,
        include=["message.output_text.logprobs"],
        service_tier="flex",
        safety_identifier="s",
        user="u",
        prompt_cache_key="k",
        prompt_cache_options={"mode": "explicit"},
    )
    del chat["messages"]
    assert chat == {
        "model": "m",
        "max_completion_tokens": 99,
        "temperature": 1,
        "top_p": 0.5,
        "reasoning_effort": "low",
        "logprobs": True,
        "top_logprobs": 3,
        "service_tier": "flex",
        "safety_identifier": "s",
        "user": "u",
        "prompt_cache_key": "k",
        "prompt_cache_options": {"mode": "explicit"},
    }


def test_what_asks_for_nothing_that_could_be_missed_is_accepted() -> None:
    chat = translate(store=True, truncation="auto", metadata={"a": "b"}, max_tool_calls=3, background=False, stream_options=None)
    assert chat == translate()


def test_a_stream_is_asked_for_its_token_counts() -> None:
    chat = responses.to_chat({"input": "hi", "stream": True, "stream_options": {"include_obfuscation": False}})
    assert chat["stream"] is True
    assert chat["stream_options"] == {"include_usage": True}


def test_null_counts_as_absent() -> None:
    names = (
        "instructions",
        "tools",
        "tool_choice",
        "text",
        "reasoning",
        "conversation",
        "previous_response_id",
        "prompt",
        "temperature",
    )
    assert translate(**dict.fromkeys(names)) == translate()


IMAGE = {"type": "input_image", "file_id": "file-1"}


@pytest.mark.parametrize(
    ("members", "name"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"background": True}, "background"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"include": ["message.output_text.logprobs", "reasoning.encrypted_content"]}, "include[1]"),
        ({"context_management": [{"type": "compaction"}]}, "context_management"),
        ({"something_new": 1}, "something_new"),
        ({"reasoning": {"mode": "pro"}}, "reasoning.mode"),
        ({"reasoning": {"context": "all_turns"}}, "reasoning.context"),
        ({"reasoning": {"new": 1}}, "reasoning.new"),
        ({"text": {"format": {"type": "grammar"}}}, "text.format.type"),
        ({"prompt_cache_options": {"prewarm": True}}, "prompt_cache_options"),
        ({"tools": [{"type": "function", "name": "f"}, {"type": "web_search"}]}, "tools[1]"),
        ({"tools": [{"type": "file_search", "vector_store_ids": ["v"]}]}, "tools[0]"),
        ({"tools": [{"type": "mcp", "server_label": "s"}]}, "tools[0]"),
        ({"tools": [{"type": "code_interpreter", "container": "c"}]}, "tools[0]"),
        ({"tools": [{"type": "computer"}]}, "tools[0]"),
        ({"tools": [{"type": "function", "name": "f", "defer_loading": True}]}, "tools[0].defer_loading"),
        ({"tools": [{"type": "function", "name": "f", "allowed_callers": ["programmatic"]}]}, "tools[0].allowed_callers"),
        ({"tool_choice": {"type": "web_search_preview"}}, "tool_choice"),
        ({"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp"}]}}, "tool_choice.tools[0]"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0]"),
        ({"input": [{"id": "msg_1"}]}, "input[0]"),
        ({"input": [{"role": "user", "content": "a"}, {"type": "web_search_call", "id": "w"}]}, "input[1]"),
        ({"input": [{"type": "compaction", "encrypted_content": "e"}]}, "input[0]"),
        ({"input": [{"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "e"}]}, "input[0].encrypted_content"),
        ({"input": [{**call(), "caller": {"type": "program", "caller_id": "p"}}]}, "input[0].caller"),
        ({"input": [{**call(), "namespace": "n"}]}, "input[0].namespace"),
        ({"input": [output("c", [IMAGE])]}, "input[0].output[0]"),
        ({"input": [{"role": "user", "content": [IMAGE]}]}, "input[0].content[0].file_id"),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "u"}]}]}, "input[0].content[0].file_url"),
        ({"input": [{"role": "user", "content": [{"type": "input_video"}]}]}, "input[0].content[0]"),
        ({"input": [{"role": "system", "content": [IMAGE]}]}, "input[0].content[0]"),
        ({"input": [{"role": "assistant", "content": [IMAGE]}]}, "input[0].content[0]"),
    ],
)
def test_what_only_a_native_provider_can_serve_is_named(members: dict[str, Any], name: str) -> None:
    assert responses.untranslatable({"input": "hi", **members}) == name
    message = refusal(**members)
    assert message.startswith(name + ": only a provider that speaks the Responses API itself")


def test_what_can_be_translated_has_no_such_member() -> None:
    assert responses.untranslatable({"input": "hi", "tools": [], "store": True}) is None
    assert responses.untranslatable({"input": 1}) is None


@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({"input": None}, "input: is required"),
        ({"input": []}, "input: must not be empty"),
        ({"input": 3}, "input: Expected"),
        ({"input": ["a"]}, "input[0]: Expected `object`"),
        ({"input": [{"role": "user"}]}, "input[0].content: is required"),
        ({"input": [{"content": "a"}]}, "input[0].role: is required"),
        ({"input": [{"role": "tool", "content": "a"}]}, "input[0].role: use"),
        ({"input": [{"type": 3}]}, "input[0].type: must be a string"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text: is required"),
        ({"input": [{"role": "user", "content": [{"text": "a"}]}]}, "input[0].content[0].type: is required"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content[0].image_url: is required"),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "input[0].content[0].file_data: is required"),
        ({"input": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "input[0].content[0].input_audio: is required"),
        ({"input": [{"role": "assistant", "content": [{"type": "refusal"}]}]}, "input[0].content[0].refusal: is required"),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": 3}]}]}, "input[0].content[0].text: Expected"),
        ({"input": [{"type": "function_call", "call_id": "c", "name": "f"}]}, "input[0].arguments: is required"),
        ({"input": [{"type": "function_call_output", "output": "a"}]}, "input[0].call_id: is required"),
        ({"input": [{"type": "custom_tool_call", "call_id": "c", "name": "f"}]}, "input[0].input: is required"),
        ({"max_output_tokens": 0}, "max_output_tokens: Expected"),
        ({"temperature": "hot"}, "temperature: Expected"),
        ({"metadata": {"a": 1}}, "metadata[...]: Expected"),
        ({"tools": [{"name": "f"}]}, "tools[0].type: is required"),
        ({"tools": [{"type": "function"}]}, "tools[0].name: is required"),
        ({"tools": [{"type": "custom", "name": "f", "format": {"type": "x"}}]}, "tools[0].format.type: use"),
        ({"tool_choice": "any"}, "tool_choice: use"),
        ({"tool_choice": {}}, "tool_choice.type: is required"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.name: is required"),
        ({"tool_choice": {"type": "allowed_tools", "tools": 3}}, "tool_choice.tools: must be a list"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format: a json_schema needs"),
        ({"text": {"format": {}}}, "text.format.type: is required"),
        ({"top_logprobs": 21}, "top_logprobs: Expected"),
    ],
)
def test_what_is_malformed_is_refused_with_its_place(members: dict[str, Any], place: str) -> None:
    assert refusal(**members).startswith(place)


def test_a_long_unknown_name_is_cut() -> None:
    assert len(refusal(**{"x" * 5000: 1})) < 500


# Properties

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
JSON = st.recursive(LEAVES, lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(max_size=8), each, max_size=4))
WORDS = (
    *("message", "reasoning", "function_call", "function_call_output", "custom_tool_call", "input_text", "input_image"),
    *("input_file", "refusal", "function", "custom", "grammar", "allowed_tools", "json_schema", "user", "assistant"),
)
NAMES = (
    *("type", "role", "content", "text", "refusal", "call_id", "name", "arguments", "input", "output", "summary", "image_url"),
    *(
        "file_data",
        "format",
        "tools",
        "mode",
        "schema",
        "effort",
        "caller",
        "instructions",
        "tool_choice",
        "reasoning",
        "include",
    ),
)
NEAR = st.recursive(
    LEAVES | st.sampled_from(WORDS),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.sampled_from(NAMES), each, max_size=5),
    max_leaves=12,
)


@settings(max_examples=80)
@given(st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), JSON | NEAR, max_size=6))
def test_any_json_is_translated_or_refused(body: dict[str, Any]) -> None:
    native = responses.untranslatable(body)
    try:
        responses.to_chat(body)
    except RefusedCall:
        pass
    else:
        assert native is None
    seen: list[str] = []
    responses.visit_texts(body, lambda _, text: seen.append(text) or text)
    responses.hides_text(body)


TEXT = st.text(min_size=1, max_size=20)


@given(TEXT, TEXT, TEXT, TEXT, TEXT)
def test_texts_survive(instructions: str, asked: str, said: str, arguments: str, result: str) -> None:
    chat = responses.to_chat(
        {
            "instructions": instructions,
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": asked}]},
                {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": said}]},
                {"role": "assistant", "content": [{"type": "output_text", "text": said, "annotations": []}]},
                call(arguments=arguments),
                output(text=result),
            ],
        }
    )
    system, user, assistant, tool = chat["messages"]
    assert (system["content"], user["content"], tool["content"]) == (instructions, asked, result)
    assert (assistant["content"], assistant["reasoning_content"]) == (said, said)
    assert assistant["tool_calls"][0]["function"]["arguments"] == arguments
