"""What the page on the Anthropic Messages dialect says is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from groundcrew.gateway.dialects import messages_chat_shapes, messages_from_chat, messages_request, messages_shapes
from groundcrew.gateway.dialects.messages_blocks import FINISH_REASONS

PAGE = (Path(__file__).parents[4] / "docs/reference/messages-dialect.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def names(text: str) -> set[str]:
    return set(re.findall(r"`([a-z_]+)`", text))


def paragraph(of: str, start: str) -> str:
    return section(of).partition(start)[2].partition("Refused:")[0]


def test_stop_reasons() -> None:
    rows = [
        line.split("|")[1:3] for line in section("Answers").splitlines() if line.startswith("| `") and "stop_reason" not in line
    ]
    told = {stop: finish for left, right in rows for stop in names(left) for finish in names(right)}
    assert told == FINISH_REASONS


def test_members_that_are_left_out() -> None:
    left = names(paragraph("A Messages request for another provider", "Left out: "))
    assert left == messages_shapes.IGNORED | {"top_k", "is_error"}
    left = names(paragraph("A chat completion request for Anthropic", "Left out: "))
    assert left == messages_chat_shapes.IGNORED


def test_members_that_are_passed_on() -> None:
    text = section("A chat completion request for Anthropic").partition("member `anthropic` of the request, which takes")[2]
    assert names(text.partition(";")[0]) == messages_chat_shapes.PASSED_ON


@pytest.mark.parametrize(
    "number", [messages_from_chat.MAX_TOKENS_DEFAULT, messages_request.BUDGET_LOW, messages_request.BUDGET_MEDIUM]
)
def test_numbers(number: int) -> None:
    assert str(number) in PAGE
