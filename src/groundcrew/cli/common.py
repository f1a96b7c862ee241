"""What all commands share: opening the services, naming the actor, printing tables and JSON."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from groundcrew.errors import InputError
from groundcrew.settings import Settings, load

if TYPE_CHECKING:
    from groundcrew.services.bundle import Services

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])

#: Columns where the output is no terminal.
WIDTH_UNLIMITED = 1_000

_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}


def storage_options(function: Command) -> Command:
    """The options that say where the data is."""
    function = click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        help="Data folder.  [default: .groundcrew, or GROUNDCREW_DATA]",
    )(function)
    return click.option("--database-url", help="postgresql://… instead of the embedded database (GROUNDCREW_DATABASE_URL).")(
        function
    )


def json_option(function: Command) -> Command:
    """The option that prints JSON instead of a table."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def with_services(
    data: Path | None,
    database_url: str | None,
    work: Callable[[Services], Awaitable[T]],
    *,
    create: bool = False,
    open_s_max: float | None = None,
) -> T:
    """Open the services, within `open_s_max` seconds where given (TimeoutError), do `work`, close. InputError when there is no
    data folder yet, unless `create`."""
    settings = load(data=data, database_url=database_url)
    return asyncio.run(_with_services(settings, work, create=create, open_s_max=open_s_max))


async def _with_services(
    settings: Settings, work: Callable[[Services], Awaitable[T]], *, create: bool, open_s_max: float | None
) -> T:
    from groundcrew.services.bundle import open_services

    if not create and not settings.database_url and not (settings.data / "groundcrew.db").exists():
        raise InputError(
            "no groundcrew data here: start with `groundcrew apply PATH` or `groundcrew up`, or name the folder with --data",
            file=str(settings.data),
        )
    async with asyncio.timeout(open_s_max):
        services = await open_services(
            settings.database,
            settings.data,
            kill_confirm_s=settings.kill_confirm_s_max,
            audit_key=settings.audit_key,
            audit_channel=settings.audit_channel,
        )
    wiring = getattr(click.get_current_context(silent=True), "obj", None)
    try:
        # Only the composition root knows the gateway; nothing of it is loaded before a command asks a model.
        async with wiring.trials(settings, services) if wiring is not None else contextlib.nullcontext():
            return await work(services)
    finally:
        await services.database.close()


def actor() -> str:
    """Who runs this command, as the operating system says: by the process's user, never by a variable that anyone may set."""
    try:
        return f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"cli:{os.getuid()}"


def ask_password(prompt: str, *, twice: bool = False) -> str:
    """The password in GROUNDCREW_PASSWORD, what is typed at the terminal, or the first line that is piped in where there is none.
    InputError where there is none of them."""
    if password := os.environ.get("GROUNDCREW_PASSWORD"):
        return password
    if has_terminal():
        typed: str = click.prompt(prompt, hide_input=True, confirmation_prompt=twice, err=True)
        return typed
    if piped := sys.stdin.readline().rstrip("\r\n"):
        return piped
    raise InputError("there is no terminal to ask for the password at: set GROUNDCREW_PASSWORD")


def has_terminal() -> bool:
    """Whether somebody can be asked: passwords are read from the terminal itself, whatever is piped in."""
    if sys.stdin.isatty():
        return True
    try:
        os.close(os.open(os.ctermid(), os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


async def person(services: Services, name: str | None) -> str:
    """The actor: the operating system's user, or the account `name` after its password was checked."""
    if name is None:
        return actor()
    password = ask_password(f"Password of {name}")
    user = await services.users.authenticate(name, password)
    return f"user:{user.name}"


def as_option(function: Command) -> Command:
    """The option by which a person acts under their console account."""
    return click.option(
        "--as",
        "as_name",
        metavar="NAME",
        help="Act as this console account; asks for its password (or reads GROUNDCREW_PASSWORD).",
    )(function)


def parse_duration(text: str, field: str) -> timedelta:
    """A duration such as 90d, 24h, 30m or 45s."""
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS_S or not number.isdigit():
        raise InputError(f"{text!r} is not a duration: use a number and s, m, h, d or w, such as 90d", field=field)
    try:
        return timedelta(seconds=int(number) * _UNITS_S[unit])
    except OverflowError:
        raise InputError(f"{text!r} is too long", field=field) from None


def print_json(value: object) -> None:
    """Print a value as indented JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """Print rows under headings, or the line that says that there are none."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        click.echo(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text("" if cell is None else str(cell)) for cell in row))
    # A pipe has no width: lines are left whole, so that ids can be found and copied.
    Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_UNLIMITED).print(table)
