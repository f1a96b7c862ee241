"""Outcomes of an experiment as columns: read from the database without their documents, held against the log of exposures, and
counted where the two contradict each other."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
import numpy as np

from groundcrew.domain.hypothesis import Hypothesis, SuccessMetric
from groundcrew.metrics.experiment_look import AssignedBy, DataQuality
from groundcrew.metrics.observations import COVARIATE_PREFIX, DENOMINATOR_PREFIX, Columns, accepted_metrics, value_problem
from groundcrew.store import experiments as stored
from groundcrew.store.database import Connection
from groundcrew.store.experiments import ExposureRow
from groundcrew.store.rows import stamp

#: How far the clock of whoever measures may be behind ours before a value counts as measured before its unit was exposed.
CLOCK_SKEW_US_MAX = 300 * 1_000_000
#: Shares of units, or of values, above which the data are unfit for any conclusion.
CROSSED_SHARE_MAX, UNASSIGNED_SHARE_MAX, UNFIT_SHARE_MAX = 0.01, 0.05, 0.05

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Value(NamedTuple):
    """The newest outcome of one metric and case. `at_us` is microseconds since 1970, UTC; `current` whether it is of the
    version that is asked for."""

    metric: str
    unit_id: str
    value: float
    at_us: int
    arm: str | None
    cluster: str | None
    current: bool
    sample: bool


class Recorded(NamedTuple):
    """What one transaction read: values, exposures by unit, and units that met an earlier experiment of the use case."""

    values: list[Value]
    exposures: dict[str, ExposureRow]
    met_before: set[str]


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """Outcomes held against the log: what is compared, and what was found on the way. `measured` counts units of either arm with
    a value of the primary metric."""

    columns: Columns
    quality: DataQuality
    assigned_by: AssignedBy
    measured: dict[str, int]


def microseconds(at: str | datetime) -> int:
    """A stamp or a time as microseconds since 1970, UTC."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return (moment - _EPOCH) // _MICROSECOND


async def read(connection: Connection, use_case: str, registered: Hypothesis, version_digest: str) -> Recorded:
    """The newest value of each metric and case of a use case, and who was exposed to the experiment."""
    # Sample data stand apart: one of them never takes the place of what happened.
    newest: dict[tuple[str, str, bool], Value] = {}
    names: dict[str, str] = {}
    async for page in stored.outcome_rows(connection, use_case):
        for row in page:
            metric = names.setdefault(row.metric, row.metric)
            newest[metric, row.case_id, bool(row.sample)] = Value(
                metric,
                row.unit_id or row.case_id,
                row.value,
                microseconds(row.at),
                names.setdefault(row.arm, row.arm) if row.arm else None,
                names.setdefault(row.cluster, row.cluster) if row.cluster else None,
                row.version_digest == version_digest,
                row.sample,
            )
    if registered.digest is None or registered.registered_at is None:
        return Recorded(list(newest.values()), {}, set())
    exposures = await stored.exposure_rows(connection, registered.digest)
    before = await stored.exposed_before(connection, use_case, registered.digest, stamp(registered.registered_at))
    return Recorded(list(newest.values()), exposures, before)


def after(recorded: Recorded, since: datetime, registered_at: datetime) -> Recorded:
    """What was measured after `since`, and those who were exposed after it or measured since. Covariates are kept, and what came
    before the registration, which is never compared: it tells whom to leave out. Where there is a log there still is one, though
    none of it may be left."""
    since_us, first_us = microseconds(since), microseconds(registered_at)
    values = [
        each
        for each in recorded.values
        if each.at_us > since_us or each.at_us < first_us or each.metric.startswith(COVARIATE_PREFIX)
    ]
    measured = {each.unit_id for each in values if each.at_us > since_us}
    exposures = {
        unit: each for unit, each in recorded.exposures.items() if unit in measured or microseconds(each.exposed_at) > since_us
    }
    return Recorded(values, exposures or recorded.exposures, recorded.met_before)


def join(recorded: Recorded, registered: Hypothesis, *, sample: bool) -> Joined:
    """What may be compared. Real outcomes count from the registration on and where the log has their unit, if there is a log;
    sample data are taken as they declare themselves. The order in which outcomes arrived does not matter."""
    plan = registered.plan
    assert plan.arms is not None
    assert registered.registered_at is not None
    arms = plan.arms
    parts = {"control": "control", "treatment": "treatment", arms.control: "control", arms.treatment: "treatment"}
    metrics = {name: metric for name, metric in accepted_metrics(plan).items() if metric is not None}
    since_us = microseconds(registered.registered_at)
    log = {} if sample else recorded.exposures
    exposed_us = {unit: microseconds(each.exposed_at) for unit, each in log.items()}
    values = [each for each in recorded.values if each.sample == sample and each.metric in metrics]
    # What a covariate measures lies before the experiment by its nature.
    before = {each for each in metrics if each.startswith(COVARIATE_PREFIX)}
    seen = [each for each in values if each.at_us < since_us and each.metric not in before]
    early = set() if sample else {each.unit_id for each in seen if each.arm in parts}
    early |= recorded.met_before
    found, rows = _Found(), _Rows((arms.control, arms.treatment), metrics, primary=plan.primary.name if plan.primary else "")
    for each in values:
        if not each.current or (not sample and each.at_us < since_us and each.metric not in before):
            continue
        arm = parts.get(each.arm) if each.arm else None
        cluster = each.cluster
        if log:
            exposure = log.get(each.unit_id)
            if exposure is None:
                if arm is not None:
                    found.unassigned.add(each.unit_id)
                continue
            if exposure.arm == "holdout":
                found.held_out.add(each.unit_id)
                continue
            if each.metric not in before and each.at_us + CLOCK_SKEW_US_MAX < exposed_us[each.unit_id]:
                found.counts["before_exposure"] += 1
                continue
            if arm not in (None, exposure.arm):
                found.crossed.add(each.unit_id)
            arm, cluster = exposure.arm, cluster or exposure.cluster
        if arm is None:
            continue
        if not sample and each.unit_id in early:
            found.early.add(each.unit_id)
            continue
        if not fits(metrics[each.metric], each.metric, each.value) or (plan.cluster is not None and cluster is None):
            found.counts["unfit"] += 1
            continue
        rows.add(each, arm, cluster)
    return Joined(
        columns=rows.columns(),
        quality=found.quality(len(rows), rows.units),
        assigned_by="log" if log else ("application" if len(rows) else "nobody"),
        measured={arm: len(units) for arm, units in rows.measured.items()},
    )


def fits(metric: SuccessMetric, name: str, value: float) -> bool:
    """Whether a value of `name`, the metric's own or a companion's of it, can be one."""
    if name.startswith(DENOMINATOR_PREFIX):
        return value >= 0
    return name != metric.name or not value_problem(metric, value, value)


class _Found:
    """What contradicts the log, while it is counted."""

    def __init__(self) -> None:
        self.crossed: set[str] = set()
        self.unassigned: set[str] = set()
        self.held_out: set[str] = set()
        self.early: set[str] = set()
        self.counts: Counter[str] = Counter()

    def quality(self, outcomes: int, units: Mapping[str, int]) -> DataQuality:
        compared, unfit = len(units), self.counts["unfit"]
        problems = []
        if len(self.crossed) > CROSSED_SHARE_MAX * compared:
            problems.append(
                f"{len(self.crossed)} of {compared} units report another arm than they were assigned to,"
                f" more than {CROSSED_SHARE_MAX:.0%}"
            )
        if len(self.unassigned) > UNASSIGNED_SHARE_MAX * (compared + len(self.unassigned)):
            problems.append(
                f"{len(self.unassigned)} units report an arm and were never assigned, more than {UNASSIGNED_SHARE_MAX:.0%}"
            )
        if unfit > UNFIT_SHARE_MAX * (outcomes + unfit):
            problems.append(f"{unfit} values can not be ones of their metric, more than {UNFIT_SHARE_MAX:.0%}")
        return DataQuality(
            outcomes=outcomes,
            crossed=len(self.crossed),
            unassigned=len(self.unassigned),
            held_out=len(self.held_out),
            before_registration=len(self.early),
            before_exposure=self.counts["before_exposure"],
            unfit=unfit,
            problems=tuple(problems),
        )


class _Rows:
    """Columns while they grow."""

    def __init__(self, arms: tuple[str, str], metrics: Iterable[str], *, primary: str) -> None:
        self._arms = arms
        self._metrics = {name: place for place, name in enumerate(metrics)}
        self._primary = primary
        self.units: dict[str, int] = {}
        self._clusters: dict[str, int] = {}
        self._unit, self._metric, self._treated, self._cluster = array("q"), array("q"), array("b"), array("q")
        self._value, self._time_us = array("d"), array("q")
        self.measured: dict[str, set[str]] = {"control": set(), "treatment": set()}

    def __len__(self) -> int:
        return len(self._value)

    def add(self, each: Value, arm: str, cluster: str | None) -> None:
        self._unit.append(self.units.setdefault(each.unit_id, len(self.units)))
        self._metric.append(self._metrics[each.metric])
        self._treated.append(arm == "treatment")
        self._cluster.append(-1 if cluster is None else self._clusters.setdefault(cluster, len(self._clusters)))
        self._value.append(each.value)
        self._time_us.append(each.at_us)
        if each.metric == self._primary:
            self.measured[arm].add(each.unit_id)

    def columns(self) -> Columns:
        return Columns(
            unit_id=np.array(self._unit, dtype=np.int64),
            arm=np.array(self._treated, dtype=np.int64),
            metric=np.array(self._metric, dtype=np.int64),
            value=np.array(self._value, dtype=np.float64),
            time=np.array(self._time_us, dtype=np.int64),
            arm_names=self._arms,
            metric_names=tuple(self._metrics),
            cluster=np.array(self._cluster, dtype=np.int64),
        )
