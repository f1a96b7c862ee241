"""A target under trial against the one that answers: the same calls, both answers, compared pair by pair.

The pairs are dependent, so differences are means of the pairs' own differences (paired t, Student 1908), shadow minus main.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from groundcrew.domain.call import Call
from groundcrew.metrics.grounded_rate import grounded_rate
from groundcrew.metrics.semantic_similarity import Encode, pair_similarities
from groundcrew.stats.intervals import Interval, mean_t
from groundcrew.stats.moments import moments

#: Cosine of two answers below which they are said to differ in meaning [D].
SIMILARITY_MIN = 0.6
#: Difference of two answers' trust from which they are said to disagree, where both or neither are supported [D].
TRUST_GAP_MAX = 0.3
DISAGREEMENTS_SHOWN_MAX = 20
#: Newest pairs whose meaning is compared: about 10 ms each on one core.
SIMILARITY_PAIRS_MAX = 300

Kind = Literal["only_one_answered", "only_one_supported", "trust_apart", "meaning_apart"]
_KINDS: tuple[Kind, ...] = ("only_one_answered", "only_one_supported", "trust_apart", "meaning_apart")


class SideFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One side's figures over the pairs: counts, then means with 95 % intervals; `grounded` is a share with Wilson's interval."""

    answered: int
    failed: int
    grounded: Interval
    trust: Interval
    cost_usd: Interval
    latency_ms: Interval


class Disagreement(msgspec.Struct, frozen=True, kw_only=True):
    """A pair whose answers differ in what matters. Trust is None where the answer has none."""

    kind: Kind
    call_id: str
    shadow_call_id: str
    main_trust: float | None
    shadow_trust: float | None
    similarity: float | None


class ShadowTarget(msgspec.Struct, frozen=True, kw_only=True):
    """One shadow target against what answered. Differences are shadow − main over the pairs where both sides are known."""

    provider: str
    model: str
    pairs: int
    main: SideFigures
    shadow: SideFigures
    trust_difference: Interval
    cost_usd_difference: Interval
    latency_ms_difference: Interval
    similarity: Interval | None
    #: All of them, by kind; the first DISAGREEMENTS_SHOWN_MAX of them follow.
    disagreement_counts: dict[str, int]
    disagreements: tuple[Disagreement, ...]


def generated_text(call: Call) -> str:
    """What the model generated, whether it left or not."""
    return call.withheld_answer or call.answer


def compare_pairs(pairs: Sequence[tuple[Call, Call]], encode: Encode | None = None) -> tuple[ShadowTarget, ...]:
    """`pairs` are (call, its shadow copy), newest first. Without `encode` meanings are not compared.

    Pairs with a side that was cut (by a stop, or a client that went away) say nothing about a target and are left out.
    """
    groups: dict[tuple[str, str], list[tuple[Call, Call]]] = {}
    for main, shadow in pairs:
        if not {main.status, shadow.status} & {"cancelled", "opened"}:
            groups.setdefault((shadow.provider or "", shadow.target_model or ""), []).append((main, shadow))
    return tuple(_compare(*names, group, encode) for names, group in sorted(groups.items()))


def _compare(provider: str, model: str, pairs: list[tuple[Call, Call]], encode: Encode | None) -> ShadowTarget:
    mains, shadows = [main for main, _ in pairs], [shadow for _, shadow in pairs]
    cosines = _cosines(pairs, encode) if encode is not None else {}
    found = [each for main, shadow in pairs if (each := _disagreement(main, shadow, cosines.get(shadow.id))) is not None]
    found.sort(key=lambda each: (_KINDS.index(each.kind), -_gap(each)))
    return ShadowTarget(
        provider=provider,
        model=model,
        pairs=len(pairs),
        main=_figures(mains),
        shadow=_figures(shadows),
        trust_difference=_difference(pairs, _trust),
        cost_usd_difference=_difference(pairs, _cost),
        latency_ms_difference=_difference(pairs, _latency),
        similarity=_cut(mean_t(moments(list(cosines.values())))) if encode is not None else None,
        disagreement_counts={kind: sum(each.kind == kind for each in found) for kind in _KINDS},
        disagreements=tuple(found[:DISAGREEMENTS_SHOWN_MAX]),
    )


def _trust(call: Call) -> float | None:
    report = call.withheld_trust or call.trust
    return report.trust if report is not None else None


def _cost(call: Call) -> float | None:
    return call.cost_usd if generated_text(call) else None


def _latency(call: Call) -> float | None:
    """Milliseconds that the target took, its retries included; without the gateway's own checks."""
    return call.latency_ms.get("upstream") if generated_text(call) else None


def _figures(calls: Sequence[Call]) -> SideFigures:
    reports = [call.withheld_trust or call.trust for call in calls]
    claiming = [each.state for each in reports if each is not None and each.state != "no_claims"]
    answered = sum(bool(generated_text(call)) for call in calls)
    return SideFigures(
        answered=answered,
        failed=sum(call.status == "failed" for call in calls),
        grounded=grounded_rate(claiming),
        trust=_cut(_mean(calls, _trust), low=0.0),
        cost_usd=_mean(calls, _cost),
        latency_ms=_mean(calls, _latency),
    )


def _mean(calls: Sequence[Call], read: Callable[[Call], float | None]) -> Interval:
    return mean_t(moments([value for call in calls if (value := read(call)) is not None]))


def _difference(pairs: Sequence[tuple[Call, Call]], read: Callable[[Call], float | None]) -> Interval:
    both = [(read(main), read(shadow)) for main, shadow in pairs]
    return mean_t(moments([after - before for before, after in both if before is not None and after is not None]))


def _cut(interval: Interval, low: float = -1.0, high: float = 1.0) -> Interval:
    """`interval` cut to what its figure can be."""
    lower = None if interval.lower is None else max(low, interval.lower)
    upper = None if interval.upper is None else min(high, interval.upper)
    return msgspec.structs.replace(interval, lower=lower, upper=upper)


def _cosines(pairs: Sequence[tuple[Call, Call]], encode: Encode) -> dict[str, float]:
    """Cosine of both answers by the copy's id, for the newest pairs that have two."""
    both = [pair for pair in pairs if generated_text(pair[0]) and generated_text(pair[1])][:SIMILARITY_PAIRS_MAX]
    values = pair_similarities([generated_text(main) for main, _ in both], [generated_text(shadow) for _, shadow in both], encode)
    return {shadow.id: value for (_, shadow), value in zip(both, values, strict=True)}


def _disagreement(main: Call, shadow: Call, cosine: float | None) -> Disagreement | None:
    answered = bool(generated_text(main)), bool(generated_text(shadow))
    reports = main.withheld_trust or main.trust, shadow.withheld_trust or shadow.trust
    first, second = _trust(main), _trust(shadow)
    kind: Kind | None = None
    if answered[0] != answered[1]:
        kind = "only_one_answered"
    elif (
        reports[0] is not None
        and reports[1] is not None
        and (reports[0].state == "supported") != (reports[1].state == "supported")
    ):
        kind = "only_one_supported"
    elif first is not None and second is not None and abs(first - second) >= TRUST_GAP_MAX:
        kind = "trust_apart"
    elif cosine is not None and cosine < SIMILARITY_MIN:
        kind = "meaning_apart"
    if kind is None:
        return None
    return Disagreement(
        kind=kind, call_id=main.id, shadow_call_id=shadow.id, main_trust=first, shadow_trust=second, similarity=cosine
    )


def _gap(disagreement: Disagreement) -> float:
    """How far apart the two are, for sorting."""
    if disagreement.main_trust is not None and disagreement.shadow_trust is not None:
        return abs(disagreement.main_trust - disagreement.shadow_trust)
    return 1.0 - (disagreement.similarity or 0.0)
