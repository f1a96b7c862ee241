"""Figures in the notations and words of four languages, and dates: what means the same agrees, and odd texts are read in bounded
time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundcrew.grounding.checks import run_checks
from groundcrew.grounding.evidence import Evidence
from groundcrew.grounding.facts.dates import agree, moments
from groundcrew.grounding.facts.numerals import word_value
from groundcrew.grounding.facts.quantities import Quantity, quantities, same_value
from groundcrew.grounding.ranking import choose_window
from groundcrew.grounding.reading import ANCHORS_MAX
from groundcrew.grounding.statement import read_statement


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("zweihundertfünfzig", 250),
        ("eintausendfünfhundert", 1500),
        ("hundertzwanzig", 120),
        ("duecentocinquanta", 250),
        ("ventuno", 21),
        ("anderthalb", 1.5),
        ("zweieinhalb", 2.5),
        ("fünfundvierzig", 45),
        ("due", None),
        ("wunderhundert", None),
    ],
)
def test_numbers_as_one_word(word: str, value: float | None) -> None:
    assert word_value(word) == value


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("1.000,50 EUR", "€1,000.50"),
        ("2k francs", "CHF 2'000"),
        ("$8.2m", "8.2 million dollars"),
        ("one hundred and twenty-five thousand dollars", "USD 125,000"),
        ("two and a half years", "30 months"),
        ("anderthalb Stunden", "90 minutes"),
        ("half an hour", "30 minutes"),
        ("eine halbe Stunde", "30 Minuten"),
        ("mezz'ora", "30 minuti"),
        ("an hour and a half", "90 min"),
        ("1 hour 30 minutes", "90 minutes"),
        ("2 years and 6 months", "30 months"),
        ("a fortnight", "14 days"),
        ("die dreimonatige Frist", "3 months"),
        ("eine 14-tägige Frist", "two weeks"),
        ("quatre-vingt-dix jours", "90 days"),
        ("two thirds", "67%"),
        ("ein Viertel", "25 %"),
        ("one in ten", "10%"),
        ("1 von 10", "10 Prozent"),
        ("14 mm", "1.4 cm"),
        ("400°F", "205 °C"),
        ("2 1/2 cups", "2.5 cups"),
    ],
)
def test_quantities_mean_the_same(left: str, right: str) -> None:
    assert same_value(quantities(left)[0], quantities(right)[0])


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("30 days", "a month"),
        ("45 thousand", "45 million"),
        ("two thirds", "75%"),
        ("one in ten", "1%"),
        ("0.5 %", "0.5 percentage points"),
        ("14 mm", "14 cm"),
        ("2 °C", "2 °F"),
    ],
)
def test_quantities_mean_something_else(left: str, right: str) -> None:
    assert not same_value(quantities(left)[0], quantities(right)[0])


@pytest.mark.parametrize(
    ("text", "dimensions"),
    [
        ("stored at 2–8 °C", ["celsius", "celsius"]),
        ("between 30 and 40 years", ["months", "months"]),
        ("CHF 300 to 2,500", ["currency:CHF", "currency:CHF"]),
        ("zwischen 300 und 2'500 Franken", ["currency:CHF", "currency:CHF"]),
        ("BP 145/90", ["systolic", "diastolic"]),
        ("145 over 90", ["systolic", "diastolic"]),
        ("repeat step 4", ["label:step"]),
        ("hepatitis B", ["label:hepatitis"]),
        ("/etc/vault/retention.yaml", ["code"]),
        ("400 mg tid", ["mass", ""]),
        ("Triple Threat", []),
    ],
)
def test_units_reach_both_ends_and_labels_are_no_amounts(text: str, dimensions: list[str]) -> None:
    assert [quantity.dimension for quantity in quantities(text)] == dimensions


@pytest.mark.parametrize(
    ("claimed", "stated"),
    [
        ("Q2 2026", "in the second quarter of 2026"),
        ("im zweiten Quartal 2026", "2Q26"),
        ("in the second quarter", "on 12 May 2026"),
        ("2009", "2008/09"),
        ("10 December", "from 10 to 15 December"),
        ("4 January 2026", "2026-01-04 12:00:00"),
        ("March 2026", "2026-03"),
    ],
)
def test_moments_agree(claimed: str, stated: str) -> None:
    assert any(agree(moments(claimed)[0], moment) for moment in moments(stated))


def test_another_quarter_disagrees() -> None:
    assert not agree(moments("Q3 2026")[0], moments("the second quarter of 2026")[0])
    assert not agree(moments("in the second quarter")[0], moments("on 12 July 2026")[0])


AMOUNTS = st.integers(min_value=1, max_value=9_999_999)


@given(AMOUNTS)
def test_every_grouping_of_an_amount_is_the_same_amount(amount: int) -> None:
    plain = quantities(f"CHF {amount}")[0]
    grouped = f"{amount:,}"
    for notation in (grouped, grouped.replace(",", "'"), grouped.replace(",", "."), grouped.replace(",", " "), f"{amount}.00"):
        assert same_value(plain, quantities(f"CHF {notation}")[0]), notation


@given(AMOUNTS, AMOUNTS)
def test_agreement_is_symmetric_and_strict(one: int, other: int) -> None:
    left, right = quantities(f"{one} days")[0], quantities(f"{other} days")[0]
    assert same_value(left, right) == same_value(right, left) == (one == other)


PIECES = st.sampled_from(
    ["12", "1'000.50", "and", "a half", "of", "zwei", "hundred", "/", "–", "to", "CHF", "%", "if", "not", "no", "left", "right",
     "L ", "free", "every", "some", ":", ",", ";", "Q", "Mon", "und", "So", "3 March 2027", "half an", "hour", "(", ")", "🙂",
     "Dr.", "Anna", "PD", "…", "1/2", "145/90", "hepatitis B", "/a/b", "einhalb", "tausend", "'", "\n", "\u00a0", "x" * 60]
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES, max_size=120), st.lists(PIECES, max_size=120))
def test_odd_texts_are_checked_without_an_error(claimed: list[str], stated: list[str]) -> None:
    claim, evidence = read_statement(" ".join(claimed)), Evidence([" ".join(stated)])
    for quantity in claim.quantities:
        assert isinstance(quantity, Quantity)
        assert claim.text[quantity.start : quantity.end].strip() == quantity.text
    window = choose_window(claim, frozenset(), evidence)
    anchors = [evidence.sentences[number] for number in window.ranked[:ANCHORS_MAX]] if window is not None else []
    for finding in run_checks(claim, frozenset(), evidence, anchors, lambda _: -1.0):
        assert finding.reason
        assert 0.0 < finding.support_max <= 1.0
