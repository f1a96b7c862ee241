"""The funnel page and the data card: every figure is on them, nothing of a record's words runs as markup, limits are said."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import msgspec
from tests.unit.curation.conftest import BASE, FULL, recipe_of

from groundcrew.curation.card import data_card
from groundcrew.curation.funnel_page import funnel_html
from groundcrew.curation.report import Funnel, Makeup, build_funnel, known_limits
from groundcrew.curation.sources import Found, SourceFile

FOUND = Found(files=(SourceFile(name="a|b<i>.csv", size_bytes=1234, sha256="0" * 64),), ignored=("notes.docx",))
EVERYTHING: dict[str, Any] = {
    **BASE,
    "types": {"day": "date"},
    "encoding": "intact",
    "language": ["en"],
    "label": {"field": "codes", "multiple": True, "code_system": "icd-10-cm"},
    "evidence": "spans",
    "group": "patient",
    "time": "day",
    "personal_data": {"action": "mask", "network": "never", "types": ["PERSON"]},
    "duplicates": {"near": {"fields": ["text"]}},
    "contradictions": {"keep": "none"},
    "label_noise": {"min_records": 30},
    "split": {"train": 0.8, "validation": 0.1, "test": 0.1, "by": "group"},
    "balance": {"max_per_label": 50},
    "sample": {"n": 100, "seed": 1},
}
MAKEUP = Makeup(
    splits={"train": 60, "validation": 3, "test": 7},
    labels={f"X{number:02d}": 70 - number for number in range(40)},
    labels_count=123,
    masked={"PERSON": 17, "EMAIL": 2},
    labels_removed={"unknown code": 3},
    labels_told={"judged": 40, "of too few records to judge": 83},
    code_system="icd-10-cm 2099",
)


def funnel_of(document: dict[str, Any], makeup: Makeup | None = None) -> Funnel:
    return build_funnel(recipe_of(document), FOUND, "f" * 64, 70, {"too short": 30}, {"too short": ["<b>7</b>"]}, makeup)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)
        if tag not in ("meta", "rect", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_else() -> None:
    page = funnel_html(recipe_of({**EVERYTHING, "source": "<script>alert(1)</script>"}), funnel_of(EVERYTHING, MAKEUP))
    parser = _Tags()
    parser.feed(page)
    assert parser.open == []
    assert not parser.seen & {"script", "link", "img", "b", "i"}
    assert "&lt;script&gt;" in page
    assert "http" not in page


def test_the_page_shows_every_figure() -> None:
    page = funnel_html(recipe_of(EVERYTHING), funnel_of(EVERYTHING, MAKEUP))
    for text in (
        "70 of 100",
        "70.0 %",
        "too short",
        "&lt;b&gt;7",
        "validation",
        "X00",
        "The 25 most frequent of 123",
        "icd-10-cm 2099",
    ):
        assert text in page
    for text in ("PERSON", ">17<", "notes.docx", "a|b&lt;i&gt;.csv", "1,234", "Known limits"):
        assert text in page
    assert "X24" in page
    assert "X25" not in page


def test_a_plain_recipe_has_a_plain_page() -> None:
    page = funnel_html(recipe_of(FULL), funnel_of(FULL))
    for heading in ("Splits", "Labels", "What was masked"):
        assert f"<h2>{heading}</h2>" not in page
    assert "Personal data was not looked for." in page


def test_the_card_says_where_from_what_for_and_what_not() -> None:
    card = data_card(recipe_of({**EVERYTHING, "licence": "own | data"}), funnel_of(EVERYTHING, MAKEUP))
    for text in (
        "own \\| data",
        "terms of 2024",
        "| train | 60 | 85.7 % |",
        "and 83 rarer labels",
        "| PERSON | 17 |",
        "icd-10-cm 2099",
    ):
        assert text in card
    for text in (
        "| codes | label | strings |",
        "| split | split | string |",
        "| patient | group |",
        "a\\|b\\<i>.csv",
        "## Known limits",
    ):
        assert text in card
    assert card.endswith("\n")


def test_limits_follow_the_recipe() -> None:
    plain = " ".join(known_limits(recipe_of(BASE), funnel_of(BASE)))
    full = " ".join(known_limits(recipe_of(EVERYTHING), funnel_of(EVERYTHING, MAKEUP)))
    for text in ("Damaged encodings were not", "Languages were not", "no labels", "no splits", "Near-equal texts were not"):
        assert text in plain
        assert text not in full
    for text in (
        "Only patterns",
        "at least 30 records",
        "balanced",
        "sample of at most 100",
        "0.85",
        "3 unknown code",
        "40 judged, 83 of too few",
    ):
        assert text in full


def test_a_funnel_survives_json() -> None:
    funnel = funnel_of(EVERYTHING, MAKEUP)
    assert msgspec.json.decode(msgspec.json.encode(funnel), type=Funnel) == funnel
