"""What is kept and what goes out: calls shipped once, budgets counted, exports whole or absent, a chain verified offline."""

from __future__ import annotations

import gzip
import os
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.call import Call
from groundcrew.domain.snapshot import Usage
from groundcrew.errors import AuditBroken, InputError, NotFound
from groundcrew.services import exports
from groundcrew.services.audit import verify_file
from groundcrew.services.audit_export import export_audit
from groundcrew.services.bundle import Services
from groundcrew.store import tables


@pytest.fixture
async def services(database_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    clock = prepared.copy("history", database_url)
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        yield services


async def signs_here(services: Services) -> None:
    """The key of the prepared history is in another folder, which is as good as lost."""
    await services.checkpoints.rotate(actor=bank.PERSON, reason="another folder", is_lost=True)


async def exported(services: Services, output: Path) -> int:
    return await exports.export_calls(services.calls, output, use_case=None, progress=lambda _done, _total: None)


async def test_a_batch_shipped_again_changes_nothing(services: Services) -> None:
    batch = [bank.call(), bank.call()]
    assert await services.calls.ship(batch, gateway="gateway-1") == 2
    head = (await services.audit.verify()).head
    assert await services.calls.ship(batch, gateway="gateway-2") == 0
    assert await services.calls.ship([], gateway="gateway-2") == 0
    assert (await services.audit.verify()).head == head
    assert await services.calls.ship([*batch, bank.call()], gateway="gateway-1") == 1
    assert (await services.audit.verify()).problems == ()


async def test_calls_are_read_newest_first_a_page_at_a_time(services: Services) -> None:
    calls = [bank.call(use_case="other", status="declined" if each % 2 else "answered") for each in range(7)]
    await services.calls.ship(calls, gateway="gateway-1")
    first = await services.calls.latest(use_case="other", limit=3)
    rest = await services.calls.latest(use_case="other", before=first[-1].id)
    assert [each.id for each in (*first, *rest)] == [each.id for each in reversed(calls)]
    assert len(await services.calls.latest(use_case="other", status="declined")) == 3
    assert await services.calls.get(calls[0].id) == calls[0]
    with pytest.raises(NotFound):
        await services.calls.get("00000000-0000-7000-8000-000000000000")


async def test_usage_counts_the_day_and_the_month(services: Services) -> None:
    now = datetime.fromisoformat("2027-05-17T12:00:00+00:00")
    moments = [now, now.replace(hour=0), now - timedelta(days=1), now.replace(day=1, hour=0), now - timedelta(days=17)]
    calls = [
        bank.call(use_case="other", received_at=moment, input_tokens=100, output_tokens=1, cost_usd=0.5) for moment in moments
    ]
    await services.calls.ship([*calls, bank.call(use_case="other", received_at=now, cost_usd=None)], gateway="gateway-1")
    assert (await services.spending.usage(now))["other"] == Usage(
        tokens_today=230, tokens_this_month=432, usd_today=1.0, usd_this_month=2.0
    )


@pytest.mark.parametrize("name", ["calls.jsonl", "calls.jsonl.gz"])
async def test_calls_come_out_as_json_lines(services: Services, tmp_path: Path, name: str) -> None:
    output = tmp_path / name
    assert await exported(services, output) == 4
    data = gzip.decompress(output.read_bytes()) if name.endswith(".gz") else output.read_bytes()
    rows = [msgspec.json.decode(line, type=Call) for line in data.splitlines()]
    assert rows == await services.calls.latest()


async def test_calls_come_out_as_parquet(services: Services, tmp_path: Path) -> None:
    import pyarrow.parquet as parquet

    output = tmp_path / "calls.parquet"
    assert await exported(services, output) == 4
    table = parquet.read_table(output).to_pylist()
    calls = await services.calls.latest()
    assert [row["id"] for row in table] == [each.id for each in calls]
    assert [msgspec.json.decode(row["record"], type=Call) for row in table] == calls
    assert [row["received_at"] for row in table] == [each.received_at for each in calls]
    assert {row["trust"] for row in table} == {0.97, None}


async def test_an_export_appears_whole_or_not_at_all(services: Services, tmp_path: Path) -> None:
    """The disk is full: /dev/full stands in for the unfinished file."""
    folder = tmp_path / "out"
    folder.mkdir()
    for name in ("calls.jsonl", "calls.jsonl.gz", "calls.parquet"):
        (folder / f".{name}.{os.getpid()}.part").symlink_to("/dev/full")
        with pytest.raises(InputError, match="No space left on device") as raised:
            await exported(services, folder / name)
        assert raised.value.file == str(folder / name)
        assert list(folder.iterdir()) == []
    (folder / "calls.jsonl").write_text("the export of yesterday")
    (folder / f".calls.jsonl.{os.getpid()}.part").symlink_to("/dev/full")
    with pytest.raises(InputError):
        await exported(services, folder / "calls.jsonl")
    assert (folder / "calls.jsonl").read_text() == "the export of yesterday"


@pytest.mark.parametrize("name", ["calls.csv", "calls", "none/calls.jsonl", "none/calls.parquet"])
async def test_an_export_to_nowhere_is_refused(services: Services, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as raised:
        await exported(services, tmp_path / name)
    assert raised.value.file == str(tmp_path / name)


@pytest.mark.parametrize("name", ["audit.jsonl", "audit.jsonl.gz"])
async def test_an_exported_chain_verifies_offline(services: Services, tmp_path: Path, name: str) -> None:
    output = tmp_path / name
    await signs_here(services)
    exported = await export_audit(services.database, services.checkpoints, output)
    report = verify_file(output)
    assert (report.entries, report.head, report.problems) == (exported.entries, exported.head, ())
    assert report.signed_to == exported.last == exported.entries
    assert (await services.audit.verify()).problems == ()


def edits(lines: list[bytes]) -> dict[str, list[bytes]]:
    entry: dict[str, Any] = msgspec.json.decode(lines[5])

    def changed(**members: object) -> bytes:
        return msgspec.json.encode(entry | members)

    return {
        "a reason": [*lines[:5], changed(reason="another"), *lines[6:]],
        "an actor": [*lines[:5], changed(actor="user:eve"), *lines[6:]],
        "a time": [*lines[:5], changed(at="2020-01-01T00:00:00Z"), *lines[6:]],
        "a member more": [*lines[:5], changed(note="x"), *lines[6:]],
        "a member twice": [*lines[:5], lines[5].replace(b"{", b'{"actor":"user:eve",', 1), *lines[6:]],
        "a hash": [*lines[:5], changed(hash="0" * 64), *lines[6:]],
        "a removed line": [*lines[:5], *lines[6:]],
        "a removed first line": lines[1:],
        "a line twice": [*lines[:5], lines[5], *lines[5:]],
        "two lines swapped": [*lines[:5], lines[6], lines[5], *lines[7:]],
    }


async def test_every_edit_of_an_exported_chain_is_found(services: Services, tmp_path: Path) -> None:
    output = tmp_path / "audit.jsonl"
    await signs_here(services)
    await export_audit(services.database, services.checkpoints, output)
    (tmp_path / "audit.jsonl.manifest.json").unlink()
    lines = output.read_bytes().splitlines()
    for what, edited in edits(lines).items():
        output.write_bytes(b"\n".join(edited) + b"\n")
        assert verify_file(output).problems, f"{what} was edited and nobody noticed"
    output.write_bytes(b"\n".join(lines[:-1]) + b"\n")
    side = tmp_path / "checkpoints.jsonl"
    side.write_bytes(b"".join([line async for line in services.checkpoints.lines()]))
    assert verify_file(output, checkpoints=str(side)).problems, "what was cut off shows beside a checkpoint"


def test_a_file_that_is_no_chain_is_named_with_its_line(tmp_path: Path) -> None:
    output = tmp_path / "audit.jsonl"
    with pytest.raises(InputError, match="No such file"):
        verify_file(output)
    no_entries: list[tuple[bytes, int | None]] = [
        (b"", None),
        (b"\n\n", None),
        (b"nonsense\n", 1),
        (b"\xff\xfe\n", 1),
        (b"[]\n", 1),
        (b'{"sequence":1}\n', 1),
    ]
    for content, place in no_entries:
        output.write_bytes(content)
        with pytest.raises(InputError) as raised:
            verify_file(output)
        assert (raised.value.file, raised.value.line) == (str(output), place)
    broken = tmp_path / "audit.jsonl.gz"
    broken.write_bytes(b"this is not gzip")
    with pytest.raises(InputError):
        verify_file(broken)
    broken.write_bytes(gzip.compress(b"x" * 10_000)[:20])
    with pytest.raises(InputError):
        verify_file(broken)


async def test_a_chain_that_can_not_be_read_is_not_exported(services: Services, tmp_path: Path) -> None:
    async with services.database.operate() as connection:
        here = tables.audit_entries.c.sequence == 3
        await connection.execute(tables.audit_entries.update().where(here).values(document="{}"))
    with pytest.raises(AuditBroken, match="entry 3 can not be read"):
        await export_audit(services.database, services.checkpoints, tmp_path / "audit.jsonl")
    assert not (tmp_path / "audit.jsonl").exists()


async def test_the_log_is_read_by_subject(services: Services) -> None:
    entries = await services.audit.latest(subject=f"use-case/{bank.NAME}", limit=500)
    assert {each.subject for each in entries} == {f"use-case/{bank.NAME}"}
    assert [each.action for each in entries][-1] == "apply"
    assert len(await services.audit.latest(limit=3)) == 3
