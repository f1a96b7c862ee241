"""`audit`: verify the log here or offline, search it, show what signs it, and what a call rested on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundcrew.cli.audit_options import search_options, wanted_of
from groundcrew.cli.common import as_option, json_option, person, print_json, print_table, storage_options, with_services
from groundcrew.domain.audit_search import SEQUENCE_MAX
from groundcrew.errors import AuditBroken

if TYPE_CHECKING:
    from groundcrew.domain.checkpoint import AuditKey
    from groundcrew.services.audit import AuditPage, AuditReport
    from groundcrew.services.bundle import Services
    from groundcrew.services.checkpoints import Standing
    from groundcrew.services.decision_context import DecisionContext


@click.group()
def audit() -> None:
    """Verify the audit log, search it, and show what a call rested on."""


@audit.command("verify")
@click.option("--file", type=click.Path(path_type=Path), help="Verify an exported log instead, offline.")
@click.option("--checkpoints", type=click.Path(path_type=Path), help="With --file: checkpoints that you have from elsewhere.")
@click.option("--public-key", type=click.Path(path_type=Path), help="With --file: the key that you trust, as text or PEM.")
@click.option("--partial", is_flag=True, help="With --file: entries may be left out, as in an export by subject.")
@json_option
@storage_options
def audit_verify(file: Path | None, as_json: bool, data: Path | None, database_url: str | None, **given: Any) -> None:
    """Check the hash chain, its signatures, and every audited row against it.

    Exits 1 when anything was edited, removed or inserted."""
    if file is not None:
        from groundcrew.services.audit import verify_file

        named = {name: str(given[name]) for name in ("checkpoints", "public_key") if given[name] is not None}
        report = verify_file(file, partial=given["partial"], **named)
    else:

        async def work(services: Services) -> AuditReport:
            return await services.audit.verify()

        report = with_services(data, database_url, work)
    if as_json:
        print_json(report)
    else:
        for line in (*report.problems, *(f"note: {each}" for each in report.notes)):
            click.echo(f"  {line}")
        if not report.problems:
            signed = f", signed up to entry {report.signed_to}" if report.signed_to else ""
            part = " as a part of the log" if report.partial else ""
            click.echo(f"{report.entries} entries verify{part}{signed}; the newest hash is {report.head or 'none'}")
    if report.problems:
        raise AuditBroken(f"the audit log does not verify: {len(report.problems)} problems, first: {report.problems[0]}")


@audit.command("verifier")
def audit_verifier() -> None:
    """Print the offline verifier: one file of Python that an auditor can read, and run without groundcrew."""
    from groundcrew.services.verifier_script import verifier_script

    click.echo(verifier_script(), nl=False)


@audit.command("search")
@click.option("--use-case", help="About this use case.")
@search_options
@click.option("--before", type=click.IntRange(1, SEQUENCE_MAX), help="Older than this entry: the next page.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=50, show_default=True, help="Entries at most.")
@json_option
@storage_options
def audit_search(use_case: str | None, data: Path | None, database_url: str | None, **given: Any) -> None:
    """Search the log, the newest entries first. All that is given has to hold."""
    wanted = wanted_of(use_case=use_case, **given)

    async def work(services: Services) -> AuditPage:
        return await services.audit.search(wanted, before=given["before"], limit=given["limit"])

    page = with_services(data, database_url, work)
    if given["as_json"]:
        print_json(page)
        return
    rows = [
        (each.sequence, f"{each.at:%Y-%m-%d %H:%M:%S UTC}", each.actor, each.action, each.subject, each.reason)
        for each in page.entries
    ]
    print_table(("#", "when", "who", "did", "what", "why"), rows, empty="nothing here is like that")
    if page.next_before is not None:
        click.echo(f"more: --before {page.next_before}")


@audit.command("checkpoint")
@json_option
@storage_options
def audit_checkpoint(as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Sign the log up to its end now, where the key is in this data folder, and show how far it is signed."""

    async def work(services: Services) -> Standing:
        await services.checkpoints.sign(at_head=True)
        return await services.checkpoints.standing()

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
        return
    click.echo(f"signed up to entry {found.signed_to} of {found.entries}")
    if found.problem:
        click.echo(f"  {found.problem}")


@audit.command("checkpoints")
@storage_options
def audit_checkpoints(data: Path | None, database_url: str | None) -> None:
    """Print every key and checkpoint as JSON lines, for a witness to keep: `audit verify --file EXPORT --checkpoints FILE`."""

    async def work(services: Services) -> list[bytes]:
        return [line async for line in services.checkpoints.lines()]

    for line in with_services(data, database_url, work):
        click.echo(line.decode(), nl=False)


@audit.command("keys")
@json_option
@storage_options
def audit_keys(as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List the public keys that checkpoints are verified with, the newest first."""

    async def work(services: Services) -> list[AuditKey]:
        return await services.checkpoints.keys()

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
        return
    rows = [
        (each.id, f"{each.created_at:%Y-%m-%d %H:%M UTC}", each.public_key, each.previous or "", each.reason) for each in found
    ]
    print_table(("key", "since", "public key", "follows", "why"), rows, empty="nothing was signed yet")


@audit.command("rotate-key")
@click.option("--reason", required=True, help="Why; it is kept in the log.")
@click.option(
    "--from", "old", type=click.Path(path_type=Path), help="The old key, where GROUNDCREW_AUDIT_KEY leads to the new one."
)
@click.option("--lost", is_flag=True, help="Nobody has the old key any more: nothing leads from it to the new one.")
@as_option
@storage_options
def audit_rotate_key(
    reason: str, old: Path | None, lost: bool, as_name: str | None, data: Path | None, database_url: str | None
) -> None:
    """Sign with a new key from now on. The old one signs it, so that whoever trusts the old key trusts the new one."""
    from groundcrew.services.audit_keys import read_signer

    async def work(services: Services) -> AuditKey:
        signer = read_signer(old) if old is not None else None
        actor = await person(services, as_name)
        return await services.checkpoints.rotate(actor=actor, reason=reason, old=signer, is_lost=lost)

    key = with_services(data, database_url, work)
    click.echo(f"key {key.id} signs from now on; its public half: {key.public_key}")


@audit.command("resume-signing")
@click.option("--reason", required=True, help="Why; it is kept in the log.")
@as_option
@storage_options
def audit_resume_signing(reason: str, as_name: str | None, data: Path | None, database_url: str | None) -> None:
    """Sign again where this server has seen more signed than the database has.

    So it is after a backup was restored. Look first whether somebody has removed it: what is missing can not be told from this
    log afterwards."""

    async def work(services: Services) -> None:
        await services.checkpoints.resume(actor=await person(services, as_name), reason=reason)

    with_services(data, database_url, work)
    click.echo("signing goes on from what the database has; the log says so")


@audit.command("call")
@click.argument("call_id")
@json_option
@storage_options
def audit_call(call_id: str, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Show what a call rested on as of its time: who may answer, by which rules and evidence, and the entries that prove it."""

    async def work(services: Services) -> DecisionContext:
        return await services.decision_contexts.of(call_id)

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
        return
    click.echo(f"call {found.call_id} of {found.use_case}, {found.received_at:%Y-%m-%d %H:%M:%S} UTC: {found.version_finding}")
    rows = [(each.part, each.finding, each.entry or "", each.by, each.problem) for each in found.facts]
    print_table(("what", "as of the call", "entry", "by", "not known"), rows, empty="nothing")
