"""Figures that changed places in an enumeration, and retellings in which they did not."""

from __future__ import annotations

import pytest

from groundcrew.grounding.trust import TrustScorer

BOXES = "A small safe deposit box costs CHF 90 per year, a medium one CHF 150 and a large one CHF 280."
THERAPY = "Treatment lasts 21 days for adults and 14 days for children."
MACHINES = "A withdrawal at another bank's machine costs CHF 2 in Switzerland and CHF 5 abroad."
PLANS = "Basic costs 10 euros; Premium costs 15 euros."


@pytest.fixture(scope="module")
def scorer() -> TrustScorer:
    return TrustScorer.shipped()


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        (BOXES, "A small safe deposit box costs CHF 90 per year, a medium one CHF 280 and a large one CHF 150."),
        (BOXES, "The medium box is CHF 280 a year."),
        (BOXES, "You pay CHF 90 for a small box, CHF 280 for a medium one and CHF 150 for a large one."),
        (THERAPY, "Treatment lasts 14 days for adults and 21 days for children."),
        (THERAPY, "For children, treatment takes 21 days."),
        (MACHINES, "Withdrawals cost CHF 5 at other banks in Switzerland and CHF 2 abroad."),
        (PLANS, "Premium costs 10 euros and Basic costs 15 euros."),
    ],
)
def test_exchanged_figures_contradict_the_source(scorer: TrustScorer, source: str, answer: str) -> None:
    report = scorer.score(answer, [source])
    assert report.state == "unsupported"
    assert any(claim.contradicted for claim in report.claims)
    assert any("in the answer" in reason for claim in report.claims for reason in claim.reasons)


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        (BOXES, "A medium safe deposit box costs CHF 150 per year."),
        (BOXES, "You pay CHF 90 for a small box, CHF 150 for a medium one and CHF 280 for a large one."),
        (BOXES, "Boxes cost between CHF 90 and CHF 280 per year."),
        (THERAPY, "For children, treatment takes 14 days."),
        (MACHINES, "Withdrawals cost CHF 2 at other banks in Switzerland and CHF 5 abroad."),
        (MACHINES, "Abroad you pay CHF 5, in Switzerland CHF 2."),
        (PLANS, "Premium costs 15 euros and Basic costs 10 euros."),
    ],
)
def test_retellings_that_keep_each_figure_in_its_place_are_supported(scorer: TrustScorer, source: str, answer: str) -> None:
    report = scorer.score(answer, [source])
    assert report.state == "supported", report


PRODUCTS = "HomeShield Plus has a deductible of CHF 200. HomeShield Basic has a deductible of CHF 500."
LETTERS = "Plan A costs CHF 12. Plan B costs CHF 7."
ACCOUNTS = "The Savings Account pays 1.5 %. The Savings Account Plus pays 2 %."


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        (PRODUCTS, "HomeShield Plus has a deductible of CHF 500."),
        (PRODUCTS, "The deductible of HomeShield Plus is CHF 500."),
        (LETTERS, "Plan A costs CHF 7."),
        (ACCOUNTS, "The Savings Account Plus pays 1.5 %."),
    ],
)
def test_a_name_that_ends_in_a_function_word_is_a_name(scorer: TrustScorer, source: str, answer: str) -> None:
    assert scorer.score(answer, [source]).state == "unsupported"


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        (PRODUCTS, "The deductible of HomeShield Plus is CHF 200."),
        (LETTERS, "Plan A costs CHF 12."),
        (ACCOUNTS, "The Savings Account Plus pays 2 %."),
    ],
)
def test_the_right_figure_of_such_a_name_is_supported(scorer: TrustScorer, source: str, answer: str) -> None:
    assert scorer.score(answer, [source]).state == "supported"


@pytest.mark.parametrize(
    "refusal",
    [
        "I don't have that information.",
        "Das weiss ich leider nicht.",
        "Dazu habe ich leider keine Informationen.",
        "Unfortunately, the documents do not say anything about this.",
    ],
)
def test_a_refusal_has_no_trust(scorer: TrustScorer, refusal: str) -> None:
    report = scorer.score(refusal, [PRODUCTS])
    assert report.trust is None
    assert report.reason
