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
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from tests import postgres
from tests.unit.services import bank

from groundcrew.services import job_files, outcome_import
from groundcrew.services.bundle import Services
from groundcrew.services.job_runner import run
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


async def product(url: str, folder: Path, path: Path) -> tuple[float, float]:
    """Seconds of the first import, and of importing the file again."""
    services = Services(await Database.open(url), folder / "knowledge")
    await services.gates.publish_defaults()
    await bank.apply(services, hypothesis=bank.plan())
    taken = []
    for _ in range(2):
        start = time.perf_counter()
        name = job_files.adopt(services.jobs.folder, path)
        kind = outcome_import.format_of(path.name)
        job = await outcome_import.submit(services.jobs, bank.NAME, name, name=path.name, kind=kind, actor="user:bench")
        task = await services.jobs.claim([job.kind], job_id=job.id)
        assert task is not None
        done = await run(services, task)
        taken.append(time.perf_counter() - start)
        assert done is not None, "the job goes on elsewhere"
        assert done.state == "done", done.error
        print("  ", done.result)
    await services.database.close()
    return taken[0], taken[1]


def sqlite_floor(database: Path, target: Path) -> float:
    """Seconds in which `executemany` puts the same rows, with the same indexes, into a database of its own."""
    with sqlite3.connect(database) as source:
        found = source.execute("SELECT * FROM outcomes ORDER BY id").fetchall()
        schema = [
            row[0] for row in source.execute("SELECT sql FROM sqlite_master WHERE tbl_name = 'outcomes' AND sql IS NOT NULL")
        ]
    start = time.perf_counter()
    with sqlite3.connect(target) as made:
        made.execute("PRAGMA journal_mode=WAL")
        for statement in schema:
            made.execute(statement)
        marks = ", ".join("?" * len(found[0]))
        for place in range(0, len(found), 10_000):
            made.executemany(f"INSERT INTO outcomes VALUES ({marks})", found[place : place + 10_000])
            made.commit()
    return time.perf_counter() - start


async def postgres_floor(url: str) -> float:
    """The same in PostgreSQL, in a table of the same shape beside the product's."""
    import asyncpg

    connection = await asyncpg.connect(url)
    found = [tuple(row) for row in await connection.fetch("SELECT * FROM outcomes ORDER BY id")]
    await connection.execute("CREATE TABLE floor (LIKE outcomes INCLUDING ALL)")
    marks = ", ".join(f"${place + 1}" for place in range(len(tables.outcomes.columns)))
    start = time.perf_counter()
    for place in range(0, len(found), 10_000):
        async with connection.transaction():
            await connection.executemany(f"INSERT INTO floor VALUES ({marks})", found[place : place + 10_000])
    taken = time.perf_counter() - start
    await connection.close()
    return taken


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
        first, again = asyncio.run(product(f"sqlite:///{database}", folder, path))
        floor = sqlite_floor(database, folder / "floor.db")
        print(
            f"SQLite {asked.rows} rows {asked.format}: {first:.1f} s, again {again:.1f} s, floor {floor:.1f} s, ratio {first / floor:.2f}"
        )
        if asked.postgres:
            with postgres.running_server() as server:
                url = server.url(server.create_database())
                first, again = asyncio.run(product(url, folder, path))
                floor = asyncio.run(postgres_floor(url))
            print(
                f"PostgreSQL {asked.rows} rows: {first:.1f} s, again {again:.1f} s, floor {floor:.1f} s, ratio {first / floor:.2f}"
            )


if __name__ == "__main__":
    main()
