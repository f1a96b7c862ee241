"""The audit log: a page at a time, verified, or exported whole."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream

from groundcrew.domain.audit import AuditEntry
from groundcrew.services.audit import AuditReport
from groundcrew.web.api.common import PAGE_ROWS_DEFAULT, ApiRequest, PageSize, services_of, views_of


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """Entries, newest first. Give `next_before` as `before` for the next page; None at the end."""

    entries: list[AuditEntry]
    next_before: int | None


@get("/audit", action="read_audit", tags=["audit"], summary="List audit entries")
async def list_entries(
    request: ApiRequest,
    subject: FromQuery[str | None] = None,
    before: Annotated[int | None, QueryParameter(ge=1)] = None,
    limit: PageSize = PAGE_ROWS_DEFAULT,
) -> AuditPage:
    """The newest entries first, about one subject (``noun/id``) where given."""
    found = await views_of(request).audit_page(subject=subject, before=before, limit=limit)
    return AuditPage(entries=found, next_before=found[-1].sequence if len(found) == limit else None)


@get("/audit/verify", action="read_audit", tags=["audit"], summary="Verify the audit log")
async def verify(request: ApiRequest) -> AuditReport:
    """Check the whole chain and every audited row against it; sound when `problems` is empty."""
    return await services_of(request).audit.verify()


@get("/audit/export", action="read_audit", tags=["audit"], summary="Export the audit log")
async def export(request: ApiRequest) -> Stream:
    """The chain as JSON Lines, for `groundcrew audit verify --file`."""
    headers = {"Content-Disposition": 'attachment; filename="audit.jsonl"'}
    return Stream(services_of(request).audit.lines(), media_type="application/jsonl", headers=headers)


HANDLERS = [list_entries, verify, export]
