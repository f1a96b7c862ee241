"""How long importing outcomes takes: a file of ROWS outcomes through the product (checked, bound, audited, durable), against a
floor that inserts the same rows with plain `executemany` in the same run.

    python bench/evidence/outcomes_import.py [--rows 1000000] [--format csv|jsonl|parquet] [--postgres]

Rows are shuffled, spread over three metrics and two arms. `again` imports the same file a second time, which changes nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from tests import postgres
from tests.unit.services import bank

from groundcrew.services import job_files, outcome_import
from groundcrew.services.bundle import Services
from groundcrew.services.job_runner import run
from groundcrew.services.outcome_files import BATCH_ROWS
from groundcrew.store import tables
from groundcrew.store.database import Database

METRICS = ("handle_time", "complaint", "reopened")


def make(path: Path, rows: int) -> None:
    """Write the file: `rows` outcomes of a third as many cases, shuffled."""
    chance = random.Random(5)
    order = list(range(rows))
    chance.shuffle(order)
    columns: dict[str, list[object]] = {
        "metric": [METRICS[each % 3] for each in order],
        "value": [round(chance.gauss(600, 90), 3) for _ in order],
        "case_id": [f"mail-{each // 3:07d}" for each in order],
        "unit": ["s" if each % 3 == 0 else "" for each in order],
        "unit_id": [f"ticket-{each // 3:07d}" for each in order],
        "arm": ["treatment" if each // 3 % 2 else "control" for each in order],
        "cluster": [f"agent-{each // 3 % 40:02d}" for each in order],
        "at": [f"2026-02-{1 + each % 28:02d}T{each % 24:02d}:00:00Z" for each in order],
    }
    table = pa.table(columns)
    if path.suffix == ".csv":
        pa.csv.write_csv(table, path)
    elif path.suffix == ".parquet":
        pa.parquet.write_table(table, path)
    else:
        with path.open("w") as file:
            for row in table.to_pylist():
                file.write(json.dumps(row) + "\n")


class Taken(NamedTuple):
    """Seconds by the clock, and of this process's processors: where others use them too, only the second compares."""

    wall_s: float
    cpu_s: float

    def __str__(self) -> str:
        return f"{self.wall_s:.1f} s ({self.cpu_s:.1f} s of processors)"


@contextmanager
def measured(into: list[Taken]) -> Iterator[None]:
    """Append how long the block took."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    into.append(Taken(time.perf_counter() - wall, time.process_time() - cpu))


async def product(url: str, folder: Path, path: Path) -> list[Taken]:
    """The first import, and importing the file again."""
    services = Services(await Database.open(url), folder / "knowledge")
    await services.gates.publish_defaults()
    await bank.apply(services, hypothesis=bank.plan())
    taken: list[Taken] = []
    for _ in range(2):
        with measured(taken):
            name = job_files.adopt(services.jobs.folder, path)
            kind = outcome_import.format_of(path.name)
            job = await outcome_import.submit(services.jobs, bank.NAME, name, name=path.name, kind=kind, actor="user:bench")
            task = await services.jobs.claim([job.kind], job_id=job.id)
            assert task is not None
            done = await run(services, task)
        assert done is not None, "the job goes on elsewhere"
        assert done.state == "done", done.error
    await services.database.close()
    return taken


def sqlite_floor(database: Path, target: Path) -> Taken:
    """`executemany` puts the same rows, with the same indexes, into a database of its own."""
    wanted = "SELECT sql FROM sqlite_master WHERE tbl_name = 'outcomes' AND sql IS NOT NULL"
    with sqlite3.connect(database) as source:
        found = source.execute("SELECT * FROM outcomes ORDER BY id").fetchall()
        schema = [row[0] for row in source.execute(wanted)]
    taken: list[Taken] = []
    with sqlite3.connect(target) as made, measured(taken):
        made.execute("PRAGMA journal_mode=WAL")
        for statement in schema:
            made.execute(statement)
        marks = ", ".join("?" * len(found[0]))
        for place in range(0, len(found), BATCH_ROWS):
            made.executemany(f"INSERT INTO outcomes VALUES ({marks})", found[place : place + BATCH_ROWS])
            made.commit()
    return taken[0]


async def postgres_floor(url: str) -> Taken:
    """The same in PostgreSQL, in a table of the same shape beside the product's."""
    import asyncpg

    connection = await asyncpg.connect(url)
    found = [tuple(row) for row in await connection.fetch("SELECT * FROM outcomes ORDER BY id")]
    await connection.execute("CREATE TABLE floor (LIKE outcomes INCLUDING ALL)")
    marks = ", ".join(f"${place + 1}" for place in range(len(tables.outcomes.columns)))
    taken: list[Taken] = []
    with measured(taken):
        for place in range(0, len(found), BATCH_ROWS):
            async with connection.transaction():
                await connection.executemany(f"INSERT INTO floor VALUES ({marks})", found[place : place + BATCH_ROWS])
    await connection.close()
    return taken[0]


def report(database: str, rows: int, taken: list[Taken], floor: Taken) -> None:
    """One line."""
    ratio = f"ratio {taken[0].wall_s / floor.wall_s:.2f} by the clock, {taken[0].cpu_s / floor.cpu_s:.2f} of processors"
    print(f"{database}, {rows} rows: {taken[0]}; again {taken[1]}; floor {floor}; {ratio}", flush=True)


def main() -> None:
    """Measure and print one line for each database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--format", choices=("csv", "jsonl", "parquet"), default="csv")
    parser.add_argument("--postgres", action="store_true", help="PostgreSQL too")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / f"outcomes.{asked.format}"
        make(path, asked.rows)
        database = folder / "groundcrew.db"
        taken = asyncio.run(product(f"sqlite:///{database}", folder, path))
        report("SQLite", asked.rows, taken, sqlite_floor(database, folder / "floor.db"))
        if asked.postgres:
            with postgres.running_server() as server:
                url = server.url(server.create_database())
                taken = asyncio.run(product(url, folder, path))
                report("PostgreSQL", asked.rows, taken, asyncio.run(postgres_floor(url)))


if __name__ == "__main__":
    main()
