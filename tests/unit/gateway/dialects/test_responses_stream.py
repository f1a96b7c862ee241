"""The stream that a Responses client gets, held against the official SDK, and a native stream as chat completion chunks."""

from __future__ import annotations

import contextlib
import json
from typing import Any, get_args

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent
from pydantic import BaseModel

from groundcrew.errors import UpstreamError
from groundcrew.gateway.answer import Gathering
from groundcrew.gateway.dialects import responses
from groundcrew.gateway.dialects.responses_shapes import OUTPUT_ITEMS_MAX

#: The official type of every event, by its name.
EVENTS = {get_args(each.model_fields["type"].annotation)[0]: each for each in get_args(get_args(ResponseStreamEvent)[0])}
IDS: dict[str, Any] = {"call_id": "0199", "model": "alias", "created_s": 1_700_000_000}
REPORT = {"call_id": "0199", "status": "answered"}
USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "total_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 5},
    "completion_tokens_details": {"reasoning_tokens": 3},
}


def writer(**request: Any) -> responses.EventWriter:
    return responses.EventWriter(**IDS, request={"input": "hi", "stream": True, **request})


def chunk(finish_reason: str | None = None, *, logprobs: Any = None, **delta: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": logprobs}
    return {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "up", "choices": [choice]}


def usage_chunk() -> dict[str, Any]:
    return {**chunk(), "choices": [], "usage": USAGE}


def call_piece(index: int, *, id_: str | None = None, **function: str) -> dict[str, Any]:
    return {"index": index, **({"id": id_, "type": "function"} if id_ else {}), "function": function}


def stream(*chunks: dict[str, Any], report: Any = REPORT, usage: Any = None, **request: Any) -> bytes:
    to = writer(**request)
    return b"".join(to.chunk(each) for each in chunks) + to.end(report, usage)


def parsed(data: bytes, *, is_broken: bool = False) -> list[dict[str, Any]]:
    """The events in `data`, each of which the official type accepts, and whose order is lawful."""
    events = []
    for raw in data.decode().split("\n\n")[:-1]:
        name, line = raw.split("\n")
        body = json.loads(line.removeprefix("data: "))
        EVENTS[body["type"]].model_validate_json(line.removeprefix("data: "))
        assert name.removeprefix("event: ") in (body["type"], "held")
        events.append(body)
    assert [each["sequence_number"] for each in events] == list(range(len(events)))
    if not is_broken:
        check_order(events)
    return events


def check_order(events: list[dict[str, Any]]) -> None:
    """Items and parts are announced, continued, and closed with what was said; the response at the end holds the closed items."""
    assert [each["type"] for each in events[:2]] == ["response.created", "response.in_progress"]
    assert events[-1]["type"] in ("response.completed", "response.incomplete")
    items: dict[int, dict[str, Any]] = {}
    said: dict[tuple[int, int], str] = {}
    closed: dict[int, dict[str, Any]] = {}
    for each in events[2:-1]:
        index, kind = each["output_index"], each["type"]
        assert index not in closed
        if kind == "response.output_item.added":
            assert index == len(items)
            items[index] = each["item"]
            continue
        if kind == "response.output_item.done":
            assert each["item"]["id"] == items[index]["id"]
            closed[index] = each["item"]
            continue
        place = (index, each.get("content_index", 0))
        if kind == "response.content_part.added":
            assert place not in said
            said[place] = ""
        elif kind.endswith(".delta"):
            assert each["item_id"] == items[index]["id"]
            said[place] = said.get(place, "") + each["delta"]
        else:
            whole = each.get("part", each)
            assert said.get(place, "") == next(whole[name] for name in ("text", "refusal", "arguments", "input") if name in whole)
    assert closed.keys() == items.keys()
    assert events[-1]["response"]["output"] == [closed[index] for index in sorted(closed)]


def client(data: bytes, *, piece_bytes: int = 700) -> openai.OpenAI:
    def answer(_: httpx2.Request) -> httpx2.Response:
        pieces = (data[start : start + piece_bytes] for start in range(0, len(data), piece_bytes))
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=pieces)

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    return openai.OpenAI(api_key="k", base_url="http://gateway/v1", http_client=http, max_retries=0)


def native_events(data: bytes) -> list[tuple[str, bytes]]:
    raw = [each.split(b"\n") for each in data.split(b"\n\n")[:-1]]
    return [(name.removeprefix(b"event: ").decode(), line.removeprefix(b"data: ")) for name, line in raw]


def read(events: list[tuple[str, bytes]]) -> list[dict[str, Any]]:
    """The chunks, which the official type accepts but for custom tools, that it does not know in a stream."""
    reader = responses.EventReader("p")
    chunks = [each for name, data in events for each in reader.read(name, data)]
    assert reader.done
    for each in chunks:
        if "custom" not in json.dumps(each):
            ChatCompletionChunk.model_validate_json(json.dumps(each))
    return chunks


# Writing


def test_text_and_its_usage() -> None:
    events = parsed(
        stream(chunk(role="assistant", content=""), chunk(content="he"), chunk(content="llo"), chunk("stop"), usage_chunk())
    )
    assert [each["type"] for each in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    last = events[-1]
    assert last["groundcrew"] == last["response"]["groundcrew"] == REPORT
    assert last["response"]["usage"]["input_tokens_details"]["cached_tokens"] == 5
    assert last["response"]["usage"]["output_tokens_details"]["reasoning_tokens"] == 3
    assert all("groundcrew" not in each for each in events[:-1])


def test_usage_that_is_given_at_the_end_counts() -> None:
    events = parsed(stream(chunk("stop", content="a"), usage_chunk(), usage={"prompt_tokens": 1, "completion_tokens": 2}))
    assert events[-1]["response"]["usage"]["total_tokens"] == 3
    events = parsed(stream(chunk("stop", content="a"), report=None))
    assert events[-1]["response"]["usage"] is None
    assert "groundcrew" not in events[-1]


def test_reasoning_refusal_and_calls() -> None:
    data = stream(
        chunk(reasoning_content="h"),
        chunk(reasoning_content="m"),
        chunk(content="a"),
        chunk(refusal="no"),
        chunk(tool_calls=[call_piece(0, id_="c0", name="f", arguments="")]),
        chunk(tool_calls=[call_piece(0, arguments='{"a"'), call_piece(1, id_="c1", name="g", arguments="{")]),
        chunk(tool_calls=[call_piece(0, arguments=":1}"), call_piece(1, arguments="}")]),
        chunk("tool_calls"),
    )
    events = parsed(data)
    types = {each["type"] for each in events}
    assert {"response.reasoning_text.delta", "response.reasoning_text.done"} <= types
    assert {"response.refusal.delta", "response.refusal.done"} <= types
    assert {"response.function_call_arguments.delta", "response.function_call_arguments.done"} <= types
    output = events[-1]["response"]["output"]
    assert [each["type"] for each in output] == ["reasoning", "message", "function_call", "function_call"]
    assert [each["arguments"] for each in output[2:]] == ['{"a":1}', "{}"]
    assert [each["call_id"] for each in output[2:]] == ["c0", "c1"]


def test_a_custom_tools_call() -> None:
    pieces = [
        {"index": 0, "id": "c", "type": "custom", "custom": {"name": "sh", "input": ""}},
        {"index": 0, "custom": {"input": "ls"}},
    ]
    events = parsed(stream(*(chunk(tool_calls=[each]) for each in pieces), chunk("tool_calls")))
    assert {"response.custom_tool_call_input.delta", "response.custom_tool_call_input.done"} <= {each["type"] for each in events}
    assert events[-1]["response"]["output"][0]["input"] == "ls"


def test_a_call_without_arguments_or_identifier_is_announced_at_the_end() -> None:
    output = parsed(stream(chunk(tool_calls=[call_piece(0, name="now")]), chunk("tool_calls")))[-1]["response"]["output"]
    assert (output[0]["name"], output[0]["arguments"], output[0]["call_id"]) == ("now", "", "call_0199_0")
    output = parsed(stream(chunk("function_call", function_call={"name": "f", "arguments": "{}"})))[-1]["response"]["output"]
    assert (output[0]["name"], output[0]["arguments"]) == ("f", "{}")


@pytest.mark.parametrize(("finish_reason", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
def test_an_answer_that_was_cut_ends_as_incomplete(finish_reason: str, reason: str) -> None:
    last = parsed(stream(chunk(reasoning_content="r"), chunk(content="a"), chunk(finish_reason)))[-1]
    assert (last["type"], last["response"]["status"]) == ("response.incomplete", "incomplete")
    assert last["response"]["incomplete_details"] == {"reason": reason}
    assert [each["status"] for each in last["response"]["output"]] == ["completed", "incomplete"]


def test_logprobs_come_with_their_text() -> None:
    one = {"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": []}
    events = parsed(stream(chunk(content="a", logprobs={"content": [one]}), chunk("stop", content="b")))
    assert [each["logprobs"] for each in events if each["type"] == "response.output_text.delta"] == [[one], []]
    assert events[-1]["response"]["output"][0]["content"][0]["logprobs"] == [one]


def test_further_choices_have_no_place() -> None:
    other = {**chunk(content="b"), "choices": [{"index": 1, "delta": {"content": "b"}, "finish_reason": "length"}]}
    last = parsed(stream(chunk(content="a"), other, chunk("stop")))[-1]
    assert last["response"]["status"] == "completed"
    assert len(last["response"]["output"]) == 1


def test_an_empty_answer() -> None:
    assert parsed(stream())[-1]["response"]["output"] == []


def test_what_a_provider_wants_back_with_a_tools_result_comes_back() -> None:
    first = {**call_piece(0, id_="c0", name="f", arguments="{}"), "extra_content": {"google": {"thought_signature": "u"}}}
    chunks = [
        chunk(reasoning_content="hm"),
        chunk(anthropic={"blocks": [{"type": "thinking", "index": 0}]}),
        chunk(tool_calls=[first]),
        chunk(anthropic={"blocks": [{"index": 0, "signature": "s"}, {"type": "tool_use", "index": 1}], "more": 1}),
        chunk(gemini={"thought_signature": "t"}),
        chunk("length"),
    ]
    output = parsed(stream(*chunks))[-1]["response"]["output"]
    assert [each["status"] for each in output] == ["completed", "incomplete", "completed"]
    message = responses.to_chat({"input": output})["messages"][0]
    blocks = [{"type": "thinking", "index": 0, "signature": "s"}, {"type": "tool_use", "index": 1}]
    assert message["anthropic"] == {"blocks": blocks, "more": 1}
    assert message["gemini"] == {"thought_signature": "t"}
    assert message["tool_calls"][0]["extra_content"] == first["extra_content"]
    assert message["reasoning_content"] == "hm"
    without_calls = parsed(stream(chunk(content="a"), chunk(gemini={"thought_signature": "t"}), chunk("stop")))
    assert len(without_calls[-1]["response"]["output"]) == 1


class Place(BaseModel):
    city: str


def test_the_official_clients_accumulator_takes_it() -> None:
    data = stream(
        chunk(reasoning_content="hm"),
        chunk(content='{"city":'),
        chunk(content='"Rome"}'),
        chunk(tool_calls=[call_piece(0, id_="c0", name="weather", arguments='{"city":')]),
        chunk(
            tool_calls=[call_piece(0, arguments='"Oslo"}'), call_piece(1, id_="c1", name="weather", arguments='{"city":"Ulm"}')]
        ),
        chunk("tool_calls"),
        usage_chunk(),
    )
    tool = openai.pydantic_function_tool(Place, name="weather")
    with client(data, piece_bytes=37).responses.stream(model="m", input="hi", text_format=Place, tools=[tool]) as events:
        texts = [each.delta for each in events if each.type == "response.output_text.delta"]
        final = events.get_final_response()
    assert texts == ['{"city":', '"Rome"}']
    assert final.output_parsed == Place(city="Rome")
    assert [getattr(each, "parsed_arguments", None) for each in final.output[2:]] == [Place(city="Oslo"), Place(city="Ulm")]
    assert final.usage is not None
    assert final.usage.total_tokens == 18
    assert final.model_extra is not None
    assert final.model_extra["groundcrew"] == REPORT


def test_a_stream_that_breaks_is_raised_by_the_official_client() -> None:
    to = writer()
    data = to.chunk(chunk(content="a")) + to.error("kill_switch", "stopped by the kill switch", 503)
    events = parsed(data, is_broken=True)
    assert [each["type"] for each in events[-2:]] == ["error", "response.failed"]
    assert events[-2]["code"] == "kill_switch"
    assert events[-1]["response"]["error"] == {"code": "server_error", "message": "stopped by the kill switch"}
    with pytest.raises(openai.APIError, match="stopped by the kill switch") as caught:
        list(client(data).responses.create(input="hi", stream=True))
    assert caught.value.code == "kill_switch"
    first = parsed(writer().error("rate_limited", "m", 429), is_broken=True)
    assert [each["type"] for each in first] == ["response.created", "response.in_progress", "error", "response.failed"]
    assert first[-1]["response"]["error"]["code"] == "rate_limit_exceeded"


def test_a_held_answer_is_a_queued_response() -> None:
    report = {"status": "pending_sign_off", "sign_off_id": "s1"}
    data = writer().held(report)
    events = parsed(data, is_broken=True)
    assert data.count(b"event: held\n") == 1
    assert [each["type"] for each in events] == ["response.created", "response.queued"]
    assert events[-1]["groundcrew"] == events[-1]["response"]["groundcrew"] == report
    assert events[-1]["response"]["output"] == []
    assert [each.type for each in client(data).responses.create(input="hi", stream=True)] == [
        "response.created",
        "response.queued",
    ]


@pytest.mark.parametrize("bad", [{"choices": 3}, {"choices": [{"delta": {"content": 3}}]}, {"usage": {"prompt_tokens": "a"}}])
def test_a_malformed_chunk_is_the_upstreams_error(bad: dict[str, Any]) -> None:
    with pytest.raises(UpstreamError):
        writer().chunk(bad)
    with pytest.raises(UpstreamError):
        writer().chunk_json(json.dumps(bad).encode())


def test_a_chunk_may_still_be_json() -> None:
    chunks = [
        chunk(content="a"),
        chunk(tool_calls=[call_piece(0, id_="c", name="f", arguments="{}")]),
        chunk("stop"),
        usage_chunk(),
    ]
    one, other = writer(), writer()
    assert [one.chunk_json(json.dumps(each).encode()) for each in chunks] == [other.chunk(each) for each in chunks]
    with pytest.raises(UpstreamError):
        one.chunk_json(b"no json")


def test_a_stream_has_a_limit_of_items() -> None:
    calls = [call_piece(index, id_="c", name="f") for index in range(OUTPUT_ITEMS_MAX + 1)]
    with pytest.raises(UpstreamError, match="more than"):
        stream(*(chunk(tool_calls=[each]) for each in calls))
    with pytest.raises(UpstreamError, match="more than"):
        stream(*[chunk(reasoning_content="a", content="b")] * OUTPUT_ITEMS_MAX)


# Reading


def native(type_: str, **members: Any) -> tuple[str, bytes]:
    return type_, json.dumps({"type": type_, "sequence_number": 0, **members}).encode()


def ended(*output: dict[str, Any], **members: Any) -> tuple[str, bytes]:
    response = {"id": "resp_1", "created_at": 1, "model": "up", "status": "completed", "output": list(output), **members}
    return native("response.completed", response=response)


def message(text: str) -> dict[str, Any]:
    return {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": text}]}


def gathered(events: list[tuple[str, bytes]]) -> Any:
    gathering = Gathering("p")
    for each in read(events):
        gathering.read(json.dumps(each).encode())
    return gathering.generated()


def test_a_native_stream_is_gathered() -> None:
    call = {"type": "function_call", "id": "fc", "call_id": "c", "name": "f", "arguments": ""}
    whole = {**call, "arguments": '{"a":1}', "status": "completed"}
    usage = {"input_tokens": 4, "output_tokens": 6, "input_tokens_details": {"cached_tokens": 2}}
    found = gathered(
        [
            native(
                "response.created",
                response={"id": "resp_1", "created_at": 1, "model": "up", "status": "in_progress", "output": []},
            ),
            native("response.output_item.added", output_index=0, item={"type": "message", "id": "m", "content": []}),
            native("response.output_text.delta", output_index=0, content_index=0, delta="he"),
            native("response.output_text.delta", output_index=0, content_index=0, delta="llo"),
            native("response.output_text.done", output_index=0, content_index=0, text="hello"),
            native("response.output_item.done", output_index=0, item=message("hello")),
            native("response.output_item.added", output_index=1, item=call),
            native("response.function_call_arguments.delta", output_index=1, delta='{"a"'),
            native("response.function_call_arguments.delta", output_index=1, delta=":1}"),
            native("response.output_item.done", output_index=1, item=whole),
            native("some.new.event", delta={"a": 1}, item=3),
            ended({**message("hello"), "id": "another"}, whole, usage=usage),
        ]
    )
    assert (found.text, found.side_text, found.finish_reason) == ("hello", "", "tool_calls")
    assert found.tool_calls == [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}]
    assert (found.usage.prompt_tokens, found.usage.completion_tokens) == (4, 6)


def test_usage_has_its_details() -> None:
    details = {"input_tokens_details": {"cached_tokens": 2}, "output_tokens_details": {"reasoning_tokens": 3}}
    usage = read([ended(usage={"input_tokens": 4, "output_tokens": 6, **details})])[-1]["usage"]
    assert usage["prompt_tokens_details"] == {"cached_tokens": 2}
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 3}


def test_what_deltas_leave_out_is_read_at_the_end() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    thought = {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "hm"}]}
    assert gathered([native("response.output_item.done", output_index=0, item=message("a")), ended()]).text == "a"
    found = gathered([ended(thought, message("a"), call)])
    assert (found.text, found.side_text) == ("a", "hm")
    assert found.tool_calls == [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    search = {"type": "mcp_call", "id": "s", "output": "told by a tool"}
    found = gathered([native("response.output_item.done", output_index=0, item=search), ended(search)])
    assert found.side_text.count("told by a tool") == 1
    announced = native("response.output_item.added", output_index=0, item={**call, "arguments": ""})
    assert gathered([announced, ended(call)]).tool_calls[0]["function"]["arguments"] == "{}"


def test_a_stream_that_contradicts_itself_is_read_in_both_ways() -> None:
    delta = native("response.output_text.delta", output_index=0, delta="a")
    found = gathered([delta, ended(message("something else"))])
    assert found.text == "a"
    assert "something else" in found.side_text
    done = native("response.output_item.done", output_index=0, item=message("a"))
    assert "something else" in gathered([delta, done, ended(message("something else"))]).side_text
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    added = native("response.output_item.added", output_index=0, item=call)
    assert "rm -r" in gathered([added, ended({**call, "arguments": "rm -r"})]).side_text


def test_reasoning_in_several_parts_is_read_once() -> None:
    thought = {
        "type": "reasoning",
        "id": "r",
        "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
    }
    deltas = [
        native("response.reasoning_summary_text.delta", output_index=0, summary_index=i, delta=t) for i, t in enumerate("ab")
    ]
    assert gathered([*deltas, ended(thought)]).side_text == "ab"
    assert gathered([native("response.reasoning_text.delta", output_index=0, delta="x"), ended()]).side_text == "x"


def test_an_incomplete_stream() -> None:
    response = {"status": "incomplete", "output": [], "incomplete_details": {"reason": "max_output_tokens"}}
    assert gathered([native("response.incomplete", response=response)]).finish_reason == "length"


def test_a_stream_is_not_done_before_its_end() -> None:
    reader = responses.EventReader("p")
    assert reader.read(None, b"[DONE]") == []
    assert reader.read(*native("response.output_text.delta", delta="a")) != []
    assert not reader.done
    reader.read(*ended())
    assert reader.done


FAILED = {"status": "failed", "output": [], "error": {"code": "rate_limit_exceeded", "message": "m"}}


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (native("response.failed", response=FAILED), 429),
        (native("response.failed", response={"status": "failed"}), None),
        (native("response.created", response=FAILED), 429),
        (native("error", code="server_error", message="m", param=None), 500),
        (native("error", error={"code": "insufficient_quota", "message": "m"}), 429),
        (("error", b'{"message": "m"}'), None),
        ((None, b'{"error": {"message": "m"}}'), None),
        ((None, b"{}"), None),
        ((None, b"no json"), None),
        ((None, b"[]"), None),
        ((None, b"[" * 5000), None),
        (native("response.output_text.delta", delta=3), None),
        (native("response.output_text.delta", delta="a", output_index="b"), None),
        (native("response.output_item.added", output_index=0), None),
        (native("response.output_item.done", item={"type": "message", "content": 3}), None),
        (native("response.completed"), None),
        (native("response.completed", response={"output": 3}), None),
        (ended(*[message("a")] * (OUTPUT_ITEMS_MAX + 1)), None),
    ],
)
def test_failures_and_malformed_events_are_the_upstreams_error(event: tuple[str | None, bytes], status: int | None) -> None:
    with pytest.raises(UpstreamError) as caught:
        responses.EventReader("p").read(*event)
    assert caught.value.status == status


def test_a_native_stream_has_a_limit_of_items() -> None:
    with pytest.raises(UpstreamError, match="more than"):
        read([native("response.output_text.delta", output_index=index, delta="a") for index in range(OUTPUT_ITEMS_MAX + 1)])


# Properties

SOME = st.text(min_size=1, max_size=12)
DELTAS = st.one_of(
    st.builds(lambda text: {"content": text}, SOME),
    st.builds(lambda text: {"refusal": text}, SOME),
    st.builds(lambda text: {"reasoning_content": text}, SOME),
    st.builds(lambda index, text: {"tool_calls": [{"index": index, "function": {"arguments": text}}]}, st.integers(0, 2), SOME),
)


def told(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """What the chunks tell, put together."""
    whole: dict[str, Any] = {"calls": {}}
    for each in chunks:
        for choice in each["choices"]:
            whole["finish_reason"] = choice["finish_reason"]
            for name, value in choice["delta"].items():
                if name != "tool_calls":
                    whole[name] = whole.get(name, "") + value
                for piece in value if name == "tool_calls" else ():
                    call = whole["calls"].setdefault(piece["index"], {"id": "", "name": "", "arguments": ""})
                    call["id"] += piece.get("id", "")
                    for member, text in piece["function"].items():
                        call[member] += text
    whole["calls"] = sorted(whole["calls"].values(), key=lambda call: call["id"])
    return whole


@settings(max_examples=50)
@given(st.lists(DELTAS, max_size=8), st.sampled_from(["stop", "length", "content_filter"]))
def test_a_stream_survives_and_tells_what_the_plain_answer_tells(deltas: list[dict[str, Any]], finish_reason: str) -> None:
    begun: set[int] = set()
    for delta in deltas:
        for piece in delta.get("tool_calls", ()):
            if piece["index"] not in begun:
                begun.add(piece["index"])
                piece["id"] = f"c{piece['index']}"
                piece["function"]["name"] = f"f{piece['index']}"
    chunks = [*(chunk(**each) for each in deltas), chunk(finish_reason)]
    data = stream(*chunks, usage_chunk())
    events = parsed(data)
    back = read(native_events(data))
    before, after = told(chunks), told(back)
    if finish_reason == "stop" and before["calls"]:
        before["finish_reason"] = "tool_calls"
    assert after == before
    assert back[-1]["usage"] == USAGE
    plain = responses.read_completion(events[-1]["response"], "p")["choices"][0]["message"]
    assert (plain["content"] or "") == before.get("content", "")
    assert plain.get("refusal", "") == before.get("refusal", "")
    assert plain.get("reasoning_content", "").replace("\n", "") == before.get("reasoning_content", "").replace("\n", "")


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
TYPES = st.sampled_from(
    [
        *("response.created", "response.output_text.delta", "response.output_item.added", "response.output_item.done", "error"),
        *(
            "response.completed",
            "response.failed",
            "response.function_call_arguments.delta",
            "message",
            "function_call",
            "reasoning",
        ),
    ]
)
NAMES = st.sampled_from(
    [
        *("type", "delta", "item", "response", "output", "output_index", "content", "text", "code", "error", "choices", "usage"),
        *("tool_calls", "function", "custom", "index", "name", "finish_reason", "status"),
    ]
)
NEAR = st.recursive(
    LEAVES | TYPES, lambda each: st.lists(each, max_size=3) | st.dictionaries(NAMES, each, max_size=4), max_leaves=10
)


@settings(max_examples=60)
@given(st.lists(st.dictionaries(NAMES, NEAR, max_size=4), max_size=3), st.none() | TYPES)
def test_any_json_is_read_or_an_upstreams_error(bodies: list[dict[str, Any]], name: str | None) -> None:
    with contextlib.suppress(UpstreamError):
        reader = responses.EventReader("p")
        for body in bodies:
            reader.read(name, json.dumps(body).encode())
    with contextlib.suppress(UpstreamError):
        to = writer()
        for body in bodies:
            to.chunk(body)
        to.end(None, None)


@given(st.binary(max_size=30))
def test_any_bytes_are_read_or_an_upstreams_error(data: bytes) -> None:
    with contextlib.suppress(UpstreamError):
        responses.EventReader("p").read(None, data)
