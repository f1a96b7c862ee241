"""The backlog in the console: ideas, running boxes and what was learned, with a search over all of it, and a page for each."""

from __future__ import annotations

from typing import Annotated, get_args

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.domain.data_class import DATA_CLASSES, DataClass
from groundcrew.domain.exploration import (
    LEARNED,
    SEARCH_LENGTH_MAX,
    TEXT_LENGTH_MAX,
    TITLE_LENGTH_MAX,
    Box,
    Draft,
    ExplorationState,
)
from groundcrew.domain.use_case import Autonomy
from groundcrew.errors import InputError
from groundcrew.services.backlog import OWNER_LENGTH_MAX, ExplorationNow
from groundcrew.web.api.common import principal_of, services_of
from groundcrew.web.console.numbers import number, whole
from groundcrew.web.console.page import Page, PageRequest, fragment, render, see
from groundcrew.web.console.refusing import Refusal, status_of, words_of
from groundcrew.web.requests import read_form

SHOWN_MAX = 200
DONE = {
    "added": "It is in the backlog. Start it when somebody has the days.",
    "started": "Started: the box is open.",
    "extended": "The box is wider. Who widened it and why stands below.",
    "finished": "Finished. What was learned is found by whoever searches.",
    "became": "It became a use case: download the draft, look it over, and apply it.",
}

TextField = Annotated[str, msgspec.Meta(max_length=TEXT_LENGTH_MAX)]
Number = Annotated[str, msgspec.Meta(max_length=20)]
Name = Annotated[str, msgspec.Meta(max_length=64)]


class BoxForm(msgspec.Struct, frozen=True, kw_only=True):
    """Days, tokens and USD as they are typed."""

    days: Number = ""
    tokens: Number = ""
    usd: Number = ""

    def box(self, *, days_default: int) -> Box:
        """The box. InputError for what is no number."""
        return Box(
            days=whole(self.days, "days") if self.days.strip() else days_default,
            tokens=whole(self.tokens, "tokens") if self.tokens.strip() else None,
            usd=number(self.usd, "USD") if self.usd.strip() else None,
        )


class AddForm(BoxForm, frozen=True, kw_only=True):
    """A new idea."""

    title: Annotated[str, msgspec.Meta(max_length=TITLE_LENGTH_MAX)] = ""
    hypothesis: TextField = ""
    why: TextField = ""
    business_unit: Name = ""
    owner: Annotated[str, msgspec.Meta(max_length=OWNER_LENGTH_MAX)] = ""
    tags: Annotated[str, msgspec.Meta(max_length=500)] = ""
    use_case: Name = ""
    key_id: Name = ""


class WiderForm(BoxForm, frozen=True, kw_only=True):
    """By how much a box is widened, and why."""

    reason: TextField = ""


class FinishForm(msgspec.Struct, frozen=True, kw_only=True):
    """What was learned."""

    outcome: Annotated[str, msgspec.Meta(max_length=20)] = ""
    learned: TextField = ""


class BecomeForm(msgspec.Struct, frozen=True, kw_only=True):
    """The use case that it becomes."""

    name: Name = ""
    model: Name = ""
    affected_persons: Annotated[str, msgspec.Meta(max_length=TITLE_LENGTH_MAX)] = ""
    autonomy: Autonomy = "assist"
    data_classes: tuple[DataClass, ...] = ()


class BarPart(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a box as it is drawn; `share` is above 1 where it is overrun."""

    name: str
    used: float | None
    limit: float

    @property
    def share(self) -> float | None:
        """How much of it is used; None where nothing tells."""
        return self.used / self.limit if self.used is not None and self.limit else None


@get("/backlog", action="read")
async def backlog_page(
    request: PageRequest,
    words: Annotated[str, QueryParameter(name="q", max_length=SEARCH_LENGTH_MAX)] = "",
    state_now: Annotated[ExplorationState | None, QueryParameter(name="state")] = None,
    done: Annotated[str, QueryParameter(max_length=40)] = "",
) -> Page:
    """What runs, what waits, what was learned, and the form to add an idea."""
    return await _list(request, query=words, state_now=state_now, message=DONE.get(done))


@post("/backlog", action="explore")
async def add(request: PageRequest) -> Page:
    """Add an idea."""
    form = await read_form(request, AddForm)
    try:
        made = await services_of(request).backlog.add(
            title=form.title,
            hypothesis=form.hypothesis,
            why=form.why,
            business_unit=form.business_unit.strip(),
            owner=form.owner,
            box=form.box(days_default=0),
            tags=form.tags.split(","),
            use_case=form.use_case or None,
            key_id=form.key_id.strip() or None,
            actor=principal_of(request).actor,
        )
    except Refusal as error:
        return await _list(request, status=status_of(error), problem=words_of(error), form=form)
    return see(f"/backlog/{made.id}?done=added")


@get("/backlog/similar", action="read")
async def similar(
    request: PageRequest,
    title: Annotated[str, QueryParameter(max_length=TITLE_LENGTH_MAX)] = "",
    hypothesis: Annotated[str, QueryParameter(max_length=TEXT_LENGTH_MAX)] = "",
) -> Page:
    """Earlier ones like what is being written, for the form."""
    found = await services_of(request).backlog.similar(f"{title.strip()}. {hypothesis.strip()}" if hypothesis.strip() else "")
    return fragment("backlog_similar.html", similar=found)


@get("/backlog/{exploration_id:str}", action="read")
async def exploration_page(
    request: PageRequest, exploration_id: FromPath[str], done: Annotated[str, QueryParameter(max_length=40)] = ""
) -> Page:
    """One exploration."""
    return await _one(request, exploration_id, message=DONE.get(done))


@post("/backlog/{exploration_id:str}/start", action="explore")
async def start(request: PageRequest, exploration_id: FromPath[str]) -> Page:
    """Open the box."""
    try:
        made = await services_of(request).backlog.start(exploration_id, actor=principal_of(request).actor)
    except Refusal as error:
        return await _one(request, exploration_id, status=status_of(error), problem=words_of(error))
    return see(f"/backlog/{made.id}?done=started")


@post("/backlog/{exploration_id:str}/extend", action="explore")
async def extend(request: PageRequest, exploration_id: FromPath[str]) -> Page:
    """Widen the box of somebody else's exploration."""
    form = await read_form(request, WiderForm)
    try:
        made = await services_of(request).backlog.extend(
            exploration_id, form.box(days_default=0), reason=form.reason, actor=principal_of(request).actor
        )
    except Refusal as error:
        return await _one(request, exploration_id, status=status_of(error), problem=words_of(error))
    return see(f"/backlog/{made.id}?done=extended")


@post("/backlog/{exploration_id:str}/finish", action="explore")
async def finish(request: PageRequest, exploration_id: FromPath[str]) -> Page:
    """Say what was learned."""
    form = await read_form(request, FinishForm)
    try:
        made = await services_of(request).backlog.finish(
            exploration_id, form.outcome, form.learned, actor=principal_of(request).actor
        )
    except Refusal as error:
        return await _one(request, exploration_id, status=status_of(error), problem=words_of(error), form=form)
    return see(f"/backlog/{made.id}?done=finished")


@post("/backlog/{exploration_id:str}/become", action="explore")
async def become(request: PageRequest, exploration_id: FromPath[str]) -> Page:
    """Make it a use case."""
    form = await read_form(request, BecomeForm)
    draft = Draft(
        name=form.name.strip(),
        model=form.model,
        affected_persons=form.affected_persons,
        autonomy=form.autonomy,
        data_classes=form.data_classes or ("internal",),
    )
    try:
        made, _ = await services_of(request).backlog.become(exploration_id, draft, actor=principal_of(request).actor)
    except Refusal as error:
        return await _one(request, exploration_id, status=status_of(error), problem=words_of(error))
    return see(f"/backlog/{made.id}?done=became")


def box_of(view: ExplorationNow) -> list[BarPart]:
    """The parts of a box that are limited, as they are drawn."""
    limits, use = view.exploration.limits, view.use
    found = [BarPart(name="days", used=use.days, limit=limits.days)]
    if limits.tokens is not None:
        found.append(BarPart(name="tokens", used=use.tokens, limit=limits.tokens))
    if limits.usd is not None:
        found.append(BarPart(name="USD", used=use.usd, limit=limits.usd))
    return found


async def _list(
    request: PageRequest,
    *,
    query: str = "",
    state_now: ExplorationState | None = None,
    status: int = 200,
    message: str | None = None,
    problem: str | None = None,
    form: AddForm | None = None,
) -> Page:
    services = services_of(request)
    try:
        found = await services.backlog.find(query=query, state=state_now, limit=SHOWN_MAX)
    except InputError as error:
        found, status, problem = [], 400, words_of(error)
    use_cases = await services.use_cases.find()
    return await render(
        request,
        "backlog.html",
        status=status,
        here="backlog",
        found=[(each, box_of(each)) for each in found],
        query=query,
        state_now=state_now or "",
        states=get_args(ExplorationState),
        units=sorted({each.business_unit for each in use_cases}),
        use_cases=[each.name for each in use_cases if each.stage == "discovery"],
        form=form,
        full=len(found) >= SHOWN_MAX,
        message=message,
        problem=problem,
    )


async def _one(
    request: PageRequest,
    exploration_id: str,
    *,
    status: int = 200,
    message: str | None = None,
    problem: str | None = None,
    form: FinishForm | None = None,
) -> Page:
    services = services_of(request)
    view = await services.backlog.get(exploration_id)
    return await render(
        request,
        "exploration.html",
        status=status,
        here="backlog",
        view=view,
        each=view.exploration,
        box=box_of(view),
        outcomes=LEARNED if view.exploration.state == "running" else ("dropped",),
        models=[each.model.name for each in await services.models.find()] if view.exploration.outcome else [],
        autonomies=get_args(Autonomy),
        data_classes=DATA_CLASSES,
        form=form,
        message=message,
        problem=problem,
    )


HANDLERS = [backlog_page, add, similar, exploration_page, start, extend, finish, become]
