"""How good a tuned model is on cases that it has not learned from: every figure with its interval over cases, against what is
done today."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import scipy
from numpy.typing import NDArray

from groundcrew.domain.calibration import LabelledScore
from groundcrew.errors import InputError
from groundcrew.stats.calibration import CalibrationReport, calibration_report
from groundcrew.stats.intervals import Interval
from groundcrew.tuning.evaluation_draws import Draws, Weights, interval_of
from groundcrew.tuning.evaluation_figures import (
    Case,
    Counts,
    LabelFigures,
    by_label,
    f1,
    main_figures,
    mean_of,
    quantile_of,
    ratio,
    table,
)

#: Labels whose own figures a report holds, those that occur most often.
LABELS_SHOWN_MAX = 200
CASES_MAX = 200_000
#: Scores of suggestions that calibration looks at; of more, the first of each case by rank.
SCORES_MAX = 200_000
#: Shares of cases, the surest first, at which a report says how good the rest of them is.
COVERAGES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
#: Figures of which a difference to a baseline is told.
COMPARED = ("micro_f1", "macro_f1", "subset_accuracy")


class CoveragePoint(msgspec.Struct, frozen=True, kw_only=True):
    """The surest cases, whose trust is at least `trust_min`: their share, and how good they are."""

    coverage: float
    trust_min: float
    cases: int
    micro_f1: Interval
    subset_accuracy: Interval


class PersonSplit(msgspec.Struct, frozen=True, kw_only=True):
    """What the model leaves to a person: the share of cases (`to_person`), and how good it is on the others."""

    to_person: Interval
    kept_micro_f1: Interval
    kept_subset_accuracy: Interval


class TimeFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds a case, without loading the model (`load_s`): mean, median and 95th percentile."""

    mean_s: Interval
    p50_s: Interval
    p95_s: Interval
    load_s: float | None = None


class HumanTime(msgspec.Struct, frozen=True, kw_only=True):
    """Against `human_s` seconds that a person takes for a case: how many times faster the model suggests, and what is saved a
    case if nobody looks at it again; reviewing takes time too, which experiments measure (`handle_time`)."""

    human_s: float
    times_faster: Interval
    saved_s: Interval


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Model − baseline on the same cases, paired: for each figure the baseline's, the difference, and the share of draws in which
    the model is not better (the achieved significance level of Efron & Tibshirani 1993, ch. 16; Koehn 2004)."""

    baseline: str
    figures: dict[str, Interval]
    differences: dict[str, Interval]
    not_better: dict[str, float | None]


class EvaluationReport(msgspec.Struct, frozen=True, kw_only=True):
    """All that was found out about one model on one set of cases."""

    model: str
    digest: str
    source: str
    cases: int
    groups: int
    true_labels: int
    multi_label: bool
    figures: dict[str, Interval]
    labels: tuple[LabelFigures, ...]
    labels_left_out: int
    chapters: tuple[LabelFigures, ...]
    score_calibration: CalibrationReport
    trust_calibration: CalibrationReport | None
    coverage: tuple[CoveragePoint, ...]
    person: PersonSplit
    time: TimeFigures | None = None
    human: HumanTime | None = None
    comparison: Comparison | None = None


def evaluate(
    cases: Sequence[Case],
    *,
    model: str,
    digest: str,
    source: str,
    multi_label: bool,
    titles: Mapping[str, str] | None = None,
    chapter_of: Mapping[str, str] | None = None,
    chapter_titles: Mapping[str, str] | None = None,
    load_s: float | None = None,
    human_s: float | None = None,
    baseline: tuple[str, Sequence[Case]] | None = None,
    confidence: float = 0.95,
    trust_is_f1: bool = False,
) -> EvaluationReport:
    """The report on `cases`, at least one. `chapter_of` puts labels into chapters. `baseline` is a name and its answers to the
    same cases, in any order. Where `trust_is_f1` the trust is no probability, and is not read as
    one. InputError for cases that occur twice, or a baseline that answers others."""
    if not 1 <= len(cases) <= CASES_MAX:
        raise InputError(f"an evaluation needs 1 to {CASES_MAX:,} cases, has {len(cases):,}", field="cases")
    if len({each.id for each in cases}) < len(cases):
        raise InputError("two cases have the same id", field="id")
    draws = Draws([each.group for each in cases], confidence=confidence)
    counts = table(cases)
    figures = _figures(cases, draws, multi_label=multi_label)
    chapters = table(cases, chapter_of) if chapter_of else None
    return EvaluationReport(
        model=model,
        digest=digest,
        source=source,
        cases=len(cases),
        groups=draws.groups,
        true_labels=sum(len(each.truth) for each in cases),
        multi_label=multi_label,
        figures=figures,
        labels=by_label(counts, draws, titles or {}, limit=LABELS_SHOWN_MAX),
        labels_left_out=max(0, len(counts.labels) - LABELS_SHOWN_MAX),
        chapters=by_label(chapters, draws, chapter_titles or {}, limit=LABELS_SHOWN_MAX) if chapters is not None else (),
        score_calibration=calibration_report(_scores(cases), confidence),
        trust_calibration=None if trust_is_f1 else _trust_calibration(cases, confidence),
        coverage=tuple(_coverage(cases, draws)),
        person=_person(cases, draws),
        time=_time(cases, draws, load_s),
        human=_human(cases, draws, human_s),
        comparison=_comparison(cases, baseline, draws, multi_label=multi_label) if baseline is not None else None,
    )


def _figures(cases: Sequence[Case], draws: Draws, *, multi_label: bool) -> dict[str, Interval]:
    wanted = main_figures(cases, table(cases), multi_label=multi_label)
    found = dict(zip(wanted, draws.intervals(list(wanted.values())), strict=True))
    return {name: _all_alike(each, draws.groups) for name, each in found.items()}


def _all_alike(interval: Interval, groups: int) -> Interval:
    """The bound of a figure that is the same in every case, where draws say nothing: Wilson's (1927) for a share that is 0 or 1
    in as many independent groups as there are. Any other figure is left as it is."""
    if interval.estimate not in (0.0, 1.0) or interval.lower is not None:
        return interval
    z2, n = float(scipy.special.ndtri((1 - interval.confidence) / 2)) ** 2, groups
    open_end = z2 / (n + z2)
    bounds = {"lower": 1 - open_end, "upper": 1.0} if interval.estimate == 1.0 else {"lower": 0.0, "upper": open_end}
    return msgspec.structs.replace(interval, method="wilson", **bounds)


def _scores(cases: Sequence[Case]) -> list[LabelledScore]:
    depth = max(1, SCORES_MAX // len(cases))
    return [
        LabelledScore(score=min(max(score, 0.0), 1.0), supported=label in case.truth, group=case.group or case.id)
        for case in cases
        for label, score in case.ranked[:depth]
    ]


def _trust_calibration(cases: Sequence[Case], confidence: float) -> CalibrationReport | None:
    """Whether the trust is the share of cases that are all right; None where no case has one."""
    known = [
        LabelledScore(score=min(max(each.trust, 0.0), 1.0), supported=each.exact, group=each.group or None)
        for each in cases
        if each.trust is not None
    ]
    return calibration_report(known, confidence) if known else None


def _coverage(cases: Sequence[Case], draws: Draws) -> list[CoveragePoint]:
    """The risk–coverage curve (El-Yaniv & Wiener 2010), told as what is right; cases of equal trust stay together."""
    trusts = np.array([-1.0 if each.trust is None else each.trust for each in cases])
    if not bool((trusts >= 0).any()):
        return []
    ordered = np.sort(trusts)[::-1]
    found: list[CoveragePoint] = []
    for share in COVERAGES:
        bound = float(ordered[max(0, math.ceil(share * len(cases) - 1e-9) - 1)])
        if bound < 0 or (found and found[-1].trust_min == bound):
            continue
        chosen = trusts >= bound
        micro, exact = _on(cases, chosen, draws)
        number = int(chosen.sum())
        found.append(
            CoveragePoint(coverage=number / len(cases), trust_min=bound, cases=number, micro_f1=micro, subset_accuracy=exact)
        )
    return found


def _on(cases: Sequence[Case], chosen: NDArray[np.bool_], draws: Draws) -> tuple[Interval, Interval]:
    """Micro F1 and subset accuracy of the chosen cases."""
    counts, flags, n = table(cases), chosen.astype(np.float64), int(chosen.sum())
    exact = mean_of([float(each.exact) if kept else math.nan for each, kept in zip(cases, chosen, strict=True)])
    both = draws.intervals([lambda weights: f1(*counts.totals(weights * flags)), exact])
    groups = draws.groups_of(chosen)
    micro, subset = (_all_alike(msgspec.structs.replace(each, n=n), groups) for each in both)
    return micro, subset


def _person(cases: Sequence[Case], draws: Draws) -> PersonSplit:
    away = np.array([each.needs_person for each in cases])
    micro, exact = _on(cases, ~away, draws)
    share = _all_alike(draws.interval(mean_of([float(each) for each in away])), draws.groups)
    return PersonSplit(to_person=share, kept_micro_f1=micro, kept_subset_accuracy=exact)


def _times(cases: Sequence[Case]) -> list[float] | None:
    seconds = [each.seconds for each in cases]
    return [each for each in seconds if each is not None] if all(each is not None for each in seconds) else None


def _time(cases: Sequence[Case], draws: Draws, load_s: float | None) -> TimeFigures | None:
    seconds = _times(cases)
    if seconds is None:
        return None
    mean, median, high = draws.intervals([mean_of(seconds), quantile_of(seconds, 0.5), quantile_of(seconds, 0.95)])
    return TimeFigures(mean_s=mean, p50_s=median, p95_s=high, load_s=load_s)


def _human(cases: Sequence[Case], draws: Draws, human_s: float | None) -> HumanTime | None:
    seconds = _times(cases)
    if human_s is None or seconds is None:
        return None
    if not human_s > 0 or not math.isfinite(human_s):
        raise InputError("must be a time above 0", field="human_s")
    mean = mean_of(seconds)

    def faster(weights: Weights) -> Counts:
        taken = mean(weights)
        return ratio(np.full(taken.shape, human_s), taken)

    return HumanTime(
        human_s=human_s,
        times_faster=draws.interval(faster),
        saved_s=draws.interval(lambda weights: human_s - mean(weights)),
    )


def _comparison(cases: Sequence[Case], baseline: tuple[str, Sequence[Case]], draws: Draws, *, multi_label: bool) -> Comparison:
    name, answers = baseline
    by_id = {each.id: each for each in answers}
    if set(by_id) != {each.id for each in cases} or len(by_id) < len(answers):
        missing = sorted({each.id for each in cases} - set(by_id))
        first = f", first {missing[0]!r}" if missing else ""
        raise InputError(
            f"the baseline must answer exactly the evaluated cases; {len(missing)} are missing{first}", field="baseline"
        )
    # The truth of the evaluation counts for both.
    others = [msgspec.structs.replace(by_id[each.id], truth=each.truth, group=each.group) for each in cases]
    mine = main_figures(cases, table(cases), multi_label=multi_label)
    theirs = main_figures(others, table(others), multi_label=multi_label)
    figures, differences, not_better = {}, {}, {}
    for each in COMPARED:
        (own, own_drawn), (other, other_drawn) = draws.figures(mine[each]), draws.figures(theirs[each])
        n, confidence = len(cases), draws.confidence
        figures[each] = interval_of(float(other), other_drawn, n=n, confidence=confidence)
        gaps = own_drawn - other_drawn
        differences[each] = interval_of(float(own - other), gaps, n=n, confidence=confidence)
        known = gaps[np.isfinite(gaps)]
        not_better[each] = float((known <= 0).mean()) if known.size else None
    return Comparison(baseline=name, figures=figures, differences=differences, not_better=not_better)
