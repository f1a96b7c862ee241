"""The criterion of grounded answers: the share of released answers that people found supported by their sources, from their
labels of drawn answers. What the score thinks of itself is shown beside it and proves nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from groundcrew.domain.calibration import LabelledScore
from groundcrew.domain.gate import Criterion, CriterionResult, CriterionStatus
from groundcrew.domain.trust_rules import release_rule
from groundcrew.services.criteria.registry import check, result
from groundcrew.services.criteria.results import sampled
from groundcrew.services.gate_facts import Facts
from groundcrew.services.trust_standing import Standing, Unit
from groundcrew.stats.risk_tests import labels_without_error, risk_bound
from groundcrew.stats.weighted import label_arrays, one_of_each_group, weighted_share

#: Error of the lower bound, which may be read at any time.
ALPHA = 0.025
#: What a guarantee must promise at least to stand for the criterion.
CONFIDENCE_MIN = 0.95


@check("grounded")
def grounded(facts: Facts, criterion: Criterion) -> CriterionResult:
    """From the guarantee, where one is declared, else from the labels of the answers that the declared threshold releases."""
    least = float(criterion.settings.get("share_min", 0.95))
    now, grounding = facts.labels, facts.use_case.grounding
    if now is None or grounding is None:
        return result(
            criterion, "unknown", bound=f"lower bound ≥ {least:.2f}", missing="declare grounding: answers rest on nothing"
        )
    if grounding.guarantee is not None:
        return _guaranteed(facts, now, criterion, least)
    real = _share(facts, now, sample=False)
    if real is not None or not now.sample_units:
        return _from_labels(facts, now, criterion, real, least)
    return sampled(_from_labels(facts, now, criterion, _share(facts, now, sample=True), least), True)


def _guaranteed(facts: Facts, now: Standing, criterion: Criterion, least: float) -> CriterionResult:
    grounding = facts.use_case.grounding
    assert grounding is not None
    assert grounding.guarantee is not None
    declared, bound = grounding.guarantee, f"a guarantee of ≥ {least:.2f} at {CONFIDENCE_MIN:.0%} confidence"
    held = now.rules.guarantee
    if held is None:
        return result(
            criterion,
            "unknown",
            figure=f"{sum(each.state == 'judged' for each in now.units)} labels, no guarantee",
            bound=bound,
            missing=f"{now.rules.problem}; {_how(facts, now)}",
            source=_opinion(facts),
        )
    enough = 1 - declared.unsupported_max >= least - 1e-9 and declared.confidence >= CONFIDENCE_MIN - 1e-9
    lower = 1 - held.risk_upper
    return result(
        criterion,
        "pass" if enough else "fail",
        figure=f"{1 - (held.risk or 0.0):.3f} [{lower:.3f}, –], n = {held.released} released of {held.labels} labels",
        bound=bound,
        missing=f"declare unsupported_max: {1 - least:.2f} or less at confidence: {CONFIDENCE_MIN} or more",
        estimate=1 - (held.risk or 0.0),
        lower=lower,
        n=held.released,
        source=f"people's labels: {held.reason}; {_opinion(facts)}",
    )


def _from_labels(facts: Facts, now: Standing, criterion: Criterion, share: _Share | None, least: float) -> CriterionResult:
    bound = f"lower bound ≥ {least:.2f}"
    if share is None:
        return result(
            criterion, "unknown", figure="no labels", bound=bound, n=0, missing=_how(facts, now), source=_opinion(facts)
        )
    estimate, lower, upper, n = share.estimate, share.lower, share.upper, share.n
    status: CriterionStatus = "pass" if lower >= least else ("fail" if upper < least else "unknown")
    more = labels_without_error(1 - least, 1 - ALPHA)
    wanted = "more labels, or fewer unsupported answers"
    if n < more:
        wanted = f"at least {more} labels are needed, more after each error"
    weighted = "" if share.uniform else ", weighted by their probability"
    return result(
        criterion,
        status,
        figure=f"{estimate:.3f} [{lower:.3f}, {upper:.3f}], n = {n} labels",
        bound=bound,
        missing=f"{wanted}; {_how(facts, now)}",
        estimate=estimate,
        lower=lower,
        upper=upper,
        n=n,
        source=f"people's labels of drawn answers{weighted}; {_opinion(facts)}",
    )


class _Share(NamedTuple):
    """The share of released answers that people found supported, with bounds, over n labels; `uniform`: all equally likely."""

    estimate: float
    lower: float
    upper: float
    n: int
    uniform: bool


def _share(facts: Facts, now: Standing, *, sample: bool) -> _Share | None:
    """Of the real answers or of sample ones; None where no label counts. Worked out once for one standing and use case."""

    def compute() -> _Share | None:
        released = _released(facts, now, now.sample_units if sample else now.units)
        if not released:
            return None
        arrays = one_of_each_group(label_arrays(released))
        right = ~arrays.unsupported
        share = weighted_share(right, arrays.weights, 1 - 2 * ALPHA)
        estimate, upper = share.estimate or 0.0, 1.0 if share.upper is None else share.upper
        lower = min(estimate, 1 - risk_bound(arrays.weights, arrays.unsupported, ALPHA))
        return _Share(estimate, lower, upper, int(right.size), arrays.uniform)

    grounding, rule = facts.use_case.grounding, release_rule(facts.use_case, now.rules)
    return now.once(("grounded", sample, grounding and (grounding.mode, grounding.below), rule.threshold), compute)


def _released(facts: Facts, now: Standing, units: Sequence[Unit]) -> list[LabelledScore]:
    """Labels of the answers that leave under the rule that is declared: all of them under advisory, else those above the
    threshold that no source contradicts. What nobody could tell counts as unsupported."""
    grounding, rule = facts.use_case.grounding, release_rule(facts.use_case, now.rules)
    everything = grounding is not None and (grounding.mode == "advisory" or grounding.below == "flag")
    calibration = now.calibration if now.rules.calibration is not None else None

    def leaves(unit: Unit) -> bool:
        trust = unit.draw.raw
        if calibration is not None and calibration.verifier == unit.draw.verifier:
            trust = calibration.map.apply(trust)
        return everything or (unit.draw.releasable and rule.threshold is not None and trust >= rule.threshold)

    return [score for unit, score in now.closed(tuple(units)) if leaves(unit)]


def _how(facts: Facts, now: Standing) -> str:
    """What to do next for more labels."""
    name, waiting = facts.use_case.name, sum(each.state == "waiting" for each in now.units)
    grounding = facts.use_case.grounding
    if waiting:
        return f"{waiting} drawn answers wait to be judged in the console under /spot-checks/{name}"
    if grounding is not None and grounding.spot_checks is None:
        return "declare grounding: {spot_checks: {share: 0.02}}, so that answers are drawn for people to judge"
    return f"calls of this version through the gateway, then judge those drawn under /spot-checks/{name}"


def _opinion(facts: Facts) -> str:
    """What the scores say of the answers that were sent: for information."""
    sent = dict.fromkeys(("supported", "unsupported", "no_sources"), 0)
    for (ended, state), number in facts.status_counts.items():
        if ended in ("answered", "fallback") and state in sent:
            sent[state] += number
    n = sum(sent.values())
    return f"the scores themselves call {sent['supported']} of {n} sent answers supported" if n else "no sent answer is scored"
