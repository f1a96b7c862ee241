"""Knowledge bases: what serves, what waits for approval, and what a search finds."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, QueryParameter

from groundcrew.domain.knowledge import Revision
from groundcrew.errors import Conflict, GroundcrewError, InputError, NotFound
from groundcrew.web.api.common import REASON_LENGTH_MAX, principal_of, services_of
from groundcrew.web.api.knowledge import QUERY_LENGTH_MAX
from groundcrew.web.console.page import Page, PageRequest, render, see
from groundcrew.web.console.use_case import NoFields
from groundcrew.web.console.words import DONE
from groundcrew.web.requests import read_form

HITS_SHOWN = 5


class WithdrawForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why a revision is withdrawn."""

    reason: Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)] = ""


class BaseRow(msgspec.Struct, frozen=True, kw_only=True):
    """A knowledge base, what serves and what waits."""

    name: str
    title: str
    owner: str
    serving: Revision | None
    expired: bool
    proposed: int
    open_findings: int


@get("/knowledge", action="read")
async def bases_page(request: PageRequest) -> Page:
    """All knowledge bases."""
    services = services_of(request)
    now = services.database.clock.now()
    rows, findings = [], await services.quality.counts()
    for base in await services.knowledge.bases():
        revisions = await services.knowledge.revisions(base.name)
        approved = [each for each in revisions if each.state == "approved"]
        rows.append(
            BaseRow(
                name=base.name,
                title=base.title,
                owner=base.owner,
                serving=approved[-1] if approved else None,
                expired=bool(approved) and not approved[-1].serves_at(now),
                proposed=sum(each.state == "proposed" for each in revisions),
                open_findings=findings.get(base.name, 0),
            )
        )
    return await render(request, "knowledge.html", here="knowledge", rows=rows)


@get("/knowledge/{name:str}", action="read")
async def base_page(
    request: PageRequest,
    name: FromPath[str],
    text: Annotated[str, QueryParameter(name="query", max_length=QUERY_LENGTH_MAX)] = "",
    revision: FromQuery[str | None] = None,
    done: Annotated[str, QueryParameter(max_length=40)] = "",
) -> Page:
    """One knowledge base with its revisions and a search."""
    return await _page(request, name, text=text.strip(), revision=revision or None, message=DONE.get(done))


@post("/knowledge/{name:str}/revisions/{revision:str}/approve", action="approve_knowledge")
async def approve(request: PageRequest, name: FromPath[str], revision: FromPath[str]) -> Page:
    """Let a revision serve."""
    await read_form(request, NoFields)
    try:
        await services_of(request).knowledge.approve(name, revision, actor=principal_of(request).actor)
    except (Conflict, InputError) as error:
        return await _page(request, name, status=409, problem=str(error))
    return see(f"/knowledge/{name}?done=approved")


@post("/knowledge/{name:str}/revisions/{revision:str}/withdraw", action="withdraw_knowledge")
async def withdraw(request: PageRequest, name: FromPath[str], revision: FromPath[str]) -> Page:
    """Stop a revision from serving."""
    form = await read_form(request, WithdrawForm)
    try:
        await services_of(request).knowledge.withdraw(name, revision, actor=principal_of(request).actor, reason=form.reason)
    except (Conflict, InputError) as error:
        return await _page(request, name, status=400, problem=str(error))
    return see(f"/knowledge/{name}?done=withdrawn")


async def _page(
    request: PageRequest,
    name: str,
    *,
    status: int = 200,
    text: str = "",
    revision: str | None = None,
    message: str | None = None,
    problem: str | None = None,
) -> Page:
    knowledge = services_of(request).knowledge
    revisions = (await knowledge.revisions(name))[::-1]
    base = next((each for each in await knowledge.bases() if each.name == name), None)
    if base is None:
        raise NotFound(f"no knowledge base {name!r}")
    hits: list[Any] = []
    if text and problem is None:
        try:
            hits = await knowledge.search(name, text, revision=revision, limit=HITS_SHOWN)
        except GroundcrewError as error:
            problem = str(error)
    return await render(
        request,
        "knowledge_base.html",
        status=status,
        here="knowledge",
        base=base,
        revisions=revisions,
        text=text,
        revision=revision or "",
        hits=hits,
        open_findings=(await services_of(request).quality.counts()).get(name, 0),
        message=message,
        problem=problem,
    )


HANDLERS = [bases_page, base_page, approve, withdraw]
