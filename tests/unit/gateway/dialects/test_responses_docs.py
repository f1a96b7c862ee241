"""What docs/how-to/responses-and-embeddings.md promises holds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from groundcrew.errors import RefusedCall
from groundcrew.gateway.dialects import responses, responses_texts, responses_vendor
from groundcrew.gateway.settings import GatewaySettings

PAGE = (Path(__file__).parents[4] / "docs" / "how-to" / "responses-and-embeddings.md").read_text(encoding="utf-8")
WORKS, NEEDS_NATIVE = (
    [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    for table in re.findall(r"\| member \| .+?\n\n", PAGE, re.DOTALL)
)

#: A value for every member that the page names.
EXAMPLES: dict[str, Any] = {
    "input": [{"role": "user", "content": "a"}],
    "instructions": "a",
    "tools": [{"type": "function", "name": "f", "parameters": {}}, {"type": "custom", "name": "g"}],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "text": {"format": {"type": "json_object"}, "verbosity": "low"},
    "reasoning": {"effort": "low", "summary": "auto"},
    "max_output_tokens": 5,
    "top_logprobs": 1,
    "include": ["message.output_text.logprobs"],
    "message.output_text.logprobs": None,
    **dict.fromkeys(("temperature", "top_p"), 0.5),
    **dict.fromkeys(("service_tier", "user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"), "a"),
    "stream": True,
    "stream_options": {"include_obfuscation": True},
    "metadata": {"a": "b"},
    "store": True,
    "truncation": "auto",
    "max_tool_calls": 1,
}
IMAGE = {"type": "input_image", "file_id": "f"}
NATIVE: dict[str, list[dict[str, Any]]] = {
    "previous_response_id": [{"previous_response_id": "r"}],
    "conversation": [{"conversation": "c"}],
    "prompt": [{"prompt": {"id": "p"}}],
    "context_management": [{"context_management": []}],
    "tools": [{"tools": [{"type": kind}]} for kind in ("web_search", "file_search", "code_interpreter", "mcp", "computer")],
    "tool_choice": [{"tool_choice": {"type": "file_search"}}],
    "include": [{"include": ["reasoning.encrypted_content"]}, {"include": ["file_search_call.results"]}],
    "input": [{"input": [{"type": kind, "id": "i"}]} for kind in ("web_search_call", "mcp_call", "compaction")],
    "item_reference": [{"input": [{"type": "item_reference", "id": "i"}]}],
    "encrypted_content": [{"input": [{"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "e"}]}],
    "file_id": [
        {"input": [{"role": "user", "content": [IMAGE]}]},
        {"input": [{"type": "function_call_output", "call_id": "c", "output": [IMAGE]}]},
    ],
    "file_url": [{"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "u"}]}]}],
}


def names(rows: list[str]) -> list[str]:
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


@pytest.mark.parametrize("name", names(WORKS))
def test_what_is_said_to_work_does(name: str) -> None:
    request = {"input": "hi", name: EXAMPLES[name]} if EXAMPLES[name] is not None else {"input": "hi"}
    assert responses.untranslatable(request) is None
    assert responses.to_chat(request)["messages"]


@pytest.mark.parametrize("name", names(NEEDS_NATIVE))
def test_what_is_said_to_need_a_native_provider_does(name: str) -> None:
    for members in NATIVE[name]:
        request = {"input": "hi", **members}
        assert responses.untranslatable(request) is not None
        with pytest.raises(RefusedCall):
            responses.to_chat(request)


def test_the_pages_figures_are_those_of_the_program() -> None:
    assert f"more than {responses_texts.ARGUMENT_TEXTS_MAX:,} texts" in PAGE
    assert f"at most {GatewaySettings().embedding_inputs_max:,} at once" in PAGE
    assert f"`{responses_vendor.PREFIX}`" in PAGE
