"""What is masked of a text before it is written."""

from __future__ import annotations

import pytest

from groundcrew.guards.masking import mask, mask_text
from groundcrew.guards.redaction import Pseudonyms


@pytest.mark.parametrize(
    ("passage", "expected"),
    [
        ("Our Marketing team answers.", "Your adviser is [PERSON]."),
        ("Mark answers on Mondays.", "Your adviser is Mark."),
    ],
)
def test_what_a_passage_holds_as_a_part_of_a_longer_word_is_not_published(passage: str, expected: str) -> None:
    assert mask("Your adviser is Mark.", Pseudonyms(), detect="full", published=[passage])[0] == expected


def test_what_stands_beside_a_tag_is_masked() -> None:
    """A policy may mask some types only; the record masks all of them."""
    names = Pseudonyms()
    names.tag("EMAIL", "anna.meier@bank.example")
    masked = mask_text("see https://x.example/reset?email=[EMAIL]&token=8472hgs", "patterns", names)
    assert masked == "see [URL][EMAIL][URL_2]"
    assert mask_text(masked, "patterns", names) == masked
