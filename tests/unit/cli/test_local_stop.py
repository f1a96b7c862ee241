"""`stop` without a database: what it writes, whom it waits for, and what it says that it could not do."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Run

from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.local_stop import LocalPoint
from groundcrew.services.local_stops import LocalStops
from groundcrew.services.processes import process_started

SCOPE = "use-case:assistant"
NOBODY = "postgresql://nobody:secret-word@127.0.0.1:1/none"


def point(digest: str, *, cut: int = 0, covers: int = 1) -> LocalPoint:
    """A gateway in this very process, which lives."""
    return LocalPoint(
        point="here",
        process_id=os.getpid(),
        process_started=process_started(os.getpid()),
        digest=digest,
        at_s=0.0,
        cut={SCOPE: cut},
        covers={SCOPE: covers},
    )


@pytest.fixture
def gateway(data: Path) -> Iterator[LocalStops]:
    """A gateway of this data folder that confirms each file at once, and cuts 37 calls for it; it had cut 5 before."""
    local, ended = LocalStops(data), threading.Event()
    local.say(point("", cut=5))

    def follow() -> None:
        while not ended.wait(0.01):
            if digest := local.read()[1]:
                local.say(point(digest, cut=42))

    thread = threading.Thread(target=follow)
    thread.start()
    yield local
    ended.set()
    thread.join()


def test_it_is_written_confirmed_and_reported(run: Run, gateway: LocalStops) -> None:
    done = run("stop", SCOPE, "--reason", "odd answers", "--local")
    assert "stopped on this host, confirmed by the gateway in " in done.out
    assert "cut 37 calls in flight" in done.out
    assert "THIS HOST ONLY: gateways on other hosts were not told, and go on." in done.err
    (stop,) = gateway.read()[0].stops
    assert (stop.scope, stop.reason, stop.by.partition(":")[0]) == (Scope("use-case", "assistant"), "odd answers", "cli")
    report = run("stop", "all", "--reason", "odd answers", "--local", "--json").json()
    assert (report["gateways"], report["silent"], report["covers"]) == (1, [], 0)


def test_a_gateway_that_does_not_confirm_is_named(run: Run, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDCREW_KILL_CONFIRM_S_MAX", "0.2")
    LocalStops(data).say(point(""))
    done = run("stop", SCOPE, "--reason", "odd answers", "--local", status=1)
    assert f"STOP FAILED for {SCOPE} on this host: here (process {os.getpid()} on " in done.err
    assert LocalStops(data).read()[0].scopes == {Scope("use-case", "assistant")}, "it holds all the same"


def test_without_a_gateway_it_holds_for_the_next_one(run: Run, data: Path) -> None:
    done = run("stop", SCOPE, "--reason", "odd answers", "--local")
    assert "no gateway runs on" in done.out
    assert "only two people end it: groundcrew resume use-case:assistant" in done.out


def test_a_database_that_is_away_makes_it_local_and_loud(run: Run, gateway: LocalStops) -> None:
    done = run("stop", SCOPE, "--reason", "odd answers", "--database-url", NOBODY, status=1)
    assert done.err.startswith("THE DATABASE COULD NOT BE TOLD (")
    assert "secret-word" not in done.err
    assert "cut 37 calls in flight" in done.out
    assert len(gateway.read()[0].stops) == 1


def test_where_there_is_no_gateways_folder_it_says_what_to_do(run: Run, tmp_path: Path) -> None:
    refused = run("stop", SCOPE, "--reason", "odd answers", "--database-url", NOBODY, status=2)
    assert "nothing was stopped. On each gateway's host: groundcrew stop use-case:assistant --local" in refused.err
    assert "name it with --data" in run("stop", SCOPE, "--reason", "odd answers", "--local", status=2).err
    assert not (tmp_path / "data").exists()


def test_what_is_wrong_is_one_line(run: Run, data: Path) -> None:
    assert "in the name of who runs it" in run("stop", SCOPE, "--reason", "x", "--local", "--as", "anna", status=2).err
    assert "reason: say why" in run("stop", SCOPE, "--reason", " ", "--local", status=2).err
    assert not (data / "stops").exists()
    LocalStops(data).folder.mkdir()
    LocalStops(data).path.write_text("{")
    refused = run("stop", SCOPE, "--reason", "x", "--local", status=2)
    assert "A gateway that can not read its file of stops denies every call until it can" in refused.err


def test_processes_apart_need_postgresql(run: Run) -> None:
    for command in ("gateway", "control", "worker"):
        refused = run(command, status=2)
        assert f"`groundcrew {command}` shares its database" in refused.err
        assert "`groundcrew up`" in refused.err
