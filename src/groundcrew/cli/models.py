"""`model`: who answers each alias, rehearsing who could take over, swapping and reverting, and who is tied to one vendor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundcrew.cli.common import as_option, json_option, person, print_json, print_table, storage_options, with_services
from groundcrew.errors import InputError

if TYPE_CHECKING:
    from groundcrew.domain.job import Job
    from groundcrew.services.bundle import Services
    from groundcrew.services.models import AliasView, Independence, SwapReport


@click.group()
def model() -> None:
    """Rehearse alternates, swap to one and back, and see which use cases are tied to one vendor."""


@model.command("show")
@click.argument("alias")
@json_option
@storage_options
def model_show(alias: str, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Show ALIAS: who answers, who stands by, whether they are cleared to take over, and its swaps."""

    async def work(services: Services) -> AliasView:
        return await services.models.get(alias)

    view = with_services(data, database_url, work)
    if as_json:
        print_json(view)
        return
    rows: list[tuple[str, ...]] = [
        (each.role, each.provider, each.model, view.vendors.get(each.provider, "")) for each in view.model.targets
    ]
    rows += [("alternate", each.provider, each.model, view.vendors.get(each.provider, "")) for each in view.model.alternates]
    print_table(("role", "provider", "model", "vendor"), rows, empty="no targets")
    clearances = [
        (each.use_case, f"{each.provider}/{each.model}", "yes" if each.cleared else "no", each.why) for each in view.clearances
    ]
    print_table(("use case", "alternate", "cleared", "why not"), clearances, empty="no alternate for any use case")
    for each in view.swaps:
        how = " without a rehearsal" if each.without_rehearsal else ""
        click.echo(f"{each.at:%Y-%m-%d %H:%M UTC} {each.action}{how} by {each.by}: {each.reason}")


@model.command("rehearse")
@click.argument("use_case")
@click.option("--alternate", required=True, metavar="PROVIDER/MODEL", help="Who is asked: an alternate or shadow of the model.")
@click.option("--calls", type=click.IntRange(1), help="Recorded calls, newest first.  [default: as declared, else 300]")
@click.option("--cost-max", type=float, metavar="USD", help="Ask no more once so much is spent.  [default: as declared]")
@click.option("--concurrency", type=click.IntRange(1), default=4, show_default=True, help="Questions under way at once.")
@click.option(
    "--from",
    "source",
    type=click.Choice(("replay", "shadows")),
    default="replay",
    show_default=True,
    help="Ask anew, or take the copies that a shadow got.",
)
@click.option("--wait/--no-wait", default=True, help="Do the job here, or leave it to a worker.  [default: wait]")
@as_option
@json_option
@storage_options
def model_rehearse(
    use_case: str,
    alternate: str,
    calls: int | None,
    cost_max: float | None,
    concurrency: int,
    source: str,
    wait: bool,
    as_name: str | None,
    as_json: bool,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Ask an alternate what USE_CASE was asked, and report whether its guardrails hold. Exits 1 where they do not.

    It is a durable job, done here unless a server's worker is faster; if this command is killed, any worker goes on with it. The
    report becomes evidence of the version.
    """
    import msgspec

    from groundcrew.cli.jobs import do_here
    from groundcrew.metrics.swap_report import RehearsalReport

    async def submit(services: Services) -> Job:
        return await services.rehearsals.submit(
            use_case,
            _target(alternate),
            actor=await person(services, as_name),
            calls=calls,
            cost_max_usd=cost_max,
            concurrency=concurrency,
            source="shadows" if source == "shadows" else "replay",
        )

    view = do_here(data, database_url, "rehearsing", submit, quiet=as_json, only_submit=not wait)
    if view.job.state != "done":
        if as_json:
            print_json(view)
        else:
            click.echo(f"job {view.job.id} waits for a worker: groundcrew jobs show {view.job.id}")
        return
    report = msgspec.convert(view.job.result["report"], RehearsalReport)
    if as_json:
        print_json(view.job.result)
    else:
        print_rehearsal(report)
    if not report.holds:
        raise click.exceptions.Exit(1)


@model.command("swap")
@click.argument("alias")
@click.option("--to", "to", required=True, metavar="PROVIDER/MODEL", help="The alternate that is to answer.")
@click.option("--replace", metavar="PROVIDER/MODEL", help="The one primary that it takes the place of.  [default: all of them]")
@click.option("--without-rehearsal", is_flag=True, help="Though no rehearsal clears it: takes --as with the role it or on_call.")
@click.option("--reason", required=True, help="Why; kept in the audit log.")
@as_option
@json_option
@storage_options
def model_swap(
    alias: str,
    to: str,
    replace: str | None,
    without_rehearsal: bool,
    reason: str,
    as_name: str | None,
    as_json: bool,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Let an alternate of ALIAS answer; what answered becomes an alternate. Callers and running streams notice nothing."""

    async def work(services: Services) -> SwapReport:
        return await services.models.swap(
            alias,
            _target(to),
            actor=await person(services, as_name),
            reason=reason,
            replace=_target(replace) if replace else None,
            without_rehearsal=without_rehearsal,
        )

    _print_swap(with_services(data, database_url, work), as_json)


@model.command("revert")
@click.argument("alias")
@click.option("--reason", required=True, help="Why; kept in the audit log.")
@as_option
@json_option
@storage_options
def model_revert(
    alias: str, reason: str, as_name: str | None, as_json: bool, data: Path | None, database_url: str | None
) -> None:
    """Undo the newest swap of ALIAS: who answered before it answers again. After several swaps, one at a time."""

    async def work(services: Services) -> SwapReport:
        return await services.models.revert(alias, actor=await person(services, as_name), reason=reason)

    _print_swap(with_services(data, database_url, work), as_json)


@model.command("independence")
@json_option
@storage_options
def model_independence(as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List the live use cases: which vendor answers, and which alternates of another one are cleared to take over."""

    async def work(services: Services) -> list[Independence]:
        return await services.models.independence()

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each.use_case,
            each.model,
            ", ".join(each.vendors),
            "tied" if each.tied else "free",
            each.why if each.tied else ", ".join(each.ready),
            f"{each.rehearsed_at:%Y-%m-%d}" if each.rehearsed_at else "never",
        )
        for each in found
    ]
    print_table(("use case", "model", "vendor", "", "ready / lacking", "rehearsed"), rows, empty="no use case is live")
    if tied := sum(each.tied for each in found):
        click.echo(f"{tied} of {len(found)} live use cases are tied to one vendor")


def print_rehearsal(report: object) -> None:
    """What a rehearsal says, for a terminal."""
    from groundcrew.metrics.swap_report import RehearsalReport

    assert isinstance(report, RehearsalReport)
    verdict, colour = ("holds", "green") if report.holds else ("does not hold", "red")
    click.secho(f"{report.provider}/{report.model} for {report.use_case}: {verdict}", bold=True, fg=colour)
    click.echo(f"{report.why}; {report.pairs} pairs against {', '.join(report.present)}, {report.source}")
    if not report.another_vendor:
        click.echo(f"it is of the vendor that answers now ({report.vendor}): the use case stays tied to it")
    if report.unusable:
        words = ", ".join(f"{number} {reason.replace('_', ' ')}" for reason, number in sorted(report.unusable.items()))
        click.echo(f"recorded calls that could not be used: {words}")
    if report.masked:
        click.echo(f"{report.masked} were asked with tags in the place of personal data")
    if report.stopped:
        click.echo(f"stopped early: {report.stopped}")
    lines = [*report.compared, *([report.similarity] if report.similarity is not None else [])]
    rows = [
        (
            each.title,
            _number(each.result.first),
            _number(each.result.second),
            _interval(each.result.estimate, each.result.lower, each.result.upper),
            each.result.n,
            "" if each.margin is None else f"{each.margin:.3g} {each.origin}",
            each.result.finding.replace("_", "-") if each.holds is not None else "shown only",
            each.pairs_needed if each.result.finding == "inconclusive" else "",
        )
        for each in lines
    ]
    columns = ("", "present", "alternate", "alternate − present", "n", "margin", "finding", "pairs needed")
    print_table(columns, rows, empty="nothing could be compared")
    if report.unmeasured:
        click.echo(f"guardrails of the hypothesis that no replay can tell: {', '.join(report.unmeasured)}")
    cost = "unknown" if report.cost_usd is None else f"{report.cost_usd:.4f} USD"
    click.echo(f"cost: {cost}")


def _print_swap(report: SwapReport, as_json: bool) -> None:
    if as_json:
        print_json(report)
        return
    swap = report.swap
    into, back = (", ".join("/".join(pair) for pair in each) for each in (swap.stepped_in, swap.stepped_back))
    how = " without a rehearsal" if swap.without_rehearsal else ""
    click.secho(f"{swap.model}: {into} answers{how}; {back} stands by", bold=True)
    for each in report.consequences:
        click.echo(f"{each.use_case}: stays in {each.stage}; its purpose and hypothesis ({each.hypothesis}) stay")
        if each.counts:
            counts = ", ".join(f"{number} {name}" for name, number in sorted(each.counts.items()))
            click.echo(f"  bound to the version before, and no longer counted: {counts}")
        rows = [(f"  {one.kind}", one.subject, one.renew) for one in each.stale]
        if rows:
            print_table(("  stale", "about", "renew with"), rows, empty="")
        for name in each.valid_again:
            click.echo(f"  valid again: {name}")
    for note in report.notes:
        click.secho(note, fg="yellow")
    click.echo("write this into the declaration, so that the next `groundcrew apply` agrees:")
    click.echo(_yaml(report))


def _yaml(report: SwapReport) -> str:
    """The targets and alternates as they are to be declared."""

    def line(provider: str, name: str, role: str) -> str:
        return f"  - {{provider: {provider}, model: {name}{'' if role == 'primary' else f', role: {role}'}, …}}"

    lines = ["targets:", *(line(each.provider, each.model, each.role) for each in report.model.targets)]
    if report.model.alternates:
        lines += ["alternates:", *(line(each.provider, each.model, "primary") for each in report.model.alternates)]
    return "\n".join(lines)


def _target(text: str) -> tuple[str, str]:
    from groundcrew.domain.model_swap import parse_target

    found = parse_target(text)
    if found is None:
        raise InputError(f"{text!r} is not PROVIDER/MODEL", field="target")
    return found


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _interval(estimate: float | None, lower: float | None, upper: float | None) -> str:
    if estimate is None:
        return "unknown"
    ends = "–" if lower is None or upper is None else f"{lower:+.4g}, {upper:+.4g}"
    return f"{estimate:+.4g} [{ends}]"
