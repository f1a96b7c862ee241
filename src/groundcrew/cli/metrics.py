"""`metrics`: what is measured of a use case, with intervals, and what the measures are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundcrew.cli.common import json_option, print_json, print_table, storage_options, with_services

if TYPE_CHECKING:
    from groundcrew.services.bundle import Services
    from groundcrew.services.metric_figures import MetricFigure
    from groundcrew.services.metrics import MetricsReport
    from groundcrew.services.signals import SignalReport


@click.command()
@click.argument("name", required=False)
@click.option("--version", "version", help="A version by at least 6 digits of its digest.  [default: the current one]")
@click.option("--since", help="First UTC day: YYYY-MM-DD, or days back such as 30d.  [default: 28 days]")
@click.option("--until", help="Last UTC day.  [default: today]")
@click.option(
    "--signals", "as_signals", is_flag=True, help="How the measures of single calls go together, and where they disagree."
)
@click.option("--no-meanings", is_flag=True, help="Leave out what compares texts by meaning, which takes seconds.")
@json_option
@storage_options
def metrics(
    name: str | None,
    version: str | None,
    since: str | None,
    until: str | None,
    as_signals: bool,
    no_meanings: bool,
    as_json: bool,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Show the metrics of the use case NAME, each with its interval; without NAME, what each metric is."""
    if name is None:
        _definitions(as_json=as_json)
        return
    if as_signals:
        found = with_services(data, database_url, lambda services: services.metrics.signals(name, version=version))
        print_json(found) if as_json else _print_signals(found)
        return

    async def work(services: Services) -> MetricsReport:
        from groundcrew.services.spending import first_day

        today = services.database.clock.now().date()
        return await services.metrics.report(
            name,
            version=version,
            since=first_day(since, today) if since else None,
            until=first_day(until, today) if until else None,
            meanings=not no_meanings,
        )

    report = with_services(data, database_url, work)
    if as_json:
        print_json(report)
        return
    click.echo(f"{report.use_case}, version {report.version_digest[:12]}, {report.since} to {report.until}")
    print_table(
        ("metric", "estimate", "95 % interval", "n", "unit", "method"),
        [_line(each) for each in report.figures],
        empty="no metrics",
    )
    for each in report.figures:
        if each.missing:
            click.echo(f"  {each.name}: unknown; needs {each.missing}")


def _line(each: MetricFigure) -> tuple[str, ...]:
    interval = each.interval
    estimate = "unknown" if interval.estimate is None else f"{interval.estimate:.4g}"
    bounds = "–" if interval.lower is None and interval.upper is None else f"{_end(interval.lower)} to {_end(interval.upper)}"
    name = f"{each.name} (sample data)" if each.sample else each.name
    return name, estimate, bounds, f"{interval.n:,}", each.unit, interval.method


def _end(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _definitions(*, as_json: bool) -> None:
    from groundcrew.metrics.registry import definitions
    from groundcrew.services.metrics import described

    found = [described(each) for each in definitions()]
    if as_json:
        print_json(found)
        return
    rows = [(each.name, each.unit, f"{_end(each.minimum)} to {_end(each.maximum)}", each.formula, each.empty) for each in found]
    print_table(("metric", "unit", "range", "formula", "without data"), rows, empty="no metrics")


def _print_signals(report: SignalReport) -> None:
    sample = ", sample data" if report.sample else ""
    click.echo(f"{report.use_case}, version {report.version_digest[:12]}: {report.calls:,} rated calls{sample}")
    rows = []
    for each in report.correlations:
        interval = each.interval
        bounds = "too few to say" if each.few else f"{_end(interval.lower)} to {_end(interval.upper)}"
        rows.append((f"{each.first} × {each.second}", _end(interval.estimate), bounds, f"{interval.n:,}"))
    print_table(("signals", "Spearman", "95 % interval", "n"), rows, empty="no signals")
    for found in report.disagreements:
        click.echo(f"  {found.call.call_id}: {found.words}")
    if not report.disagreements:
        click.echo("  no call of which two signals are far apart")
