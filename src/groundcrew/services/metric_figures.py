"""What a figure of a metric is: an estimate with its interval, where it comes from, and how it went week by week."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Literal, TypeVar

import msgspec

from groundcrew.metrics.registry import definition
from groundcrew.stats.intervals import Interval
from groundcrew.store.rows import stamp

Group = Literal["people", "answers", "cases", "cost and time", "business"]
GROUPS: tuple[Group, ...] = ("people", "answers", "cases", "cost and time", "business")
#: Weeks that a trend shows, the newest ones.
WEEKS_MAX = 26

Row = TypeVar("Row")


class WeekFigure(msgspec.Struct, frozen=True, kw_only=True):
    """A metric in the week that starts on this Monday."""

    week: date
    interval: Interval


class MetricFigure(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of one version over a period. `sample`: nothing real is recorded, and these are sample data, which never count.
    `missing` says what would give an estimate where there is none, `note` what the figure leaves out."""

    name: str
    title: str
    group: Group
    unit: str
    interval: Interval
    source: str
    sample: bool = False
    note: str = ""
    missing: str = ""
    #: Whether more is better; None where that depends.
    higher_is_better: bool | None = None
    weeks: tuple[WeekFigure, ...] = ()


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """UTC days, both included, of one version of a use case; real or sample data."""

    use_case: str
    version_digest: str
    since: date
    until: date
    sample: bool

    @property
    def stamps(self) -> tuple[str, str]:
        """First and last moment as records have them."""
        return stamp(datetime.combine(self.since, time.min)), stamp(datetime.combine(self.until, time.max))


def figure(
    name: str,
    title: str,
    group: Group,
    interval: Interval,
    *,
    source: str,
    missing: str,
    note: str = "",
    higher_is_better: bool | None = None,
    weeks: Iterable[WeekFigure] = (),
    unit: str | None = None,
) -> MetricFigure:
    """A figure of the registered metric `name`, whose unit it has unless `unit` is given."""
    return MetricFigure(
        name=name,
        title=title,
        group=group,
        unit=definition(name).unit if unit is None else unit,
        interval=interval,
        source=source,
        note=note,
        missing=missing if interval.estimate is None else "",
        higher_is_better=higher_is_better,
        weeks=tuple(weeks)[-WEEKS_MAX:],
    )


def week_of(day: str | date) -> date:
    """The Monday of a day's week."""
    read = date.fromisoformat(day[:10]) if isinstance(day, str) else day
    return read - timedelta(days=read.weekday())


def by_week(rows: Iterable[Row], day: Callable[[Row], str], compute: Callable[[Sequence[Row]], Interval]) -> list[WeekFigure]:
    """`compute` over the rows of each week that has some, oldest first."""
    weeks: dict[date, list[Row]] = {}
    for row in rows:
        weeks.setdefault(week_of(day(row)), []).append(row)
    return [WeekFigure(week=week, interval=compute(weeks[week])) for week in sorted(weeks)]


async def real_or_sample(period: Period, read: Callable[[Period], Awaitable[list[MetricFigure]]]) -> list[MetricFigure]:
    """The figures of real data; each that has none is that of sample data, and says so, where those give one."""
    real = await read(period)
    if all(each.interval.n for each in real):
        return real
    found = {each.name: each for each in await read(msgspec.structs.replace(period, sample=True))}
    return [
        msgspec.structs.replace(found[each.name], sample=True)
        if not each.interval.n and each.name in found and found[each.name].interval.n
        else each
        for each in real
    ]
