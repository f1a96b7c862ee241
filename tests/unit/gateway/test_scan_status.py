"""The scan status is true to the byte: whatever guards did not read makes a scan partial, wherever it stands, and what they did
read is all that "scanned" stands for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from groundcrew.domain.guard import GuardRule
from groundcrew.domain.provider import Provider, Target
from groundcrew.domain.snapshot import KnowledgeEntry
from groundcrew.domain.use_case import Grounding
from groundcrew.testing import (
    TEST_KEY,
    FakeGrounding,
    FakeUpstream,
    MemoryGateway,
    Reply,
    Response,
    chat,
    memory_gateway,
    memory_snapshot,
    memory_use_case,
    request,
)

IBAN = "CH9300762011623852957"
#: The guard's patterns are enough here.
OWN: dict[str, Any] = {"settings": {"detect": "patterns"}, "timeout_ms": 10_000}
INPUT = GuardRule(guard="pii", on=("input",), mode="monitor", **OWN)
OUTPUT = GuardRule(guard="pii", on=("output",), mode="monitor", **OWN)
MASKED = GuardRule(guard="pii", on=("output",), action="redact", **OWN)
Build = Callable[..., MemoryGateway]


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream("Fine.") as fake:
        yield fake


@pytest.fixture
async def build(upstream: FakeUpstream, tmp_path: Path) -> Iterator[Build]:
    made: list[MemoryGateway] = []

    def make(*guards: GuardRule, api: Any = "openai", **fields: Any) -> MemoryGateway:
        grounding = fields.pop("source", None)
        provider = Provider(name="fake", api=api, base_url=upstream.url, data_classes=("pii",))
        knowledge = KnowledgeEntry(name="kb", revision="r1", folder="unused", expires_at_s=4e9)
        snapshot = memory_snapshot(
            "", use_case=memory_use_case(**fields), providers=(provider,), guards=guards, knowledge=(knowledge,)
        )
        memory = memory_gateway(snapshot, tmp_path / str(len(made)), grounding=grounding)
        made.append(memory)
        return memory

    yield make
    for memory in made:
        await memory.gateway.close()
        memory.spool.close()


async def ask(memory: MemoryGateway, path: str, **fields: Any) -> Response:
    headers = {"authorization": f"Bearer {TEST_KEY}"}
    return await request(memory.gateway, path, headers=headers, body=msgspec.json.encode(fields))


# The request.

USER = {"role": "user", "content": "hello"}
READ: list[dict[str, Any]] = [
    {},
    {"temperature": 0.5, "top_p": 1, "n": 1, "seed": 3, "max_tokens": 10, "stop": None, "tools": [], "user": None},
    {"reasoning_effort": "low", "service_tier": "auto", "verbosity": "high", "response_format": {"type": "json_object"}},
    {"logit_bias": {"50256": -100}, "store": False, "parallel_tool_calls": True, "tool_choice": "auto"},
    {"messages": [{"role": "developer", "content": "be kind"}, USER]},
    {"messages": [USER, {"role": "tool", "tool_call_id": "call_AbCd3Ef1G5h6J9xyzXYZ12", "content": "20"}]},
    {"messages": [USER, {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "20"}]}]},
    {"messages": [{"role": "user", "content": "hello", "name": None}]},
]
UNREAD: dict[str, dict[str, Any]] = {
    "stop sequence": {"stop": [IBAN]},
    "stop text": {"stop": IBAN},
    "predicted output": {"prediction": {"type": "content", "content": IBAN}},
    "tool's description": {"tools": [{"type": "function", "function": {"name": "f", "description": IBAN}}]},
    "function's schema": {"functions": [{"name": "f", "parameters": {"title": IBAN}}]},
    "answer's schema": {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "description": IBAN}}},
    "odd answer format": {"response_format": {"type": "text", "note": IBAN}},
    "answer format's kind": {"response_format": {"type": IBAN}},
    "tool's choice": {"tool_choice": {"type": "function", "function": {"name": IBAN}}},
    "user": {"user": IBAN},
    "metadata": {"metadata": {"who": IBAN}},
    "cache key": {"prompt_cache_key": IBAN},
    "service tier": {"service_tier": IBAN},
    "effort": {"reasoning_effort": IBAN},
    "verbosity": {"verbosity": IBAN},
    "biased text": {"logit_bias": {IBAN: 1}},
    "odd stream options": {"stream_options": {"note": IBAN}},
    "text for a flag": {"store": IBAN},
    "text for a number": {"seed": IBAN},
    "unknown member": {"note": IBAN},
    "role": {"messages": [USER, {"role": IBAN, "content": "x"}]},
    "name": {"messages": [{**USER, "name": "Anna-Meier"}]},
    "identifier": {"messages": [USER, {"role": "tool", "tool_call_id": IBAN, "content": "20"}]},
    "number as identifier": {"messages": [USER, {"role": "tool", "tool_call_id": "0791234567", "content": "20"}]},
    "number in an identifier": {"messages": [USER, {"role": "tool", "tool_call_id": "call_4111111111111111", "content": "20"}]},
    "image": {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.example/a"}}]}]},
    "sound": {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}]}]},
    "file": {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]},
    "member of a part": {"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "note": IBAN}]}]},
    "earlier call": {
        "messages": [
            USER,
            {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": IBAN}}]},
            {"role": "tool", "tool_call_id": "c", "content": "20"},
        ]
    },
    "earlier refusal": {"messages": [{"role": "assistant", "refusal": IBAN}, USER]},
    "earlier reasoning": {"messages": [{"role": "assistant", "content": "x", "reasoning_content": IBAN}, USER]},
}


@pytest.mark.parametrize("fields", READ, ids=lambda fields: ",".join(fields) or "plain")
async def test_a_request_of_which_everything_is_read_is_scanned(
    build: Build, upstream: FakeUpstream, fields: dict[str, Any]
) -> None:
    memory = build(INPUT)
    response = await chat(memory.gateway, TEST_KEY, **{"messages": [USER], **fields})
    assert (response.status, response.headers["groundcrew-scan"], memory.calls()[0].scan) == (200, "scanned", "scanned")


@pytest.mark.parametrize("fields", UNREAD.values(), ids=UNREAD.keys())
async def test_a_request_with_something_unread_is_scanned_in_part(build: Build, fields: dict[str, Any]) -> None:
    memory = build(INPUT)
    response = await chat(memory.gateway, TEST_KEY, **{"messages": [USER], **fields})
    if response.status != 400:
        scan = "partial" if response.headers["groundcrew-scan"] != "not_scanned" else "not_scanned"
        assert (response.headers["groundcrew-scan"], memory.calls()[0].scan) == (scan, scan)


OTHER_DIALECTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "responses": ("/v1/responses", {"input": "hello"}, "scanned"),
    "responses tier": ("/v1/responses", {"input": "hello", "service_tier": IBAN}, "partial"),
    "responses effort": ("/v1/responses", {"input": "hello", "reasoning": {"effort": "0791234567"}}, "partial"),
    "responses metadata": ("/v1/responses", {"input": "hello", "metadata": {"a": IBAN}}, "partial"),
    "responses call": (
        "/v1/responses",
        {"input": [{"role": "user", "content": "x"}, {"type": "function_call_output", "call_id": IBAN, "output": "20"}]},
        "partial",
    ),
    "messages": ("/v1/messages", {"messages": [USER], "max_tokens": 9, "system": "be kind"}, "scanned"),
    "messages stop": ("/v1/messages", {"messages": [USER], "max_tokens": 9, "stop_sequences": [IBAN]}, "partial"),
    "messages user": ("/v1/messages", {"messages": [USER], "max_tokens": 9, "metadata": {"user_id": IBAN}}, "partial"),
    "messages result": (
        "/v1/messages",
        {
            "messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": IBAN, "content": "20"}]}],
            "max_tokens": 9,
        },
        "partial",
    ),
    "messages tool": (
        "/v1/messages",
        {"messages": [USER], "max_tokens": 9, "tools": [{"name": "f", "input_schema": {}}]},
        "partial",
    ),
}


@pytest.mark.parametrize(("path", "fields", "scan"), OTHER_DIALECTS.values(), ids=OTHER_DIALECTS.keys())
async def test_other_dialects_tell_the_same(build: Build, path: str, fields: dict[str, Any], scan: str) -> None:
    memory = build(INPUT)
    await ask(memory, path, **fields)
    assert memory.calls()[0].scan == scan


async def test_the_titles_of_passages_are_read_like_their_texts(build: Build, upstream: FakeUpstream) -> None:
    class Titled(FakeGrounding):
        async def retrieve(self, *given: Any) -> Any:
            found = await super().retrieve(*given)
            return tuple(msgspec.structs.replace(each, title="Ask anna.meier@bank.example") for each in found)

    rules = GuardRule(guard="pii", on=("passages",), action="redact", **OWN)
    grounding = Grounding(knowledge="kb", mode="advisory")
    memory = build(rules, grounding=grounding, source=Titled("The replacement card costs CHF 20."))
    assert (await chat(memory.gateway, TEST_KEY, text="What does a replacement card cost?")).status == 200
    sent = upstream.requests[0].body["messages"][0]["content"]
    assert "anna.meier" not in sent
    assert "Ask [EMAIL]" in sent


# The answer.


def completion(message: dict[str, Any], **fields: Any) -> Reply:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop", **fields.pop("choice", {})}
    body = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], **fields}
    data = msgspec.json.encode(body)
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    return Reply(raw=[head.encode() + data])


UNREAD_ANSWERS: dict[str, Reply] = {
    "sound": completion({"content": "x", "audio": {"id": "a", "transcript": IBAN}}),
    "citation": completion({"content": "x", "annotations": [{"type": "url_citation", "url_citation": {"title": IBAN}}]}),
    "unknown member": completion({"content": "x", "reasoning": IBAN}),
    "unknown part": completion({"content": [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": IBAN}}]}),
    "odd part": completion({"content": [{"type": "text", "text": "x", "note": IBAN}]}),
    "tokens beside": completion({"content": "x"}, choice={"logprobs": {"content": [{"token": IBAN}]}}),
    "member of a choice": completion({"content": "x"}, choice={"note": IBAN}),
    "reason": completion({"content": "x"}, choice={"finish_reason": IBAN}),
    "member beside": completion({"content": "x"}, citations=[IBAN]),
    "a second choice's call": completion(
        {"content": "x"},
        choices=[
            {"index": 0, "message": {"role": "assistant", "content": "x"}},
            {"index": 1, "message": {"role": "assistant", "content": "x", "tool_calls": [{"id": IBAN}]}},
        ],
    ),
}


@pytest.mark.parametrize("reply", UNREAD_ANSWERS.values(), ids=UNREAD_ANSWERS.keys())
async def test_an_answer_that_leaves_with_something_unread_is_scanned_in_part(
    build: Build, upstream: FakeUpstream, reply: Reply
) -> None:
    upstream.script = reply
    monitored = build(OUTPUT)
    response = await chat(monitored.gateway, TEST_KEY, text="hello")
    assert (response.status, response.headers["groundcrew-scan"], monitored.calls()[0].scan) == (200, "partial", "partial")
    assert IBAN.encode() in response.body  # it left, and that is what the status says
    upstream.script = reply
    checked = build(MASKED)
    response = await chat(checked.gateway, TEST_KEY, text="hello")
    assert IBAN.encode() not in response.body
    assert (response.headers["groundcrew-scan"], checked.calls()[0].scan) == ("scanned", "scanned")


async def test_a_plain_answer_is_scanned(build: Build, upstream: FakeUpstream) -> None:
    upstream.script = completion({"content": "x", "refusal": None, "annotations": []}, usage=None, service_tier="default")
    memory = build(OUTPUT)
    assert (await chat(memory.gateway, TEST_KEY, text="hello")).headers["groundcrew-scan"] == "scanned"


def choice(index: int, text: str) -> dict[str, Any]:
    return {"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}


def events(*chunks: dict[str, Any]) -> Reply:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    data = b"".join(b"data: " + msgspec.json.encode(each) + b"\n\n" for each in chunks)
    return Reply(raw=[head + data + b"data: [DONE]\n\n"], then="close")


def chunk(delta: dict[str, Any], index: int = 0, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": delta, "finish_reason": None}], **fields}


END = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_the_text_of_every_choice_that_leaves_is_scanned(build: Build, upstream: FakeUpstream, stream: bool) -> None:
    texts = ("fine", f"pay to {IBAN}")
    if stream:
        upstream.script = events(*(chunk({"content": text}, index) for index, text in enumerate(texts)), END)
    else:
        upstream.script = completion({}, choices=[choice(index, text) for index, text in enumerate(texts)])
    memory = build(OUTPUT)
    response = await chat(memory.gateway, TEST_KEY, text="hello", n=2, stream=stream)
    assert IBAN.encode() in response.body
    (call,) = memory.calls()
    assert (call.guards[0].types, call.scan) == ({"IBAN": 1}, "partial")  # of further choices nothing but the text is read


UNREAD_CHUNKS: dict[str, dict[str, Any]] = {
    "unknown member": chunk({"content": "x", "reasoning": IBAN}),
    "sound": chunk({"audio": {"transcript": IBAN}}),
    "older call": chunk({"function_call": {"arguments": IBAN}}),
    "odd call": chunk({"tool_calls": [{"index": 0, "note": IBAN}]}),
    "a second choice's reasoning": chunk({"reasoning_content": IBAN}, 1),
    "tokens beside": {"choices": [{"index": 0, "delta": {"content": "x"}, "logprobs": {"content": [{"token": IBAN}]}}]},
    "member beside": chunk({"content": "x"}, citations=[IBAN]),
}


@pytest.mark.parametrize("odd", UNREAD_CHUNKS.values(), ids=UNREAD_CHUNKS.keys())
async def test_a_stream_with_something_unread_is_scanned_in_part(
    build: Build, upstream: FakeUpstream, odd: dict[str, Any]
) -> None:
    upstream.script = events(chunk({"role": "assistant", "content": "a"}), odd, END)
    memory = build(OUTPUT)
    response = await chat(memory.gateway, TEST_KEY, text="hello", stream=True)
    assert IBAN.encode() in response.body
    assert response.headers["groundcrew-scan"] != "scanned"
    assert (response.events()[-2]["groundcrew"]["scan"], memory.calls()[0].scan) == ("partial", "partial")


def native(*events: dict[str, Any]) -> Reply:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    lines = [b"event: " + each["type"].encode() + b"\ndata: " + msgspec.json.encode(each) + b"\n\n" for each in events]
    return Reply(raw=[head + b"".join(lines)], then="close")


def message(*blocks: dict[str, Any]) -> Reply:
    return native({"type": "message_start", "message": {"id": "m", "model": "m"}}, *blocks, {"type": "message_stop"})


TEXT_BLOCK = (
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}},
)
STOP_BLOCK = {"type": "content_block_stop", "index": 0}
CITED = {"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation": {"cited_text": IBAN}}}
SEARCHED = {
    "type": "content_block_start",
    "index": 0,
    "content_block": {"type": "web_search_tool_result", "content": [{"t": IBAN}]},
}


def response(*events: dict[str, Any], annotations: tuple[Any, ...] = ()) -> Reply:
    part = {"type": "output_text", "text": "x", "annotations": list(annotations)}
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}
    whole = {"id": "r", "created_at": 1, "model": "m", "status": "completed", "output": [item]}
    delta = {"type": "response.output_text.delta", "output_index": 0, "delta": "x"}
    start = {"type": "response.created", "response": {"id": "r", "created_at": 1, "model": "m", "output": []}}
    return native(start, delta, *events, {"type": "response.completed", "response": whole})


ANNOTATED = {"type": "response.output_text.annotation.added", "annotation": {"title": IBAN}}
NATIVE: dict[str, tuple[str, str, Reply, str]] = {
    "messages": ("anthropic", "/v1/messages", message(*TEXT_BLOCK, STOP_BLOCK), "scanned"),
    "citation": ("anthropic", "/v1/messages", message(*TEXT_BLOCK, CITED, STOP_BLOCK), "partial"),
    "search": ("anthropic", "/v1/messages", message(SEARCHED, STOP_BLOCK), "partial"),
    "later event": ("anthropic", "/v1/messages", message(*TEXT_BLOCK, STOP_BLOCK, {"type": "note", "text": IBAN}), "partial"),
    "responses": ("openai", "/v1/responses", response(), "scanned"),
    "annotation": ("openai", "/v1/responses", response(ANNOTATED), "partial"),
    "annotation at the end": ("openai", "/v1/responses", response(annotations=({"type": "url", "title": IBAN},)), "partial"),
    "later type": ("openai", "/v1/responses", response({"type": "response.note", "text": IBAN}), "partial"),
}


@pytest.mark.parametrize(("api", "path", "reply", "scan"), NATIVE.values(), ids=NATIVE.keys())
async def test_streams_that_go_on_in_their_own_dialect_tell_the_same(
    build: Build, upstream: FakeUpstream, api: str, path: str, reply: Reply, scan: str
) -> None:
    upstream.script = reply
    memory = build(OUTPUT, api=api)
    asked = {"messages": [USER], "max_tokens": 9} if path == "/v1/messages" else {"input": "hello"}
    found = await ask(memory, path, stream=True, **asked)
    assert (IBAN.encode() in found.body) == (scan == "partial")
    assert memory.calls()[0].scan == scan


async def test_a_plain_stream_is_scanned(build: Build, upstream: FakeUpstream) -> None:
    memory = build(OUTPUT)
    response = await chat(memory.gateway, TEST_KEY, text="hello", stream=True)
    assert (response.events()[-2]["groundcrew"]["scan"], memory.calls()[0].scan) == ("scanned", "scanned")


@pytest.mark.parametrize("rule", [OUTPUT, GuardRule(guard="commitment", on=("output",), mode="monitor")])
async def test_a_stream_that_breaks_off_before_its_guards_ran_was_not_scanned(
    build: Build, upstream: FakeUpstream, rule: GuardRule
) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    first = b"data: " + msgspec.json.encode(chunk({"content": f"pay to {IBAN}"})) + b"\n\n"
    upstream.script = Reply(raw=[head + first], then="reset")
    memory = build(INPUT, rule)
    response = await chat(memory.gateway, TEST_KEY, text="hello", stream=True)
    assert IBAN.encode() in response.body
    (call,) = memory.calls()
    assert (call.status, call.scan) == ("failed", "partial")
    assert [each.place for each in call.guards] == ["input"]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_an_escape_in_a_tool_call_hides_nothing(build: Build, upstream: FakeUpstream, stream: bool) -> None:
    hidden = '{"to": "\\u0043\\u0048' + IBAN[2:] + '"}'
    assert msgspec.json.decode(hidden) == {"to": IBAN}
    upstream.script = Reply(
        tool_calls=({"id": "c", "type": "function", "function": {"name": "pay", "arguments": hidden}},), text=""
    )
    memory = build(MASKED)
    tools = [{"type": "function", "function": {"name": "pay"}}]
    response = await chat(memory.gateway, TEST_KEY, text="hello", tools=tools, stream=stream)
    assert response.status == 200
    assert IBAN[4:].encode() not in response.body
    (call,) = memory.calls()
    assert call.guards[0].types == {"IBAN": 1}


async def test_a_shadow_says_what_of_its_policy_did_not_run(upstream: FakeUpstream, tmp_path: Path) -> None:
    provider = Provider(name="fake", api="openai", base_url=upstream.url, data_classes=("pii",))
    targets = (Target(provider="fake", model="m"), Target(provider="fake", model="trial", role="shadow", share_percent=100))
    snapshot = memory_snapshot("", providers=(provider,), targets=targets, guards=(MASKED, OUTPUT))
    memory = memory_gateway(snapshot, tmp_path)
    assert (await chat(memory.gateway, TEST_KEY, text="hello")).status == 200
    assert await memory.gateway.shadows.drained(5.0)
    answered, shadow = sorted(memory.calls(), key=lambda call: call.shadow_of is not None)
    assert (answered.scan, shadow.scan) == ("scanned", "partial")
    await memory.gateway.close()
    memory.spool.close()
