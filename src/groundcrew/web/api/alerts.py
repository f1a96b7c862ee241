"""Alerts: what fires, the rules that raise it, and what people say to it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from groundcrew.domain.alert import REASON_LENGTH_MAX, SILENCE_S_MAX, Alert, AlertState, Figure, Silence
from groundcrew.services.alerts import RuleView
from groundcrew.web.api.common import PAGE_ROWS_DEFAULT, ApiRequest, PageSize, principal_of, services_of

NAME_LENGTH_MAX = 64

ForSeconds = Annotated[int, msgspec.Meta(ge=60, le=SILENCE_S_MAX)]
ReasonText = Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_LENGTH_MAX)]
NameText = Annotated[str, msgspec.Meta(max_length=NAME_LENGTH_MAX)]


class Acknowledgement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That one sees to it, why, and for how many seconds it is not to be told again."""

    reason: ReasonText
    for_s: ForSeconds = 3_600


class NewSilence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to send nothing of, why and for how many seconds; an empty rule or use case means every one."""

    reason: ReasonText
    for_s: ForSeconds
    rule: NameText = ""
    use_case: NameText = ""


class MetricAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A metric that rules can be about. `window_s` is the time it is taken over where a rule says none; None: how things are."""

    name: str
    title: str
    unit: str
    subject: str
    meaning: str
    window_s: int | None


@get("/alerts", action="read", tags=["alerts"], summary="List alerts")
async def list_alerts(
    request: ApiRequest,
    state_now: Annotated[AlertState | None, QueryParameter(name="state", description="firing or resolved")] = None,
    use_case: Annotated[str | None, QueryParameter(max_length=NAME_LENGTH_MAX)] = None,
    limit: PageSize = PAGE_ROWS_DEFAULT,
) -> dict[str, list[Alert]]:
    """The newest first."""
    return {"alerts": await services_of(request).alerts.find(state=state_now, use_case=use_case, limit=limit)}


@get("/alerts/rules", action="read", tags=["alerts"], summary="List alert rules")
async def list_rules(request: ApiRequest) -> dict[str, list[RuleView]]:
    """Shipped and declared rules, each with where it stands for every subject that is not ok."""
    return {"rules": await services_of(request).alerts.rules()}


@get("/alerts/rules/{name:str}/figures", action="read", tags=["alerts"], summary="What a rule's metric says now")
async def rule_figures(request: ApiRequest, name: FromPath[str]) -> dict[str, dict[str, Figure]]:
    """By use case, or under an empty name where the platform is meant."""
    return {"figures": await services_of(request).alerts.figures(name)}


@get("/alerts/metrics", action="read", tags=["alerts"], summary="What alert rules can be about", sync_to_thread=False)
def list_metrics(request: ApiRequest) -> dict[str, list[MetricAnswer]]:
    """What is computed at every look; rules may name any figure of a use case's metrics report as well."""
    found = services_of(request).alerts.metrics()
    return {
        "metrics": [
            MetricAnswer(
                name=each.name,
                title=each.title,
                unit=each.unit,
                subject=each.subject,
                meaning=each.meaning,
                window_s=each.window_s,
            )
            for each in found
        ]
    }


@get("/alerts/silences", action="read", tags=["alerts"], summary="List silences")
async def list_silences(request: ApiRequest) -> dict[str, list[Silence]]:
    """What is silenced now, the one that ends first first."""
    return {"silences": await services_of(request).alerts.silences()}


@post("/alerts/silences", action="manage_alerts", status_code=201, tags=["alerts"], summary="Silence alerts")
async def silence(request: ApiRequest, data: JSONBody[NewSilence]) -> Silence:
    """Nothing is sent for a while; alerts are raised and shown all the same."""
    return await services_of(request).alerts.silence(
        actor=principal_of(request).actor, reason=data.reason, for_s=data.for_s, rule=data.rule, use_case=data.use_case
    )


@post("/alerts/silences/{silence_id:str}/end", action="manage_alerts", status_code=200, tags=["alerts"], summary="End a silence")
async def end_silence(request: ApiRequest, silence_id: FromPath[str]) -> Silence:
    """Messages go out again."""
    return await services_of(request).alerts.end_silence(silence_id, actor=principal_of(request).actor)


@get("/alerts/{alert_id:str}", action="read", tags=["alerts"], summary="One alert")
async def get_alert(request: ApiRequest, alert_id: FromPath[str]) -> Alert:
    """The alert with its figure, and what was told of it."""
    return await services_of(request).alerts.get(alert_id)


@post("/alerts/{alert_id:str}/acknowledge", action="manage_alerts", status_code=200, tags=["alerts"], summary="See to an alert")
async def acknowledge(request: ApiRequest, alert_id: FromPath[str], data: JSONBody[Acknowledgement]) -> Alert:
    """It is not told again for as long."""
    return await services_of(request).alerts.acknowledge(
        alert_id, actor=principal_of(request).actor, reason=data.reason, for_s=data.for_s
    )


HANDLERS = [
    list_alerts,
    list_rules,
    rule_figures,
    list_metrics,
    list_silences,
    silence,
    end_silence,
    get_alert,
    acknowledge,
]
