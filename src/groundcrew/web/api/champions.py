"""Champions and the playbook over the API; the backlog of explorations beside them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from groundcrew.domain.champion import PAGE_LENGTH_MAX, VERSIONS_MAX, Champion, PlaybookPage
from groundcrew.services.champions import NAME_LENGTH_MAX, REASON_LENGTH_MAX, ChampionNow, Coverage
from groundcrew.services.playbook import NOTE_LENGTH_MAX, TITLE_LENGTH_MAX, PageVersions
from groundcrew.web.api import explorations
from groundcrew.web.api.common import ApiRequest, principal_of, services_of

Person = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_LENGTH_MAX)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_LENGTH_MAX)]


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request says."""


class NewChampion(_Body, frozen=True, kw_only=True):
    """A person as use cases name them, the unit whose champion they are, and their account where it has another name."""

    name: Person
    business_unit: Name
    account: Annotated[str, msgspec.Meta(max_length=NAME_LENGTH_MAX)] = ""
    reason: Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)] = ""


class Lapse(_Body, frozen=True, kw_only=True):
    """Who is no champion any more, and why."""

    name: Person
    reason: Text


class HandOver(_Body, frozen=True, kw_only=True):
    """Who takes one use case, or all that another champion carries (`from`), and why."""

    to: Person
    reason: Text
    use_case: Name | None = None
    source: Person | None = msgspec.field(default=None, name="from")


class NewPage(_Body, frozen=True, kw_only=True):
    """The next version of a page, as Markdown. `based_on` is the version that was read: 0 for what ships, and for a new page."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=TITLE_LENGTH_MAX)]
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=PAGE_LENGTH_MAX)]
    based_on: Annotated[int, msgspec.Meta(ge=0, le=VERSIONS_MAX)]
    note: Annotated[str, msgspec.Meta(max_length=NOTE_LENGTH_MAX)] = ""


@get("/champions", action="read", tags=["champions"], summary="Champions and the units they cover")
async def list_champions(request: ApiRequest) -> Coverage:
    """Every unit with its champions and the use cases that nobody carries; every champion with what they carry."""
    return await services_of(request).champions.coverage()


@post("/champions", action="manage_champions", status_code=201, tags=["champions"], summary="Appoint a champion")
async def appoint(request: ApiRequest, data: JSONBody[NewChampion]) -> Champion:
    """Of one unit; one who lapsed is champion again."""
    return await services_of(request).champions.appoint(
        data.name,
        business_unit=data.business_unit,
        account=data.account,
        reason=data.reason,
        actor=principal_of(request).actor,
    )


@get("/champions/{name:str}", action="read", tags=["champions"], summary="One champion")
async def get_champion(request: ApiRequest, name: FromPath[str]) -> ChampionNow:
    """How they stand, and what they carry."""
    return await services_of(request).champions.get(name)


@post("/champions/lapse", action="manage_champions", status_code=200, tags=["champions"], summary="Let a champion lapse")
async def lapse(request: ApiRequest, data: JSONBody[Lapse]) -> Champion:
    """What they carry is handed over next; until then no gate takes it."""
    return await services_of(request).champions.lapse(data.name, reason=data.reason, actor=principal_of(request).actor)


@post("/champions/hand-over", action="manage_champions", status_code=200, tags=["champions"], summary="Hand use cases over")
async def hand_over(request: ApiRequest, data: JSONBody[HandOver]) -> dict[str, list[str]]:
    """To a champion of the same unit who has room; returns the use cases."""
    given = await services_of(request).champions.hand_over(
        data.to, use_case=data.use_case, source=data.source, reason=data.reason, actor=principal_of(request).actor
    )
    return {"use_cases": list(given)}


@get("/playbooks", action="read", tags=["champions"], summary="List the playbook's pages")
async def list_pages(request: ApiRequest) -> dict[str, list[PlaybookPage]]:
    """The newest version of each."""
    return {"pages": await services_of(request).playbook.pages()}


@get("/playbooks/{name:str}", action="read", tags=["champions"], summary="One page of the playbook")
async def get_page(
    request: ApiRequest,
    name: FromPath[str],
    version: Annotated[int | None, QueryParameter(ge=0, le=VERSIONS_MAX, description="The newest where it is left out")] = None,
) -> PageVersions:
    """One version, and all that there are; version 0 is what ships."""
    return await services_of(request).playbook.get(name, version)


@post("/playbooks/{name:str}", action="manage_champions", status_code=201, tags=["champions"], summary="Write a page")
async def write_page(request: ApiRequest, name: FromPath[str], data: JSONBody[NewPage]) -> PlaybookPage:
    """As the next version; what was written before stays."""
    return await services_of(request).playbook.write(
        name,
        title=data.title,
        text=data.text,
        based_on=data.based_on,
        note=data.note,
        actor=principal_of(request).actor,
    )


HANDLERS = [
    list_champions,
    appoint,
    get_champion,
    lapse,
    hand_over,
    list_pages,
    get_page,
    write_page,
    *explorations.HANDLERS,
]
