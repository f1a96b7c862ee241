"""Sentences of a grounded answer leave one by one: each is scored as it completes, together with all before it, and the first
that approved passages do not support ends what leaves."""

from __future__ import annotations

from groundcrew.domain.trust import TrustReport
from groundcrew.domain.trust_rules import ReleaseRule
from groundcrew.gateway.checks import Checks
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.release import supported, why

#: Sentences of one answer that are scored one by one; what comes after them waits for the whole answer.
SENTENCES_MAX = 200


class SentenceRelease:
    """What the grounding of one answer lets out. `problem` says why nothing more does, "" while something may; `failed` is the
    report of the first unsupported sentence with those before it."""

    def __init__(self, checks: Checks, flight: Flight, rule: ReleaseRule) -> None:
        self._checks, self._flight, self._rule = checks, flight, rule
        #: Where each supported sentence ends, with the report on the answer up to there.
        self._reports: list[tuple[int, TrustReport | None]] = []
        self._scored = self._until = 0
        grounding = flight.entry.use_case.grounding if flight.entry is not None else None
        self._asks_verifiers = grounding is not None and bool(grounding.verifiers)
        self.problem = ""
        self.failed: TrustReport | None = None

    @property
    def waits(self) -> bool:
        """Whether nothing more leaves before the whole answer is there."""
        return bool(self.problem) or self._scored >= SENTENCES_MAX

    async def limit(self, text: str, settled: int) -> int:
        """How many code points of `text` may leave. Sentences that end beyond `settled` are not scored yet."""
        for end in _sentence_ends(text):
            if end <= self._until or self.waits:
                continue
            if end > settled:
                break
            report = await self._checks.score(self._flight, text[:end])
            self._scored += 1
            if not supported(self._rule, report):
                self.problem, self.failed = why(self._rule, report), report
                break
            self._reports.append((end, report))
            self._until = end
            if self._asks_verifiers:  # a judge may take its time over the next one: what is settled leaves before it is asked
                break
        return self._until

    def report_until(self, left: int) -> TrustReport | None:
        """The report on the whole sentences among the first `left` code points."""
        return next((report for end, report in reversed(self._reports) if end <= left), None)


def _sentence_ends(text: str) -> list[int]:
    """Where the sentences of `text` end, but for the last one, which may go on."""
    from groundcrew.grounding.sentences import split_sentences

    return [each.end for each in split_sentences(text)[:-1]]
