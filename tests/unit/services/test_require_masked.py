"""What is offered to be signed in the place of a text that would be masked can be signed as it is."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.errors import InputError, WouldBeMasked
from groundcrew.guards.pii import TEXT_LENGTH_MAX
from groundcrew.services.masking import require_masked

PIECES = st.sampled_from(
    (
        "anna@bank.example",
        "peter@bank.example",
        "+41 79 123 45 67",
        "CH93 0076 2011 6238 5295 7",
        "4111 1111 1111 1111",
        "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789",
        "[EMAIL]",
        "[EMAIL_2]",
        "[PHONE]",
        "call",
        "we refund CHF 900",
        "2026",
        "\\u0061nna@bank.example",
        "\n",
        ".",
        "",
    )
)
TEXTS = st.lists(PIECES, max_size=8).flatmap(lambda pieces: st.sampled_from((" ", "", ", ")).map(lambda by: by.join(pieces)))


def refusal(text: str, published: list[str]) -> WouldBeMasked | None:
    try:
        asyncio.run(require_masked(text, "patterns", published=published))
    except WouldBeMasked as refused:
        return refused
    return None


@given(text=TEXTS, published=st.lists(PIECES, max_size=2))
def test_the_offered_text_passes_as_it_is(text: str, published: list[str]) -> None:
    refused = refusal(text, published)
    if refused is not None:
        assert refused.text != text
        assert refused.kinds
        assert refusal(refused.text, published) is None


def test_a_text_that_is_too_long_to_be_looked_at_is_refused() -> None:
    with pytest.raises(InputError, match="too long") as refused:
        asyncio.run(require_masked("word " * (TEXT_LENGTH_MAX // 5 + 1), "full"))
    assert not isinstance(refused.value, WouldBeMasked)
