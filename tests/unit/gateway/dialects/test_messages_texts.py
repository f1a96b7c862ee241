"""The texts of an Anthropic Messages request: what guards read and mask, and whether there is more than they read."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from groundcrew.gateway.dialects import messages

EPHEMERAL = {"type": "ephemeral", "ttl": "1h"}


def ask(*blocks: Any, role: str = "user", **members: Any) -> dict[str, Any]:
    content: Any = list(blocks) if blocks else "hi"
    return {"model": "m", "max_tokens": 5, "messages": [{"role": role, "content": content}], **members}


def visited(request: dict[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []

    def collect(role: str, text: str) -> str:
        found.append((role, text))
        return text

    before = copy.deepcopy(request)
    messages.visit_texts(request, collect)
    assert request == before
    return found


def masked(request: dict[str, Any]) -> dict[str, Any]:
    messages.visit_texts(request, lambda role, text: text.replace("Ann", "[NAME]"))
    return request


def test_texts_are_visited_in_order() -> None:
    request = {
        "messages": [
            {"role": "user", "content": "u1"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "a1", "signature": "s"},
                    {"type": "text", "text": "a2"},
                    {"type": "tool_use", "id": "t", "name": "look", "input": {"x": ["a3", {"y": "a4"}], "n": 1}},
                ],
            },
            {"role": "system", "content": [{"type": "text", "text": "s2"}]},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "t1"}]},
                    {"type": "tool_result", "tool_use_id": "t2", "content": "t2"},
                    {"type": "text", "text": "u2"},
                    {"type": "document", "title": "u3", "context": "u4", "source": {"type": "text", "data": "u5"}},
                    {"type": "search_result", "title": "u6", "source": "u7", "content": [{"type": "text", "text": "u8"}]},
                ],
            },
        ],
        "system": "s1",
    }
    roles = {"s": "system", "a": "assistant", "u": "user", "t": "tool"}
    texts = ["s1", "u1", "a1", "a2", "a3", "a4", "s2", "t1", "t2", "u2", "u3", "u4", "u5", "u6", "u7", "u8"]
    assert visited(request) == [(roles[text[0]], text) for text in texts]


def test_masked_texts_stand_in_their_places() -> None:
    request = masked(
        ask(
            {"type": "text", "text": "Ann", "cache_control": EPHEMERAL},
            {"type": "tool_result", "tool_use_id": "t", "content": "of Ann"},
            system=[{"type": "text", "text": "for Ann"}],
        )
    )
    assert request["system"][0]["text"] == "for [NAME]"
    assert [each.get("text", each.get("content")) for each in request["messages"][0]["content"]] == ["[NAME]", "of [NAME]"]


def test_thinking_that_would_be_masked_is_taken_away() -> None:
    thinking = {"type": "thinking", "thinking": "Ann?", "signature": "s"}
    kept = {"type": "thinking", "thinking": "hm", "signature": "s"}
    request = ask({**thinking}, kept, {"type": "text", "text": "x"}, role="assistant")
    assert masked(request)["messages"][0]["content"] == [kept, {"type": "text", "text": "x"}]
    request = {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": [thinking]}]}
    assert masked(request)["messages"] == [{"role": "user", "content": "x"}]


@pytest.mark.parametrize(
    "request_",
    [
        ask(),
        ask(system="x", temperature=0.5, top_k=3, stream=True, service_tier="auto", thinking={"type": "adaptive"}),
        ask(thinking={"type": "enabled", "budget_tokens": 2000}, output_config={"effort": "high"}, tools=None, tool_choice=None),
        ask({"type": "text", "text": "x", "cache_control": EPHEMERAL}),
        ask({"type": "tool_result", "tool_use_id": "toolu_1", "content": "x", "is_error": True}),
        ask(
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "x"},
                "citations": {"enabled": True},
            }
        ),
        ask({"type": "thinking", "thinking": "x", "signature": ""}, role="assistant"),
        ask(context_management={"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}),
    ],
)
def test_nothing_is_hidden(request_: dict[str, Any]) -> None:
    assert not messages.hides_text(request_)


@pytest.mark.parametrize(
    "request_",
    [
        ask({"type": "image", "source": {"type": "url", "url": "https://example.test/a.png"}}),
        ask({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": ""}}),
        ask({"type": "document", "source": {"type": "text", "media_type": "x-Ann", "data": ""}}),
        ask({"type": "text", "text": "x", "citations": [{"cited_text": "y"}]}),
        ask({"type": "text", "text": "x", "new": "y"}),
        ask({"type": "text", "text": ["x"]}),
        ask({"type": "text", "text": "x", "cache_control": {"type": "Ann"}}),
        ask({"type": "something_new"}),
        ask("x"),
        ask({"type": "tool_result", "tool_use_id": "call Ann", "content": "x"}),
        ask({"type": "tool_result", "tool_use_id": "t", "content": "x", "is_error": "Ann"}),
        ask({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image"}]}),
        ask({"type": "tool_use", "id": "t", "name": "n", "input": {}}, role="assistant"),
        ask({"type": "thinking", "thinking": "x", "signature": "s"}, role="assistant"),
        ask({"type": "redacted_thinking", "data": "s"}, role="assistant"),
        ask(role="Ann"),
        ask(tools=[{"name": "x", "input_schema": {}}]),
        ask(tool_choice={"type": "tool", "name": "x"}),
        ask(stop_sequences=["Ann"]),
        ask(metadata={"user_id": "Ann"}),
        ask(output_config={"format": {"type": "json_schema", "schema": {}}}),
        ask(service_tier="Ann"),
        ask(thinking={"type": "adaptive", "Ann": 1}),
        ask(container="c"),
        ask(anything_new=1),
        {"messages": "x"},
        {"messages": ["x"]},
        {"messages": [{"role": "user", "content": 3, "name": "Ann"}]},
        {"model": ["x"]},
    ],
)
def test_something_is_hidden(request_: dict[str, Any]) -> None:
    assert messages.hides_text(request_)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, "ours"),
        ("", "ours"),
        ([], "ours"),
        ("theirs", [{"type": "text", "text": "ours"}, {"type": "text", "text": "theirs"}]),
        ([{"type": "text", "text": "theirs"}], [{"type": "text", "text": "ours"}, {"type": "text", "text": "theirs"}]),
    ],
)
def test_a_system_prompt_of_ours_comes_first(given: Any, expected: Any) -> None:
    request = ask(system=given)
    messages.add_system(request, "ours")
    assert request["system"] == expected
