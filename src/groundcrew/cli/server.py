"""`up`: gateway, control plane, console and jobs in one process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from groundcrew.cli.common import storage_options
from groundcrew.settings import load


@click.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1, or GROUNDCREW_HOST]")
@click.option(
    "--port", type=click.IntRange(0, 65_535), help="Port to listen on; 0 takes a free one.  [default: 8400, or GROUNDCREW_PORT]"
)
@storage_options
@click.pass_obj
def up(wiring: Any, host: str | None, port: int | None, data: Path | None, database_url: str | None) -> None:
    """Start gateway, control plane, console and jobs. The first run prints the admin's password, once."""
    wiring.serve(load(host=host, port=port, data=data, database_url=database_url))
