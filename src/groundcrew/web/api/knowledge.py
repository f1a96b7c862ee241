"""Knowledge bases: their revisions, approval by a person, and search."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from groundcrew.domain.knowledge import KnowledgeBase, Revision
from groundcrew.web.api.common import ApiRequest, Reason, principal_of, services_of

QUERY_LENGTH_MAX = 1_000
HITS_MAX = 50


@get("/knowledge-bases", action="read", tags=["knowledge"], summary="List the knowledge bases")
async def list_bases(request: ApiRequest) -> dict[str, list[KnowledgeBase]]:
    """All knowledge bases."""
    return {"knowledge_bases": await services_of(request).knowledge.bases()}


@get("/knowledge-bases/{name:str}/revisions", action="read", tags=["knowledge"], summary="Revisions of a knowledge base")
async def list_revisions(request: ApiRequest, name: FromPath[str]) -> dict[str, list[Revision]]:
    """All revisions, oldest first."""
    return {"revisions": await services_of(request).knowledge.revisions(name)}


@post(
    "/knowledge-bases/{name:str}/revisions/{revision:str}/approve",
    action="approve_knowledge",
    status_code=200,
    tags=["knowledge"],
    summary="Let a revision serve",
)
async def approve_revision(request: ApiRequest, name: FromPath[str], revision: FromPath[str]) -> Revision:
    """Let a revision serve until its review is due; the one it replaces is superseded."""
    return await services_of(request).knowledge.approve(name, revision, actor=principal_of(request).actor)


@post(
    "/knowledge-bases/{name:str}/revisions/{revision:str}/withdraw",
    action="withdraw_knowledge",
    status_code=200,
    tags=["knowledge"],
    summary="Stop a revision from serving",
)
async def withdraw_revision(
    request: ApiRequest, name: FromPath[str], revision: FromPath[str], data: JSONBody[Reason]
) -> Revision:
    """Stop a revision from serving, at once."""
    return await services_of(request).knowledge.withdraw(name, revision, actor=principal_of(request).actor, reason=data.reason)


@get("/knowledge-bases/{name:str}/search", action="read", tags=["knowledge"], summary="Search a knowledge base")
async def search(
    request: ApiRequest,
    name: FromPath[str],
    text: Annotated[str, QueryParameter(name="query", min_length=1, max_length=QUERY_LENGTH_MAX)],
    revision: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=HITS_MAX)] = 5,
) -> dict[str, list[Any]]:
    """Passages nearest to `query` in the serving revision, or in the one given."""
    hits = await services_of(request).knowledge.search(name, text, revision=revision, limit=limit)
    return {"hits": [msgspec.to_builtins(hit) for hit in hits]}


HANDLERS = [list_bases, list_revisions, approve_revision, withdraw_revision, search]
