"""The return on investment of recorded data: what goes in, what is assumed, and when it stays unknown."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.use_case import Economics
from groundcrew.metrics.analysis import analyze
from groundcrew.metrics.observations import Observation
from groundcrew.services.bundle import Services
from groundcrew.services.feedback import NewOutcome
from groundcrew.services.governance import case_costs
from groundcrew.services.returns import Investment, planned_investment
from groundcrew.testing import FakeClock


async def returns(services: Services, **economics: float | bool) -> Investment:
    declared = {"hourly_cost_usd": 60, "cases_per_month": 10_000} | economics
    await bank.apply(services, use_cases=[bank.use_case(economics=Economics(**declared))])  # type: ignore[arg-type]
    return await services.returns.of(bank.NAME)


async def test_the_return_of_recorded_data(database_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("results", database_url)
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        plain = await returns(services)
        assert plain.report is not None
        net = plain.report.net
        # About 300 s saved a case at 60 USD an hour: 5 USD a case, 10,000 cases.
        assert net.estimate == pytest.approx(50_000, rel=0.15)
        assert net.lower is not None
        assert net.upper is not None
        assert net.lower < (net.estimate or 0) < net.upper
        assert any("holds people's time for review" in each for each in plain.assumptions)
        assert plain.report.sensitivity[0].figure in ("benefit_per_case_usd", "volume")
        assert {each.figure for each in plain.report.sensitivity if each.assumed} >= {"volume"}
        reviews = [
            NewOutcome(
                metric="review_time",
                value=50 + each % 20,
                case_id=f"r-{each}",
                unit="s",
                arm="draft_assist",
                at=clock.now() - timedelta(hours=1),
            )
            for each in range(80)
        ]
        await services.feedback.add_outcomes(bank.NAME, reviews, actor="system:tickets")
        dearer = await returns(services)
        assert dearer.report is not None
        # A minute of review costs 1 USD a case.
        assert (net.estimate or 0) - (dearer.report.net.estimate or 0) == pytest.approx(10_000, rel=0.05)
        included = await returns(services, review_included=True)
        assert included.report is not None
        assert included.report.net.estimate == pytest.approx(net.estimate)
        fixed = await returns(services, fixed_usd_per_month=10**6)
        assert fixed.report is not None
        assert (fixed.report.net.upper or 0) < 0


async def test_what_keeps_a_return_unknown(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("pilot", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        await bank.apply(services, use_cases=[bank.use_case(economics=None)])
        assert "declare economics" in (await services.returns.of(bank.NAME)).missing
        assert "record outcomes" in (await returns(services)).missing


def test_calls_of_a_case_are_added_up_and_an_unknown_cost_is_not_zero() -> None:
    costs = case_costs([("a", 0.1), ("a", 0.2), ("b", 0.1), (None, 0.4)])
    assert (costs.calls, costs.cases, costs.by_case) == (4, 3, True)
    assert costs.per_case.estimate == pytest.approx(0.8 / 3)
    assert case_costs([("a", 0.1), ("a", None)]).per_case.estimate is None


def test_a_metric_that_is_no_duration_needs_its_value_and_peoples_time() -> None:
    plan = bank.plan(metric_changes={0: {"unit": "case"}})
    start = FakeClock().now()
    rows = [
        Observation(
            unit_id=f"{arm}-{each}", arm=arm, metric="handle_time", value=value + each % 7, time=start + timedelta(hours=each)
        )
        for arm, value in (("human", 10.0), ("draft_assist", 4.0))
        for each in range(300)
    ]
    report = analyze(plan, rows)
    economics = Economics(hourly_cost_usd=60, cases_per_month=1_000)
    assert "value_per_unit_usd" in planned_investment(economics, plan, report, tokens=0.01).missing
    valued = Economics(hourly_cost_usd=60, cases_per_month=1_000, value_per_unit_usd=2.0)
    assert "review_s" in planned_investment(valued, plan, report, tokens=0.01).missing
    full = Economics(hourly_cost_usd=60, cases_per_month=1_000, value_per_unit_usd=2.0, review_s=60)
    made = planned_investment(full, plan, report, tokens=0.01)
    assert made.report is not None
    assert made.report.net.estimate == pytest.approx(6 * 2 * 1_000 - 10 - 1_000, rel=0.02)
