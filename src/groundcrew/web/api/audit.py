"""The audit log: searched a page at a time, verified, exported; what signs it; and what a call rested on."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import get
from litestar.params import FromPath, QueryParameter
from litestar.response import Response, Stream

from groundcrew.domain.audit import AuditEntry
from groundcrew.domain.audit_search import SEQUENCE_MAX, Wanted
from groundcrew.domain.checkpoint import AuditKey, Checkpoint
from groundcrew.domain.moments import in_utc
from groundcrew.errors import NotFound
from groundcrew.services.audit import AuditReport
from groundcrew.services.checkpoints import Standing
from groundcrew.services.decision_context import DecisionContext
from groundcrew.services.second_reviews import blind_to
from groundcrew.services.verifier_script import verifier_script
from groundcrew.web.api.calls import recorded_call
from groundcrew.web.api.common import PAGE_ROWS_DEFAULT, ApiRequest, PageSize, person_of, services_of

NAME_LENGTH_MAX, TEXT_LENGTH_MAX = 300, 200

Name = Annotated[str | None, QueryParameter(max_length=NAME_LENGTH_MAX)]
Moment = Annotated[datetime | None, QueryParameter(description="RFC 3339; in UTC where no zone is given")]


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """Entries, newest first. Give `next_before` as `before` for the next page; None at the end. A page of a search for text looks
    at so many entries, so that it may hold few or none and still have a next."""

    entries: list[AuditEntry]
    next_before: int | None


class Checkpoints(msgspec.Struct, frozen=True, kw_only=True):
    """How far the log is signed, and the newest checkpoints first."""

    standing: Standing
    checkpoints: list[Checkpoint]


class AuditKeys(msgspec.Struct, frozen=True, kw_only=True):
    """Public keys, the newest first; each is signed by the one that it follows."""

    keys: list[AuditKey]


@get("/audit", action="read_audit", tags=["audit"], summary="Search audit entries")
async def list_entries(
    request: ApiRequest,
    subject: Name = None,
    actor: Name = None,
    doing: Annotated[str | None, QueryParameter(name="action", max_length=NAME_LENGTH_MAX)] = None,
    use_case: Name = None,
    since: Moment = None,
    until: Moment = None,
    text: Annotated[str | None, QueryParameter(max_length=TEXT_LENGTH_MAX)] = None,
    before: Annotated[int | None, QueryParameter(ge=1, le=SEQUENCE_MAX)] = None,
    limit: PageSize = PAGE_ROWS_DEFAULT,
) -> AuditPage:
    """The newest entries first, of all that is given: about one subject (``noun/id``, or how it begins: ``noun/``, ``noun/a*``),
    of one actor, action or use case, from `since` on and before `until`, with `text` anywhere."""
    wanted = Wanted(
        subject=subject or None,
        actor=actor or None,
        action=doing or None,
        use_case=use_case or None,
        since=in_utc(since, "since") if since is not None else None,
        until=in_utc(until, "until") if until is not None else None,
        text=text or None,
    )
    page = await services_of(request).audit.search(wanted, before=before, limit=limit)
    return AuditPage(entries=list(page.entries), next_before=page.next_before)


@get("/audit/verify", action="read_audit", tags=["audit"], summary="Verify the audit log")
async def verify(request: ApiRequest) -> AuditReport:
    """Check the whole chain, its signatures and every audited row against it; sound when `problems` is empty."""
    return await services_of(request).audit.verify()


@get("/audit/export", action="read_audit", tags=["audit"], summary="Export the audit log")
async def export(request: ApiRequest) -> Stream:
    """The chain as JSON Lines, for `groundcrew audit verify --file`."""
    headers = {"Content-Disposition": 'attachment; filename="audit.jsonl"'}
    return Stream(services_of(request).audit.lines(), media_type="application/jsonl", headers=headers)


@get("/audit/checkpoints", action="read_audit", tags=["audit"], summary="How far the audit log is signed")
async def checkpoints(request: ApiRequest, limit: PageSize = PAGE_ROWS_DEFAULT) -> Checkpoints:
    """How far the log is signed, and the newest checkpoints."""
    service = services_of(request).checkpoints
    return Checkpoints(standing=await service.standing(), checkpoints=await service.find(limit=limit))


@get("/audit/checkpoints/export", action="read_audit", tags=["audit"], summary="Export keys and checkpoints")
async def export_checkpoints(request: ApiRequest) -> Stream:
    """Every key and checkpoint as JSON Lines, for a witness to keep and for `audit verify --checkpoints`."""
    headers = {"Content-Disposition": 'attachment; filename="checkpoints.jsonl"'}
    return Stream(services_of(request).checkpoints.lines(), media_type="application/jsonl", headers=headers)


@get("/audit/keys", action="read", tags=["audit"], summary="The public keys of the audit log")
async def keys(request: ApiRequest) -> AuditKeys:
    """The public halves of what signs the log."""
    return AuditKeys(keys=await services_of(request).checkpoints.keys())


@get("/audit/verifier", action="read_audit", tags=["audit"], summary="The offline verifier", sync_to_thread=False)
def verifier(request: ApiRequest) -> Response[str]:
    """One file of Python by which an auditor verifies an export without groundcrew."""
    headers = {"Content-Disposition": 'attachment; filename="verify_audit.py"'}
    return Response(verifier_script(), media_type="text/x-python; charset=utf-8", headers=headers)


@get("/calls/{call_id:str}/context", action="read", tags=["calls"], summary="What a call rested on")
async def call_context(request: ApiRequest, call_id: FromPath[str]) -> DecisionContext:
    """Use case, version, stage, gate, evidence, approvals, switches and guards as of the call, each with the audit entry that
    proves it. What can not be told is said."""
    return await context_of(request, call_id)


async def context_of(request: ApiRequest, call_id: str) -> DecisionContext:
    """The context of a call; who may still judge its draft a second time is not told what was decided first."""
    services = services_of(request)
    call = await recorded_call(services, call_id)
    found = await services.decision_contexts.of(call.id)
    try:
        sign_off = await services.sign_offs.get(call.sign_off_id) if call.sign_off_id else None
    except NotFound:
        sign_off = None
    if sign_off is not None and blind_to(sign_off, person_of(request, "this takes a person")):
        found = msgspec.structs.replace(found, facts=tuple(each for each in found.facts if each.part != "sign-off"))
    return found


HANDLERS = [list_entries, verify, export, checkpoints, export_checkpoints, keys, verifier, call_context]
