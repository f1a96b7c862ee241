"""Expenses: vendors by how they stand on statements, and nothing that only sounds alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundcrew.errors import InputError
from groundcrew.scanning.catalogue import load
from groundcrew.scanning.expenses import amount_of, scan_expenses

ROWS = """\
Date,Employee,Merchant,Description,Amount,Currency
2026-11-01,Anna,OPENAI *CHATGPT SUBSCR,monthly,20.00,USD
2026-10-01,Anna,OPENAI *CHATGPT SUBSCR,monthly,20.00,USD
2026-11-02,Beat,Claude.ai subscription,,18.00,EUR
2026-11-03,Beat,Museum shop,Claude Monet exhibition,35.00,CHF
2026-11-04,Cleo,Claude's Bakery,croissants,9.00,CHF
2026-11-05,Cleo,Perplexity Inc,Pro,20.00,USD
2026-11-06,Dora,Bookshop,"Coherence and perplexity, a reader",30.00,CHF
2026-11-07,Dora,Cursor Hotel,two nights,300.00,CHF
2026-11-08,Emil,PAYPAL *MIDJOURNEY,images,"1,200.50",USD
2026-11-09,Emil,Mistral Air Ski,ski pass,60.00,CHF
2026-11-10,Emil,Gemini Garage,parking,12.00,CHF
2026-11-11,Fred,Replicated Keys GmbH,keys,12.00,CHF
2026-11-12,Fred,Card payment,GitHub Copilot seats,190.00,USD
"""


def test_vendors_are_found_and_words_that_sound_alike_are_not(tmp_path: Path) -> None:
    table = tmp_path / "e.csv"
    table.write_text(ROWS + "broken\n")
    found = scan_expenses(table, load())
    assert [(each.user, each.service, each.count, each.amount) for each in found.report.findings] == [
        ("Emil", "midjourney", 1, 1200.5),
        ("Fred", "github-copilot", 1, 190.0),
        ("Anna", "openai", 2, 40.0),
        ("Cleo", "perplexity", 1, 20.0),
        ("Beat", "anthropic", 1, 18.0),
    ]
    anna = next(each for each in found.report.findings if each.user == "Anna")
    assert (anna.first_seen, anna.last_seen, anna.currency) == ("2026-10-01", "2026-11-01", "USD")
    assert (found.rows, found.malformed, found.first_malformed) == (14, 1, 15)


def test_columns_can_be_named_and_must_be_there(tmp_path: Path) -> None:
    table = tmp_path / "e.csv"
    table.write_text("when;what;chf\n2026-11-01;OpenAI API;1'234,50\n")
    with pytest.raises(InputError, match="no column names a vendor"):
        scan_expenses(table, load())
    found = scan_expenses(table, load(), columns={"vendor": "what", "amount": "chf", "date": "when"})
    (finding,) = found.report.findings
    assert (finding.service, finding.amount) == ("openai", 1234.5)
    with pytest.raises(InputError, match="no column 'who'; there are when, what, chf"):
        scan_expenses(table, load(), columns={"user": "who"})


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("20.00", 20),
        ("-20", 20),
        ("CHF 1'234.50", 1234.5),
        ("1.234,50", 1234.5),
        ("1,234", 1234),
        ("12,5", 12.5),
        ("free", 0),
        ("", 0),
    ],
)
def test_amounts(text: str, amount: float) -> None:
    assert amount_of(text) == amount
