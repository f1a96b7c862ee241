"""Criteria that are read off the declaration and the recorded evidence: what must stand before anyone is exposed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from groundcrew.domain.capability import RECHECK_DAYS
from groundcrew.domain.champion import LOAD_MAX
from groundcrew.domain.data_class import highest, provider_may_see
from groundcrew.domain.evidence import Evidence
from groundcrew.domain.gate import Criterion, CriterionResult
from groundcrew.domain.use_case import Exposure
from groundcrew.services.criteria.attested import attested
from groundcrew.services.criteria.incidents import incidents
from groundcrew.services.criteria.registry import check, result
from groundcrew.services.criteria.tuned import DATA_SUBJECT, DECLARE_CUSTOMIZED, learned_from
from groundcrew.services.gate_facts import Facts
from groundcrew.services.overlap_languages import said
from groundcrew.services.overlap_scan import texts_of

#: Overlaps that are named; further ones are counted.
OVERLAPS_NAMED_MAX = 3


@check("declared")
def declared(facts: Facts, criterion: Criterion) -> CriterionResult:
    """Owner, purpose, unit and affected persons are present."""
    use_case = facts.use_case
    wanted = {
        "owner": use_case.owner,
        "purpose": use_case.purpose,
        "business_unit": use_case.business_unit,
        "affected_persons": use_case.affected_persons,
    }
    absent = [name for name, value in wanted.items() if not value.strip()]
    return result(
        criterion,
        "fail" if absent else "pass",
        figure=f"{len(wanted) - len(absent)} of {len(wanted)}",
        missing=f"declare {', '.join(absent)}",
    )


@check("risk_tier")
def risk_tier(facts: Facts, criterion: Criterion) -> CriterionResult:
    """The tier is computed and not prohibited. With ``answers: complete`` every question is answered whose yes would be
    prohibited or high: what nobody has answered is unknown, and unknown never passes."""
    found = facts.assessment
    reasons = "; ".join(found.reasons)
    complete = criterion.settings.get("answers") == "complete"
    if found.tier != "prohibited" and complete and found.unanswered:
        return result(
            criterion,
            "unknown",
            figure=f"{found.tier}, {len(found.unanswered)} questions open",
            bound="not prohibited, every question answered",
            source=reasons,
            missing=f"answer {', '.join(found.unanswered[:3])}{' …' if len(found.unanswered) > 3 else ''}:"
            f" `groundcrew risk show {facts.use_case.name}`, or declare `risk`",
        )
    return result(
        criterion,
        "fail" if found.tier == "prohibited" else "pass",
        figure=found.tier,
        bound="not prohibited, every question answered" if complete else "not prohibited",
        source=reasons,
        missing=reasons,
    )


@check("overlap_scan")
def overlap_scan(facts: Facts, criterion: Criterion) -> CriterionResult:
    """An overlap scan of the current version, as it is described now, is valid."""
    found = _scan(facts)
    if found is None:
        return result(
            criterion,
            "unknown",
            figure=_scan_state(facts),
            missing=f"run `groundcrew overlap {facts.use_case.name}`",
        )
    return result(
        criterion,
        "pass",
        figure=_scanned(found.content),
        bound="≤ 30 days old",
        source=_recorded(found.recorded_at),
        evidence=(found.sha256,),
    )


def _scan(facts: Facts) -> Evidence | None:
    """The valid scan, where it compared the use case as it is described now: title and persons are no part of a version."""
    found = facts.valid("overlap_scan")
    return found if found is not None and found.content.get("texts") == texts_of(facts.use_case) else None


def _scan_state(facts: Facts) -> str:
    return facts.latest_state("overlap_scan") if facts.valid("overlap_scan") is None else "described otherwise since"


def _scanned(content: dict[str, Any]) -> str:
    capabilities, stale = int(content.get("capabilities", 0)), int(content.get("capabilities_stale", 0))
    compared = int(content["compared"])
    words = f"compared with {compared} use case{'' if compared == 1 else 's'}"
    words += (
        f" and {capabilities} capabilit{'y' if capabilities == 1 else 'ies'} of vendors"
        if capabilities
        else "; nothing is known of what vendors sell"
    )
    words += f", {stale} of them not checked for {RECHECK_DAYS} days" if stale else ""
    return f"{words}; {note}" if (note := said(content)) else words


@check("overlaps")
def overlaps(facts: Facts, criterion: Criterion) -> CriterionResult:
    """No overlap is open, and it is decided neither to join another use case nor to take a vendor's feature instead."""
    scan, name = _scan(facts), facts.use_case.name
    if scan is None:
        return result(
            criterion,
            "unknown",
            figure=_scan_state(facts),
            bound="0 open",
            missing=f"run `groundcrew overlap {name}`",
        )
    standing = facts.governance.overlaps
    what = [
        f"decide the overlap with {standing.title(each, name)}: `groundcrew settle-overlap {each.id} DISPOSITION --reason WHY`"
        + (f" (open again: {each.reopened})" if each.reopened else "")
        + (f" ({each.unfound_words})" if each.unfound else "")
        for each in standing.open
    ]
    what += [f"join {each.into}, as was decided, and retire {name}" for each in standing.joins]
    what += [
        f"take {standing.title(each, name)}, as was decided: declare solution: vendor_feature, or retire {name}"
        for each in standing.adopts
    ]
    more = len(what) - OVERLAPS_NAMED_MAX
    return result(
        criterion,
        "fail" if what else "pass",
        figure=f"{len(standing.open)} open, {standing.settled + len(standing.joins) + len(standing.adopts)} decided",
        bound="0 open, none to join or adopt first",
        n=len(standing.open),
        source=_scanned(scan.content),
        missing="; ".join(what[:OVERLAPS_NAMED_MAX]) + (f" and {more} more" if more > 0 else ""),
        evidence=(scan.sha256,),
    )


@check("grounding")
def grounding(facts: Facts, criterion: Criterion) -> CriterionResult:
    """A product rests on an approved, unexpired knowledge revision; a customized one on a curated data set revision, which is
    computed with ``customized: computed`` and attested otherwise. Where each request brings the truth itself, a person says where
    that comes from."""
    use_case = facts.use_case
    if use_case.solution != "customized" and any(each.model is None or each.model.folder for each in facts.tuned):
        return result(criterion, "fail", bound="≥ 1 verified reference", missing=DECLARE_CUSTOMIZED)
    if use_case.solution == "customized":
        if criterion.settings.get("customized") == "computed":
            return learned_from(facts, criterion)
        return attested(facts, criterion, DATA_SUBJECT, "attest the curated data set revision")
    if use_case.grounding is None:
        if use_case.solution == "vendor_feature":
            return attested(facts, criterion, "vendor_grounding", "attest how the vendor's feature is grounded")
        return result(criterion, "fail", bound="≥ 1 verified reference", missing="declare grounding: {knowledge: BASE}")
    if use_case.grounding.source == "request":
        return attested(facts, criterion, "request_source", "attest where the texts come from that answers rest on")
    if facts.revision is None:
        base = use_case.grounding.knowledge
        return result(
            criterion,
            "fail",
            figure="0 verified references",
            bound="≥ 1 verified reference",
            missing=f"`groundcrew knowledge add {base} PATH…`, then a person runs `groundcrew knowledge approve {base} REVISION`",
        )
    return result(
        criterion,
        "pass",
        figure=f"{facts.revision.documents} documents",
        bound="≥ 1 verified reference",
        source=f"revision {facts.revision.id[:12]}, approved by {facts.revision.approved_by}",
        n=facts.revision.documents,
    )


@check("data_route")
def data_route(facts: Facts, criterion: Criterion) -> CriterionResult:
    """Every target's provider may see the use case's most sensitive data class."""
    needed = highest(facts.use_case.data_classes)
    if facts.model is None or not facts.providers:
        return result(criterion, "unknown", missing=f"model {facts.use_case.model!r} has no known provider: apply one")
    denied = [each.name for each in facts.providers if not provider_may_see(needed, each.data_classes, baa=each.baa)]
    return result(
        criterion,
        "fail" if denied else "pass",
        figure=f"{len(facts.providers) - len(denied)} of {len(facts.providers)} providers may see {needed}",
        bound="all",
        missing=f"{', '.join(denied)} may not see {needed}: declare that it may (phi needs baa: true), or take another",
    )


@check("phi_probes")
def phi_probes(facts: Facts, criterion: Criterion) -> CriterionResult:
    """Probes with protected health information were denied, all of them. Where phi is declared there is nothing to deny: then
    every provider that may get it has to be cleared for it, and gateways leave out any other."""
    needed = int(criterion.settings.get("probes_min", 20))
    if "phi" in facts.use_case.data_classes:
        return data_route(facts, criterion)
    found = facts.valid("phi_probe")
    how = f"start the gateway and run `groundcrew probe {facts.use_case.name}`"
    if found is None:
        return result(criterion, "unknown", figure=facts.latest_state("phi_probe"), bound="100 % denied", missing=how)
    sent, denied = int(found.content["sent"]), int(found.content["denied"])
    if sent < needed:
        return result(criterion, "unknown", figure=f"{sent} probes", bound=f"≥ {needed} probes", n=sent, missing=how)
    return result(
        criterion,
        "pass" if denied == sent else "fail",
        figure=f"{denied} of {sent} denied",
        bound="100 % denied",
        n=sent,
        source=_recorded(found.recorded_at),
        missing=_why_probes_passed(found.content.get("allowed_probes", []), how),
        evidence=(found.sha256,),
    )


def _why_probes_passed(allowed: list[str], how: str) -> str:
    """What to do about probes that were let through: undeclared ones are only found by a guard."""
    undeclared = sum("(undeclared " in each for each in allowed)
    if not allowed:
        return how
    hint = "declare a policy with the pii guard on the input, which finds what callers do not declare" if undeclared else ""
    return "; ".join(part for part in (hint, *allowed[:3], f"then {how}") if part)


@check("champion")
def champion(facts: Facts, criterion: Criterion) -> CriterionResult:
    """A champion is named, is active, is of the same unit where theirs is known, and does not carry more live use cases than
    one person can."""
    name, most = facts.use_case.champion, int(criterion.settings.get("use_cases_max", LOAD_MAX))
    bound = f"at most {most} live use cases each"
    if not name:
        return result(criterion, "fail", bound=bound, missing="declare champion: someone of the same business unit")
    carried, standing = facts.governance.championed, facts.governance.champion
    problem = standing.problem(facts.use_case.business_unit) if standing is not None else f"nobody knows {name}"
    if not problem and carried > most:
        problem = f"{name} is champion of {carried} live use cases"
    return result(
        criterion,
        "fail" if problem else "pass",
        figure=f"{name}, champion of {carried}",
        bound=bound,
        n=carried,
        source=f"champion of {standing.business_unit} on record" if standing is not None and standing.business_unit else "",
        missing=f"{problem}: name another one, or hand it over",
    )


@check("token_budget")
def token_budget(facts: Facts, criterion: Criterion) -> CriterionResult:
    """A token budget is declared."""
    budget = facts.use_case.budget
    if budget is None or budget.tokens_per_day is None:
        return result(criterion, "fail", missing="declare budget: {tokens_per_day: N}")
    return result(criterion, "pass", figure=f"{budget.tokens_per_day:,} tokens a day")


@check("exposure_cap")
def exposure_cap(facts: Facts, criterion: Criterion) -> CriterionResult:
    """The users whom the pilot may serve are capped low enough: a share of them, or those who are named, or both."""
    most, most_users = exposure_bounds(criterion)
    exposure = facts.use_case.exposure
    bound = f"≤ {most:g} %, or ≤ {most_users} named users"
    if exposure is None:
        return result(criterion, "fail", bound=bound, missing=f"declare exposure: {{ceiling_percent: {most:g}}}")
    percent, users = exposure.ceiling_percent, len(exposure.users)
    figure = " and ".join(
        part for part in (f"{percent:g} %" if percent is not None else "", f"{users} named users" if users else "") if part
    )
    problem = exposure_problem(exposure, criterion)
    return result(criterion, "fail" if problem else "pass", figure=figure, bound=bound, missing=problem)


def exposure_bounds(criterion: Criterion) -> tuple[float, int]:
    """The highest share in percent, and the most named users, that the criterion lets into a pilot."""
    return float(criterion.settings.get("ceiling_percent_max", 5)), int(criterion.settings.get("users_max", 200))


def exposure_problem(exposure: Exposure, criterion: Criterion) -> str:
    """What keeps `exposure` from a pilot, "" where nothing does."""
    most, most_users = exposure_bounds(criterion)
    if exposure.ceiling_percent is not None and exposure.ceiling_percent > most:
        return f"lower exposure.ceiling_percent to {most:g}"
    if len(exposure.users) > most_users:
        return f"name at most {most_users} users under exposure.users"
    return ""


@check("kill_switch")
def kill_switch(facts: Facts, criterion: Criterion) -> CriterionResult:
    """A drill of the kill switch was confirmed by every running gateway, fast enough and lately."""
    most_s = float(criterion.settings.get("seconds_max", 5))
    days = int(criterion.settings.get("age_days_max", 90))
    bound = f"confirmed in ≤ {most_s:g} s, ≤ {days} days ago"
    how = f"`groundcrew drill use-case:{facts.use_case.name}` while the gateway runs"
    found = facts.valid("kill_switch_drill")
    if found is None or facts.now - found.recorded_at > timedelta(days=days):
        return result(criterion, "unknown", figure=facts.latest_state("kill_switch_drill"), bound=bound, missing=how)
    seconds, gateways = float(found.content["seconds"]), int(found.content["gateways"])
    confirmed = found.content["state"] == "confirmed_stopped" and gateways > 0 and seconds <= most_s
    return result(
        criterion,
        "pass" if confirmed else "fail",
        figure=f"{found.content['state']} in {seconds:.2f} s at {gateways} gateway{'' if gateways == 1 else 's'}",
        bound=bound,
        source=_recorded(found.recorded_at),
        missing=how,
        evidence=(found.sha256,),
    )


@check("attestation")
def attestation(facts: Facts, criterion: Criterion) -> CriterionResult:
    """Someone who did not build the use case attests the criterion. Where incidents are asked for, nobody's word counts any
    more: they are on record, and so is whether any is open."""
    if criterion.key == "incidents":
        return incidents(facts, criterion)
    return attested(facts, criterion, criterion.key, "a person who did not build it must attest")


def _recorded(moment: object) -> str:
    return f"recorded {moment:%Y-%m-%d %H:%M} UTC"
