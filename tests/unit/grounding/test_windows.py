"""Which sentences are read beside a claim."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from groundcrew.grounding.evidence import Evidence
from groundcrew.grounding.statement import read_statement
from groundcrew.grounding.windows import ROWS_CHARS_MAX, WINDOW_CHARS_MAX, are_rows, chosen_sentences, evidence_window

FILLER = "The branch hall was painted last spring by a local firm. Visitors like the new colours very much. "


def window(claim: str, *sources: str, similarities: dict[int, float] | None = None) -> str:
    return evidence_window(read_statement(claim), Evidence(sources), similarities)


def test_the_sentence_that_says_it_is_found_in_a_long_source():
    source = FILLER * 30 + "Withdrawals abroad cost CHF 5 each. " + FILLER * 30
    found = window("Each withdrawal abroad costs five francs.", source)
    assert "Withdrawals abroad cost CHF 5 each." in found
    assert len(found) <= WINDOW_CHARS_MAX


def test_a_claim_of_two_facts_gets_both_even_from_two_sources():
    first = FILLER * 8 + "The card costs CHF 50 a year."
    second = FILLER * 8 + "Lost cards are blocked within ten minutes."
    found = window("The card costs CHF 50 a year and lost cards are blocked within ten minutes.", first, second)
    assert "CHF 50 a year" in found
    assert "within ten minutes" in found


def test_sentences_stand_in_the_order_of_the_sources():
    source = "Alpha fees are due in March. Beta fees are due in May. Gamma fees are due in June."
    evidence = Evidence([source])
    numbers = [sentence.number for sentence in chosen_sentences(read_statement("Gamma and Alpha fees"), evidence)]
    assert numbers == sorted(numbers)


def test_the_title_comes_along():
    source = "# Savings account Comfort\n\n" + FILLER * 6 + "\n\nThe interest rate is 1.2 percent."
    assert "Savings account Comfort" in window("The interest rate is 1.2 percent.", source)


def test_rows_of_a_record_keep_their_lines():
    source = "name: Comfort account\nfee: CHF 5\ncurrency: CHF\nminimum age: 18\ninterest: 0.5 %"
    assert are_rows(Evidence([source]))
    assert not are_rows(Evidence([FILLER]))
    found = window("The Comfort account has a fee of CHF 5.", source)
    assert "name: Comfort account\nfee: CHF 5" in found
    assert len(found) <= ROWS_CHARS_MAX


def test_similarity_finds_a_rewording_without_a_common_word():
    source = FILLER * 10 + "Cash machines are emptied nightly. " + FILLER * 10
    evidence = Evidence([source])
    number = next(sentence.number for sentence in evidence.sentences if "emptied" in sentence.statement.text)
    assert "emptied nightly" in window("ATMs hold no money at dawn.", source, similarities={number: 0.7})


def test_no_sentence_no_window():
    assert window("Anything.", "") == ""
    assert window("", FILLER) != ""


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=60), st.lists(st.text(max_size=300), max_size=3))
def test_any_text_gives_a_bounded_window_of_source_sentences(claim: str, sources: list[str]):
    evidence = Evidence(sources)
    chosen = chosen_sentences(read_statement(claim), evidence)
    assert bool(chosen) is bool(evidence.sentences)
    assert len({sentence.number for sentence in chosen}) == len(chosen)
    if len(chosen) > 2:
        assert sum(len(sentence.statement.text) + 1 for sentence in chosen[1:]) <= ROWS_CHARS_MAX


def test_rows_restated_for_people_are_read_without_the_subject_that_each_repeats():
    source = '{"product": {"name": "Comfort account", "fee": "CHF 5", "minimum age": 18, "currency": "CHF", "branch": "Zug"}}'
    found = window("The fee is CHF 5.", source)
    assert "CHF 5" in found
    assert found.count("Comfort account") <= 1


def test_rows_full_of_figures_are_counted_by_what_they_cost():
    filler = "\n".join(f"dimension {number}: 144.4 x 72.5 x {number}.7 mm (5.69 x 2.85 x 0.{number} in)" for number in range(12))
    source = f"name: Noir S6\n{filler}\nprocessor: quad-core 1.3 GHz"
    found = window("It has a quad-core processor.", source)
    assert "quad-core 1.3 GHz" in found
    assert len(found) <= 0.8 * ROWS_CHARS_MAX
