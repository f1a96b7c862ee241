"""Grounding by plain string comparison: enough to test what the gateway makes of its verdicts, with no model behind it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from groundcrew.domain.snapshot import KnowledgeEntry
from groundcrew.domain.trust import ClaimScore, TrustReport
from groundcrew.gateway.protocols import Citation, ComposedAnswer, Source

_SENTENCE = re.compile(r"[^.!?]+[.!?]?")
DECLINED = "I have no verified answer to this question."


class FakeGrounding:
    """Passages are given as texts. A sentence is supported when a passage holds it word for word; a greeting is no claim.

    `fail` makes every step raise, as a broken index would.
    """

    def __init__(self, *passages: str) -> None:
        self.passages, self.fail = passages, False
        self.questions: list[str] = []

    async def warm(self, knowledge: Sequence[KnowledgeEntry]) -> None:
        """Nothing to load."""

    async def retrieve(self, knowledge: KnowledgeEntry, question: str, limit: int) -> tuple[Source, ...]:
        """Every passage that shares a word of more than three letters with the question."""
        self._check()
        self.questions.append(question)
        wanted = set(re.findall(r"\w{4,}", question.lower()))
        return tuple(
            Source(passage_id=f"p{index}", document="doc.md", title="Doc", text=text)
            for index, text in enumerate(self.passages)
            if wanted & set(re.findall(r"\w{4,}", text.lower()))
        )[:limit]

    async def score(self, answer: str, sources: Sequence[Source], question: str) -> TrustReport:
        """Trust 1 where every claim stands in a passage, 0.1 otherwise."""
        self._check()
        if answer == DECLINED:
            return TrustReport(trust=None, state="no_claims", reason="the answer is a refusal")
        claims = [
            match for match in _SENTENCE.finditer(answer) if match.group().strip() and not match.group().startswith("Hello")
        ]
        if not claims:
            return TrustReport(trust=None, state="no_claims", reason="the answer asserts nothing")
        scored: list[ClaimScore] = []
        for match in claims:
            text = match.group().strip()
            start = match.start() + len(match.group()) - len(match.group().lstrip())
            place = next(((index, each.text.find(text)) for index, each in enumerate(sources) if text in each.text), None)
            quote = (place[1], place[1] + len(text)) if place else None
            source = place[0] if place else None
            scored.append(
                ClaimScore(start=start, end=start + len(text), support=1.0 if place else 0.1, source=source, quote=quote)
            )
        unsupported = tuple((each.start, each.end) for each in scored if each.quote is None)
        if not sources:
            return TrustReport(trust=0.0, state="no_sources", claims=tuple(scored), unsupported=unsupported)
        state = "unsupported" if unsupported else "supported"
        return TrustReport(
            trust=0.1 if unsupported else 1.0,
            state="unsupported" if state == "unsupported" else "supported",
            claims=tuple(scored),
            unsupported=unsupported,
        )

    async def compose(self, knowledge: KnowledgeEntry, question: str, sources: Sequence[Source]) -> ComposedAnswer:
        """The first passage, whole; declined without one."""
        self._check()
        if not sources:
            return ComposedAnswer(text=DECLINED, answered=False, confidence=0.0)
        first = sources[0]
        text = first.text
        citation = Citation(
            passage_id=first.passage_id, document=first.document, title=first.title, quote=text, start=0, end=len(text)
        )
        return ComposedAnswer(text=first.text, answered=True, confidence=0.9, citations=(citation,))

    async def close(self) -> None:
        """Nothing to free."""

    def _check(self) -> None:
        if self.fail:
            raise RuntimeError("scripted failure of the grounding")
