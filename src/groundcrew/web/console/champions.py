"""Champions in the console: which units have one, what each carries, handing over; and the playbook that they work by."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.domain.champion import PAGE_LENGTH_MAX, VERSIONS_MAX
from groundcrew.errors import NotFound
from groundcrew.services.champions import NAME_LENGTH_MAX, REASON_LENGTH_MAX
from groundcrew.services.playbook import NOTE_LENGTH_MAX, TITLE_LENGTH_MAX
from groundcrew.web.api.common import principal_of, services_of
from groundcrew.web.console import backlog
from groundcrew.web.console.markdown import rendered
from groundcrew.web.console.page import Page, PageRequest, render, see
from groundcrew.web.console.refusing import Refusal, status_of, words_of
from groundcrew.web.requests import read_form

DONE = {
    "appointed": "Recorded: they are champion of this unit.",
    "lapsed": "They are no champion any more. Hand over what they carry.",
    "handed": "Handed over. Change the declaration as well, or the next `groundcrew apply` takes it back.",
    "written": "Written as a new version. Earlier ones stay below.",
}

Person = Annotated[str, msgspec.Meta(max_length=NAME_LENGTH_MAX)]
Unit = Annotated[str, msgspec.Meta(max_length=64)]
ReasonField = Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)]


class AppointForm(msgspec.Struct, frozen=True, kw_only=True):
    """Who is to be champion, of which unit."""

    name: Person = ""
    business_unit: Unit = ""
    account: Person = ""
    reason: ReasonField = ""


class LapseForm(msgspec.Struct, frozen=True, kw_only=True):
    """Who is no champion any more, and why."""

    name: Person = ""
    reason: ReasonField = ""


class HandOverForm(msgspec.Struct, frozen=True, kw_only=True):
    """Who takes one use case, or all of another champion's."""

    to: Person = ""
    use_case: Unit = ""
    source: Person = ""
    reason: ReasonField = ""


class WriteForm(msgspec.Struct, frozen=True, kw_only=True):
    """The next version of a page."""

    title: Annotated[str, msgspec.Meta(max_length=TITLE_LENGTH_MAX)] = ""
    text: Annotated[str, msgspec.Meta(max_length=PAGE_LENGTH_MAX)] = ""
    note: Annotated[str, msgspec.Meta(max_length=NOTE_LENGTH_MAX)] = ""
    based_on: Annotated[int, msgspec.Meta(ge=0, le=VERSIONS_MAX)] = 0


class NameForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a new page is called in addresses."""

    name: Unit = ""


@get("/champions", action="read")
async def champions_page(request: PageRequest, done: Annotated[str, QueryParameter(max_length=40)] = "") -> Page:
    """Units, champions, and the playbook."""
    return await _all(request, message=DONE.get(done))


@post("/champions", action="manage_champions")
async def appoint(request: PageRequest) -> Page:
    """Appoint somebody."""
    form = await read_form(request, AppointForm)
    try:
        await services_of(request).champions.appoint(
            form.name,
            business_unit=form.business_unit.strip(),
            account=form.account,
            reason=form.reason,
            actor=principal_of(request).actor,
        )
    except Refusal as error:
        return await _all(request, status=status_of(error), problem=words_of(error), form=form)
    return see("/champions?done=appointed")


@post("/champions/lapse", action="manage_champions")
async def lapse(request: PageRequest) -> Page:
    """Let somebody lapse."""
    form = await read_form(request, LapseForm)
    try:
        await services_of(request).champions.lapse(form.name, reason=form.reason, actor=principal_of(request).actor)
    except Refusal as error:
        return await _all(request, status=status_of(error), problem=words_of(error))
    return see("/champions?done=lapsed")


@post("/champions/hand-over", action="manage_champions")
async def hand_over(request: PageRequest) -> Page:
    """Hand one use case over, or all of a champion's."""
    form = await read_form(request, HandOverForm)
    try:
        await services_of(request).champions.hand_over(
            form.to,
            use_case=form.use_case or None,
            source=form.source or None,
            reason=form.reason,
            actor=principal_of(request).actor,
        )
    except Refusal as error:
        return await _all(request, status=status_of(error), problem=words_of(error))
    return see("/champions?done=handed")


@post("/champions/playbook", action="manage_champions")
async def new_page(request: PageRequest) -> Page:
    """To the form of a page that there is not yet."""
    form = await read_form(request, NameForm)
    try:
        services_of(request).playbook.check_name(form.name.strip())
    except Refusal as error:
        return await _all(request, status=status_of(error), problem=words_of(error))
    return see(f"/champions/playbook/{form.name.strip()}/edit")


@get("/champions/playbook/{name:str}", action="read")
async def playbook_page(
    request: PageRequest,
    name: FromPath[str],
    version: Annotated[int | None, QueryParameter(ge=0, le=VERSIONS_MAX)] = None,
    done: Annotated[str, QueryParameter(max_length=40)] = "",
) -> Page:
    """One page, as it stands or as it stood."""
    found = await services_of(request).playbook.get(name, version)
    return await render(
        request,
        "playbook_page.html",
        here="champions",
        found=found,
        content=rendered(found.page.text),
        message=DONE.get(done),
        problem=None,
    )


@get("/champions/playbook/{name:str}/edit", action="manage_champions")
async def edit_page(request: PageRequest, name: FromPath[str]) -> Page:
    """The form that writes the next version."""
    services_of(request).playbook.check_name(name)
    try:
        page = (await services_of(request).playbook.get(name)).page
        form = WriteForm(title=page.title, text=page.text, based_on=page.version)
    except NotFound:
        form = WriteForm()
    return await _edit(request, name, form)


@post("/champions/playbook/{name:str}", action="manage_champions")
async def write_page(request: PageRequest, name: FromPath[str]) -> Page:
    """Write the next version."""
    form = await read_form(request, WriteForm)
    try:
        page = await services_of(request).playbook.write(
            name,
            title=form.title,
            text=form.text,
            based_on=form.based_on,
            note=form.note,
            actor=principal_of(request).actor,
        )
    except Refusal as error:
        return await _edit(request, name, form, status=status_of(error), problem=words_of(error))
    return see(f"/champions/playbook/{page.name}?done=written")


async def _edit(request: PageRequest, name: str, form: WriteForm, *, status: int = 200, problem: str | None = None) -> Page:
    return await render(
        request, "playbook_edit.html", status=status, here="champions", name=name, form=form, message=None, problem=problem
    )


async def _all(
    request: PageRequest,
    *,
    status: int = 200,
    message: str | None = None,
    problem: str | None = None,
    form: AppointForm | None = None,
) -> Page:
    services = services_of(request)
    coverage = await services.champions.coverage()
    carrying = [each for each in coverage.champions if each.use_cases]
    return await render(
        request,
        "champions.html",
        status=status,
        here="champions",
        coverage=coverage,
        uncovered=[each for each in coverage.units if each.use_cases and not each.covered],
        active=[each for each in coverage.champions if each.champion is not None and each.standing.state == "active"],
        carrying=carrying,
        use_cases=sorted(name for each in coverage.units for name in each.use_cases),
        pages=await services.playbook.pages(),
        form=form,
        message=message,
        problem=problem,
    )


HANDLERS = [
    champions_page,
    appoint,
    lapse,
    hand_over,
    new_page,
    playbook_page,
    edit_page,
    write_page,
    *backlog.HANDLERS,
]
