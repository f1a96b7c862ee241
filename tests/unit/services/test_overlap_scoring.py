"""The overlap score: what it was measured to reach stays reached, it is symmetric and says why."""

from __future__ import annotations

import pytest
from bench.overlap.data import held_back, items, pairs
from bench.overlap.run import compared
from hypothesis import given, settings
from hypothesis import strategies as st

from groundcrew.services.overlap_scoring import PARTS, Comparison, Described, background, shipped_rule

INVOICES = Described(title="Invoice capture", purpose="Reads suppliers' invoices and enters the amounts", people="bookkeepers")
BILLS = Described(title="Bill reader", purpose="Extracts totals from the bills of vendors", people="bookkeepers")
BEDS = Described(title="Bed planning", purpose="Predicts how many beds a ward needs", people="nurses")


@pytest.mark.parametrize(("files", "figures"), [("fourth fifth", (35, 38, 40)), ("twelfth", (31, 39, 40))])
def test_imports_are_found_as_well_as_the_results_say(files: str, figures: tuple[int, int, int]) -> None:
    """40 pilots and four vendors each; the figures of bench/overlap/RESULTS.md. The rule is data: it and these move together."""
    found = [item for file in files.split() for item in items(f"{file}.yaml")]
    assert len([each for each in found if "purpose" in each]) == 40
    rows = compared(found, lambda _a, _b: True)
    said = [each[3].score >= shipped_rule().score_min for each in rows]
    true = [each[2] for each in rows]
    hits = sum(a and b for a, b in zip(said, true, strict=True))
    assert (hits, sum(said), sum(true)) == figures


def test_the_split_was_drawn_by_seed() -> None:
    found = items()
    held = held_back(found)
    assert len(held) == 23
    assert sum(same and (a in held or b in held) for a, b, same in pairs(found)) == 23


def test_the_reason_names_the_task_and_the_words() -> None:
    reason = Comparison([INVOICES, BILLS, BEDS]).compare(0, 1).reason
    assert reason.tasks == ("extract",)
    assert any("invoice" in each and "bill" in each for each in reason.words)
    assert Comparison([INVOICES, BILLS]).compare(0, 1).reason.people


TEXTS = st.text(max_size=200)


@settings(max_examples=25)
@given(first=TEXTS, second=TEXTS, people=TEXTS)
def test_any_texts_have_a_score_and_it_does_not_matter_which_is_first(first: str, second: str, people: str) -> None:
    one, other = Described(title=first, purpose=second, people=people), INVOICES
    there = Comparison([one, other, BEDS]).compare(0, 1)
    back = Comparison([one, other, BEDS]).compare(1, 0)
    assert 0.0 <= there.score <= 1.0
    assert there.score == pytest.approx(back.score, abs=0.002)


def test_the_same_texts_overlap_whatever_they_are() -> None:
    for each in (INVOICES, BILLS, BEDS):
        assert Comparison([each, each, BEDS, INVOICES]).compare(0, 1).score > 0.9


def _parts(comparison: Comparison, first: int, second: int) -> dict[str, float]:
    return dict(zip(PARTS, comparison.parts(first, second), strict=True))


def test_it_counts_who_is_nearest_to_whom() -> None:
    parts = _parts(Comparison([INVOICES, BILLS, BEDS]), 0, 1)
    assert parts["nearest"] == 1.0
    parts = _parts(Comparison([INVOICES, BILLS, BEDS]), 0, 2)
    assert parts["nearest"] == 0.5, "there is one that is nearer"
    assert parts["crowd_less"] <= parts["crowd_more"]


def test_what_vendors_sell_twice_stands_in_nobodys_way() -> None:
    told = Comparison([INVOICES, BILLS, BILLS], offered=[False, True, True])
    assert _parts(told, 0, 1)["nearest"] == 1.0
    assert _parts(Comparison([INVOICES, BILLS, BILLS]), 0, 1)["nearest"] == 0.5


def test_a_small_registry_is_weighed_beside_the_starter_catalogue() -> None:
    alone, beside = Comparison([INVOICES, BEDS]), Comparison([INVOICES, BEDS], background())
    assert _parts(alone, 0, 1)["nearest"] == 1.0, "there is nobody else"
    assert _parts(beside, 0, 1)["nearest"] < 0.5
