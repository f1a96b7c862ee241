"""A run of an evaluation as a whole: each figure with its interval over the cases, by tag too, and the cases that went worst.

A case is what varies: its repeats are averaged before anything is said about the run, so that asking more often does not make
cases out of repeats.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import scipy

from groundcrew.domain.evaluation import EvaluationCase, EvaluationResult, JudgeRule
from groundcrew.domain.hypothesis import BINARY_KINDS
from groundcrew.errors import InputError
from groundcrew.metrics.evaluation_figures import FIGURES, JUDGE_PREFIX, QUALITY, FigureRule, figure_rules
from groundcrew.stats.confidence_sequences import BETTING_N_MAX, betting_sequence
from groundcrew.stats.intervals import Interval, check_confidence
from groundcrew.stats.weighted import effective_size

WORST_SHOWN_MAX = 10
#: A case whose quality figures reach this and of which nothing failed is not among the worst, however good the others are.
GOOD_SCORE_MIN = 0.9


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of a run: `interval` over `n` cases, read by its rule."""

    name: str
    title: str
    unit: str
    kind: str
    direction: str
    interval: Interval


class WorstCase(msgspec.Struct, frozen=True, kw_only=True):
    """A case that went badly: the mean of its quality figures, 0..1, what failed, and a call that shows it."""

    case_id: str
    score: float
    failing: tuple[str, ...]
    call_id: str
    tags: tuple[str, ...] = ()


class RunFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of all cases, those of each tag, and the worst cases first."""

    cases: int
    results: int
    figures: tuple[Figure, ...]
    by_tag: dict[str, tuple[Figure, ...]]
    worst: tuple[WorstCase, ...]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a figure reaches what was asked of it. `value` is what was compared: a bound of the interval, or the estimate."""

    metric: str
    wanted: float
    value: float | None
    direction: str
    passes: bool


def run_figures(
    cases: Sequence[EvaluationCase],
    results: Sequence[EvaluationResult],
    judges: tuple[JudgeRule, ...] = (),
    confidence: float = 0.95,
) -> RunFigures:
    """The figures of a run over the cases that have a result; `results` of one run, in any order."""
    check_confidence(confidence)
    rules = figure_rules(judges)
    by_case = case_means(results, judges)
    asked = [each for each in cases if each.id in by_case]
    tags = sorted({tag for each in asked for tag in each.tags})
    calls = {each.case_id: each.call_id for each in sorted(results, key=lambda each: -each.repeat)}
    worst = [found for each in asked if (found := _badness(each, by_case[each.id], rules, calls[each.id])) is not None]
    worst.sort(key=lambda each: (each.score, each.case_id))
    return RunFigures(
        cases=len(asked),
        results=len(results),
        figures=_figures(asked, by_case, rules, confidence),
        by_tag={tag: _figures([each for each in asked if tag in each.tags], by_case, rules, confidence) for tag in tags},
        worst=tuple(each for each in worst if each.failing or each.score < GOOD_SCORE_MIN)[:WORST_SHOWN_MAX],
    )


def case_means(results: Sequence[EvaluationResult], judges: tuple[JudgeRule, ...] = ()) -> dict[str, dict[str, float]]:
    """Case → figure → the mean over its repeats, judges' figures included."""
    names = {each.name for each in judges}
    values: dict[str, dict[str, list[float]]] = {}
    for result in results:
        into = values.setdefault(result.case_id, {})
        for name, value in result.figures.items():
            into.setdefault(name, []).append(value)
        for judgement in result.judgements:
            if judgement.judge in names and judgement.mean is not None:
                into.setdefault(JUDGE_PREFIX + judgement.judge, []).append(judgement.mean)
    return {case: {name: sum(each) / len(each) for name, each in found.items()} for case, found in values.items()}


def interval_of(values: Sequence[float], weights: Sequence[float], rule: FigureRule, confidence: float = 0.95) -> Interval:
    """The weighted mean of cases with its interval.

    Shares: Wilson's score interval (Wilson 1927) on as many cases as the weights leave (Kish 1965); of means over repeats it
    claims too little rather than too much. Means: Student's t on the same number, cut to the figure's range. Values that are all
    equal say nothing of their spread: where the range is known a betting confidence sequence (Waudby-Smith & Ramdas 2024) bounds
    them, else the bounds are unknown. Raises InputError for weights that are not positive.
    """
    x, w = np.asarray(values, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if x.size != w.size or bool((w <= 0).any()):
        raise InputError("must be positive, one for each value", field="weights")
    n = int(x.size)
    if n == 0:
        return Interval(estimate=None, lower=None, upper=None, n=0, method="none", confidence=confidence)
    estimate, size = float(np.average(x, weights=w)), effective_size(w)
    if rule.kind in BINARY_KINDS:
        return _wilson(min(max(estimate, 0.0), 1.0), size, n, confidence)
    spread = float(((w**2) * (x - estimate) ** 2).sum()) / float(w.sum()) ** 2
    if size <= 1 or spread <= 0:
        if rule.bounds is None or n > BETTING_N_MAX or float(np.ptp(w)) > 0:
            return Interval(estimate=estimate, lower=None, upper=None, n=n, method="t", confidence=confidence)
        return betting_sequence(x, confidence, *rule.bounds)
    half = -float(scipy.special.stdtrit(size - 1, (1 - confidence) / 2)) * math.sqrt(spread * size / (size - 1))
    low, high = rule.bounds if rule.bounds is not None else (0.0, math.inf)
    return Interval(
        estimate=estimate,
        lower=max(low, estimate - half),
        upper=min(high, estimate + half),
        n=n,
        method="t",
        confidence=confidence,
    )


def verdicts(run: RunFigures, wanted: Mapping[str, float], *, by_estimate: bool = False) -> tuple[Verdict, ...]:
    """Whether each figure reaches what is wanted: the end of its interval that speaks against it, or with `by_estimate` its
    estimate. Where less is better, `wanted` is a ceiling. A figure that is unknown misses. InputError for one that does not
    exist."""
    known = {each.name: each for each in run.figures}
    found = []
    for name, value in wanted.items():
        if name not in known and name not in FIGURES and not name.startswith(JUDGE_PREFIX):
            raise InputError(f"there is no figure {name!r}; there are {', '.join(FIGURES)}", field="fail-under")
        figure, held = known.get(name), None
        direction = figure.direction if figure is not None else FIGURES[name].direction if name in FIGURES else "increase"
        if figure is not None:
            interval = figure.interval
            held = interval.estimate if by_estimate else interval.lower if direction == "increase" else interval.upper
        passes = held is not None and (held >= value if direction == "increase" else held <= value)
        found.append(Verdict(metric=name, wanted=value, value=held, direction=direction, passes=passes))
    return tuple(found)


def _figures(
    cases: Sequence[EvaluationCase],
    by_case: Mapping[str, Mapping[str, float]],
    rules: Mapping[str, FigureRule],
    confidence: float,
) -> tuple[Figure, ...]:
    found = []
    for name, rule in rules.items():
        known = [(by_case[each.id][name], each.weight) for each in cases if name in by_case[each.id]]
        if not known:
            continue
        interval = interval_of([value for value, _ in known], [weight for _, weight in known], rule, confidence)
        found.append(
            Figure(name=name, title=rule.title, unit=rule.unit, kind=rule.kind, direction=rule.direction, interval=interval)
        )
    return tuple(found)


def _badness(case: EvaluationCase, found: Mapping[str, float], rules: Mapping[str, FigureRule], call_id: str) -> WorstCase | None:
    parts: dict[str, float] = {}
    for name, value in found.items():
        bounds = rules[name].bounds if name in rules else None
        if bounds is not None and (name in QUALITY or name.startswith(JUDGE_PREFIX)):
            parts[name] = (value - bounds[0]) / (bounds[1] - bounds[0])
    if not parts:
        return None
    failing = tuple(name for name, value in parts.items() if value < 0.5)
    score = sum(parts.values()) / len(parts)
    return WorstCase(case_id=case.id, score=round(score, 4), failing=failing, call_id=call_id, tags=case.tags)


def _wilson(rate: float, size: float, n: int, confidence: float) -> Interval:
    z = -float(scipy.special.ndtri((1 - confidence) / 2))
    centre = (rate + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * math.sqrt(rate * (1 - rate) / size + z * z / (4 * size * size))
    lower = 0.0 if rate == 0 else min(max(0.0, centre - half), rate)
    upper = 1.0 if rate == 1 else max(min(1.0, centre + half), rate)
    return Interval(estimate=rate, lower=lower, upper=upper, n=n, method="wilson", confidence=confidence)
