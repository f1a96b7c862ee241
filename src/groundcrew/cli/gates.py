"""`gate`, `advance`, `demote`, `hypothesis`, `attest`, `overlap` and `probe`: how a use case earns its stage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from groundcrew.cli.common import (
    as_option,
    json_option,
    parse_duration,
    person,
    print_json,
    print_table,
    storage_options,
    with_services,
)
from groundcrew.domain.use_case import STAGES, TERMINAL_STAGES, Stage
from groundcrew.errors import GateNotPassed

if TYPE_CHECKING:
    from groundcrew.domain.gate import GateEvaluation
    from groundcrew.services.bundle import Services

_MARKS = {"pass": ("✓ pass", "green"), "fail": ("✗ fail", "red"), "unknown": ("? unknown", "yellow")}


def print_evaluation(evaluation: GateEvaluation) -> None:
    """Print a gate's checklist: each criterion with its figure and bound, and under it what is missing."""
    missing = sum(result.status != "pass" for result in evaluation.results)
    head = "open" if evaluation.passed else f"closed: {missing} of {len(evaluation.results)} criteria are not met"
    if not evaluation.results:
        head = "closed: no policy is published, and an empty policy denies"
    click.secho(f"gate → {evaluation.stage} for {evaluation.use_case}: {head}", bold=True)
    width = max((len(result.title) for result in evaluation.results), default=0)
    for result in evaluation.results:
        label, colour = _MARKS[result.status]
        parts = [part for part in (result.figure, f"({result.bound})" if result.bound else "") if part]
        sample = click.style(" SAMPLE DATA", fg="magenta", bold=True) if result.sample else ""
        click.echo(f"  {click.style(f'{label:<9}', fg=colour)} {result.title:<{width}}  {' '.join(parts)}{sample}".rstrip())
        if result.missing:
            click.echo(f"            → {result.missing}")


@click.command()
@click.argument("use_case")
@click.option("--to", type=click.Choice(STAGES), help="The stage whose entry criteria are evaluated.  [default: the next]")
@json_option
@storage_options
def gate(use_case: str, to: str | None, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Evaluate the entry criteria of the next (or given) stage of USE_CASE. Exits 1 unless every criterion passes."""

    async def work(services: Services) -> GateEvaluation:
        return await services.gates.evaluate(use_case, actor=await person(services, None), to=cast("Stage | None", to))

    evaluation = with_services(data, database_url, work)
    if as_json:
        print_json(evaluation)
    else:
        print_evaluation(evaluation)
    if not evaluation.passed:
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("use_case")
@click.option("--to", required=True, type=click.Choice(STAGES), help="The next stage.")
@click.option("--reason", required=True, help="Why; kept in the audit log.")
@as_option
@json_option
@storage_options
def advance(
    use_case: str, to: str, reason: str, as_name: str | None, as_json: bool, data: Path | None, database_url: str | None
) -> None:
    """Advance USE_CASE one stage. Refused with the full list of what is missing unless its gate opens."""

    async def work(services: Services) -> GateEvaluation:
        who = await person(services, as_name)
        return await services.use_cases.advance(use_case, cast("Stage", to), actor=who, reason=reason)

    try:
        evaluation = with_services(data, database_url, work)
    except GateNotPassed as error:
        if as_json:
            print_json(error.evaluation)
        else:
            print_evaluation(error.evaluation)
        raise
    if as_json:
        print_json(evaluation)
    else:
        click.echo(f"{use_case} is in {to}")


@click.command()
@click.argument("use_case")
@click.option(
    "--to", required=True, type=click.Choice((*STAGES, *TERMINAL_STAGES)), help="An earlier stage, rejected or retired."
)
@click.option("--reason", required=True, help="Why; kept in the audit log.")
@as_option
@storage_options
def demote(use_case: str, to: str, reason: str, as_name: str | None, data: Path | None, database_url: str | None) -> None:
    """Move USE_CASE to an earlier stage, or reject or retire it."""

    async def work(services: Services) -> None:
        await services.use_cases.demote(use_case, cast("Stage", to), actor=await person(services, as_name), reason=reason)
        click.echo(f"{use_case} is in {to}")

    with_services(data, database_url, work)


@click.group()
def hypothesis() -> None:
    """Register and show hypotheses."""


@hypothesis.command("register")
@click.argument("use_case")
@as_option
@storage_options
def hypothesis_register(use_case: str, as_name: str | None, data: Path | None, database_url: str | None) -> None:
    """Freeze and hash the newest draft of USE_CASE's hypothesis. Later changes are amendments, and start anew."""

    async def work(services: Services) -> None:
        registered = await services.hypotheses.register(use_case, actor=await person(services, as_name))
        click.echo(
            f"hypothesis {registered.name!r} of {use_case}, version {registered.version}, is registered: {registered.digest}"
        )

    with_services(data, database_url, work)


@hypothesis.command("show")
@click.argument("use_case")
@json_option
@storage_options
def hypothesis_show(use_case: str, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Show all versions of USE_CASE's hypothesis, and what keeps a draft from registration."""
    from groundcrew.domain.hypothesis import problems

    async def work(services: Services) -> list[Any]:
        return list(await services.hypotheses.find(use_case))

    versions = with_services(data, database_url, work)
    if as_json:
        print_json([{"hypothesis": each, "problems": problems(each) if each.state == "draft" else []} for each in versions])
        return
    print_table(
        ("version", "name", "state", "registered", "digest"),
        [
            (
                each.version,
                each.name,
                each.state,
                f"{each.registered_at:%Y-%m-%d %H:%M} by {each.registered_by}" if each.registered_at else "–",
                (each.digest or "–")[:16],
            )
            for each in versions
        ],
        empty=f"{use_case} has no hypothesis: declare `hypothesis: {{plan: FILE.yaml}}` and apply it",
    )
    if versions and versions[-1].state == "draft":
        for problem in problems(versions[-1]):
            click.echo(f"  to register: {problem}")


@click.command()
@click.argument("use_case")
@click.argument("subject")
@click.option("--statement", required=True, help="What is attested, and on what ground.")
@click.option("--valid", default="90d", show_default=True, help="How long it holds.")
@as_option
@storage_options
def attest(
    use_case: str, subject: str, statement: str, valid: str, as_name: str | None, data: Path | None, database_url: str | None
) -> None:
    """Attest SUBJECT (a criterion's key, or overlap:OTHER) of USE_CASE, as someone who did not build it."""
    valid_s = parse_duration(valid, "valid").total_seconds()

    async def work(services: Services) -> None:
        who = await person(services, as_name)
        evidence = await services.evidence.attest(use_case, subject, actor=who, statement=statement, valid_s=valid_s)
        click.echo(f"{subject} of {use_case} is attested until {evidence.valid_until:%Y-%m-%d}")

    with_services(data, database_url, work)


@click.command()
@click.argument("use_case")
@json_option
@storage_options
def overlap(use_case: str, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Compare USE_CASE's title and purpose with every other live use case, and record the result as evidence."""

    async def work(services: Services) -> dict[str, Any]:
        return (await services.evidence.scan_overlaps(use_case, actor=await person(services, None))).content

    content = with_services(data, database_url, work)
    if as_json:
        print_json(content)
        return
    click.echo(f"compared with {content['compared']} use cases, similarity from {content['similarity_min']}")
    print_table(
        ("use case", "similarity"),
        [(each["use_case"], each["similarity"]) for each in content["findings"]],
        empty="no overlap found",
    )


@click.command()
@click.argument("use_case")
@click.option("--url", default="http://127.0.0.1:8400", show_default=True, help="The running gateway.")
@json_option
@storage_options
def probe(use_case: str, url: str, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Send made-up protected health information through the running gateway and record how much of it is denied."""
    from groundcrew.cli.probing import send_probes

    async def work(services: Services) -> dict[str, Any]:
        return await send_probes(services, use_case, url, actor=await person(services, None))

    content = with_services(data, database_url, work)
    if as_json:
        print_json(content)
    else:
        click.echo(f"{content['denied']} of {content['sent']} probes were denied")
        for line in content["allowed_probes"]:
            click.echo(f"  allowed: {line}")
    if content["denied"] < content["sent"]:
        raise click.exceptions.Exit(1)
