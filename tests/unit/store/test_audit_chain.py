"""The audit log finds every edit: of any column of any audited row, of a batch, of the chain itself, and of where it ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.audit import AuditEntry, seal
from groundcrew.domain.canonical import canonical_json
from groundcrew.services.audit import PROBLEMS_MAX
from groundcrew.services.bundle import Services
from groundcrew.store import deciding, tables
from groundcrew.store.audit import BATCHED, SINGLE
from groundcrew.store.database import lookup_columns

#: Rows that are operational and not part of the record.
UNAUDITED = {
    "snapshot_version",
    "enforcement_points",
    "sessions",
    "sign_off_claims",
    "key_uses",
    "spending",
    "budget_holds",
    "label_leases",
    "job_runs",
    "delivery_runs",
    "rating_leases",
    "link_secrets",
    "meeting_pulses",
    "tuning_steps",
    "call_sums",
    "call_spreads",
    "rating_sums",
    "outcome_sums",
    "alert_tracks",
    "alert_turns",
    "gateway_health",
    "drift_mark",
    "drift_calls",
    "drift_monitors",
    # Copies of documents that the log has digests of; edits are found all the same (tests/unit/services/test_audit_context.py).
    "kept_documents",
}
AUDITED = [table for table in tables.metadata.sorted_tables if table.name not in UNAUDITED]
NOUNS = {collection.table: collection.noun for collection in SINGLE}
OF_BATCHES = {collection.table for collection in BATCHED}
#: What the rows of every other table are held against.
CHAIN = (tables.audit_entries, tables.audit_head, deciding.AUDIT_KEYS.table, deciding.CHECKPOINTS.table)
Row = dict[str, Any]
T = TypeVar("T")


async def problems(services: Services) -> tuple[str, ...]:
    return (await services.audit.verify()).problems


async def rows_of(services: Services, table: sa.Table) -> list[Row]:
    async with services.database.read() as connection:
        query = sa.select(table).order_by(*table.primary_key.columns)
        return [dict(row) for row in (await connection.execute(query)).mappings()]


async def replace_rows(services: Services, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put `rows` in place of the whole table, behind the back of everything that keeps the record."""
    async with services.database.operate() as connection:
        await connection.execute(table.delete())
        if rows:
            await connection.execute(table.insert(), list(rows))


@asynccontextmanager
async def tampered(services: Services, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> AsyncIterator[tuple[str, ...]]:
    """What verification finds while `table` holds `rows` instead of its own."""
    async with all_tampered(services, {table: rows}) as found:
        yield found


@asynccontextmanager
async def all_tampered(
    services: Services, changed: Mapping[sa.Table, Sequence[Mapping[str, Any]]]
) -> AsyncIterator[tuple[str, ...]]:
    """What one verification finds while several tables hold other rows than their own."""
    before = {table: await rows_of(services, table) for table in changed}
    for table, rows in changed.items():
        await replace_rows(services, table, rows)
    try:
        yield await problems(services)
    finally:
        for table, rows in before.items():
            await replace_rows(services, table, rows)


def together(table_places: Mapping[sa.Table, Sequence[T]], most: int) -> Iterator[dict[sa.Table, T]]:
    """Every place of every table once, up to `most` tables at a time, each at one of its places: a verification reads all tables,
    and what it says of each row names that row. What the chain itself is made of is looked at alone."""
    left = {table: list(places) for table, places in table_places.items() if places}
    while left:
        alone = [table for table in left if table in CHAIN]
        taken = alone[:1] or sorted(left, key=lambda table: (-len(left[table]), table.name))[:most]
        yield {table: left[table].pop() for table in taken}
        left = {table: places for table, places in left.items() if places}


def is_said(table: sa.Table, row: Row, found: Sequence[str]) -> bool:
    """Whether something in `found` is about this very row, or about the batch that it came in."""
    if table in CHAIN:
        return bool(found)
    if table in OF_BATCHES:
        return any(f"batch {row['batch']}: " in line for line in found)
    return any(line.startswith(f"{NOUNS[table]}/{row['id']}: ") for line in found)


def other(value: Any) -> Any:
    """Another value of the same type."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1_000
        case None:
            return "added"
        case _:
            return f"{value}-edited"


def edited(table: sa.Table, row: Row, column: sa.Column[Any]) -> Row:
    value = other(row[column.name])
    if row[column.name] is None and not isinstance(column.type, sa.Text):
        value = isinstance(column.type, sa.Boolean) or 1.5
    if column.name == "document":
        # Still a document of the same kind: only its content differs, as of somebody who knows what they do.
        for before, after in (('":"', '":"x'), (":true", ":false"), (":1", ":2")):
            if before in value:
                value = value.replace(before, after, 1)
                break
    return row | {column.name: value}


@pytest.fixture
async def services(database_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    clock = prepared.copy("history", database_url)
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        yield services


async def test_every_kind_of_row_is_audited(services: Services) -> None:
    """A table that is added later is either verified or named here as operational."""
    verified = {collection.table.name for collection in (*SINGLE, *BATCHED)} | {"audit_entries", "audit_head"}
    assert verified == {table.name for table in AUDITED}
    for table in AUDITED:
        assert await rows_of(services, table), f"the history leaves {table.name} empty"
    assert await problems(services) == ()


def test_a_finding_can_be_told_from_every_other() -> None:
    """Several tables are tampered with at once below: no two of them may be spoken of by the same name."""
    assert len(set(NOUNS.values())) == len(NOUNS)
    assert {*NOUNS, *OF_BATCHES, tables.audit_entries, tables.audit_head} == set(AUDITED)


async def test_an_edit_of_any_column_is_found(services: Services) -> None:
    whole = {table: await rows_of(services, table) for table in AUDITED}
    places = {
        table: [(position, column) for position in sorted({0, len(rows) - 1}) for column in table.columns]
        for table, rows in whole.items()
    }
    for chosen in together(places, PROBLEMS_MAX // 2):
        changed = {}
        for table, (position, column) in chosen.items():
            rows = whole[table]
            changed[table] = [*rows[:position], edited(table, rows[position], column), *rows[position + 1 :]]
        async with all_tampered(services, changed) as found:
            for table, (position, column) in chosen.items():
                what = f"{table.name}.{column.name} of row {position} was edited and nobody noticed"
                assert is_said(table, whole[table][position], found), what
    assert await problems(services) == ()


async def test_a_deleted_row_is_found(services: Services) -> None:
    whole = {table: await rows_of(services, table) for table in AUDITED if table is not tables.audit_entries}
    places = {table: range(len(rows)) for table, rows in whole.items()}
    for chosen in together(places, PROBLEMS_MAX):
        changed = {table: [*whole[table][:position], *whole[table][position + 1 :]] for table, position in chosen.items()}
        async with all_tampered(services, changed) as found:
            for table, position in chosen.items():
                what = f"row {position} of {table.name} was deleted and nobody noticed"
                assert is_said(table, whole[table][position], found), what
    assert await problems(services) == ()


async def test_a_deleted_entry_is_found(services: Services) -> None:
    """Each of the log: several at a time, no two of them neighbours, and each leaves a gap that is named."""
    rows = await rows_of(services, tables.audit_entries)
    step = 2 * len(rows) // PROBLEMS_MAX + 1
    assert step > 1
    for first in range(step):
        gone = [row["sequence"] for row in rows[first::step]]
        async with tampered(services, tables.audit_entries, [row for row in rows if row["sequence"] not in gone]) as found:
            for sequence in gone:
                gap = f"entry {sequence + 1}: expected sequence {sequence}; an entry was removed, inserted or moved"
                end = f"the chain ends at entry {sequence - 1}, and {sequence} was noted as its end"
                assert any(line.startswith(gap if sequence < len(rows) else end) for line in found), f"entry {sequence}"
    assert await problems(services) == ()


async def test_an_emptied_table_is_found(services: Services) -> None:
    whole = {table: await rows_of(services, table) for table in AUDITED}
    for many in (1, 2, 4, max(map(len, whole.values()))):
        due = {table: [whole.pop(table)] for table, rows in list(whole.items()) if len(rows) <= many}
        for chosen in together(due, max(1, PROBLEMS_MAX // many)):
            async with all_tampered(services, dict.fromkeys(chosen, ())) as found:
                for table, rows in chosen.items():
                    assert all(is_said(table, row, found) for row in rows), f"{table.name} was emptied and nobody noticed"
    assert not whole
    assert await problems(services) == ()


async def test_an_inserted_row_is_found(services: Services) -> None:
    whole = {table: await rows_of(services, table) for table in AUDITED}
    for chosen in together({table: [rows] for table, rows in whole.items()}, PROBLEMS_MAX):
        copies = {}
        for table, rows in chosen.items():
            keys = [column.name for column in table.primary_key.columns]
            copy = rows[0] | {key: "zzz" if isinstance(rows[0][key], str) else 9_999 for key in keys}
            copies[table] = copy | {name: "f" * 64 for name in ("sha256", "slot") if name in copy}
        async with all_tampered(services, {table: [*whole[table], copy] for table, copy in copies.items()}) as found:
            for table, copy in copies.items():
                assert is_said(table, copy, found), f"a row was inserted into {table.name} and nobody noticed"
    assert await problems(services) == ()


async def test_swapped_documents_are_found(services: Services) -> None:
    whole = {table: await rows_of(services, table) for table in AUDITED}
    several = {table: [rows] for table, rows in whole.items() if len(rows) > 1 and "document" in rows[0]}
    for chosen in together(several, PROBLEMS_MAX // 2):
        swapped = {
            table: [one | {"document": two["document"]}, two | {"document": one["document"]}, *others]
            for table, (one, two, *others) in chosen.items()
        }
        async with all_tampered(services, swapped) as found:
            for table, rows in chosen.items():
                said = all(is_said(table, row, found) for row in rows[:2])
                assert said, f"two documents of {table.name} were swapped and nobody noticed"


async def test_entries_in_another_order_are_found(services: Services) -> None:
    rows = await rows_of(services, tables.audit_entries)
    for first in (0, len(rows) // 2, len(rows) - 2):
        renumbered = list(rows)
        renumbered[first] = rows[first + 1] | {"sequence": rows[first]["sequence"]}
        renumbered[first + 1] = rows[first] | {"sequence": rows[first + 1]["sequence"]}
        async with tampered(services, tables.audit_entries, renumbered) as found:
            assert found


async def test_a_cut_off_end_is_found_though_the_rest_is_a_whole_chain(services: Services) -> None:
    """The newest entries say that a version changed: no row of a table vouches for them."""
    rows = await rows_of(services, tables.audit_entries)
    assert rows[-1]["subject"].startswith("version/")
    async with tampered(services, tables.audit_entries, rows[:-1]) as found:
        assert len(found) == 1
        assert f"ends at entry {len(rows) - 1}, and {len(rows)} was noted" in found[0]


async def test_an_entry_before_the_first_is_found(services: Services) -> None:
    rows = await rows_of(services, tables.audit_entries)
    for sequence in (-1, 0):
        async with tampered(services, tables.audit_entries, [rows[3] | {"sequence": sequence}, *rows]) as found:
            assert found


async def test_a_forged_entry_at_the_end_is_found(services: Services) -> None:
    """It follows the chain and hashes right, and its row is not what it says."""
    rows = await rows_of(services, tables.audit_entries)
    use_case = (await rows_of(services, tables.use_cases))[0]
    forged = seal(
        AuditEntry(
            sequence=len(rows) + 1,
            at=datetime(2026, 3, 2, tzinfo=UTC),
            actor="user:maria",
            action="advance",
            subject=f"use-case/{use_case['id']}",
            subject_digest="0" * 64,
            reason="forged",
            details={},
            previous_hash=rows[-1]["hash"],
            hash="",
        )
    )
    row = {
        "sequence": forged.sequence,
        "subject": forged.subject,
        "hash": forged.hash,
        "document": canonical_json(forged).decode(),
        **lookup_columns(forged),
    }
    async with tampered(services, tables.audit_entries, [*rows, row]) as found:
        assert any("noted as its end" in line for line in found)
        assert any(f"use-case/{use_case['id']}: differs" in line for line in found)


async def test_entries_that_can_not_be_read_are_problems_and_no_crash(services: Services) -> None:
    rows = await rows_of(services, tables.audit_entries)
    for document in ("", "no JSON", "[]", '{"sequence": 1}', "\U0001f680"):
        async with tampered(services, tables.audit_entries, [rows[0] | {"document": document}, *rows[1:]]) as found:
            assert "entry 1: can not be read; it was edited" in found


async def test_a_field_smuggled_into_an_entry_is_found(services: Services) -> None:
    rows = await rows_of(services, tables.audit_entries)
    document = rows[0]["document"].removesuffix("}") + ',"approved_by":"user:anna"}'
    async with tampered(services, tables.audit_entries, [rows[0] | {"document": document}, *rows[1:]]) as found:
        assert found


async def test_bytes_where_text_belongs_are_found(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    """SQLite stores whatever type it is given."""
    prepared.copy("history", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, bare=True) as services:
        for table in (tables.use_cases, tables.calls):
            async with services.database.operate() as connection:
                await connection.exec_driver_sql(f"UPDATE {table.name} SET document = CAST(document AS BLOB)")
            assert await problems(services)


async def test_problems_name_what_was_touched(services: Services) -> None:
    rows = await rows_of(services, tables.use_cases)
    async with tampered(services, tables.use_cases, [rows[0] | {"stage": "scale"}, *rows[1:]]) as found:
        assert found == (f"use-case/{bank.NAME}: differs from its newest audit entry; it was edited",)
    calls = await rows_of(services, tables.calls)
    async with tampered(services, tables.calls, calls[1:]) as found:
        assert len(found) == 1
        assert found[0].startswith(f"call batch {calls[0]['batch']}: its rows differ")
