"""The criterion of the return on investment: its lower bound, people's review counted as cost."""

from __future__ import annotations

from groundcrew.domain.gate import Criterion, CriterionResult
from groundcrew.services.criteria.registry import check, result
from groundcrew.services.criteria.results import sampled
from groundcrew.services.gate_facts import Facts
from groundcrew.services.returns import investment


@check("return_on_investment")
def return_on_investment(facts: Facts, criterion: Criterion) -> CriterionResult:
    """Monthly benefit less tokens, review time and fixed cost, as an interval: the lower bound is above 0."""
    least = float(criterion.settings.get("usd_min", 0))
    bound = f"lower bound > {least:g} USD a month"
    found = investment(facts.use_case, facts.registered, facts.analysis, facts.governance)
    if found.report is None or found.report.net.estimate is None:
        return sampled(result(criterion, "unknown", bound=bound, missing=found.missing), found.sample)
    net = found.report.net
    assert net.estimate is not None
    if net.lower is None or net.upper is None:
        missing = "one of its figures has no interval yet: more outcomes, and calls that differ in cost"
        figure = f"{net.estimate:,.0f} USD a month, bounds unknown"
        return sampled(result(criterion, "unknown", figure=figure, bound=bound, missing=missing), found.sample)
    widest = found.report.sensitivity[0].figure.replace("_", " ") if found.report.sensitivity else "nothing"
    made = result(
        criterion,
        "pass" if net.lower > least else ("fail" if net.upper < least else "unknown"),
        figure=f"{net.estimate:,.0f} USD a month [{net.lower:,.0f}, {net.upper:,.0f}]",
        bound=bound,
        missing=f"the lower bound is not above {least:g}; what matters most is {widest}",
        estimate=net.estimate,
        lower=net.lower,
        upper=net.upper,
        n=net.n,
        source="; ".join((*found.measured, *found.assumptions)),
    )
    return sampled(made, found.sample)
