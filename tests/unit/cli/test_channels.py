"""`channel` on the command line: what it lists, trying one with and without a server, sending again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Run
from tests.unit.services.prepared import Prepared

from groundcrew.domain.delivery import NotTaken
from groundcrew.domain.webhook import secret_bytes
from groundcrew.services.bundle import Services, open_services
from groundcrew.services.deliveries import Deliveries

CHANNEL = "kind: Channel\nname: desk\nvia: email\nto: [desk@bank.example]\n"


@pytest.fixture
def declared(data: Path, prepared: Prepared, run: Run, tmp_path: Path) -> Path:
    """A data folder with the bank and a channel declared."""
    prepared.copy("declared", f"sqlite:///{data / 'groundcrew.db'}")
    (tmp_path / "channel.yaml").write_text(CHANNEL)
    assert "desk" in run("apply", tmp_path / "channel.yaml").out
    return data


def fail_what_waits(data: Path) -> None:
    async def work() -> None:
        services: Services = await open_services(f"sqlite:///{data / 'groundcrew.db'}", data)
        for each in await services.deliveries.due(owner="me", room={}, room_default=9, most=9, lease_s=60):
            await services.deliveries.not_taken(each, NotTaken("the mail server is gone", is_final=True), owner="me")
        await services.database.close()

    asyncio.run(work())


def test_a_channel_is_listed_tried_and_its_deliveries_sent_again(run: Run, declared: Path) -> None:
    listed = run("channel", "list").out
    assert "desk@bank.example" in listed
    assert run("channel", "deliveries").out == "no deliveries\n"
    assert "is a server running" in run("channel", "test", "desk", "--wait", "1", status=1).err
    assert "did you mean 'desk'" in run("channel", "test", "des", status=2).err
    (waiting,) = run("channel", "deliveries", "--state", "pending", "--json").json()
    fail_what_waits(declared)
    assert "the mail server is gone" in run("channel", "deliveries", "--channel", "desk").out
    assert run("channel", "list", "--json").json()[0]["failed"] == 1
    key = waiting["delivery"]["id"]
    assert run("channel", "replay", key, "--reason", "it is back").out == f"{key} is pending\n"
    assert "no delivery" in run("channel", "replay", "none", "--reason", "why not", status=2).err


def test_a_test_tells_what_came_of_it(run: Run, declared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Deliveries.test

    async def and_is_taken(self: Deliveries, channel: str, *, actor: str) -> object:
        sent = await real(self, channel, actor=actor)
        await self.taken(await self.due(owner="me", room={}, room_default=1, most=1, lease_s=60), owner="me")
        return sent

    async def and_is_not(self: Deliveries, channel: str, *, actor: str) -> object:
        sent = await real(self, channel, actor=actor)
        (sending,) = await self.due(owner="me", room={}, room_default=1, most=1, lease_s=60)
        await self.not_taken(sending, NotTaken("no mail server is set", is_final=True), owner="me")
        return sent

    monkeypatch.setattr(Deliveries, "test", and_is_taken)
    assert run("channel", "test", "desk").out == "desk took it at attempt 1\n"
    monkeypatch.setattr(Deliveries, "test", and_is_not)
    assert "no mail server is set" in run("channel", "test", "desk", status=1).err


def test_a_new_secret_is_one(run: Run) -> None:
    first, second = (run("channel", "secret").out.strip() for _ in range(2))
    assert len(secret_bytes(first)) == 32
    assert first != second
