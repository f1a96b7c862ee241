"""What a tuned model answers with: one JSON object, the same over every route, for programs to act on and for people to sign.

The words that a suggestion rests on are quoted with their places in the text as the model read it: the last message of the user,
after guards have masked what they mask.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from groundcrew.tuned.model import Prediction

#: Suggestions that one answer names, and evidence of one suggestion; more are left out, the least sure ones first.
SUGGESTIONS_MAX, EVIDENCE_MAX = 100, 10
#: Code points of one quoted piece of evidence; `start` and `end` tell all of it.
QUOTE_LENGTH_MAX = 300
#: Digits of scores: more would only look exact.
SCORE_DIGITS = 4
#: Answers longer than this are not read as one.
ANSWER_BYTES_MAX = 1024 * 1024


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Characters `start` to `end` (Unicode code points, end not included) of the text, and what stands there."""

    start: int
    end: int
    text: str


class Suggested(msgspec.Struct, frozen=True, kw_only=True):
    """One label with its `score` (0..1). `kept`: it is part of what the model says; others are near misses for whoever reviews.
    `added_by_person`: no model suggested it."""

    label: str
    title: str = ""
    score: float | None = None
    kept: bool = True
    evidence: tuple[Evidence, ...] = ()
    because: str = ""
    added_by_person: bool = False


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer. `labels` are the kept ones; `trust` (0..1) estimates the probability that they are right and complete,
    None where the model is not calibrated; `needs_person`, with its `reason`, where that is below the model's bound."""

    model: str
    digest: str
    labels: tuple[str, ...]
    trust: float | None
    needs_person: bool
    reason: str = ""
    suggestions: tuple[Suggested, ...] = ()

    @property
    def text(self) -> str:
        """The answer as it leaves: JSON over several lines, since people read it too."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1).decode()


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of evidence in the written answer: characters `start` to `end` of it quote `evidence` for `suggested`; evidence
    is None for a suggestion without any, and the place is then that of its label."""

    start: int
    end: int
    suggested: Suggested
    evidence: Evidence | None


def answer_of(prediction: Prediction, text: str, *, model: str, digest: str) -> Answer:
    """The answer that says `prediction` of `text`. `model` is NAME@VERSION."""
    suggestions = []
    for each in prediction.suggestions[:SUGGESTIONS_MAX]:
        evidence = tuple(
            Evidence(start=span.start, end=span.end, text=text[span.start : span.end][:QUOTE_LENGTH_MAX])
            for span in each.evidence[:EVIDENCE_MAX]
        )
        suggestions.append(
            Suggested(
                label=each.label,
                title=each.title,
                score=round(each.score, SCORE_DIGITS),
                kept=each.kept,
                evidence=evidence,
                because=each.because,
            )
        )
    return Answer(
        model=model,
        digest=digest,
        labels=tuple(each.label for each in suggestions if each.kept),
        trust=None if prediction.trust is None else round(prediction.trust, SCORE_DIGITS),
        needs_person=prediction.needs_person,
        reason=prediction.reason,
        suggestions=tuple(suggestions),
    )


def read_answer(text: str) -> Answer | None:
    """The answer that `text` is; None where it is none, as where a person wrote something else in its place."""
    if len(text) > ANSWER_BYTES_MAX:
        return None
    try:
        return msgspec.json.decode(text.encode(), type=Answer)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def places(answer: Answer, written: str) -> Iterator[Place]:
    """Where in `written`, which is `answer.text`, the evidence of each suggestion is quoted, in order; nothing more from where
    it can not be found any longer."""
    start = written.find('"suggestions"')
    for each in answer.suggestions:
        start = _find(written, '"label"', each.label, start)
        if start < 0:
            return
        if not each.evidence:
            begin = written.index(":", start) + 1
            length = len(_quoted(each.label))
            begin = written.index(_quoted(each.label), begin)
            yield Place(start=begin, end=begin + length, suggested=each, evidence=None)
        for evidence in each.evidence:
            start = _find(written, '"text"', evidence.text, start)
            if start < 0:
                return
            quoted = _quoted(evidence.text)
            begin = written.index(quoted, start)
            yield Place(start=begin, end=begin + len(quoted), suggested=each, evidence=evidence)
            start = begin + len(quoted)


def decided(answer: Answer, labels: Sequence[str], titles: dict[str, str] | None = None) -> Answer:
    """`answer` as a person leaves it: exactly `labels` are kept, in their order; those that no model suggested are marked."""
    known = {each.label: each for each in answer.suggestions}
    wanted = tuple(dict.fromkeys(labels))
    suggestions = [msgspec.structs.replace(each, kept=each.label in wanted) for each in answer.suggestions]
    suggestions += [
        Suggested(label=label, title=(titles or {}).get(label, ""), because="added by a person", added_by_person=True)
        for label in wanted
        if label not in known
    ]
    return msgspec.structs.replace(answer, labels=wanted, suggestions=tuple(suggestions))


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


def _find(written: str, key: str, value: str, start: int) -> int:
    """Where `key: value` begins from `start` on; -1 where it does not."""
    return written.find(f"{key}: {_quoted(value)}", max(start, 0)) if start >= 0 else -1
