"""Observations of an experiment: one row per unit, metric and value, checked against the plan and read from CSV.

`Observation` is one row as people write it; `Columns` holds the same rows as arrays, which is what an analysis computes on.
"""

from __future__ import annotations

import csv
import difflib
import gzip
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from groundcrew.domain.hypothesis import BINARY_KINDS, RATING_MAX, RATING_MIN, HypothesisPlan, SuccessMetric
from groundcrew.domain.moments import in_utc
from groundcrew.errors import InputError

Name = TypeVar("Name", str, str | None)

REQUIRED_COLUMNS = ("unit_id", "arm", "metric", "value", "time")
OPTIONAL_COLUMNS = ("cluster", "covariate", "denominator")
#: A row of this metric only says that the unit was assigned and met its arm; its value is ignored.
EXPOSURE_METRIC = "exposure"
#: A row of metric `pre:NAME` holds the unit's value of NAME from before the experiment (see `Columns.covariate`).
COVARIATE_PREFIX = "pre:"
#: A row of metric `per:NAME` holds a denominator of the unit's ratio metric NAME (see `Columns.denominator`).
DENOMINATOR_PREFIX = "per:"
#: Rows that one analysis holds in memory; more belong in the store's aggregates.
OBSERVATIONS_MAX = 10_000_000


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """One measured value of one unit in one arm. `time` is when it was measured, UTC; `cluster` whom it shares with.

    `covariate` is the unit's value from before the experiment, `denominator` what a ratio's value is divided by (≥ 0).
    """

    unit_id: str
    arm: str
    metric: str
    value: float
    time: datetime
    cluster: str | None = None
    covariate: float | None = None
    denominator: float | None = None


class Columns(msgspec.Struct, frozen=True, kw_only=True):
    """Rows as arrays of equal length, one entry a row, in any order: what a store hands over without an object a row.

    `unit_id` and `cluster` are any whole numbers that are equal for rows of one unit or cluster (cluster −1: none); `arm`
    and `metric` are positions in `arm_names` and `metric_names`, which may hold names that no row uses; `time` is in
    microseconds since 1970 UTC. `covariate` and `denominator` are NaN where a row has none; left out, no row has one.
    The names EXPOSURE_METRIC, `pre:NAME` and `per:NAME` may stand beside the plan's metrics.
    """

    unit_id: NDArray[np.int64]
    arm: NDArray[np.int64]
    metric: NDArray[np.int64]
    value: NDArray[np.float64]
    time: NDArray[np.int64]
    arm_names: tuple[str, ...]
    metric_names: tuple[str, ...]
    cluster: NDArray[np.int64] | None = None
    covariate: NDArray[np.float64] | None = None
    denominator: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return int(self.value.size)


def columns_of(rows: Sequence[Observation]) -> Columns:
    """The rows as Columns, in their order."""
    unit_id, _ = _codes([row.unit_id for row in rows])
    arm, arm_names = _codes([row.arm for row in rows])
    metric, metric_names = _codes([row.metric for row in rows])
    cluster, cluster_names = _codes([row.cluster or None for row in rows])
    if None in cluster_names:
        cluster[cluster == cluster_names.index(None)] = -1
    return Columns(
        unit_id=unit_id,
        arm=arm,
        metric=metric,
        value=np.array([row.value for row in rows], dtype=np.float64),
        time=np.array([round(row.time.timestamp() * 1e6) for row in rows], dtype=np.int64),
        arm_names=tuple(arm_names),
        metric_names=tuple(metric_names),
        cluster=cluster,
        covariate=_optional([row.covariate for row in rows]),
        denominator=_optional([row.denominator for row in rows]),
    )


def accepted_metrics(plan: HypothesisPlan) -> dict[str, SuccessMetric | None]:
    """Every metric name that a row may carry: the plan's, their companions `pre:` and `per:`, and the mere exposure.

    The value is the plan's metric that the rows belong to, None for the exposure.
    """
    found: dict[str, SuccessMetric | None] = {EXPOSURE_METRIC: None}
    for metric in plan.metrics:
        found[COVARIATE_PREFIX + metric.name] = metric
        if metric.kind == "ratio":
            found[DENOMINATOR_PREFIX + metric.name] = metric
    return found | {metric.name: metric for metric in plan.metrics}


def read_observations(path: Path, plan: HypothesisPlan) -> list[Observation]:
    """The rows of a CSV file with columns unit_id, arm, metric, value, time (also gzipped).

    Optional columns are cluster, covariate and denominator; an empty cell there says that the row has none.

    Raises InputError that names file, line and field of the first bad row. Other columns are ignored. A time without an
    offset is read as UTC.
    """
    try:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8-sig", newline="") as lines:
            return list(_rows(lines, plan, str(path)))
    except (OSError, EOFError) as error:
        raise InputError(f"cannot be read: {getattr(error, 'strerror', None) or error}", file=str(path)) from error
    except UnicodeDecodeError as error:
        raise InputError("is not UTF-8 text", file=str(path)) from error


def check_observation(plan: HypothesisPlan, row: Observation, accepted: dict[str, SuccessMetric | None]) -> None:
    """Raise InputError, naming the field, unless the row's arm, metric, value and time fit the plan.

    `accepted` is `accepted_metrics(plan)`.
    """
    arms = (plan.arms.control, plan.arms.treatment) if plan.arms is not None else ()
    if not row.unit_id:
        raise InputError("is empty", field="unit_id")
    if row.arm not in arms:
        raise InputError(_unknown("arm", row.arm, arms), field="arm")
    if row.metric not in accepted:
        raise InputError(_unknown("metric", row.metric, [metric.name for metric in plan.metrics]), field="metric")
    for field in ("value", "covariate", "denominator"):
        number = getattr(row, field)
        if number is not None and not math.isfinite(number):
            raise InputError(f"{number} is not a finite number", field=field)
    metric = accepted[row.metric]
    if metric is not None and row.metric == metric.name:
        message = value_problem(metric, row.value, row.value)
        if message:
            raise InputError(message, field="value")
    below = row.value if row.metric.startswith(DENOMINATOR_PREFIX) else row.denominator
    if below is not None and below < 0:
        raise InputError(f"{below:g} is negative, a ratio is divided by it", field="denominator")
    if row.time.utcoffset() is None:
        raise InputError("has no offset from UTC", field="time")
    if plan.cluster is not None and not row.cluster:
        raise InputError(f"is empty, but the plan declares clusters by {plan.cluster}", field="cluster")


def check_columns(plan: HypothesisPlan, columns: Columns) -> None:
    """Raise InputError, naming the field and the first bad row (from 0), unless every row fits the plan."""
    arms = (plan.arms.control, plan.arms.treatment) if plan.arms is not None else ()
    arrays = {name: getattr(columns, name) for name in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS)}
    for field, array in arrays.items():
        if array is not None and array.shape != columns.value.shape:
            raise InputError(f"has {array.size} entries, value has {columns.value.size}", field=field)
    accepted = accepted_metrics(plan)
    for field, codes, names, known in (
        ("arm", columns.arm, columns.arm_names, arms),
        ("metric", columns.metric, columns.metric_names, tuple(accepted)),
    ):
        _refuse((codes < 0) | (codes >= len(names)), "is no position in the names", field)
        used = np.flatnonzero(np.bincount(codes, minlength=len(names)))
        for name in (names[position] for position in used):
            if name not in known:
                shown = known if field == "arm" else tuple(metric.name for metric in plan.metrics)
                raise InputError(_unknown(field, name, shown), field=field)
    _refuse(~np.isfinite(columns.value), "is not a finite number", "value")
    if columns.denominator is not None:
        _refuse(columns.denominator < 0, "is negative, a ratio is divided by it", "denominator")
    if plan.cluster is not None:
        missing = np.full(len(columns), True) if columns.cluster is None else columns.cluster < 0
        _refuse(missing, f"is empty, but the plan declares clusters by {plan.cluster}", "cluster")
    for position, name in enumerate(columns.metric_names):
        metric = accepted.get(name)
        values = columns.value[columns.metric == position] if metric is not None else columns.value[:0]
        if metric is None or not values.size:
            continue
        if name.startswith(DENOMINATOR_PREFIX) and values.min() < 0:
            raise InputError(f"{values.min():g} is negative, a ratio is divided by it", field="value")
        if name != metric.name:
            continue
        if metric.kind in BINARY_KINDS:
            odd = values[(values != 0) & (values != 1)]
            message = value_problem(metric, odd[0], odd[0]) if odd.size else ""
        else:
            message = value_problem(metric, float(values.min()), float(values.max()))
        if message:
            raise InputError(message, field="value")


def value_problem(metric: SuccessMetric, lowest: float, highest: float) -> str:
    """What is wrong with values of `metric` that reach from `lowest` to `highest`; empty where nothing is."""
    if metric.kind in BINARY_KINDS and (lowest not in (0.0, 1.0) or highest not in (0.0, 1.0)):
        return f"{lowest:g} is not 0 or 1, as {metric.kind} {metric.name} needs"
    if metric.kind == "rating" and not RATING_MIN <= lowest <= highest <= RATING_MAX:
        return f"{lowest if lowest < RATING_MIN else highest:g} is not within 1 to 5 stars"
    if metric.kind == "duration" and lowest < 0:
        return f"{lowest:g} is negative, {metric.name} is a duration"
    if metric.bounds is not None and not metric.bounds[0] <= lowest <= highest <= metric.bounds[1]:
        outside = lowest if lowest < metric.bounds[0] else highest
        return f"{outside:g} is outside {metric.bounds[0]:g} to {metric.bounds[1]:g}, the bounds of {metric.name}"
    return ""


def _refuse(bad: NDArray[np.bool_], message: str, field: str) -> None:
    """Raise InputError with the first row where `bad` holds."""
    if bad.any():
        raise InputError(f"{message} in row {int(bad.argmax())}", field=field)


def _codes(names: Sequence[Name]) -> tuple[NDArray[np.int64], list[Name]]:
    """Each name's number in the order of first appearance, and the names."""
    numbers: dict[Name, int] = {}
    codes = np.fromiter((numbers.setdefault(name, len(numbers)) for name in names), dtype=np.int64, count=len(names))
    return codes, list(numbers)


def _optional(numbers: Sequence[float | None]) -> NDArray[np.float64] | None:
    """NaN where there is no number; None where there is none at all."""
    if all(number is None for number in numbers):
        return None
    return np.array([math.nan if number is None else number for number in numbers], dtype=np.float64)


def _rows(lines: Iterable[str], plan: HypothesisPlan, file: str) -> Iterator[Observation]:
    """Parsed and checked rows; every error carries file and line."""
    reader = csv.reader(lines, strict=True)
    accepted = accepted_metrics(plan)
    try:
        header = [name.strip() for name in next(reader, [])]
        place = _columns(header, file)
        for count, cells in enumerate(reader):
            if not cells or (len(cells) == 1 and not cells[0].strip()):
                continue
            if count >= OBSERVATIONS_MAX:
                raise InputError(f"holds more than {OBSERVATIONS_MAX} rows", file=file, line=reader.line_num)
            if len(cells) != len(header):
                message = f"has {len(cells)} cells, the header has {len(header)}"
                raise InputError(message, file=file, line=reader.line_num)
            try:
                row = _row(cells, place)
                check_observation(plan, row, accepted)
            except InputError as error:
                raise InputError(error.message, file=file, line=reader.line_num, field=error.field) from error
            yield row
    except csv.Error as error:
        raise InputError(f"is not CSV: {error}", file=file, line=reader.line_num) from error


def _columns(header: list[str], file: str) -> dict[str, int]:
    """Where each known column stands."""
    if not header:
        raise InputError("is empty: it needs a header line " + ",".join(REQUIRED_COLUMNS) + "[,cluster]", file=file)
    for column in REQUIRED_COLUMNS:
        if column not in header:
            near = difflib.get_close_matches(column, header, n=1)
            hint = f"; is {near[0]} meant?" if near else ""
            raise InputError(f"the column is missing{hint}", file=file, line=1, field=column)
    for column in header:
        if header.count(column) > 1:
            raise InputError(f"the column stands {header.count(column)} times", file=file, line=1, field=column)
    return {column: header.index(column) for column in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS) if column in header}


def _row(cells: list[str], place: dict[str, int]) -> Observation:
    cell = {column: cells[index].strip() for column, index in place.items()}
    if not cell["value"]:
        raise InputError("is empty: leave out what was not measured", field="value")
    try:
        time = datetime.fromisoformat(cell["time"])
    except ValueError as error:
        raise InputError(f"{cell['time']!r} is not an RFC 3339 time", field="time") from error
    time = in_utc(time, "time")
    return Observation(
        unit_id=cell["unit_id"],
        arm=cell["arm"],
        metric=cell["metric"],
        value=_number(cell["value"], "value"),
        time=time,
        cluster=cell.get("cluster") or None,
        covariate=_number(cell["covariate"], "covariate") if cell.get("covariate") else None,
        denominator=_number(cell["denominator"], "denominator") if cell.get("denominator") else None,
    )


def _number(text: str, field: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InputError(f"{text!r} is not a number", field=field) from error


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    choices = list(known)
    near = difflib.get_close_matches(name, choices, n=1, cutoff=0.5)
    if near:
        return f"unknown {kind} {name!r}; is {near[0]} meant?"
    return f"unknown {kind} {name!r}; the plan declares {', '.join(choices) or 'none'}"
