"""The file of local stops: whole or not there, never lost, readable by the gateway, and no doubt about what can not be read."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.local_stop import FILE_BYTES_MAX, LocalPoint, LocalStop
from groundcrew.errors import Conflict, InputError
from groundcrew.services.local_stops import LocalStops
from groundcrew.services.processes import process_started


def stop(number: int = 1, scope: Scope | None = None) -> LocalStop:
    return LocalStop(
        id=f"stop-{number}",
        scope=scope or Scope("use-case", "demo"),
        reason="odd answers",
        by="cli:root",
        at=datetime(2026, 3, 2, tzinfo=UTC),
        host="gateway-1",
    )


def test_no_file_is_no_stop(tmp_path: Path) -> None:
    local = LocalStops(tmp_path)
    assert (local.stamp(), local.read()[0].stops, local.read()[1], local.points()) == (None, (), "", [])


def test_what_is_added_stays_until_it_is_removed(tmp_path: Path) -> None:
    local = LocalStops(tmp_path)
    stamps = {local.stamp()}
    digest = local.add(stop(1))
    stamps.add(local.stamp())
    assert LocalStops(tmp_path).read() == (local.read()[0], digest)
    local.add(stop(2, Scope("all")))
    stamps.add(local.stamp())
    local.carried("stop-1", 9)
    stamps.add(local.stamp())
    assert len(stamps) == 4, "each change shows"
    assert [(each.id, each.carried_version) for each in local.read()[0].stops] == [("stop-1", 9), ("stop-2", None)]
    local.remove(["stop-1"])
    assert local.read()[0].scopes == {Scope("all")}
    local.keep([stop(1), stop(2)])
    assert sorted(each.id for each in local.read()[0].stops) == ["stop-1", "stop-2"]
    assert (local.path.stat().st_mode & 0o777, local.folder.stat().st_mode & 0o777) == (0o600, 0o700)
    assert [each.name for each in sorted(local.folder.iterdir())] == ["lock", "stops.json"], "nothing half-written stays"


def test_several_people_at_once_lose_nothing(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: LocalStops(tmp_path).add(stop(number)), range(40)))
    assert {each.id for each in LocalStops(tmp_path).read()[0].stops} == {f"stop-{number}" for number in range(40)}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"stops": [{"id": 1}]}', b'{"stops": [], "more": 1}', b"\xff\xfe", b" " * (FILE_BYTES_MAX + 1)],
    ids=["empty", "cut", "list", "wrong", "unknown", "bytes", "huge"],
)
def test_whatever_is_no_such_file_is_told_as_such(tmp_path: Path, content: bytes) -> None:
    local = LocalStops(tmp_path)
    local.add(stop())
    local.path.write_bytes(content)
    with pytest.raises(InputError, match=r"stops\.json"):
        local.read()
    with pytest.raises(InputError):
        local.add(stop(2))
    assert local.path.read_bytes() == content, "what a person has to look at stays as it is"


def test_a_full_file_takes_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundcrew.services.local_stops.LOCAL_STOPS_MAX", 1)
    local = LocalStops(tmp_path)
    local.add(stop())
    with pytest.raises(Conflict, match="holds 1 stops already"):
        local.add(stop(2))


def test_only_gateways_that_live_are_waited_for(tmp_path: Path) -> None:
    local, started = LocalStops(tmp_path), process_started(os.getpid())
    here = LocalPoint(point="here", process_id=os.getpid(), process_started=started, digest="d", at_s=1.0)
    local.say(here)
    local.say(LocalPoint(point="gone", process_id=os.getpid(), process_started="another start", digest="d", at_s=1.0))
    assert local.points() == [here]
    local.leave("here")
    assert local.points() == []
