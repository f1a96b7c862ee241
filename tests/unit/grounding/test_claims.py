"""Sentence and claim splitting: exact offsets, and nothing that asserts something is set apart."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.grounding.claims import claims, is_refusal, segments
from groundcrew.grounding.sentences import split_sentences


def pieces(text: str) -> list[str]:
    return [text[sentence.start : sentence.end] for sentence in split_sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Meier is in. She waits.", ["Dr. Meier is in.", "She waits."]),
        ("It costs CHF 1'000.50. It is due.", ["It costs CHF 1'000.50.", "It is due."]),
        ("We close at 4.30 p.m. The doors lock.", ["We close at 4.30 p.m.", "The doors lock."]),
        ("We close at 4.30 p.m. on Friday.", ["We close at 4.30 p.m. on Friday."]),
        ("See No. 5 of the list. No. We do not.", ["See No. 5 of the list.", "No.", "We do not."]),
        ("Das gilt z.B. am 3. März 2027. Danach nicht.", ["Das gilt z.B. am 3. März 2027.", "Danach nicht."]),
        ("Gemäss Art. 5 Abs. 2 OR. Fertig.", ["Gemäss Art. 5 Abs. 2 OR.", "Fertig."]),
        ("Go to https://a.example/b.c?d=1. Then log in.", ["Go to https://a.example/b.c?d=1.", "Then log in."]),
        ("Write to a.b@bank.example. We reply.", ["Write to a.b@bank.example.", "We reply."]),
        ("M. Dupont est là. Il attend.", ["M. Dupont est là.", "Il attend."]),
        ("Il sig. Rossi è qui. Aspetta.", ["Il sig. Rossi è qui.", "Aspetta."]),
        ("3. März 2027 ist ein Feiertag.", ["3. März 2027 ist ein Feiertag."]),
        ("Really? Yes! Fine…", ["Really?", "Yes!", "Fine…"]),
        ("- one thing\n- another. And more.\n1. third", ["one thing", "another.", "And more.", "third"]),
        ("The fee is charged once a year and it is taken from the\naccount in May.", None),
    ],
)
def test_sentences(text: str, expected: list[str] | None) -> None:
    assert pieces(text) == (expected if expected is not None else [text])


def test_table_rows_and_rules() -> None:
    text = "| Card | Fee |\n|---|---|\n| Gold | CHF 120 |\n"
    kinds = [(segment.kind, segment.text) for segment in segments(text)]
    assert kinds == [("heading", "| Card | Fee |"), ("claim", "| Gold | CHF 120 |")]
    assert claims(text)[0].lead == "| Card | Fee |"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Dear Ms Keller,", "greeting"),
        ("Sehr geehrte Frau Müller,", "greeting"),
        ("Bonjour Madame,", "greeting"),
        ("Gentile signora Rossi,", "greeting"),
        ("Kind regards,", "closing"),
        ("Mit freundlichen Grüssen", "closing"),
        ("Cordiali saluti", "closing"),
        ("Thank you for your message.", "courtesy"),
        ("Vielen Dank für Ihre Anfrage.", "courtesy"),
        ("I hope this helps.", "courtesy"),
        ("Please do not hesitate to contact us if you have any further questions.", "contact"),
        ("Please contact our customer service.", "contact"),
        ("Could you tell us your account number?", "question"),
        ("I have no verified answer to this question.", "refusal"),
        ("I'm sorry, but I cannot help with that request.", "refusal"),
        ("Unable to answer based on given passages.", "refusal"),
        ("The provided passages do not mention the price.", "refusal"),
        ("Leider habe ich dazu keine geprüfte Antwort.", "refusal"),
        ("Malheureusement, je n'ai pas de réponse vérifiée à cette question.", "refusal"),
        ("The fees are as follows:", "heading"),
        # What follows asserts something, however it is dressed.
        ("Hello your loan is approved", "claim"),
        ("Thank you for your e-mail about the card fee, which is CHF 20.", "claim"),
        ("Please contact us at 0800 123 456.", "claim"),
        ("You can have it for $1.", "claim"),
        ("We guarantee a free car.", "claim"),
        ("Would you like a full refund?", "claim"),
        ("Did you know that we close early?", "claim"),
        ("I cannot help with that, but you can have a car.", "claim"),
        ("Sorry, we cannot refund the fee.", "claim"),
        ("We promise the following:", "claim"),
        ("The card is blocked:", "claim"),
        ("Yes.", "claim"),
        ("Best regards, and your fee is waived", "claim"),
        ("I have no verified answer: the fee is waived.", "claim"),
    ],
)
def test_kinds(text: str, kind: str) -> None:
    assert next(segment.kind for segment in segments(text)) == kind


def test_signature_is_set_apart_but_not_what_hides_in_it() -> None:
    answer = "The fee is CHF 20.\n\nBest regards,\nAnna Meier\nCustomer Service\nWe waive everything"
    assert [claim.text for claim in claims(answer)] == ["The fee is CHF 20.", "We waive everything"]


def test_semicolon_parts_two_statements() -> None:
    assert [claim.text for claim in claims("The fee is CHF 20; we also give you a car.")] == [
        "The fee is CHF 20;",
        "we also give you a car.",
    ]


def test_refusal_of_the_whole_answer() -> None:
    assert is_refusal("Dear Ms Keller,\n\nI have no verified answer to this question.\n\nKind regards,\nBergsee Bank")
    assert not is_refusal("I have no verified answer to this. The fee is CHF 20.")


@given(st.text(max_size=400))
def test_offsets_are_exact_and_nothing_is_lost(text: str) -> None:
    found = segments(text)
    for segment in found:
        assert text[segment.start : segment.end] == segment.text
        assert segment.text.strip() == segment.text
        assert segment.text
    for before, after in pairwise(found):
        assert before.end <= after.start


@given(
    st.lists(
        st.sampled_from(
            ["The fee is CHF 5.", "Hello there.", "- item", "Really?", "\n\n", "a; b c d; e f g", "| x | y |", "#  h", "…"]
        ),
        max_size=12,
    )
)
def test_every_word_is_in_a_sentence(parts: list[str]) -> None:
    text = " ".join(parts)
    covered = [False] * len(text)
    for sentence in split_sentences(text):
        covered[sentence.start : sentence.end] = [True] * (sentence.end - sentence.start)
    assert all(covered[position] for position, char in enumerate(text) if char.isalnum())
