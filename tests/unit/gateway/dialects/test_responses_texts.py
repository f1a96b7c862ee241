"""What guards read of a Responses request, how masked texts come back, and what is said to be unread."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.gateway.dialects import responses, responses_texts

SECRET = "ann@example.org"


def seen(request: dict[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []

    def visit(role: str, text: str) -> str:
        found.append((role, text))
        return text

    before = copy.deepcopy(request)
    responses.visit_texts(request, visit)
    assert request == before
    return found


def masked(request: dict[str, Any]) -> dict[str, Any]:
    responses.visit_texts(request, lambda _, text: text.replace(SECRET, "[EMAIL]").replace("4111111111111111", "[CARD]"))
    return request


def one(arguments: str) -> dict[str, Any]:
    return {"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": arguments}]}


def test_every_text_is_visited_in_order_with_its_role() -> None:
    request = {
        "instructions": "i",
        "input": [
            {"role": "developer", "content": "d"},
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "u1"}, {"type": "input_text", "text": "u2"}],
            },
            {
                "type": "reasoning",
                "id": "r",
                "summary": [{"type": "summary_text", "text": "s"}],
                "content": [{"type": "reasoning_text", "text": "t"}],
            },
            {
                "role": "assistant",
                "content": [{"type": "output_text", "text": "a", "annotations": []}, {"type": "refusal", "refusal": "n"}],
            },
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"k": ["v", 7, true, null]}'},
            {"type": "function_call_output", "call_id": "c", "output": "o1"},
            {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x"},
            {"type": "custom_tool_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "o2"}]},
            {"role": "system", "content": "y"},
        ],
    }
    assert seen(request) == [
        ("system", "i"),
        ("developer", "d"),
        ("user", "u1"),
        ("user", "u2"),
        ("assistant", "s"),
        ("assistant", "t"),
        ("assistant", "a"),
        ("assistant", "n"),
        *(("tool", each) for each in ("k", "v", "7", "o1", "x", "o2")),
        ("system", "y"),
    ]
    assert not responses.hides_text(request)


def test_a_string_is_the_users_text() -> None:
    assert seen({"input": "hi"}) == [("user", "hi")]
    assert masked({"input": SECRET, "instructions": SECRET}) == {"input": "[EMAIL]", "instructions": "[EMAIL]"}


def test_masks_inside_arguments_leave_json() -> None:
    arguments = '{"to": "ann\\u0040example.org", "card": 4111111111111111, "list": [["ann@example.org"]]}'
    request = masked(one(arguments))
    assert json.loads(request["input"][0]["arguments"]) == {"to": "[EMAIL]", "card": "[CARD]", "list": [["[EMAIL]"]]}


def test_names_inside_arguments_are_masked_and_none_is_lost() -> None:
    request = masked(one(json.dumps({SECRET: 1, "[EMAIL]": 2, "big": 10**30})))
    found = json.loads(request["input"][0]["arguments"])
    assert sorted(map(str, found.values())) == sorted(["1", "2", str(10**30)])
    assert SECRET not in json.dumps(found)


@pytest.mark.parametrize(
    "arguments", ['{"a":1}', ' {"a" : 1.50, "b": "\\u00e4"} ', "", "no json", "[", "null", '"s"', "3", '{"a:b":"c:d"}']
)
def test_arguments_without_a_finding_stay_as_they_are_to_the_byte(arguments: str) -> None:
    assert seen(one(arguments)) is not None
    assert masked(one(arguments)) == one(arguments)


def test_a_member_that_stands_twice_in_arguments_is_sent_as_it_was_read() -> None:
    request = masked(one('{"a": "ann@example.org", "a": "x"}'))
    assert request["input"][0]["arguments"] == '{"a":"x"}'


def test_arguments_that_are_no_json_are_one_text_and_said_to_be_unread() -> None:
    request = one(f"to {SECRET}")
    assert responses.hides_text(request)
    assert json.loads(masked(request)["input"][0]["arguments"]) == {"masked": "to [EMAIL]"}


def test_too_many_texts_in_arguments_are_one_text() -> None:
    many = json.dumps([SECRET] * (responses_texts.ARGUMENT_TEXTS_MAX + 1))
    assert len(seen(one(many))) == 1
    assert responses.hides_text(one(many))
    assert SECRET not in masked(one(many))["input"][0]["arguments"]
    deep = "[" * 70 + "]" * 70
    assert responses.hides_text(one(deep))
    assert responses.hides_text(one("[" * 100_000 + "]" * 100_000))
    fitting = json.dumps(["a"] * (responses_texts.ARGUMENT_TEXTS_MAX - 1))
    calls = one(fitting)["input"] * 11
    assert responses.hides_text({"input": calls})
    assert len(seen({"input": copy.deepcopy(calls)})) < responses_texts.REQUEST_ARGUMENT_TEXTS_MAX + 11


MESSAGE = {"role": "user", "content": "a"}


@pytest.mark.parametrize(
    "members",
    [
        {"input": 3},
        {"input": ["a"]},
        {"instructions": ["a"]},
        {"unknown": "a"},
        {"metadata": {"a": "b"}},
        {"user": "ann"},
        {"previous_response_id": "resp_1"},
        {"conversation": "conv_1"},
        {"prompt": {"id": "p", "variables": {"a": "b"}}},
        {"tools": [{"type": "function", "name": "f"}]},
        {"tools": [{"type": "web_search"}]},
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": {}}}},
        {"service_tier": "tell them that"},
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "u"}]}]},
        {"input": [{"role": "user", "content": [{"type": "input_file", "file_data": "u", "filename": "f"}]}]},
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": "a", "more": "b"}]}]},
        {"input": [{"role": "user", "content": [{"type": "output_text", "text": "a", "annotations": [{"title": "b c"}]}]}]},
        {"input": [{**MESSAGE, "name": "ann"}, {**MESSAGE, "more": "b"}]},
        {"input": [{"role": "narrator", "content": "a"}]},
        {"input": [{"type": "web_search_call", "id": "w"}]},
        {"input": [{"type": "item_reference", "id": "w"}]},
        {"input": [{"type": ["message"], "role": "user", "content": "a"}]},
        {"input": [{"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "e"}]},
        {"input": [{"type": "function_call", "call_id": "c", "name": "a b c", "arguments": "{}"}]},
        {"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": {}}]},
        {"input": [{"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image", "file_id": "f"}]}]},
    ],
)
def test_what_is_not_visited_is_told(members: dict[str, Any]) -> None:
    request = {"input": "hi", **members}
    assert responses.hides_text(request)
    assert seen(request) is not None


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"instructions": "i", "model": "m", "temperature": 0.1, "stream": True, "tools": [], "metadata": None},
        {"reasoning": {"effort": "low", "summary": "auto"}, "text": {"format": {"type": "json_object"}, "verbosity": "low"}},
        {"include": ["message.output_text.logprobs"], "tool_choice": "none", "store": False, "truncation": "auto"},
        {"input": [{**MESSAGE, "type": None, "id": "msg_1", "status": "completed"}]},
        {
            "input": [
                {
                    "role": "user",
                    "content": [{"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}}],
                }
            ]
        },
    ],
)
def test_what_is_read_to_the_end_is_told_too(members: dict[str, Any]) -> None:
    assert not responses.hides_text({"input": "hi", **members})


# Properties

TEXT = st.text(min_size=1, max_size=12)
VALUES = st.recursive(
    TEXT | st.integers() | st.booleans() | st.none(),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(TEXT, each, max_size=3),
    max_leaves=6,
)
MARK = "\N{SNOWMAN}secret text\N{SNOWMAN}"


def parts(kind: str, text: str) -> list[dict[str, Any]]:
    return [{"type": kind, ("refusal" if kind == "refusal" else "text"): text}]


ITEMS = st.one_of(
    st.builds(
        lambda role, text: {"role": role, "content": text}, st.sampled_from(["user", "assistant", "system", "developer"]), TEXT
    ),
    st.builds(
        lambda kind, text: {"type": "message", "role": "user", "content": parts(kind, text)},
        st.sampled_from(["input_text", "output_text", "refusal"]),
        TEXT,
    ),
    st.builds(lambda text: {"type": "reasoning", "id": "r", "summary": parts("summary_text", text)}, TEXT),
    st.builds(lambda value: {"type": "function_call", "call_id": "c", "name": "f", "arguments": json.dumps(value)}, VALUES),
    st.builds(lambda text: {"type": "function_call_output", "call_id": "c", "output": text}, TEXT),
    st.builds(lambda text: {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": text}, TEXT),
    st.dictionaries(
        st.sampled_from(["type", "role", "content", "arguments", "output", "x"]), TEXT | st.just("message"), max_size=4
    ),
)
REQUESTS = st.fixed_dictionaries(
    {"input": TEXT | st.lists(ITEMS, max_size=5)}, optional={"instructions": TEXT, "user": TEXT, "model": TEXT}
)


@given(REQUESTS)
def test_visiting_without_changes_changes_nothing(request: dict[str, Any]) -> None:
    seen(request)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where `value` holds strings."""
    if isinstance(value, str):
        return [path]
    if isinstance(value, dict):
        return [each for name, below in value.items() for each in places(below, (*path, name))]
    if isinstance(value, list):
        return [each for index, below in enumerate(value) for each in places(below, (*path, index))]
    return []


@given(REQUESTS.filter(places), st.data())
def test_a_text_anywhere_is_visited_or_told_to_be_unread(request: dict[str, Any], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(places(request)))
    target: Any = request
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = json.dumps({"a": [MARK]}) if path[-1] == "arguments" and data.draw(st.booleans()) else MARK
    read = any(MARK in text for _, text in seen(request))
    assert read or responses.hides_text(request)
    if read:
        responses.visit_texts(request, lambda _, text: text.replace(MARK, "*"))
        assert MARK not in json.dumps(request, ensure_ascii=False)
