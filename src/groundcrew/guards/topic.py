"""Whether a text stays with what a use case is for: near the examples of an allowed topic, and no sentence of it near those of a
denied one. Similarity is that of the shipped sentence encoder; the limits come from the examples themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from groundcrew.domain.guard import Finding, Verdict
from groundcrew.grounding.sentences import split_sentences
from groundcrew.guards.prepared import Prepared
from groundcrew.guards.registry import Context, guard, verdict_of
from groundcrew.guards.topic_examples import BLOCK_SCORE, Topics, content_words, is_about_something
from groundcrew.guards.turns import is_judged

#: Pieces of one text that are looked at, and how long (code points) sentences are joined to where there are more of them.
PIECES_MAX, PIECE_LENGTH_MAX = 32, 600
#: What is cut into sentences of a longer text (code points): several times what is then looked at.
TEXT_LENGTH_MAX = 100_000
#: Verdicts that are remembered for one rule, of texts up to this length (code points).
RECENT_MAX, RECENT_LENGTH_MAX = 1_024, 8_000

_Vectors: TypeAlias = npt.NDArray[np.float32]


class _Rule:
    """What one rule's settings become, with the verdicts that it gave lately."""

    def __init__(self, allowed: Sequence[Any] | None, denied: Sequence[Any] | None, threshold: float | None) -> None:
        self.allowed = Topics.of(allowed, threshold=threshold) if allowed else None
        self.denied = Topics.of(denied, denied=True, beside_allowed=self.allowed is not None) if denied else None
        self._recent: dict[str, Verdict] = {}

    def known(self, text: str) -> Verdict | None:
        return self._recent.get(text)

    def judged(self, text: str) -> Verdict:
        verdict = self._recent.get(text)
        if verdict is None:
            verdict = self._judge(text)
            if len(text) <= RECENT_LENGTH_MAX:
                # Several threads may be here; a place more or less does no harm.
                while len(self._recent) >= RECENT_MAX and (oldest := next(iter(list(self._recent)), None)) is not None:
                    self._recent.pop(oldest, None)
                self._recent[text] = verdict
        return verdict

    def _judge(self, text: str) -> Verdict:
        places, whole = _pieces(text)
        if not places:
            return Verdict(verdict="pass", complete=whole)
        pieces = [text[start:end] for start, end in places]
        findings: list[Finding] = []
        if self.denied is not None:
            vectors = _encoded(pieces)
            findings += self._denied_findings(places, vectors)
            findings += self._scope_findings(text, lambda: vectors, lambda: _encoded([text]))
        elif len(pieces) == 1:
            findings += self._scope_findings(text, lambda: _encoded(pieces))
        else:  # most texts are in scope as a whole, and then their pieces are not encoded
            findings += self._scope_findings(text, lambda: _encoded([text]), lambda: _encoded(pieces))
        found = verdict_of(findings, block_at=BLOCK_SCORE)
        return Verdict(verdict=found.verdict, score=found.score, findings=found.findings, complete=whole)

    def _scope_findings(self, text: str, *ways: Callable[[], _Vectors]) -> list[Finding]:
        """All of the text, where nothing of what `ways` encode, one after another as far as needed, is near an allowed topic."""
        if self.allowed is None or not is_about_something(text):
            return []
        best, score = ("", -1.0), 1.0
        for encode in ways:
            best = max(best, self.allowed.nearest(encode()), key=lambda each: each[1])
            score = self.allowed.doubt(best[1])
            if not score:
                return []
        language = self.allowed.speaks(text)
        why = f"in {language}, which no example is in" if language else f"the nearest is {best[0]!r}"
        return [_finding(0, len(text), score, f"near none of the allowed topics; {why}")]

    def _denied_findings(self, places: list[tuple[int, int]], vectors: _Vectors) -> list[Finding]:
        """Each piece that is near a denied topic, and nearer to it than to every allowed one."""
        if self.denied is None:
            return []
        likeness = self.denied.likeness(vectors)
        allowed = self.allowed.likeness(vectors).max(axis=1) if self.allowed is not None else np.full(len(vectors), -1.0)
        findings: list[Finding] = []
        for (start, end), row, beside in zip(places, likeness, allowed, strict=True):
            scores = [self.denied.hit(index, float(value)) if value > beside else 0.0 for index, value in enumerate(row)]
            best = max(range(len(scores)), key=scores.__getitem__)
            if scores[best]:
                findings.append(_finding(start, end, scores[best], f"the denied topic {self.denied.names[best]!r}"))
        return findings


_rules: Prepared[_Rule] = Prepared(_Rule)


def _settings(context: Context) -> tuple[Any, Any, Any]:
    return context.get("allowed"), context.get("denied"), context.get("threshold")


def _encoded(texts: Sequence[str]) -> _Vectors:
    from groundcrew.grounding.encoder import shipped_encoder

    return shipped_encoder().encode(texts)


def warm() -> None:
    """Load the encoder."""
    _encoded(["."])


def prepare(context: Context) -> None:
    """Encode a rule's examples, about 3 ms each, so that no call waits for them."""
    _rules.of(*_settings(context))


def quick(text: str, context: Context) -> Verdict | None:
    """The verdict where nothing has to be encoded for it."""
    if not is_judged(text, context) or not content_words(text):
        return verdict_of([], block_at=BLOCK_SCORE)
    rule = _rules.known(*_settings(context))
    return rule.known(text) if rule is not None else None


@guard("topic", warm=warm, quick=quick, prepare=prepare)
def check(text: str, context: Context) -> Verdict:
    """Findings of the type TOPIC: all of a text that is near no allowed topic; sentences that are near a denied one.

    `context["allowed"]` and `context["denied"]` are lists of {"topic", "examples"}; `context["threshold"]` is a similarity
    (-1..1) in the place of the one that is found from the examples of the allowed topics. Texts without words of their own ("yes
    please") pass, since alone they are about nothing.
    """
    known = quick(text, context)
    return known if known is not None else _rules.of(*_settings(context)).judged(text)


def _pieces(text: str) -> tuple[list[tuple[int, int]], bool]:
    """Places of the sentences with words of their own, joined with their neighbours where there are too many; and whether those
    are all."""
    places = [(each.start, each.end) for each in split_sentences(text[:TEXT_LENGTH_MAX])]
    if len(places) > PIECES_MAX:
        joined: list[tuple[int, int]] = []
        for start, end in places:
            if joined and end - joined[-1][0] <= PIECE_LENGTH_MAX:
                joined[-1] = (joined[-1][0], end)
            else:
                joined.append((start, end))
        places = joined
    cut = [
        (place, min(place + PIECE_LENGTH_MAX, end))
        for start, end in places
        for place in range(start, end, PIECE_LENGTH_MAX)
        if content_words(text[place : min(place + PIECE_LENGTH_MAX, end)])
    ]
    return cut[:PIECES_MAX], len(cut) <= PIECES_MAX and len(text) <= TEXT_LENGTH_MAX


def _finding(start: int, end: int, score: float, reason: str) -> Finding:
    return Finding(start=start, end=end, type="TOPIC", score=round(score, 4), reason=reason)
