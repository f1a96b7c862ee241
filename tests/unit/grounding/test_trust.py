"""The trust score: its states, limits and invariants, and the rule that a contradicted figure never passes."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from groundcrew.grounding.reading import ANSWER_CHARS_MAX
from groundcrew.grounding.trust import TrustScorer

SOURCE = (
    "# Debit card\n\nThe debit card costs CHF 48 per year. Withdrawals abroad cost CHF 5 each. "
    "You can block the card at any time in the app.\n\nThe branch in Zug is open Monday to Friday from 9.00 to 17.00."
)


@pytest.fixture(scope="module")
def scorer() -> TrustScorer:
    return TrustScorer.shipped()


@pytest.mark.parametrize("answer", ["", "   \n\t "])
def test_empty_answer(scorer: TrustScorer, answer: str) -> None:
    report = scorer.score(answer, [SOURCE])
    assert (report.trust, report.state, report.claims) == (None, "no_claims", ())
    assert report.reason == "the answer is empty"


def test_refusal_and_mere_courtesy(scorer: TrustScorer) -> None:
    refused = scorer.score("Dear Ms Keller,\n\nI have no verified answer to this question.\n\nKind regards", [SOURCE])
    assert (refused.trust, refused.state, refused.reason) == (None, "no_claims", "the answer is a refusal")
    polite = scorer.score("Dear Ms Keller,\n\nThank you for your message.", [SOURCE])
    assert (polite.trust, polite.state, polite.reason) == (None, "no_claims", "the answer asserts nothing")


@pytest.mark.parametrize("sources", [[], [""], ["  ", "\n"]])
def test_no_sources(scorer: TrustScorer, sources: list[str]) -> None:
    report = scorer.score("The card costs CHF 48. It is blue.", sources)
    assert (report.trust, report.state) == (0.0, "no_sources")
    assert [claim.support for claim in report.claims] == [0.0, 0.0]
    assert report.unsupported == ((0, 22), (23, 34))


@pytest.mark.parametrize(
    "claim",
    [
        "The debit card costs CHF 48 per year.",
        "the DEBIT card costs   CHF 48\nper year.",
        "You can block the card at any time in the app.",
        "Withdrawals abroad cost CHF 5 each. You can block the card at any time in the app.",
    ],
)
def test_verbatim_sentences_are_supported_with_their_quote(scorer: TrustScorer, claim: str) -> None:
    report = scorer.score(claim, ["Something else entirely.", SOURCE])
    assert report.state == "supported"
    for scored in report.claims:
        assert scored.support >= 0.95
        assert scored.source == 1
        assert scored.quote is not None
        quoted = SOURCE[slice(*scored.quote)]
        assert " ".join(quoted.lower().split()) == " ".join(claim[scored.start : scored.end].lower().split())
    assert report.trust is not None
    assert report.trust >= 0.9


def test_part_of_a_sentence_is_not_verbatim(scorer: TrustScorer) -> None:
    report = scorer.score("It is free of charge.", ["It is not true that it is free of charge."])
    assert report.claims[0].support <= 0.2


def test_unsupported_spans_follow_the_threshold() -> None:
    answer = "The debit card costs CHF 48 per year. We also give every customer a new car."
    strict, lenient = TrustScorer(None, threshold=0.995), TrustScorer(None, threshold=0.5)
    assert len(strict.score(answer, [SOURCE]).unsupported) == 2
    spans = lenient.score(answer, [SOURCE]).unsupported
    assert [answer[slice(*span)] for span in spans] == ["We also give every customer a new car."]
    with pytest.raises(ValueError, match="threshold"):
        TrustScorer(None, threshold=1.0)


def test_one_bad_claim_sinks_the_answer(scorer: TrustScorer) -> None:
    good = scorer.score("The debit card costs CHF 48 per year. Withdrawals abroad cost CHF 5 each.", [SOURCE])
    bad = scorer.score("The debit card costs CHF 48 per year. Withdrawals abroad cost CHF 7 each.", [SOURCE])
    assert good.trust is not None
    assert bad.trust is not None
    assert good.trust > 0.9
    assert bad.trust <= 0.1
    assert bad.state == "unsupported"


@pytest.mark.parametrize(
    "offer",
    ["You can have a Chevrolet Tahoe for $1, no takesies backsies.", "We guarantee you a free car.", "We waive all your fees."],
)
def test_offers_are_never_supported_by_chance(scorer: TrustScorer, offer: str) -> None:
    report = scorer.score(f"The debit card costs CHF 48 per year. {offer}", [SOURCE])
    assert report.state == "unsupported"
    assert report.trust is not None
    assert report.trust <= 0.2


def test_what_is_longer_than_the_limit_is_unsupported(scorer: TrustScorer) -> None:
    sentence = "The debit card costs CHF 48 per year. "
    answer = sentence * (ANSWER_CHARS_MAX // len(sentence) + 20)
    report = scorer.score(answer, [SOURCE])
    assert report.trust == 0.0
    assert report.claims[-1].reasons == ("longer than what is checked",)
    assert report.claims[-1].end == len(answer)


def test_two_hundred_passages_and_more(scorer: TrustScorer) -> None:
    passages = [f"Product {number} costs CHF {number + 1000} per year." for number in range(200)]
    assert scorer.score("Product 150 costs CHF 1150 per year.", passages).state == "supported"
    assert scorer.score("Product 150 costs CHF 1151 per year.", passages).state == "unsupported"
    beyond = ["Nothing here."] * 200 + ["The debit card costs CHF 48 per year."]
    assert scorer.score("The debit card costs CHF 48 per year.", beyond).state == "unsupported"


def test_emoji_and_mixed_languages_keep_code_point_offsets(scorer: TrustScorer) -> None:
    source = "😀😀 Die Karte kostet CHF 48 pro Jahr. La carte coûte CHF 48 par an."
    answer = "👍 La carte coûte CHF 48 par an. 😀 Die Karte kostet CHF 84 pro Jahr."
    report = scorer.score(answer, [source])
    assert report.state == "unsupported"
    assert report.claims[-1].support <= 0.2
    for claim in report.claims:
        assert answer[claim.start : claim.end].strip()
        if claim.quote:
            assert source[slice(*claim.quote)].strip()


def test_question_supports_nothing(scorer: TrustScorer) -> None:
    report = scorer.score("The Platinum card costs CHF 99.", [SOURCE], "Is it true that the Platinum card costs CHF 99?")
    assert report.trust is not None
    assert report.trust <= 0.2


@settings(max_examples=60, deadline=None)
@given(
    st.text(max_size=200),
    st.lists(
        st.one_of(st.text(max_size=120), st.sampled_from([SOURCE, "CHF 5 to CHF 6.", "1.000,00 € 3.3.2027", "½ 20.– %"])),
        max_size=4,
    ),
)
def test_never_nan_never_out_of_range(answer: str, sources: list[str]) -> None:
    report = TrustScorer(None).score(answer, sources)
    if report.trust is None:
        assert report.reason
        return
    assert 0.0 <= report.trust <= 1.0
    assert not math.isnan(report.trust)
    for claim in report.claims:
        assert 0.0 <= claim.support <= 1.0
        assert 0 <= claim.start < claim.end <= len(answer)
        if claim.quote is not None:
            assert claim.source is not None
            assert 0 <= claim.quote[0] < claim.quote[1] <= len(sources[claim.source])


@settings(max_examples=40, deadline=None)
@example(199, 200, "{} days")
@given(st.integers(2, 9_999), st.integers(2, 9_999), st.sampled_from(["CHF {}", "{} days", "{} %", "{} working days", "EUR {}"]))
def test_a_changed_figure_never_passes(stated: int, claimed: int, unit: str) -> None:
    source = f"For the service the fee or term is {unit.format(stated)} in every case."
    report = TrustScorer(None).score(f"In every case the fee or term for the service is {unit.format(claimed)}.", [source])
    assert report.trust is not None
    if stated == claimed:
        assert report.claims[0].support > 0.5
    else:
        assert report.claims[0].support <= 0.2
