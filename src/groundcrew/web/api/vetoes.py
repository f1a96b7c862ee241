"""Vetoes and authorities over the API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from groundcrew.domain.approval import FUNCTIONS, Function
from groundcrew.domain.authority import (
    AUTHORITY_DAYS_DEFAULT,
    AUTHORITY_DAYS_MAX,
    DEPUTIES_MAX,
    AuthorityRequest,
    Deputies,
    Right,
    Scope,
)
from groundcrew.domain.use_case import Stage
from groundcrew.domain.veto import (
    CONDITIONS_MAX,
    EXPLANATION_LENGTH_MAX,
    GROUND_LENGTH_MAX,
    REQUESTS_MAX,
    LiftCondition,
    Need,
    Veto,
    VetoEvent,
)
from groundcrew.services.authorities import AuthorityNow
from groundcrew.services.vetoes import NewVeto, VetoView
from groundcrew.web.api.common import PAGE_ROWS_DEFAULT, REASON_LENGTH_MAX, ApiRequest, PageSize, principal_of, services_of

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=EXPLANATION_LENGTH_MAX)]
WhyText = Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_LENGTH_MAX)]


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request says."""


class VetoFiling(_Body, frozen=True, kw_only=True):
    """What is objected to, for which function, on what ground, what it needs, and what lifts it. `stage` is the gate, left out:
    all of them. `review_at` is at most 90 days ahead, 14 where it is left out."""

    use_case: Name
    function: Function
    ground: Annotated[str, msgspec.Meta(max_length=GROUND_LENGTH_MAX)]
    explanation: Annotated[str, msgspec.Meta(max_length=EXPLANATION_LENGTH_MAX)]
    need: Need
    conditions: Annotated[list[LiftCondition], msgspec.Meta(max_length=CONDITIONS_MAX)]
    stage: Stage | None = None
    review_at: datetime | None = None
    requests: Annotated[list[Annotated[str, msgspec.Meta(max_length=80)]], msgspec.Meta(max_length=REQUESTS_MAX)] = []
    stops_calls: bool = False
    stop_reason: Annotated[str, msgspec.Meta(max_length=GROUND_LENGTH_MAX)] = ""


class VetoReason(_Body, frozen=True, kw_only=True):
    """Why it ends."""

    reason: Text


class VetoReviewed(_Body, frozen=True, kw_only=True):
    """What the look came to, and until when it stands."""

    text: Text
    review_at: datetime | None = None


class VetoNote(_Body, frozen=True, kw_only=True):
    """What there is to say about it."""

    text: Text


class AuthorityAsked(_Body, frozen=True, kw_only=True):
    """Who is to approve or veto for which function, where and for how many days, and what makes them an expert."""

    person: Annotated[str, msgspec.Meta(min_length=1, max_length=254)]
    function: Function
    rights: Annotated[list[Right], msgspec.Meta(min_length=1, max_length=2)]
    reason: WhyText
    scope: Scope = Scope()
    days: Annotated[int, msgspec.Meta(ge=1, le=AUTHORITY_DAYS_MAX)] = AUTHORITY_DAYS_DEFAULT


class DeputiesNamed(_Body, frozen=True, kw_only=True):
    """Who stands in for a function, in turn."""

    function: Function
    people: Annotated[
        list[Annotated[str, msgspec.Meta(min_length=1, max_length=254)]], msgspec.Meta(min_length=1, max_length=DEPUTIES_MAX)
    ]
    reason: WhyText


@get("/vetoes", action="read", tags=["vetoes"], summary="List vetoes")
async def list_vetoes(
    request: ApiRequest,
    use_case: Annotated[str | None, QueryParameter(max_length=64)] = None,
    active: Annotated[bool, QueryParameter(description="Only those that hold their use case")] = False,
    limit: PageSize = PAGE_ROWS_DEFAULT,
) -> dict[str, list[Veto]]:
    """Those that are active first, then the newest."""
    return {"vetoes": await services_of(request).vetoes.find(use_case=use_case, active=active, limit=limit)}


@post("/vetoes", action="file_veto", status_code=201, tags=["vetoes"], summary="File a veto")
async def file_veto(request: ApiRequest, data: JSONBody[VetoFiling]) -> Veto:
    """It holds the use case at once. 403 for who does not speak for the function."""
    fields = {name: getattr(data, name) for name in data.__struct_fields__}
    lists: dict[str, Any] = {"conditions": tuple(data.conditions), "requests": tuple(data.requests)}
    return await services_of(request).vetoes.file(NewVeto(**{**fields, **lists}), actor=principal_of(request).actor)


@get("/vetoes/{veto_id:str}", action="read", tags=["vetoes"], summary="One veto")
async def get_veto(request: ApiRequest, veto_id: FromPath[str]) -> VetoView:
    """With its conditions as they stand now, who may withdraw it, and its history, oldest first."""
    return await services_of(request).vetoes.get(veto_id)


@post("/vetoes/{veto_id:str}/check", action="evaluate_gate", status_code=200, tags=["vetoes"], summary="Check the conditions")
async def check_veto(request: ApiRequest, veto_id: FromPath[str]) -> VetoView:
    """Look at them again, and note what has changed. Nothing is lifted by it."""
    return await services_of(request).vetoes.check(veto_id, actor=principal_of(request).actor)


@post("/vetoes/{veto_id:str}/withdraw", action="withdraw_veto", status_code=200, tags=["vetoes"], summary="Withdraw a veto")
async def withdraw_veto(request: ApiRequest, veto_id: FromPath[str], data: JSONBody[VetoReason]) -> Veto:
    """Whether or not its conditions are met. 403 for everybody but its filer, and the function's deputy once it has passed on."""
    return await services_of(request).vetoes.withdraw(veto_id, data.reason, actor=principal_of(request).actor)


@post("/vetoes/{veto_id:str}/satisfied", action="withdraw_veto", status_code=200, tags=["vetoes"], summary="Confirm it satisfied")
async def satisfy_veto(request: ApiRequest, veto_id: FromPath[str], data: JSONBody[VetoReason]) -> Veto:
    """Its holder's word that what was asked for has come. 409 while a condition is not met."""
    return await services_of(request).vetoes.satisfy(veto_id, data.reason, actor=principal_of(request).actor)


@post("/vetoes/{veto_id:str}/review", action="withdraw_veto", status_code=200, tags=["vetoes"], summary="Review a veto")
async def review_veto(request: ApiRequest, veto_id: FromPath[str], data: JSONBody[VetoReviewed]) -> Veto:
    """Its holder says that it was looked at again and stays."""
    return await services_of(request).vetoes.review(
        veto_id, data.text, review_at=data.review_at, actor=principal_of(request).actor
    )


@post("/vetoes/{veto_id:str}/notes", action="open_incident", status_code=201, tags=["vetoes"], summary="Note something")
async def add_veto_note(request: ApiRequest, veto_id: FromPath[str], data: JSONBody[VetoNote]) -> VetoEvent:
    """A line for its history, never edited."""
    return await services_of(request).vetoes.note(veto_id, data.text, actor=principal_of(request).actor)


@get("/authorities", action="read", tags=["authorities"], summary="List authorities")
async def list_authorities(
    request: ApiRequest,
    person: Annotated[str | None, QueryParameter(max_length=254)] = None,
    live: Annotated[bool, QueryParameter(description="Only those that hold now")] = False,
) -> dict[str, list[AuthorityNow]]:
    """The newest first, each with its state now."""
    return {"authorities": await services_of(request).authorities.find(person=person, live=live)}


@get("/authorities/requests", action="read", tags=["authorities"], summary="Requests for authorities")
async def list_authority_requests(
    request: ApiRequest, every: Annotated[bool, QueryParameter(description="Also those that were answered")] = False
) -> dict[str, list[AuthorityRequest]]:
    """What waits for the Stream, oldest first."""
    return {"requests": await services_of(request).authorities.requests(every=every)}


@post("/authorities/requests", action="request_authority", status_code=201, tags=["authorities"], summary="Ask for an authority")
async def request_authority(request: ApiRequest, data: JSONBody[AuthorityAsked]) -> AuthorityRequest:
    """A meeting of the Stream with its quorum grants it, or nobody does."""
    return await services_of(request).authorities.request(
        person=data.person,
        function=data.function,
        rights=data.rights,
        reason=data.reason,
        scope=data.scope,
        days=data.days,
        actor=principal_of(request).actor,
    )


@post(
    "/authorities/requests/{request_id:str}/withdraw",
    action="request_authority",
    status_code=200,
    tags=["authorities"],
    summary="Call a request off",
)
async def withdraw_authority_request(
    request: ApiRequest, request_id: FromPath[str], data: JSONBody[VetoReason]
) -> AuthorityRequest:
    """Who asked, or whom it is for."""
    return await services_of(request).authorities.withdraw_request(
        request_id, reason=data.reason, actor=principal_of(request).actor
    )


@get("/authorities/deputies", action="read", tags=["authorities"], summary="Who stands in for each function")
async def list_deputies(request: ApiRequest) -> dict[str, list[Deputies]]:
    """Functions that have nobody are left out."""
    found = await services_of(request).authorities.deputies()
    return {"deputies": [found[each] for each in FUNCTIONS if each in found]}


@post("/authorities/deputies", action="name_deputies", status_code=200, tags=["authorities"], summary="Name deputies")
async def name_deputies(request: ApiRequest, data: JSONBody[DeputiesNamed]) -> Deputies:
    """A holder of the function says who stands in for it, and not themselves."""
    return await services_of(request).authorities.name_deputies(
        data.function, data.people, reason=data.reason, actor=principal_of(request).actor
    )


HANDLERS: list[Any] = [
    list_vetoes,
    file_veto,
    get_veto,
    check_veto,
    withdraw_veto,
    satisfy_veto,
    review_veto,
    add_veto_note,
    list_authorities,
    list_authority_requests,
    request_authority,
    withdraw_authority_request,
    list_deputies,
    name_deputies,
]
