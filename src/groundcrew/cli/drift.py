"""`drift`: tests of files, and the monitors of use cases."""

from __future__ import annotations

import click

from groundcrew.cli import drift_files, drift_monitors


@click.group()
def drift() -> None:
    """Test files for drift; see references and alarms of the monitors."""


for _command in (*drift_files.COMMANDS, *drift_monitors.COMMANDS):
    drift.add_command(_command)
