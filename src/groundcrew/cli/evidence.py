"""`hypothesis`, `attest` and `probe`: how evidence for a gate comes about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from groundcrew.services.bundle import Services


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
                f"{each.registered_at:%Y-%m-%d %H:%M UTC} by {each.registered_by}" if each.registered_at else "–",
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
    """Attest SUBJECT (a criterion's key) of USE_CASE, as someone who did not build it."""
    valid_s = parse_duration(valid, "valid").total_seconds()

    async def work(services: Services) -> None:
        who = await person(services, as_name)
        evidence = await services.evidence.attest(use_case, subject, actor=who, statement=statement, valid_s=valid_s)
        click.echo(f"{subject} of {use_case} is attested until {evidence.valid_until:%Y-%m-%d}")

    with_services(data, database_url, work)


@click.command()
@click.argument("use_case")
@click.option("--url", default="http://127.0.0.1:8400", show_default=True, help="The running gateway.")
@click.option("--sign-off", "sign_off", is_flag=True, help="Try to get answers without the declared sign-off instead.")
@json_option
@storage_options
def probe(use_case: str, url: str, sign_off: bool, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Send made-up protected health information through the running gateway and record how much of it is denied.

    With --sign-off: make calls that must be held for a signature, try to get at their answers and to sign with the key, and
    record that none of it works.
    """
    from groundcrew.cli.probing import send_probes
    from groundcrew.cli.sign_off_probing import send_sign_off_probes

    async def work(services: Services) -> dict[str, Any]:
        send = send_sign_off_probes if sign_off else send_probes
        return await send(services, use_case, url, actor=await person(services, None))

    content = with_services(data, database_url, work)
    good, lines = ("held", "bypasses") if sign_off else ("denied", "allowed_probes")
    if as_json:
        print_json(content)
    else:
        click.echo(f"{content[good]} of {content['sent']} {'attempts' if sign_off else 'probes'} were {good}")
        for line in content[lines]:
            click.echo(f"  {'got around: ' if sign_off else 'allowed: '}{line}")
    if content[good] < content["sent"] or content[lines]:
        raise click.exceptions.Exit(1)
