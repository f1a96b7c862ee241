"""`spend`: what recorded calls have cost, and who came near a limit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundcrew.cli.common import json_option, print_json, print_table, storage_options, with_services

if TYPE_CHECKING:
    from groundcrew.services.bundle import Services
    from groundcrew.services.spending import SpendReport, SpendRow

GROUPS = ("use-case", "unit", "model", "key", "user", "day")


@click.command()
@click.option("--by", type=click.Choice(GROUPS), default="use-case", show_default=True, help="What each line sums.")
@click.option("--since", help="First UTC day: YYYY-MM-DD, or days back such as 30d.  [default: the first of this month]")
@click.option("--until", help="Last UTC day.  [default: today]")
@click.option("--use-case", help="Calls of this use case only.")
@json_option
@storage_options
def spend(
    by: Any,
    since: str | None,
    until: str | None,
    use_case: str | None,
    as_json: bool,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Show what recorded calls have cost. Calls of unknown cost are counted apart, never as 0; sample calls are left out."""

    async def work(services: Services) -> SpendReport:
        from groundcrew.services.spending import first_day

        today = services.database.clock.now().date()
        return await services.spending.report(
            by,
            since=first_day(since, today) if since else None,
            until=first_day(until, today) if until else None,
            use_case=use_case,
        )

    report = with_services(data, database_url, work)
    if as_json:
        print_json(report)
        return
    print_table(
        (by.replace("-", " "), "calls", "tokens in", "tokens out", "USD", "cost unknown"),
        [_line(each, by) for each in report.rows] + ([_line(report.total, "total")] if report.rows else []),
        empty=f"no calls from {report.since} to {report.until}",
    )
    if report.warnings:
        from groundcrew.services.spending import words_of

        click.echo("near or over a limit:")
        for warning in report.warnings:
            click.echo(f"  {words_of(warning)}")


def _line(row: SpendRow, by: str) -> tuple[str, ...]:
    name = "total" if by == "total" else row.name or {"user": "no user named", "model": "no provider reached"}.get(by, "none")
    if by in ("key", "user") and row.use_case:
        name = f"{row.use_case}: {name}"
    unknown = f"{row.unknown_calls:,} calls, {row.unknown_tokens:,} tokens" if row.unknown_calls else "–"
    return (name, f"{row.calls:,}", f"{row.input_tokens:,}", f"{row.output_tokens:,}", f"{row.usd:,.4f}", unknown)
