"""The register of criterion checks, and the three results that a check can give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from groundcrew.domain.gate import Criterion, CriterionResult, CriterionStatus
from groundcrew.errors import GroundcrewError
from groundcrew.services.gate_facts import Facts

Check = Callable[[Facts, Criterion], CriterionResult]

CHECKS: dict[str, Check] = {}
#: check → the console's page where it is closed, {0} being the use case.
LINKS: dict[str, str] = {
    "approvals": "/use-cases/{0}/governance#approvals",
    "ramp": "/use-cases/{0}/governance#ramp",
    "attestation": "/use-cases/{0}#evidence",
    "overlap_scan": "/use-cases/{0}#evidence",
    "overlaps": "/overlaps?use_case={0}",
    "hypothesis": "/use-cases/{0}#hypothesis",
    "rating": "/use-cases/{0}#ratings",
    "critical_harm": "/use-cases/{0}/ratings",
    "verdict": "/use-cases/{0}#outcomes",
    "guardrails": "/use-cases/{0}#outcomes",
    "grounded": "/spot-checks/{0}",
    "return_on_investment": "/use-cases/{0}/governance#return",
    "champion": "/champions",
    "incidents": "/incidents?use_case={0}",
    "drift_reference": "/use-cases/{0}/drift",
    "kill_switch": "/kill-switches?scope=use-case:{0}",
}


def check(name: str) -> Callable[[Check], Check]:
    """Register a check under the name that gate policies use."""

    def register(function: Check) -> Check:
        CHECKS[name] = function
        return function

    return register


def result(criterion: Criterion, status: CriterionStatus, **fields: Any) -> CriterionResult:
    """A result of `criterion`; what is missing is dropped from one that passes."""
    if status == "pass":
        fields.pop("missing", None)
    return CriterionResult(key=criterion.key, title=criterion.title, status=status, **fields)


def evaluate(facts: Facts, criterion: Criterion) -> CriterionResult:
    """Run the check that `criterion` names; a check that does not exist or breaks is unknown, which never passes."""
    function = CHECKS.get(criterion.check)
    if function is None:
        return result(criterion, "unknown", missing=f"nothing computes {criterion.check!r}: publish a policy without it")
    try:
        found = function(facts, criterion)
    except (ArithmeticError, ValueError, LookupError, TypeError, msgspec.MsgspecError, GroundcrewError) as error:
        return result(criterion, "unknown", missing=f"could not be computed: {error}")
    link = LINKS.get(criterion.check, "")
    if found.status == "pass" or found.link or not link:
        return found
    return msgspec.structs.replace(found, link=link.format(facts.use_case.name))
