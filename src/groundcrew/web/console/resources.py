"""The resource ledger in the console: what there is in each period and who has it, what waits, and a page for each request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.domain.resource import (
    PERIODS_MAX,
    Measure,
    PeriodLength,
    Resource,
    ResourceRequest,
    period_of,
    periods_from,
    shown_amount,
)
from groundcrew.domain.use_case import TERMINAL_STAGES
from groundcrew.errors import InputError
from groundcrew.services.resource_ledger import TEXT_LENGTH_MAX
from groundcrew.services.resources import PERIODS_SHOWN, PeriodNow
from groundcrew.web.api.common import principal_of, services_of
from groundcrew.web.console.numbers import number
from groundcrew.web.console.page import Page, PageRequest, render, see
from groundcrew.web.console.refusing import Refusal, status_of, words_of
from groundcrew.web.requests import read_form

PAST_SHOWN_MAX = 50
#: Periods of each resource where all are on one page; the page of one shows PERIODS_SHOWN.
PERIODS_LISTED = 4
#: Periods that a form offers, this one first.
PERIODS_OFFERED = 6
DONE = {
    "asked": "The request is on the next agenda. What it asks for is given or denied there.",
    "released": "Released: what was not used is free again.",
    "capacity": "Recorded. What is allocated stays as it is.",
}

Number = Annotated[str, msgspec.Meta(max_length=20)]
TextField = Annotated[str, msgspec.Meta(max_length=TEXT_LENGTH_MAX)]
Name = Annotated[str, msgspec.Meta(max_length=64)]
PeriodField = Annotated[str, msgspec.Meta(max_length=10)]


class AskForm(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for."""

    resource: Name = ""
    use_case: Name = ""
    amount: Number = ""
    periods: tuple[PeriodField, ...] = ()
    needed_by: Annotated[str, msgspec.Meta(max_length=10)] = ""
    purpose: TextField = ""


class CapacityForm(msgspec.Struct, frozen=True, kw_only=True):
    """How much there is."""

    amount: Number = ""
    period: PeriodField = ""
    reason: TextField = ""


class ReleaseForm(msgspec.Struct, frozen=True, kw_only=True):
    """What was used of each period, in their order, and why the rest is given back."""

    used: tuple[Number, ...] = ()
    reason: TextField = ""


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """A period as it is drawn: shares of the width, 0 to 1."""

    now: PeriodNow
    used: float
    allocated: float
    asked: float
    #: Where the capacity ends; None where nobody declared one.
    capacity: float | None
    label: str


@get("/resources", action="read")
async def resources_page(
    request: PageRequest,
    done: Annotated[str, QueryParameter(max_length=40)] = "",
    of: Annotated[str, QueryParameter(max_length=64)] = "",
) -> Page:
    """Every resource with its periods, what waits, and the form to ask."""
    return await _list(request, message=DONE.get(done), chosen=of)


@get("/resources/{name:str}", action="read")
async def resource_page(
    request: PageRequest, name: FromPath[str], done: Annotated[str, QueryParameter(max_length=40)] = ""
) -> Page:
    """One resource, with all requests for it."""
    return await _one_resource(request, name, message=DONE.get(done))


@post("/resources/{name:str}/capacity", action="manage_resources")
async def set_capacity(request: PageRequest, name: FromPath[str]) -> Page:
    """Say how much there is."""
    form = await read_form(request, CapacityForm)
    try:
        amount = number(form.amount, "amount")
        await services_of(request).resources.set_capacity(
            name, amount, period=form.period.strip() or None, reason=form.reason, actor=principal_of(request).actor
        )
    except Refusal as error:
        return await _one_resource(request, name, status=status_of(error), problem=words_of(error))
    found = await services_of(request).resources.get(name)
    return see(f"/resources/{found.resource.name}?done=capacity")


@post("/resources", action="request_resource")
async def ask(request: PageRequest) -> Page:
    """Ask for something."""
    form = await read_form(request, AskForm)
    try:
        made = await services_of(request).resources.request(
            resource=form.resource,
            use_case=form.use_case,
            amount=number(form.amount, "amount"),
            periods=form.periods,
            purpose=form.purpose,
            needed_by=_day(form.needed_by),
            actor=principal_of(request).actor,
        )
    except Refusal as error:
        return await _list(request, status=status_of(error), problem=words_of(error), form=form, chosen=form.resource)
    return see(f"/resources/requests/{made.id}?done=asked")


@get("/resources/requests/{request_id:str}", action="read")
async def request_page(
    request: PageRequest, request_id: FromPath[str], done: Annotated[str, QueryParameter(max_length=40)] = ""
) -> Page:
    """One request: what was asked, given, given up and used."""
    return await _one(request, request_id, message=DONE.get(done))


@post("/resources/requests/{request_id:str}/release", action="release_resource")
async def release(request: PageRequest, request_id: FromPath[str]) -> Page:
    """Give back what is not used, or withdraw it."""
    form = await read_form(request, ReleaseForm)
    services = services_of(request)

    async def work() -> ResourceRequest:
        found = (await services.resources.request_now(request_id)).request
        if len(form.used) > PERIODS_MAX:
            raise InputError(f"at most {PERIODS_MAX} periods", field="used")
        said = dict(zip(_said_periods(found), form.used, strict=False))
        used = {period: number(text, f"used in {period}") for period, text in said.items() if text.strip()}
        return await services.resources.release(request_id, reason=form.reason, used=used, actor=principal_of(request).actor)

    return await _said(request, request_id, work)


async def _said(request: PageRequest, request_id: str, work: Callable[[], Awaitable[ResourceRequest]]) -> Page:
    try:
        made = await work()
    except Refusal as error:
        return await _one(request, request_id, status=status_of(error), problem=words_of(error))
    return see(f"/resources/requests/{made.id}?done=released")


def _said_periods(request: ResourceRequest) -> list[str]:
    """The periods of which somebody has to say what was used, or may say more: those that the form has a field for."""
    return [each for each in request.periods if request.measure != "tokens" and request.held_in(each)]


def bars_of(measure: Measure, periods: tuple[PeriodNow, ...]) -> list[Bar]:
    """How the periods are drawn: all on one scale, so that they compare."""
    whole = max((max(each.capacity or 0.0, each.allocated + each.used + each.asked) for each in periods), default=0.0) or 1.0
    found = []
    for each in periods:
        free = "nobody declared a capacity" if each.free is None else f"{shown_amount(measure, max(each.free, 0.0))} free"
        words = f"{each.period}: {shown_amount(measure, each.allocated)} allocated, {shown_amount(measure, each.used)} used, "
        found.append(
            Bar(
                now=each,
                used=each.used / whole,
                allocated=each.allocated / whole,
                asked=each.asked / whole,
                capacity=None if each.capacity is None else each.capacity / whole,
                label=words + f"{shown_amount(measure, each.asked)} asked for, {free}",
            )
        )
    return found


def _offered(resources: list[Resource], today: date) -> list[str]:
    lengths: set[PeriodLength] = {each.period for each in resources}
    return [period for length in sorted(lengths) for period in periods_from(period_of(today, length), PERIODS_OFFERED)]


def _day(text: str) -> date | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InputError("expected a day as YYYY-MM-DD", field="needed_by") from None


async def _list(
    request: PageRequest,
    *,
    status: int = 200,
    message: str | None = None,
    problem: str | None = None,
    form: AskForm | None = None,
    chosen: str = "",
) -> Page:
    services = services_of(request)
    found = await services.resources.find(periods=PERIODS_LISTED)
    live = [each for each in await services.use_cases.find() if each.stage not in TERMINAL_STAGES]
    today = services.database.clock.now().date()
    return await render(
        request,
        "resources.html",
        status=status,
        here="resources",
        resources=[(each, bars_of(each.resource.measure, each.periods)) for each in found],
        waiting=await services.resources.due_first(),
        use_cases=[each.name for each in live],
        offered=_offered([each.resource for each in found], today),
        shown=shown_amount,
        form=form,
        chosen=chosen,
        message=message,
        problem=problem,
    )


async def _one_resource(
    request: PageRequest, name: str, *, status: int = 200, message: str | None = None, problem: str | None = None
) -> Page:
    services = services_of(request)
    found = await services.resources.get(name, periods=PERIODS_SHOWN)
    return await render(
        request,
        "resource.html",
        status=status,
        here="resources",
        resource=found.resource,
        bars=bars_of(found.resource.measure, found.periods),
        requests=await services.resources.requests(resource=name, limit=PAST_SHOWN_MAX),
        shown=shown_amount,
        message=message,
        problem=problem,
    )


async def _one(
    request: PageRequest, request_id: str, *, status: int = 200, message: str | None = None, problem: str | None = None
) -> Page:
    view = await services_of(request).resources.request_now(request_id)
    return await render(
        request,
        "resource_request.html",
        status=status,
        here="resources",
        view=view,
        asked=view.request,
        said_periods=_said_periods(view.request),
        shown=shown_amount,
        message=message,
        problem=problem,
    )


HANDLERS = [resources_page, ask, request_page, release, resource_page, set_capacity]
