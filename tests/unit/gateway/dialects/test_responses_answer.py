"""A chat completion as a Response that the official SDK takes, and a Response as a chat completion."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion
from openai.types.responses import Response
from pydantic import BaseModel

from groundcrew.errors import RefusedCall, UpstreamError
from groundcrew.gateway.dialects import responses

IDS: dict[str, Any] = {"call_id": "0199", "model": "alias", "created_s": 1_700_000_000}
USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "total_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 5},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rome"}'}}
CUSTOM = {"id": "c2", "type": "custom", "custom": {"name": "sh", "input": "ls"}}


def completion(finish_reason: str = "stop", **message: Any) -> dict[str, Any]:
    whole = {"role": "assistant", "content": None, **message}
    choice = {"index": 0, "message": whole, "finish_reason": finish_reason}
    return {"id": "x", "object": "chat.completion", "created": 1, "model": "up", "choices": [choice], "usage": USAGE}


def written(given_: dict[str, Any], **request: Any) -> dict[str, Any]:
    """The Response, which the official type accepts."""
    body = responses.write_completion(given_, **IDS, request={"input": "hi", **request})
    Response.model_validate_json(json.dumps(body), strict=True)
    return body


def read(body: dict[str, Any]) -> dict[str, Any]:
    """The chat completion, which the official type accepts."""
    given_ = responses.read_completion(body, "p")
    ChatCompletion.model_validate_json(json.dumps(given_))
    return given_


def client(body: dict[str, Any], status: int = 200) -> openai.OpenAI:
    transport = httpx2.MockTransport(lambda _: httpx2.Response(status, json=body))
    return openai.OpenAI(api_key="k", base_url="http://gateway/v1", http_client=httpx2.Client(transport=transport), max_retries=0)


def test_text() -> None:
    body = written(completion(content="hello"))
    assert body["id"] == "resp_0199"
    assert (body["model"], body["created_at"], body["status"], body["store"]) == ("alias", 1_700_000_000, "completed", False)
    part = {"type": "output_text", "text": "hello", "annotations": [], "logprobs": []}
    assert body["output"] == [
        {"id": "msg_0199_0", "type": "message", "status": "completed", "role": "assistant", "content": [part]}
    ]
    assert body["usage"] == {
        "input_tokens": 11,
        "input_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 0},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 18,
    }


def test_reasoning_text_refusal_and_calls_are_items_in_this_order() -> None:
    body = written(completion("tool_calls", reasoning_content="hm", content="a", refusal="no", tool_calls=[CALL, CUSTOM]))
    assert [each["type"] for each in body["output"]] == ["reasoning", "message", "function_call", "custom_tool_call"]
    assert body["output"][0]["content"] == [{"type": "reasoning_text", "text": "hm"}]
    assert [each["type"] for each in body["output"][1]["content"]] == ["output_text", "refusal"]
    assert body["output"][2] == {
        "id": "fc_0199_2",
        "type": "function_call",
        "call_id": "c1",
        "name": "weather",
        "arguments": '{"city":"Rome"}',
        "status": "completed",
    }
    assert body["output"][3]["input"] == "ls"
    assert len({each["id"] for each in body["output"]}) == 4


@pytest.mark.parametrize(("finish_reason", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
def test_an_answer_that_was_cut_is_incomplete(finish_reason: str, reason: str) -> None:
    body = written(completion(finish_reason, content="a", tool_calls=[CALL]))
    assert (body["status"], body["incomplete_details"]) == ("incomplete", {"reason": reason})
    assert [each["status"] for each in body["output"]] == ["completed", "incomplete"]
    assert read(body)["choices"][0]["finish_reason"] == finish_reason


def test_what_the_request_asked_for_is_repeated() -> None:
    asked = {
        "instructions": "be brief",
        "max_output_tokens": 9,
        "metadata": {"a": "b"},
        "parallel_tool_calls": False,
        "reasoning": {"effort": "low"},
        "temperature": 0.5,
        "text": {"format": {"type": "json_object"}, "verbosity": "low"},
        "tool_choice": {"type": "function", "name": "f"},
        "tools": [{"type": "function", "name": "f"}],
        "top_logprobs": 2,
        "top_p": 0.1,
        "user": "u",
        "safety_identifier": "s",
        "prompt_cache_key": "k",
        "service_tier": "flex",
    }
    body = written(completion(content="a"), **asked, store=True, truncation="auto", previous_response_id=None)
    assert {name: body[name] for name in asked if name not in ("reasoning", "tools")} == {
        name: value for name, value in asked.items() if name not in ("reasoning", "tools")
    }
    assert body["reasoning"] == {"effort": "low", "summary": None}
    assert body["tools"] == [{"type": "function", "name": "f", "description": None, "parameters": None, "strict": None}]
    assert (body["store"], body["truncation"]) == (False, "disabled")
    assert written({**completion(content="a"), "service_tier": "default"}, service_tier="auto")["service_tier"] == "default"


def test_a_request_that_says_nothing_gets_the_defaults() -> None:
    body = written(completion(content="a"))
    assert body["tool_choice"] == "auto"
    assert body["tools"] == []
    assert body["metadata"] == {}
    assert body["text"] == {"format": {"type": "text"}}
    assert body["parallel_tool_calls"] is True


def test_logprobs_and_citations() -> None:
    one = {"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": [{"token": "b", "logprob": -2.0, "bytes": None}]}
    citation = {
        "type": "url_citation",
        "url_citation": {"url": "https://x.example", "title": "t", "start_index": 0, "end_index": 1},
    }
    given_ = completion(content="a", annotations=[citation])
    given_["choices"][0]["logprobs"] = {"content": [one], "refusal": None}
    part = written(given_)["output"][0]["content"][0]
    assert part["logprobs"] == [{**one, "top_logprobs": [{"token": "b", "logprob": -2.0, "bytes": []}]}]
    assert part["annotations"] == [
        {"type": "url_citation", "url": "https://x.example", "title": "t", "start_index": 0, "end_index": 1}
    ]


def test_older_and_looser_completions() -> None:
    body = written(completion("function_call", function_call={"name": "f", "arguments": "{}"}))
    assert (body["output"][0]["name"], body["output"][0]["call_id"]) == ("f", "call_0199_0")
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert Response.model_validate(written(completion(content=parts))).output_text == "ab"
    given_ = completion(content="a")
    del given_["usage"]
    assert written(given_)["usage"] is None
    assert written({**given_, "groundcrew": {"call_id": "0199"}})["groundcrew"] == {"call_id": "0199"}


def carried(body: dict[str, Any]) -> dict[str, Any]:
    """The assistant's message that a client sends back with the result of its call."""
    result = {"type": "function_call_output", "call_id": "c1", "output": "sunny"}
    chat = responses.to_chat({"input": [*body["output"], result]})
    assert [each["role"] for each in chat["messages"]] == ["assistant", "tool"]
    message: dict[str, Any] = chat["messages"][0]
    return message


VENDOR = {
    "anthropic": {"blocks": [{"type": "thinking", "length": 2, "signature": "s"}, {"type": "tool_use", "id": "c1"}]},
    "gemini": {"thought_signature": "t"},
}


def test_what_a_provider_wants_back_with_a_tools_result_comes_back() -> None:
    call = {**CALL, "extra_content": {"google": {"thought_signature": "u"}}}
    message = {"content": "a", "reasoning_content": "hm", "tool_calls": [call], **VENDOR}
    body = written(completion("tool_calls", **message))
    assert body["output"][-1]["type"] == "reasoning"
    assert carried(body) == {"role": "assistant", **message}
    assert all("encrypted_content" not in each for each in written(completion(content="a", **VENDOR))["output"])
    request = {"input": body["output"]}
    assert responses.hides_text(request)
    assert responses.without_packed(request) == {"input": body["output"][:-1]}
    assert responses.without_packed({"input": body["output"][:-1]}) is None
    assert responses.without_packed({"input": "hi"}) is None


def test_what_the_official_client_sends_back_is_taken() -> None:
    sent: list[dict[str, Any]] = []
    body = written(completion("tool_calls", content="a", reasoning_content="hm", tool_calls=[CALL, CUSTOM], **VENDOR))

    def serve(request: httpx2.Request) -> httpx2.Response:
        sent.append(json.loads(request.read()))
        return httpx2.Response(200, json=body)

    http = httpx2.Client(transport=httpx2.MockTransport(serve))
    agent = openai.OpenAI(api_key="k", base_url="http://gateway/v1", http_client=http, max_retries=0)
    first = agent.responses.create(model="m", input="weather?")
    results: list[Any] = [
        {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": "a b"},
    ]
    history: list[Any] = [{"role": "user", "content": "weather?"}, *first.output, *results]
    agent.responses.create(model="m", input=history)
    user, assistant, *tools = responses.to_chat(sent[-1])["messages"]
    assert user == {"role": "user", "content": "weather?"}
    assert assistant == {"role": "assistant", "content": "a", "reasoning_content": "hm", "tool_calls": [CALL, CUSTOM], **VENDOR}
    assert [each["content"] for each in tools] == ["sunny", "a b"]


@pytest.mark.parametrize(
    "text",
    ["groundcrew.1.", "groundcrew.1.e30", "groundcrew.1.W10=", "groundcrew.1.\N{SNOWMAN}", "groundcrew.1.eyJjYWxscyI6M30="],
)
def test_what_comes_back_broken_is_refused(text: str) -> None:
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    with pytest.raises(RefusedCall, match="encrypted_content: send the item back as it came"):
        responses.to_chat({"input": [call, {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": text}]})
    alone = {
        "input": [{"role": "user", "content": "a"}, {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": text}]
    }
    assert responses.to_chat(alone)["messages"] == [{"role": "user", "content": "a"}]


@pytest.mark.parametrize("body", [{}, {"choices": []}, {"choices": [{"message": {"content": 3}}]}, {"choices": 3}])
def test_what_is_no_completion_is_not_written(body: dict[str, Any]) -> None:
    with pytest.raises(UpstreamError):
        responses.write_completion(body, **IDS, request={})


def test_what_a_provider_wants_back_has_its_limit_of_depth() -> None:
    with pytest.raises(UpstreamError, match="nests too deep"):
        responses.write_completion(completion(tool_calls=[CALL], gemini={"a": deep(5000)}), **IDS, request={})


class Place(BaseModel):
    city: str


def test_the_official_client_reads_it() -> None:
    answer = client(written(completion(content='{"city":"Rome"}', reasoning_content="hm")))
    assert answer.responses.create(input="hi").output_text == '{"city":"Rome"}'
    assert answer.responses.parse(input="hi", text_format=Place).output_parsed == Place(city="Rome")
    tool = openai.pydantic_function_tool(Place, name="weather")
    parsed = client(written(completion("tool_calls", tool_calls=[CALL]))).responses.parse(input="hi", tools=[tool])
    assert getattr(parsed.output[0], "parsed_arguments", None) == Place(city="Rome")


def test_errors_and_held_answers_of_the_official_client() -> None:
    body = responses.error_body("guard_blocked", "not this", 403, {"call_id": "0199"})
    with pytest.raises(openai.PermissionDeniedError) as caught:
        client(body, 403).responses.create(input="hi")
    assert caught.value.code == "guard_blocked"
    report = {"status": "pending_sign_off", "sign_off_id": "s1"}
    held = responses.held_body(report, call_id="0199", model="alias", created_s=1)
    Response.model_validate_json(json.dumps(held), strict=True)
    answer = client(held, 202).responses.create(input="hi")
    assert (answer.status, answer.output_text) == ("queued", "")
    assert answer.model_extra is not None
    assert answer.model_extra["groundcrew"] == report


# Reading


def native(*output: dict[str, Any], **members: Any) -> dict[str, Any]:
    usage = {
        "input_tokens": 4,
        "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 1},
        "output_tokens": 6,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 10,
    }
    base = {"id": "resp_1", "object": "response", "created_at": 5.0, "model": "up", "status": "completed", "error": None}
    return {**base, "output": list(output), "usage": usage, **members}


def test_a_native_response_is_read() -> None:
    search = {"type": "web_search_call", "id": "ws", "action": {"type": "search", "query": "who is Ann"}}
    given_ = read(
        native(
            {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "s"}]},
            search,
            {
                "type": "message",
                "id": "m",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "no"}],
            },
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "custom_tool_call", "call_id": "d", "name": "g", "input": "x"},
        )
    )
    choice = given_["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    message = choice["message"]
    assert (message["content"], message["refusal"]) == ("a", "no")
    assert message["reasoning_content"] == "s\n" + json.dumps(search, separators=(",", ":"))
    assert message["tool_calls"] == [
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "d", "type": "custom", "custom": {"name": "g", "input": "x"}},
    ]
    assert given_["usage"] == {
        "prompt_tokens": 4,
        "completion_tokens": 6,
        "total_tokens": 10,
        "prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }


def test_a_response_without_token_counts_is_read() -> None:
    assert "usage" not in read(native(usage=None))


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, None),
        ({"status": "completed"}, None),
        ({"error": {"message": "m", "code": "server_error"}}, 500),
        (native(status="failed", error={"code": "rate_limit_exceeded", "message": "m"}), 429),
        (native(status="failed", error={"code": "invalid_prompt", "message": "m"}), 400),
        (native(status="failed"), None),
        (native(status="failed", error={"code": "a code that is prose", "message": "m"}), None),
        (native(status="queued"), None),
        (native(status="in_progress"), None),
        (native(status="cancelled"), None),
        (native(status=None), None),
        (native(output=3), None),
        (native(usage={"input_tokens": -1}), None),
        (native({"type": "message", "content": 3}), None),
        (native(*[{"type": "message"}] * 600), None),
        (native({"type": "new_call", "input": deep(5000)}), None),
    ],
)
def test_what_is_no_finished_response_is_an_upstreams_error(body: dict[str, Any], status: int | None) -> None:
    with pytest.raises(UpstreamError) as caught:
        responses.read_completion(body, "p")
    assert caught.value.status == status
    assert "prose" not in str(caught.value)


# Properties

TEXT = st.text(max_size=20)
FUNCTIONS = st.builds(
    lambda id_, name, said: {"id": id_, "type": "function", "function": {"name": name, "arguments": said}},
    st.text(min_size=1, max_size=8),
    TEXT,
    TEXT,
)
CUSTOMS = st.builds(
    lambda id_, name, said: {"id": id_, "type": "custom", "custom": {"name": name, "input": said}},
    st.text(min_size=1, max_size=8),
    TEXT,
    TEXT,
)
SOME = st.text(min_size=1, max_size=20)
MESSAGES = st.fixed_dictionaries(
    {"content": st.none() | SOME},
    optional={
        "refusal": SOME,
        "reasoning_content": SOME,
        "tool_calls": st.lists(FUNCTIONS | CUSTOMS, min_size=1, max_size=4),
    },
)


@settings(max_examples=60)
@given(MESSAGES, st.sampled_from(["stop", "length", "content_filter"]))
def test_an_answer_survives(message: dict[str, Any], finish_reason: str) -> None:
    body = written(completion(finish_reason, **message))
    back = read(body)
    assert back["choices"][0]["message"] == {"role": "assistant", **message}
    expected = "tool_calls" if finish_reason == "stop" and "tool_calls" in message else finish_reason
    assert back["choices"][0]["finish_reason"] == expected
    assert back["usage"] == USAGE


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
WORDS = st.sampled_from(["message", "reasoning", "function_call", "completed", "incomplete", "output_text", "custom"])
NAMES = st.sampled_from(
    [
        "type",
        "content",
        "text",
        "output",
        "status",
        "usage",
        "error",
        "code",
        "choices",
        "message",
        "tool_calls",
        "function",
        "index",
    ]
)
NEAR = st.recursive(
    LEAVES | WORDS, lambda each: st.lists(each, max_size=3) | st.dictionaries(NAMES, each, max_size=5), max_leaves=12
)


@settings(max_examples=60)
@given(st.dictionaries(NAMES, NEAR, max_size=6))
def test_any_json_is_read_or_an_upstreams_error(body: dict[str, Any]) -> None:
    for read_ in (
        lambda: responses.read_completion(body, "p"),
        lambda: responses.write_completion(body, **IDS, request=body),
    ):
        with contextlib.suppress(UpstreamError):
            read_()
