"""What must hold of any request, answer and stream in the Anthropic Messages dialect."""

from __future__ import annotations

import contextlib
import copy
import itertools
from typing import Any

import msgspec
from anthropic.types import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from groundcrew.errors import RefusedCall, UpstreamError
from groundcrew.gateway.dialects import messages

few = settings(max_examples=30, deadline=None)

words = st.text(max_size=12)
some = st.text(min_size=1, max_size=12)
ids = st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words
json = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=8)
objects = st.dictionaries(words, json, max_size=3)


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def one_of(**shapes: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Blocks by their type."""
    return st.one_of(*(shape.map(lambda block, kind=kind: {"type": kind, **block}) for kind, shape in shapes.items()))


def answered() -> st.SearchStrategy[list[dict[str, Any]]]:
    """The blocks of an answer, in any order."""
    block = one_of(
        text=st.fixed_dictionaries({"text": some}),
        thinking=st.fixed_dictionaries({"thinking": words, "signature": some}),
        redacted_thinking=st.fixed_dictionaries({"data": some}),
        tool_use=st.fixed_dictionaries({"id": ids, "name": ids, "input": objects}),
    )
    key = lambda each: each["id"] if each["type"] == "tool_use" else id(each)  # noqa: E731
    return st.lists(block, max_size=5, unique_by=key)


counts = st.integers(0, 10_000)
usages = st.fixed_dictionaries(
    {"input_tokens": counts, "output_tokens": counts, "cache_read_input_tokens": counts, "cache_creation_input_tokens": counts}
)


@st.composite
def answers(draw: st.DrawFn) -> dict[str, Any]:
    """A provider's message."""
    content = draw(answered())
    reasons = ["max_tokens", "stop_sequence", "pause_turn", "refusal", "model_context_window_exceeded"]
    called = any(each["type"] == "tool_use" for each in content)
    reason = draw(st.sampled_from([*reasons, "tool_use" if called else "end_turn"]))
    sequence = draw(some) if reason == "stop_sequence" else None
    head = {"id": "msg_c", "type": "message", "role": "assistant", "model": "claude"}
    return {**head, "content": content, "stop_reason": reason, "stop_sequence": sequence, "usage": draw(usages)}


def write(completion: dict[str, Any]) -> dict[str, Any]:
    return messages.write_completion(completion, call_id="c", model="claude", created_s=1, request={})


@few
@given(answers())
def test_an_answer_survives_the_way_through_a_completion(answer: dict[str, Any]) -> None:
    completion = messages.read_completion(answer, "p")
    ChatCompletion.model_validate(completion, strict=True)
    written = write(completion)
    Message.model_validate(written, strict=True)
    assert joined(written.pop("content")) == joined(answer["content"])
    assert written == {name: value for name, value in answer.items() if name != "content"}


def joined(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Blocks with neighbouring texts as one: a chat completion tells them apart only beside thinking."""
    found: list[dict[str, Any]] = []
    for block in blocks:
        if block["type"] == "text" and found and found[-1]["type"] == "text":
            found[-1] = text(found[-1]["text"] + block["text"])
        else:
            found.append(block)
    return found


def cut(value: str, at: list[int]) -> list[str]:
    places = sorted({min(each, len(value)) for each in at} | {0, len(value)})
    return [value[start:end] for start, end in itertools.pairwise(places)]


def streamed(answer: dict[str, Any], at: list[int]) -> list[dict[str, Any]]:
    """The events that a provider would send for a message."""
    empty = {**answer, "content": [], "stop_reason": None, "stop_sequence": None}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": empty}]
    for index, block in enumerate(answer["content"]):
        head, deltas = dict(block), []
        if block["type"] == "text":
            head["text"] = ""
            deltas = [{"type": "text_delta", "text": each} for each in cut(block["text"], at)]
        elif block["type"] == "thinking":
            head |= {"thinking": "", "signature": ""}
            deltas = [{"type": "thinking_delta", "thinking": each} for each in cut(block["thinking"], at)]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        elif block["type"] == "tool_use":
            head["input"] = {}
            given = msgspec.json.encode(block["input"]).decode() if block["input"] else ""
            deltas = [{"type": "input_json_delta", "partial_json": each} for each in cut(given, at)]
        events.append({"type": "content_block_start", "index": index, "content_block": head})
        events += [{"type": "content_block_delta", "index": index, "delta": each} for each in deltas]
        events.append({"type": "content_block_stop", "index": index})
    delta = {name: answer[name] for name in ("stop_reason", "stop_sequence")}
    return [*events, {"type": "message_delta", "delta": delta, "usage": answer["usage"]}, {"type": "message_stop"}]


def read(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    reader = messages.EventReader("p")
    chunks = [chunk for each in events for chunk in reader.read(each["type"], msgspec.json.encode(each))]
    assert reader.done
    return chunks


cuts = st.lists(st.integers(0, 40), max_size=4)


@few
@given(answers(), cuts)
def test_a_stream_gathers_to_the_plain_answer(answer: dict[str, Any], at: list[int]) -> None:
    state = ChatCompletionStreamState()
    usage = None
    for chunk in read(streamed(answer, at)):
        usage = chunk.get("usage") or usage
        if chunk["choices"]:
            state.handle_chunk(ChatCompletionChunk.model_validate(chunk))
    [choice] = messages.read_completion(answer, "p")["choices"]
    gathered = state.current_completion_snapshot.choices[0].model_dump(exclude_none=True)
    message = {name: value for name, value in choice["message"].items() if value is not None}
    calls = message.get("tool_calls", [])
    for call, other in zip(calls, gathered["message"].get("tool_calls", []), strict=True):
        other.pop("index", None)
        assert msgspec.json.decode(other["function"].pop("arguments")) == msgspec.json.decode(call["function"].pop("arguments"))
    content = gathered["message"].pop("content", "")
    assert content == message.pop("content", "")
    gathered["message"].pop("parsed", None)
    for call in gathered["message"].get("tool_calls", []):
        call["function"].pop("parsed_arguments", None)
    assert gathered["message"] == message
    assert gathered["finish_reason"] == choice["finish_reason"]
    assert usage == messages.read_completion(answer, "p")["usage"]


def gather(stream: bytes) -> dict[str, Any]:
    """The message that a stream's events make, by the dialect's rules."""
    message: dict[str, Any] = {}
    pieces: dict[int, str] = {}
    for raw in stream.removesuffix(b"\n\n").split(b"\n\n"):
        event = msgspec.json.decode(raw.split(b"\n")[1].removeprefix(b"data: "))
        if event["type"] == "message_start":
            message = event["message"]
        elif event["type"] == "content_block_start":
            assert event["index"] == len(message["content"])
            message["content"].append(event["content_block"])
        elif event["type"] == "content_block_delta":
            assert event["index"] == len(message["content"]) - 1
            delta = {name: value for name, value in event["delta"].items() if name != "type"}
            if "partial_json" in delta:
                pieces[event["index"]] = pieces.get(event["index"], "") + delta["partial_json"]
            else:
                for name, value in delta.items():
                    message["content"][-1][name] += value
        elif event["type"] == "message_delta":
            message |= event["delta"]
            message["usage"] = event["usage"]
    for index, piece in pieces.items():
        message["content"][index]["input"] = msgspec.json.decode(piece)
    return message


@few
@given(answers(), cuts)
def test_a_stream_survives_the_way_through_chunks(answer: dict[str, Any], at: list[int]) -> None:
    writer = messages.EventWriter(call_id="c", model="claude", created_s=1, request={})
    stream = b"".join(writer.chunk(each) for each in read(streamed(answer, at))) + writer.end(None, None)
    written = gather(stream)
    assert joined(written.pop("content")) == joined(answer["content"])
    assert written == {name: value for name, value in answer.items() if name != "content"}


calls = st.lists(st.tuples(ids, ids, objects), max_size=3, unique_by=lambda each: each[0])


@few
@given(words, calls, st.randoms(use_true_random=False))
def test_pieces_in_any_mixture_are_the_same_answer(said: str, called: list[Any], random: Any) -> None:
    """The pieces of the text and of each call keep their order, and nothing else of it."""
    queues: list[list[dict[str, Any]]] = [[{"content": each} for each in said]]
    for index, (identifier, name, arguments) in enumerate(called):
        head = {"index": index, "id": identifier, "type": "function", "function": {"name": name, "arguments": ""}}
        given = msgspec.json.encode(arguments).decode()
        pieces = [{"index": index, "function": {"arguments": given[at : at + 3]}} for at in range(0, len(given), 3)]
        queues.append([{"tool_calls": [each]} for each in (head, *pieces)])
    writer = messages.EventWriter(call_id="c", model="m", created_s=1, request={})
    stream = b""
    while queues := [each for each in queues if each]:
        stream += writer.chunk({"choices": [{"index": 0, "delta": random.choice(queues).pop(0)}]})
    written = gather(stream + writer.end(None, None))["content"]
    assert "".join(each["text"] for each in written if each["type"] == "text") == said
    found = sorted(
        (each["id"], each["name"], msgspec.json.encode(each["input"])) for each in written if each["type"] == "tool_use"
    )
    assert found == sorted((identifier, name, msgspec.json.encode(arguments)) for identifier, name, arguments in called)


# --- requests ---

images = one_of(
    image=st.fixed_dictionaries(
        {
            "source": st.sampled_from(
                [
                    {"type": "base64", "media_type": "image/png", "data": "AAAA"},
                    {"type": "url", "url": "https://example.test/a.png"},
                ]
            )
        }
    )
)
texts = st.builds(text, some)
results = one_of(
    tool_result=st.fixed_dictionaries({"tool_use_id": ids, "content": some | st.lists(texts, min_size=1, max_size=2)})
)
user_turns = st.builds(
    lambda first, rest: {"role": "user", "content": [*first, *rest]},
    st.lists(results, max_size=2),
    st.lists(texts | images, min_size=1, max_size=3),
)
assistant_turns = answered().filter(bool).map(lambda content: {"role": "assistant", "content": content})
conversations = st.lists(st.tuples(user_turns, assistant_turns), max_size=2).flatmap(
    lambda pairs: user_turns.map(lambda last: [*(each for pair in pairs for each in pair), last])
)
requests = st.builds(
    lambda turns, system: {
        "model": "m",
        "max_tokens": 9,
        "messages": turns,
        **({"system": [text(each) for each in system]} if system else {}),
    },
    conversations,
    st.lists(some, max_size=2),
)


def plain(request: dict[str, Any]) -> Any:
    """A request's content without the two ways of writing one text."""
    turns = []
    for turn in copy.deepcopy(request["messages"]):
        for block in turn["content"]:
            if block["type"] == "tool_result" and isinstance(block["content"], list) and len(block["content"]) == 1:
                block["content"] = block["content"][0]["text"]
        content = joined(turn["content"]) if turn["role"] == "assistant" else turn["content"]
        turns.append((turn["role"], content))
    return request.get("system"), turns


@few
@given(requests)
def test_a_request_survives_the_way_through_a_chat(request: dict[str, Any]) -> None:
    chat = messages.to_chat(copy.deepcopy(request))
    assert plain(messages.from_chat(chat, "m")) == plain(request)


chat_calls = st.lists(
    st.builds(
        lambda identifier, name, arguments: {
            "id": identifier,
            "type": "function",
            "function": {"name": name, "arguments": msgspec.json.encode(arguments).decode()},
        },
        ids,
        ids,
        objects,
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda call: call["id"],
)


@st.composite
def chats(draw: st.DrawFn) -> dict[str, Any]:
    """A chat as a person, an assistant and its tools have it."""
    given: list[dict[str, Any]] = [{"role": "system", "content": draw(some)}] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(0, 2))):
        given.append({"role": "user", "content": draw(some | st.lists(texts, min_size=2, max_size=3))})
        called = draw(st.just([]) | chat_calls)
        if called:
            given.append({"role": "assistant", "content": draw(st.none() | some), "tool_calls": called})
            given += [{"role": "tool", "tool_call_id": each["id"], "content": draw(some)} for each in called]
        else:
            given.append({"role": "assistant", "content": draw(some)})
    return {"model": "m", "max_completion_tokens": 9, "messages": [*given, {"role": "user", "content": draw(some)}]}


@few
@given(chats())
def test_a_chat_survives_the_way_through_messages(chat: dict[str, Any]) -> None:
    body = messages.from_chat(copy.deepcopy(chat), "m")
    again = messages.to_chat(body)
    expected = []
    for message in chat["messages"]:
        if message["role"] == "user" and expected and expected[-1]["role"] == "user":
            raise AssertionError("two in a row are not made here")
        expected.append(message)
    assert again["messages"] == expected
    assert {name: again[name] for name in ("model", "max_completion_tokens")} == {"model": "m", "max_completion_tokens": 9}


# --- values with something wrong in them ---


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every member of every object and list in a JSON value, as its holder and its name."""
    if isinstance(value, dict):
        return [(value, name) for name in value] + [place for each in value.values() for place in places(each)]
    if isinstance(value, list):
        return [(value, index) for index in range(len(value))] + [place for each in value for place in places(each)]
    return []


@st.composite
def spoilt(draw: st.DrawFn, sound: st.SearchStrategy[Any], wrong: st.SearchStrategy[Any]) -> Any:
    """A sound value in which up to two places hold something else, are gone, or stand under another name."""
    value = copy.deepcopy(draw(sound))
    for _ in range(draw(st.integers(0, 2))):
        found = places(value)
        if not found:
            break
        holder, name = draw(st.sampled_from(found))
        how = draw(st.sampled_from(["replace", "remove", "rename", "add"]))
        if how == "replace" or isinstance(holder, list):
            holder[name] = draw(wrong)
        elif how == "add":
            holder[draw(names)] = draw(wrong)
        else:
            left = holder.pop(name)
            if how == "rename":
                holder[draw(names)] = left
    return value


names = st.sampled_from(
    [
        *(
            "system",
            "messages",
            "role",
            "content",
            "type",
            "text",
            "thinking",
            "signature",
            "data",
            "input",
            "id",
            "name",
            "source",
        ),
        *(
            "title",
            "context",
            "tool_use_id",
            "is_error",
            "cache_control",
            "citations",
            "media_type",
            "url",
            "tools",
            "tool_choice",
        ),
        *("stop_sequences", "metadata", "user_id", "output_config", "format", "schema", "enabled", "ttl", "new", "max_tokens"),
        *(
            "image_url",
            "file",
            "file_data",
            "tool_calls",
            "function",
            "arguments",
            "tool_call_id",
            "anthropic",
            "blocks",
            "index",
        ),
        *("length", "refusal", "reasoning_content", "stop", "response_format", "delta", "usage", "choices", "message", "error"),
    ]
)
kinds = st.sampled_from(
    [
        *(
            "text",
            "image",
            "document",
            "search_result",
            "thinking",
            "redacted_thinking",
            "tool_use",
            "tool_result",
            "base64",
            "url",
        ),
        *(
            "content",
            "user",
            "assistant",
            "system",
            "ephemeral",
            "5m",
            "auto",
            "enabled",
            "tool",
            "function",
            "image_url",
            "file",
        ),
        *("", "{}", "[]", "x", "data:image/png;base64,AA", "data:text/plain;base64,AAA", "https://example.test/"),
    ]
)
odd = st.recursive(
    kinds | scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=3), max_leaves=5
)

# --- texts ---

marks = st.integers(0, 10**9).map(lambda number: f"mark{number}mark")
marked_texts = st.builds(text, marks)
shown = one_of(
    text=st.fixed_dictionaries({"text": marks}, optional={"cache_control": st.just({"type": "ephemeral"})}),
    image=st.fixed_dictionaries({"source": st.fixed_dictionaries({"type": st.just("url"), "url": marks})}),
    document=st.fixed_dictionaries(
        {
            "source": st.one_of(
                st.fixed_dictionaries({"type": st.just("text"), "media_type": st.just("text/plain"), "data": marks}),
                st.fixed_dictionaries({"type": st.just("base64"), "media_type": st.just("application/pdf"), "data": marks}),
                st.fixed_dictionaries({"type": st.just("content"), "content": marks | st.lists(marked_texts, max_size=2)}),
            )
        },
        optional={"title": marks, "context": marks, "citations": st.just({"enabled": False})},
    ),
    search_result=st.fixed_dictionaries({"title": marks, "source": marks, "content": st.lists(marked_texts, max_size=2)}),
)
marked_blocks = one_of(
    thinking=st.fixed_dictionaries({"thinking": marks, "signature": st.just("") | marks}),
    redacted_thinking=st.fixed_dictionaries({"data": marks}),
    tool_use=st.fixed_dictionaries({"id": ids, "name": marks, "input": st.dictionaries(marks, marks, max_size=2)}),
    tool_result=st.fixed_dictionaries({"tool_use_id": ids, "content": marks | st.lists(shown, max_size=2)}),
)
marked_turns = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system"]), "content": marks | st.lists(shown | marked_blocks, max_size=3)}
)
marked_requests = st.fixed_dictionaries(
    {"messages": st.lists(marked_turns, max_size=3), "max_tokens": st.just(5), "model": st.just("m")},
    optional={
        "system": marks | st.lists(marked_texts, max_size=2),
        "thinking": st.just({"type": "adaptive"}),
        "tools": st.lists(st.fixed_dictionaries({"name": ids, "input_schema": st.just({"type": "object"})}), max_size=1),
        "metadata": st.fixed_dictionaries({"user_id": marks}),
        "stop_sequences": st.lists(marks, max_size=1),
    },
)


def texts_in(request: dict[str, Any]) -> list[str]:
    """The marked strings of a request. What stands in `model` leaves no gateway."""
    return [each for each in strings({**request, "model": None}) if "mark" in each]


def strings(value: Any) -> list[str]:
    """Every string in a JSON value, the names of members too."""
    if isinstance(value, str):
        return [value]
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [each for part in inner for each in strings(part)]


@few
@given(spoilt(marked_requests, odd | marks))
def test_no_text_is_overlooked(request: dict[str, Any]) -> None:
    before = copy.deepcopy(request)
    visited: list[str] = []

    def visit(role: str, found: str) -> str:
        visited.append(found)
        return found

    messages.visit_texts(request, visit)
    assert request == before
    missed = [each for each in texts_in(request) if each not in visited]
    assert not missed or messages.hides_text(request)
    assert request == before


@few
@given(spoilt(marked_requests, odd | marks))
def test_what_is_masked_does_not_stay(request: dict[str, Any]) -> None:
    hidden = messages.hides_text(request)
    messages.visit_texts(request, lambda role, found: "x")
    assert not texts_in(request) or hidden


# --- arbitrary input ---


@few
@given(spoilt(requests | marked_requests, odd))
def test_any_request_is_translated_or_refused(request: Any) -> None:
    with contextlib.suppress(RefusedCall):
        messages.to_chat(request)


@few
@given(spoilt(chats(), odd))
def test_any_chat_is_translated_or_refused(chat: Any) -> None:
    with contextlib.suppress(RefusedCall):
        messages.from_chat(chat, "claude-sonnet-4-5")


@few
@given(spoilt(answers(), odd))
def test_any_answer_is_read_or_an_upstreams_error(body: Any) -> None:
    with contextlib.suppress(UpstreamError):
        ChatCompletion.model_validate(messages.read_completion(body, "p"), strict=True)


@few
@given(spoilt(answers().map(lambda answer: messages.read_completion(answer, "p")), odd))
def test_any_completion_is_written(completion: Any) -> None:
    Message.model_validate(write(completion), strict=True)


@few
@given(spoilt(st.builds(streamed, answers(), cuts), odd), st.binary(max_size=8))
def test_any_events_are_read_or_an_upstreams_error(stream: list[Any], noise: bytes) -> None:
    reader = messages.EventReader("p")
    with contextlib.suppress(UpstreamError):
        for each in (*map(msgspec.json.encode, stream), noise):
            for chunk in reader.read(None, each):
                ChatCompletionChunk.model_validate(chunk, strict=True)


@few
@given(spoilt(st.builds(streamed, answers(), cuts).map(read), odd))
def test_any_chunks_are_written_or_an_upstreams_error(chunks: list[Any]) -> None:
    writer = messages.EventWriter(call_id="c", model="m", created_s=1, request={})
    try:
        stream = b"".join(writer.chunk(each) for each in chunks)
    except UpstreamError:
        return
    written = stream + writer.end(None, None)
    assert written.count(b"event: message_start\n") == written.count(b"event: message_stop\n") == 1
