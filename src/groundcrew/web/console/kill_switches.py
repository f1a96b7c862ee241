"""The kill switch's page: what is stopped, stopping, starting again with two people, and drills. It needs no JavaScript."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import QueryParameter

from groundcrew.domain.enforcement_point import EnforcementPoint
from groundcrew.domain.kill_switch import parse_scope
from groundcrew.errors import Conflict, InputError, NotFound
from groundcrew.services.kill_switches import FORGET_AFTER_S
from groundcrew.web.api.common import REASON_LENGTH_MAX, principal_of, services_of, views_of
from groundcrew.web.console.page import Page, PageRequest, render, see
from groundcrew.web.console.words import DONE
from groundcrew.web.requests import read_form

#: What one types to stop or drill, so that it is not done by a slip.
CONFIRMATION = "stop"
SCOPE_LENGTH_MAX, GATEWAY_LENGTH_MAX = 200, 100

ReasonField = Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)]


class StopForm(msgspec.Struct, frozen=True, kw_only=True):
    """What to stop and why; `confirm` repeats the word asked for."""

    scope: Annotated[str, msgspec.Meta(max_length=SCOPE_LENGTH_MAX)]
    reason: ReasonField = ""
    confirm: Annotated[str, msgspec.Meta(max_length=40)] = ""


class ResumeForm(msgspec.Struct, frozen=True, kw_only=True):
    """What to start again and why."""

    scope: Annotated[str, msgspec.Meta(max_length=SCOPE_LENGTH_MAX)]
    reason: ReasonField = ""


class ForgetForm(msgspec.Struct, frozen=True, kw_only=True):
    """Which gateway is gone, and how one knows."""

    gateway: Annotated[str, msgspec.Meta(min_length=1, max_length=GATEWAY_LENGTH_MAX)]
    reason: ReasonField = ""


class GatewayRow(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway as the page shows it; `behind` counts the changes that it does not enforce yet."""

    id: str
    kind: str
    host: str
    process_id: int
    behind: int
    silent_s: int
    paused_s: float
    resumed_at: datetime | None
    cut: dict[str, int]
    refuses: bool
    forgettable: bool


@get("/kill-switches", action="read")
async def switches_page(
    request: PageRequest,
    chosen: Annotated[str, QueryParameter(name="scope", max_length=SCOPE_LENGTH_MAX)] = "",
    done: Annotated[str, QueryParameter(max_length=40)] = "",
) -> Page:
    """All switches and the form to trip one."""
    return await _page(request, chosen=chosen, message=DONE.get(done))


@post("/kill-switches/stop", action="stop")
async def stop(request: PageRequest) -> Page:
    """Trip a switch and wait for the gateways."""
    form = await read_form(request, StopForm)
    try:
        _confirm(form.confirm)
        await services_of(request).kill_switches.stop(
            parse_scope(form.scope), actor=principal_of(request).actor, reason=form.reason
        )
    except (Conflict, InputError, NotFound) as error:
        return await _refused(request, error, form)
    return see("/kill-switches?done=stopped")


@post("/kill-switches/drill", action="drill")
async def drill(request: PageRequest) -> Page:
    """Trip, measure and arm again."""
    form = await read_form(request, StopForm)
    try:
        _confirm(form.confirm)
        await services_of(request).kill_switches.drill(
            parse_scope(form.scope), actor=principal_of(request).actor, reason=form.reason or "drill"
        )
    except (Conflict, InputError, NotFound) as error:
        return await _refused(request, error, form)
    return see("/kill-switches?done=drilled")


@post("/kill-switches/resume", action="resume")
async def resume(request: PageRequest) -> Page:
    """Ask for a reset, or confirm what another person asked for."""
    form = await read_form(request, ResumeForm)
    try:
        switch = await services_of(request).kill_switches.resume(
            parse_scope(form.scope), actor=principal_of(request).actor, reason=form.reason
        )
    except (Conflict, InputError, NotFound) as error:
        return await _refused(request, error, None)
    return see(f"/kill-switches?done={'asked' if switch.denies else 'reset'}")


@post("/kill-switches/forget", action="resume")
async def forget(request: PageRequest) -> Page:
    """Say that a gateway is gone."""
    form = await read_form(request, ForgetForm)
    try:
        await services_of(request).kill_switches.forget_gateway(
            form.gateway, actor=principal_of(request).actor, reason=form.reason
        )
    except (Conflict, InputError, NotFound) as error:
        return await _refused(request, error, None)
    return see("/kill-switches?done=forgotten")


def _row(point: EnforcementPoint, version: int) -> GatewayRow:
    resumed = point.resumed_at_s
    return GatewayRow(
        id=point.id,
        kind=point.kind,
        host=point.host,
        process_id=point.process_id,
        behind=max(0, version - point.snapshot_version),
        silent_s=int(point.silent_s),
        paused_s=point.paused_s,
        resumed_at=datetime.fromtimestamp(resumed, UTC) if resumed is not None else None,
        cut=point.cut,
        refuses=point.refuses,
        forgettable=point.silent_s >= FORGET_AFTER_S,
    )


def _confirm(word: str) -> None:
    if word.strip().casefold() != CONFIRMATION:
        raise InputError(f"type {CONFIRMATION} to confirm", field="confirm")


async def _refused(request: PageRequest, error: Conflict | InputError | NotFound, form: StopForm | None) -> Page:
    status = 400 if isinstance(error, InputError) else 409 if isinstance(error, Conflict) else 404
    problem = error.message if isinstance(error, InputError) else str(error)
    return await _page(request, status=status, problem=problem, chosen=form.scope if form else "", form=form)


async def _page(
    request: PageRequest,
    *,
    chosen: str,
    status: int = 200,
    message: str | None = None,
    problem: str | None = None,
    form: StopForm | None = None,
) -> Page:
    service = services_of(request).kill_switches
    switches, version = await service.find(), await service.version()
    return await render(
        request,
        "kill_switches.html",
        status=status,
        here="kill_switches",
        switches=sorted(switches, key=lambda each: (not each.denies, str(each.scope))),
        points=[_row(each, version) for each in await service.points()],
        scopes=await views_of(request).scopes(),
        chosen=chosen,
        confirmation=CONFIRMATION,
        form=form,
        message=message,
        problem=problem,
    )


HANDLERS = [switches_page, stop, drill, resume, forget]
