"""What is taken back in the same breath is no source: found by its form, offsets kept, and nothing else touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.grounding.withdrawn import without_withdrawn


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("about 2 centimeters. Scratch that, 3 centimeters.", "about 3 centimeters."),
        ("in the fundus, 38 mm, no, make that 36 mm.", "in the fundus, 36 mm."),
        ("Zyste links 3 cm, Korrektur, 4 cm.", "Zyste links 4 cm."),
        ("The mass in the left, no sorry, right lower lobe.", "The mass in the right lower lobe."),
        ("Segment 7, strike that, segment 8, 9 mm.", "segment 8, 9 mm."),
        ("disc at L3-4, correction, L4-5.", "disc at L4-5."),
        ("6.8 by 4 cm, scratch that, 8.6 by 4 cm", "8.6 by 4 cm"),
        ("You get CHF 500, no wait, CHF 400 back.", "You get CHF 400 back."),
    ],
)
def test_the_last_word_counts(said: str, left: str) -> None:
    heard = without_withdrawn(said)
    assert " ".join(heard.split()) == left
    assert len(heard) == len(said)


@pytest.mark.parametrize(
    "said",
    [
        "Motion correction was applied. 3 mm slices.",
        "Liver normal. Scratch that, liver steatotic.",
        "6 mm nodule in the left upper lobe, scratch that, 8 mm.",
        "No effusion. I mean it.",
        "5 mm, scratch that, right lobe.",
    ],
)
def test_what_can_not_be_told_stays(said: str) -> None:
    assert without_withdrawn(said) == said


@given(st.text(), st.sampled_from(["scratch that", "no sorry", "Korrektur:"]), st.text())
def test_nothing_is_added_and_no_offset_moves(before: str, mark: str, after: str) -> None:
    said = f"{before} 3 mm, {mark} 4 mm {after}"
    heard = without_withdrawn(said)
    assert len(heard) == len(said)
    assert all(now in (" ", was) for now, was in zip(heard, said, strict=True))
    assert without_withdrawn(heard) == heard or "3 mm" in heard
