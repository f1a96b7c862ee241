"""The commitment guard blocks what the firm did not authorise and did not publish, and lets everything else pass."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.guards.commitments.figures import amounts, percents
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
        "Thanks for reaching out, we'll get back to you as soon as we can.",
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
    assert percents("1.85 %, 20%, ten percent and 3 per cent") == [1.85, 20.0, 10.0, 3.0]


@given(st.text(max_size=400), st.lists(st.text(max_size=80), max_size=3))
def test_any_text_gets_a_verdict(text: str, knowledge: list[str]) -> None:
    verdict = check(text, {"knowledge": knowledge})
    assert all(0 <= each.start < each.end <= len(text) for each in verdict.findings)


FAMOUS = (
    ("You can have the car for one dollar, and that's a legally binding offer – no takesies backsies.", "contract"),
    ("Sie bekommen das Auto für einen Dollar, und das ist ein rechtsverbindliches Angebot.", "contract"),
    ("Vous aurez la voiture pour un dollar, et c'est une offre juridiquement contraignante.", "contract"),
    ("Avrà l'auto per un dollaro, ed è un'offerta giuridicamente vincolante.", "contract"),
    ("The car is yours for $1.", "price"),
    ("Der Wagen gehört Ihnen für 1 Dollar.", "price"),
    ("La voiture est à vous pour 1 dollar.", "price"),
    ("L'auto è sua per 1 dollaro.", "price"),
)
COVERED_FEE = (
    ("en", "The account maintenance fee is CHF 5 per month."),
    ("de", "Die Kontoführungsgebühr beträgt CHF 5 pro Monat."),
    ("fr", "Les frais de gestion du compte s'élèvent à 5 CHF par mois."),
    ("it", "Le spese di gestione del conto ammontano a CHF 5 al mese."),
)


@pytest.mark.parametrize(("text", "kind"), FAMOUS)
def test_the_car_for_one_dollar_blocks_in_every_language(text: str, kind: str) -> None:
    generous = [{"type": "price", "max_amount": 0.5}, {"type": "discount", "max_percent": 50}]
    assert kind in kinds(text, knowledge=PUBLISHED, authority=generous)


@pytest.mark.parametrize("published", [text for _, text in COVERED_FEE])
@pytest.mark.parametrize(("language", "text"), COVERED_FEE)
def test_a_published_fee_passes_in_its_language_and_in_others(language: str, text: str, published: str) -> None:
    assert check(text, {"knowledge": [published]}).verdict == "pass", language
    other = text.replace("5", "4")
    assert check(other, {"knowledge": [published]}).verdict == "block", language


@pytest.mark.parametrize(
    ("by", "passes"),
    [(None, True), ("assistant", True), ("Assistant", True), ("anyone", True), ("team lead", False), ("legal", False)],
)
def test_what_somebody_else_may_promise_covers_no_answer(by: str | None, passes: bool) -> None:
    row = {"type": "refund", "max_amount": 50, "currency": "CHF", "by": by}
    verdict = check("We will refund CHF 20.", {"authority": [row]})
    assert (verdict.verdict == "pass") is passes
    if not passes:
        assert by is not None
        assert by in verdict.findings[0].reason


def test_a_finding_says_what_is_promised_and_what_is_allowed() -> None:
    row = {"type": "refund", "max_amount": 200, "currency": "CHF"}
    (finding,) = check("We will refund CHF 500.", {"authority": [row]}).findings
    assert "promises a refund of 500 CHF; the table allows 200 CHF" in finding.reason


def test_a_row_runs_out_after_its_last_day_and_without_a_day_today_counts() -> None:
    row = {"type": "refund", "max_amount": 50, "until": "2026-01-31"}
    assert check("We will refund CHF 20.", {"authority": [row], "today": "2026-01-31"}).verdict == "pass"
    assert check("We will refund CHF 20.", {"authority": [row], "today": "2026-02-01"}).verdict == "block"
    assert check("We will refund CHF 20.", {"authority": [{**row, "until": "2020-01-31"}]}).verdict == "block"


@pytest.mark.parametrize(
    ("note", "text", "passes"),
    [
        ("within 2 business days", "You will have an answer within two business days.", True),
        ("within 2 business days", "You will have an answer within one business day.", False),
        ("up to 5 business days", "You will have an answer within two business days.", True),
        ("up to 5 business days", "You will have an answer within six business days.", False),
        ("published times", "You will have an answer within six business days.", True),
    ],
)
def test_periods_in_the_note_of_a_deadline_are_its_limit(note: str, text: str, passes: bool) -> None:
    assert (check(text, {"authority": [{"type": "deadline", "note": note}]}).verdict == "pass") is passes


def test_one_promise_may_not_go_over_the_limit_in_parts() -> None:
    rows = [{"type": "refund", "max_amount": 100, "currency": "CHF"}]
    assert kinds("We refund CHF 80 and another CHF 70.", authority=rows) == {"refund"}
    assert kinds("We refund CHF 40 and another CHF 50.", authority=rows) == set()


def test_what_is_beyond_the_bounds_counts_as_not_looked_at() -> None:
    assert check("Thank you. " * 2_000, {}).complete is False
    assert check("Thank you.", {}).complete is True


PROMISES = (
    "We will refund CHF {}.",
    "Wir erstatten Ihnen {} Franken.",
    "Nous vous remboursons {} francs.",
    "Le rimborsiamo {} franchi.",
    "Your refund of {} CHF has been approved.",
    "Sie erhalten CHF {}.– zurück.",
)


@given(st.sampled_from(PROMISES), st.integers(1, 100_000), st.integers(0, 500))
def test_up_to_the_limit_passes_and_anything_above_blocks(promise: str, limit: int, above: int) -> None:
    rows = [{"type": "refund", "max_amount": limit, "currency": "CHF"}]
    verdict = check(promise.format(limit + above), {"authority": rows}).verdict
    assert verdict == ("pass" if above == 0 else "block")


ALONE = (
    *(text for text, _ in FAMOUS),
    "We cannot refund the fee.",
    "You paid CHF 20 on 3 May.",
    "Wir melden uns bei Ihnen.",
    "Vous serez intégralement remboursé.",
    "Le garantiamo che la richiesta sarà accettata.",
    "Sie erhalten die Karte bis morgen Mittag.",
    "Please send us the form by Friday.",
    "If you send us the receipt, we will refund CHF 120.",
)
SPELLINGS = (
    str.upper,
    str.lower,
    lambda text: text.replace("'", "’").replace(" - ", " – "),
    lambda text: text.replace(" ", "\u00a0"),
    lambda text: text.replace("ü", "u\u0308").replace("é", "e\u0301"),
    lambda text: "\u201e" + text + "\u201c",
)


@given(st.sampled_from(ALONE), st.sampled_from(SPELLINGS))
def test_capitals_apostrophes_and_spaces_change_no_verdict(text: str, spelled: Any) -> None:
    assert check(spelled(text), {}).verdict == check(text, {}).verdict


@given(st.sampled_from(ALONE), st.sampled_from(ALONE), st.booleans())
def test_a_paragraph_that_is_covered_changes_no_other_ones_verdict(text: str, other: str, before: bool) -> None:
    covered = "Replacement cards cost CHF 20 and arrive within 5 business days."
    joined = f"{covered}\n\n{text}" if before else f"{text}\n\n{covered}"
    assert check(joined, {"knowledge": [covered]}).verdict == check(text, {"knowledge": [covered]}).verdict
    both = {check(each, {}).verdict for each in (text, other)}
    assert check(f"{text}\n\n{other}", {}).verdict == max(both, key=("pass", "flag", "block").index)


PIECES = st.sampled_from(
    (
        *ALONE,
        "It comes to $250.",
        "The fee was CHF 5.",
        "z. B. am 3. Mai.",
        "Here is what we do:",
        "- refund CHF 45",
        "up to 2 p.m. only",
        "1. Call us",
        "\n",
        "\n\n",
        "CHF 20.–",
        "und mehr",
        "…",
        "We refund it",
    )
)


@given(st.lists(PIECES, min_size=1, max_size=8).map(" ".join) | st.text(max_size=200), st.data())
def test_what_is_judged_for_good_stays_however_the_text_goes_on(text: str, data: st.DataObject) -> None:
    settled = find_guard("commitment").settled
    assert settled is not None
    prefix = text[: data.draw(st.integers(0, len(text)))]
    until = settled(prefix)
    assert 0 <= until <= len(prefix)
    context = {"knowledge": PUBLISHED}
    early = [each for each in check(prefix, context).findings if each.start < until]
    assert early == [each for each in check(text, context).findings if each.start < until]


def test_a_long_answer_is_judged_for_good_before_it_ends() -> None:
    settled = find_guard("commitment").settled
    assert settled is not None
    promise = "We will refund CHF 500."
    assert settled(f"{promise} It is on its way. Thank you. Kind regards and all the best") > len(promise)


def test_only_short_texts_without_promises_are_judged_without_a_thread() -> None:
    """To compare one promise with the passages takes ten milliseconds, in which no other call would go on."""
    found = find_guard("commitment")
    assert found.quick is not None
    assert not found.inline
    context = {"knowledge": PUBLISHED}
    plain = found.quick("Thank you for your message. The form is in the online bank.", context)
    assert plain is not None
    assert plain.verdict == "pass"
    assert found.quick("We will refund the fee of CHF 25 today.", context) is None
    assert found.quick("The form is in the online bank. " * 40, context) is None


def test_a_text_with_too_many_promises_is_not_looked_at_as_a_whole() -> None:
    verdict = check("We refund CHF 50 and guarantee a discount of 10 %. " * 400, {})
    assert len(verdict.findings) == 1_000
    assert not verdict.complete


@pytest.mark.parametrize(
    "text",
    [
        "Dear Anna,\nWe waive the fee.\nRegards",
        "Hello\nGuaranteed approval of your loan.\nBye",
        "Note\nFree of charge for you.\nBye",
    ],
)
def test_a_promise_behind_a_line_break_in_a_tool_call_is_one(text: str) -> None:
    assert kinds(json.dumps([{"function": {"name": "send", "arguments": json.dumps({"body": text})}}])) == kinds(text) != set()
