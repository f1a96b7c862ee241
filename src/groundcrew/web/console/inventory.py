"""The inventory of ungoverned AI in the console: what is overdue and open first, by service, owner and unit, and one page for
each finding with what it is, why it matters, and the ways to settle it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.domain.inventory import NAME_LENGTH_MAX, REASON_LENGTH_MAX, STATES, UNSETTLED, WHY, FindingState
from groundcrew.domain.use_case import TERMINAL_STAGES
from groundcrew.errors import InputError
from groundcrew.services.inventory import Inventory
from groundcrew.web.api.common import principal_of, services_of
from groundcrew.web.console.page import Page, PageRequest, render, see
from groundcrew.web.console.refusing import Refusal, status_of, words_of
from groundcrew.web.console.words import DONE
from groundcrew.web.requests import read_form

SHOWN_MAX, SCANS_SHOWN_MAX = 200, 20
#: Within how many days a finding is to be settled, and until when it is accepted, where the form is not changed.
DEADLINE_DAYS, ACCEPTED_DAYS = 30, 90
#: What a filter says that asks for findings without an owner or unit.
NOBODY = "-"

TextField = Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)]
NameField = Annotated[str, msgspec.Meta(max_length=NAME_LENGTH_MAX)]
DayField = Annotated[str, msgspec.Meta(max_length=10)]
Filter = Annotated[str, QueryParameter(max_length=500)]


class AssignForm(msgspec.Struct, frozen=True, kw_only=True):
    """Who settles it, by when."""

    owner: NameField = ""
    deadline: DayField = ""
    unit: NameField = ""


class ReasonForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why."""

    reason: TextField = ""


class AcceptForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why it may stay, and until when."""

    reason: TextField = ""
    until: DayField = ""


class RegisterForm(msgspec.Struct, frozen=True, kw_only=True):
    """Which use case it belongs to."""

    use_case: Annotated[str, msgspec.Meta(max_length=64)] = ""


@get("/inventory", action="read")
async def inventory_page(
    request: PageRequest,
    state_now: Annotated[str, QueryParameter(name="state", max_length=20)] = "",
    service: Filter = "",
    owner: Filter = "",
    unit: Filter = "",
) -> Page:
    """What waits for somebody, or what a filter asks for."""
    services = services_of(request)
    today = services.database.clock.now().date()
    chosen: FindingState | None = next((each for each in STATES if each == state_now), None)
    found = await services.inventory.find(
        state=chosen,
        wants=lambda each: each.overdue(today) if state_now == "overdue" else chosen is not None or each.state in UNSETTLED,
        service=service or None,
        owner=("" if owner == NOBODY else owner) if owner else None,
        unit=("" if unit == NOBODY else unit) if unit else None,
        limit=SHOWN_MAX + 1,
    )
    overview = await services.inventory.overview()
    kept = {"state": state_now if chosen or state_now == "overdue" else "", "service": service, "owner": owner, "unit": unit}
    return await render(
        request,
        "inventory.html",
        here="inventory",
        found=found[:SHOWN_MAX],
        more=len(found) > SHOWN_MAX,
        today=today,
        view=overview,
        waiting=sum(overview.states.get(each, 0) for each in UNSETTLED),
        scans=overview.scans[:SCANS_SHOWN_MAX],
        states=STATES,
        kept=kept,
        filtered=any(kept.values()),
        nobody=NOBODY,
        link=lambda **change: "/inventory?" + urlencode({k: v for k, v in {**kept, **change}.items() if v}),
    )


@get("/inventory/{finding_id:str}", action="read")
async def finding_page(
    request: PageRequest, finding_id: FromPath[str], done: Annotated[str, QueryParameter(max_length=40)] = ""
) -> Page:
    """One finding."""
    return await _one(request, finding_id, message=DONE.get(done))


@post("/inventory/{finding_id:str}/assign", action="settle_finding")
async def assign(request: PageRequest, finding_id: FromPath[str]) -> Page:
    """Give it an owner and a deadline."""
    form = await read_form(request, AssignForm)

    async def work(inventory: Inventory, actor: str) -> object:
        return await inventory.assign(finding_id, form.owner, _day(form.deadline, "deadline"), unit=form.unit, actor=actor)

    return await _said(request, finding_id, work, "finding_assigned")


@post("/inventory/{finding_id:str}/retire", action="settle_finding")
async def retire(request: PageRequest, finding_id: FromPath[str]) -> Page:
    """Say that it was taken away."""
    form = await read_form(request, ReasonForm)

    async def work(inventory: Inventory, actor: str) -> object:
        return await inventory.retire(finding_id, form.reason, actor=actor)

    return await _said(request, finding_id, work, "finding_retired")


@post("/inventory/{finding_id:str}/accept", action="settle_finding")
async def accept(request: PageRequest, finding_id: FromPath[str]) -> Page:
    """Let it stay until a day."""
    form = await read_form(request, AcceptForm)

    async def work(inventory: Inventory, actor: str) -> object:
        return await inventory.accept(finding_id, form.reason, _day(form.until, "until"), actor=actor)

    return await _said(request, finding_id, work, "finding_accepted")


@post("/inventory/{finding_id:str}/register", action="settle_finding")
async def register(request: PageRequest, finding_id: FromPath[str]) -> Page:
    """Tie it to a use case."""
    form = await read_form(request, RegisterForm)

    async def work(inventory: Inventory, actor: str) -> object:
        return await inventory.register(finding_id, form.use_case, actor=actor)

    return await _said(request, finding_id, work, "finding_registered")


@post("/inventory/{finding_id:str}/reopen", action="settle_finding")
async def reopen(request: PageRequest, finding_id: FromPath[str]) -> Page:
    """Open it again."""
    form = await read_form(request, ReasonForm)

    async def work(inventory: Inventory, actor: str) -> object:
        return await inventory.reopen(finding_id, form.reason, actor=actor)

    return await _said(request, finding_id, work, "reopened")


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError("expected a date as YYYY-MM-DD", field=field) from None


async def _said(request: PageRequest, finding_id: str, work: Callable[[Inventory, str], Awaitable[object]], done: str) -> Page:
    """Do what a form asks for and go back to the finding, with what was wrong where it was."""
    try:
        await work(services_of(request).inventory, principal_of(request).actor)
    except Refusal as error:
        status, words = status_of(error), words_of(error)
        return await _one(request, finding_id, status=status, problem=words)
    item = await services_of(request).inventory.get(finding_id)
    return see(f"/inventory/{item.id}?done={done}")


async def _one(
    request: PageRequest, finding_id: str, *, status: int = 200, message: str | None = None, problem: str | None = None
) -> Page:
    services = services_of(request)
    item = await services.inventory.get(finding_id)
    today = services.database.clock.now().date()
    use_cases = await services.use_cases.find()
    return await render(
        request,
        "inventory_finding.html",
        status=status,
        here="inventory",
        item=item,
        found=item.found,
        why=WHY[item.found.kind],
        overdue=item.overdue(today),
        unsettled=item.state in UNSETTLED,
        deadline=item.deadline or today + timedelta(days=DEADLINE_DAYS),
        until=today + timedelta(days=ACCEPTED_DAYS),
        use_cases=[each.name for each in use_cases if each.stage not in TERMINAL_STAGES],
        draft=await services.inventory.draft(finding_id) if item.found.source != "keys" else "",
        message=message,
        problem=problem,
    )


HANDLERS = [inventory_page, finding_page, assign, retire, accept, register, reopen]
