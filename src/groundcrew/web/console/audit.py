"""The audit log's pages: entries by what is looked for, how far they are signed, the verification, and what a call rested on."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.domain.audit_search import SEQUENCE_MAX, Wanted
from groundcrew.domain.moments import in_utc
from groundcrew.errors import InputError
from groundcrew.services.audit import AuditReport
from groundcrew.web.api.audit import NAME_LENGTH_MAX, TEXT_LENGTH_MAX, context_of
from groundcrew.web.api.calls import recorded_call
from groundcrew.web.api.common import services_of
from groundcrew.web.console.page import Page, PageRequest, render
from groundcrew.web.console.use_case import NoFields
from groundcrew.web.requests import read_form

ENTRIES_PER_PAGE = 100
CHECKPOINTS_SHOWN = 10
#: A day, or a day with a time to the minute, as forms send it.
MOMENT_LENGTH_MAX = 40

Field = Annotated[str, QueryParameter(max_length=NAME_LENGTH_MAX)]
Moment = Annotated[str, QueryParameter(max_length=MOMENT_LENGTH_MAX)]

#: What the log can be searched by, as the form names it.
FILTERS = ("subject", "actor", "action", "use_case", "since", "until", "text")


@get("/audit", action="read_audit")
async def audit_page(
    request: PageRequest,
    subject: Field = "",
    actor: Field = "",
    doing: Annotated[str, QueryParameter(name="action", max_length=NAME_LENGTH_MAX)] = "",
    use_case: Field = "",
    since: Moment = "",
    until: Moment = "",
    text: Annotated[str, QueryParameter(max_length=TEXT_LENGTH_MAX)] = "",
    before: Annotated[int | None, QueryParameter(ge=1, le=SEQUENCE_MAX)] = None,
) -> Page:
    """Entries, newest first, of all that is given."""
    given = {
        "subject": subject,
        "actor": actor,
        "action": doing,
        "use_case": use_case,
        "since": since,
        "until": until,
        "text": text,
    }
    return await _page(request, {name: value.strip() for name, value in given.items()}, before=before, report=None)


@post("/audit/verify", action="read_audit")
async def verify(request: PageRequest) -> Page:
    """Verify the chain and show the result."""
    await read_form(request, NoFields)
    return await _page(request, {}, before=None, report=await services_of(request).audit.verify())


@get("/calls/{call_id:str}/context", action="read")
async def context_page(request: PageRequest, call_id: FromPath[str]) -> Page:
    """What a call rested on, as of its time."""
    call = await recorded_call(services_of(request), call_id)
    return await render(request, "call_context.html", here="calls", call=call, context=await context_of(request, call_id))


async def _page(request: PageRequest, given: dict[str, str], *, before: int | None, report: AuditReport | None) -> Page:
    problem, moments = None, dict[str, datetime | None]()
    for name in ("since", "until"):
        try:
            moments[name] = moment_of(given.get(name, ""), name)
        except InputError as error:
            moments[name], problem = None, error.message
    named: dict[str, Any] = {name: given.get(name) or None for name in ("subject", "actor", "action", "use_case", "text")}
    wanted = Wanted(since=moments["since"], until=moments["until"], **named)
    services = services_of(request)
    page = await services.audit.search(wanted, before=before, limit=ENTRIES_PER_PAGE)
    filled = {name: value for name, value in given.items() if value}
    return await render(
        request,
        "audit.html",
        status=400 if problem else 200,
        here="audit",
        entries=page.entries,
        given=dict.fromkeys(FILTERS, "") | given,
        query=urlencode(filled),
        older=page.next_before,
        report=report,
        problem=problem,
        standing=await services.checkpoints.standing(),
        checkpoints=await services.checkpoints.find(limit=CHECKPOINTS_SHOWN),
        keys=await services.checkpoints.keys(),
    )


def moment_of(text: str, field: str) -> datetime | None:
    """A moment as a form sends it, in UTC; InputError."""
    if not text.strip():
        return None
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InputError(f"{text!r} is no time: write 2026-05-01 or 2026-05-01T12:00", field=field) from None
    return in_utc(found, field)


HANDLERS = [audit_page, verify, context_page]
