"""`apply`, `status` and `key`: what is declared, and which programs may use it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from groundcrew.cli.common import (
    actor,
    json_option,
    parse_duration,
    print_json,
    print_table,
    storage_options,
    with_services,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from groundcrew.errors import DeclarationError
    from groundcrew.services.bundle import Services
    from groundcrew.services.changes import Change
    from groundcrew.services.keys import CreatedKey

_VALUE_LENGTH_MAX = 60


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Show the diff, or every error, and write nothing.")
@json_option
@storage_options
def apply(paths: tuple[Path, ...], dry_run: bool, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Declare what the YAML files or folders at PATHS say; applying the same again changes nothing. Prints a diff."""
    from groundcrew.services.declarations import load
    from groundcrew.services.declared import DeclarationErrors

    async def work(services: Services) -> list[Change]:
        return await services.registry.apply(declarations, actor=actor(), dry_run=dry_run)

    try:
        declarations = load(list(paths))
        changes = with_services(data, database_url, work, create=True)
    except DeclarationErrors as error:
        if dry_run:
            print_errors(error.errors, as_json=as_json)
        raise
    if as_json:
        print_json(changes)
        return
    for change in changes:
        print_change(change)
    changed = sum(change.action != "unchanged" for change in changes)
    suffix = " (dry run: nothing written)" if dry_run else ""
    click.echo(f"{changed} changed, {len(changes) - changed} unchanged{suffix}")


def print_errors(errors: Sequence[DeclarationError], *, as_json: bool) -> None:
    """Print everything that is wrong, so that all of it can be mended before the next try."""
    if as_json:
        print_json({"errors": [{name: getattr(each, name) for name in ("file", "line", "field", "message")} for each in errors]})
        return
    for each in errors:
        click.secho(f"! {' '.join(str(each).split())}", fg="red")


def print_change(change: Change) -> None:
    """Print one change of a diff: + created, ~ updated, = unchanged."""
    sign, colour = {"created": ("+", "green"), "updated": ("~", "yellow"), "unchanged": ("=", None)}[change.action]
    click.secho(f"{sign} {change.kind} {change.name}", fg=colour)
    for field in change.fields:
        if change.action == "created":
            click.echo(f"    {field.field}: {_short(field.after)}")
        else:
            click.echo(f"    {field.field}: {_short(field.before)} → {_short(field.after)}")
    for note in change.notes:
        click.echo(f"    note: {note}")


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = text.replace("\n", " ")
    return text if len(text) <= _VALUE_LENGTH_MAX else text[: _VALUE_LENGTH_MAX - 1] + "…"


@click.command()
@json_option
@storage_options
def status(as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List the use cases: stage, run state, and what each waits for."""

    async def work(services: Services) -> list[tuple[str, dict[str, Any]]]:
        rows = []
        for each in await services.use_cases.find():
            waits: list[str] = []
            if each.stage not in ("optimization", "rejected", "retired"):
                evaluation = await services.gates.evaluate(each.name, actor=actor(), save=False)
                waits = [result.title for result in evaluation.results if result.status != "pass"]
            row = {
                "name": each.name,
                "stage": each.stage,
                "run_state": each.run_state,
                "reason": each.run_reason,
                "holds": [hold.reason for hold in each.holds],
                "calls_held": each.calls_held,
                "waits_for": waits,
            }
            rows.append((each.run_words, row))
        return rows

    found = with_services(data, database_url, work)
    rows = [row for _, row in found]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("use case", "stage", "run state", "waits for"),
        [
            (row["name"], row["stage"], words, "; ".join(row["waits_for"]) or ("what holds it" if row["holds"] else "–"))
            for words, row in found
        ],
        empty="no use cases yet: declare one in YAML and run `groundcrew apply PATH`",
    )
    for row in rows:
        why = [row["reason"]] if row["run_state"] == "suspended" and row["reason"] else []
        if why or row["holds"]:
            click.echo(f"{row['name']} is held: {'; '.join([*why, *row['holds']])}")


@click.group()
def key() -> None:
    """Create, rotate, list and revoke gateway keys."""


@key.command("create")
@click.argument("use_case")
@click.option("--expires", default="90d", show_default=True, help="How long it lives: a number and s, m, h, d or w.")
@click.option("--tokens-per-day", type=click.IntRange(min=1), help="Tokens that this key may use in a UTC day.")
@click.option("--tokens-per-month", type=click.IntRange(min=1), help="Tokens that it may use in a UTC month.")
@click.option("--usd-per-day", type=click.FloatRange(min=0, min_open=True), help="USD that it may spend in a UTC day.")
@click.option("--usd-per-month", type=click.FloatRange(min=0, min_open=True), help="USD that it may spend in a UTC month.")
@click.option("--requests-per-minute", type=click.IntRange(min=1), help="Calls that may come in a minute.")
@click.option("--tokens-per-minute", type=click.IntRange(min=1), help="Tokens that calls may use in a minute.")
@click.option("--concurrent", type=click.IntRange(min=1), help="Calls that may be under way at once.")
@click.option("--label", default="", help="What it is for, such as the application that will use it.")
@json_option
@storage_options
def key_create(
    use_case: str, expires: str, label: str, as_json: bool, data: Path | None, database_url: str | None, **limits: Any
) -> None:
    """Create a key for USE_CASE and print it, this once. Limits of its own hold beside those of the use case."""
    from groundcrew.domain.use_case import RateLimits, SpendLimits

    lifetime_s = parse_duration(expires, "expires").total_seconds()
    spends = {name: limits[name] for name in SpendLimits.__struct_fields__ if limits[name] is not None}
    rates = {name: limits[name] for name in RateLimits.__struct_fields__ if limits[name] is not None}

    async def work(services: Services) -> None:
        created = await services.keys.create(
            use_case,
            actor=actor(),
            expires_in_s=lifetime_s,
            label=label,
            budget=SpendLimits(**spends) if spends else None,
            limits=RateLimits(**rates) if rates else None,
        )
        _print_created(created, as_json)

    with_services(data, database_url, work)


def _print_created(created: CreatedKey, as_json: bool) -> None:
    key = created.key
    if as_json:
        print_json({"id": key.id, "key": created.secret, "use_case": key.use_case, "expires_at": key.expires_at})
        return
    click.echo(created.secret)
    click.echo(f"key {key.id} for {key.use_case}, until {key.expires_at:%Y-%m-%d %H:%M} UTC; it is not shown again", err=True)


@key.command("rotate")
@click.argument("key_id")
@click.option("--overlap", default="24h", show_default=True, help="How long the old key goes on; 0s ends it at once.")
@click.option("--expires", help="How long the new key lives; as long as the old one was made for where not given.")
@json_option
@storage_options
def key_rotate(
    key_id: str, overlap: str, expires: str | None, as_json: bool, data: Path | None, database_url: str | None
) -> None:
    """Print a new key, this once, that takes the place of the one with this id; both work until the overlap ends."""
    overlap_s = parse_duration(overlap, "overlap").total_seconds()
    lifetime_s = parse_duration(expires, "expires").total_seconds() if expires else None

    async def work(services: Services) -> None:
        created = await services.keys.rotate(key_id, actor=actor(), overlap_s=overlap_s, expires_in_s=lifetime_s)
        _print_created(created, as_json)
        if not as_json:
            click.echo(f"key {key_id} goes on for {overlap} at most: change over by then", err=True)

    with_services(data, database_url, work)


@key.command("list")
@click.argument("use_case", required=False)
@json_option
@storage_options
def key_list(use_case: str | None, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List keys, of USE_CASE where given; secrets are never shown."""

    async def work(services: Services) -> None:
        keys, used = await services.keys.find(use_case), await services.keys.last_used(use_case)
        rows = [
            {
                "id": each.id,
                "use_case": each.use_case,
                "created_by": each.created_by,
                "expires_at": each.expires_at,
                "revoked_at": each.revoked_at,
                "label": each.label,
                "rotated_from": each.rotated_from,
                "last_used_at": used.get(each.id),
            }
            for each in keys
        ]
        if as_json:
            print_json(rows)
            return
        print_table(
            ("id", "use case", "label", "created by", "expires", "revoked", "last used"),
            [
                (
                    each.id,
                    each.use_case,
                    each.label or "–",
                    each.created_by,
                    f"{each.expires_at:%Y-%m-%d %H:%M UTC}",
                    f"{each.revoked_at:%Y-%m-%d %H:%M UTC}" if each.revoked_at else "–",
                    f"{used[each.id]:%Y-%m-%d %H:%M UTC}" if each.id in used else "–",
                )
                for each in keys
            ],
            empty="no keys yet: `groundcrew key create USE_CASE`",
        )

    with_services(data, database_url, work)


@key.command("revoke")
@click.argument("key_id")
@click.option("--reason", default="", help="Why; kept in the audit log.")
@storage_options
def key_revoke(key_id: str, reason: str, data: Path | None, database_url: str | None) -> None:
    """Revoke the key with this id at once."""

    async def work(services: Services) -> None:
        revoked = await services.keys.revoke(key_id, actor=actor(), reason=reason)
        click.echo(f"key {revoked.id} of {revoked.use_case} is revoked")

    with_services(data, database_url, work)
