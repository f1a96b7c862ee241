"""One metric's rows as arrays in the order of time, with what belongs to them: covariates, denominators and dependence."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from groundcrew.domain.hypothesis import HypothesisPlan, SuccessMetric
from groundcrew.metrics.observations import COVARIATE_PREFIX, DENOMINATOR_PREFIX, Columns

DAY_US = 86_400_000_000
#: Seed of the order in which rows of the same moment are taken: any order but that of the file, which may be by arm.
TIE_SEED = 20260301


class MetricData(msgspec.Struct, frozen=True, kw_only=True):
    """One entry a row, earliest first. `cluster` is None unless every row has one; `covariate` and `denominator` are None
    unless some row has one. `left_out` counts rows of a ratio whose unit has no denominator."""

    values: NDArray[np.float64]
    treated: NDArray[np.bool_]
    unit: NDArray[np.int64]
    time: NDArray[np.int64]
    cluster: NDArray[np.int64] | None
    covariate: NDArray[np.float64] | None
    denominator: NDArray[np.float64] | None
    left_out: int = 0

    @property
    def days(self) -> NDArray[np.int64]:
        """Day of each row, counted from 1970 UTC."""
        return self.time // DAY_US

    @property
    def units(self) -> int:
        """Distinct units."""
        return int(distinct(self.unit).size)

    def taken(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> MetricData:
        """Only the given rows, in that order."""
        return MetricData(
            values=self.values[rows],
            treated=self.treated[rows],
            unit=self.unit[rows],
            time=self.time[rows],
            cluster=None if self.cluster is None else self.cluster[rows],
            covariate=None if self.covariate is None else self.covariate[rows],
            denominator=None if self.denominator is None else self.denominator[rows],
            left_out=self.left_out,
        )

    def first_units(self, count: int) -> MetricData:
        """All rows of the `count` units that came first."""
        _, first, index = np.unique(self.unit, return_index=True, return_inverse=True)
        rank = np.empty(first.size, dtype=np.int64)
        rank[np.argsort(first, kind="stable")] = np.arange(first.size)
        return self.taken(rank[index] < count)


def metric_data(plan: HypothesisPlan, columns: Columns, metric: SuccessMetric) -> MetricData:
    """The rows of `metric` from checked columns. Rows of one moment come in an order that does not depend on their arm."""
    assert plan.arms is not None
    rows = np.flatnonzero(columns.metric == _position(columns, metric.name))
    treatment = columns.arm_names.index(plan.arms.treatment) if plan.arms.treatment in columns.arm_names else -1
    cluster = None if columns.cluster is None else columns.cluster[rows]
    data = MetricData(
        values=columns.value[rows],
        treated=columns.arm[rows] == treatment,
        unit=columns.unit_id[rows],
        time=columns.time[rows],
        cluster=None if cluster is None or not rows.size or (cluster < 0).any() else cluster,
        covariate=_some(columns.covariate, rows),
        denominator=_some(columns.denominator, rows) if metric.kind == "ratio" else None,
    )
    if data.denominator is not None:  # a row without one is one case
        data = msgspec.structs.replace(data, denominator=np.nan_to_num(data.denominator, nan=1.0))
    data = _with_denominators(data, columns, metric, treatment)
    data = _with_covariates(data, columns, metric)
    mixed = np.random.default_rng(TIE_SEED).permutation(data.values.size)
    return data.taken(mixed[np.argsort(data.time[mixed], kind="stable")])


def distinct(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The different numbers among `codes`, rising; numpy's own way by hashing takes seconds for a million of them."""
    ordered = np.sort(codes)
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])] if ordered.size else ordered


def _position(columns: Columns, name: str) -> int:
    """Where the name stands among the metrics; −1, which no row has, where it does not."""
    return columns.metric_names.index(name) if name in columns.metric_names else -1


def _some(array: NDArray[np.float64] | None, rows: NDArray[np.int64]) -> NDArray[np.float64] | None:
    taken = None if array is None else array[rows]
    return None if taken is None or not np.isfinite(taken).any() else taken


def _with_covariates(data: MetricData, columns: Columns, metric: SuccessMetric) -> MetricData:
    """Each unit's mean of its `pre:` rows, where there are any."""
    rows = np.flatnonzero(columns.metric == _position(columns, COVARIATE_PREFIX + metric.name))
    if not rows.size:
        return data
    units, index = np.unique(columns.unit_id[rows], return_inverse=True)
    means = np.bincount(index, weights=columns.value[rows]) / np.bincount(index)
    place = np.minimum(np.searchsorted(units, data.unit), units.size - 1)
    return msgspec.structs.replace(data, covariate=np.where(units[place] == data.unit, means[place], np.nan))


def _with_denominators(data: MetricData, columns: Columns, metric: SuccessMetric, treatment: int) -> MetricData:
    """One row a unit that has `per:` rows: the sum of its values, 0 without any, over the sum of its denominators.

    The unit's other figures are those of its first denominator.
    """
    rows = np.flatnonzero(columns.metric == _position(columns, DENOMINATOR_PREFIX + metric.name))
    if metric.kind != "ratio" or not rows.size:
        return data
    rows = rows[np.argsort(columns.time[rows], kind="stable")]
    units, first, index = np.unique(columns.unit_id[rows], return_index=True, return_inverse=True)
    place = np.minimum(np.searchsorted(units, data.unit), units.size - 1)
    known = units[place] == data.unit
    values = np.bincount(place[known], weights=data.values[known], minlength=units.size).astype(np.float64)
    denominator = np.bincount(index, weights=columns.value[rows]).astype(np.float64)
    chosen = rows[first]
    cluster = None if columns.cluster is None else columns.cluster[chosen]
    return MetricData(
        values=values,
        treated=columns.arm[chosen] == treatment,
        unit=units,
        time=columns.time[chosen],
        cluster=None if cluster is None or (cluster < 0).any() else cluster,
        covariate=_some(columns.covariate, chosen),
        denominator=denominator,
        left_out=int((~known).sum()),
    )
