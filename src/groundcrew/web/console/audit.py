"""The audit log's pages: entries, newest first, and the verification of the whole chain."""

from __future__ import annotations

from typing import Annotated

from litestar import get, post
from litestar.params import QueryParameter

from groundcrew.services.audit import AuditReport
from groundcrew.web.api.common import services_of, views_of
from groundcrew.web.console.page import Page, PageRequest, render
from groundcrew.web.console.use_case import NoFields
from groundcrew.web.requests import read_form

ENTRIES_PER_PAGE = 100


@get("/audit", action="read_audit")
async def audit_page(
    request: PageRequest,
    subject: Annotated[str, QueryParameter(max_length=200)] = "",
    before: Annotated[int | None, QueryParameter(ge=1)] = None,
) -> Page:
    """Entries, newest first, about one subject where given."""
    return await _page(request, subject=subject.strip(), before=before, report=None)


@post("/audit/verify", action="read_audit")
async def verify(request: PageRequest) -> Page:
    """Verify the chain and show the result."""
    await read_form(request, NoFields)
    return await _page(request, subject="", before=None, report=await services_of(request).audit.verify())


async def _page(request: PageRequest, *, subject: str, before: int | None, report: AuditReport | None) -> Page:
    entries = await views_of(request).audit_page(subject=subject or None, before=before, limit=ENTRIES_PER_PAGE)
    return await render(
        request,
        "audit.html",
        here="audit",
        entries=entries,
        subject=subject,
        older=entries[-1].sequence if len(entries) == ENTRIES_PER_PAGE else None,
        report=report,
    )


HANDLERS = [audit_page, verify]
