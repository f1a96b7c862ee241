"""The trust score: how far each claim of an answer rests on the given sources, and P(the whole answer is supported).
What is certain is settled without a network; the rest is weighed together with what the network says. Fails closed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import msgspec
import numpy as np

from groundcrew.domain.trust import ClaimScore, TrustReport
from groundcrew.grounding.entailment import SHIPPED_MODEL, Entailment, shipped_entailment
from groundcrew.grounding.evidence import Evidence
from groundcrew.grounding.explanation import explain
from groundcrew.grounding.features import FEATURE_NAMES
from groundcrew.grounding.reading import AnswerReading, ClaimReading, read_answer
from groundcrew.grounding.summary import HEARD_SHARE_MIN, Verdict, is_certain, is_unheard, is_vetoed, summarise
from groundcrew.grounding.trees import Matrix
from groundcrew.grounding.weights import Model, TrustWeights, load_weights

#: Support of a claim that repeats whole sentences of a source word for word.
VERBATIM_SUPPORT = 0.99
#: No claim that is not verbatim is more certain than this.
SUPPORT_MAX = 0.98
#: Support of a claim that has no word of its own to check ("Yes.").
UNCHECKABLE_SUPPORT_MAX = 0.3
#: Support of a claim of which the sources hold next to nothing.
UNHEARD_SUPPORT_MAX = 0.15
#: Trust of an answer with a claim that a check vetoes or that is unheard of: what lies above the first lies between both.
DOUBTED_TRUST = (0.45, 0.49)
_COVERAGE = FEATURE_NAMES.index("coverage_sources")
#: Claims of one answer that the network reads, the least certain ones: at 8 ms each this bounds a long answer.
NETWORK_CLAIMS_MAX = 24
#: The network's word that a claim is contradicted is passed on from this probability on.
CONTRADICTED_MIN = 0.8
#: Verdicts of the network on pairs of evidence and claim that are kept.
VERDICTS_MAX = 8_192


class ScoreRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One answer to score, as `TrustScorer.score` takes it."""

    answer: str
    sources: Sequence[str]
    question: str | None = None


class Verdicts:
    """What the network says of pairs, by their texts, least recently used ones dropped. Not shared between threads."""

    def __init__(self, entailment: Entailment) -> None:
        self._entailment = entailment
        self._kept: OrderedDict[tuple[str, str], Verdict] = OrderedDict()

    def read(self, pairs: Sequence[tuple[str, str]]) -> list[Verdict]:
        """For each (evidence, claim): P(supported), P(contradicted), and the highest and the mean P(unsupported) of its words."""
        fresh = [pair for pair in dict.fromkeys(pairs) if pair not in self._kept]
        for pair, reading in zip(fresh, self._entailment.read(fresh), strict=True):
            words = [chance for _, _, chance in reading.words] or [1.0]
            self._kept[pair] = (reading.supported, reading.contradicted, max(words), sum(words) / len(words))
        found = [self._kept[pair] for pair in pairs]
        for pair in pairs:
            self._kept.move_to_end(pair)
        while len(self._kept) > VERDICTS_MAX:
            self._kept.popitem(last=False)
        return found


class TrustScorer:
    """Scores answers against sources. `entailment` None scores on words and checks alone. Not safe across threads."""

    def __init__(
        self, entailment: Entailment | None = None, *, threshold: float | None = None, weights: TrustWeights | None = None
    ) -> None:
        """`threshold` is the support below which a claim is unsupported; None takes the weights' own."""
        self.model = Model(weights or load_weights())
        self.threshold = self.model.weights.threshold if threshold is None else threshold
        if not 0.0 < self.threshold < 1.0:
            raise ValueError("threshold must lie between 0 and 1")
        self.entailment = entailment
        self._verdicts = Verdicts(entailment) if entailment is not None else None

    @classmethod
    def shipped(cls, *, threshold: float | None = None) -> TrustScorer:
        """The scorer with the network that comes with the package; the network is loaded once a process."""
        return cls(shipped_entailment() if SHIPPED_MODEL.is_dir() else None, threshold=threshold)

    def score(self, answer: str, sources: Sequence[str], question: str | None = None) -> TrustReport:
        """The report on `answer`. `sources` are the approved passages that it may rest on (the first 200 are read);
        `question` is not evidence: what the customer says supports nothing."""
        return self.score_many([ScoreRequest(answer=answer, sources=sources, question=question)])[0]

    def score_many(self, requests: Sequence[ScoreRequest]) -> list[TrustReport]:
        """The reports on several answers, each exactly as `score` gives it: what claims have in common is read once."""
        readings = [read_answer(each.answer, each.sources, each.question) for each in requests]
        drafts = [self._draft(reading) for reading in readings]
        if self._verdicts is not None:
            asked = [(draft, place) for draft in drafts for place in draft.open]
            pairs = [
                (draft.reading.claims[place].evidence_text, draft.reading.claims[place].segment.reading) for draft, place in asked
            ]
            for (draft, place), verdict in zip(asked, self._verdicts.read(pairs), strict=True):
                draft.verdicts[place] = verdict
        return [self._report(draft) for draft in drafts]

    def _draft(self, reading: AnswerReading) -> _Draft:
        """The plain probabilities, and the claims that the network is to read."""
        described = [place for place, claim in enumerate(reading.claims) if claim.features is not None]
        plain: dict[int, float] = {}
        if described:
            rows = np.stack([each.features for each in reading.claims if each.features is not None])
            plain = dict(zip(described, self.model.plain(rows).tolist(), strict=True))
        is_open = [place for place in described if self._is_open(plain[place], reading, reading.claims[place])]
        is_open = sorted(sorted(is_open, key=lambda place: abs(plain[place] - 0.5))[:NETWORK_CLAIMS_MAX])
        return _Draft(reading=reading, plain=plain, open=is_open if self._verdicts is not None else [], verdicts={})

    def _is_open(self, plain: float, reading: AnswerReading, claim: ClaimReading) -> bool:
        """Whether the network could change a claim, or its place among those that a check limits; of rows of records, words alone
        settle nothing."""
        return not self.model.is_settled(plain) or on_rows(claim, reading.evidence)

    def _report(self, draft: _Draft) -> TrustReport:
        reading = draft.reading
        if not reading.claims and reading.unread is None:
            return _without_claims(reading)
        if reading.evidence is None or not reading.evidence.sentences:
            return _without_sources(reading)
        scores = [self._score_claim(draft, place, claim) for place, claim in enumerate(reading.claims)]
        trust = 0.0
        if reading.claims and reading.unread is None:
            trust = self._trust(draft, [score.support for score in scores])
        scores += _unread(reading, "longer than what is checked")
        unsupported = tuple((score.start, score.end) for score in scores if score.support < self.threshold)
        return TrustReport(
            trust=round(trust, 4),
            state="unsupported" if unsupported else "supported",
            claims=tuple(scores),
            unsupported=unsupported,
        )

    def _trust(self, draft: _Draft, supports: Sequence[float]) -> float:
        """P(the whole answer is supported): of one claim its support, else the regression's figure, below one half where a claim
        is vetoed or unheard of, and as a share of the claim's limit where the veto is certain."""
        if len(supports) == 1:
            return supports[0]
        row = summarise(draft.reading, supports, draft.verdicts)
        trust = self.model.answer(row, stacked=self._verdicts is not None)
        claims = draft.reading.claims
        doubted = any(
            is_vetoed(claim) or is_unheard(claim.features, len(claim.statement.tokens), support)
            for claim, support in zip(claims, supports, strict=True)
        )
        return capped(trust, doubted=doubted, limits=[support_limit(claim) for claim in claims if is_certain(claim)])

    def _score_claim(self, draft: _Draft, place: int, claim: ClaimReading) -> ClaimScore:
        segment = claim.segment
        if claim.place is not None:
            source, start, end = claim.place
            return ClaimScore(
                start=segment.start,
                end=segment.end,
                support=VERBATIM_SUPPORT,
                source=source,
                quote=(start, end),
                decided_by="verbatim",
            )
        evidence = draft.reading.evidence
        if claim.features is None or claim.window is None or evidence is None:
            return ClaimScore(start=segment.start, end=segment.end, support=0.0, reasons=("the sources hold no sentence",))
        verdict = draft.verdicts.get(place)
        row, support, rows = claim.features, draft.plain[place], False
        if verdict is not None:
            row = np.append(claim.features, entailment_features(verdict))
            rows = on_rows(claim, evidence)
            support = float(self.model.stacked(row[None, :], np.array([rows]))[0])
        vetoes = [finding for finding in claim.findings if finding.veto]
        support = limited(support, claim)
        reasons = [finding.reason for finding in vetoes]
        if support < self.threshold and not reasons:
            reasons = explain(claim, evidence, self.model.contributions(row, on_rows=rows))
        denied = verdict is not None and verdict[1] >= CONTRADICTED_MIN and support < self.threshold
        best = evidence.sentences[claim.window.best]
        return ClaimScore(
            start=segment.start,
            end=segment.end,
            support=round(support, 4),
            source=best.source,
            quote=(best.start, best.end),
            reasons=tuple(reasons),
            contradicted=denied or any(finding.contradicted for finding in vetoes),
            checks=tuple(dict.fromkeys(finding.check for finding in claim.findings)),
            decided_by="checks" if vetoes else "features" if verdict is None else "entailment",
        )


class _Draft(msgspec.Struct, kw_only=True):
    """An answer half scored: plain probabilities by claim, the claims that the network is to read, and what it said."""

    reading: AnswerReading
    plain: dict[int, float]
    open: list[int]
    verdicts: dict[int, Verdict]


def on_rows(claim: ClaimReading, evidence: Evidence | None) -> bool:
    """Whether the passage that says most of the claim is a table, record or list of keys."""
    if evidence is None or claim.window is None:
        return False
    return evidence.is_tabular or evidence.sentences[claim.window.best].source in evidence.structured


def entailment_features(verdict: Verdict) -> Matrix:
    """(4,) in the order of `ENTAILMENT_FEATURES`: the log odds of each."""
    chances = np.clip(np.array(verdict, dtype=np.float64), 1e-4, 1 - 1e-4)
    return np.asarray(np.log(chances / (1 - chances)))


def support_limit(claim: ClaimReading) -> float:
    """The most support that a claim may have, whatever the weights say."""
    if claim.place is not None:
        return VERBATIM_SUPPORT
    if claim.features is None:
        return 0.0
    limit = min([SUPPORT_MAX, *(finding.support_max for finding in claim.findings)])
    if claim.statement.content() and claim.features[_COVERAGE] < HEARD_SHARE_MIN:
        limit = min(limit, UNHEARD_SUPPORT_MAX)
    return limit if claim.statement.content() or is_vetoed(claim) else min(limit, UNCHECKABLE_SUPPORT_MAX)


def limited(support: float, claim: ClaimReading) -> float:
    """The support of a claim with its limit: a share of the limit where there is one, so that limited claims keep their order."""
    limit = support_limit(claim)
    return support * limit if limit < SUPPORT_MAX else min(support, limit)


def capped(trust: float, *, doubted: bool, limits: Sequence[float]) -> float:
    """The trust of an answer of several claims. With `doubted` it stays below one half, in its order; of `limits`, those of
    claims that a check vetoes for certain, it is a share of the lowest."""
    low, high = DOUBTED_TRUST
    trust = min(trust, low + (high - low) * trust) if doubted else min(trust, VERBATIM_SUPPORT)
    return trust * min([1.0, *limits])


def _without_claims(reading: AnswerReading) -> TrustReport:
    reason = "the answer is a refusal" if reading.is_refusal else "the answer asserts nothing"
    if not reading.answer.strip():
        reason = "the answer is empty"
    return TrustReport(trust=None, state="no_claims", reason=reason)


def _without_sources(reading: AnswerReading) -> TrustReport:
    scores = [
        ClaimScore(start=claim.segment.start, end=claim.segment.end, support=0.0, reasons=("there are no sources",))
        for claim in reading.claims
    ]
    scores += _unread(reading, "longer than what is checked")
    spans = tuple((score.start, score.end) for score in scores)
    return TrustReport(trust=0.0, state="no_sources", claims=tuple(scores), unsupported=spans, reason="there are no sources")


def _unread(reading: AnswerReading, reason: str) -> list[ClaimScore]:
    """What lies beyond the limits, as one unsupported claim."""
    if reading.unread is None:
        return []
    return [ClaimScore(start=reading.unread, end=len(reading.answer), support=0.0, reasons=(reason,))]
