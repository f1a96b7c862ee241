"""`drift test`: two files held against each other."""

from __future__ import annotations

import click

COMMANDS: tuple[click.Command, ...] = ()
