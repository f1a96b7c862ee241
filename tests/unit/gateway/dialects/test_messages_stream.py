"""Event streams in the Anthropic Messages dialect: read from a provider, written for a client."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import anthropic
import httpx2
import msgspec
import pydantic
import pytest
from anthropic.types import ParsedMessage, RawMessageStreamEvent
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from groundcrew.errors import UpstreamError
from groundcrew.gateway.dialects import messages

EVENT: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(RawMessageStreamEvent)
START = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [],
        "usage": {"input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 5},
    },
}
STOP = {"type": "message_stop"}


def block(index: int, head: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    start = {"type": "content_block_start", "index": index, "content_block": head}
    middle = [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    return [start, *middle, {"type": "content_block_stop", "index": index}]


def text_block(index: int, *texts: str) -> list[dict[str, Any]]:
    return block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": each} for each in texts))


def tool_block(index: int, identifier: str, *pieces: str) -> list[dict[str, Any]]:
    deltas = [{"type": "input_json_delta", "partial_json": each} for each in pieces]
    return block(index, {"type": "tool_use", "id": identifier, "name": "look", "input": {}}, *deltas)


def ended(reason: str = "end_turn", **delta: Any) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": reason, **delta}, "usage": {"output_tokens": 7}}


def read(*events: dict[str, Any]) -> list[dict[str, Any]]:
    """What a provider's events are as chunks, each of which the official types take."""
    reader = messages.EventReader("p")
    chunks: list[dict[str, Any]] = []
    for each in events:
        chunks += reader.read(each["type"], msgspec.json.encode(each))
    assert reader.done == any(each["type"] == "message_stop" for each in events)
    for chunk in chunks:
        ChatCompletionChunk.model_validate(chunk, strict=True)
    return chunks


def gathered(chunks: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The completion that the official client makes of chunks."""
    state = ChatCompletionStreamState()
    for chunk in chunks:
        state.handle_chunk(ChatCompletionChunk.model_validate(chunk))
    completion: dict[str, Any] = state.current_completion_snapshot.model_dump(exclude_none=True)
    return completion


def chunk(finish_reason: str | None = None, **delta: Any) -> dict[str, Any]:
    head = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


def piece(index: int, arguments: str = "", *, identifier: str | None = None, name: str | None = None) -> dict[str, Any]:
    function = {"arguments": arguments, **({} if name is None else {"name": name})}
    return {"index": index, "function": function, **({} if identifier is None else {"id": identifier, "type": "function"})}


def writer(request: dict[str, Any] | None = None) -> messages.EventWriter:
    return messages.EventWriter(call_id="c-1", model="support", created_s=1, request=request or {})


def write(*chunks: dict[str, Any], request: dict[str, Any] | None = None, usage: dict[str, Any] | None = None) -> bytes:
    writing = writer(request)
    return b"".join(writing.chunk(each) for each in chunks) + writing.end({"call_id": "c-1"}, usage)


def events_of(stream: bytes) -> list[dict[str, Any]]:
    """The events of a stream that keeps to the dialect's order."""
    found = []
    for raw in stream.removesuffix(b"\n\n").split(b"\n\n"):
        name, data = raw.split(b"\n")
        event = msgspec.json.decode(data.removeprefix(b"data: "))
        assert name == b"event: " + event["type"].encode()
        EVENT.validate_python(event)
        found.append(event)
    check_order(found)
    return found


def check_order(events: list[dict[str, Any]]) -> None:
    kinds = [each["type"] for each in events]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    expected, is_open = 0, False
    for each in events[1:-2]:
        assert each["index"] == expected, each
        if each["type"] == "content_block_start":
            assert not is_open
            is_open = True
        elif each["type"] == "content_block_stop":
            assert is_open
            is_open, expected = False, expected + 1
        else:
            assert each["type"] == "content_block_delta"
            assert is_open
    assert not is_open


def accumulated(stream: bytes, status: int = 200) -> ParsedMessage[Any]:
    """The message that the official client makes of a stream."""
    head = {"content-type": "text/event-stream"}
    transport = httpx2.MockTransport(lambda _: httpx2.Response(status, content=stream, headers=head))
    http = httpx2.Client(transport=transport)
    with (
        anthropic.Anthropic(api_key="x", base_url="http://gateway.test", max_retries=0, http_client=http) as client,
        client.messages.stream(model="m", max_tokens=5, messages=[{"role": "user", "content": "hi"}]) as asking,
    ):
        return asking.get_final_message()


def content(stream: bytes) -> list[dict[str, Any]]:
    events_of(stream)
    return [each.model_dump(exclude_none=True) for each in accumulated(stream).content]


# --- reading ---


def test_a_stream_of_text() -> None:
    chunks = read(START, {"type": "ping"}, *text_block(0, "Hel", "lo"), ended(), STOP)
    assert [each["choices"][0]["delta"] for each in chunks[:-2]] == [
        {"role": "assistant", "content": ""},
        {"content": "Hel"},
        {"content": "lo"},
    ]
    assert chunks[-2]["choices"] == [{"index": 0, "delta": {}, "finish_reason": "stop"}]
    assert chunks[-1]["usage"] == {
        "prompt_tokens": 15,
        "completion_tokens": 7,
        "total_tokens": 22,
        "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 0},
    }
    assert all(each["id"] == "msg_1" and each["model"] == "claude" for each in chunks)


def test_a_stream_of_tool_calls() -> None:
    events = [*text_block(0, "I look."), *tool_block(1, "a", '{"x"', ":1}"), *tool_block(2, "b", "")]
    [choice] = gathered(read(START, *events, ended("tool_use"), STOP))["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == "I look."
    calls = [(each["id"], each["function"]["arguments"]) for each in choice["message"]["tool_calls"]]
    assert calls == [("a", '{"x":1}'), ("b", "{}")]


def test_a_call_whose_input_came_at_its_start() -> None:
    head = {"type": "tool_use", "id": "a", "name": "look", "input": {"x": 1}}
    [choice] = gathered(read(START, *block(0, head), ended("tool_use"), STOP))["choices"]
    assert choice["message"]["tool_calls"][0]["function"]["arguments"] == '{"x":1}'


def test_thinking_and_its_layout_are_what_a_plain_answer_has() -> None:
    thought = {"type": "thinking", "thinking": "", "signature": ""}
    events = [
        *text_block(0, "First"),
        *block(1, thought, {"type": "thinking_delta", "thinking": "hm"}, {"type": "signature_delta", "signature": "sig"}),
        *block(2, {"type": "redacted_thinking", "data": "opaque"}),
        *block(3, {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}),
        *text_block(4, "then"),
        *tool_block(5, "a", "{}"),
    ]
    whole = [
        {"type": "text", "text": "First"},
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "opaque"},
        {"type": "text", "text": "then"},
        {"type": "tool_use", "id": "a", "name": "look", "input": {}},
    ]
    plain = messages.read_completion({"type": "message", "content": whole, "stop_reason": "tool_use"}, "p")["choices"][0][
        "message"
    ]
    streamed = gathered(read(START, *events, ended("tool_use"), STOP))["choices"][0]["message"]
    assert streamed["anthropic"] == plain["anthropic"]
    assert streamed["reasoning_content"] == plain["reasoning_content"] == "hm"
    assert streamed["content"] == plain["content"] == "Firstthen"


@pytest.mark.parametrize(
    "events", [[*tool_block(0, "a", "{}"), *text_block(1, "so")], [*text_block(0, "a"), *text_block(1, "b")]]
)
def test_blocks_in_another_order_than_a_chats_have_a_layout(events: list[dict[str, Any]]) -> None:
    [choice] = gathered(read(START, *events, ended("tool_use"), STOP))["choices"]
    heads = [each["content_block"]["type"] for each in events if each["type"] == "content_block_start"]
    assert [each["type"] for each in choice["message"]["anthropic"]["blocks"]] == heads


def test_why_a_stream_stopped() -> None:
    details = {"type": "refusal", "explanation": "No malware."}
    [choice] = gathered(read(START, ended("refusal", stop_details=details), STOP))["choices"]
    assert choice["finish_reason"] == "content_filter"
    assert choice["message"]["refusal"] == "No malware."
    [choice] = gathered(read(START, *text_block(0, "x"), ended("stop_sequence", stop_sequence="END"), STOP))["choices"]
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["anthropic"] == {"stop_reason": "stop_sequence", "stop_sequence": "END"}


def test_what_is_not_known_is_passed_over() -> None:
    odd = {"type": "something_new", "delta": "text", "index": "x"}
    cited = {"type": "citations_delta", "citation": {"type": "char_location"}}
    events = block(0, {"type": "text", "text": ""}, {"type": "new_delta"}, cited, {"type": "text_delta", "text": "x"})
    assert gathered(read(START, odd, *events, ended(), STOP))["choices"][0]["message"]["content"] == "x"


def test_what_follows_the_end_is_left_unread() -> None:
    reader = messages.EventReader("p")
    for each in (START, ended(), STOP):
        reader.read(None, msgspec.json.encode(each))
    assert reader.done
    assert reader.read(None, b"[DONE]") == []


def test_counts_that_are_not_told_are_unknown() -> None:
    start = {"type": "message_start", "message": {"id": "m"}}
    assert all("usage" not in each for each in read(start, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, STOP))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[DONE]",
        b"3",
        b"{}",
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}',
        b'{"type":"content_block_stop","index":0}',
        b'{"type":"content_block_start","index":0}',
        b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":3}}',
        b'{"type":"message_start"}',
        b'{"type":"message_delta","usage":"x"}',
        b'{"type":"ping\xff"}',
    ],
)
def test_a_malformed_event(data: bytes) -> None:
    with pytest.raises(UpstreamError, match="provider p: its stream holds a malformed event"):
        messages.EventReader("p").read(None, data)


def test_blocks_come_one_after_the_other() -> None:
    first, second = text_block(0, "x"), text_block(1, "y")
    for events in ([first[0], second[0]], [first[0], second[1]], [first[0], second[2]], [first[0], STOP]):
        with pytest.raises(UpstreamError, match="malformed"):
            read(START, *events)


def test_an_error_event() -> None:
    with pytest.raises(UpstreamError, match=r"provider p: its stream reports an error \(overloaded_error\)"):
        read(START, {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}})


# --- writing ---


def test_text_is_one_block() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 2}}
    stream = write(
        chunk(role="assistant", content=""), chunk(content='Say "hé'), chunk(content="llo"), chunk("stop"), usage=usage
    )
    assert content(stream) == [{"type": "text", "text": 'Say "héllo'}]
    message = accumulated(stream)
    assert message.id == "msg_c-1"
    assert message.model == "support"
    assert message.stop_reason == "end_turn"
    assert (message.usage.input_tokens, message.usage.output_tokens, message.usage.cache_read_input_tokens) == (7, 4, 2)
    assert events_of(stream)[-1] == {"type": "message_stop", "groundcrew": {"call_id": "c-1"}}


def test_the_usage_chunk_counts_where_nothing_else_is_told() -> None:
    counted = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    assert accumulated(write(chunk("stop", content="x"), counted)).usage.input_tokens == 3


def test_each_chunk_leaves_as_whole_events() -> None:
    writing = writer()
    for each in (chunk(role="assistant"), chunk(content="a"), chunk(tool_calls=[piece(0, "{", identifier="c", name="f")])):
        assert writing.chunk(each).endswith(b"\n\n")
    assert writing.chunk(chunk("stop")) == b""


def test_an_empty_answer() -> None:
    assert content(writer().end(None, None)) == []
    message = accumulated(write(chunk(role="assistant", content="")))
    assert message.stop_reason == "end_turn"
    assert message.content == []


def test_parallel_calls_one_after_the_other() -> None:
    writing = writer()
    first = writing.chunk(chunk(content="I look.", tool_calls=[piece(0, identifier="a", name="f"), piece(0, '{"x":1}')]))
    second = writing.chunk(chunk(tool_calls=[piece(1, '{"y"', identifier="b", name="g")]))
    assert b'"b"' in second, "the first call is complete, so the second one need not wait"
    stream = first + second + writing.chunk(chunk("tool_calls", tool_calls=[piece(1, ":2}")])) + writing.end({}, None)
    assert content(stream) == [
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
        {"type": "tool_use", "id": "b", "name": "g", "input": {"y": 2}},
    ]
    assert accumulated(stream).stop_reason == "tool_use"


def test_parallel_calls_in_turns_with_text_in_between() -> None:
    stream = write(
        chunk(tool_calls=[piece(0, '{"x":', identifier="a", name="f"), piece(1, '{"y":', identifier="b", name="g")]),
        chunk(tool_calls=[piece(1, "2"), piece(0, "[1")]),
        chunk(content="and "),
        chunk(content="so"),
        chunk(tool_calls=[piece(0, "]}"), piece(1, "}")]),
        chunk("tool_calls", content=" on"),
    )
    assert content(stream) == [
        {"type": "tool_use", "id": "a", "name": "f", "input": {"x": [1]}},
        {"type": "text", "text": "and so"},
        {"type": "tool_use", "id": "b", "name": "g", "input": {"y": 2}},
        {"type": "text", "text": " on"},
    ]


def test_a_call_is_not_complete_where_a_part_of_it_is() -> None:
    stream = write(
        chunk(tool_calls=[piece(0, '{"x":{"y":1}', identifier="a", name="f"), piece(1, "{}", identifier="b", name="g")]),
        chunk("tool_calls", tool_calls=[piece(0, "}")]),
    )
    assert [each["input"] for each in content(stream)] == [{"x": {"y": 1}}, {}]


def test_calls_without_arguments_identifiers_or_names() -> None:
    stream = write(
        chunk(tool_calls=[piece(0, name="f"), piece(1, identifier="b")]),
        chunk(tool_calls=[{"index": 1, "function": {"name": "g"}}, piece(2, "{}", identifier="c")]),
        chunk("stop"),
    )
    assert content(stream) == [
        {"type": "tool_use", "id": "toolu_c-1_0", "name": "f", "input": {}},
        {"type": "tool_use", "id": "b", "name": "g", "input": {}},
        {"type": "tool_use", "id": "c", "name": "", "input": {}},
    ]
    assert accumulated(stream).stop_reason == "tool_use"


def test_a_call_does_not_go_on_after_its_end() -> None:
    writing = writer()
    writing.chunk(chunk(tool_calls=[piece(0, '{"x":1}', identifier="a", name="f"), piece(1, "{", identifier="b", name="g")]))
    writing.chunk(chunk(tool_calls=[piece(0, " \n")]))
    with pytest.raises(UpstreamError, match="after its end"):
        writing.chunk(chunk(tool_calls=[piece(0, "}")]))


def test_what_waits_is_bounded() -> None:
    writing = writer()
    writing.chunk(chunk(tool_calls=[piece(0, "{", identifier="a", name="f")]))
    for _ in range(4):
        writing.chunk(chunk(content="x" * 1024 * 1024))
    with pytest.raises(UpstreamError, match="wait for a tool call"):
        writing.chunk(chunk(content="x"))
    writing = writer()
    with pytest.raises(UpstreamError, match="more than 128 tool calls"):
        writing.chunk(chunk(tool_calls=[piece(index, name="f") for index in range(129)]))


def test_a_refusal_is_text_that_is_marked() -> None:
    stream = write(chunk(refusal="I may "), chunk("stop", refusal="not."))
    assert content(stream) == [{"type": "text", "text": "I may not."}]
    assert accumulated(stream).stop_reason == "refusal"


def test_reasoning_is_shown_to_those_who_ask_for_thinking() -> None:
    chunks = [chunk(reasoning_content="h"), chunk(reasoning_content="m"), chunk("stop", content="yes")]
    assert content(write(*chunks)) == [{"type": "text", "text": "yes"}]
    assert content(write(*chunks, request={"thinking": {"type": "adaptive"}})) == [
        {"type": "thinking", "thinking": "hm", "signature": ""},
        {"type": "text", "text": "yes"},
    ]


def test_only_the_first_choice_is_written() -> None:
    other = {"choices": [{"index": 1, "delta": {"content": "no"}, "finish_reason": "length"}]}
    stream = write(chunk(content="yes"), other, chunk("stop"))
    assert content(stream) == [{"type": "text", "text": "yes"}]
    assert accumulated(stream).stop_reason == "end_turn"


@pytest.mark.parametrize("delta", [{"content": 3}, {"tool_calls": "x"}, {"tool_calls": [{"index": "x"}]}, {"anthropic": []}])
def test_a_malformed_chunk(delta: dict[str, Any]) -> None:
    with pytest.raises(UpstreamError, match="malformed chunk"):
        writer().chunk(chunk(**delta))


def test_an_error_reaches_the_client() -> None:
    writing = writer()
    stream = writing.chunk(chunk(content="x")) + writing.error("kill_switch", "Stopped.", 503)
    with pytest.raises(anthropic.APIStatusError) as caught:
        accumulated(stream)
    body: Any = caught.value.body
    assert body["error"] == {"type": "overloaded_error", "message": "Stopped.", "code": "kill_switch"}


def test_a_held_answer_is_an_event_and_an_empty_message() -> None:
    report = {"status": "pending_sign_off", "sign_off_id": "s-1"}
    stream = writer().held(report)
    name, data = stream.split(b"\n\n")[0].split(b"\n")
    assert name == b"event: held"
    assert msgspec.json.decode(data.removeprefix(b"data: "))["groundcrew"] == report
    message = accumulated(stream, 202)
    assert message.content == []
    assert message.stop_reason is None
    assert (message.model_extra or {})["groundcrew"] == report


def test_a_stream_goes_through_both_ways_with_its_signatures() -> None:
    thought = {"type": "thinking", "thinking": "", "signature": ""}
    events = [
        *block(0, thought, {"type": "thinking_delta", "thinking": "hm"}, {"type": "signature_delta", "signature": "sig"}),
        *block(1, {"type": "redacted_thinking", "data": "opaque"}),
        *text_block(2, "First"),
        *block(3, thought, {"type": "signature_delta", "signature": "omitted"}),
        *tool_block(4, "a", '{"x":', "1}"),
    ]
    assert content(write(*read(START, *events, ended("tool_use"), STOP))) == [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "opaque"},
        {"type": "text", "text": "First"},
        {"type": "thinking", "thinking": "", "signature": "omitted"},
        {"type": "tool_use", "id": "a", "name": "look", "input": {"x": 1}},
    ]
