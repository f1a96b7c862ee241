"""Whole answers in the Anthropic Messages dialect: read from a provider, written for a client, and errors and held answers."""

from __future__ import annotations

from typing import Any

import anthropic
import httpx2
import pytest
from anthropic.types import Message
from openai.types.chat import ChatCompletion

from groundcrew.errors import REFUSAL_STATUS, UpstreamError
from groundcrew.gateway.dialects import messages

USAGE = {"input_tokens": 10, "output_tokens": 4}


def read(content: list[Any], stop_reason: str | None = "end_turn", **members: Any) -> dict[str, Any]:
    given = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": content, "usage": USAGE}
    completion = messages.read_completion({**given, "stop_reason": stop_reason, **members}, "p")
    ChatCompletion.model_validate(completion, strict=True)
    return completion


def write(message: dict[str, Any], finish_reason: str = "stop", request: dict[str, Any] | None = None, **members: Any) -> Any:
    completion = {"choices": [{"index": 0, "message": message, "finish_reason": finish_reason}], **members}
    written = messages.write_completion(completion, call_id="c-1", model="support", created_s=1, request=request or {})
    Message.model_validate(written, strict=True)
    return written


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def call(identifier: str, arguments: str) -> dict[str, Any]:
    return {"id": identifier, "type": "function", "function": {"name": "look", "arguments": arguments}}


# --- reading ---


def test_an_answer_of_text() -> None:
    completion = read([text("Hello"), text(" there.")])
    assert completion["id"] == "msg_1"
    [choice] = completion["choices"]
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["content"] == "Hello there."
    assert completion["usage"]["prompt_tokens"] == 10
    assert completion["usage"]["completion_tokens"] == 4


def test_tool_calls() -> None:
    blocks = [text("I look."), {"type": "tool_use", "id": "t", "name": "look", "input": {"at": "ü"}}]
    [choice] = read(blocks, "tool_use")["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["tool_calls"] == [call("t", '{"at":"ü"}')]
    [choice] = read(blocks[1:], "tool_use")["choices"]
    assert choice["message"]["content"] is None


@pytest.mark.parametrize(
    ("stop_reason", "finish_reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("pause_turn", "stop"),
        ("refusal", "content_filter"),
        ("something_new", "stop"),
        (None, "stop"),
    ],
)
def test_why_an_answer_ended(stop_reason: str | None, finish_reason: str) -> None:
    assert read([text("x")], stop_reason)["choices"][0]["finish_reason"] == finish_reason


def test_a_refusal_says_why() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "It asks for malware."}
    [choice] = read([], "refusal", stop_details=details)["choices"]
    assert choice["finish_reason"] == "content_filter"
    assert choice["message"]["refusal"] == "It asks for malware."


def test_a_prompts_tokens_include_the_cached_ones() -> None:
    usage = {
        "input_tokens": 10,
        "output_tokens": 7,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 20,
        "output_tokens_details": {"thinking_tokens": 3},
    }
    completion = read([text("x")], usage=usage)
    assert completion["usage"] == {
        "prompt_tokens": 130,
        "completion_tokens": 7,
        "total_tokens": 137,
        "prompt_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 20},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    written = messages.write_completion(completion, call_id="c", model="m", created_s=1, request={})
    assert written["usage"] == usage


@pytest.mark.parametrize(
    "usage", [None, {}, {"input_tokens": -1, "output_tokens": 1}, {"input_tokens": "1", "output_tokens": 1}, 3]
)
def test_counts_that_make_no_sense_are_unknown(usage: Any) -> None:
    assert "usage" not in read([text("x")], usage=usage)


def test_what_nothing_reads_is_left_out() -> None:
    searched = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}
    found = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
    cited = {**text("x"), "citations": [{"type": "char_location", "cited_text": "y"}]}
    message = read([searched, found, cited])["choices"][0]["message"]
    assert message == {"role": "assistant", "content": "x", "refusal": None}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "is no message"),
        ({"type": "message"}, "is no message"),
        ({"type": "message", "content": "x"}, "is no message"),
        ({"type": "message", "content": [text("x")] * 1_025}, "is no message"),
        ({"type": "message", "content": ["x"]}, "a malformed block"),
        ({"type": "message", "content": [{"type": "text"}]}, "a malformed text block"),
        (
            {"type": "message", "content": [{"type": "tool_use", "id": "t", "name": "n", "input": "x"}]},
            "a malformed tool_use block",
        ),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "key=123"}}, "is an error (overloaded_error)"),
        ({"type": "error", "error": {"type": "see https://example.test"}}, "is an error (of no known type)"),
    ],
)
def test_what_is_no_answer(body: dict[str, Any], says: str) -> None:
    with pytest.raises(UpstreamError, match="provider p: ") as caught:
        messages.read_completion(body, "p")
    assert says in str(caught.value)
    assert "123" not in str(caught.value)


# --- writing ---


def test_a_completion_is_a_message() -> None:
    written = write(
        {"role": "assistant", "content": "Hello."}, usage={"prompt_tokens": 3, "completion_tokens": 2}, groundcrew={"a": 1}
    )
    assert written == {
        "id": "msg_c-1",
        "type": "message",
        "role": "assistant",
        "model": "support",
        "content": [text("Hello.")],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 2, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0},
        "groundcrew": {"a": 1},
    }


def test_calls_are_tool_uses() -> None:
    calls = [call("call_1", '{"a": 1}'), call("", ""), call("call_3", "[1]"), call("call_4", "{")]
    written = write({"content": None, "tool_calls": calls}, "tool_calls")
    assert written["stop_reason"] == "tool_use"
    assert [(each["id"], each["input"]) for each in written["content"]] == [
        ("call_1", {"a": 1}),
        ("toolu_c-1_1", {}),
        ("call_3", {"arguments": [1]}),
        ("call_4", {"arguments": "{"}),
    ]


def test_a_forced_call_is_a_tool_use_too() -> None:
    assert write({"content": None, "tool_calls": [call("c", "{}")]}, "stop")["stop_reason"] == "tool_use"


def test_the_older_function_call_is_a_tool_use() -> None:
    written = write({"content": None, "function_call": {"name": "look", "arguments": "{}"}}, "function_call")
    assert written["content"] == [{"type": "tool_use", "id": "toolu_c-1_0", "name": "look", "input": {}}]
    assert written["stop_reason"] == "tool_use"


@pytest.mark.parametrize(
    ("finish_reason", "stop_reason"),
    [("stop", "end_turn"), ("length", "max_tokens"), ("content_filter", "refusal"), ("other", "end_turn")],
)
def test_why_a_written_answer_ended(finish_reason: str, stop_reason: str) -> None:
    assert write({"content": "x"}, finish_reason)["stop_reason"] == stop_reason


def test_a_refusal_is_text_that_is_marked() -> None:
    written = write({"content": None, "refusal": "I may not."})
    assert written["content"] == [text("I may not.")]
    assert written["stop_reason"] == "refusal"


def test_reasoning_is_shown_to_those_who_ask_for_thinking() -> None:
    said = {"content": "yes", "reasoning_content": "hm"}
    thinking = {"type": "thinking", "thinking": "hm", "signature": ""}
    assert write(said)["content"] == [text("yes")]
    assert write(said, request={"thinking": {"type": "adaptive"}})["content"] == [thinking, text("yes")]
    assert write(said, request={"thinking": {"type": "adaptive", "display": "omitted"}})["content"] == [text("yes")]


def test_thinking_whose_answer_was_changed_is_left_out() -> None:
    blocks = [{"type": "thinking", "thinking": "hm", "signature": "sig"}, text("Ann")]
    said = read(blocks)["choices"][0]["message"]
    asks = {"thinking": {"type": "adaptive"}}
    assert write(said, request=asks)["content"] == blocks
    assert write({**said, "content": "[NAME]"}, request=asks)["content"] == [text("[NAME]")]


@pytest.mark.parametrize(
    "completion", [{}, {"choices": []}, {"choices": [None]}, {"choices": [{"message": {}}]}, {"choices": "x"}]
)
def test_an_empty_completion_is_an_empty_message(completion: dict[str, Any]) -> None:
    written = messages.write_completion(completion, call_id="c", model="m", created_s=1, request={})
    Message.model_validate(written, strict=True)
    assert written["content"] == []


# --- errors and held answers, as the official client sees them ---


def client(status: int, body: dict[str, Any]) -> anthropic.Anthropic:
    transport = httpx2.MockTransport(lambda _: httpx2.Response(status, json=body))
    return anthropic.Anthropic(
        api_key="x", base_url="http://gateway.test", max_retries=0, http_client=httpx2.Client(transport=transport)
    )


def ask(status: int, body: dict[str, Any]) -> Message:
    with client(status, body) as asking:
        return asking.messages.create(model="m", max_tokens=5, messages=[{"role": "user", "content": "hi"}])


KINDS = {
    "invalid_request": "invalid_request_error",
    "invalid_key": "authentication_error",
    "guard_blocked": "permission_error",
    "not_found": "not_found_error",
    "method_not_allowed": "invalid_request_error",
    "request_timeout": "timeout_error",
    "body_too_large": "request_too_large",
    "budget_exceeded": "rate_limit_error",
    "internal_error": "api_error",
    "upstream_error": "api_error",
    "kill_switch": "overloaded_error",
    "upstream_timeout": "timeout_error",
}


@pytest.mark.parametrize("code", REFUSAL_STATUS)
def test_an_error_has_the_dialects_type_and_our_code(code: str) -> None:
    status = REFUSAL_STATUS[code]
    with pytest.raises(anthropic.APIStatusError) as caught:
        ask(status, messages.error_body(code, "No.", status, {"call_id": "c-1"}))
    assert caught.value.status_code == status
    body: Any = caught.value.body
    assert body["type"] == "error"
    kind = body["error"].pop("type")
    assert kind == KINDS.get(code, kind)
    assert body["error"] == {"message": "No.", "code": code, "call_id": "c-1"}


def test_a_held_answer_is_a_message_without_content() -> None:
    report = {"status": "pending_sign_off", "sign_off_id": "s-1"}
    found = ask(202, messages.held_body(report, call_id="c-1", model="support", created_s=1))
    Message.model_validate(found.model_dump(), strict=True)
    assert found.content == []
    assert found.stop_reason is None
    assert (found.model_extra or {})["groundcrew"] == report
