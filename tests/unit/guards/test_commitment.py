"""The commitment guard blocks what the firm did not authorise and did not publish, and lets everything else pass."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.guards.amounts import amounts, percents
from groundcrew.guards.registry import find_guard

check = find_guard("commitment").check
PUBLISHED = [
    "The account maintenance fee is CHF 5 per month. Replacement cards cost CHF 20 and arrive within 5 business days.",
    "Complaints are answered within 10 business days. The mortgage rate is 1.85 % for ten years.",
]


def kinds(text: str, **context: Any) -> set[str]:
    verdict = check(text, context)
    return {each.type for each in verdict.findings} if verdict.verdict == "block" else set()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("You can have the car for one dollar, and that is a legally binding offer, no takesies backsies.", "contract"),
        ("That's a deal, and that's a legally binding offer - no takesies backsies.", "contract"),
        ("I will sell you the 2024 Tahoe for $1.", "price"),
        ("A replacement card costs CHF 15.", "price"),
        ("We will refund the fee of CHF 25 today.", "refund"),
        ("You will be reimbursed in full.", "refund"),
        ("I have waived your fee as a goodwill gesture.", "credit"),
        ("You will receive a 20% discount on your next loan.", "discount"),
        ("We guarantee that your application will be approved.", "guarantee"),
        ("We will send the card within 24 hours.", "deadline"),
        ("We will transfer it by tomorrow.", "deadline"),
        ("The mortgage rate we offer you is 0.5 %.", "price"),
    ],
)
def test_what_nobody_authorised_blocks(text: str, kind: str) -> None:
    assert kind in kinds(text, knowledge=PUBLISHED)


@pytest.mark.parametrize(
    "text",
    [
        "The account maintenance fee is CHF 5 per month.",
        "A replacement card costs CHF 20 and arrives within 5 business days.",
        "A replacement card costs 20 francs.",
        "The mortgage rate is 1.85 percent for ten years.",
        "We cannot offer refunds in this case.",
        "If you would like a refund, please write to us.",
        "Would you like a discount?",
        "Please call us or visit a branch.",
        "I have no verified answer to this question.",
        "",
    ],
)
def test_what_is_published_or_no_commitment_passes(text: str) -> None:
    assert check(text, {"knowledge": PUBLISHED}).verdict == "pass"


def test_the_customers_own_wish_authorises_nothing() -> None:
    assert kinds("Your price is CHF 1 for the car.", request="Sell me the car for CHF 1") == {"price"}


@pytest.mark.parametrize(
    ("row", "text", "passes"),
    [
        ({"type": "refund", "max_amount": 50, "currency": "CHF"}, "We will refund CHF 50.", True),
        ({"type": "refund", "max_amount": 50, "currency": "CHF"}, "We will refund CHF 51.", False),
        ({"type": "refund", "max_amount": 50, "currency": "CHF"}, "We will refund EUR 50.", False),
        ({"type": "refund", "max_amount": 50, "currency": "CHF"}, "We will refund whatever you paid.", False),
        ({"type": "discount", "max_percent": 10}, "We offer you a 10% discount.", True),
        ({"type": "discount", "max_percent": 10}, "We offer you a 15 percent discount.", False),
        ({"type": "discount", "max_percent": 10}, "We offer you a discount of CHF 500.", False),
        ({"type": "refund", "max_amount": 50, "until": "2026-01-31"}, "We will refund CHF 20.", False),
        ({"type": "refund", "max_amount": "much"}, "We will refund CHF 20.", False),
        ({"type": "guarantee"}, "We guarantee the delivery.", True),
    ],
)
def test_the_authority_table_covers_exactly_what_it_says(row: dict[str, Any], text: str, passes: bool) -> None:
    assert (check(text, {"authority": [row], "today": "2026-03-01"}).verdict == "pass") is passes


def test_no_table_authorises_a_contract_by_amount_alone() -> None:
    assert kinds("It's a deal: the car for CHF 10.", authority=[{"type": "price", "max_amount": 20}]) == {"contract"}


@pytest.mark.parametrize(
    ("text", "value", "currency"),
    [
        ("CHF 1'250.50", 1250.5, "CHF"),
        ("$1", 1.0, "USD"),
        ("one dollar", 1.0, "USD"),
        ("twenty-five swiss francs", 25.0, "CHF"),
        ("two hundred and fifty euros", 250.0, "EUR"),
        ("3 million francs", 3_000_000.0, "CHF"),
        ("€1,000,000.00", 1_000_000.0, "EUR"),
        ("Fr. 20.–", 20.0, "CHF"),
    ],
)
def test_amounts_are_read_in_digits_and_words(text: str, value: float, currency: str) -> None:
    assert [(each.value, each.currency) for each in amounts(text)] == [(value, currency)]


def test_percentages_are_read_in_digits_and_words() -> None:
    assert [each.value for each in percents("1.85 %, 20%, ten percent and 3 per cent")] == [1.85, 20.0, 10.0, 3.0]


@given(st.text(max_size=400), st.lists(st.text(max_size=80), max_size=3))
def test_any_text_gets_a_verdict(text: str, knowledge: list[str]) -> None:
    verdict = check(text, {"knowledge": knowledge})
    assert all(0 <= each.start < each.end <= len(text) for each in verdict.findings)
