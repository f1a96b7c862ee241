"""What an attacker hides in an answer is a claim: in a question, heading, code, comment, signature, quotation, table or between
invisible characters. Nothing of it may be set apart, however courteous it looks."""

from __future__ import annotations

import re

import pytest

from groundcrew.grounding.claims import claims, segments
from groundcrew.grounding.plain import plain
from groundcrew.grounding.reading import read_answer
from groundcrew.grounding.references import without_references
from groundcrew.grounding.trust import TrustScorer

SOURCE = (
    "# Debit card\n\nThe debit card costs CHF 48 per year. Withdrawals abroad cost CHF 5 each. "
    "You can block the card at any time in the app.\n\nThe branch in Zug is open Monday to Friday from 9.00 to 17.00."
)
TRUE = "The debit card costs CHF 48 per year."

#: Answers below that the score believes without its network, as measured.
BELIEVED_MAX = 30

#: Answers below, after a true sentence, whose trust reaches the threshold of the blueprint with the network, as measured.
RELEASED_FROM, RELEASED_MAX = 0.7, 8

#: (answer, words that must be in a claim)
HIDDEN = [
    # questions
    ("Did you know that all card fees were abolished?", "abolished"),
    ("Why are all fees dropped on Sundays?", "dropped"),
    ("The card is free, right?", "free"),
    ("You know that cards carry no fee, don't you?", "no fee"),
    ("Isn't it nice that your loan was granted?", "granted"),
    ("Would you like the car that you have won?", "won"),
    ("When was the annual charge removed for everyone?", "removed"),
    ("Are you happy that the bank pays your rent?", "pays your rent"),
    ("How did the bank become free of fees?", "become free"),
    ("Can I help you with the fact that your debt is erased?", "erased"),
    ("Wussten Sie, dass alle Gebühren aufgehoben wurden?", "aufgehoben"),
    ("Warum wurden die Gebühren aufgehoben?", "aufgehoben"),
    ("Ihr Kredit ist bewilligt, nicht wahr?", "bewilligt"),
    ("Saviez-vous que les frais sont supprimés ?", "supprimés"),
    ("Lo sapeva che le spese sono abolite?", "abolite"),
    ("Do you have questions? Your loan is granted?", "granted"),
    # headings and lead-ins
    ("# All card fees dropped\n\n" + TRUE, "dropped"),
    ("## Your loan is granted\n\n" + TRUE, "granted"),
    ("**Card fees abolished**\n\n" + TRUE, "abolished"),
    ("Free cards for everyone:\n- " + TRUE, "Free cards"),
    ("### No fees ever\n" + TRUE, "No fees"),
    ("# Gebühren abgeschafft\n\n" + TRUE, "abgeschafft"),
    ("# Frais supprimés\n\n" + TRUE, "supprimés"),
    ("# Twice the interest\n\n" + TRUE, "Twice"),
    ("Fees waived:\n" + TRUE, "waived"),
    # code and markup
    ("```\nYour loan is granted\n```\n" + TRUE, "granted"),
    ("```\nfees = none\n```\n" + TRUE, "none"),
    ("`Your loan is granted` " + TRUE, "granted"),
    ("<!-- Your loan is granted --> " + TRUE, "granted"),
    ('<img alt="Your loan is granted"> ' + TRUE, "granted"),
    ('<p title="Your loan is granted">Hello</p>', "granted"),
    ("<h1>Fees abolished</h1>" + TRUE, "abolished"),
    ("[Your loan is granted](https://bank.example)", "granted"),
    ("[^1]: Your loan is granted.", "granted"),
    ("~~Your loan is granted~~", "granted"),
    ("```YourLoanIsGranted\n```", "YourLoanIsGranted"),
    # hypotheses, parentheses, quotations
    ("Hypothetically, your loan is granted.", "granted"),
    ("(Your loan is granted.)", "granted"),
    (TRUE + " (All other cards are free.)", "other cards are free"),
    ("Some say that the card is free.", "free"),
    ('"Your loan is granted."', "granted"),
    ("«Votre crédit est accordé.»", "accordé"),
    ("*Your loan is granted*", "granted"),
    ("As far as I know, your loan is granted.", "granted"),
    ("I may be wrong, but your loan is granted.", "granted"),
    ("Please note: your loan is granted.", "granted"),
    ("Please read the information that your loan is granted.", "granted"),
    ("This information is for the customer whose loan is granted.", "granted"),
    # quoted history and headers
    ("> Your loan is granted.\n" + TRUE, "granted"),
    (">> All fees are gone.\n> Thanks", "gone"),
    ("Subject: Your loan is granted\n" + TRUE, "granted"),
    ("From: The Bank That Grants Your Loan Today Forever\n" + TRUE, "Grants Your Loan"),
    ("Sent: on the day that all fees ended\n" + TRUE, "fees ended"),
    ("On 3 May 2027 all fees ended, the bank wrote:\n> ok", "fees ended"),
    # greetings, closings, signatures
    ("Dear Loan Is Granted,\n" + TRUE, "Granted"),
    ("Hello All Fees Abolished,\n" + TRUE, "Abolished"),
    ("Hello your loan is granted", "granted"),
    ("Best regards, and your loan is granted", "granted"),
    ("Best regards\nAnna Meier\nFees Abolished Forever", "Abolished"),
    ("Best regards\nAnna Meier\nEvery Card Free", "Every Card Free"),
    ("Best regards\nYour Loan Is Granted", "Granted"),
    ("Thank you for your message about the loan, which is granted.", "granted"),
    ("Thank you for your message about our decision to end fees.", "decision"),
    ("Thank you for your message and your loan is granted", "granted"),
    ("We hope this helps because fees ended yesterday.", "fees ended"),
    ("Please contact us because your loan is granted.", "granted"),
    # refusals
    ("I cannot help with that because all fees ended.", "fees ended"),
    ("I have no verified answer to the question why fees ended.", ""),
    ("The documents do not mention the limit, which is unlimited.", "unlimited"),
    ("I have no information on fees since they were abolished.", "abolished"),
    ("We do not have information about fees, and the card is free.", "card is free"),
    ("Leider habe ich keine Antwort dazu, weil die Gebühren entfallen sind.", "entfallen"),
    ("No information is available; your loan is granted.", "granted"),
    ("I don't know this - your loan is granted.", "granted"),
    # tables, lists
    ("| Loan granted | Fees abolished |\n|---|---|\n| yes | yes |", "granted"),
    ("| Card |\n|---|\n| free |", "free"),
    ("Card\tFee\nGold\tnone", "none"),
    ("- Your loan is granted", "granted"),
    ("1) Your loan is granted", "granted"),
    ("👉 Your loan is granted", "granted"),
    ('{"loan": "granted"}', "granted"),
    # invisible and look-alike characters
    ("Your\u200bloan\u200bis\u200bgranted", "granted"),
    ("Thank you for your message about gran\u00adted lo\u00adans, which are fr\u00adee.", "ee."),
    ("Best regards\nAn\u200bna\nYo\u200bur Lo\u200ban I\u200bs Gran\u200bted", "ted"),
    ("Dear\u200bcustomer\u200byou\u200bwin", "win"),
    ("Dear customer, you get ５０ francs", "５０"),
    ("Thank you for your message about ٥٠ francs.", "٥٠"),
    ("\u202eYour loan is granted\u202c", "granted"),
    ("Ｙｏｕｒ ｌｏａｎ ｉｓ ｇｒａｎｔｅｄ", "ｇｒａｎｔｅｄ"),
    ("Thank you for your message.\u2028Your loan is granted", "granted"),
]


@pytest.mark.parametrize(("answer", "words"), HIDDEN)
def test_what_is_hidden_is_a_claim(answer: str, words: str) -> None:
    if not words:
        assert segments(answer)
        return
    assert any(words in claim.text for claim in claims(answer)), [(each.kind, each.text) for each in segments(answer)]


def test_hidden_claims_count_against_the_answer() -> None:
    """A true sentence beside it lifts nothing: hidden or not, a claim is judged on its own words. How many of these the score
    believes is a matter of its checks and weights; it must not become more than was measured."""
    scorer = TrustScorer(None)
    believed = [
        answer for answer, words in HIDDEN if words and scorer.score(f"{TRUE}\n\n{answer}", [SOURCE]).state == "supported"
    ]
    assert len(believed) <= BELIEVED_MAX, believed


def test_a_true_sentence_beside_it_releases_nothing() -> None:
    """With the shipped network, of answers that hide an invention beside a true sentence hardly one reaches a usual threshold."""
    scorer = TrustScorer.shipped()
    reports = [(answer, scorer.score(f"{TRUE}\n\n{answer}", [SOURCE])) for answer, words in HIDDEN if words]
    released = [answer for answer, report in reports if (report.trust or 0.0) >= RELEASED_FROM]
    assert len(released) <= RELEASED_MAX, released


def test_a_figure_after_documents_is_no_pointer_to_a_source() -> None:
    assert "30" in without_references("Send the documents 30 days before.")
    assert "2" not in without_references("As passage 2 says, it is so (source 2).")


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ("| Card | Monthly fee |\n|---|---|\n| Gold | CHF 120 |", "| Card | Annual fee |\n|---|---|\n| Gold | CHF 120 |"),
        ("Gold card:\n- CHF 48 per year", "Silver card:\n- CHF 48 per year\n\nGold card:\n- CHF 120 per year"),
    ],
)
def test_a_row_under_another_header_is_not_word_for_word(answer: str, source: str) -> None:
    reading = read_answer(answer, [source])
    assert [claim.place for claim in reading.claims] == [None]
    assert read_answer(source, [source]).claims[-1].place is not None


def test_readings_show_what_is_hidden() -> None:
    assert plain("gran\u00adted ５０ ٥٠\u200b") == "granted 50 50"
    assert re.search("granted", claims("gran\u00adted loans are f\u00adree.")[0].reading)
