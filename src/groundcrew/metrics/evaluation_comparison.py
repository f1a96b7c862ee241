"""Two runs of a suite side by side: for each figure the difference case by case with its interval, and who wins where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from groundcrew.domain.evaluation import EvaluationResult, JudgeRule
from groundcrew.domain.hypothesis import BINARY_KINDS, MetricKind
from groundcrew.metrics.evaluation_figures import JUDGE_PREFIX, QUALITY, figure_rules
from groundcrew.metrics.evaluation_report import case_means
from groundcrew.metrics.paired_comparison import PairedResult, Wins, paired_comparison, wins

CHANGES_SHOWN_MAX = 20


class FigureComparison(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of both runs over the cases that both have; differences are second − first."""

    title: str
    unit: str
    direction: str
    margin: float | None
    paired: PairedResult
    wins: Wins


class CaseChange(msgspec.Struct, frozen=True, kw_only=True):
    """A case whose quality moved: `change` is the mean over its quality figures, above 0 where the second run is better."""

    case_id: str
    change: float
    first_call_id: str
    second_call_id: str


class RunComparison(msgspec.Struct, frozen=True, kw_only=True):
    """`cases` are those with a result in both runs. `better` and `worse` are cases, the largest changes first."""

    cases: int
    figures: tuple[FigureComparison, ...]
    better: tuple[CaseChange, ...]
    worse: tuple[CaseChange, ...]


def compare_runs(
    first: Sequence[EvaluationResult],
    second: Sequence[EvaluationResult],
    *,
    judges: tuple[JudgeRule, ...] = (),
    margins: Mapping[str, float] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> RunComparison:
    """Compare two runs of the same cases. `margins`: the loss, in a figure's unit, that may be borne; without one a figure is
    better, worse or neither. Repeats of a case are averaged first, and shares of them are then means."""
    margins = margins or {}
    sides = case_means(first, judges), case_means(second, judges)
    cases = sorted(sides[0].keys() & sides[1].keys())
    found = []
    for name, rule in figure_rules(judges).items():
        before, after = ([side[case].get(name) for case in cases] for side in sides)
        if all(each is None for each in (*before, *after)):
            continue
        whole = all(each in (None, 0.0, 1.0) for each in (*before, *after))
        kind: MetricKind = rule.kind if rule.kind not in BINARY_KINDS or whole else "mean"
        paired = paired_comparison(
            name,
            before,
            after,
            kind=kind,
            direction=rule.direction,
            margin=margins.get(name),
            confidence=confidence,
            seed=seed,
            bounds=rule.bounds,
        )
        found.append(
            FigureComparison(
                title=rule.title,
                unit=rule.unit,
                direction=rule.direction,
                margin=margins.get(name),
                paired=paired,
                wins=wins(before, after, direction=rule.direction),
            )
        )
    changes = _changes(cases, sides, judges, _calls(first), _calls(second))
    return RunComparison(
        cases=len(cases),
        figures=tuple(found),
        better=tuple(each for each in reversed(changes) if each.change > 0)[:CHANGES_SHOWN_MAX],
        worse=tuple(each for each in changes if each.change < 0)[:CHANGES_SHOWN_MAX],
    )


def _calls(results: Sequence[EvaluationResult]) -> dict[str, str]:
    return {each.case_id: each.call_id for each in sorted(results, key=lambda each: -each.repeat)}


def _changes(
    cases: Sequence[str],
    sides: tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]],
    judges: tuple[JudgeRule, ...],
    first_calls: Mapping[str, str],
    second_calls: Mapping[str, str],
) -> list[CaseChange]:
    """Every case whose quality figures differ, the greatest loss first."""
    rules, found = figure_rules(judges), []
    names = [name for name in rules if name in QUALITY or name.startswith(JUDGE_PREFIX)]
    for case in cases:
        before, after = sides[0][case], sides[1][case]
        moves = []
        for name in names:
            bounds = rules[name].bounds
            if name in before and name in after and bounds is not None:
                moves.append((after[name] - before[name]) / (bounds[1] - bounds[0]))
        if moves and (change := sum(moves) / len(moves)):
            found.append(
                CaseChange(
                    case_id=case,
                    change=round(change, 4),
                    first_call_id=first_calls[case],
                    second_call_id=second_calls[case],
                )
            )
    return sorted(found, key=lambda each: (each.change, each.case_id))
