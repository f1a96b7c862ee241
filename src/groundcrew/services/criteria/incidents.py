"""The criterion on incidents: nothing severe is open, and what was promised after incidents and in the Stream is done."""

from __future__ import annotations

from groundcrew.domain.gate import Criterion, CriterionResult
from groundcrew.domain.incident import IncidentAction
from groundcrew.domain.meeting import ActionItem
from groundcrew.services.criteria.registry import check, result
from groundcrew.services.gate_facts import Facts

#: Incidents and actions that are named; further ones are counted.
NAMED_MAX = 3


@check("incidents")
def incidents(facts: Facts, criterion: Criterion) -> CriterionResult:
    """No incident of severity 1 is open, and no action is overdue: none after an incident, none that the Stream gave out. Nobody
    can attest otherwise."""
    standing = facts.governance.incidents
    severe = standing.severe
    overdue: list[IncidentAction | ActionItem] = [*standing.overdue, *standing.overdue_of_stream]
    what = [f"close incident {each.id} ({each.title}) with its cause" for each in severe]
    what += [f"finish \u201c{each.title}\u201d of {each.owner}, due {each.due}" for each in overdue]
    more = len(what) - NAMED_MAX
    return result(
        criterion,
        "fail" if what else "pass",
        figure=f"{len(severe)} open of severity 1, {len(overdue)} overdue actions"
        + (f"; {len(standing.open)} open in all" if standing.open else ""),
        bound="0 open of severity 1, 0 overdue actions",
        n=len(standing.open),
        source="recorded incidents, their actions, and those of the Stream",
        missing="; ".join(what[:NAMED_MAX]) + (f" and {more} more" if more > 0 else ""),
    )
