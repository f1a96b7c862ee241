"""`groundcrew model`: rehearse, swap, revert and who is tied, with the statuses that scripts rely on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Run
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared
from tests.unit.services.rehearsing import Script, ScriptedTrials, declare, good, losing, record_rehearsal, recorded

from groundcrew.services.bundle import Services
from groundcrew.settings import Settings

PASSWORD = "a long password"


@pytest.fixture
def on(data: Path, prepared: Prepared) -> Callable[[Callable[[Services], Awaitable[None]]], None]:
    """Do something with the services of the data folder."""
    url = f"sqlite:///{data / 'groundcrew.db'}"
    prepared.copy("pilot", url)

    def do(work: Callable[[Services], Awaitable[None]]) -> None:
        async def body() -> None:
            async with bank.opened(url, data, bare=True) as services:
                await work(services)

        asyncio.run(body())

    do(declare)
    return do


Do = Callable[[Callable[[Services], Awaitable[None]]], None]


def test_a_swap_and_its_revert(run: Run, on: Do) -> None:
    refused = run("model", "swap", bank.MODEL, "--to", "other/other-1", "--reason", "cheaper", status=2)
    assert "never rehearsed: groundcrew model rehearse assistant" in refused.err
    on(record_rehearsal)
    assert "yes" in run("model", "show", bank.MODEL).out
    shown = run("model", "swap", bank.MODEL, "--to", "other/other-1", "--reason", "cheaper").out
    for words in (
        "writer: other/other-1 answers; quotes/extractive-1 stands by",
        "assistant: stays in pilot; its purpose and hypothesis",
        "groundcrew model rehearse assistant --alternate quotes/extractive-1",
        "alternates:\n  - {provider: quotes, model: extractive-1, …}",
    ):
        assert words in shown
    back = run("model", "revert", bank.MODEL, "--reason", "complaints", "--json").json()
    assert back["swap"]["action"] == "revert"
    assert len(back["consequences"][0]["valid_again"]) == 1
    assert "nothing was swapped" in run("model", "revert", bank.MODEL, "--reason", "again", status=2).err
    assert "revert by cli:" in run("model", "show", bank.MODEL).out
    assert "PROVIDER/MODEL" in run("model", "swap", bank.MODEL, "--to", "other", "--reason", "r", status=2).err


def test_without_a_rehearsal_under_an_account(run: Run, on: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    async def account(services: Services) -> None:
        await services.users.create("beat", PASSWORD, roles=("on_call",), actor="system:test")

    on(account)
    swap = ("model", "swap", bank.MODEL, "--to", "other/other-1", "--reason", "outage", "--without-rehearsal")
    assert "--as NAME" in run(*swap, status=2).err
    monkeypatch.setenv("GROUNDCREW_PASSWORD", PASSWORD)
    assert "answers without a rehearsal" in run(*swap, "--as", "beat").out


def test_who_is_tied(run: Run, on: Do) -> None:
    printed = run("model", "independence").out
    assert "tied" in printed
    assert "1 of 1 live use cases are tied to one vendor" in printed
    on(record_rehearsal)
    (found,) = run("model", "independence", "--json").json()
    assert (found["tied"], found["ready"]) == (False, ["other/other-1"])


def test_a_rehearsal_is_done_by_the_command(run: Run, on: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    async def calls(services: Services) -> None:
        await recorded(services, 160)

    on(calls)
    rehearse = ("model", "rehearse", bank.NAME, "--alternate", "other/other-1", "--concurrency", "16")
    assert "waits for a worker: groundcrew jobs show" in run(*rehearse, "--no-wait").out

    async def cancel(services: Services) -> None:
        (view,) = await services.jobs.list()
        await services.jobs.cancel(view.job.id, actor="user:anna")

    on(cancel)

    def asking(script: Script) -> None:
        @contextlib.asynccontextmanager
        async def point(_settings: Settings, services: Services) -> AsyncIterator[None]:
            services.trials = ScriptedTrials(services, script)
            yield

        monkeypatch.setattr("groundcrew.app.TrialPoint", point)

    asking(good)
    printed = run(*rehearse).out
    assert "other/other-1 for assistant: holds" in printed
    assert "160 pairs against quotes/extractive-1" in printed
    assert "non-inferior" in printed
    asking(losing(5))
    lost = run(*rehearse, status=1).out
    assert "does not hold" in lost
    assert "worse" in lost
