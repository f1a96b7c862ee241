"""A tuned model's answer in the lists of drafts: people read labels, not the JSON that carries them."""

from __future__ import annotations

from groundcrew.tuned.answer import Answer, Suggested
from groundcrew.web.console.suggested import headline


def test_a_list_of_drafts_shows_labels_and_any_other_text_as_it_is() -> None:
    kept = (Suggested(label="J15.9", score=0.9, title="Pneumonia"), Suggested(label="R05.9", score=0.3, kept=False))
    answer = Answer(model="coder@1", digest="5f1c", labels=("J15.9",), trust=0.9, needs_person=False, suggestions=kept)
    assert headline(answer.text) == "J15.9 Pneumonia"
    assert (
        headline(Answer(model="coder@1", digest="5f1c", labels=(), trust=0.1, needs_person=True).text) == "no label is suggested"
    )
    assert headline("Dear Ms Meyer") == "Dear Ms Meyer"
