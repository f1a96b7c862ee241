"""Incidents in the console: what is open first, one page for each with its timeline, and a form for each thing that can be said.

Everything works with a keyboard and without JavaScript: it is read at three in the morning.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Annotated, Literal

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.domain.incident import CAUSES, LINK_KINDS, TEXT_LENGTH_MAX, TITLE_LENGTH_MAX
from groundcrew.errors import InputError
from groundcrew.services.incident_report import WORDS
from groundcrew.services.incidents import OWNER_LENGTH_MAX, Incidents
from groundcrew.web.api.common import principal_of, services_of
from groundcrew.web.console.page import Page, PageRequest, render, see
from groundcrew.web.console.refusing import Refusal, status_of, words_of
from groundcrew.web.console.words import DONE
from groundcrew.web.requests import read_form

CLOSED_SHOWN_MAX = 50
#: Within how many days an action is due where the form is not changed.
DUE_DAYS = 14
#: What a timeline points at → the console's page of it; {0} is its id.
PAGES = {
    "call": "/calls/{0}",
    "alert": "/alerts/{0}",
    "kill-switch": "/kill-switches?scope={0}",
    "sign-off": "/sign-offs/{0}",
    "incident": "/incidents/{0}",
    "job": "/jobs/{0}",
}

TextField = Annotated[str, msgspec.Meta(max_length=TEXT_LENGTH_MAX)]


class OpenForm(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong."""

    title: Annotated[str, msgspec.Meta(max_length=TITLE_LENGTH_MAX)] = ""
    severity: Annotated[int, msgspec.Meta(ge=1, le=4)] = 3
    use_cases: tuple[Annotated[str, msgspec.Meta(max_length=64)], ...] = ()
    text: TextField = ""


class TellForm(msgspec.Struct, frozen=True, kw_only=True):
    """A line for the timeline."""

    text: TextField = ""
    kind: Literal["note", "decision", "mitigated"] = "note"


class LinkForm(msgspec.Struct, frozen=True, kw_only=True):
    """Something to point at."""

    kind: Annotated[str, msgspec.Meta(max_length=40)] = ""
    item: Annotated[str, msgspec.Meta(max_length=200)] = ""
    text: TextField = ""


class SeverityForm(msgspec.Struct, frozen=True, kw_only=True):
    """Another severity."""

    severity: Annotated[int, msgspec.Meta(ge=1, le=4)]
    reason: TextField = ""


class WiderForm(msgspec.Struct, frozen=True, kw_only=True):
    """One more use case."""

    use_case: Annotated[str, msgspec.Meta(max_length=64)] = ""
    reason: TextField = ""


class CloseForm(msgspec.Struct, frozen=True, kw_only=True):
    """The cause."""

    category: Annotated[str, msgspec.Meta(max_length=40)] = ""
    cause: TextField = ""


class ReviewForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the review found."""

    verdict: Literal["accept", "refuse"]
    comment: TextField = ""


class ActionForm(msgspec.Struct, frozen=True, kw_only=True):
    """Something to do."""

    title: Annotated[str, msgspec.Meta(max_length=TITLE_LENGTH_MAX)] = ""
    owner: Annotated[str, msgspec.Meta(max_length=OWNER_LENGTH_MAX)] = ""
    due: Annotated[str, msgspec.Meta(max_length=10)] = ""


class DoneForm(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an action; `incident` is where to go back to."""

    incident: Annotated[str, msgspec.Meta(max_length=64)]
    result: TextField = ""


@get("/incidents", action="read")
async def incidents_page(
    request: PageRequest,
    use_case: Annotated[str, QueryParameter(max_length=64)] = "",
    done: Annotated[str, QueryParameter(max_length=40)] = "",
) -> Page:
    """What is open, what is overdue, what is over, and the form to open one."""
    return await _list(request, use_case=use_case, message=DONE.get(done))


@post("/incidents", action="open_incident")
async def open_incident(request: PageRequest) -> Page:
    """Open one."""
    form = await read_form(request, OpenForm)
    try:
        made = await services_of(request).incidents.open(
            title=form.title,
            severity=form.severity,
            use_cases=form.use_cases,
            text=form.text,
            actor=principal_of(request).actor,
        )
    except Refusal as error:
        return await _list(request, status=status_of(error), problem=words_of(error), form=form)
    return see(f"/incidents/{made.id}?done=incident_opened")


@get("/incidents/{incident_id:str}", action="read")
async def incident_page(
    request: PageRequest, incident_id: FromPath[str], done: Annotated[str, QueryParameter(max_length=40)] = ""
) -> Page:
    """One incident."""
    return await _one(request, incident_id, message=DONE.get(done))


@post("/incidents/{incident_id:str}/tell", action="open_incident")
async def tell(request: PageRequest, incident_id: FromPath[str]) -> Page:
    """Append a note or a decision."""
    form = await read_form(request, TellForm)

    async def work(incidents: Incidents, actor: str) -> object:
        return await incidents.note(incident_id, form.text, actor=actor, decision=form.kind == "decision")

    return await _said(request, incident_id, work, "told")


@post("/incidents/{incident_id:str}/mitigate", action="manage_incident")
async def mitigate(request: PageRequest, incident_id: FromPath[str]) -> Page:
    """Say that the harm has stopped."""
    form = await read_form(request, TellForm)

    async def work(incidents: Incidents, actor: str) -> object:
        return await incidents.mitigate(incident_id, form.text, actor=actor)

    return await _said(request, incident_id, work, "mitigated")


@post("/incidents/{incident_id:str}/link", action="open_incident")
async def add_link(request: PageRequest, incident_id: FromPath[str]) -> Page:
    """Point at something."""
    form = await read_form(request, LinkForm)

    async def work(incidents: Incidents, actor: str) -> object:
        return await incidents.link(incident_id, f"{form.kind}/{form.item.strip()}", actor=actor, text=form.text)

    return await _said(request, incident_id, work, "told")


@post("/incidents/{incident_id:str}/severity", action="manage_incident")
async def severity(request: PageRequest, incident_id: FromPath[str]) -> Page:
    """Change the severity, or ask for it."""
    form = await read_form(request, SeverityForm)

    async def work(incidents: Incidents, actor: str) -> object:
        return await incidents.set_severity(incident_id, form.severity, actor=actor, reason=form.reason)

    return await _said(request, incident_id, work, "severity_said")


@post("/incidents/{incident_id:str}/use-cases", action="manage_incident")
async def add_use_case(request: PageRequest, incident_id: FromPath[str]) -> Page:
    """Say that one more use case is concerned."""
    form = await read_form(request, WiderForm)

    async def work(incidents: Incidents, actor: str) -> object:
        return await incidents.add_use_case(incident_id, form.use_case, actor=actor, reason=form.reason)

    return await _said(request, incident_id, work, "told")


@post("/incidents/{incident_id:str}/close", action="manage_incident")
async def close(request: PageRequest, incident_id: FromPath[str]) -> Page:
    """Close it, or ask for that."""
    form = await read_form(request, CloseForm)

    async def work(incidents: Incidents, actor: str) -> object:
        return await incidents.close(incident_id, form.category, form.cause, actor=actor)

    return await _said(request, incident_id, work, "cause_said")


@post("/incidents/{incident_id:str}/review", action="manage_incident")
async def review(request: PageRequest, incident_id: FromPath[str]) -> Page:
    """Say whether it is closed."""
    form = await read_form(request, ReviewForm)

    async def work(incidents: Incidents, actor: str) -> object:
        return await incidents.review(incident_id, accept=form.verdict == "accept", comment=form.comment, actor=actor)

    return await _said(request, incident_id, work, "reviewed")


@post("/incidents/{incident_id:str}/actions", action="manage_incident")
async def add_action(request: PageRequest, incident_id: FromPath[str]) -> Page:
    """Add something to do."""
    form = await read_form(request, ActionForm)

    async def work(incidents: Incidents, actor: str) -> object:
        try:
            due = date.fromisoformat(form.due)
        except ValueError:
            raise InputError("expected a date as YYYY-MM-DD", field="due") from None
        return await incidents.add_action(incident_id, form.title, owner=form.owner, due=due, actor=actor)

    return await _said(request, incident_id, work, "action_added")


@post("/incident-actions/{action_id:str}/done", action="manage_incident")
async def finish_action(request: PageRequest, action_id: FromPath[str]) -> Page:
    """Say that an action is done."""
    form = await read_form(request, DoneForm)

    async def work(incidents: Incidents, actor: str) -> object:
        return await incidents.finish_action(action_id, form.result, actor=actor)

    return await _said(request, form.incident, work, "action_finished")


async def _said(request: PageRequest, incident_id: str, work: Callable[[Incidents, str], Awaitable[object]], done: str) -> Page:
    """Do what a form asks for and go back to the incident, with what was wrong where it was."""
    try:
        await work(services_of(request).incidents, principal_of(request).actor)
    except Refusal as error:
        return await _one(request, incident_id, status=status_of(error), problem=words_of(error))
    # An id is what the record has, never what was typed: the page of one that there is not is none of ours.
    view = await services_of(request).incidents.get(incident_id)
    return see(f"/incidents/{view.incident.id}?done={done}")


def page_of(reference: str) -> str:
    """The console's page of what a timeline points at, "" where it has none."""
    kind, _, item = reference.partition("/")
    return PAGES[kind].format(item) if kind in PAGES else ""


async def _one(
    request: PageRequest,
    incident_id: str,
    *,
    status: int = 200,
    message: str | None = None,
    problem: str | None = None,
) -> Page:
    services = services_of(request)
    view = await services.incidents.get(incident_id)
    return await render(
        request,
        "incident.html",
        status=status,
        here="incidents",
        view=view,
        incident=view.incident,
        lines=[(each, WORDS[each.kind], page_of(each.reference)) for each in view.events],
        others=[each.name for each in await services.use_cases.find() if each.name not in view.incident.use_cases],
        causes=CAUSES,
        link_kinds=LINK_KINDS,
        due=services.database.clock.now().date() + timedelta(days=DUE_DAYS),
        message=message,
        problem=problem,
    )


async def _list(
    request: PageRequest,
    *,
    use_case: str = "",
    status: int = 200,
    message: str | None = None,
    problem: str | None = None,
    form: OpenForm | None = None,
) -> Page:
    services = services_of(request)
    now = await services.incidents.now()
    return await render(
        request,
        "incidents.html",
        status=status,
        here="incidents",
        use_case=use_case,
        open=[each for each in now.open if not use_case or use_case in each.use_cases],
        overdue=[each for each in now.overdue if not use_case or use_case in each[1].use_cases],
        closed=await services.incidents.find(state="closed", use_case=use_case or None, limit=CLOSED_SHOWN_MAX),
        use_cases=[each.name for each in await services.use_cases.find()],
        form=form,
        message=message,
        problem=problem,
    )


HANDLERS = [
    incidents_page,
    open_incident,
    incident_page,
    tell,
    mitigate,
    add_link,
    severity,
    add_use_case,
    close,
    review,
    add_action,
    finish_action,
]
