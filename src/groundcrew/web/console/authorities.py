"""Authorities in the console: who may approve and veto for which function, what waits for the Stream, and who stands in."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.domain.approval import FUNCTIONS
from groundcrew.domain.authority import AUTHORITY_DAYS_DEFAULT, AUTHORITY_DAYS_MAX, REASON_LENGTH_MAX, RIGHTS
from groundcrew.web.api.common import principal_of, services_of
from groundcrew.web.console.page import Page, PageRequest, render, see
from groundcrew.web.console.refusing import Refusal, status_of, words_of
from groundcrew.web.requests import read_form

#: What the page says after a form was taken.
SAID = {
    "asked": "It waits for the Stream: a meeting with its quorum grants it, or nobody does.",
    "called_off": "The request is called off.",
    "named": "The deputies are named.",
}
Name = Annotated[str, msgspec.Meta(max_length=254)]
WhyText = Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)]


class AskForm(msgspec.Struct, frozen=True, kw_only=True):
    """Who is to speak for which function, and what makes them an expert."""

    person: Name = ""
    function: Name = ""
    rights: tuple[Name, ...] = ()
    scope: Name = "all"
    days: Annotated[int, msgspec.Meta(ge=1, le=AUTHORITY_DAYS_MAX)] = AUTHORITY_DAYS_DEFAULT
    reason: WhyText = ""


class DeputyForm(msgspec.Struct, frozen=True, kw_only=True):
    """Who stands in, one name on each line or between commas."""

    function: Name = ""
    people: Annotated[str, msgspec.Meta(max_length=2_000)] = ""
    reason: WhyText = ""


class ReasonForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request is called off."""

    reason: WhyText = ""


@get("/authorities", action="read")
async def authorities_page(request: PageRequest, done: Annotated[str, QueryParameter(max_length=40)] = "") -> Page:
    """The page."""
    return await _page(request, message=SAID.get(done))


@post("/authorities/requests", action="request_authority")
async def ask(request: PageRequest) -> Page:
    """Ask the Stream."""
    form = await read_form(request, AskForm)
    try:
        await services_of(request).authorities.request(
            person=form.person.strip(),
            function=form.function,
            rights=form.rights,
            scope=form.scope,
            days=form.days,
            reason=form.reason,
            actor=principal_of(request).actor,
        )
    except Refusal as error:
        return await _page(request, status=status_of(error), problem=words_of(error))
    return see("/authorities?done=asked")


@post("/authorities/requests/{request_id:str}/withdraw", action="request_authority")
async def call_off(request: PageRequest, request_id: FromPath[str]) -> Page:
    """Call a request off."""
    form = await read_form(request, ReasonForm)
    try:
        await services_of(request).authorities.withdraw_request(request_id, reason=form.reason, actor=principal_of(request).actor)
    except Refusal as error:
        return await _page(request, status=status_of(error), problem=words_of(error))
    return see("/authorities?done=called_off")


@post("/authorities/deputies", action="name_deputies")
async def name_deputies(request: PageRequest) -> Page:
    """Name who stands in."""
    form = await read_form(request, DeputyForm)
    people = [each.strip() for each in form.people.replace(",", "\n").splitlines() if each.strip()]
    try:
        await services_of(request).authorities.name_deputies(
            form.function, people, reason=form.reason, actor=principal_of(request).actor
        )
    except Refusal as error:
        return await _page(request, status=status_of(error), problem=words_of(error))
    return see("/authorities?done=named")


async def _page(request: PageRequest, *, status: int = 200, message: str | None = None, problem: str | None = None) -> Page:
    services, principal = services_of(request), principal_of(request)
    use_cases = await services.use_cases.find()
    scopes = [("all", "all use cases")]
    scopes += [(f"business_unit:{each}", f"business unit {each}") for each in sorted({each.business_unit for each in use_cases})]
    scopes += [(f"use_case:{each.name}", f"use case {each.name}") for each in use_cases]
    holders = {
        each: [user.name for user in await services.users.find() if each in user.roles and not user.disabled]
        for each in FUNCTIONS
    }
    return await render(
        request,
        "authorities.html",
        status=status,
        here="vetoes",
        found=await services.authorities.find(),
        requests=await services.authorities.requests(),
        deputies=await services.authorities.deputies(),
        holders=holders,
        mine=[each for each in FUNCTIONS if principal.user is not None and each in principal.user.roles],
        functions=FUNCTIONS,
        rights=RIGHTS,
        scopes=scopes,
        days=AUTHORITY_DAYS_DEFAULT,
        days_max=AUTHORITY_DAYS_MAX,
        message=message,
        problem=problem,
    )


HANDLERS: list[Any] = [authorities_page, ask, call_off, name_deputies]
