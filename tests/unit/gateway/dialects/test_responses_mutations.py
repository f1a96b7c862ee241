"""Lawful requests, answers and streams with something in them replaced, doubled or left out: what is not understood is refused as
such, and no text slips past the guards unnoticed."""

from __future__ import annotations

import contextlib
import copy
import json
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from groundcrew.errors import RefusedCall, UpstreamError
from groundcrew.gateway.dialects import responses

IDS: dict[str, Any] = {"call_id": "0199", "model": "alias", "created_s": 1}
REQUEST: dict[str, Any] = {
    "model": "m",
    "instructions": "i",
    "input": [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "a"},
                {"type": "input_image", "image_url": "u", "detail": "low"},
                {"type": "input_file", "file_data": "x", "filename": "f"},
            ],
        },
        {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "s"}], "encrypted_content": None},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "o", "annotations": []}, {"type": "refusal", "refusal": "n"}],
        },
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":["b",1,{"c":null}]}'},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "z"}]},
        {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x"},
        {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "groundcrew.1.e30="},
    ],
    "tools": [
        {"type": "function", "name": "f", "parameters": {}, "strict": True},
        {"type": "custom", "name": "g", "format": {"type": "grammar", "syntax": "lark", "definition": "d"}},
    ],
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}, "verbosity": "low"},
    "reasoning": {"effort": "low"},
    "metadata": {"a": "b"},
    "stream": True,
}
MESSAGE: dict[str, Any] = {
    "content": [{"type": "text", "text": "a"}],
    "refusal": "n",
    "reasoning_content": "r",
    "tool_calls": [
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}, "extra_content": {"google": {"a": 1}}},
        {"id": "d", "type": "custom", "custom": {"name": "f", "input": "{}"}},
    ],
    "annotations": [{"type": "url_citation", "url_citation": {"url": "u"}}],
    "anthropic": {"blocks": [{"index": 0, "type": "text"}]},
}
COMPLETION: dict[str, Any] = {
    "choices": [
        {"index": 0, "message": MESSAGE, "finish_reason": "stop", "logprobs": {"content": [{"token": "a", "logprob": -1}]}}
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}},
}
DELTAS: list[dict[str, Any]] = [
    {"content": "a"},
    {"refusal": "b"},
    {"reasoning_content": "c"},
    {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}]},
    {"anthropic": {"blocks": [{"index": 0}]}},
]
CHUNKS: list[dict[str, Any]] = [
    *({"choices": [{"index": 0, "delta": each, "finish_reason": None}]} for each in DELTAS),
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1}},
]
VALUES: list[Any] = [
    *(None, True, 0, -1, 10**20, 1.5, "", "x", [], {}, [[]], [{}], [None], ["a"], {"type": "x"}, {"type": 3}, {"a": {"b": [1]}}),
    *("message", "reasoning", "function_call", "output_text", "input_text"),
]
NAMES = ["type", "text", "x", "id", "role", "index", "output", "content"]
MARK = "\N{SNOWMAN} secret text"

Path = tuple[Any, ...]


def places(value: Any, path: Path = ()) -> list[Path]:
    """Where in `value` something stands."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for name, below in inside for place in ((*path, name), *places(below, (*path, name)))]


def holder(value: Any, path: Path) -> Any:
    for step in path[:-1]:
        value = value[step]
    return value


def mutated(value: Any, random: Random) -> Any:
    value = copy.deepcopy(value)
    for _ in range(random.randint(1, 3)):
        found = places(value)
        if not found:
            break
        path = random.choice(found)
        target, way = holder(value, path), random.random()
        if way < 0.2:
            del target[path[-1]]
        elif way < 0.3 and isinstance(target, dict):
            target[random.choice(NAMES)] = copy.deepcopy(random.choice(VALUES))
        elif way < 0.4 and isinstance(target, list):
            target.append(copy.deepcopy(random.choice(target)))
        else:
            target[path[-1]] = copy.deepcopy(random.choice(VALUES))
    return value


def written_stream(chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    to = responses.EventWriter(**IDS, request=REQUEST)
    data = b"".join(to.chunk(each) for each in chunks) + to.end({"a": 1}, None)
    return [json.loads(each.split(b"data: ")[1]) for each in data.split(b"\n\n")[:-1]]


RESPONSE = responses.write_completion(COMPLETION, **IDS, request=REQUEST)
EVENTS = written_stream(CHUNKS)
RANDOMS = st.randoms(use_true_random=False)


@settings(max_examples=150)
@given(RANDOMS)
def test_a_request_is_translated_or_refused_and_its_texts_are_read_or_told_to_be_unread(random: Random) -> None:
    request = mutated(REQUEST, random)
    with contextlib.suppress(RefusedCall):
        responses.to_chat(request)
        assert responses.untranslatable(request) is None
        responses.write_completion(COMPLETION, **IDS, request=request)
    texts = [path for path in places(request) if isinstance(holder(request, path)[path[-1]], str)]
    if texts:
        path = random.choice(texts)
        holder(request, path)[path[-1]] = MARK
        seen: list[str] = []
        responses.visit_texts(request, lambda _, text: seen.append(text) or text)
        assert MARK in seen or responses.hides_text(request)


@settings(max_examples=150)
@given(RANDOMS)
def test_an_answer_is_read_or_an_upstreams_error(random: Random) -> None:
    with contextlib.suppress(UpstreamError):
        responses.read_completion(mutated(RESPONSE, random), "p")
    with contextlib.suppress(UpstreamError):
        responses.write_completion(mutated(COMPLETION, random), **IDS, request=REQUEST)


@settings(max_examples=100)
@given(RANDOMS)
def test_a_stream_is_read_or_an_upstreams_error(random: Random) -> None:
    with contextlib.suppress(UpstreamError):
        reader = responses.EventReader("p")
        for each in EVENTS:
            reader.read(None, json.dumps(mutated(each, random) if random.random() < 0.3 else each).encode())
    with contextlib.suppress(UpstreamError):
        written_stream([mutated(each, random) if random.random() < 0.4 else each for each in CHUNKS])
