"""`user`: people's accounts, from the first day to the last. Whoever may write the data folder may use it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundcrew.cli.common import actor, ask_password, json_option, print_json, print_table, storage_options, with_services

if TYPE_CHECKING:
    from groundcrew.domain.user import User
    from groundcrew.services.bundle import Services

_ROLES = "admin, owner, reviewer, on_call, auditor, ethics, it, legal or business."
_why = click.option("--reason", required=True, help="Why; kept in the audit log.")


@click.group()
def user() -> None:
    """Create, change and close the accounts of people who sign in."""


@user.command("add")
@click.argument("name")
@click.option("--role", "roles", multiple=True, required=True, help=_ROLES)
@click.option("--qualification", "qualifications", multiple=True, help="What the person may sign off as, such as radiologist.")
@click.option("--agent", is_flag=True, help="A program signs in with it: it decides nothing that is a person's to decide.")
@storage_options
def user_add(
    name: str,
    roles: tuple[Any, ...],
    qualifications: tuple[str, ...],
    agent: bool,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Create an account; asks for its password (or reads GROUNDCREW_PASSWORD)."""
    password = _password()

    async def work(services: Services) -> None:
        created = await services.users.create(
            name, password, roles=roles, qualifications=qualifications, kind="agent" if agent else "person", actor=actor()
        )
        click.echo(f"{'agent' if agent else 'user'} {_standing(created)}")

    with_services(data, database_url, work, create=True)


@user.command("change")
@click.argument("name")
@click.option("--role", "roles", multiple=True, required=True, help=f"All roles from now on: {_ROLES}")
@click.option("--qualification", "qualifications", multiple=True, help="All qualifications from now on; none where absent.")
@_why
@storage_options
def user_change(
    name: str, roles: tuple[Any, ...], qualifications: tuple[str, ...], reason: str, data: Path | None, database_url: str | None
) -> None:
    """Give NAME other roles and qualifications; they hold from the next request on."""

    async def work(services: Services) -> None:
        changed = await services.users.change(name, roles=roles, qualifications=qualifications, actor=actor(), reason=reason)
        click.echo(f"user {_standing(changed)}")

    with_services(data, database_url, work)


@user.command("close")
@click.argument("name")
@_why
@storage_options
def user_close(name: str, reason: str, data: Path | None, database_url: str | None) -> None:
    """Close the account of somebody who left; its sessions end at once, and what it did stays on record."""

    async def work(services: Services) -> None:
        await services.users.close(name, actor=actor(), reason=reason)
        click.echo(f"the account of {name} is closed")

    with_services(data, database_url, work)


@user.command("reopen")
@click.argument("name")
@_why
@storage_options
def user_reopen(name: str, reason: str, data: Path | None, database_url: str | None) -> None:
    """Open the closed account of NAME again, with the roles and the password that it had."""

    async def work(services: Services) -> None:
        opened = await services.users.reopen(name, actor=actor(), reason=reason)
        click.echo(f"open again: user {_standing(opened)}")

    with_services(data, database_url, work)


@user.command("password")
@click.argument("name")
@storage_options
def user_password(name: str, data: Path | None, database_url: str | None) -> None:
    """Give NAME another password (asks, or reads GROUNDCREW_PASSWORD); its sessions end."""
    password = _password()

    async def work(services: Services) -> None:
        await services.users.set_password(name, password, actor=actor())
        click.echo(f"{name} has another password, and is signed out everywhere")

    with_services(data, database_url, work)


@user.command("list")
@json_option
@storage_options
def user_list(as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List the accounts."""

    async def work(services: Services) -> None:
        rows = [
            {
                "name": each.name,
                "kind": each.kind,
                "roles": each.roles,
                "qualifications": each.qualifications,
                "state": "closed" if each.disabled else "open",
            }
            for each in await services.users.find()
        ]
        if as_json:
            print_json(rows)
            return
        print_table(
            ("name", "kind", "roles", "qualifications", "state"),
            [
                (each["name"], each["kind"], ", ".join(each["roles"]), ", ".join(each["qualifications"]), each["state"])
                for each in rows
            ],
            empty="no accounts yet: `groundcrew up` creates the admin at its first run",
        )

    with_services(data, database_url, work)


def _password() -> str:
    return ask_password("Password", twice=True)


def _standing(user: User) -> str:
    signs = f", signs off as {', '.join(user.qualifications)}" if user.qualifications else ""
    return f"{user.name} with roles {', '.join(user.roles)}{signs}"
