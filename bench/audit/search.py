"""How long the first page of a search of the audit log takes, by what is looked for: asked by `run.py --search`."""

from __future__ import annotations

import time
from datetime import timedelta

from run import START, chain

from groundcrew.domain.audit_search import Wanted
from groundcrew.domain.canonical import canonical_json
from groundcrew.services.audit import Audit
from groundcrew.store.database import Database, lookup_columns
from groundcrew.store.rows import insert_rows
from groundcrew.store.tables import audit_entries

ROWS_PER_WRITE = 20_000
NAMES = ("sequence", "subject", "hash", "document", "at", "actor", "action", "use_case")
REPEATS = 3


async def measure(url: str, number: int) -> None:
    """Fill the database at `url` where it is empty, and print the median of REPEATS of each search in milliseconds."""
    database = await Database.open(url)
    try:
        if (await Audit(database).latest(limit=1)) == []:
            await _fill(database, number)
        middle = START + timedelta(seconds=number / 2)
        searches = {
            "everything": Wanted(),
            "one subject": Wanted(subject="use-case/case-7"),
            "a frequent beginning": Wanted(subject="use-case/"),
            "a rare beginning": Wanted(subject="calls/gateway-3*"),
            "no such beginning": Wanted(subject="nothing/"),
            "an actor": Wanted(actor="user:person-7"),
            "no such actor": Wanted(actor="user:nobody"),
            "an action": Wanted(action="sign"),
            "a use case": Wanted(use_case="case-7"),
            "an hour in the middle": Wanted(since=middle, until=middle + timedelta(hours=1)),
            "an actor in the first half": Wanted(until=middle, actor="user:person-7"),
            "a frequent text": Wanted(text="zürich"),
            "no such text": Wanted(text="nowhere"),
            "no such text in the first half": Wanted(text="nowhere", until=middle),
        }
        audit = Audit(database)
        for name, wanted in searches.items():
            times = []
            for _ in range(REPEATS):
                start = time.perf_counter()
                page = await audit.search(wanted, limit=100)
                times.append(time.perf_counter() - start)
            print(f"{name:35} {sorted(times)[REPEATS // 2] * 1_000:8.1f} ms, {len(page.entries)} entries")
    finally:
        await database.close()


async def _fill(database: Database, number: int) -> None:
    rows: list[tuple[object, ...]] = []

    async def write() -> None:
        async with database.operate() as connection:
            await insert_rows(connection, audit_entries, NAMES, rows)
        rows.clear()

    for entry in chain(number):
        columns = lookup_columns(entry)
        rows.append((entry.sequence, entry.subject, entry.hash, canonical_json(entry).decode(), *columns.values()))
        if len(rows) == ROWS_PER_WRITE:
            await write()
    if rows:
        await write()
