"""The quality of a knowledge base: what was found, who is to do what about it, and what became of it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.domain.knowledge_quality import ACTIONS, FINDING_KINDS, Finding
from groundcrew.errors import Conflict, InputError, NotFound
from groundcrew.services.knowledge_quality import ACTOR, OWNER_LENGTH_MAX, Decision, Quality
from groundcrew.web.api.common import REASON_LENGTH_MAX, principal_of, services_of
from groundcrew.web.console.page import Page, PageRequest, render, see
from groundcrew.web.console.use_case import NoFields
from groundcrew.web.console.words import DONE
from groundcrew.web.requests import read_form

TITLES = {
    "contradiction": "Passages that contradict each other",
    "stale": "Stale or soon to end",
    "unanswered": "Questions without an answer",
    "unused": "Documents that no call has found",
    "corrected": "Passages whose answers people correct",
}
SETTLED_SHOWN = 20


class DecisionForm(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a finding."""

    state: Decision
    reason: Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)] = ""
    owner: Annotated[str, msgspec.Meta(max_length=OWNER_LENGTH_MAX)] = ""


@get("/knowledge/{name:str}/quality", action="read")
async def quality_page(
    request: PageRequest, name: FromPath[str], done: Annotated[str, QueryParameter(max_length=40)] = ""
) -> Page:
    """What was found about one knowledge base."""
    return await _page(request, name, message=DONE.get(done))


@post("/knowledge/{name:str}/quality", action="submit_job")
async def look_through(request: PageRequest, name: FromPath[str]) -> Page:
    """Ask for a run."""
    await read_form(request, NoFields)
    try:
        await services_of(request).quality.submit(name, actor=principal_of(request).actor)
    except Conflict as error:
        return await _page(request, name, status=409, problem=str(error))
    return see(f"/knowledge/{name}/quality?done=asked_for")


@post("/knowledge/{name:str}/quality/{finding:str}", action="decide_finding")
async def decide(request: PageRequest, name: FromPath[str], finding: FromPath[str]) -> Page:
    """Settle a finding, open it again, or hand it over."""
    form = await read_form(request, DecisionForm)
    try:
        await services_of(request).quality.decide(
            name, finding, form.state, actor=principal_of(request).actor, reason=form.reason, owner=form.owner or None
        )
    except (Conflict, InputError) as error:
        return await _page(request, name, status=409 if isinstance(error, Conflict) else 400, problem=str(error))
    return see(f"/knowledge/{name}/quality?done={'reopened' if form.state == 'open' else 'settled'}")


async def _page(
    request: PageRequest, name: str, *, status: int = 200, message: str | None = None, problem: str | None = None
) -> Page:
    services = services_of(request)
    base = next((each for each in await services.knowledge.bases() if each.name == name), None)
    if base is None:
        raise NotFound(f"no knowledge base {name!r}")
    quality = await services.quality.get(name)
    newest = await services.jobs.list(kind="knowledge-quality", subject=name, limit=1)
    return await render(
        request,
        "quality.html",
        status=status,
        here="knowledge",
        base=base,
        run=quality.run,
        newest=newest[0] if newest else None,
        groups=[
            (kind, TITLES[kind], ACTIONS[kind], [each for each in quality.findings if each.kind == kind and each.state == "open"])
            for kind in FINDING_KINDS
        ],
        settled=_settled(quality),
        titles=TITLES,
        message=message,
        problem=problem,
    )


def _settled(quality: Quality) -> list[Finding]:
    """The newest SETTLED_SHOWN that are not open, those that people settled before those that a run closed."""
    found = [each for each in quality.findings if each.state != "open" and each.decided_at is not None]
    found.sort(key=lambda each: (each.decided_by != ACTOR, each.decided_at), reverse=True)
    return found[:SETTLED_SHOWN]


HANDLERS = [quality_page, look_through, decide]
