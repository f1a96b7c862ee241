"""Whether declared alert rules are about something that there is: a rule that watches nothing would never say so."""

from __future__ import annotations

from groundcrew.errors import DeclarationError
from groundcrew.services.alert_evaluation import metric_names
from groundcrew.services.declared import Declarations
from groundcrew.services.lookups import nearest
from groundcrew.store import catalog
from groundcrew.store.database import Connection

#: Rules that may be declared: each is looked at every few seconds for every use case in its scope.
RULES_MAX = 500


async def rule_problems(connection: Connection, declarations: Declarations) -> list[DeclarationError]:
    """A complaint for every rule whose metric, use case or business unit is neither known nor declared beside it."""
    if not declarations.alert_rules:
        return []
    use_cases = {each.name: each for each in await catalog.USE_CASES.find(connection)}
    use_cases.update({each.value.name: each.value for each in declarations.use_cases})
    scopes = {f"use-case:{name}" for name in use_cases} | {f"unit:{each.business_unit}" for each in use_cases.values()}
    metrics, found = metric_names(use_cases), []
    for each in declarations.alert_rules:
        rule = each.value
        if rule.metric not in metrics:
            found.append(each.error(f"no metric {rule.metric!r}{nearest(rule.metric, metrics)}", "metric"))
        if rule.scope != "all" and rule.scope not in scopes:
            found.append(each.error(f"there is no {rule.scope!r}{nearest(rule.scope, scopes)}", "scope"))
    names = {each.name for each in await catalog.ALERT_RULES.find(connection)} | {
        each.value.name for each in declarations.alert_rules
    }
    if len(names) > RULES_MAX:
        found.append(declarations.alert_rules[-1].error(f"more than {RULES_MAX} alert rules", "name"))
    return found
