"""`drift` for use cases: references, alarms."""

from __future__ import annotations

import click

COMMANDS: tuple[click.Command, ...] = ()
