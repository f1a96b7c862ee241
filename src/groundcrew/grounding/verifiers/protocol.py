"""The one protocol of verifiers, and what counts as an answer of one. Whatever is late, malformed or out of range is unknown,
and unknown never supports a claim."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import msgspec

from groundcrew.errors import GroundcrewError

#: Places in a claim that one verdict may name.
SPANS_MAX = 50
#: Code points of a verdict's `detail` that are kept.
DETAIL_LENGTH_MAX = 200


class ClaimToVerify(msgspec.Struct, frozen=True, kw_only=True):
    """One claim, with the approved passages that it may rest on. `context` is what the answer says right before it (an "it" in
    the claim may stand for something there), `question` what the customer asked; neither is evidence."""

    text: str
    passages: tuple[str, ...]
    question: str = ""
    context: str = ""


class ClaimVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a verifier says of one claim. `support` is 0..1, None where it is unknown; `contradicted` that passages say otherwise;
    `spans` the unsupported places in the claim's text (code points); `quote` the words that it rests on, as the passage's number,
    start and end in it; `cost_usd` None where the price is unknown. `detail` is made of fixed words, never of a model's."""

    support: float | None
    contradicted: bool = False
    spans: tuple[tuple[int, int], ...] = ()
    quote: tuple[int, int, int] | None = None
    cost_usd: float | None = 0.0
    detail: str = ""


class VerifierFailure(GroundcrewError):
    """A verifier gave no answer. `cost_usd` is what was spent all the same, None where that is unknown."""

    def __init__(self, message: str, *, cost_usd: float | None = 0.0) -> None:
        super().__init__(message)
        self.cost_usd = cost_usd


class Verifier(Protocol):
    """Says how far claims rest on their passages. `name` is what reports call it."""

    @property
    def name(self) -> str:
        """Under which its verdicts are reported."""
        ...

    async def verify(self, claims: Sequence[ClaimToVerify]) -> Sequence[ClaimVerdict]:
        """One verdict for each of `claims`, in order. Any exception means that all of them are unknown."""
        ...


def unknown(detail: str, *, cost_usd: float | None = 0.0) -> ClaimVerdict:
    """The verdict on a claim of which a verifier can say nothing."""
    return ClaimVerdict(support=None, cost_usd=cost_usd, detail=detail[:DETAIL_LENGTH_MAX])


def checked(claims: Sequence[ClaimToVerify], verdicts: Any) -> list[ClaimVerdict]:
    """`verdicts` as far as they make sense: a verdict that is none is unknown, and so are all where their number is wrong.

    Scores that are no numbers, not finite or outside of 0..1 are never brought into range: whoever gives them is broken.
    """
    if not isinstance(verdicts, Sequence) or isinstance(verdicts, str | bytes):
        return [unknown("the verifier's answer is no list of verdicts")] * len(claims)
    if len(verdicts) != len(claims):
        cost = _sum_usd(each.cost_usd for each in verdicts if isinstance(each, ClaimVerdict))
        wrong = unknown(f"{len(verdicts)} verdicts for {len(claims)} claims")
        first = [msgspec.structs.replace(wrong, cost_usd=cost)] if claims else []
        return [*first, *[wrong] * (len(claims) - 1)]
    return [_checked(claim, verdict) for claim, verdict in zip(claims, verdicts, strict=True)]


def _checked(claim: ClaimToVerify, verdict: Any) -> ClaimVerdict:
    if not isinstance(verdict, ClaimVerdict):
        return unknown("no verdict")
    cost = verdict.cost_usd
    if cost is not None and not (_is_number(cost) and cost >= 0):
        cost = None
    if verdict.support is None:
        return unknown(str(verdict.detail), cost_usd=cost)
    if not _is_number(verdict.support) or not 0.0 <= verdict.support <= 1.0:
        return unknown("the score is no number from 0 to 1", cost_usd=cost)
    if verdict.contradicted not in (True, False):
        return unknown("the verdict is malformed", cost_usd=cost)
    if verdict.contradicted and verdict.support > 0.5:
        return unknown("the verdict supports and contradicts at once", cost_usd=cost)
    spans = tuple((start, end) for start, end in verdict.spans[:SPANS_MAX] if 0 <= start < end <= len(claim.text))
    return msgspec.structs.replace(
        verdict,
        support=float(verdict.support),
        cost_usd=cost,
        spans=spans,
        quote=verdict.quote if _stands(verdict.quote, claim.passages) else None,
        detail=str(verdict.detail)[:DETAIL_LENGTH_MAX],
    )


def _stands(quote: tuple[int, int, int] | None, passages: Sequence[str]) -> bool:
    if quote is None or not 0 <= quote[0] < len(passages):
        return False
    return 0 <= quote[1] < quote[2] <= len(passages[quote[0]])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _sum_usd(costs: Iterable[float | None]) -> float | None:
    total = 0.0
    for cost in costs:
        if cost is None or not _is_number(cost):
            return None
        total += max(0.0, cost)
    return total


def stretched(score: float, threshold: float) -> float:
    """`score` (0..1) as a support, 0..1: piecewise linear, so that `threshold` becomes .5. NaN stays NaN."""
    if score < threshold:
        return 0.5 * score / threshold
    return 0.5 + 0.5 * (score - threshold) / (1.0 - threshold) if threshold < 1.0 else 1.0
