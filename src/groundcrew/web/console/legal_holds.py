"""Legal holds in the console: what is kept and why, placing a hold, and lifting one as two people of legal."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.domain.legal_hold import TEXT_LENGTH_MAX
from groundcrew.errors import Conflict, InputError, NotAllowed
from groundcrew.services.legal_holds import MATTER_LENGTH_MAX, NewHold
from groundcrew.web.api.common import REASON_LENGTH_MAX, principal_of, services_of, views_of
from groundcrew.web.api.legal_holds import told_to
from groundcrew.web.console.audit import MOMENT_LENGTH_MAX, moment_of
from groundcrew.web.console.page import Page, PageRequest, render, see
from groundcrew.web.console.words import DONE
from groundcrew.web.requests import read_form

LINES_LENGTH_MAX = 20_000

Lines = Annotated[str, msgspec.Meta(max_length=LINES_LENGTH_MAX)]
Moment = Annotated[str, msgspec.Meta(max_length=MOMENT_LENGTH_MAX)]


class PlaceForm(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be kept; cases, persons and calls one a line."""

    matter: Annotated[str, msgspec.Meta(max_length=MATTER_LENGTH_MAX)]
    reason: Annotated[str, msgspec.Meta(max_length=TEXT_LENGTH_MAX)]
    use_cases: tuple[str, ...] = ()
    cases: Lines = ""
    persons: Lines = ""
    calls: Lines = ""
    received_from: Moment = ""
    received_until: Moment = ""


class StepForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why."""

    reason: Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)]


@get("/legal-holds", action="read")
async def holds_page(request: PageRequest, done: Annotated[str, QueryParameter(max_length=40)] = "") -> Page:
    """The holds that stand, and those that were lifted."""
    return await _page(request, message=DONE.get(done))


@post("/legal-holds", action="hold_records")
async def place(request: PageRequest) -> Page:
    """Place a hold."""
    form = await read_form(request, PlaceForm)
    try:
        wanted = NewHold(
            matter=form.matter,
            reason=form.reason,
            use_cases=form.use_cases,
            cases=_lines(form.cases),
            persons=_lines(form.persons),
            calls=_lines(form.calls),
            received_from=moment_of(form.received_from, "from"),
            received_until=moment_of(form.received_until, "until"),
        )
        await services_of(request).legal_holds.place(wanted, actor=principal_of(request).actor)
    except (Conflict, InputError) as error:
        return await _page(request, status=409 if isinstance(error, Conflict) else 400, problem=str(error), form=form)
    return see("/legal-holds?done=held")


@post("/legal-holds/{hold_id:str}/request-lift", action="hold_records")
async def request_lift(request: PageRequest, hold_id: FromPath[str]) -> Page:
    """Ask that a hold be lifted."""
    return await _step(request, hold_id, "request_lift", "lift_asked")


@post("/legal-holds/{hold_id:str}/lift", action="hold_records")
async def lift(request: PageRequest, hold_id: FromPath[str]) -> Page:
    """Lift a hold, as the second person."""
    return await _step(request, hold_id, "lift", "lifted")


@post("/legal-holds/{hold_id:str}/keep", action="hold_records")
async def keep(request: PageRequest, hold_id: FromPath[str]) -> Page:
    """Say no to a lift."""
    return await _step(request, hold_id, "keep", "kept_on")


async def _step(request: PageRequest, hold_id: str, step: str, done: str) -> Page:
    form = await read_form(request, StepForm)
    try:
        taken = getattr(services_of(request).legal_holds, step)
        await taken(hold_id, actor=principal_of(request).actor, reason=form.reason)
    except (Conflict, InputError, NotAllowed) as error:
        status = 403 if isinstance(error, NotAllowed) else 409 if isinstance(error, Conflict) else 400
        return await _page(request, status=status, problem=str(error))
    return see(f"/legal-holds?done={done}")


async def _page(
    request: PageRequest,
    *,
    status: int = 200,
    message: str | None = None,
    problem: str | None = None,
    form: PlaceForm | None = None,
) -> Page:
    found = [told_to(request, each) for each in await services_of(request).legal_holds.find()]
    return await render(
        request,
        "legal_holds.html",
        status=status,
        here="legal_holds",
        standing=[each for each in found if each.stands],
        lifted=[each for each in found if not each.stands],
        use_cases=(await views_of(request).scopes()).use_cases,
        me=principal_of(request).actor,
        form=form,
        message=message,
        problem=problem,
    )


def _lines(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


HANDLERS = [holds_page, place, request_lift, lift, keep]
