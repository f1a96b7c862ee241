"""Incidents: opening, telling, and closing them with a cause."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from groundcrew.domain.incident import (
    TEXT_LENGTH_MAX,
    TITLE_LENGTH_MAX,
    USE_CASES_MAX,
    CauseCategory,
    Incident,
    IncidentAction,
    IncidentEvent,
    IncidentState,
)
from groundcrew.services.incident_report import report_of
from groundcrew.services.incidents import OWNER_LENGTH_MAX, IncidentView
from groundcrew.web.api.common import PAGE_ROWS_DEFAULT, ApiRequest, PageSize, principal_of, services_of

REFERENCE_LENGTH_MAX = 300

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_LENGTH_MAX)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Reference = Annotated[str, msgspec.Meta(min_length=3, max_length=REFERENCE_LENGTH_MAX)]
SeverityNumber = Annotated[int, msgspec.Meta(ge=1, le=4)]


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request says."""


class NewIncident(_Body, frozen=True, kw_only=True):
    """What went wrong, how bad it is (1 is the worst, and stops the use cases), and which use cases it concerns."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=TITLE_LENGTH_MAX)]
    severity: SeverityNumber
    use_cases: Annotated[list[Name], msgspec.Meta(min_length=1, max_length=USE_CASES_MAX)]
    text: Annotated[str, msgspec.Meta(max_length=TEXT_LENGTH_MAX)] = ""
    references: Annotated[list[Reference], msgspec.Meta(max_length=20)] = []


class Note(_Body, frozen=True, kw_only=True):
    """A line for the timeline; `decision` marks what was decided."""

    text: Text
    decision: bool = False


class Link(_Body, frozen=True, kw_only=True):
    """Something to point at, as ``KIND/ID``: a call, alert, kill-switch, sign-off, gate-evaluation, rating, drift-alarm, incident
    or job."""

    reference: Reference
    text: Annotated[str, msgspec.Meta(max_length=TEXT_LENGTH_MAX)] = ""


class MoreUseCases(_Body, frozen=True, kw_only=True):
    """One more use case that is concerned, and why."""

    use_case: Name
    reason: Text


class NewSeverity(_Body, frozen=True, kw_only=True):
    """Another severity and why; from 1 down a second person says the same."""

    severity: SeverityNumber
    reason: Text


class Mitigation(_Body, frozen=True, kw_only=True):
    """How the harm was stopped."""

    text: Text


class Closing(_Body, frozen=True, kw_only=True):
    """Why it happened: a category, and in words."""

    category: CauseCategory
    cause: Text


class Review(_Body, frozen=True, kw_only=True):
    """Whether what somebody else wants closed is, and why."""

    accept: bool
    comment: Text


class NewAction(_Body, frozen=True, kw_only=True):
    """Something to do, who does it, and by which day."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=TITLE_LENGTH_MAX)]
    owner: Annotated[str, msgspec.Meta(min_length=1, max_length=OWNER_LENGTH_MAX)]
    due: date


class Result(_Body, frozen=True, kw_only=True):
    """What came of an action."""

    result: Text


#: A change to what there is, by who manages incidents.
_managing = partial(post, action="manage_incident", status_code=200, tags=["incidents"])


@get("/incidents", action="read", tags=["incidents"], summary="List incidents")
async def list_incidents(
    request: ApiRequest,
    state_now: Annotated[IncidentState | None, QueryParameter(name="state", description="open, mitigated or closed")] = None,
    use_case: Annotated[str | None, QueryParameter(max_length=64)] = None,
    limit: PageSize = PAGE_ROWS_DEFAULT,
) -> dict[str, list[Incident]]:
    """The newest first."""
    return {"incidents": await services_of(request).incidents.find(state=state_now, use_case=use_case, limit=limit)}


@post("/incidents", action="open_incident", status_code=201, tags=["incidents"], summary="Open an incident")
async def open_incident(request: ApiRequest, data: JSONBody[NewIncident]) -> Incident:
    """Severity 1 stops its use cases at once."""
    return await services_of(request).incidents.open(
        title=data.title,
        severity=data.severity,
        use_cases=data.use_cases,
        text=data.text,
        references=data.references,
        actor=principal_of(request).actor,
    )


@get("/incidents/{incident_id:str}", action="read", tags=["incidents"], summary="One incident")
async def get_incident(request: ApiRequest, incident_id: FromPath[str]) -> IncidentView:
    """With its timeline, oldest first, and its actions."""
    return await services_of(request).incidents.get(incident_id)


@get("/incidents/{incident_id:str}/report", action="read", tags=["incidents"], summary="An incident's report")
async def incident_report(request: ApiRequest, incident_id: FromPath[str]) -> Response[str]:
    """All of it as Markdown."""
    services = services_of(request)
    text = report_of(await services.incidents.get(incident_id), services.database.clock.now())
    return Response(text, media_type="text/markdown; charset=utf-8")


@post("/incidents/{incident_id:str}/notes", action="open_incident", status_code=201, tags=["incidents"], summary="Append a note")
async def add_note(request: ApiRequest, incident_id: FromPath[str], data: JSONBody[Note]) -> IncidentEvent:
    """What was seen, done or decided; it is never edited."""
    return await services_of(request).incidents.note(
        incident_id, data.text, decision=data.decision, actor=principal_of(request).actor
    )


@post(
    "/incidents/{incident_id:str}/links",
    action="open_incident",
    status_code=201,
    tags=["incidents"],
    summary="Point at something",
)
async def add_link(request: ApiRequest, incident_id: FromPath[str], data: JSONBody[Link]) -> dict[str, bool]:
    """Whether it was new."""
    incidents = services_of(request).incidents
    return {"added": await incidents.link(incident_id, data.reference, text=data.text, actor=principal_of(request).actor)}


@_managing("/incidents/{incident_id:str}/use-cases", summary="Add a use case")
async def add_use_case(request: ApiRequest, incident_id: FromPath[str], data: JSONBody[MoreUseCases]) -> Incident:
    """One more that is concerned; under severity 1 it stops."""
    return await services_of(request).incidents.add_use_case(
        incident_id, data.use_case, reason=data.reason, actor=principal_of(request).actor
    )


@_managing("/incidents/{incident_id:str}/severity", summary="Change the severity")
async def set_severity(request: ApiRequest, incident_id: FromPath[str], data: JSONBody[NewSeverity]) -> Incident:
    """From 1 down it takes two people."""
    return await services_of(request).incidents.set_severity(
        incident_id, data.severity, reason=data.reason, actor=principal_of(request).actor
    )


@_managing("/incidents/{incident_id:str}/mitigate", summary="Say that it is mitigated")
async def mitigate(request: ApiRequest, incident_id: FromPath[str], data: JSONBody[Mitigation]) -> Incident:
    """The harm has stopped; what follows from the severity stays until it is closed."""
    return await services_of(request).incidents.mitigate(incident_id, data.text, actor=principal_of(request).actor)


@_managing("/incidents/{incident_id:str}/close", summary="Close an incident")
async def close(request: ApiRequest, incident_id: FromPath[str], data: JSONBody[Closing]) -> Incident:
    """With its cause; one that was of severity 1 or 2 is then reviewed by somebody else."""
    return await services_of(request).incidents.close(incident_id, data.category, data.cause, actor=principal_of(request).actor)


@_managing("/incidents/{incident_id:str}/review", summary="Review a closing")
async def review(request: ApiRequest, incident_id: FromPath[str], data: JSONBody[Review]) -> Incident:
    """Not by who asked to close it."""
    return await services_of(request).incidents.review(
        incident_id, accept=data.accept, comment=data.comment, actor=principal_of(request).actor
    )


@post(
    "/incidents/{incident_id:str}/actions", action="manage_incident", status_code=201, tags=["incidents"], summary="Add an action"
)
async def add_action(request: ApiRequest, incident_id: FromPath[str], data: JSONBody[NewAction]) -> IncidentAction:
    """One owner, one day by which it is done."""
    return await services_of(request).incidents.add_action(
        incident_id, data.title, owner=data.owner, due=data.due, actor=principal_of(request).actor
    )


@_managing("/incidents/actions/{action_id:str}/done", summary="Finish an action")
async def finish_action(request: ApiRequest, action_id: FromPath[str], data: JSONBody[Result]) -> IncidentAction:
    """And say what came of it."""
    return await services_of(request).incidents.finish_action(action_id, data.result, actor=principal_of(request).actor)


HANDLERS = [
    list_incidents,
    open_incident,
    get_incident,
    incident_report,
    add_note,
    add_link,
    add_use_case,
    set_severity,
    mitigate,
    close,
    review,
    add_action,
    finish_action,
]
