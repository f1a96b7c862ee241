"""The extractive engine: quotes word for word with exact offsets, answers several questions, and declines what the passages
do not answer."""

from __future__ import annotations

import pytest

from groundcrew.domain.knowledge import Passage
from groundcrew.grounding.answer import NO_VERIFIED_ANSWER, SENTENCES_MAX, ExtractiveEngine
from groundcrew.grounding.claims import is_refusal
from groundcrew.grounding.encoder import Encoder
from groundcrew.grounding.questions import ASKS_MAX, asks
from groundcrew.grounding.retrieval import Hit
from groundcrew.grounding.trust import TrustScorer

TEXTS = {
    "Debit card limits": "The standard limit of the debit card is CHF 2,000 per day for purchases. "
    "The standard limit for cash withdrawals with the debit card is CHF 1,000 per day. This limit resets at midnight.",
    "Opening hours": "The branch Zug is open from Monday to Friday, 09:00 to 17:00. On Saturday it is closed.",
    "Replacement cards": "A replacement debit card costs CHF 25 and arrives within five working days.",
}


def hits(*titles: str, cosine: float = 0.6) -> list[Hit]:
    return [
        Hit(
            passage=Passage(
                id=title, document=f"{title}.md", title=title, heading="", text=TEXTS[title], start=0, end=len(TEXTS[title])
            ),
            score=0.9 - 0.1 * rank,
            bm25=12.0 - 3 * rank,
            bm25_rank=rank + 1,
            cosine=cosine - 0.1 * rank,
            cosine_rank=rank + 1,
        )
        for rank, title in enumerate(titles)
    ]


@pytest.fixture(scope="module")
def engine() -> ExtractiveEngine:
    return ExtractiveEngine(Encoder.shipped())


def test_answers_are_verbatim_and_score_as_supported(engine: ExtractiveEngine) -> None:
    found = hits("Replacement cards", "Debit card limits", "Opening hours")
    answer = engine.compose("How much does a replacement debit card cost and when does it arrive?", found)
    assert answer.answered
    assert "A replacement debit card costs CHF 25" in answer.text
    assert answer.text == " ".join(citation.quote for citation in answer.citations)
    assert 1 <= len(answer.citations) <= SENTENCES_MAX
    for citation in answer.citations:
        assert TEXTS[citation.passage_id][citation.start : citation.end] == citation.quote
    report = TrustScorer(None).score(answer.text, [hit.passage.text for hit in found])
    assert report.state == "supported"
    assert report.trust is not None
    assert report.trust > 0.9


@pytest.mark.parametrize(
    "message",
    [
        "What's the weather in Paris tomorrow?",
        "Write me a poem about the sea.",
        "My router blinks red since the update.",
        "translate hello into Japanese",
    ],
)
def test_what_the_passages_do_not_answer_is_declined(engine: ExtractiveEngine, message: str) -> None:
    answer = engine.compose(message, hits("Opening hours", "Debit card limits", "Replacement cards", cosine=0.2))
    assert not answer.answered
    assert answer.text == NO_VERIFIED_ANSWER
    assert answer.citations == ()
    assert 0.0 <= answer.confidence < engine.threshold


def test_the_declining_text_is_a_refusal() -> None:
    assert is_refusal(NO_VERIFIED_ANSWER)
    assert TrustScorer(None).score(NO_VERIFIED_ANSWER, ["x"]).reason == "the answer is a refusal"


@pytest.mark.parametrize("message", ["", "   ", "!!!", "Kind regards,"])
def test_nothing_asked_or_nothing_found(engine: ExtractiveEngine, message: str) -> None:
    assert not engine.compose(message, hits("Opening hours")).answered
    assert not engine.compose("When are you open?", []).answered


def test_a_sentence_that_leans_on_the_one_before_brings_it() -> None:
    eager = ExtractiveEngine(Encoder.shipped(), threshold=0.0)
    answer = eager.compose("When does the limit reset, at midnight?", hits("Debit card limits"))
    quotes = [citation.quote for citation in answer.citations]
    leaning = quotes.index("This limit resets at midnight.")
    assert "The standard limit for cash withdrawals with the debit card is CHF 1,000 per day." in quotes[:leaning]


def test_questions_of_a_message() -> None:
    message = "Dear team,\n\nI lost my card in Zug. How do I block it? And what does a new one cost?\n\nKind regards\nEva Frei"
    found = asks(message)
    assert [ask.text for ask in found] == ["How do I block it?", "And what does a new one cost?"]
    assert [message[ask.start : ask.end] for ask in found] == [ask.text for ask in found]
    assert found[1].wanted == "amount"
    assert "I lost my card in Zug." in found[0].context
    assert "new one" not in found[0].context
    assert len(asks("Why? " * 20)) <= ASKS_MAX
    assert asks("") == []
    assert [ask.text for ask in asks("card stolen in Rome")] == ["card stolen in Rome"]
