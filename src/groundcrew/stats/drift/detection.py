"""The test: every column's statistics over the same deals of the rows, as many deals as the verdict needs, and the verdicts."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from groundcrew.errors import InputError
from groundcrew.stats.drift.assignments import Dealer
from groundcrew.stats.drift.categories import CategoryStatistics
from groundcrew.stats.drift.columns import Column, Kind, labels_of, numbers_of, vectors_of
from groundcrew.stats.drift.numbers import NumberStatistics
from groundcrew.stats.drift.ranking import Measured, Ranking, Statistics
from groundcrew.stats.drift.results import ColumnDrift, DriftTest
from groundcrew.stats.drift.vectors import VectorStatistics

#: Chance of a false alarm of a whole test, unless asked for otherwise.
ALPHA = 0.01
#: Permutations where the first look leaves the verdict open; many, so that a p near alpha is not a matter of luck.
PERMUTATIONS = 1_999
#: Permutations of the first look, and the p-value above which it is the last: such a test can not end below ALPHA_MAX.
PERMUTATIONS_FIRST = 199
P_VALUE_CLEAR = 0.15
ALPHA_MAX = 0.1
PERMUTATIONS_MAX = 100_000
#: The same data give the same verdict.
SEED = 20261127
COLUMNS_MAX = 1_000
#: Values on each side below which "no drift" is not said.
VALUES_MIN = 10


def detect(
    reference: Column,
    current: Column,
    *,
    kind: Kind | None = None,
    alpha: float = ALPHA,
    blocks_reference: Sequence[Hashable] | None = None,
    blocks_current: Sequence[Hashable] | None = None,
    permutations: int = PERMUTATIONS,
    seed: int = SEED,
) -> ColumnDrift:
    """Whether `current` differs from `reference`; `kind`, where given, is how both are read. See `detect_all`."""
    if kind is not None:
        reference, current = _as_kind(reference, kind), _as_kind(current, kind)
    return detect_all(
        {"values": reference},
        {"values": current},
        alpha=alpha,
        blocks_reference=blocks_reference,
        blocks_current=blocks_current,
        permutations=permutations,
        seed=seed,
    ).columns[0]


def detect_all(
    reference: Mapping[str, Column],
    current: Mapping[str, Column],
    *,
    alpha: float = ALPHA,
    blocks_reference: Sequence[Hashable] | None = None,
    blocks_current: Sequence[Hashable] | None = None,
    permutations: int = PERMUTATIONS,
    seed: int = SEED,
) -> DriftTest:
    """Whether any column of `current` differs from `reference`, and which; a false alarm anywhere has chance `alpha` at most.

    Columns of one window are as long as each other: a row is a case, and its columns are permuted together. `blocks_…` name
    the day or user of each row; rows of one block then move together, since they resemble each other. Permutations stop
    after PERMUTATIONS_FIRST where these leave no doubt that there is no drift to report. Verdicts are unknown, never "no
    drift", where a window is empty, a column has less than VALUES_MIN values on a side, or too few rows or blocks make any
    p-value as small as alpha possible. Raises InputError for columns that are on one side only, of two kinds or lengths.
    """
    rows = _checked(reference, current, alpha, permutations)
    if not all(rows):
        return _nothing(reference, current, alpha, "the reference has no rows" if not rows[0] else "there are no current rows")
    dealer = Dealer(*rows, blocks_reference=blocks_reference, blocks_current=blocks_current, permutations=permutations, seed=seed)
    columns = [_measured(name, reference[name], current[name], dealer.observed) for name in reference]
    for column in columns:
        column.add(dealer.observed[None, :])
    first = min(PERMUTATIONS_FIRST, dealer.count) if alpha <= ALPHA_MAX and not dealer.exhaustive else dealer.count
    ranking = Ranking.after(columns, dealer, first, alpha)
    if first < dealer.count and min(ranking.adjusted, default=1.0) <= P_VALUE_CLEAR:
        ranking = Ranking.after(columns, dealer, dealer.count - first, alpha)
    possible = dealer.p_value_least <= alpha
    why = "" if possible else _impossible(dealer, alpha)
    verdicts = tuple(_verdict(column, place, ranking, alpha, why) for place, column in enumerate(columns))
    answers = [verdict.drifted for verdict in verdicts]
    return DriftTest(
        columns=verdicts,
        drifted=True if True in answers else None if None in answers or not answers else False,
        p_value=min(ranking.adjusted, default=None) if possible else None,
        false_alarm_rate=alpha,
        permutations=ranking.deals,
        p_value_least=dealer.p_value_least,
        blocks=dealer.blocks if dealer.blocked else None,
        reason=why or next((f"{each.column}: {each.reason}" for each in verdicts if each.drifted is None), ""),
    )


def _verdict(column: Measured, place: int, ranking: Ranking, alpha: float, impossible: str) -> ColumnDrift:
    p_value: float | None = ranking.adjusted[place]
    drifted: bool | None = ranking.adjusted[place] <= alpha
    reason = impossible
    if not drifted and not reason and min(column.values_known) < VALUES_MIN:
        before, now = column.values_known
        reason = f"{before} values in the reference and {now} now; at least {VALUES_MIN} on each side are needed"
    if impossible or reason:
        p_value, drifted = None, None
    strongest = ranking.strongest[place]
    statistic = float(ranking.observed[place][strongest])
    threshold = None if drifted is None else ranking.threshold(place)
    if threshold is not None:  # what differs in the last digit only must not contradict the verdict
        threshold = min(threshold, math.nextafter(statistic, -math.inf)) if drifted else max(threshold, statistic)
    return ColumnDrift(
        column=column.name,
        kind=column.kind,
        statistic_name=column.names[strongest],
        statistic=statistic,
        threshold=threshold,
        p_value=p_value,
        p_value_alone=None if drifted is None else ranking.alone[place],
        drifted=drifted,
        effect=column.statistics.effect() if all(column.values_known) else None,
        reference_rows=column.values_known[0] + column.missing[0],
        current_rows=column.values_known[1] + column.missing[1],
        reference_missing=column.missing[0],
        current_missing=column.missing[1],
        reason=reason,
    )


def _measured(name: str, reference: Column, current: Column, observed: NDArray[np.bool_]) -> Measured:
    return Measured(name, reference.kind, _statistics(reference, current, observed, name), observed)


def _statistics(reference: Column, current: Column, observed: NDArray[np.bool_], name: str) -> Statistics:
    if reference.kind == "number":
        return NumberStatistics(np.concatenate([numbers_of(reference, name), numbers_of(current, name)]), observed)
    if reference.kind == "category":
        return CategoryStatistics([*labels_of(reference, name), *labels_of(current, name)], observed)
    before, now = vectors_of(reference, name), vectors_of(current, name)
    if before.shape[1] != now.shape[1]:
        raise InputError(f"has vectors of {before.shape[1]} dimensions in the reference and {now.shape[1]} now", field=name)
    return VectorStatistics(np.concatenate([before, now]), observed, name)


def _checked(reference: Mapping[str, Column], current: Mapping[str, Column], alpha: float, permutations: int) -> tuple[int, int]:
    """Rows of the reference and now."""
    if not 0 < alpha < 1:
        raise InputError(f"must lie between 0 and 1, is {alpha:g}", field="alpha")
    if not 1 <= permutations <= PERMUTATIONS_MAX:
        raise InputError(f"must lie in 1..{PERMUTATIONS_MAX}, is {permutations}", field="permutations")
    if not 1 <= len(reference) <= COLUMNS_MAX:
        raise InputError(f"needs 1 to {COLUMNS_MAX} columns, has {len(reference)}", field="columns")
    for name in [*reference, *current]:
        if name not in reference or name not in current:
            raise InputError(f"is missing in the {'reference' if name not in reference else 'current'} window", field=name)
        if reference[name].kind != current[name].kind:
            raise InputError(f"is {reference[name].kind} in the reference and {current[name].kind} now", field=name)
    lengths = []
    for side in (reference, current):
        rows = len(next(iter(side.values())))
        for name, column in side.items():
            if len(column) != rows:
                raise InputError(f"has {len(column)} rows where other columns have {rows}", field=name)
        lengths.append(rows)
    return lengths[0], lengths[1]


def _nothing(reference: Mapping[str, Column], current: Mapping[str, Column], alpha: float, why: str) -> DriftTest:
    columns = tuple(
        ColumnDrift(
            column=name,
            kind=column.kind,
            statistic_name="",
            statistic=None,
            threshold=None,
            p_value=None,
            p_value_alone=None,
            drifted=None,
            effect=None,
            reference_rows=len(column),
            current_rows=len(current[name]),
            reference_missing=0,
            current_missing=0,
            reason=why,
        )
        for name, column in reference.items()
    )
    return DriftTest(
        columns=columns, drifted=None, p_value=None, false_alarm_rate=alpha, permutations=0, p_value_least=1.0, reason=why
    )


def _impossible(dealer: Dealer, alpha: float) -> str:
    what = f"{dealer.blocks} blocks" if dealer.blocked else f"{dealer.rows} rows"
    if not dealer.exhaustive:
        what = f"{dealer.count} permutations"
    return f"{what} give no p-value below {dealer.p_value_least:.3g}, and {alpha:g} was asked for"


def _as_kind(column: Column, kind: Kind) -> Column:
    return column if column.kind == kind else msgspec.structs.replace(column, kind=kind)
