"""Criteria of scale and of what comes after it: grade, approvals, sign-off that can not be bypassed, logs, ramp, what was kept of
the promise."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

from groundcrew.domain.approval import FUNCTIONS, Approval, newest_by_function
from groundcrew.domain.gate import Criterion, CriterionResult, CriterionStatus
from groundcrew.domain.risk import decides_on_persons
from groundcrew.metrics.evidence_grade import Grade
from groundcrew.services.criteria.registry import check, result
from groundcrew.services.criteria.results import sampled
from groundcrew.services.gate_facts import Facts
from groundcrew.services.lookups import person_of
from groundcrew.services.ramp_rules import ramp_rule

GRADES: tuple[str, ...] = get_args(Grade)


@check("evidence_grade")
def evidence_grade(facts: Facts, criterion: Criterion) -> CriterionResult:
    """The design held well enough: the grade that the data bear, not the one that was declared. D never reaches scale."""
    least = str(criterion.settings.get("grade_min", "C"))
    bound = f"{least} or better"
    report, sample, why = facts.analysis.report, facts.analysis.sample, facts.analysis.why
    if report is None:
        return result(criterion, "unknown", bound=bound, missing=why)
    good = least in GRADES and GRADES.index(report.evidence_grade) <= GRADES.index(least)
    lines = [each for each in report.reasons if each.startswith("grade ")]
    found = result(
        criterion,
        "pass" if good else "fail",
        figure=f"grade {report.evidence_grade}",
        bound=bound,
        missing="; ".join(lines) or "randomise, switch back and forth, or record a series long enough to have a trend",
        source="computed from the recorded observations",
    )
    return sampled(found, sample)


@check("approvals")
def approvals(facts: Facts, criterion: Criterion) -> CriterionResult:
    """Each function of the GenAI Stream approves this version at this gate, and no veto is active."""
    bound = f"{', '.join(FUNCTIONS)}, on this version; 0 active vetoes"
    name, governance = facts.use_case.name, facts.governance
    said = newest_by_function(governance.approvals, facts.into, facts.version_digest) if facts.into else {}
    # Whoever has built it since they approved it, owns it by now, or holds the function no more has not approved it.
    silent = {each.id: why for each in said.values() if (why := _silent(facts, each))}
    approved = [each for each in said.values() if each.state == "approved" and each.id not in silent]
    vetoes = [each for each in governance.vetoes if each.speaks_at(facts.into)]
    holds = [each for each in facts.use_case.holds if each.kind == "veto"]
    # A hold that no veto on record explains still stands for one.
    other = [each for each in holds if not any(veto.id in each.reason for veto in governance.vetoes)]
    active = len(vetoes) + len(other)
    refused = [each for each in said.values() if each.state in ("changes_requested", "abstained")]
    lapsed = [each for each in said.values() if each.state_now(facts.version_digest, facts.now) == "lapsed"]
    open_functions = [each for each in FUNCTIONS if each not in said or said[each].state == "pending"]
    todo = [f"veto of {each.function} ({person_of(each.filed_by)}): {each.ground} – /vetoes/{each.id}" for each in vetoes]
    todo += [f"veto: {each.reason}" for each in other]
    todo += [f"{each.function} {each.state.replace('_', ' ')}: {each.statement}" for each in refused]
    todo += [f"{each.function}: {silent[each.id]}" for each in said.values() if each.id in silent]
    todo += [f"the request to {each.function} lapsed on {each.answer_by:%Y-%m-%d}" for each in lapsed]
    if silent or lapsed or any(each not in said for each in FUNCTIONS):
        todo.append(f"`groundcrew approval request {name} --to {facts.into}`")
    if open_functions:
        todo.append(
            f"{', '.join(open_functions)} decide: `groundcrew approval decide {name} FUNCTION --decision approved --as NAME`"
        )
    status: CriterionStatus = "pass" if len(approved) == len(FUNCTIONS) and not active else "unknown"
    if active or any(each.state == "changes_requested" for each in refused):
        status = "fail"
    return result(
        criterion,
        status,
        figure=f"{len(approved)} of {len(FUNCTIONS)} approve"
        + (f", {active} active veto{'' if active == 1 else 'es'}" if active else ""),
        bound=bound,
        n=len(approved),
        missing="; ".join(todo),
        source="; ".join(f"{each.function}: {each.decided_by} on {each.decided_at:%Y-%m-%d}" for each in approved),
        link=f"/vetoes/{vetoes[0].id}" if vetoes else "",
    )


def _silent(facts: Facts, approval: Approval) -> str:
    """Why the word of an approval does not count, "" where it does or none was given."""
    if approval.decided_by and person_of(approval.decided_by) in facts.governance.builders:
        return f"{approval.decided_by} owns, champions or has built it since, somebody else decides"
    return facts.governance.unheard.get(approval.id, "")


@check("sign_off")
def sign_off(facts: Facts, criterion: Criterion) -> CriterionResult:
    """High tier, and whoever decides about a person, needs an enforced sign-off that a bypass probe could not get around."""
    decides = decides_on_persons(facts.use_case)
    bound = "always, for high tier and decisions about persons; bypass probe fails"
    if facts.assessment.tier != "high" and not decides:
        return result(criterion, "pass", figure=f"{facts.assessment.tier} tier, decides nothing about a person", bound=bound)
    rule, name = facts.use_case.sign_off, facts.use_case.name
    if rule is None or rule.when != "always":
        missing = "declare sign_off: {when: always, qualification: …}"
        return result(criterion, "fail", figure="not enforced", bound=bound, missing=missing)
    least = int(criterion.settings.get("probes_min", 0))
    days = float(criterion.settings.get("age_days_max", 90))
    if least == 0:
        return result(criterion, "pass", figure="always", bound=bound)
    how = f"start the gateway and run `groundcrew probe {name} --sign-off`"
    found = facts.valid("sign_off_probe")
    if found is None or facts.now - found.recorded_at > timedelta(days=days):
        return result(criterion, "unknown", figure=facts.latest_state("sign_off_probe"), bound=bound, missing=how)
    sent, held = int(found.content["sent"]), int(found.content["held"])
    leaked = [str(each) for each in found.content.get("bypasses", [])]
    enough = sent >= least
    return result(
        criterion,
        "fail" if leaked or held < sent else ("pass" if enough else "unknown"),
        figure=f"{held} of {sent} attempts held",
        bound=bound,
        n=sent,
        missing="; ".join((*leaked[:3], how)),
        source=f"recorded {found.recorded_at:%Y-%m-%d %H:%M} UTC",
        evidence=(found.sha256,),
    )


@check("logs")
def logs(facts: Facts, criterion: Criterion) -> CriterionResult:
    """The texts of calls are kept long enough, by the use case's own declaration or the deployment's setting. That a call was
    made, when, by whom and with what result is never removed."""
    least = int(criterion.settings.get("days_min", 183))
    own, default = facts.use_case.retention_days, facts.governance.retention_days_default
    days = own or default
    kept = "for ever" if days <= 0 else f"{days} days"
    return result(
        criterion,
        "pass" if days <= 0 or days >= least else "fail",
        figure=f"texts kept {kept}, records for ever",
        bound=f"≥ {least} days (EU AI Act Art. 26(6))",
        missing=f"declare retention_days: {least} or more" if own else f"set GROUNDCREW_RETENTION_DAYS to {least} or more, or 0",
        source="declared by the use case" if own else "the deployment's setting retention_days",
        n=days if days > 0 else None,
    )


@check("ramp")
def ramp(facts: Facts, criterion: Criterion) -> CriterionResult:
    """Every step up to the whole was recorded with its guardrails."""
    rule, found = ramp_rule(criterion.settings), facts.use_case.ramp
    top = rule.steps[-1]
    bound = f"{', '.join(f'{each:g}' for each in rule.steps)} %, guardrails hold at each step"
    how = f"`groundcrew ramp {facts.use_case.name} --reason WHY`"
    if found is None:
        return result(criterion, "unknown", figure="no ramp is recorded", bound=bound, missing="enter scale, then " + how)
    reached = [each.percent for each in found.steps]
    left_out = [each for each in rule.steps if each not in reached]
    whole = found.percent >= top and not left_out
    trail = " → ".join(f"{each:g}" for each in reached[-8:])
    return result(
        criterion,
        "pass" if whole else "unknown",
        figure=f"at {found.percent:g} % ({trail} %)",
        bound=bound,
        missing=how,
        estimate=found.percent,
        n=len(found.steps),
        source="; ".join(f"{each.percent:g} % on {each.at:%Y-%m-%d}: {each.figure or each.reason}" for each in found.steps[-5:]),
    )


@check("realised_effect")
def realised_effect(facts: Facts, criterion: Criterion) -> CriterionResult:
    """What was measured since scale began bears, by its worse bound, the share of what was claimed."""
    share = float(criterion.settings.get("share_min", 0.5))
    claim, primary = facts.governance.claim, facts.registered.plan.primary if facts.registered else None
    bound = f"lower bound ≥ {share:.0%} of the claimed effect"
    if claim is None or primary is None:
        return result(criterion, "unknown", bound=bound, missing="register the hypothesis, and pass the gates that rest on it")
    bound = f"lower bound ≥ {share * claim.effect:.4g} {primary.unit}".rstrip() + f" ({share:.0%} of {claim.effect:.4g})"
    since = facts.governance.since_scale
    if since is None or since.report is None:
        missing = (since.why if since else "") or "no outcomes since scale began: go on recording them with arm and unit_id"
        return result(criterion, "unknown", bound=bound, missing=missing, source=f"claimed: {claim.source}")
    figures = next((each for each in since.report.metrics if each.name == primary.name), None)
    if figures is None or figures.estimate is None or figures.lower is None or figures.upper is None:
        return result(criterion, "unknown", bound=bound, missing="too few outcomes of the primary metric since scale began")
    # The good direction counts as positive.
    down = primary.direction == "decrease"
    estimate = -figures.estimate if down else figures.estimate
    lower, upper = (-figures.upper, -figures.lower) if down else (figures.lower, figures.upper)
    needed = share * claim.effect
    status: CriterionStatus = "pass" if lower >= needed else ("fail" if upper < needed else "unknown")
    if since.report.verdict == "invalid":
        status = "fail"
    return result(
        criterion,
        status,
        figure=f"{estimate:.4g} [{lower:.4g}, {upper:.4g}], n = {figures.n}",
        bound=bound,
        missing="; ".join(since.report.reasons) if since.report.verdict == "invalid" else "more outcomes, or a smaller claim",
        estimate=estimate,
        lower=lower,
        upper=upper,
        n=figures.n,
        source=f"claimed: {claim.source}; measured: outcomes since scale began",
    )


@check("automation_rate")
def automation_rate(facts: Facts, criterion: Criterion) -> CriterionResult:
    """The share of cases resolved without a human and not reopened within 7 days, where any is claimed."""
    asked = [each for each in (criterion.settings.get("rate_min"), facts.use_case.automation_target) if each is not None]
    # A policy may ask for more than what is claimed, never for less.
    target = max(asked, default=None)
    if target is None:
        human = facts.use_case.autonomy in ("assist", "draft_and_sign_off")
        return result(
            criterion,
            "pass" if human else "unknown",
            figure=f"{facts.use_case.autonomy.replace('_', ' ')}: a human has a hand in every case, no rate is claimed"
            if human
            else "no target",
            bound="lower bound ≥ the declared target",
            missing="declare automation_target: 0.8, the share of cases to be resolved without a human",
        )
    bound = f"lower bound ≥ {float(target):.0%}, reopen window 7 d"
    found = facts.governance.automation
    if found is None or found.estimate is None or found.lower is None:
        missing = "record outcomes `resolved` (1 without a human, 0 with one) and `reopened` (1), and wait 7 days"
        return result(criterion, "unknown", figure="no closed cases of 7 days", bound=bound, missing=missing)
    upper = found.upper if found.upper is not None else 1.0
    status: CriterionStatus = "pass" if found.lower >= target else ("fail" if found.estimate < target else "unknown")
    return result(
        criterion,
        status,
        figure=f"{found.estimate:.1%} [{found.lower:.1%}, {upper:.1%}], n = {found.n}",
        bound=bound,
        missing="the lower bound does not reach the target: more cases, or more of them resolved",
        estimate=found.estimate,
        lower=found.lower,
        n=found.n,
        source="outcomes resolved and reopened since scale began",
    )
