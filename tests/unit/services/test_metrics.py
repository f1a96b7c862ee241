"""Metrics of a use case from what is recorded: figures by hand, what is left out, and where measures disagree."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.services import bank

from groundcrew.domain.identifiers import new_id
from groundcrew.domain.trust import TrustReport
from groundcrew.domain.use_case import BusinessMetric
from groundcrew.errors import InputError, NotFound
from groundcrew.metrics.automation_rate import CaseColumns, ResolvedCase, automation_counts, automation_rate
from groundcrew.services.bundle import Services
from groundcrew.services.feedback import NewOutcome, NewRating
from groundcrew.services.metric_figures import MetricFigure
from groundcrew.services.metrics import automation
from groundcrew.services.signals import CallSignals, correlations, disagreements
from groundcrew.stats.intervals import wilson
from groundcrew.stats.rank_correlation import spearman
from groundcrew.testing import FakeClock

DAY = timedelta(days=1)


@pytest.fixture
async def services(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    async with bank.opened(sqlite_url, tmp_path, FakeClock()) as services:
        metrics = (
            BusinessMetric(name="solved_at_once", kind="proportion", direction="increase"),
            BusinessMetric(name="refund", kind="cost", unit="CHF", direction="decrease"),
        )
        await bank.apply(services, use_cases=[bank.use_case(metrics=metrics)])
        yield services


async def figures(services: Services, **asked: object) -> dict[str, MetricFigure]:
    report = await services.metrics.report(bank.NAME, meanings=False, **asked)  # type: ignore[arg-type]
    return {each.name: each for each in report.figures}


async def add(services: Services, metric: str, values: dict[str, float], at: datetime, **more: object) -> None:
    rows = [NewOutcome(metric=metric, case_id=case, value=value, at=at, **more) for case, value in values.items()]  # type: ignore[arg-type]
    await services.feedback.add_outcomes(bank.NAME, rows, actor="system:tickets")


async def test_without_records_everything_is_unknown_and_says_what_it_needs(services: Services) -> None:
    found = await figures(services)
    assert {"stars", "edit_similarity", "trust", "decline_rate", "fallback_rate", "automation_rate"} <= found.keys()
    assert {"handle_time", "median_handle_time", "cost_per_case", "latency_p50", "refund", "solved_at_once"} <= found.keys()
    for each in found.values():
        assert (each.interval.estimate, each.interval.n, each.sample) == (None, 0, False)
        assert each.missing


async def test_figures_of_calls(services: Services) -> None:
    digest, now = await bank.digest_of(services), services.database.clock.now()
    made = [
        bank.call(
            id=new_id(),
            version_digest=digest,
            received_at=now - DAY * (each % 10),
            status=("answered", "answered", "declined", "fallback")[each % 4],
            trust=TrustReport(trust=0.5 + each / 100, state="supported"),
            latency_ms={"total": 100.0 + each},
            case_id=f"case-{each // 2}",
            cost_usd=0.01 * (1 + each % 2),
        )
        for each in range(40)
    ]
    shadow = bank.call(
        version_digest=digest, received_at=now, status="declined", shadow_of=made[0].id, case_id="case-0", cost_usd=9.0
    )
    await services.calls.ship([*made, shadow], gateway="gateway-1")
    found = await figures(services)
    assert found["decline_rate"].interval == wilson(10, 40)
    assert found["fallback_rate"].interval == wilson(10, 40)
    assert found["trust"].interval.estimate == pytest.approx(np.mean([0.5 + each / 100 for each in range(40)]))
    assert found["latency_p50"].interval.estimate == pytest.approx(119, rel=0.06)
    assert found["cost_per_case"].interval.estimate == pytest.approx(0.03)
    assert found["cost_per_case"].interval.n == 20
    assert sum(each.interval.n for each in found["decline_rate"].weeks) == 40
    one_day = await figures(services, since=now.date(), until=now.date())
    assert one_day["decline_rate"].interval.n == 4
    await services.calls.ship(
        [bank.call(version_digest=digest, received_at=now, case_id="case-0", cost_usd=None)], gateway="gateway-1"
    )
    unknown = (await figures(services))["cost_per_case"]
    assert unknown.interval.estimate is None
    assert "1 of 20 cases is unknown" in unknown.missing


async def test_figures_of_other_versions_and_of_sample_data_stand_apart(services: Services) -> None:
    digest, now = await bank.digest_of(services), services.database.clock.now()
    await services.calls.ship([bank.call(version_digest="ab" * 32, received_at=now, status="declined")], gateway="gateway-1")
    await services.calls.ship([bank.call(version_digest=digest, received_at=now, sample=True)], gateway="gateway-1")
    found = await figures(services)
    assert (found["decline_rate"].sample, found["decline_rate"].interval.n) == (True, 1)
    assert not found["stars"].sample
    other = await figures(services, version="ababab")
    assert (other["decline_rate"].sample, other["decline_rate"].interval.estimate) == (False, 1.0)
    with pytest.raises(NotFound, match="version ffffff"):
        await figures(services, version="ffffff")
    with pytest.raises(InputError, match="at least 6 digits"):
        await figures(services, version="ab")
    with pytest.raises(InputError, match="lies after"):
        await figures(services, since=now.date(), until=now.date() - DAY)


async def test_figures_of_outcomes(services: Services) -> None:
    now = services.database.clock.now()
    await add(services, "handle_time", {"a": 2.0, "b": 4.0, "c": 9.0}, now - DAY, unit="min")
    await add(services, "handle_time", {"d": 60.0}, now - DAY, unit="min", arm="human")
    await add(services, "solved_at_once", {"a": 1.0, "b": 0.0, "c": 1.0}, now - 9 * DAY)
    await add(services, "refund", {"a": 20.0, "b": 30.0}, now - DAY, unit="CHF")
    await add(services, "refund", {"b": 40.0}, now - DAY, unit="CHF")
    found = await figures(services)
    assert found["handle_time"].interval.estimate == pytest.approx(300), "minutes as seconds, without the arm of people alone"
    assert found["median_handle_time"].interval.estimate == pytest.approx(240)
    assert found["solved_at_once"].interval == wilson(2, 3)
    assert (found["refund"].interval.estimate, found["refund"].unit) == (pytest.approx(30.0), "CHF"), "the corrected value counts"
    assert found["refund"].higher_is_better is False


async def test_automation_counts_what_was_reopened_against_it(services: Services) -> None:
    digest, now = await bank.digest_of(services), services.database.clock.now()
    old = now - 10 * DAY
    await add(services, "resolved", {"kept": 1.0, "soon": 1.0, "late": 1.0, "again": 1.0, "human": 0.0}, old)
    await add(services, "resolved", {"young": 1.0}, now - 2 * DAY)
    await add(services, "reopened", {"soon": 1.0}, old + 3 * DAY)
    await add(services, "reopened", {"late": 1.0}, old + 8 * DAY)
    await add(services, "reopened", {"again": 1.0}, old - DAY)
    await add(services, "reopened", {"kept": 1.0}, old + DAY)
    await add(services, "reopened", {"kept": 0.0}, old + DAY)  # taken back
    async with services.database.read() as connection:
        found = await automation(connection, bank.NAME, digest, now)
        since = await automation(connection, bank.NAME, digest, now, since=old)
        before = await automation(connection, bank.NAME, digest, now, since=old - DAY)
    assert found == wilson(2, 5, 0.95, "lower"), "kept and late; young is left out"
    assert (since.n, before) == (0, found), "what was resolved after a moment alone"
    shown = (await figures(services))["automation_rate"]
    assert shown.interval == wilson(2, 5)
    assert "1 cases resolved less than 7 days ago" in shown.note
    services.database.clock.advance(6 * 86_400)  # type: ignore[attr-defined]
    async with services.database.read() as connection:
        assert (await automation(connection, bank.NAME, digest, services.database.clock.now())).n == 6
        assert (await automation(connection, bank.NAME, "f" * 64, now)).estimate is None


CASES = st.lists(st.tuples(st.integers(0, 40), st.booleans(), st.one_of(st.none(), st.integers(0, 20))), max_size=30)


@given(cases=CASES, as_of=st.integers(0, 60))
def test_columns_count_as_single_cases_do(cases: list[tuple[int, bool, int | None]], as_of: int) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    single = [
        ResolvedCase(
            resolved_at=start + DAY * day, by_human=human, reopened_at=None if again is None else start + DAY * (day + again)
        )
        for day, human, again in cases
    ]
    columns = CaseColumns(
        np.array([each.resolved_at.timestamp() for each in single]),
        np.array([each.by_human for each in single], dtype=bool),
        np.array([each.reopened_at.timestamp() if each.reopened_at else np.nan for each in single]),
    )
    moment = start + DAY * as_of
    assert wilson(*automation_counts(columns, moment.timestamp())) == automation_rate(single, moment)


async def test_stars_and_texts(services: Services) -> None:
    digest, now = await bank.digest_of(services), services.database.clock.now()
    held = [
        bank.call(
            version_digest=digest,
            received_at=now - DAY,
            status="held",
            sign_off_id=new_id(),
            withheld_answer="We answer within two days.",
            withheld_trust=TrustReport(trust=0.9, state="supported"),
        )
        for _ in range(2)
    ]
    await services.calls.ship(held, gateway="gateway-1")
    signer = await services.users.create("lin", "a long password", roles=("reviewer",), actor="user:admin")
    await services.sign_offs.decide(held[0].sign_off_id or "", "approve", signer=signer)
    await services.sign_offs.decide(held[1].sign_off_id or "", "edit", signer=signer, text="We answer in two days.")
    for stars, case in ((5, "a"), (3, "b"), (1, "a")):
        await services.feedback.rate(
            NewRating(stars=stars, rater="anna", use_case=bank.NAME, case_id=case), actor="system:ratings"
        )
    found = await figures(services)
    assert (found["stars"].interval.estimate, found["stars"].interval.n) == (2.0, 2), "the newest of one rater and case"
    assert found["good_ratings"].interval == wilson(0, 2)
    assert found["edit_similarity"].interval.n == 2
    assert 0.8 < (found["edit_similarity"].interval.estimate or 0) < 1
    full = await services.metrics.report(bank.NAME)
    meaning = next(each for each in full.figures if each.name == "semantic_similarity")
    assert meaning.interval.n == 2
    assert 0.9 < (meaning.interval.estimate or 0) <= 1


async def test_calls_that_measures_disagree_about_come_first(services: Services) -> None:
    digest, now = await bank.digest_of(services), services.database.clock.now()
    calls = [
        bank.call(
            id=new_id(),
            version_digest=digest,
            received_at=now - DAY,
            trust=TrustReport(trust=0.95 if each else 0.96, state="supported"),
            case_id=f"case-{each}",
        )
        for each in range(12)
    ]
    await services.calls.ship(calls, gateway="gateway-1")
    for place, each in enumerate(calls):
        await services.feedback.rate(
            NewRating(
                stars=1 if place == 0 else 4 + place % 2,
                rater="anna",
                call_id=each.id,
                corrected_text="Ask at the branch, please." if place == 3 else "",
            ),
            actor="system:ratings",
        )
    report = await services.metrics.signals(bank.NAME)
    assert (report.calls, report.sample, report.truncated, report.outcome) == (12, False, False, "handle_time")
    assert [each.call.call_id for each in report.disagreements] == [calls[0].id, calls[3].id]
    assert report.disagreements[0].words == "trust 0.96, but 1 star"
    assert "of the draft kept" in report.disagreements[1].words
    by_pair = {(each.first, each.second): each for each in report.correlations}
    assert len(by_pair) == 10
    assert by_pair["stars", "trust"].interval.n == 12
    assert not by_pair["stars", "trust"].few
    assert by_pair["similarity", "kept"].few
    assert by_pair["stars", "outcome"].interval.estimate is None


def test_signals_that_rise_together_and_few_that_say_nothing() -> None:
    def each(number: int, *, outcome: float | None) -> CallSignals:
        share = number / 20
        return CallSignals(
            call_id=f"{number:03}",
            case_id=None,
            received_at=datetime(2026, 3, 3, tzinfo=UTC),
            stars=1 + 4 * share,
            similarity=None,
            trust=share,
            kept=None,
            outcome=outcome,
        )

    calls = [each(number, outcome=float(-number) if number < 5 else None) for number in range(21)]
    found = {(row.first, row.second): row for row in correlations(calls)}
    assert found["stars", "trust"].interval.estimate == pytest.approx(1.0)
    assert found["stars", "outcome"].interval.estimate == pytest.approx(-1.0)
    assert found["stars", "outcome"].interval.lower is None
    assert found["stars", "outcome"].few
    # The shortest wait is the best one, and its call has a low score.
    assert [row.call.call_id for row in disagreements(calls, "wait", "decrease")] == ["004", "003"]
    longest = disagreements(calls, "wait", "increase")[0]
    assert (longest.call.call_id, longest.high, longest.gap) == ("000", "outcome", 1.0)


def test_the_bounds_of_a_correlation_cover_it() -> None:
    random, covered, runs = np.random.default_rng(2), 0, 120
    # Spearman's ρ of a bivariate normal with r = 0.6: 6/π·asin(r/2).
    truth = 6 / np.pi * np.arcsin(0.3)
    for _ in range(runs):
        x = random.normal(size=80)
        found = spearman(x, 0.6 * x + 0.8 * random.normal(size=80))
        covered += found.lower is not None and found.upper is not None and found.lower <= truth <= found.upper
    assert covered / runs >= 0.88
    assert spearman([1.0] * 20, list(range(20))).estimate is None
    assert spearman([], []).n == 0
    with pytest.raises(InputError, match="to pair them with"):
        spearman([1.0], [])
