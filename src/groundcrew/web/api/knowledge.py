"""Knowledge bases: their revisions, approval by a person, and search."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from groundcrew.domain.job import Job
from groundcrew.domain.knowledge import KnowledgeBase, Revision
from groundcrew.domain.knowledge_quality import Finding, FindingKind, FindingState
from groundcrew.services.knowledge_quality import OWNER_LENGTH_MAX, Decision, Quality
from groundcrew.web.api.common import REASON_LENGTH_MAX, ApiRequest, Reason, principal_of, services_of

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


class FindingDecision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What becomes of a finding. A dismissal needs its reason; `owner` hands it to somebody else."""

    state: Decision
    reason: Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)] = ""
    owner: Annotated[str, msgspec.Meta(max_length=OWNER_LENGTH_MAX)] | None = None


@get("/knowledge-bases/{name:str}/quality", action="read", tags=["knowledge"], summary="What was found about a knowledge base")
async def get_quality(
    request: ApiRequest,
    name: FromPath[str],
    state_now: Annotated[FindingState | None, QueryParameter(name="state")] = None,
    kind: FromQuery[FindingKind | None] = None,
) -> Quality:
    """The findings, open ones first, and the newest run that came to its end."""
    return await services_of(request).quality.get(name, state=state_now, kind=kind)


@post(
    "/knowledge-bases/{name:str}/quality",
    action="submit_job",
    status_code=202,
    tags=["knowledge"],
    summary="Look through a knowledge base",
)
async def look_through(request: ApiRequest, name: FromPath[str]) -> Job:
    """Ask for a run; the one that waits or runs already, if there is one."""
    return await services_of(request).quality.submit(name, actor=principal_of(request).actor)


@post(
    "/knowledge-bases/{name:str}/quality/{finding:str}",
    action="decide_finding",
    status_code=200,
    tags=["knowledge"],
    summary="Settle a finding",
)
async def decide_finding(
    request: ApiRequest, name: FromPath[str], finding: FromPath[str], data: JSONBody[FindingDecision]
) -> Finding:
    """Call a finding done, dismiss it with a reason, open it again, or hand it to somebody else."""
    return await services_of(request).quality.decide(
        name, finding, data.state, actor=principal_of(request).actor, reason=data.reason, owner=data.owner
    )


HANDLERS = [list_bases, list_revisions, approve_revision, withdraw_revision, search, get_quality, look_through, decide_finding]
