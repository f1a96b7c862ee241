"""The criterion that no use case is tied to one vendor: an alternate of another one was rehearsed and holds."""

from __future__ import annotations

from groundcrew.domain.data_class import highest, provider_may_see
from groundcrew.domain.evidence import Evidence
from groundcrew.domain.gate import Criterion, CriterionResult
from groundcrew.domain.model_swap import named
from groundcrew.domain.provider import Provider, Target, address_of, vendor_of
from groundcrew.services.criteria.registry import check, result
from groundcrew.services.gate_facts import Facts


@check("model_swap")
def model_swap(facts: Facts, criterion: Criterion) -> CriterionResult:
    """At least `alternates_min` (1) declared alternates, each of another vendor than who answers, that may see the data and meet
    every guardrail in a valid rehearsal of the current version. `same_vendor: true` lets one of the same vendor count."""
    needed = int(criterion.settings.get("alternates_min", 1))
    same_vendor = bool(criterion.settings.get("same_vendor", False))
    whose = "" if same_vendor else " of another vendor"
    bound = f"≥ {needed} alternate{'' if needed == 1 else 's'}{whose} rehearsed, all guardrails hold"
    model, name = facts.model, facts.use_case.name
    if model is None or not model.stand_ins:
        return result(
            criterion,
            "fail" if model is not None else "unknown",
            figure="no alternate",
            bound=bound,
            missing=f"declare alternates: [{{provider: P, model: M}}] on the model {facts.use_case.model!r}, then rehearse one",
        )
    answering = {vendor_of(each) for each in facts.providers if any(pair[0] == each.name for pair in model.answering)}
    providers = {each.name: each for each in facts.stand_in_providers}
    held: list[Evidence] = []
    problems: list[str] = []
    failed = False
    for each in model.stand_ins:
        pair = (each.provider, each.model)
        evidence, problem = _standing(facts, each, providers.get(each.provider))
        if not problem and not same_vendor and vendor_of(providers[each.provider]) in answering:
            problem = f"{named(pair)} is of the vendor that answers now"
        if problem:
            problems.append(problem)
            failed = failed or evidence is not None
        elif evidence is not None:
            held.append(evidence)
    if len(held) >= needed:
        newest = held[-1]
        return result(
            criterion,
            "pass",
            figure=f"{len(held)} of {len(model.stand_ins)} alternates hold: {', '.join(each.subject for each in held)}",
            bound=bound,
            n=int(newest.content["pairs"]),
            source=f"rehearsed {newest.recorded_at:%Y-%m-%d}, valid until {newest.valid_until:%Y-%m-%d}",
        )
    first = model.stand_ins[0]
    how = f"`groundcrew model rehearse {name} --alternate {named((first.provider, first.model))}`"
    return result(
        criterion,
        "fail" if failed else "unknown",
        figure=f"{len(held)} of {len(model.stand_ins)} alternates hold",
        bound=bound,
        missing="; ".join([*problems, how]),
    )


def _standing(facts: Facts, target: Target, provider: Provider | None) -> tuple[Evidence | None, str]:
    """The valid rehearsal of an alternate, and why it does not count ("" where it does)."""
    subject = named((target.provider, target.model))
    needed = highest(facts.use_case.data_classes)
    if provider is None or not provider_may_see(needed, provider.data_classes, baa=provider.baa):
        return None, f"{target.provider} may not see {needed}"
    evidence = facts.valid("model_swap_rehearsal", subject)
    if evidence is None:
        return None, f"{subject}: its rehearsal is {facts.latest_state('model_swap_rehearsal', subject)}"
    if evidence.content.get("address") != address_of(provider):
        return None, f"{subject} has another address since its rehearsal"
    if not evidence.content.get("holds"):
        return evidence, f"{subject}: {evidence.content.get('why')}"
    return evidence, ""
