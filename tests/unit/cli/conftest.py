"""The command line in this process, on a prepared database, and what it printed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.server import Done
from tests.unit.services.prepared import Prepared, prepared

from groundcrew.app import main

__all__ = ["prepared"]

Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run one command in `tmp_path`; what goes wrong must be one line on stderr, and never a stack trace."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GROUNDCREW_DATA", str(tmp_path / "data"))

    def command(*arguments: str | Path, status: int = 0) -> Done:
        ended = main([str(each) for each in arguments])
        captured = capsys.readouterr()
        assert ended == status, f"{arguments}: status {ended}: {captured.out}{captured.err}"
        assert "Traceback" not in captured.out + captured.err
        if status == 2:
            assert captured.err.count("\n") == 1, captured.err
            assert captured.err.startswith("groundcrew")
        return Done(status=ended, out=captured.out, err=captured.err)

    return command


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder that commands use unless told otherwise."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def bank(data: Path, prepared: Prepared) -> Path:
    """A data folder with everything in it."""
    prepared.copy("history", f"sqlite:///{data / 'groundcrew.db'}")
    return data


@pytest.fixture
def ready(data: Path, prepared: Prepared) -> Path:
    """A data folder whose use case is ready for pilot, as of the clock that prepared it."""
    prepared.copy("ready", f"sqlite:///{data / 'groundcrew.db'}")
    return data
