"""What is known of single calls side by side: stars, similarity, trust, edits and outcome. How they go together, and which calls
they disagree about: those are the ones worth reading."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import combinations
from statistics import fmean
from typing import Literal

import msgspec

from groundcrew.domain.call import Call
from groundcrew.domain.feedback import Rating
from groundcrew.domain.use_case import UseCase
from groundcrew.services.lookups import newest_hypothesis
from groundcrew.services.metric_feedback import correction
from groundcrew.services.text_pairs import TextPair, kept_shares, similarities
from groundcrew.stats.intervals import Interval
from groundcrew.stats.rank_correlation import PAIRS_MIN, spearman
from groundcrew.store import texts
from groundcrew.store.database import Connection

#: The newest ratings of recorded calls that the view looks at.
RATINGS_MAX = 1_000
DISAGREEMENTS_MAX = 20
#: How far apart two signals are, each from 0 (worst) to 1 (best), from which a call is listed [D].
GAP_MIN = 0.5

Signal = Literal["stars", "similarity", "trust", "kept", "outcome"]
SIGNALS: tuple[Signal, ...] = ("stars", "similarity", "trust", "kept", "outcome")


class CallSignals(msgspec.Struct, frozen=True, kw_only=True):
    """One call: `stars` is the mean over its raters (1..5), `similarity` the cosine of the answer and what was sent in its place
    or what a rater says it should have been, `kept` the share of the draft that stayed (0..1). None: nobody said."""

    call_id: str
    case_id: str | None
    received_at: datetime
    stars: float | None
    similarity: float | None
    trust: float | None
    kept: float | None
    outcome: float | None


class Correlation(msgspec.Struct, frozen=True, kw_only=True):
    """How two signals go together over the `interval.n` calls that have both; `few` where that is too few to say."""

    first: Signal
    second: Signal
    interval: Interval
    few: bool


class Disagreement(msgspec.Struct, frozen=True, kw_only=True):
    """A call of which two signals say different things: how far apart (0..1), and in words."""

    call: CallSignals
    high: Signal
    low: Signal
    gap: float
    words: str


class SignalReport(msgspec.Struct, frozen=True, kw_only=True):
    """The signals of the newest rated calls of one version. `truncated`: there are more ratings than the newest `ratings_max`.
    `outcome` names the metric whose values are taken; `sample` tells that all of it is sample data."""

    use_case: str
    version_digest: str
    calls: int
    ratings_max: int
    truncated: bool
    outcome: str
    sample: bool
    correlations: tuple[Correlation, ...]
    disagreements: tuple[Disagreement, ...]


async def signals(connection: Connection, use_case: UseCase, version_digest: str) -> SignalReport:
    """The report on one version; of sample data only where there are no other ratings of calls."""
    name, direction = await _outcome_of(connection, use_case)
    found, truncated, sample = list[CallSignals](), False, False
    for sample in (False, True):
        ratings = await texts.rated(connection, use_case.name, version_digest, sample=sample, limit=RATINGS_MAX + 1)
        truncated = len(ratings) > RATINGS_MAX
        found = await _of_calls(connection, use_case, ratings[:RATINGS_MAX], name, sample=sample)
        if found:
            break
    return SignalReport(
        use_case=use_case.name,
        version_digest=version_digest,
        calls=len(found),
        ratings_max=RATINGS_MAX,
        truncated=truncated,
        outcome=name,
        sample=sample and bool(found),
        correlations=tuple(await asyncio.to_thread(correlations, found)),
        disagreements=tuple(disagreements(found, name, direction)),
    )


async def _outcome_of(connection: Connection, use_case: UseCase) -> tuple[str, str]:
    """The outcome that calls are held against, and its good direction: the hypothesis's primary metric, else the first that the
    use case declares, else `resolved`."""
    newest = await newest_hypothesis(connection, use_case.name)
    primary = newest.plan.primary if newest is not None else None
    if primary is not None:
        return primary.name, primary.direction
    return (use_case.metrics[0].name, use_case.metrics[0].direction) if use_case.metrics else ("resolved", "increase")


async def _of_calls(
    connection: Connection, use_case: UseCase, ratings: Sequence[Rating], outcome: str, *, sample: bool
) -> list[CallSignals]:
    by_call: dict[str, list[Rating]] = {}
    for each in ratings:
        by_call.setdefault(each.call_id or "", []).append(each)
    calls = await texts.calls_of(connection, by_call)
    signed = await texts.sign_offs_of(connection, calls)
    cases = {each.case_id for each in calls.values() if each.case_id}
    values = await texts.outcomes_of(connection, use_case.name, outcome, cases, sample=sample)
    pairs: dict[str, TextPair] = {}
    for call_id in calls:
        if (sign_off := signed.get(call_id)) is not None and sign_off.draft and sign_off.final_text:
            pairs[call_id] = sign_off.draft, sign_off.final_text
            continue
        corrected = (correction(each, calls) for each in by_call[call_id])
        if (pair := next((each for each in corrected if each is not None), None)) is not None:
            pairs[call_id] = pair
    cosines = dict(zip(pairs, await similarities(list(pairs.values())), strict=True))
    kept = dict(zip(pairs, await kept_shares(list(pairs.values())), strict=True))
    return [
        CallSignals(
            call_id=call.id,
            case_id=call.case_id,
            received_at=call.received_at,
            stars=fmean(each.stars for each in by_call[call.id]),
            similarity=cosines.get(call.id),
            trust=_trust(call),
            kept=kept.get(call.id),
            outcome=values.get(call.case_id or ""),
        )
        for call in sorted(calls.values(), key=lambda each: each.id, reverse=True)
    ]


def _trust(call: Call) -> float | None:
    report = call.withheld_trust or call.trust
    return report.trust if report is not None else None


def correlations(calls: Sequence[CallSignals]) -> list[Correlation]:
    """Spearman's ρ of each pair of signals, over the calls that have both."""
    found = []
    for first, second in combinations(SIGNALS, 2):
        both = [(a, b) for each in calls if (a := getattr(each, first)) is not None and (b := getattr(each, second)) is not None]
        interval = spearman([a for a, _ in both], [b for _, b in both])
        found.append(Correlation(first=first, second=second, interval=interval, few=len(both) < PAIRS_MIN))
    return found


def disagreements(calls: Sequence[CallSignals], outcome: str = "outcome", direction: str = "increase") -> list[Disagreement]:
    """The calls of which two signals are furthest apart, DISAGREEMENTS_MAX at most, none nearer than GAP_MIN.

    Each signal is put on a scale from 0 (worst) to 1 (best): stars (s − 1)/4, similarity, trust and share kept as they are, an
    outcome by its rank among those of these calls.
    """
    scale = _scales(calls, direction)
    found = []
    for each in calls:
        placed = [(scale[name](value), name) for name in SIGNALS if (value := getattr(each, name)) is not None]
        if len(placed) < 2:
            continue
        (low, worst), (high, best) = min(placed), max(placed)
        if high - low >= GAP_MIN:
            words = f"{_said(best, each, outcome)}, but {_said(worst, each, outcome)}"
            found.append(Disagreement(call=each, high=best, low=worst, gap=high - low, words=words))
    return sorted(found, key=lambda each: (-each.gap, each.call.call_id))[:DISAGREEMENTS_MAX]


def _scales(calls: Sequence[CallSignals], direction: str) -> dict[Signal, Callable[[float], float]]:
    values = sorted(each.outcome for each in calls if each.outcome is not None)

    def ranked(value: float) -> float:
        below = sum(each < value for each in values)
        equal = sum(each == value for each in values)
        share = (below + (equal - 1) / 2) / max(len(values) - 1, 1)
        return share if direction == "increase" else 1 - share

    def bounded(value: float) -> float:
        return min(max(value, 0.0), 1.0)

    return {"stars": lambda stars: (stars - 1) / 4, "similarity": bounded, "trust": bounded, "kept": bounded, "outcome": ranked}


def _said(name: Signal, call: CallSignals, outcome: str) -> str:
    value: float = getattr(call, name)
    match name:
        case "stars":
            return f"{value:g} star{'' if value == 1 else 's'}"
        case "similarity":
            return f"similarity {value:.2f} with what people made of it"
        case "trust":
            return f"trust {value:.2f}"
        case "kept":
            return f"{value:.0%} of the draft kept"
        case "outcome":
            return f"{outcome.replace('_', ' ')} {value:g}"
