"""`meeting` and `action`: the Stream from the command line."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.unit.services.streaming import PEOPLE, people

from groundcrew.cli.main import run
from groundcrew.services.bundle import open_services


def test_the_stream_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"

    async def prepare() -> None:
        services = await open_services(f"sqlite:///{data / 'groundcrew.db'}", data)
        await people(services)
        await services.users.set_password("ivan", "correct horse battery", actor="user:root")
        await services.database.close()

    data.mkdir()
    asyncio.run(prepare())
    monkeypatch.setenv("GROUNDCREW_PASSWORD", "correct horse battery")

    def call(*words: str, status: int = 0) -> str:
        assert run([*words, "--data", str(data)]) == status, capsys.readouterr().err
        return capsys.readouterr().out

    assert "no meeting is scheduled" in call("meeting", "list")
    call("meeting", "agenda", status=2)
    call("meeting", "cadence", "--first-day", "2050-01-10", "--at", "25:00", status=2)
    told = call("meeting", "cadence", "--first-day", "2050-01-10", "--at", "14:00", "--time-zone", "Europe/Zurich")
    assert "2050-01-10 13:00 UTC" in told
    _first, second = json.loads(call("meeting", "list", "--json"))
    call("meeting", "cancel", second["id"], "--reason", "away")
    call("meeting", "move", "next", "2050-01-11T09:00+01:00", "--reason", "a holiday", status=2)
    assert "nothing wants" in call("meeting", "agenda")
    call("meeting", "open", status=2)
    call("meeting", "open", "--as", "ivan", status=2)
    for wrong, words in (("soon", "is no time such as"), ("2050-01-11T09:00", "by whose clock")):
        assert run(["meeting", "schedule", wrong, "--data", str(data)]) == 2
        assert words in capsys.readouterr().err
    call("meeting", "schedule", f"{datetime.now(UTC):%Y-%m-%dT%H:%M}Z")
    assert "is open" in call("meeting", "open", "--as", "ivan")
    first = json.loads(call("meeting", "list", "--json"))[0]
    assert "no quorum: ethics, it, legal, business missing" in call("meeting", "show", "next")
    closed = call("meeting", "close", "--as", "ivan")
    assert "minutes sha256" in closed
    for form, file in (("markdown", "minutes.md"), ("json", "minutes.json"), ("pdf", "minutes.pdf")):
        call("meeting", "minutes", first["id"], "--format", form, "--output", str(tmp_path / file))
    for file in ("minutes.md", "minutes.json"):
        assert call("meeting", "verify", str(tmp_path / file)).startswith("genuine")
    altered = (tmp_path / "minutes.md").read_text().replace("ivan", "eva")
    (tmp_path / "minutes.md").write_text(altered)
    assert call("meeting", "verify", str(tmp_path / "minutes.md"), status=1).startswith("NOT GENUINE")
    call("meeting", "verify", str(tmp_path / "minutes.pdf"), status=2)

    assert "nothing is to be done" in call("action", "list")
    call("action", "add", "write", "--owner", "nobody", "--due", "2050-01-01", status=2)
    call("action", "add", "write", "--owner", PEOPLE["it"].removeprefix("user:"), "--due", "2050-01-01")
    (made,) = json.loads(call("action", "list", "--json"))
    call("action", "done", made["id"], "written", status=2)
    call("action", "done", made["id"], "written", "--as", "ivan")
    assert "written" in call("action", "list", "--all", "--json")
