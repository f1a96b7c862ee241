"""What faithful writing may change without a veto, and the faults beside it that stay vetoed: converses, adjuncts, cases told
elsewhere, ages, ordinals and times, and conditions that are a figure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.domain.trust import TrustReport
from groundcrew.grounding.checks.finding import CERTAIN_CHECKS, CHECK_NAMES, Finding
from groundcrew.grounding.lexicon import PREFIX_CHARS_MIN, is_among, same_word
from groundcrew.grounding.reading import read_answer
from groundcrew.grounding.trust import TrustScorer


def vetoes(claim: str, source: str, question: str | None = None) -> list[Finding]:
    return [finding for each in read_answer(claim, [source], question).claims for finding in each.findings if finding.veto]


@pytest.mark.parametrize(
    ("source", "claim"),
    [
        (
            "You can object to a direct debit within 30 days.",
            "You can object to the debit within 30 days without giving reasons.",
        ),
        (
            "You receive our answer to a complaint within 15 working days.",
            "We send our answer to your complaint within 15 working days.",
        ),
        (
            "Employees with a pension fund can pay in up to CHF 7,258. Persons without a pension fund can pay in 20 %.",
            "If you have a pension fund, you can pay in up to CHF 7,258.",
        ),
        ("An instant payment can not be cancelled or recalled.", "An instant payment can neither be cancelled nor recalled."),
        (
            "No monthly fee is charged if you hold CHF 15,000 with us.",
            "If you hold CHF 15,000 with us, the monthly fee falls away.",
        ),
        ("Customers who live outside Switzerland pay CHF 15 a month.", "Kunden im Ausland zahlen CHF 15 im Monat."),
        ("The bill is issued on the 18th of each month.", "Die Rechnung wird am 18. jedes Monats erstellt."),
        ("Children under 10 may visit only with an adult.", "Kinder unter 10 Jahren dürfen nur mit einem Erwachsenen kommen."),
        ("Visiting hours are from 14:00 to 20:00. Two visitors are admitted.", "Besuche sind zwischen 14 und 20 Uhr möglich."),
        ("Bring your passport or your identity card.", "Please bring your passport or ID card."),
        (
            "Ask for the increase at least one working day before the purchase.",
            "Ask at the latest one working day before the purchase.",
        ),
        ("Die Karte kostet CHF 50 im Jahr und wird Ihnen per Post zugestellt.", "Für die Karte zahlen Sie jährlich 50 Franken."),
        ("Deleted messages can be restored for 30 days.", "After 30 days a deleted message can no longer be restored."),
        (
            "Without the app, send us the form. You start the dispute of a payment in the app.",
            "You start the dispute of a payment in the app.",
        ),
    ],
)
def test_a_faithful_rewording_meets_no_veto(source: str, claim: str) -> None:
    assert not vetoes(claim, source)


@pytest.mark.parametrize(
    ("source", "claim"),
    [
        ("The card is free of charge for customers aged 12 to 25.", "The card is free of charge for customers."),
        ("Drivers under 25 pay a deductible of CHF 1,000.", "Drivers pay a deductible of CHF 1,000."),
        ("Orders given before 13:00 are executed on the same working day.", "Orders are executed on the same working day."),
        ("Children under 12 must not take this medicine.", "Children must not take this medicine."),
        ("Rückzüge bis CHF 20'000 sind ohne Kündigung möglich.", "Rückzüge sind ohne Kündigung möglich."),
        ("Nach zehn Fehlversuchen wird das Konto gesperrt.", "Das Konto wird gesperrt."),
    ],
)
def test_a_condition_that_is_a_figure_must_not_be_dropped(source: str, claim: str) -> None:
    assert [finding.check for finding in vetoes(claim, source)] == ["condition"]
    assert not vetoes(source, f"{source} It is so.")


@pytest.mark.parametrize(
    ("source", "claim"),
    [
        ("The card costs CHF 50 and arrives within 3 days.", "The card costs CHF 50."),
        ("After 30 days the account is closed by the bank.", "The account is closed by the bank."),
        ("You can withdraw up to CHF 2,000 in cash.", "You can withdraw cash."),
        ("Drivers under 25 pay a deductible.", "Drivers pay a deductible if they are younger than 25."),
    ],
)
def test_a_figure_that_narrows_nothing_is_no_condition(source: str, claim: str) -> None:
    assert not vetoes(claim, source)


def test_a_condition_may_be_told_by_the_question_or_the_rest_of_the_answer() -> None:
    source = "If the key is lost, opening the box costs CHF 350."
    assert vetoes("Opening the box costs CHF 350.", source)
    assert not vetoes("Opening the box costs CHF 350.", source, "I lost my key, what now?")
    assert not vetoes("The key is lost, you write. Opening the box costs CHF 350.", source)


def test_the_question_does_not_make_a_figured_condition_true() -> None:
    source = "The card is free of charge for customers aged 12 to 25."
    assert vetoes("The card is free of charge for customers.", source, "Is the card free for all customers?")


@pytest.mark.parametrize("check", CHECK_NAMES)
def test_only_certain_kinds_say_that_a_source_contradicts(check: str) -> None:
    finding = Finding(check=check, reason="", contradicted=True)  # type: ignore[arg-type]
    assert finding.support_max == (0.05 if check in CERTAIN_CHECKS else 0.15)


def test_the_other_side_of_each_rewording_stays_vetoed() -> None:
    def report(claim: str, source: str) -> TrustReport:
        return TrustScorer(None).score(claim, [source])

    faults = [
        ("You can object within 20 days without giving reasons.", "You can object to a direct debit within 30 days."),
        ("The bill is issued on the 19th of each month.", "The bill is issued on the 18th of each month."),
        ("Besuche sind zwischen 13 und 20 Uhr möglich.", "Besuche sind von 14 bis 20 Uhr möglich."),
        ("Children under 12 years may visit.", "Children under 10 years may visit."),
        ("We receive your answer within 15 days.", "We send your answer within 15 days."),
    ]
    for claim, source in faults:
        trust = report(claim, source).trust
        assert trust is not None, claim
        assert trust <= 0.15, claim


@given(st.text("abcde", min_size=1, max_size=9), st.frozensets(st.text("abcde", min_size=1, max_size=9), max_size=12))
def test_a_word_is_found_among_others_whatever_they_are_kept_in(word: str, others: frozenset[str]) -> None:
    expected = word in others or (
        len(word) >= PREFIX_CHARS_MIN and any(len(each) >= PREFIX_CHARS_MIN and same_word(word, each) for each in others)
    )
    assert is_among(word, others) == is_among(word, list(others)) == expected
