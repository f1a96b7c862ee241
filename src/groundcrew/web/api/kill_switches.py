"""The kill switch: anyone authorised trips it alone, a reset takes two people, a drill measures it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody

from groundcrew.domain.enforcement_point import EnforcementPoint
from groundcrew.domain.kill_switch import KillSwitch, parse_scope
from groundcrew.services.kill_switches import StopReport
from groundcrew.web.api.common import REASON_LENGTH_MAX, ApiRequest, principal_of, services_of


class SwitchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A switch; `scope_text` is its scope as it is written: ``all`` or ``KIND:NAME``."""

    scope_text: str
    denies: bool
    switch: KillSwitch


class GatewaysAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`version` is the registry's: a gateway that enforces a lower one is behind."""

    version: int
    gateways: list[EnforcementPoint]


class ScopeIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to stop, start again or drill, and why. `scope` is ``all`` or ``KIND:NAME``."""

    scope: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_LENGTH_MAX)]


class ForgetIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one knows that a gateway has ended."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_LENGTH_MAX)]


def _answer(switch: KillSwitch) -> SwitchAnswer:
    return SwitchAnswer(scope_text=str(switch.scope), denies=switch.denies, switch=switch)


@get("/kill-switches", action="read", tags=["kill-switches"], summary="List the switches")
async def list_switches(request: ApiRequest) -> dict[str, list[SwitchAnswer]]:
    """Every switch that was ever tripped; all but `armed` deny."""
    return {"kill_switches": [_answer(each) for each in await services_of(request).kill_switches.find()]}


@get("/kill-switches/gateways", action="read", tags=["kill-switches"], summary="List the gateways")
async def list_gateways(request: ApiRequest) -> GatewaysAnswer:
    """Every gateway that may serve, with the version that it enforces, when it was last heard of, and its last pause."""
    service = services_of(request).kill_switches
    return GatewaysAnswer(version=await service.version(), gateways=await service.points())


@post("/kill-switches/stop", action="stop", status_code=200, tags=["kill-switches"], summary="Stop a scope")
async def stop(request: ApiRequest, data: JSONBody[ScopeIn]) -> StopReport:
    """Trip the switch and wait until every gateway enforces it; `stop_failed` names the gateways that did not say so."""
    scope = parse_scope(data.scope)
    return await services_of(request).kill_switches.stop(scope, actor=principal_of(request).actor, reason=data.reason)


@post("/kill-switches/resume", action="resume", status_code=200, tags=["kill-switches"], summary="Ask for or confirm a reset")
async def resume(request: ApiRequest, data: JSONBody[ScopeIn]) -> SwitchAnswer:
    """The first person asks, the second confirms."""
    scope = parse_scope(data.scope)
    actor = principal_of(request).actor
    return _answer(await services_of(request).kill_switches.resume(scope, actor=actor, reason=data.reason))


@post("/kill-switches/drill", action="drill", status_code=200, tags=["kill-switches"], summary="Drill a scope")
async def drill(request: ApiRequest, data: JSONBody[ScopeIn]) -> StopReport:
    """Trip, measure and arm again; the measured time becomes evidence."""
    scope = parse_scope(data.scope)
    return await services_of(request).kill_switches.drill(scope, actor=principal_of(request).actor, reason=data.reason)


@post(
    "/kill-switches/gateways/{gateway_id:str}/forget",
    action="resume",
    status_code=200,
    tags=["kill-switches"],
    summary="Say that a gateway is gone",
)
async def forget_gateway(request: ApiRequest, gateway_id: FromPath[str], data: JSONBody[ForgetIn]) -> EnforcementPoint:
    """Its process, container or machine has ended: stops wait for it no more. 409 where it was heard of just now."""
    return await services_of(request).kill_switches.forget_gateway(
        gateway_id, actor=principal_of(request).actor, reason=data.reason
    )


HANDLERS = [list_switches, list_gateways, stop, resume, drill, forget_gateway]
