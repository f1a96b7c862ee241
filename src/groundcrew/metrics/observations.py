"""Observations of an experiment: one row per unit, metric and value, checked against the plan and read from CSV."""

from __future__ import annotations

import csv
import difflib
import gzip
import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from groundcrew.domain.hypothesis import BINARY_KINDS, RATING_MAX, RATING_MIN, HypothesisPlan, SuccessMetric
from groundcrew.errors import InputError

REQUIRED_COLUMNS = ("unit_id", "arm", "metric", "value", "time")
#: Rows that one analysis holds in memory; more belong in the store's aggregates.
OBSERVATIONS_MAX = 10_000_000


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """One measured value of one unit in one arm. `time` is when it was measured, UTC; `cluster` whom it shares with."""

    unit_id: str
    arm: str
    metric: str
    value: float
    time: datetime
    cluster: str | None = None


def read_observations(path: Path, plan: HypothesisPlan) -> list[Observation]:
    """The rows of a CSV file with columns unit_id, arm, metric, value, time and optionally cluster (also gzipped).

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


def check_observation(plan: HypothesisPlan, row: Observation, metrics: dict[str, SuccessMetric]) -> None:
    """Raise InputError, naming the field, unless the row's arm, metric, value and time fit the plan."""
    arms = (plan.arms.control, plan.arms.treatment) if plan.arms is not None else ()
    if not row.unit_id:
        raise InputError("is empty", field="unit_id")
    if row.arm not in arms:
        raise InputError(_unknown("arm", row.arm, arms), field="arm")
    metric = metrics.get(row.metric)
    if metric is None:
        raise InputError(_unknown("metric", row.metric, metrics), field="metric")
    if not math.isfinite(row.value):
        raise InputError(f"{row.value} is not a finite number", field="value")
    if metric.kind in BINARY_KINDS and row.value not in (0.0, 1.0):
        raise InputError(f"{row.value:g} is not 0 or 1, as {metric.kind} {metric.name} needs", field="value")
    if metric.kind == "rating" and not RATING_MIN <= row.value <= RATING_MAX:
        raise InputError(f"{row.value:g} is not within 1 to 5 stars", field="value")
    if metric.kind == "duration" and row.value < 0:
        raise InputError(f"{row.value:g} is negative, {metric.name} is a duration", field="value")
    if row.time.utcoffset() is None:
        raise InputError("has no offset from UTC", field="time")
    if plan.cluster is not None and not row.cluster:
        raise InputError(f"is empty, but the plan declares clusters by {plan.cluster}", field="cluster")


def _rows(lines: Iterable[str], plan: HypothesisPlan, file: str) -> Iterator[Observation]:
    """Parsed and checked rows; every error carries file and line."""
    reader = csv.reader(lines, strict=True)
    metrics = {metric.name: metric for metric in plan.metrics}
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
                check_observation(plan, row, metrics)
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
    return {column: header.index(column) for column in (*REQUIRED_COLUMNS, "cluster") if column in header}


def _row(cells: list[str], place: dict[str, int]) -> Observation:
    cell = {column: cells[index].strip() for column, index in place.items()}
    try:
        value = float(cell["value"])
    except ValueError as error:
        message = f"{cell['value']!r} is not a number" if cell["value"] else "is empty: leave out what was not measured"
        raise InputError(message, field="value") from error
    try:
        time = datetime.fromisoformat(cell["time"])
    except ValueError as error:
        raise InputError(f"{cell['time']!r} is not an RFC 3339 time", field="time") from error
    time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    return Observation(
        unit_id=cell["unit_id"],
        arm=cell["arm"],
        metric=cell["metric"],
        value=value,
        time=time,
        cluster=cell.get("cluster") or None,
    )


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    choices = list(known)
    near = difflib.get_close_matches(name, choices, n=1, cutoff=0.5)
    if near:
        return f"unknown {kind} {name!r}; is {near[0]} meant?"
    return f"unknown {kind} {name!r}; the plan declares {', '.join(choices) or 'none'}"
