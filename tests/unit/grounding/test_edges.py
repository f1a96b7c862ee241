"""What the trust score does at its edges: a defined state for any answer and any sources, never NaN, never a trust that nothing
earned; with and without the network."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundcrew.domain.trust import TrustReport
from groundcrew.grounding.trust import TrustScorer

SOURCE = (
    "# Debit card\n\nThe debit card costs CHF 48 per year. Withdrawals abroad cost CHF 5 each. "
    "You can block the card at any time in the app.\n\nThe branch in Zug is open Monday to Friday from 9.00 to 17.00."
)
TABLE = "| Card | Annual fee |\n|---|---|\n| Gold | CHF 120 |\n| Silver | CHF 48 |"
RECORD = '{"name": "Gold card", "fee": "CHF 120", "limit": {"amount": 5000, "currency": "CHF"}, "colours": ["red", "blu'
LOW = 0.5


@pytest.fixture(scope="module", params=["words and checks", "as shipped"])
def scorer(request: pytest.FixtureRequest) -> TrustScorer:
    return TrustScorer(None) if request.param == "words and checks" else TrustScorer.shipped()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "the answer is empty"),
        (" \n\t\u00a0", "the answer is empty"),
        ("\u200b\u200b\ufeff", "the answer asserts nothing"),
        ("👍🎉", "the answer asserts nothing"),
        ("...", "the answer asserts nothing"),
        ("---\n***", "the answer asserts nothing"),
        ("Dear Ms Keller,\n\nKind regards,\nAnna Meier", "the answer asserts nothing"),
        ("Which card do you use?", "the answer asserts nothing"),
        ("I have no verified answer to this question.", "the answer is a refusal"),
        ("Leider habe ich dazu keine geprüfte Antwort.", "the answer is a refusal"),
    ],
)
@pytest.mark.parametrize("sources", [[], [SOURCE]], ids=["no sources", "sources"])
def test_what_asserts_nothing_has_no_trust(scorer: TrustScorer, answer: str, reason: str, sources: list[str]) -> None:
    report = scorer.score(answer, sources)
    assert (report.trust, report.state, report.reason, report.claims) == (None, "no_claims", reason, ())


@pytest.mark.parametrize("sources", [[], [""], ["\u200b"], ["---", "👍", "| | |"], [" "] * 300])
def test_claims_without_a_source_that_says_something_are_worth_nothing(scorer: TrustScorer, sources: list[str]) -> None:
    report = scorer.score("The card costs CHF 48. It is blue.", sources)
    assert report.trust is not None
    assert report.trust <= 0.05
    assert report.state in ("no_sources", "unsupported")


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ("The debit card costs CHF 48 per year.", SOURCE),
        ("THE DEBIT CARD costs  CHF 48\nper year.", SOURCE),
        ("The debit card costs CHF ４８ per year.", SOURCE),
        ("The de\u00adbit card costs CHF 48 per year.", SOURCE),
        ("The debit card costs CHF 48 per year.", SOURCE.replace("debit", "de\u00adbit")),
        ("The debit\u00a0card costs CHF\u202f48 per year.", SOURCE),
        ("| Gold | CHF 120 |", TABLE),
        ("البطاقة تكلف ٤٨ فرنكا في السنة.", "البطاقة تكلف ٤٨ فرنكا في السنة. السحب مجاني."),
        ("Die Karte ist gratis. The card is free.", "The card is free.\n\nDie Karte ist gratis."),
        (SOURCE, SOURCE),
        ("The card is free and can be blocked at any time.", "The card is free and can be blocked at any time."),
    ],
)
def test_what_stands_in_the_source_is_supported(scorer: TrustScorer, answer: str, source: str) -> None:
    report = scorer.score(answer, ["Something else entirely.", source])
    assert report.state == "supported", report
    assert report.trust is not None
    assert report.trust >= 0.9
    for claim in report.claims:
        assert claim.source == 1
        assert claim.quote is not None
        assert 0 <= claim.quote[0] < claim.quote[1] <= len(source)


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ("The debit card costs CHF ８４ per year.", SOURCE),
        ("The debit card costs CHF ٨٤ per year.", SOURCE),
        ("The debit card costs CHF 4\u200b9 per year.", SOURCE),
        (f"The debit card costs CHF {10**400} per year.", SOURCE),
        ("The debit card costs CHF 1e999 per year.", SOURCE),
        ("The debit card costs CHF -48'000'000'000'000'000'000 per year.", SOURCE),
        ("The annual fee of the Gold card is CHF 48.", TABLE),
        ("The fee of the Gold card is CHF 5000.", RECORD),
        ("👍 The debit card costs CHF 84 per year 👍", SOURCE),
        ("La carte de débit coûte CHF 84 par an. The debit card costs CHF 84 per year.", SOURCE),
        ("השקעה מובטחת ללא סיכון.", SOURCE),
        ("The debit card costs CHF 48 per year. " * 600, SOURCE),
        ("x" * 30_000, SOURCE),
        ("word " * 5_000, SOURCE),
        ("Yes.", SOURCE),
    ],
    ids=range(15),
)
def test_what_does_not_is_not(scorer: TrustScorer, answer: str, source: str) -> None:
    report = scorer.score(answer, [source])
    assert report.state == "unsupported"
    assert report.trust is not None
    assert report.trust < LOW


@pytest.mark.parametrize(
    ("claim", "source", "quote"),
    [
        ("The annual fee of the Gold card is CHF 120.", TABLE, "| Gold | CHF 120 |"),
        ("The Gold card has an annual fee of CHF 120.", TABLE, "| Gold | CHF 120 |"),
        ("The Gold card has a fee of CHF 120.", RECORD, '"fee": "CHF 120"'),
        ("The limit of the Gold card is CHF 5000.", RECORD, '"amount": 5000'),
    ],
)
def test_a_row_is_quoted_where_it_stands(claim: str, source: str, quote: str) -> None:
    report = TrustScorer(None).score(claim, [source])
    (scored,) = report.claims
    assert scored.quote is not None
    assert source[slice(*scored.quote)] == quote
    assert not scored.contradicted


def test_only_two_hundred_passages_are_read(scorer: TrustScorer) -> None:
    passages = [f"Product {number} costs CHF {number + 1000} per year." for number in range(200)]
    assert scorer.score("Product 199 costs CHF 1199 per year.", passages).state == "supported"
    assert scorer.score("The debit card costs CHF 48 per year.", [*passages, SOURCE]).state == "unsupported"


TEXTS = st.one_of(
    st.text(max_size=120),
    st.text(alphabet=st.characters(categories=["Nd", "Cf", "Zs", "Po", "Sc"]), max_size=60),
    st.sampled_from(
        [SOURCE, TABLE, RECORD, "CHF 48", "½ 20.– %", "1.000,00 €", "3.3.2027", "\u202e48\u202c", "9" * 400, "NaN", "inf"]
    ),
)


@settings(max_examples=120, deadline=None)
@given(st.lists(TEXTS, max_size=4).map(" ".join), st.lists(TEXTS, max_size=3))
def test_any_text_has_a_defined_report(answer: str, sources: list[str]) -> None:
    _holds(TrustScorer(None).score(answer, sources), answer, sources)


@settings(max_examples=15, deadline=None)
@given(st.lists(TEXTS, max_size=3).map(" ".join), st.lists(TEXTS, max_size=2))
def test_any_text_has_a_defined_report_as_shipped(answer: str, sources: list[str]) -> None:
    _holds(TrustScorer.shipped().score(answer, sources), answer, sources)


def _holds(report: TrustReport, answer: str, sources: list[str]) -> None:
    assert (report.trust is None) == (report.state == "no_claims") == (not report.claims)
    for span in report.unsupported:
        assert 0 <= span[0] < span[1] <= len(answer)
    if report.trust is None:
        assert report.reason
        return
    assert math.isfinite(report.trust)
    assert 0.0 <= report.trust < 1.0
    for claim in report.claims:
        assert math.isfinite(claim.support)
        assert 0.0 <= claim.support < 1.0
        assert 0 <= claim.start < claim.end <= len(answer)
        assert (claim.quote is None) or (claim.source is not None and claim.quote[1] <= len(sources[claim.source]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["zulu", "yankee", "xray", "whiskey", "victor", "uniform"]), min_size=3, max_size=12).map(" ".join)
)
def test_words_that_no_source_has_are_never_supported(answer: str) -> None:
    report = TrustScorer(None).score(answer, [SOURCE, TABLE])
    assert report.trust is not None
    assert report.trust < LOW
