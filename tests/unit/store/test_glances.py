"""Small questions put to the embedded database at once: the answers are those of a transaction, whatever becomes of the file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import sqlalchemy as sa

from groundcrew.store.database import Database
from groundcrew.store.glances import Glances, is_there
from groundcrew.store.jobs import WAITS
from groundcrew.store.tables import job_runs, snapshot_version

VERSION = sa.select(snapshot_version.c.version)


async def test_a_glance_sees_what_was_committed_by_whomever_and_nothing_else(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a b?.db'}"
    one, other = await Database.open(url), await Database.open(url)
    try:
        assert await one.glance(VERSION) == [(await one.version(),)]
        async with other.write("ann") as writer:
            await writer.touch_snapshot()
            before = await one.version()
        assert await one.version() == before + 1
    finally:
        await one.close()
        await other.close()


async def test_a_question_is_answered_also_where_the_file_gives_no_answer_at_once(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite:///{tmp_path / 'a.db'}")
    try:
        assert await database.glance(WAITS) == []
        async with database.operate() as connection:
            values = {each.name: 0 for each in job_runs.columns} | {"id": "a", "kind": "k", "failures": "[]", "checkpoint": "{}"}
            await connection.execute(job_runs.insert().values(**(values | {"place": None, "owner": None})))
        assert len(await database.glance(WAITS)) == 1
        assert len(await database.glance(is_there(job_runs, job_runs.c.id == "it's"))) == 0
    finally:
        await database.close()


def test_a_file_that_is_no_database_gives_no_answer_and_no_error(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"no database" * 1_000)
    glances = Glances(str(path))
    assert glances.rows(VERSION) is None
    path.unlink()
    assert glances.rows(VERSION) is None, "a file without the table"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE snapshot_version (version INTEGER)")
        connection.execute("INSERT INTO snapshot_version VALUES (7)")
    connection.close()
    assert glances.rows(VERSION) == [(7,)]
    glances.close()
