"""What is recorded of a request is masked turn by turn, as if it were masked as a whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from groundcrew.gateway.recorder import _find_in_turns
from groundcrew.guards import pii
from groundcrew.guards.redaction import redact

TEXTS = st.lists(
    st.sampled_from(
        [
            "write to a.b@example.org",
            "call +41 44 668 18 00",
            "IBAN CH93 0076 2011 6238 5295 7",
            "nothing here",
            "user: hi",
            "",
            "a: b",
        ]
    ),
    max_size=4,
).map("\n\n".join)


@given(st.lists(st.tuples(st.sampled_from(["system", "user", "assistant", "tool"]), TEXTS), min_size=1, max_size=5))
def test_turn_by_turn_masks_the_same_as_all_at_once(turns: list[tuple[str, str]]) -> None:
    transcript = "\n\n".join(f"{role}: {text}" for role, text in turns)
    whole = redact(transcript, pii._find(transcript))[0]
    assert redact(transcript, _find_in_turns(transcript))[0] == whole


def test_an_empty_request_has_nothing_to_mask() -> None:
    assert _find_in_turns("") == []
