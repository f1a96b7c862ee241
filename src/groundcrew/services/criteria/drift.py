"""The criterion that drift would be seen: this version has a reference, somebody looks, and somebody is named who hears of it."""

from __future__ import annotations

from datetime import timedelta

from groundcrew.domain.drift import REFERENCE_CALLS_MIN
from groundcrew.domain.gate import Criterion, CriterionResult, CriterionStatus
from groundcrew.services.criteria.registry import check, result
from groundcrew.services.gate_facts import Facts


@check("drift_reference")
def drift_reference(facts: Facts, criterion: Criterion) -> CriterionResult:
    """A reference of at least `calls_min` calls of the current version, monitors that looked within `age_days_max` days, and an
    owner of alarms. Nobody can attest it: it is there or it is not."""
    least = int(criterion.settings.get("calls_min", REFERENCE_CALLS_MIN))
    days = float(criterion.settings.get("age_days_max", 2))
    bound = f"a reference of ≥ {least} calls of this version, looked at within {days:g} days, an owner of alarms"
    found, name = facts.drift, facts.use_case.name
    if found is None or not found.enabled:
        missing = "declare drift: {enabled: true, owner: somebody@…}"
        return result(criterion, "fail", figure="the monitors are off", bound=bound, missing=missing)
    todo: list[str] = []
    status: CriterionStatus = "pass"
    if not found.owner:
        todo.append("declare drift: {owner: somebody@…}, or an alert rule on drift_alarms with a channel")
        status = "fail"
    head = found.reference
    if head is None:
        todo.append(
            f"{found.waiting} of {found.needed} calls for a reference: more calls, or "
            f"`groundcrew drift reference {name} --since DAY --until DAY --reason WHY`"
        )
    elif head.calls < least:
        todo.append(f"the reference holds {head.calls} calls: `groundcrew drift reference {name} --since DAY --reason WHY`")
        status = "fail"
    looked = found.looked_at
    fresh = looked is not None and facts.now - looked <= timedelta(days=days)
    if not fresh:
        todo.append("keep a server running (`groundcrew up`, or `groundcrew control`): it looks every minute")
    if todo and status == "pass":
        status = "unknown"
    said = f"{head.calls} calls, {head.since:%Y-%m-%d} to {head.until:%Y-%m-%d}" if head is not None else "no reference yet"
    alarms = f"; {len(found.open_alarms)} open alarms" if found.open_alarms else ""
    return result(
        criterion,
        status,
        figure=f"{said}{alarms}",
        bound=bound,
        n=head.calls if head is not None else None,
        missing="; ".join(todo),
        source=f"looked at {looked:%Y-%m-%d %H:%M} UTC; alarms go to {found.owner or 'nobody'}" if looked is not None else "",
    )
