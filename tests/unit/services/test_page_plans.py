"""No figure of a page is paid for by the number of records: every statement that the page of a use case sends finds its rows by
an index, and none walks along, or sorts, all calls, ratings, outcomes or drawn answers."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.unit.services import bank

from groundcrew.domain.identifiers import new_id
from groundcrew.domain.user import User
from groundcrew.services.bundle import Services
from groundcrew.services.views import Views
from groundcrew.testing import FakeClock

#: Tables that grow with use, and the indexes by which a page may look into them: each finds the newest rows in their order, or
#: single rows.
GROWING = {
    "calls": {
        "ix_calls_served_use_case_id",
        "ix_calls_served_use_case_status_id",
        "ix_calls_served_id",
        "ix_calls_copies_use_case_version_digest_id",
        "sqlite_autoindex_calls_1",
    },
    "ratings": {"ix_ratings_use_case_version_digest_sample_at_id"},
    # Which outcomes a registered hypothesis is decided on is read when they change, not when a page is asked for.
    "outcomes": {"ix_outcomes_use_case_metric_case_id", "ix_outcomes_batch"},
    "label_draws": {"ix_label_draws_use_case_version_digest_batch", "ix_label_draws_use_case_version_digest_id"},
    "sign_offs": {
        "ix_sign_offs_state_expires_at_use_case",
        "ix_sign_offs_use_case_state_id",
        "ix_sign_offs_state_qualification_due_at",
        "ix_sign_offs_review_use_case",
    },
    "audit_entries": {"ix_audit_entries_subject_sequence", "sqlite_autoindex_audit_entries_1"},
}
#: Whose signatures the header counts.
SIGNER = User(
    name="lin",
    password_hash="",
    roles=("reviewer",),
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    qualifications=("service-agent", "radiologist"),
)
#: Statements that one page may send; more of them than this is a loop over something that grows.
STATEMENTS_MAX = 150


@pytest.fixture
async def services(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    clock = FakeClock()
    async with bank.opened(sqlite_url, tmp_path, clock) as services:
        await bank.in_pilot(services)
        await bank.record_results(services, clock)
        digest, now = await bank.digest_of(services), clock.now()
        served = [bank.call(id=new_id(), version_digest=digest, received_at=now - timedelta(hours=each)) for each in range(30)]
        copies = [bank.call(id=new_id(), version_digest=digest, received_at=now, shadow_of=each.id) for each in served[:10]]
        await services.calls.ship([*served, *copies], gateway="gateway-1")
        yield services


async def statements_of_a_page(services: Services) -> list[tuple[str, object]]:
    """What the page of a use case, its header and the portfolio send, the second time that they are asked for."""
    views = Views(services.database)

    async def page() -> None:
        await views.use_case(bank.NAME)
        await views.activity(bank.NAME, hours=48)
        await views.latency(bank.NAME)
        await views.overview()
        await services.sign_off_reading.count(SIGNER)
        await views.portfolio()
        await services.calls.latest(use_case=bank.NAME, limit=15)
        await services.calls.latest(use_case=bank.NAME, status="declined", limit=15)
        await services.shadows.compare(bank.NAME, meanings=False, pairs_max=200)

    await page()
    sent: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        sent.append((statement, parameters))

    engine = services.database._engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        await page()
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    return sent


async def test_no_statement_of_a_page_reads_records_in_proportion_to_their_number(services: Services) -> None:
    sent = await statements_of_a_page(services)
    assert 20 < len(sent) <= STATEMENTS_MAX
    assert {"calls", "ratings", "audit_entries", "label_draws", "sign_offs"} <= {_growing(each) for each, _ in sent}
    wrong = []
    async with services.database.read() as connection:
        for statement, parameters in sent:
            plan = [row[3] for row in (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)).all()]  # type: ignore[arg-type]
            wrong += [f"{step}: {statement}" for step in plan if not _bounded(step, plan, statement)]
    assert wrong == []


async def test_the_sums_answer_without_any_call(services: Services) -> None:
    """What is shown of many calls is there though the calls themselves can not be read."""
    await Views(services.database).use_case(bank.NAME)  # what a case costs is estimated from the newest calls, now and then
    async with services.database.operate() as connection:
        await connection.exec_driver_sql("ALTER TABLE calls RENAME TO calls_away")
    view = await Views(services.database).use_case(bank.NAME)
    assert view.status_counts == {"answered": 150}
    assert view.cost_usd == pytest.approx(0.015)
    assert sum(sum(counts.values()) for _, counts in await Views(services.database).activity(bank.NAME, hours=48)) >= 30


def _growing(statement: str) -> str | None:
    return next((name for name in GROWING if re.search(rf"(FROM|JOIN) {name}\b", statement)), None)


def _bounded(step: str, plan: list[str], statement: str) -> bool:
    """Whether a step of a plan reads a bounded number of a growing table's rows."""
    table = _growing(statement)
    if table is None:
        return True
    if step.startswith("SCAN"):
        # Along an index in its order, for as many rows as are wanted.
        index = re.search(r"USING (?:COVERING )?INDEX (\S+)", step)
        return index is not None and "LIMIT" in statement and index.group(1) in GROWING[table]
    if step.startswith("SEARCH"):
        index = re.search(r"USING (?:COVERING )?INDEX (\S+)", step)
        return index is not None and index.group(1) in GROWING[table]
    return not (step.startswith("USE TEMP B-TREE FOR ORDER BY") and "LIMIT" in statement)
