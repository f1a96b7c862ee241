"""Alerts in the console: what fires first, the rules that raise it, seeing to an alert and silencing some. No script needed."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.domain.alert import REASON_LENGTH_MAX, SILENCE_S_MAX, SILENCE_SEVERE_S_MAX, Alert
from groundcrew.errors import Conflict, InputError
from groundcrew.web.api.common import principal_of, services_of
from groundcrew.web.console.page import Page, PageRequest, render, see
from groundcrew.web.console.words import DONE
from groundcrew.web.requests import read_form

#: Alerts that are over and still listed.
OVER_SHOWN_MAX = 50
NAME_LENGTH_MAX = 64
#: For how long, as a choice: minutes → words.
TIMES = ((30, "30 minutes"), (60, "an hour"), (240, "4 hours"), (1_440, "a day"), (10_080, "a week"))

ReasonField = Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)]
Minutes = Annotated[int, msgspec.Meta(ge=1, le=SILENCE_S_MAX // 60)]


class AcknowledgeForm(msgspec.Struct, frozen=True, kw_only=True):
    """That one sees to an alert, and for how long it is not told again."""

    reason: ReasonField = ""
    minutes: Minutes = 60


class SilenceForm(msgspec.Struct, frozen=True, kw_only=True):
    """What to send nothing of, and for how long."""

    rule: Annotated[str, msgspec.Meta(max_length=NAME_LENGTH_MAX)] = ""
    use_case: Annotated[str, msgspec.Meta(max_length=NAME_LENGTH_MAX)] = ""
    reason: ReasonField = ""
    minutes: Minutes = 60


class EndForm(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing: the silence is in the address."""


@get("/alerts", action="read")
async def alerts_page(
    request: PageRequest,
    use_case: Annotated[str, QueryParameter(max_length=NAME_LENGTH_MAX)] = "",
    done: Annotated[str, QueryParameter(max_length=40)] = "",
) -> Page:
    """What fires, what is over, and every rule."""
    return await _page(request, use_case=use_case, message=DONE.get(done))


@get("/alerts/{alert_id:str}", action="read")
async def alert_page(
    request: PageRequest, alert_id: FromPath[str], done: Annotated[str, QueryParameter(max_length=40)] = ""
) -> Page:
    """One alert: the figure, what was told, and who sees to it."""
    return await _alert(request, await services_of(request).alerts.get(alert_id), message=DONE.get(done))


@post("/alerts/{alert_id:str}/acknowledge", action="manage_alerts")
async def acknowledge(request: PageRequest, alert_id: FromPath[str]) -> Page:
    """Say that one sees to it."""
    form = await read_form(request, AcknowledgeForm)
    alerts = services_of(request).alerts
    try:
        await alerts.acknowledge(alert_id, actor=principal_of(request).actor, reason=form.reason, for_s=form.minutes * 60)
    except (Conflict, InputError) as error:
        status, problem = _told(error)
        return await _alert(request, await alerts.get(alert_id), status=status, problem=problem, form=form)
    return see(f"/alerts/{alert_id}?done=seen_to")


@post("/alert-silences", action="manage_alerts")
async def silence(request: PageRequest) -> Page:
    """Send nothing of some alerts for a while."""
    form = await read_form(request, SilenceForm)
    try:
        await services_of(request).alerts.silence(
            actor=principal_of(request).actor,
            reason=form.reason,
            for_s=form.minutes * 60,
            rule=form.rule,
            use_case=form.use_case,
        )
    except (Conflict, InputError) as error:
        status, problem = _told(error)
        return await _page(request, status=status, problem=problem, form=form)
    return see("/alerts?done=silenced#silences")


@post("/alert-silences/{silence_id:str}/end", action="manage_alerts")
async def end_silence(request: PageRequest, silence_id: FromPath[str]) -> Page:
    """Let messages out again."""
    await read_form(request, EndForm)
    try:
        await services_of(request).alerts.end_silence(silence_id, actor=principal_of(request).actor)
    except Conflict as error:
        return await _page(request, status=409, problem=str(error))
    return see("/alerts?done=unsilenced#silences")


def _told(error: Conflict | InputError) -> tuple[int, str]:
    return (400, error.message) if isinstance(error, InputError) else (409, str(error))


async def _alert(
    request: PageRequest,
    alert: Alert,
    *,
    status: int = 200,
    message: str | None = None,
    problem: str | None = None,
    form: AcknowledgeForm | None = None,
) -> Page:
    most = SILENCE_SEVERE_S_MAX if alert.severity == 1 else SILENCE_S_MAX
    rules = {each.rule.name: each.rule for each in await services_of(request).alerts.rules()}
    return await render(
        request,
        "alert.html",
        status=status,
        here="alerts",
        alert=alert,
        rule=rules.get(alert.rule),
        times=[each for each in TIMES if each[0] * 60 <= most],
        form=form,
        message=message,
        problem=problem,
    )


async def _page(
    request: PageRequest,
    *,
    use_case: str = "",
    status: int = 200,
    message: str | None = None,
    problem: str | None = None,
    form: SilenceForm | None = None,
) -> Page:
    services = services_of(request)
    firing = await services.alerts.find(state="firing", use_case=use_case or None)
    return await render(
        request,
        "alerts.html",
        status=status,
        here="alerts",
        use_case=use_case,
        firing=sorted(firing, key=lambda each: (each.severity, each.id)),
        over=await services.alerts.find(state="resolved", use_case=use_case or None, limit=OVER_SHOWN_MAX),
        rules=sorted(await services.alerts.rules(), key=lambda each: (not each.tracks, each.rule.severity, each.rule.name)),
        silences=await services.alerts.silences(),
        use_cases=[each.name for each in await services.use_cases.find()],
        times=TIMES,
        form=form,
        message=message,
        problem=problem,
    )


HANDLERS = [alerts_page, alert_page, acknowledge, silence, end_silence]
