"""What a sign-off rule names that is not there: a guard that the policy does not have, a trust that nothing scores. At run time
what can not be told makes an answer wait, and all answers would."""

from __future__ import annotations

from groundcrew.domain.guard import Policy
from groundcrew.errors import DeclarationError
from groundcrew.services.declaration_fields import shown, suggestion
from groundcrew.services.declared import Declarations
from groundcrew.store import catalog
from groundcrew.store.database import Connection


async def sign_off_problems(connection: Connection, declarations: Declarations) -> list[DeclarationError]:
    """A complaint for each condition of a declared use case that could never be decided."""
    declared = {each.value.name: each.value for each in declarations.policies}
    found: list[DeclarationError] = []
    for use_case in declarations.use_cases:
        value = use_case.value
        for index, condition in enumerate(value.sign_off.rules if value.sign_off is not None else ()):
            place = f"sign_off.rules[{index}]"
            if condition.trust_below is not None and value.grounding is None:
                why = "no answer has a trust score without grounding, so that all would wait: declare grounding as well"
                found.append(use_case.error(why, f"{place}.trust_below"))
            if condition.guard is not None:
                name = value.policy or ""
                policy = declared.get(name) or await catalog.POLICIES.get(connection, name)
                if problem := _guard_problem(condition.guard, policy):
                    found.append(use_case.error(problem, f"{place}.guard"))
    return found


def _guard_problem(guard: str, policy: Policy | None) -> str:
    if policy is None:
        return f"{shown(guard)} is a guard of a policy, and the use case has none"
    known = {name for each in policy.guards for name in (each.guard, each.label)}
    return "" if guard in known else f"the policy {policy.name} has no guard {shown(guard)}{suggestion(guard, known)}"
