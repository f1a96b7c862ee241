"""Every command explains itself, and every option too."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from tests.unit.cli.conftest import Run

from groundcrew.cli.main import COMMANDS, cli


def every_command() -> Iterator[tuple[str, ...]]:
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        yield (name,)
        if isinstance(command, click.Group):
            for sub_name in command.commands:
                yield (name, sub_name)


ALL = list(every_command())


@pytest.mark.parametrize("command", ALL, ids=" ".join)
def test_help_of_every_command(run: Run, command: tuple[str, ...]) -> None:
    shown = run(*command, "--help").out
    assert shown.startswith(f"Usage: groundcrew {' '.join(command)} ")
    assert run(*command, "-h").out == shown


@pytest.mark.parametrize("command", ALL, ids=" ".join)
def test_every_option_says_what_it_is_for(command: tuple[str, ...]) -> None:
    found = cli.get_command(click.Context(cli), command[0])
    for name in command[1:]:
        assert isinstance(found, click.Group)
        found = found.commands[name]
    assert found is not None
    unexplained = [
        each.name for each in found.params if isinstance(each, click.Option) and not each.help and each.name != "limit"
    ]
    assert unexplained == []
    assert found.help
    assert found.help.splitlines()[0].endswith(".")


def test_the_program_itself(run: Run) -> None:
    assert "Commands:" in run("--help").out
    assert run("--version").out.startswith("groundcrew, version ")


def test_help_names_every_command_with_the_line_it_has_itself(run: Run) -> None:
    shown = " ".join(run("--help").out.split())
    for name, (_, line) in COMMANDS.items():
        assert f"{name} {line}" in shown


def test_no_command_at_all_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    from groundcrew.app import main

    assert main([]) == 2
    assert "Commands:" in capsys.readouterr().err
