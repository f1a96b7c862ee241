"""A trust scorer with a cascade after it, for files: the same answers as in a gateway, one at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from groundcrew.domain.trust import TrustReport
from groundcrew.grounding.cascade import Asked, Cascade
from groundcrew.grounding.trust import TrustScorer


class CascadedScorer:
    """Scores like `TrustScorer`; what it leaves open is decided by `cascade`. Runs a loop of its own: use it outside of one, and
    close it. `failed` hears which verifier failed, and why."""

    def __init__(
        self, scorer: TrustScorer, cascade: Cascade, failed: Callable[[str, str], None] = lambda _name, _why: None
    ) -> None:
        self._scorer, self._cascade, self._failed = scorer, cascade, failed
        self._runner = asyncio.Runner()

    def score(self, answer: str, sources: Sequence[str], question: str | None = None) -> TrustReport:
        """The report on `answer`, with the stages that decided its claims."""
        started_s = time.perf_counter()
        report = self._scorer.score(answer, sources, question)
        first_ms = (time.perf_counter() - started_s) * 1000
        asked = Asked(answer=answer, sources=sources, question=question or "")
        return self._runner.run(self._cascade.decide(report, asked, first_ms=first_ms, failed=self._failed))

    def close(self) -> None:
        """End the loop."""
        self._runner.close()
