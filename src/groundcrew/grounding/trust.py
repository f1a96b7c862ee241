"""The trust score: how far each claim of an answer rests on the given sources, and P(the whole answer is supported).
Features are weighed by a small logistic regression; certain checks cap what it may say. Fails closed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.resources import files

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.domain.trust import ClaimScore, TrustReport
from groundcrew.grounding.checks import run_checks
from groundcrew.grounding.claims import CLAIMS_MAX, Segment, segments
from groundcrew.grounding.encoder import Encoder
from groundcrew.grounding.evidence import SOURCES_MAX, Evidence, find_verbatim
from groundcrew.grounding.features import FEATURE_NAMES, ClaimEvidence, EncodingCache, gather
from groundcrew.grounding.statement import Statement, read_statement
from groundcrew.grounding.wordlists import word_set

#: Code points of an answer that are read; what comes after counts as one unsupported claim.
ANSWER_CHARS_MAX = 20_000
#: A claim below this support is unsupported, unless the caller sets another threshold.
SUPPORT_THRESHOLD = 0.5
#: Support of a claim that repeats whole sentences of a source word for word.
VERBATIM_SUPPORT = 0.99
#: No claim that is not verbatim is more certain than this.
SUPPORT_MAX = 0.98
#: Support of a claim that has no word of its own to check ("Yes.").
UNCHECKABLE_SUPPORT_MAX = 0.3


class TrustWeights(msgspec.Struct, frozen=True, kw_only=True):
    """Weights of the two logistic regressions. `claim` are over standardised `FEATURE_NAMES`; `answer` over the logit of
    the least supported claim, the sum of the logs of all supports and the share of the answer's words that the sources hold."""

    version: str
    features: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    claim: tuple[float, ...]
    claim_intercept: float
    claim_without_encoder: tuple[float, ...]
    claim_without_encoder_intercept: float
    answer: tuple[float, float, float]
    answer_intercept: float


def load_weights() -> TrustWeights:
    """The weights that ship with the package (models/trust/weights.json)."""
    weights = msgspec.json.decode((files("groundcrew") / "models" / "trust" / "weights.json").read_bytes(), type=TrustWeights)
    if weights.features != FEATURE_NAMES:
        raise RuntimeError("models/trust/weights.json was fitted for other features: run training/trust/fit.py")
    return weights


class TrustScorer:
    """Scores answers against sources. `encoder` None scores on words and checks alone. Not safe across threads."""

    def __init__(
        self, encoder: Encoder | None = None, *, threshold: float = SUPPORT_THRESHOLD, weights: TrustWeights | None = None
    ) -> None:
        if not 0.0 < threshold < 1.0:
            raise ValueError("threshold must lie between 0 and 1")
        self.threshold = threshold
        self.weights = weights or load_weights()
        self._cache = EncodingCache(encoder) if encoder is not None else None

    def score(self, answer: str, sources: Sequence[str], question: str | None = None) -> TrustReport:
        """The report on `answer`. `sources` are the approved passages that it may rest on (the first 200 are read);
        `question` is not evidence: what the customer says supports nothing."""
        if not answer.strip():
            return TrustReport(trust=None, state="no_claims", reason="the answer is empty")
        found = segments(answer[:ANSWER_CHARS_MAX])
        claimed = [segment for segment in found if segment.kind == "claim"]
        rest = self._unread(answer, claimed)
        claimed = claimed[:CLAIMS_MAX]
        if not claimed and rest is None:
            refused = any(segment.kind == "refusal" for segment in found)
            reason = "the answer is a refusal" if refused else "the answer asserts nothing"
            return TrustReport(trust=None, state="no_claims", reason=reason)
        usable = [source if isinstance(source, str) else "" for source in sources[:SOURCES_MAX]]
        if not any(source.strip() for source in usable):
            return self._without_sources(claimed, rest)
        evidence = Evidence(usable)
        scores, coverages = self._score_claims(claimed, evidence)
        if rest is not None:
            scores, coverages = [*scores, rest], [*coverages, 0.0]
        return self._report(scores, coverages)

    def _unread(self, answer: str, claimed: Sequence[Segment]) -> ClaimScore | None:
        """What lies beyond the limits, as one unsupported claim."""
        start = ANSWER_CHARS_MAX if len(answer) > ANSWER_CHARS_MAX else None
        if len(claimed) > CLAIMS_MAX:
            start = claimed[CLAIMS_MAX].start
        if start is None or not answer[start:].strip():
            return None
        return ClaimScore(start=start, end=len(answer), support=0.0, reasons=("longer than what is checked",))

    def _without_sources(self, claimed: Sequence[Segment], rest: ClaimScore | None) -> TrustReport:
        scores = [
            ClaimScore(start=claim.start, end=claim.end, support=0.0, reasons=("there are no sources",)) for claim in claimed
        ]
        scores += [rest] if rest is not None else []
        spans = tuple((score.start, score.end) for score in scores)
        return TrustReport(trust=0.0, state="no_sources", claims=tuple(scores), unsupported=spans, reason="there are no sources")

    def _score_claims(self, claimed: Sequence[Segment], evidence: Evidence) -> tuple[list[ClaimScore], list[float]]:
        statements = [read_statement(claim.text) for claim in claimed]
        contexts = _contexts(claimed, statements)
        verbatim = [find_verbatim(claim.text, evidence) for claim in claimed]
        open_positions = [position for position, place in enumerate(verbatim) if place is None]
        gathered = gather([statements[p] for p in open_positions], [contexts[p] for p in open_positions], evidence, self._cache)
        by_position = dict(zip(open_positions, gathered, strict=True))
        scores: list[ClaimScore] = []
        for position, claim in enumerate(claimed):
            place = verbatim[position]
            if place is not None:
                source, start, end = place
                scores.append(
                    ClaimScore(start=claim.start, end=claim.end, support=VERBATIM_SUPPORT, source=source, quote=(start, end))
                )
            else:
                scores.append(self._score_claim(claim, statements[position], contexts[position], evidence, by_position[position]))
        coverage = FEATURE_NAMES.index("coverage_sources")
        held = [1.0 if place else float(by_position[position].features[coverage]) for position, place in enumerate(verbatim)]
        return scores, held

    def _score_claim(
        self, claim: Segment, statement: Statement, context: frozenset[str], evidence: Evidence, gathered: ClaimEvidence
    ) -> ClaimScore:
        if not gathered.anchors:
            return ClaimScore(start=claim.start, end=claim.end, support=0.0, reasons=("the sources hold no sentence",))
        support = min(SUPPORT_MAX, self.probability(gathered.features))
        findings = run_checks(statement, context, evidence, gathered.anchors, gathered.similarity)
        reasons = [finding.reason for finding in findings if finding.veto]
        if not statement.content():
            support = min(support, UNCHECKABLE_SUPPORT_MAX)
            if not findings and not (statement.quantities or statement.moments):
                reasons.append("too few words to check")
        support = min([support, *(finding.support_max for finding in findings)])
        best = gathered.anchors[0]
        if support < self.threshold and not reasons:
            reasons = [finding.reason for finding in findings] or [_uncovered(statement, evidence)]
        return ClaimScore(
            start=claim.start,
            end=claim.end,
            support=round(support, 4),
            source=best.source,
            quote=(best.start, best.end),
            reasons=tuple(reasons),
            contradicted=any(finding.contradicted and finding.veto for finding in findings),
            checks=tuple(dict.fromkeys(finding.check for finding in findings)),
        )

    def probability(self, features: npt.NDArray[np.float64]) -> float:
        """P(the claim is supported), 0..1, from its features alone, before any check caps it."""
        weights = self.weights
        encoded = features[FEATURE_NAMES.index("has_encoder")] > 0
        standard = (features - np.asarray(weights.means)) / np.asarray(weights.scales)
        coefficients = weights.claim if encoded else weights.claim_without_encoder
        intercept = weights.claim_intercept if encoded else weights.claim_without_encoder_intercept
        return _sigmoid(float(standard @ np.asarray(coefficients)) + intercept)

    def _report(self, scores: Sequence[ClaimScore], coverages: Sequence[float]) -> TrustReport:
        supports = [score.support for score in scores]
        features = answer_features(supports, coverages)
        trust = answer_trust(
            _sigmoid(float(features @ np.asarray(self.weights.answer)) + self.weights.answer_intercept), min(supports)
        )
        unsupported = tuple((score.start, score.end) for score in scores if score.support < self.threshold)
        return TrustReport(
            trust=round(trust, 4),
            state="unsupported" if unsupported else "supported",
            claims=tuple(scores),
            unsupported=unsupported,
        )


def answer_trust(probability: float, least: float) -> float:
    """Trust of the whole answer, 0..1: its probability, but no more than the least supported claim where that one is more
    likely unsupported than not, so that the two never disagree."""
    return min(probability, least) if least < SUPPORT_THRESHOLD else probability


def answer_features(supports: Sequence[float], coverages: Sequence[float]) -> npt.NDArray[np.float64]:
    """(3,): logit of the least support, sum of the logs of all supports, and the mean over the claims of the share of their
    words, 0..1, that the sources hold."""
    clipped = np.clip(np.asarray(supports, dtype=np.float64), 0.005, 0.995)
    least = float(clipped.min())
    return np.array([math.log(least / (1 - least)), float(np.log(clipped).sum()), float(np.mean(coverages))])


def _contexts(claimed: Sequence[Segment], statements: Sequence[Statement]) -> list[frozenset[str]]:
    """Stems around each claim that say what it is about: its heading, and the claim before where it starts with a pronoun."""
    contexts: list[frozenset[str]] = []
    for position, claim in enumerate(claimed):
        stems = {token.stem for token in read_statement(claim.lead).tokens if token.is_content} if claim.lead else set()
        if position and _leans_back(statements[position]):
            stems |= {token.stem for token in statements[position - 1].content()}
        contexts.append(frozenset(stems))
    return contexts


_PRONOUNS = word_set(
    """it its they their he she his her this that these those such dies diese dieser dieses sie es er deren
    il elle ils elles cela ceci esso essa questo ciò"""
)


def _leans_back(statement: Statement) -> bool:
    return any(token.text.lower() in _PRONOUNS for token in statement.tokens[:3])


def _uncovered(statement: Statement, evidence: Evidence) -> str:
    missing = [token.text for token in statement.content() if not evidence.forms(token.stem)]
    if missing:
        return f"not in the sources: {', '.join(dict.fromkeys(missing[:6]))}"
    return "no sentence of the sources says this"


def _sigmoid(value: float) -> float:
    if value >= 0:
        return 1.0 / (1.0 + math.exp(-min(value, 60.0)))
    exponential = math.exp(max(value, -60.0))
    return exponential / (1.0 + exponential)
