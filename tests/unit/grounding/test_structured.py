"""Structured sources: each row reads as a sentence and rests on the words that say it, whatever the text looks like."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.grounding.evidence import Evidence
from groundcrew.grounding.structured import quotable, structured_regions

ODD = [
    '{"a":',
    "[",
    '["a",',
    "a|b\n",
    "a: b\n",
    '"',
    '{"',
    "<tr><td>",
    "a,b\n",
    "a\tb",
    "x  y",
    "[[1],",
    "{'a':'",
    "- k: v\n",
    "||",
    "a;b\n",
]


def rows(source: str) -> list[tuple[str, str]]:
    """(sentence, what it rests on) for every structured row."""
    return [(each.text, source[each.start : each.end]) for each in quotable(source) if each.structured]


def test_json_names_its_things_and_keeps_units() -> None:
    source = (
        '{"name": "Zug branch", "openingHours": {"monday": "9–17", "saturday": null}, "wheelchair": true,'
        ' "cards": [{"name": "Gold", "fee": {"amount": 120, "currency": "CHF"}}, {"name": "Silver", "price_chf": 48}]}'
    )
    assert ("opening hours monday of Zug branch: 9–17", '"monday": "9–17"') in rows(source)
    assert ("wheelchair of Zug branch: yes", '"wheelchair": true') in rows(source)
    assert ("fee amount of Gold: 120 CHF", '"amount": 120') in rows(source)
    assert ("price of Silver: 48 CHF", '"price_chf": 48') in rows(source)
    assert not any("saturday" in text for text, _ in rows(source))


def test_json_that_stops_in_the_middle_keeps_what_is_there() -> None:
    source = 'Record: {"name": "Gold card", "fee": "CHF 120", "colours": ["red", "blu'
    assert rows(source) == [
        ("name: Gold card", '"name": "Gold card"'),
        ("fee of Gold card: CHF 120", '"fee": "CHF 120"'),
        ("colours of Gold card: red, blu", '"colours": ["red", "blu'),
    ]


def test_json_pairs_and_records_by_date() -> None:
    source = (
        '{"name": "Phone X", "specs": [{"name": "Weight", "value": "92 g"}],'
        ' "days": [{"temp": 3, "date": "2024-01-04"}, {"temp": 5, "date": "2024-01-05"}]}'
    )
    texts = [text for text, _ in rows(source)]
    assert "Weight of Phone X: 92 g" in texts
    assert "temp of days 2024-01-04, Phone X: 3" in texts
    assert "temp of days 2024-01-05, Phone X: 5" in texts


@pytest.mark.parametrize(
    "source",
    [
        "| Card | Fee (CHF) | Limit |\n|---|---:|---|\n| Gold | 120 | CHF 5,000 |\n| Silver | 48 | |",
        "Card\tFee (CHF)\tLimit\nGold\t120\tCHF 5,000\nSilver\t48\t",
        "Card;Fee (CHF);Limit\nGold;120;CHF 5,000\nSilver;48;",
        'Card,Fee (CHF),Limit\nGold,120,"CHF 5,000"\nSilver,48,',
        "<table><tr><th>Card</th><th>Fee (CHF)</th><th>Limit</th></tr>"
        "<tr><td>Gold</td><td>120</td><td><b>CHF 5,000</b></td></tr><tr><td>Silver</td><td>48</td><td></td></tr></table>",
    ],
)
def test_tables_of_every_kind_say_the_same(source: str) -> None:
    assert [text for text, _ in rows(source)] == ["Fee of Gold: 120 CHF", "Limit of Gold: CHF 5,000", "Fee of Silver: 48 CHF"]
    for text, quote in rows(source):
        assert text.rsplit(" ", 1)[0].split(" of ")[1].split(":")[0] in quote


def test_a_table_after_prose_with_a_pipe_keeps_its_header() -> None:
    source = "Choose A | B:\n| Card | Fee |\n|---|---|\n| Gold | CHF 120 |\nThat is all."
    assert rows(source) == [("Fee of Gold: CHF 120", "| Gold | CHF 120 |")]
    assert [each.text for each in quotable(source) if not each.structured] == ["Choose A | B:", "That is all."]


def test_boxes_take_their_subject_from_title_heading_or_underline() -> None:
    assert [text for text, _ in rows("title: In Rainbows\nReleased: 10 October 2007\nInstance of: album")] == [
        "title: In Rainbows",
        "Released of In Rainbows: 10 October 2007",
        "In Rainbows: Instance of album",
    ]
    assert ("Fee of Gold card: CHF 48", "Fee: CHF 48") in rows("# Gold card\n\nFee: CHF 48\nLimit: CHF 5,000")
    assert ("genre of The Haunted: film", "genre: film") in rows("The Haunted\n---\n- genre: film\n- country: Italy")


def test_flattened_records_keep_group_time_and_unit() -> None:
    source = (
        "homeTeam name: Tappara\nhomeTeam country: Finland\nunits temp: °C\n"
        "list temp: 3\nlist dt_txt: 2024-01-04\nlist temp: 5\nlist dt_txt: 2024-01-05"
    )
    texts = [text for text, _ in rows(source)]
    assert "country of home team Tappara: Finland" in texts
    assert "temp of 2024-01-04: 3 °C" in texts
    assert "temp of 2024-01-05: 5 °C" in texts


@pytest.mark.parametrize(
    "source",
    [
        "We charge a fee, and we say so.\nYou may ask us, and we reply.\nIt is simple, as it was.",
        "[1] The card costs CHF 48. [2] It is blue.",
        "Note: call us.\n\nThe rest is prose.",
        "See {this} and [that]. Choose A | B.",
        "Zug, 3 May.\nBaar, 4 May.",
    ],
)
def test_prose_stays_prose(source: str) -> None:
    assert rows(source) == []


def test_evidence_reads_rows_as_sentences_and_quotes_the_original() -> None:
    source = "Fees.\n\n| Card | Fee |\n|---|---|\n| Gold | CHF 120 |"
    (row,) = [each for each in Evidence([source]).sentences if "Gold" in each.statement.text]
    assert row.statement.text == "Fee of Gold: CHF 120"
    assert source[row.start : row.end] == "| Gold | CHF 120 |"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(JSON_VALUES, st.integers(0, 200))
def test_any_json_cut_anywhere_rests_on_its_words(value: object, cut: int) -> None:
    _holds(json.dumps(value, ensure_ascii=False)[: 400 - cut])


@given(st.text(alphabet='ab1:|,;\t\n{}[]"\\- #.', max_size=120))
def test_any_text_of_marks_rests_on_its_words(source: str) -> None:
    _holds(source)


def _holds(source: str) -> None:
    position = 0
    for start, end, found in structured_regions(source):
        assert position <= start < end <= len(source)
        assert all(start <= row.start < row.end <= end and row.text.strip() for row in found)
        position = end
    for each in quotable(source):
        assert 0 <= each.start < each.end <= len(source)
        assert each.structured or each.text == source[each.start : each.end]


@pytest.mark.parametrize("odd", ODD)
def test_odd_inputs_are_bounded(odd: str) -> None:
    source = odd * (20_000 // len(odd))
    assert len([each for each in quotable(source) if each.structured]) <= 8_000
