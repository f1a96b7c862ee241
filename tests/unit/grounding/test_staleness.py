"""Validities that ended or soon end, and texts that say themselves how old they are, in four languages."""

from __future__ import annotations

from datetime import date

import pytest

from groundcrew.domain.knowledge import Passage
from groundcrew.grounding.staleness import dated

TODAY = date(2026, 3, 2)


def why(text: str) -> str | None:
    passage = Passage(id="1", document="a.md", title="", heading="", text=text, start=0, end=len(text))
    found = list(dated([passage], TODAY))
    return found[0].why if found else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("This offer is valid until 31.12.2025.", "ended"),
        ("Die Aktion ist gültig bis 31.12.2025.", "ended"),
        ("Diese Regel gilt bis zum 28. Februar 2026.", "ended"),
        ("Offre valable jusqu'au 31 décembre 2025.", "ended"),
        ("L'offerta è valida fino al 31 dicembre 2025.", "ended"),
        ("The rate applies until 15 March 2026.", "ends soon"),
        ("The licence expires on 10 March 2026.", "ends soon"),
        ("Last updated: 3 January 2024.", "updated long ago"),
        ("Stand: 1. Januar 2024.", "updated long ago"),
        ("Last updated on 3 January 2026.", None),
        ("The rate applies until 31 December 2027.", None),
        ("The rate applies from 1 January 2025.", None),
        ("We opened the branch on 1 May 2019.", None),
        ("The branch is open until 18:00.", None),
        ("Orders until 31 December are executed this year.", None),
        ("", None),
    ],
)
def test_dates(text: str, expected: str | None) -> None:
    assert why(text) == expected


def test_the_sentence_is_named() -> None:
    text = "Cards are free. The offer is valid until 31.12.2025. Call us."
    passage = Passage(id="1", document="a.md", title="", heading="", text=text, start=0, end=len(text))
    (hit,) = dated([passage], TODAY)
    assert (text[hit.start : hit.end], hit.day) == ("The offer is valid until 31.12.2025.", date(2025, 12, 31))
