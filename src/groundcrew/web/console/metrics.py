"""The metrics of one use case: every figure with its interval drawn, week by week, and the calls that measures disagree about."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get
from litestar.params import FromPath, QueryParameter

from groundcrew.errors import InputError
from groundcrew.services.metric_figures import GROUPS, MetricFigure
from groundcrew.services.metric_suggestions import LabelUse
from groundcrew.services.metrics import DAYS_DEFAULT
from groundcrew.services.signals import SIGNALS, Correlation
from groundcrew.services.spending import first_day
from groundcrew.stats.intervals import Interval
from groundcrew.web.api.common import services_of
from groundcrew.web.console.page import Page, PageRequest, render
from groundcrew.web.console.scale import Trend, Whisker, interval_whisker, trend
from groundcrew.web.console.words import figure, milliseconds, percent, usd

#: What signals are called on the page.
SIGNAL_WORDS = {"stars": "stars", "similarity": "similarity", "trust": "trust", "kept": "share kept", "outcome": "outcome"}
_PERCENT = frozenset({"share", "share kept", "share of cases", "share of labels"})


class MetricRow(msgspec.Struct, frozen=True, kw_only=True):
    """A figure in words, and its drawings."""

    figure: MetricFigure
    estimate: str
    bounds: str
    whisker: Whisker | None
    trend: Trend | None


class SignalRow(msgspec.Struct, frozen=True, kw_only=True):
    """A correlation in words, and its drawing."""

    correlation: Correlation
    name: str
    whisker: Whisker | None


class LabelRow(msgspec.Struct, frozen=True, kw_only=True):
    """A label at work, with its intervals in words."""

    use: LabelUse
    precision: str
    recall: str


def value_words(value: float | None, unit: str) -> str:
    """A value in its unit."""
    if value is None:
        return "–"
    if unit in _PERCENT:
        return percent(value)
    if unit == "ms":
        return milliseconds(value)
    if unit == "USD":
        return usd(value)
    return f"{value:.2f}" if unit in ("stars", "cosine") else f"{figure(value)} {unit}".strip()


def bounds_words(each: MetricFigure) -> str:
    """Both ends of an interval, or the one that is known."""
    lower, upper = each.interval.lower, each.interval.upper
    if lower is None or upper is None:
        known = [f"{sign} {value_words(end, each.unit)}" for sign, end in (("≥", lower), ("≤", upper)) if end is not None]
        return "".join(known)
    return f"{value_words(lower, each.unit)} – {value_words(upper, each.unit)}"


def metric_row(each: MetricFigure) -> MetricRow:
    """How a figure is shown."""
    interval = each.interval
    return MetricRow(
        figure=each,
        estimate=value_words(interval.estimate, each.unit),
        bounds=bounds_words(each) if interval.estimate is not None else "",
        whisker=interval_whisker(interval) if interval.estimate is not None else None,
        trend=trend([(week.week, week.interval) for week in each.weeks], lambda value: value_words(value, each.unit)),
    )


def signal_row(each: Correlation) -> SignalRow:
    """How a correlation is shown: on the whole range from −1 to 1."""
    name = f"{SIGNAL_WORDS[each.first]} × {SIGNAL_WORDS[each.second]}"
    drawn = each.interval.lower is not None
    return SignalRow(correlation=each, name=name, whisker=interval_whisker(each.interval, -1.0, 1.0) if drawn else None)


def label_row(each: LabelUse) -> LabelRow:
    """How a label at work is shown."""
    return LabelRow(use=each, precision=interval_words(each.precision), recall=interval_words(each.recall))


def interval_words(interval: Interval) -> str:
    """A share with its bounds; empty where nothing is known of it."""
    if interval.estimate is None or interval.lower is None or interval.upper is None:
        return ""
    return f"{percent(interval.estimate)} ({percent(interval.lower)} – {percent(interval.upper)})"


@get("/use-cases/{name:str}/metrics", action="read")
async def metrics_page(
    request: PageRequest,
    name: FromPath[str],
    since: Annotated[str, QueryParameter(max_length=20)] = "",
    version: Annotated[str, QueryParameter(max_length=64)] = "",
) -> Page:
    """The metrics of one version since a day."""
    services, problem = services_of(request), None
    use_case = await services.use_cases.get(name)
    today = services.database.clock.now().date()
    try:
        first = first_day(since.strip(), today) if since.strip() else None
        report = await services.metrics.report(name, version=version.strip() or None, since=first)
    except InputError as error:
        problem, version = error.message, ""
        report = await services.metrics.report(name)
    rows = [metric_row(each) for each in report.figures]
    signals = await services.metrics.signals(name, version=version.strip() or None)
    labels = await services.label_usage.report(name) if report.current else None
    return await render(
        request,
        "metrics.html",
        status=400 if problem else 200,
        here="portfolio",
        use_case=use_case,
        report=report,
        groups=[(group, found) for group in GROUPS if (found := [row for row in rows if row.figure.group == group])],
        labels=labels,
        label_rows=[label_row(each) for each in labels.labels] if labels is not None else [],
        signals=signals,
        signal_rows=[signal_row(each) for each in signals.correlations if each.interval.n],
        signal_names=[SIGNAL_WORDS[each] for each in SIGNALS],
        since=since.strip() if not problem else "",
        version_asked=version.strip(),
        days=DAYS_DEFAULT,
        problem=problem,
    )


HANDLERS = [metrics_page]
