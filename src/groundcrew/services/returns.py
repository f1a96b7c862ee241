"""The return on investment of a use case: which recorded figures go into it, what is assumed, and what is lacking."""

from __future__ import annotations

import math

import msgspec

from groundcrew.domain.hypothesis import Hypothesis, HypothesisPlan, SuccessMetric
from groundcrew.domain.use_case import Economics, UseCase
from groundcrew.metrics.analysis import AnalysisReport
from groundcrew.metrics.return_on_investment import InvestmentCase, InvestmentReport, investment_report
from groundcrew.services.experiment_analysis import Analysis
from groundcrew.services.gate_facts import gather
from groundcrew.services.governance import CaseCosts, Governance, seconds_of
from groundcrew.services.lookups import require_use_case
from groundcrew.stats.intervals import Interval
from groundcrew.store.database import Database

SECONDS_PER_HOUR = 3_600


class Investment(msgspec.Struct, frozen=True, kw_only=True):
    """A use case's return a month in USD. `report` is None where it can not be computed, and `missing` says why; `sample` tells
    that the effect rests on sample data."""

    report: InvestmentReport | None
    case: InvestmentCase | None = None
    assumptions: tuple[str, ...] = ()
    measured: tuple[str, ...] = ()
    missing: str = ""
    sample: bool = False


class Returns:
    """What use cases earn."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, name: str) -> Investment:
        """The return of one use case as its data stand now; NotFound names the nearest."""
        async with self._database.read() as connection:
            use_case = await require_use_case(connection, name)
            checks = frozenset({"return_on_investment"})
            facts = await gather(connection, use_case, self._database.clock.now(), checks=checks)
        return investment(use_case, facts.registered, facts.analysis, facts.governance)


def investment(use_case: UseCase, registered: Hypothesis | None, analysis: Analysis, found: Governance) -> Investment:
    """The return from the recorded effect, costs of calls and people's time for review."""
    if use_case.economics is None:
        return Investment(
            report=None, missing="declare economics: {hourly_cost_usd: N, cases_per_month: N, fixed_usd_per_month: N}"
        )
    if registered is None or analysis.report is None:
        return Investment(report=None, missing=analysis.why or "register the hypothesis")
    costs = found.costs
    if costs is None or costs.calls == 0 or costs.per_case.estimate is None:
        return Investment(
            report=None,
            sample=analysis.sample,
            missing="the cost of calls is unknown: declare price on every target, and make calls",
        )
    # Costs without any spread have no interval: they are what they are, and that is said.
    spread = costs.per_case.lower is not None and costs.per_case.upper is not None
    tokens = costs.per_case if spread else costs.per_case.estimate
    made = planned_investment(use_case.economics, registered.plan, analysis.report, tokens=tokens, review_s=found.review_s)
    extra = [] if costs.by_case else ["each call is a case of its own: calls name no case (header groundcrew-case-id)"]
    extra += [] if spread else [f"all {costs.cases} cases have cost the same"]
    return msgspec.structs.replace(
        made,
        sample=analysis.sample,
        assumptions=(*made.assumptions, *extra) if made.report is not None else made.assumptions,
        measured=(*made.measured, _calls_line(costs)) if made.report is not None else (),
    )


def planned_investment(
    economics: Economics,
    plan: HypothesisPlan,
    report: AnalysisReport,
    *,
    tokens: Interval | float,
    review_s: Interval | None = None,
) -> Investment:
    """The return from an analysed experiment, declared economics, and what a case costs in model calls."""
    primary = plan.primary
    figures = next((each for each in report.metrics if primary is not None and each.name == primary.name), None)
    if primary is None or figures is None or figures.estimate is None:
        return Investment(report=None, missing="the effect on the primary metric is not known yet")
    worth, problem = _worth_of_unit(primary, economics)
    if worth is None:
        return Investment(report=None, missing=problem)
    benefit = _benefit(primary, figures.estimate, figures.lower, figures.upper, worth, figures.n, figures.confidence)
    review, words, lacking = _review(primary, economics, review_s)
    if review is None:
        return Investment(report=None, missing=lacking)
    case = InvestmentCase(
        benefit_per_case_usd=benefit,
        volume=economics.cases_per_month,
        tokens_per_case_usd=tokens,
        review_s=review,
        hourly_wage_usd=economics.hourly_cost_usd,
        fixed_usd=economics.fixed_usd_per_month,
    )
    made = investment_report(case)
    measured = [f"effect on {primary.name}: {figures.estimate:+.4g} {primary.unit}".rstrip() + f", n = {figures.n}"]
    if isinstance(review, Interval):
        measured.append(f"review time: {review.estimate:.4g} s a case, n = {review.n}")
    period = tuple(each.replace("in the period", "a month") for each in made.assumptions)
    return Investment(report=made, case=case, assumptions=(*period, *words), measured=tuple(measured))


def _worth_of_unit(primary: SuccessMetric, economics: Economics) -> tuple[float | None, str]:
    """USD that one unit of the primary metric is worth, or why it is not known."""
    if economics.value_per_unit_usd is not None:
        return economics.value_per_unit_usd, ""
    seconds = seconds_of(primary.unit)
    if seconds is None:
        what = f"one {primary.unit}" if primary.unit else f"one unit of {primary.name}"
        return None, f"the primary metric is no duration: declare economics: {{value_per_unit_usd: what {what} is worth}}"
    return seconds / SECONDS_PER_HOUR * economics.hourly_cost_usd, ""


def _benefit(
    primary: SuccessMetric,
    estimate: float,
    lower: float | None,
    upper: float | None,
    worth: float,
    n: int,
    confidence: float,
) -> Interval:
    """The effect in USD a case, positive where it is good."""
    if primary.direction == "decrease":
        estimate, lower, upper = -estimate, None if upper is None else -upper, None if lower is None else -lower
    return Interval(
        estimate=estimate * worth,
        lower=None if lower is None or not math.isfinite(lower) else lower * worth,
        upper=None if upper is None or not math.isfinite(upper) else upper * worth,
        n=n,
        method="effect of the experiment",
        confidence=confidence,
    )


def _review(
    primary: SuccessMetric, economics: Economics, measured: Interval | None
) -> tuple[Interval | float | None, tuple[str, ...], str]:
    """People's time for a case in seconds, what is assumed of it, and what is lacking where it is not known."""
    duration = seconds_of(primary.unit) is not None
    included = economics.review_included
    if included and duration:
        return 0.0, (f"{primary.name} holds people's time for review (declared)",), ""
    if measured is not None and measured.estimate is not None:
        if measured.lower is None or measured.upper is None:
            return measured.estimate, (f"all {measured.n} review times are the same",), ""
        return measured, ("review time comes on top of the primary metric",), ""
    if economics.review_s is not None:
        return economics.review_s, (), ""
    if included is None and duration:
        return 0.0, (f"{primary.name} holds people's time for review: no review_time is recorded",), ""
    return None, (), "people's time is a cost: record outcomes review_time, or declare economics: {review_s: SECONDS}"


def _calls_line(costs: CaseCosts) -> str:
    each = costs.calls / costs.cases if costs.cases else 0.0
    return (
        f"cost of calls: {costs.per_case.estimate:.3g} USD a case, {costs.calls} calls of {costs.cases} cases, {each:.2f} a case"
    )
