"""The pii guard with its network: names, addresses, facilities and the like in running text, what it leaves alone, and what of a
growing text is judged for good."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundcrew.domain.guard import Finding
from groundcrew.errors import InputError
from groundcrew.guards import pii, pii_network, pii_text
from groundcrew.guards.network import Network
from groundcrew.guards.registry import find_guard

GUARD = find_guard("pii")


def found(text: str, **context: Any) -> list[tuple[str, str]]:
    return [(each.type, text[each.start : each.end]) for each in GUARD.check(text, context).findings]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I spoke to Margrit Oberholzer about it.", ("PERSON", "Margrit Oberholzer")),
        ("Please add my wife, Aylin Demirtas, to the account.", ("PERSON", "Aylin Demirtas")),
        ("Patient: Derek Whitmore   MRN: 4471902", ("MRN", "4471902")),
        ("Patient: Derek Whitmore   MRN: 4471902", ("PERSON", "Derek Whitmore")),
        ("He was transferred to Whitmore General Hospital yesterday.", ("FACILITY", "Whitmore General Hospital")),
        ("I live at 47 Larkspur Lane, Millbrook, NY 12545.", ("ADDRESS", "47 Larkspur Lane, Millbrook, NY 12545")),
        ("Ich wohne an der Rosenbergstrasse 12, 9000 St. Gallen.", ("ADDRESS", "Rosenbergstrasse 12, 9000 St. Gallen")),
        ("Insurance ID: KRT550129934", ("HEALTH_PLAN_ID", "KRT550129934")),
        ("The patient is a 71-year-old woman with gout.", ("AGE", "71")),
        ("We moved to Norway last year.", ("LOCATION", "Norway")),
        ("The operation was on 14 August 2023.", ("DATE", "14 August 2023")),
        ("She has worked for Brightwater Logistics Ltd since then.", ("ORG", "Brightwater Logistics Ltd")),
        ("My driver's license number is K4482190", ("ID", "K4482190")),
        ("Pay to CH93 0076 2011 6238 5295 7 please", ("IBAN", "CH93 0076 2011 6238 5295 7")),
        ("Ring me on 079 123 45 67.", ("PHONE", "079 123 45 67")),
        ("Je m'appelle Mathilde Berthoud.", ("PERSON", "Mathilde Berthoud")),
        ("Mi chiamo Ruggero Castellani.", ("PERSON", "Ruggero Castellani")),
    ],
)
def test_what_only_its_surroundings_give_away_is_found(text: str, expected: tuple[str, str]) -> None:
    assert expected in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "Will my payment arrive in time, and may I pay later?",
        "She has Parkinson's disease and takes ibuprofen 400 mg twice daily.",
        "A Foley catheter was placed without difficulty.",
        "The fee is CHF 12.50 and the limit is 5,000 francs.",
        "We refund you 20 CHF for the booking error.",
        "Nous remboursons 75 CHF demain.",
        "Wir erstatten 45.50 Franken zurück.",
        "The account costs 10'000 Franken a month.",
        "Blood pressure 120/80, heart rate 72, oxygen saturation 98 percent.",
        "My update to version 4.2.1 failed with error 1603.",
        "Please answer in JSON format.",
        '[{"id":"call_1","type":"function","function":{"name":"get","arguments":"{\\"x\\": 1}"}}]',
        "[PERSON], IBAN [IBAN]",
        "What is Markdown?",
        "content type application/json",
        "Move the ticket from Jira to Azure.",
        "Wie hoch ist die Gebühr pro Jahr?",
        "",
        " \n",
    ],
)
def test_what_points_to_nobody_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_a_name_beside_a_word_of_computing_is_found() -> None:
    assert ("PERSON", "Margrit Oberholzer") in found("Margrit Oberholzer wants the answer in JSON.")
    assert ("PERSON", "Kafka") in found("I spoke to Mr Kafka about the API.")


def test_names_and_addresses_beside_an_amount_are_found() -> None:
    assert ("PERSON", "Hans Franken") in found("Hans Franken paid 20 Franken.")
    assert ("PERSON", "Franken") in found("In 2008 Franken won the seat.")
    assert ("ADDRESS", "75 Franken Street") in found("She lives at 75 Franken Street, Springfield.")
    text = "Please send it to Bahnhofstrasse 20, 8001 Zürich, and refund 20 CHF."
    assert found(text) == [("ADDRESS", "Bahnhofstrasse 20, 8001 Zürich")]


def test_people_in_a_list_are_found_one_by_one_and_titles_are_no_part_of_a_name() -> None:
    text = "We met Sandra Keller, Paul Meier and Dr. Olga Petrova in the evening."
    assert [each for each in found(text) if each[0] == "PERSON"] == [
        ("PERSON", "Sandra Keller"),
        ("PERSON", "Paul Meier"),
        ("PERSON", "Olga Petrova"),
    ]
    assert ("PERSON", "KOWALSKI, ANNA") in found("PATIENT: KOWALSKI, ANNA   MRN: 00417733")


def test_names_block_and_what_points_to_nobody_alone_is_only_flagged() -> None:
    assert GUARD.check("My name is Margrit Oberholzer.", {}).verdict == "block"
    assert GUARD.check("We moved to Norway last year.", {}).verdict == "flag"


def test_patterns_alone_find_no_names() -> None:
    text = "Margrit Oberholzer, 079 123 45 67, of Norway"
    assert found(text, detect="patterns") == [("PHONE", "079 123 45 67")]
    assert ("PERSON", "Margrit Oberholzer") in found(text)


def test_a_rule_can_look_for_some_types_and_pass_over_its_own_values() -> None:
    text = "Margrit Oberholzer, 079 123 45 67 or 044 668 18 00"
    assert found(text, types=["PHONE"]) == [("PHONE", "079 123 45 67"), ("PHONE", "044 668 18 00")]
    assert found(text, types=["PHONE"], allow=["044 668  18 00"]) == [("PHONE", "079 123 45 67")]


def test_a_published_value_is_one_that_stands_whole_in_a_passage() -> None:
    text = "He is a 71-year-old man."
    assert found(text, knowledge=["Fee 1714."]) == [("AGE", "71")]
    assert found(text, knowledge=["Free from 71 on."]) == []


def test_tags_of_what_was_masked_before_are_nobody() -> None:
    assert found("Dear [PERSON], we will call [PERSON_2] on [PHONE].") == []


def test_the_verdict_is_there_at_once_where_it_is_known() -> None:
    text = "Please call Margrit Oberholzer, and nobody else, on this matter."
    assert GUARD.quick is not None
    assert GUARD.quick(text, {}) is None
    verdict = GUARD.check(text, {})
    assert GUARD.quick(text, {}) == verdict
    assert GUARD.quick("not seen before 079 123 45 67", {"detect": "patterns"}) is not None
    assert GUARD.quick("", {}) is not None


def test_all_of_a_long_text_is_looked_at() -> None:
    filler = "The fee did not change and nobody asked about it. " * 200
    text = filler + "Please call Margrit Oberholzer about it. " + filler
    assert ("PERSON", "Margrit Oberholzer") in found(text)
    assert GUARD.check(text, {}).complete


def test_beyond_its_bound_the_verdict_says_that_it_is_not_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pii, "TEXT_LENGTH_MAX", 300)
    text = "The fee did not change. " * 20 + "My number is 079 123 45 67."
    verdict = GUARD.check(text, {})
    assert not verdict.complete
    assert [each.type for each in verdict.findings] == ["PHONE"]
    assert GUARD.check(text, {"detect": "patterns"}).complete


def test_a_missing_network_is_an_error_and_no_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pii_network, "_network", Network(tmp_path))
    with pytest.raises(InputError, match="missing"):
        GUARD.check("Nobody has seen this sentence about Margrit Oberholzer before.", {})


PIECES = [
    *(
        "Margrit Oberholzer ",
        "lives at 47 Larkspur Lane, ",
        "Millbrook, NY 12545. ",
        "Tel. 079 123 45 67",
        " ext. 12 ",
        "MRN: 4471902\n",
    ),
    *(
        "geb. 03.04.1970 ",
        "CH93 0076 2011 ",
        "6238 5295 7",
        " a@b.example.ch",
        "https://x.example/a?token=",
        "abcdefghij",
        "\n\n",
        ". ",
        "Dr. ",
    ),
    *("The fee did not change and nobody asked about it. ", "x" * 90, "1" * 30, "4111 1111 1111 1111 ", "ſİß ", "[PERSON_2] "),
]


def texts() -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=30).map("".join)


@settings(max_examples=60, deadline=None)
@given(texts(), st.data())
def test_what_is_judged_for_good_stays(text: str, data: st.DataObject) -> None:
    assert GUARD.settled is not None
    place = data.draw(st.integers(0, len(text)))
    beginning = text[:place]
    bound = GUARD.settled(beginning)
    assert 0 <= bound <= place

    def before(value: str, context: dict[str, Any]) -> list[Finding]:
        return [each for each in GUARD.check(value, context).findings if each.start < bound]

    for context in ({}, {"detect": "patterns"}):
        assert before(beginning, context) == before(text, context)


@settings(max_examples=60, deadline=None)
@given(texts(), st.data())
def test_a_segment_begins_where_it_began_before_the_text_went_on(text: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(text)))
    starts, earlier = pii_text.segment_starts(text), pii_text.segment_starts(text[:place])
    assert starts[: len(earlier)] == earlier
    assert all(end - start <= pii_text.SEGMENT_LENGTH_MAX for start, end in zip(starts, [*starts[1:], len(text)], strict=True))
    assert "".join(text[start:end] for _, start, end in pii_text.segments(text)) == text


def test_a_growing_text_is_settled_before_long() -> None:
    text = "The fee did not change and nobody asked about it. " * 40
    assert GUARD.settled is not None
    assert GUARD.settled(text) >= len(text) - pii_text.SEGMENT_LENGTH_MAX - pii.AHEAD_MAX


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=400))
def test_any_text_has_findings_inside_it(text: str) -> None:
    last = 0
    for each in sorted(pii_network.find(text), key=lambda each: each.start):
        assert last <= each.start < each.end <= len(text)
        assert 0 < each.score < 1
        last = each.end


@pytest.mark.parametrize("before", [636, 664, 692])
def test_a_name_amid_syllables_that_are_several_tokens_each_is_found(before: int) -> None:
    """The network reads a segment to its end, however many tokens it has."""
    filler = "각각각 " * 400
    text = f"{filler[:before]}My name is Verena Hugentobler, {filler}"[:1_100]
    assert any("Hugentobler" in text[each.start : each.end] for each in pii.find(text, detect="full"))
