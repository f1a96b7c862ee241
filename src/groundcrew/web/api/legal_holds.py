"""Legal holds: what may not be removed. People of legal place them; two of them lift one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Request, get, post
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, JSONBody

from groundcrew.domain.legal_hold import NAMES_MAX, TEXT_LENGTH_MAX, LegalHold
from groundcrew.domain.moments import in_utc
from groundcrew.services.legal_holds import MATTER_LENGTH_MAX, NAME_LENGTH_MAX, NewHold
from groundcrew.web.api.common import ApiRequest, Reason, principal_of, services_of
from groundcrew.web.authorization import allowed

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_LENGTH_MAX)]
Names = Annotated[list[Name], msgspec.Meta(max_length=NAMES_MAX)]


class HoldWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be kept. An empty list means all; what can not be told apart is kept as well."""

    matter: Annotated[str, msgspec.Meta(min_length=1, max_length=MATTER_LENGTH_MAX)]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_LENGTH_MAX)]
    use_cases: Names = []
    cases: Names = []
    persons: Names = []
    calls: Names = []
    received_from: datetime | None = None
    received_until: datetime | None = None


class HoldList(msgspec.Struct, frozen=True, kw_only=True):
    """Holds, newest first."""

    legal_holds: list[LegalHold]


@get("/legal-holds", action="read", tags=["legal holds"], summary="List legal holds")
async def list_holds(request: ApiRequest, use_case: FromQuery[str | None] = None) -> HoldList:
    """The newest first, those that cover one use case where given. Whom and which cases a hold names is told to legal and to who
    reads the audit log."""
    found = await services_of(request).legal_holds.find(use_case=use_case)
    return HoldList(legal_holds=[told_to(request, each) for each in found])


@post("/legal-holds", action="hold_records", tags=["legal holds"], summary="Place a legal hold")
async def place(request: ApiRequest, data: JSONBody[HoldWanted]) -> LegalHold:
    """Nothing that it covers is removed from now on."""
    return await services_of(request).legal_holds.place(new_hold(data), actor=principal_of(request).actor)


@post("/legal-holds/{hold_id:str}/request-lift", action="hold_records", tags=["legal holds"], summary="Ask that a hold be lifted")
async def request_lift(request: ApiRequest, hold_id: FromPath[str], data: JSONBody[Reason]) -> LegalHold:
    """It stands until a second person of legal confirms."""
    actor = principal_of(request).actor
    return await services_of(request).legal_holds.request_lift(hold_id, actor=actor, reason=data.reason)


@post("/legal-holds/{hold_id:str}/lift", action="hold_records", tags=["legal holds"], summary="Lift a hold, as the second person")
async def lift(request: ApiRequest, hold_id: FromPath[str], data: JSONBody[Reason]) -> LegalHold:
    """What it kept goes with the next run of the retention."""
    return await services_of(request).legal_holds.lift(hold_id, actor=principal_of(request).actor, reason=data.reason)


@post("/legal-holds/{hold_id:str}/keep", action="hold_records", tags=["legal holds"], summary="Say no to a lift")
async def keep(request: ApiRequest, hold_id: FromPath[str], data: JSONBody[Reason]) -> LegalHold:
    """The hold goes on."""
    return await services_of(request).legal_holds.keep(hold_id, actor=principal_of(request).actor, reason=data.reason)


def new_hold(data: HoldWanted) -> NewHold:
    """What the service takes."""
    return NewHold(
        matter=data.matter,
        reason=data.reason,
        use_cases=tuple(data.use_cases),
        cases=tuple(data.cases),
        persons=tuple(data.persons),
        calls=tuple(data.calls),
        received_from=in_utc(data.received_from, "received_from") if data.received_from is not None else None,
        received_until=in_utc(data.received_until, "received_until") if data.received_until is not None else None,
    )


def told_to(request: Request[object, object, State], hold: LegalHold) -> LegalHold:
    """A hold as who asks may see it: matters and names are for legal and for who reads the audit log."""
    principal = principal_of(request)
    if allowed(principal, "hold_records") or allowed(principal, "read_audit"):
        return hold
    return msgspec.structs.replace(hold, matter="not shown", reason="", persons=(), cases=(), calls=(), lift_reason="")


HANDLERS = [list_holds, place, request_lift, lift, keep]
