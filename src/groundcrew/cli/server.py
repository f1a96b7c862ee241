"""`up`: gateway, control plane, console and jobs in one process; `gateway`, `control` and `worker`: the same, each in its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from groundcrew.cli.common import storage_options
from groundcrew.errors import InputError
from groundcrew.settings import Settings, load

Command = TypeVar("Command", bound=Callable[..., Any])


def _listens(function: Command) -> Command:
    """The options that say where a server listens."""
    function = click.option(
        "--port",
        type=click.IntRange(0, 65_535),
        help="Port to listen on; 0 takes a free one.  [default: 8400, or GROUNDCREW_PORT]",
    )(function)
    return click.option("--host", help="Address to listen on.  [default: 127.0.0.1, or GROUNDCREW_HOST]")(function)


@click.command()
@_listens
@storage_options
@click.pass_obj
def up(wiring: Any, host: str | None, port: int | None, data: Path | None, database_url: str | None) -> None:
    """Start gateway, control plane, console and jobs. The first run prints the admin's password, once."""
    wiring.serve(load(host=host, port=port, data=data, database_url=database_url))


@click.command()
@_listens
@storage_options
@click.pass_obj
def gateway(wiring: Any, host: str | None, port: int | None, data: Path | None, database_url: str | None) -> None:
    """Start a gateway alone: /v1, its probes and its metrics. Each one needs a data folder of its own. PostgreSQL only."""
    wiring.serve(_shared(load(host=host, port=port, data=data, database_url=database_url), "gateway"), "gateway")


@click.command()
@_listens
@storage_options
@click.pass_obj
def control(wiring: Any, host: str | None, port: int | None, data: Path | None, database_url: str | None) -> None:
    """Start console, API and what looks after the registry, without a gateway. PostgreSQL only."""
    wiring.serve(_shared(load(host=host, port=port, data=data, database_url=database_url), "control"), "control")


@click.command()
@storage_options
@click.pass_obj
def worker(wiring: Any, data: Path | None, database_url: str | None) -> None:
    """Work on durable jobs until told to stop. PostgreSQL only."""
    wiring.work(_shared(load(data=data, database_url=database_url), "worker"), drain=False)


def _shared(settings: Settings, command: str) -> Settings:
    """`settings`, if several processes can share their database."""
    if settings.database_url.startswith(("postgresql", "postgres:")):
        return settings
    raise InputError(
        f"`groundcrew {command}` shares its database with other processes and needs PostgreSQL (postgresql://…); "
        "with the embedded database use `groundcrew up`, which is all of them in one process",
        field="database-url",
    )
