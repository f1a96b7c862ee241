"""Sums that are kept as rows come are the sums of the rows, whatever came in whatever order."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.services import bank
from tests.unit.store.sums import rolled_up_alike

from groundcrew.domain.call import Call
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.trust import TrustReport
from groundcrew.services.bundle import Services
from groundcrew.services.calls import Calls
from groundcrew.services.feedback import NewOutcome, NewRating
from groundcrew.services.gate_facts import gather
from groundcrew.services.rating_figures import rating_figures
from groundcrew.stats.confidence_sequences import betting_sequence
from groundcrew.store import rating_sums, rollups, tables
from groundcrew.store.database import Database

START = datetime(2026, 3, 3, 10, tzinfo=UTC)
MOMENTS = st.integers(0, 60 * 24 * 5).map(lambda minutes: START + timedelta(minutes=minutes))
TRUST = st.one_of(
    st.none(),
    st.just(TrustReport(trust=None, state="no_claims")),
    st.floats(0, 1).map(lambda trust: TrustReport(trust=trust, state="supported" if trust > 0.5 else "unsupported")),
)
CALLS = st.lists(
    st.fixed_dictionaries(
        {
            "use_case": st.sampled_from([bank.NAME, "other"]),
            "version_digest": st.sampled_from(["a" * 64, "b" * 64]),
            "status": st.sampled_from(["answered", "declined", "held", "failed", "opened"]),
            "received_at": MOMENTS,
            "trust": TRUST,
            "cost_usd": st.one_of(st.none(), st.floats(0, 1e3), st.floats(allow_nan=False, allow_infinity=False)),
            "input_tokens": st.integers(-5, 2**63 - 1),
            "sample": st.booleans(),
            "latency_ms": st.one_of(st.just({}), st.floats(0, 1e6).map(lambda total: {"total": total})),
            "shadow_of": st.sampled_from([None, None, None, "another"]),
            "trial": st.sampled_from([None, None, None, "evaluation-1"]),
        }
    ),
    max_size=30,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=CALLS, size=st.integers(1, 12))
def test_sums_of_random_calls_are_what_their_rows_add_up_to(rows: list[dict[str, Any]], size: int) -> None:
    async def work(folder: Path) -> None:
        database = await Database.open(f"sqlite:///{folder / 'groundcrew.db'}")
        try:
            calls = [bank.call(id=new_id(), **row) for row in rows]
            for start in range(0, len(calls), size):
                batch = calls[start : start + size]
                # What is sent again counts once.
                await Calls(database).ship([*batch, *batch[:1]], gateway="gateway-1")
                await Calls(database).ship(batch, gateway="gateway-1")
            await rolled_up_alike(database)
            await _as_counted(database, calls)
        finally:
            await database.close()

    with tempfile.TemporaryDirectory() as name:
        asyncio.run(work(Path(name)))


async def _as_counted(database: Database, calls: list[Call]) -> None:
    served = [each for each in calls if each.shadow_of is None and each.trial is None]
    async with database.read() as connection:
        found = await rollups.status_counts(connection, bank.NAME)
        assert found == Counter(
            (each.status, each.trust.state if each.trust else "") for each in served if each.use_case == bank.NAME
        )
        version = [each for each in served if each.use_case == bank.NAME and each.version_digest == "a" * 64 and not each.sample]
        known = [each.cost_usd for each in version if each.cost_usd is not None]
        cost = await rollups.total_cost(connection, bank.NAME, "a" * 64)
        if len(known) < len(version):
            assert cost is None
        elif not known or max(map(abs, known)) < 1e6:
            assert cost == pytest.approx(sum(max(0.0, each) for each in known), abs=1e-6)
        hours = await rollups.hourly_counts(connection, bank.NAME, since=START + timedelta(days=1))
        assert sum(hours.values()) == sum(
            each.use_case == bank.NAME and each.received_at >= START + timedelta(days=1) for each in served
        )
        today = await rollups.calls_of_day(connection, START.date())
        assert today.get("other", 0) == sum(each.use_case == "other" and each.received_at.day == 3 for each in served)


RATINGS = st.lists(
    st.tuples(
        st.integers(1, 5), st.sampled_from(["anna", "beat"]), st.integers(0, 5), MOMENTS, st.sampled_from([None, True, False])
    ),
    max_size=25,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=RATINGS, looks=st.sets(st.integers(0, 25)))
def test_ratings_that_are_replaced_or_come_late_count_once_and_in_their_order(
    rows: list[tuple[int, str, int, datetime, bool | None]], looks: set[int]
) -> None:
    async def work(folder: Path) -> None:
        async with bank.opened(f"sqlite:///{folder / 'groundcrew.db'}", folder) as services:
            for number, (stars, rater, case, at, harm) in enumerate(rows):
                new = NewRating(stars=stars, rater=rater, use_case=bank.NAME, case_id=f"case-{case}", at=at, critical_harm=harm)
                await services.feedback.rate(new, actor="system:ratings")
                if number in looks:
                    await _figures_hold(services)
            await _figures_hold(services)
            await rolled_up_alike(services.database)

    with tempfile.TemporaryDirectory() as name:
        asyncio.run(work(Path(name)))


async def _figures_hold(services: Services) -> None:
    """The page's figures are those of the newest rating of each rater and case, along their order."""
    digest = await bank.digest_of(services)
    async with services.database.read() as connection:
        found = await rating_figures(connection, bank.NAME, digest, sample=False)
    newest: dict[tuple[str, str | None], Any] = {}
    for each in sorted(await services.feedback.ratings(bank.NAME), key=lambda each: (each.at, each.id)):
        newest.pop((each.rater, each.case_id), None)
        newest[each.rater, each.case_id] = each
    interval = betting_sequence([float(each.stars) for each in newest.values()], minimum=1, maximum=5)
    assert found.counts == tuple(sum(each.stars == star for each in newest.values()) for star in range(1, 6))
    assert (found.lower, found.upper) == pytest.approx((interval.lower, interval.upper))
    assert found.harms == sum(each.critical_harm is True for each in newest.values())
    assert found.asked == sum(each.critical_harm is not None for each in newest.values())


async def test_outcomes_that_are_corrected_count_once(database_url: str, tmp_path: Path) -> None:
    async with bank.opened(database_url, tmp_path) as services:
        rows = bank.outcomes(START, units=4)
        await services.feedback.add_outcomes(bank.NAME, rows, actor="system:tickets")
        corrected = [msgspec.structs.replace(each, value=each.value + 1) for each in rows[:5]]
        await services.feedback.add_outcomes(bank.NAME, corrected, actor="system:tickets")
        twice = (
            NewOutcome(metric="handle_time", case_id="new", value=1.0),
            NewOutcome(metric="handle_time", case_id="new", value=2.0),
        )
        await services.feedback.add_outcomes(bank.NAME, twice, actor="system:tickets")
        await rolled_up_alike(services.database)
        async with services.database.read() as connection:
            every = (await connection.execute(sa.select(tables.outcome_sums))).all()
        assert sum(each.outcomes for each in every) == len(rows) + 1
        expected = sum(each.value for each in corrected + rows[5:]) + 2.0
        assert sum(each.total for each in every) == pytest.approx(expected)


async def test_edited_sums_are_found_and_made_anew(database_url: str, tmp_path: Path) -> None:
    async with bank.opened(database_url, tmp_path) as services:
        await services.calls.ship([bank.call() for _ in range(4)], gateway="gateway-1")
        await services.feedback.rate_many(bank.ratings(5, stars=2), actor="system:ratings")
        await services.feedback.add_outcomes(bank.NAME, bank.outcomes(START, units=2), actor="system:tickets")
        digest = await bank.digest_of(services)
        for table, column, kind in (
            (tables.call_sums, "calls", "calls"),
            (tables.call_spreads, "calls", "the spread of calls"),
            (tables.rating_sums, "five", "ratings"),
            (tables.outcome_sums, "total", "outcomes"),
        ):
            async with services.database.operate() as connection:
                await connection.execute(table.update().values({column: table.c[column] + 50}))
            (problem,) = (await services.audit.verify()).problems
            assert f"sums of {kind}:" in problem
            await services.audit.rebuild_sums(actor="cli:anna")
            assert (await services.audit.verify()).problems == ()
        async with services.database.read() as connection:
            found = await rating_figures(connection, bank.NAME, digest, sample=False)
            sums = await rating_sums.of_version(connection, bank.NAME, digest, sample=False)
        assert (found.n, found.mean, sums.rewrites) == (5, 2.0, 4)


async def test_texts_that_are_removed_change_no_sum(database_url: str, tmp_path: Path) -> None:
    async with bank.opened(database_url, tmp_path) as services:
        await bank.apply(services, use_cases=[bank.use_case(retention_days=30)])
        await services.calls.ship([bank.call(), bank.call(cost_usd=None)], gateway="gateway-1")
        await services.feedback.rate_many(bank.ratings(3), actor="system:ratings")
        assert await services.retention.run()
        await rolled_up_alike(services.database)
        assert (await services.audit.verify()).problems == ()
        item = await services.use_cases.get(bank.NAME)
        async with services.database.read() as connection:
            facts = await gather(connection, item, services.database.clock.now())
        assert facts.ratings.n == 3
