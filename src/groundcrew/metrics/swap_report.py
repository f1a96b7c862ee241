"""Whether an alternate may take over: every guardrail compared pair by pair on the same recorded calls, and one decision.

It holds only if each guardrail that applies is non-inferior to what answers now; unknown does not hold. As all of them must hold,
their error rates are not added up (intersection-union test, Berger 1982).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np
import scipy

from groundcrew.domain.hypothesis import BINARY_KINDS, Direction, HypothesisPlan, MetricKind, SuccessMetric
from groundcrew.domain.rehearsal import RehearsalSource, Rehearsed, Side
from groundcrew.metrics.paired_comparison import PairedResult, paired_comparison

#: Pairs below which nothing is said [D]: an interval of fewer is of the method, not of the data.
PAIRS_MIN = 30
#: Power that the number of calls to ask is worked out for: that an alternate which is no worse is cleared.
POWER = 0.8

Origin = Literal["default", "declared", "hypothesis"]


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is compared. `margin` is the default loss that may be borne [D], None where it is shown and decides only if
    a margin is declared; `relative`: margins are shares of what answers now. `needs` says which use cases it applies to."""

    name: str
    title: str
    kind: MetricKind
    direction: Direction
    margin: float | None = None
    relative: bool = False
    needs: Literal["", "grounded", "ungrounded"] = ""
    unit: str = ""
    bounds: tuple[float, float] | None = None
    note: str = ""


#: What is compared, in the order of reports. Margins are defaults [D], in the measure's unit.
MEASURES: tuple[Measure, ...] = (
    Measure(
        name="supported", title="Answers that passages support", kind="proportion", direction="increase", margin=0.05,
        needs="grounded", unit="share",
    ),
    Measure(
        name="trust", title="Trust", kind="mean", direction="increase", margin=0.05, needs="grounded", bounds=(0.0, 1.0),
        note="before calibration",
    ),
    Measure(
        name="likeness", title="Likeness to what was sent", kind="mean", direction="increase", margin=0.35, needs="ungrounded",
        unit="cosine", bounds=(-1.0, 1.0), note="to what people sent, else to the recorded answer, which itself is 1",
    ),
    Measure(name="declined", title="Declines and fallbacks", kind="proportion", direction="decrease", margin=0.05, unit="share"),
    Measure(name="failed", title="No answer at all", kind="proportion", direction="decrease", margin=0.02, unit="share"),
    Measure(name="findings", title="Findings of guards", kind="proportion", direction="decrease", margin=0.05, unit="share"),
    Measure(
        name="critical", title="Blocked or contradicted", kind="rare_harm", direction="decrease", margin=0.02, unit="share"
    ),
    Measure(
        name="to_final", title="Similarity to what people sent", kind="mean", direction="increase", unit="cosine",
        bounds=(-1.0, 1.0), note="people started from the recorded answer, which favours it",
    ),
    Measure(
        name="kept", title="Characters people would have kept", kind="mean", direction="increase", unit="share",
        bounds=(0.0, 1.0), note="1 − edit distance / longer length; people started from the recorded answer",
    ),
    Measure(name="length", title="Length", kind="mean", direction="decrease", relative=True, unit="characters"),
    Measure(name="latency_ms", title="Time of the provider", kind="duration", direction="decrease", relative=True, unit="ms"),
    Measure(name="cost_usd", title="Cost of a call", kind="cost", direction="decrease", relative=True, unit="USD"),
)  # fmt: skip

#: Names that plans give to what a replay can measure, and the factor from the plan's unit.
_BY_NAME: dict[str, str] = {
    "trust": "trust",
    "supported": "supported",
    "grounded": "supported",
    "grounded_rate": "supported",
    "decline_rate": "declined",
    "fallback_rate": "declined",
    "critical_harm": "critical",
    "latency": "latency_ms",
    "latency_ms": "latency_ms",
    "cost_per_call": "cost_usd",
    "cost_usd": "cost_usd",
}
_LATENCY_MS = {"ms": 1.0, "s": 1_000.0}


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One measure with its result, alternate − present. `margin` is in the measure's unit; with one it is a guardrail, which
    `holds` or not. `pairs_needed`: so many would clear an alternate that is no worse, with power POWER, at this spread."""

    name: str
    title: str
    unit: str
    direction: Direction
    result: PairedResult
    margin: float | None = None
    origin: Origin = "default"
    holds: bool | None = None
    pairs_needed: int | None = None
    note: str = ""


class RehearsalReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a rehearsal says. `unusable` counts recorded calls that could not be replayed, by why; `masked` of the pairs were
    asked with tags in the place of personal data; `unmeasured` are the hypothesis's guardrails that no replay can tell."""

    use_case: str
    version_digest: str
    provider: str
    model: str
    vendor: str
    present: tuple[str, ...]
    another_vendor: bool
    source: RehearsalSource
    asked_for: int
    pairs: int
    unusable: dict[str, int]
    masked: int
    cost_usd: float | None
    compared: tuple[Compared, ...]
    similarity: Compared | None
    unmeasured: tuple[str, ...]
    holds: bool
    why: str
    stopped: str = ""
    address: str = ""

    @property
    def guardrails(self) -> tuple[Compared, ...]:
        """The measures that decide."""
        return tuple(each for each in self.compared if each.holds is not None)


def compare_rehearsed(
    rows: Sequence[Rehearsed],
    *,
    grounded: bool,
    margins: Mapping[str, float] | None = None,
    plan: HypothesisPlan | None = None,
) -> tuple[tuple[Compared, ...], tuple[str, ...]]:
    """Every measure that applies, and the plan's guardrails that are not among them. `margins`: the declared ones by measure."""
    declared = dict(margins or {})
    planned, unmeasured = _of_plan(plan)
    found = []
    for measure in MEASURES:
        applies = measure.needs in ("", "grounded" if grounded else "ungrounded")
        if not applies and measure.name not in declared and measure.name not in planned:
            continue
        first, second = _values(measure.name, rows)
        margin, origin = _margin(measure, declared, planned, first, second)
        found.append(_compare(measure, first, second, margin, origin, asked=measure.name in declared or measure.name in planned))
    return tuple(found), unmeasured


def similarity_of(rows: Sequence[Rehearsed]) -> Compared | None:
    """The cosine of both answers, as distance from sameness; None where none is known."""
    values = [each.similarity for each in rows]
    if not any(value is not None for value in values):
        return None
    measure = Measure(
        name="similarity", title="Similarity to the recorded answer", kind="mean", direction="increase", unit="cosine",
        bounds=(-1.0, 1.0),
    )  # fmt: skip
    return _compare(measure, [None if value is None else 1.0 for value in values], values, None, "default", asked=False)


def decide(compared: Sequence[Compared], pairs: int, stopped: str = "") -> tuple[bool, str]:
    """Whether every guardrail holds, and in words why (not)."""
    guardrails = [each for each in compared if each.holds is not None]
    if pairs < PAIRS_MIN:
        return False, f"{pairs} pairs; below {PAIRS_MIN} nothing is said" + (f" ({stopped})" if stopped else "")
    broken = [each for each in guardrails if not each.holds]
    if not broken:
        return bool(guardrails), "every guardrail is non-inferior" if guardrails else "no guardrail applies"
    words = [f"{each.name} {each.result.finding.replace('_', '-')}" for each in broken]
    unsure = [each for each in broken if each.result.finding == "inconclusive" and each.pairs_needed]
    needed = max((each.pairs_needed or 0 for each in unsure), default=0)
    # More calls settle what is open, never what is worse.
    hint = f"; about {needed} pairs could settle it" if unsure and len(unsure) == len(broken) and needed > pairs else ""
    return False, ", ".join(words) + hint


def pairs_needed(differences: Sequence[float], margin: float, *, binary: bool) -> int | None:
    """How many pairs clear an alternate that is no worse with power POWER, at the spread of these differences: (z½α + zβ)² ·
    variance / margin² (Julious 2004). For shares the variance is that of the adjusted counts, so that it is never 0."""
    n = len(differences)
    if n < 2 or margin <= 0:
        return None
    values = np.asarray(differences, dtype=np.float64)
    spread = float(values.var(ddof=1))
    if binary:
        spread = (float((values != 0).sum()) + 2) / (n + 2)
    z = -float(scipy.special.ndtri(0.025)) - float(scipy.special.ndtri(1 - POWER))
    return max(PAIRS_MIN, math.ceil(z * z * spread / (margin * margin)))


def _of_plan(plan: HypothesisPlan | None) -> tuple[dict[str, SuccessMetric], tuple[str, ...]]:
    planned: dict[str, SuccessMetric] = {}
    unmeasured = []
    for each in plan.guardrails if plan is not None else ():
        name = _BY_NAME.get(each.name)
        if name is None or each.margin is None or (name == "latency_ms" and each.unit not in ("", *_LATENCY_MS)):
            unmeasured.append(each.name)
        else:
            planned[name] = each
    return planned, tuple(unmeasured)


def _margin(
    measure: Measure,
    declared: Mapping[str, float],
    planned: Mapping[str, SuccessMetric],
    first: Sequence[float | None],
    second: Sequence[float | None],
) -> tuple[float | None, Origin]:
    """The margin in the measure's unit: the tighter of what is declared and what the hypothesis promises, else the default."""
    origin: Origin = "declared" if measure.name in declared else "default"
    margin = declared.get(measure.name, measure.margin)
    if margin is not None and measure.relative:
        both = [before for before, after in zip(first, second, strict=True) if before is not None and after is not None]
        margin = margin * abs(float(np.mean(both))) if both else None
    promise = planned.get(measure.name)
    if promise is not None and promise.margin is not None:
        promised = promise.margin * (_LATENCY_MS.get(promise.unit, 1.0) if measure.name == "latency_ms" else 1.0)
        if margin is None or promised < margin:
            return promised, "hypothesis"
    return margin, origin


def _compare(
    measure: Measure,
    first: Sequence[float | None],
    second: Sequence[float | None],
    margin: float | None,
    origin: Origin,
    *,
    asked: bool,
) -> Compared:
    result = paired_comparison(
        measure.name, first, second, kind=measure.kind, direction=measure.direction, margin=margin, bounds=measure.bounds
    )
    decides = margin is not None or asked
    differences = [
        after - before for before, after in zip(first, second, strict=True) if before is not None and after is not None
    ]
    return Compared(
        name=measure.name,
        title=measure.title,
        unit=measure.unit,
        direction=measure.direction,
        result=result,
        margin=margin,
        origin=origin,
        holds=result.finding in ("non_inferior", "better") if decides else None,
        pairs_needed=pairs_needed(differences, margin, binary=measure.kind in BINARY_KINDS) if margin is not None else None,
        note=measure.note,
    )


def _values(name: str, rows: Sequence[Rehearsed]) -> tuple[list[float | None], list[float | None]]:
    """The measure on both sides, aligned."""
    if name == "likeness":
        values = [each.alternate.to_final if each.alternate.to_final is not None else each.similarity for each in rows]
        return [None if value is None else 1.0 for value in values], values
    return [_read(name, each.present) for each in rows], [_read(name, each.alternate) for each in rows]


def _read(name: str, side: Side) -> float | None:
    flags = {"supported": side.supported, "findings": side.found, "critical": side.critical}
    if name in flags:
        flag = flags[name]
        return None if flag is None else float(flag)
    if name in ("declined", "failed"):
        return float(getattr(side, name))
    if name == "length":
        return float(side.length) if side.answered else None
    value = getattr(side, name)
    return None if value is None else float(value)
