"""Every contextual metric of a use case, computed from what is recorded: estimates with intervals, never bare means."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import msgspec

from groundcrew.domain.use_case import UseCase
from groundcrew.errors import InputError, NotFound
from groundcrew.metrics.registry import MetricDefinition, definitions
from groundcrew.services.automation import automation
from groundcrew.services.lookups import current_digest, newest_hypothesis, require_use_case
from groundcrew.services.metric_calls import of_calls, of_costs
from groundcrew.services.metric_feedback import of_ratings, of_texts
from groundcrew.services.metric_figures import GROUPS, MetricFigure, Period, real_or_sample
from groundcrew.services.metric_outcomes import of_outcomes
from groundcrew.services.metric_suggestions import suggestions_or_sample
from groundcrew.services.signals import SignalReport, signals
from groundcrew.store import rollups
from groundcrew.store.database import Connection, Database

__all__ = ["DAYS_DEFAULT", "Definition", "Metrics", "MetricsReport", "automation"]

#: Days that a report covers where nothing is said.
DAYS_DEFAULT = 28
DAYS_MAX = 2 * 366
VERSION_PREFIX_MIN = 6


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """What a metric is: `minimum` and `maximum` bound its values (None: unbounded), `empty` is what no data give."""

    name: str
    unit: str
    minimum: float | None
    maximum: float | None
    empty: str
    formula: str
    source: str


class MetricsReport(msgspec.Struct, frozen=True, kw_only=True):
    """The metrics of one version over UTC days, both included, by group and in a fixed order within it."""

    use_case: str
    version_digest: str
    current: bool
    since: date
    until: date
    figures: tuple[MetricFigure, ...]


def described(metric: MetricDefinition) -> Definition:
    """A registered metric without its function."""
    return Definition(
        name=metric.name,
        unit=metric.unit,
        minimum=metric.minimum,
        maximum=metric.maximum,
        empty=metric.empty,
        formula=metric.formula,
        source=metric.source,
    )


class Metrics:
    """The metrics of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def definitions(self) -> list[Definition]:
        """Every metric that there is, by name."""
        return [described(each) for each in definitions()]

    async def report(
        self,
        name: str,
        *,
        version: str | None = None,
        since: date | None = None,
        until: date | None = None,
        meanings: bool = True,
    ) -> MetricsReport:
        """The metrics of one version (the current one, or that whose digest starts with `version`), over the last DAYS_DEFAULT
        days where nothing is said. Without `meanings` no texts are compared by meaning, which takes some seconds at first.

        NotFound for an unknown use case or version, InputError for a period that ends before it begins or is too long.
        """
        now = self._database.clock.now()
        last = until or now.date()
        first = since or last - timedelta(days=DAYS_DEFAULT - 1)
        if first > last:
            raise InputError(f"{first} lies after {last}", field="since")
        if (last - first).days >= DAYS_MAX:
            raise InputError(f"at most {DAYS_MAX} days at once", field="since")
        async with self._database.read() as connection:
            use_case = await require_use_case(connection, name)
            current = await current_digest(connection, use_case)
            digest = current if version is None else await _version(connection, use_case, version, current)
            period = Period(use_case=name, version_digest=digest, since=first, until=last, sample=False)
            figures = await figures_of(connection, use_case, period, now, meanings=meanings)
        return MetricsReport(
            use_case=name, version_digest=digest, current=digest == current, since=first, until=last, figures=tuple(figures)
        )

    async def signals(self, name: str, *, version: str | None = None) -> SignalReport:
        """Stars, similarity, trust, edits and outcome of the newest rated calls of one version, side by side: how they go
        together and where they disagree most. NotFound for an unknown use case or version."""
        async with self._database.read() as connection:
            use_case = await require_use_case(connection, name)
            current = await current_digest(connection, use_case)
            digest = current if version is None else await _version(connection, use_case, version, current)
            return await signals(connection, use_case, digest)


async def figures_of(
    connection: Connection, use_case: UseCase, period: Period, now: datetime, *, meanings: bool = True
) -> list[MetricFigure]:
    """Every metric of one version over a period, by group; real data, or sample data (marked so) where there are no real ones."""
    control = await _control_arms(connection, use_case)
    figures = [
        *await real_or_sample(period, lambda each: of_ratings(connection, each)),
        *await real_or_sample(period, lambda each: of_texts(connection, each, meanings=meanings)),
        *await suggestions_or_sample(connection, period),
        *await real_or_sample(period, lambda each: of_calls(connection, each)),
        *await real_or_sample(period, lambda each: of_outcomes(connection, each, use_case, control, now)),
        *await real_or_sample(period, lambda each: of_costs(connection, each)),
    ]
    return sorted(figures, key=lambda each: GROUPS.index(each.group))


async def _version(connection: Connection, use_case: UseCase, prefix: str, current: str) -> str:
    if len(prefix) < VERSION_PREFIX_MIN:
        raise InputError(f"a version is named by at least {VERSION_PREFIX_MIN} digits of its digest", field="version")
    known = {*await rollups.versions(connection, use_case.name), current}
    found = sorted(each for each in known if each.startswith(prefix))
    if not found:
        raise NotFound(f"no call of {use_case.name} was answered by a version {prefix}…")
    if len(found) > 1:
        raise InputError(f"{len(found)} versions start with {prefix}: give more digits", field="version")
    return found[0]


async def _control_arms(connection: Connection, use_case: UseCase) -> frozenset[str]:
    """The arms whose cases this version did not serve."""
    newest = await newest_hypothesis(connection, use_case.name)
    arms = newest.plan.arms if newest is not None else None
    return frozenset({"control", "holdout", *([arms.control] if arms is not None else [])})
