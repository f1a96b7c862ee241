"""`policy`: which policies there are, and how one does on labelled texts."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
import msgspec

from groundcrew.cli.common import json_option, print_json, print_table, storage_options, with_services
from groundcrew.domain.guard import Place
from groundcrew.errors import InputError

if TYPE_CHECKING:
    from groundcrew.domain.guard import Policy
    from groundcrew.guards.trial import Rates, TrialReport
    from groundcrew.services.bundle import Services
    from groundcrew.stats.intervals import Interval

#: Mistakes that are printed; --json and --mistakes give all that the report holds.
MISTAKES_SHOWN_MAX = 20
_SHARE = click.FloatRange(0, 1)


@click.group()
def policy() -> None:
    """Show policies, and test one on labelled texts."""


@policy.command("list")
@json_option
@storage_options
def policy_list(as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List the policies and their rules."""

    async def work(services: Services) -> list[Policy]:
        return await services.guarding.policies()

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            *(each.name, rule.label, ", ".join(rule.on), rule.mode, rule.action, rule.on_failure, rule.timeout_ms),
            ", ".join(rule.stages) or "–",
        )
        for each in found
        for rule in each.guards
    ]
    columns = ("policy", "guard", "on", "mode", "action", "on failure", "timeout ms", "otherwise in")
    print_table(columns, rows, empty="no policies: declare one with kind: Policy and `groundcrew apply`")


@policy.command("test")
@click.argument("name", required=False)
@click.option(
    "--input",
    "source",
    required=True,
    type=click.Path(path_type=Path),
    help='Rows {"id", "text", "label": "block"|"pass", "place"?, "role"?, "context"?}; .gz too.',
)
@click.option("--file", "declared", type=click.Path(path_type=Path), help="Take the policy NAME from this YAML file instead.")
@click.option("--place", type=click.Choice(get_args(Place)), default="output", show_default=True, help="Where rows do not say.")
@click.option("--by", metavar="FIELD", help="Also apart by this field of the rows, such as language.")
@click.option("--as-enforced", is_flag=True, help="As if the rules that monitor were enforced.")
@click.option("--recall-min", type=_SHARE, help="Exit 1 below this share of the rows to block.")
@click.option("--precision-min", type=_SHARE, help="Exit 1 below this share of the blocked rows.")
@click.option("--false-blocks-max", type=_SHARE, help="Exit 1 above this share of the rows to pass.")
@click.option("--mistakes", type=click.Path(path_type=Path), help="Write the rows that went wrong here, as JSON Lines.")
@json_option
@storage_options
def policy_test(
    name: str | None,
    source: Path,
    declared: Path | None,
    place: Place,
    by: str | None,
    as_enforced: bool,
    recall_min: float | None,
    precision_min: float | None,
    false_blocks_max: float | None,
    mistakes: Path | None,
    as_json: bool,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Run the policy NAME over labelled texts: recall, precision and false-block rate with 95 % intervals.

    Exits 1 when a bound that was given does not hold.
    """
    from groundcrew.cli.progress import progress_bar
    from groundcrew.guards.trial import below, read_trial
    from groundcrew.services.guarding import run_trial

    rows = read_trial(source, by)
    chosen = _declared(declared, name) if declared is not None else _stored(name, data, database_url)
    with progress_bar("testing", quiet=as_json) as advance:
        report = asyncio.run(run_trial(chosen, rows, place=place, enforced=as_enforced, group_field=by, progress=advance))
    if mistakes is not None:
        lines = [msgspec.json.encode(each) + b"\n" for each in report.mistakes]
        try:
            mistakes.write_bytes(b"".join(lines))
        except OSError as error:
            raise InputError(f"can not be written: {error.strerror or error}", file=str(mistakes)) from None
    short = below(report, recall=recall_min, precision=precision_min, false_blocks=false_blocks_max)
    if as_json:
        print_json({**msgspec.to_builtins(report), "short": short})
    else:
        _print(report)
        for line in short:
            click.secho(f"falls short: {line}", fg="red")
    if short:
        raise click.exceptions.Exit(1)


def _stored(name: str | None, data: Path | None, database_url: str | None) -> Policy:
    async def work(services: Services) -> Policy:
        if name is None:
            known = ", ".join(each.name for each in await services.guarding.policies()) or "none"
            raise InputError(f"which policy? There are: {known}; or name a file with --file", field="NAME")
        return await services.guarding.policy(name)

    return with_services(data, database_url, work)


def _declared(path: Path, name: str | None) -> Policy:
    from groundcrew.services.declarations import load

    found = {each.value.name: each.value for each in load([path]).policies}
    if not found:
        raise InputError("declares no policy", file=str(path))
    if name is None and len(found) == 1:
        return next(iter(found.values()))
    if name not in found:
        raise InputError(f"which policy? The file declares {', '.join(sorted(found))}", file=str(path), field="NAME")
    return found[name]


def _print(report: TrialReport) -> None:
    rates = report.blocked
    click.secho(f"{report.policy}: {report.rows} rows, {rates.to_block} to block, {rates.to_pass} to pass", bold=True)
    extra = [f"{report.masked} masked"] if report.masked else []
    extra += [f"{report.partial} not scanned as a whole"] if report.partial else []
    extra += [f"{report.failed} with a guard that gave no verdict"] if report.failed else []
    if extra:
        click.echo("; ".join(extra))
    lines: list[tuple[Any, ...]] = [("the policy", "", "", *_rates(rates), "")]
    for guard in report.guards:
        time = "–" if guard.latency_ms_p50 is None else f"{guard.latency_ms_p50:.1f}"
        lines.append((guard.guard, guard.place, f"{guard.mode}, block", *_rates(guard.blocked), time))
        if guard.noticed != guard.blocked:
            lines.append(("", "", "flag or block", *_rates(guard.noticed), ""))
    print_table(("", "place", "counted", "recall", "precision", "false blocks", "p50 ms"), lines, empty="")
    if report.group_field is not None:
        print_table(
            (report.group_field, "rows", "recall", "precision", "false blocks"),
            [(each.value or "–", each.blocked.to_block + each.blocked.to_pass, *_rates(each.blocked)) for each in report.groups],
            empty="no groups",
        )
        if report.groups_left_out:
            click.echo(f"{report.groups_left_out} rows of further groups are left out here")
    if report.mistakes:
        click.echo(f"{report.mistakes_total} rows went otherwise than their label says:")
        print_table(
            ("line", "id", "label", "action", "because"),
            [
                (each.line, each.id, each.label, each.action, " ".join(filter(None, (each.guard, each.reason))) or "–")
                for each in report.mistakes[:MISTAKES_SHOWN_MAX]
            ],
            empty="",
        )
        if report.mistakes_total > MISTAKES_SHOWN_MAX:
            click.echo(f"… and {report.mistakes_total - MISTAKES_SHOWN_MAX} more: --mistakes FILE writes them")


def _rates(rates: Rates) -> tuple[str, str, str]:
    return _share(rates.recall), _share(rates.precision), _share(rates.false_block_rate)


def _share(interval: Interval) -> str:
    """Estimate, bounds and number; – where no row tells."""
    if interval.estimate is None:
        return "–"
    return f"{interval.estimate:.3f} [{interval.lower:.3f}, {interval.upper:.3f}] n={interval.n}"
