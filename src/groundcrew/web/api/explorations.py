"""The backlog of explorations over the API: ideas, boxes, what was learned, and what became of it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from groundcrew.domain.data_class import DataClass
from groundcrew.domain.exploration import (
    BOX_DAYS_MAX,
    BOX_TOKENS_MAX,
    BOX_USD_MAX,
    SEARCH_LENGTH_MAX,
    TAG_LENGTH_MAX,
    TAGS_MAX,
    TEXT_LENGTH_MAX,
    TITLE_LENGTH_MAX,
    Box,
    Draft,
    Exploration,
    ExplorationState,
    Learned,
)
from groundcrew.domain.use_case import Autonomy
from groundcrew.services.backlog import OWNER_LENGTH_MAX, ExplorationNow, Similar
from groundcrew.web.api.common import PAGE_ROWS_DEFAULT, ApiRequest, PageSize, principal_of, services_of

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_LENGTH_MAX)]
Title = Annotated[str, msgspec.Meta(min_length=1, max_length=TITLE_LENGTH_MAX)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Tokens = Annotated[int, msgspec.Meta(gt=0, le=BOX_TOKENS_MAX)]
Usd = Annotated[float, msgspec.Meta(gt=0, le=BOX_USD_MAX)]


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request says."""


class NewBox(_Body, frozen=True, kw_only=True):
    """Days from the start, and tokens and USD where they are limited."""

    days: Annotated[int, msgspec.Meta(ge=1, le=BOX_DAYS_MAX)]
    tokens: Tokens | None = None
    usd: Usd | None = None


class NewExploration(_Body, frozen=True, kw_only=True):
    """A hypothesis that is worth a try, in a box. Tokens and USD take a use case, or its key, that it calls with."""

    title: Title
    hypothesis: Text
    why: Text
    business_unit: Name
    owner: Annotated[str, msgspec.Meta(min_length=1, max_length=OWNER_LENGTH_MAX)]
    box: NewBox
    tags: Annotated[
        list[Annotated[str, msgspec.Meta(min_length=1, max_length=TAG_LENGTH_MAX)]], msgspec.Meta(max_length=TAGS_MAX)
    ] = []
    use_case: Name | None = None
    key_id: Name | None = None


class Wider(_Body, frozen=True, kw_only=True):
    """By how much a box is widened, and why."""

    reason: Text
    days: Annotated[int, msgspec.Meta(ge=0, le=BOX_DAYS_MAX)] = 0
    tokens: Tokens | None = None
    usd: Usd | None = None


class Finding(_Body, frozen=True, kw_only=True):
    """What came of it, and what was learned, in words that the next one understands."""

    outcome: Learned
    learned: Text


class NewDraft(_Body, frozen=True, kw_only=True):
    """The use case that it becomes: its name, the model it calls, and whom it concerns."""

    name: Name
    model: Name
    affected_persons: Title
    # A product and a customized one need a knowledge base or a data set besides, which an exploration has not.
    solution: Literal["vendor_feature"] = "vendor_feature"
    autonomy: Autonomy = "assist"
    data_classes: Annotated[tuple[DataClass, ...], msgspec.Meta(min_length=1, max_length=5)] = ("internal",)


@get("/explorations", action="read", tags=["explorations"], summary="List and search explorations")
async def list_explorations(
    request: ApiRequest,
    words: Annotated[
        str,
        QueryParameter(name="q", max_length=SEARCH_LENGTH_MAX, description="Words, of which each begins a word that was said"),
    ] = "",
    state_now: Annotated[ExplorationState | None, QueryParameter(name="state", description="idea, running or finished")] = None,
    business_unit: Annotated[str | None, QueryParameter(max_length=64)] = None,
    limit: PageSize = PAGE_ROWS_DEFAULT,
) -> dict[str, list[ExplorationNow]]:
    """The newest first, refuted ones as well; case and accents do not matter."""
    found = await services_of(request).backlog.find(query=words, state=state_now, business_unit=business_unit, limit=limit)
    return {"explorations": found}


@post("/explorations", action="explore", status_code=201, tags=["explorations"], summary="Put an idea into the backlog")
async def add_exploration(request: ApiRequest, data: JSONBody[NewExploration]) -> Exploration:
    """It waits to be started."""
    return await services_of(request).backlog.add(
        title=data.title,
        hypothesis=data.hypothesis,
        why=data.why,
        business_unit=data.business_unit,
        owner=data.owner,
        box=Box(days=data.box.days, tokens=data.box.tokens, usd=data.box.usd),
        tags=data.tags,
        use_case=data.use_case,
        key_id=data.key_id,
        actor=principal_of(request).actor,
    )


@get("/explorations/similar", action="read", tags=["explorations"], summary="Earlier explorations like a text")
async def similar(
    request: ApiRequest, text: Annotated[str, QueryParameter(max_length=TEXT_LENGTH_MAX)] = ""
) -> dict[str, list[Similar]]:
    """The nearest first, by the shipped encoder; none for a text that is too short to say."""
    return {"similar": await services_of(request).backlog.similar(text)}


@get("/explorations/{exploration_id:str}", action="read", tags=["explorations"], summary="One exploration")
async def get_exploration(request: ApiRequest, exploration_id: FromPath[str]) -> ExplorationNow:
    """With what of its box is used, and the hypothesis of the use case that it became."""
    return await services_of(request).backlog.get(exploration_id)


@post("/explorations/{exploration_id:str}/start", action="explore", status_code=200, tags=["explorations"], summary="Start it")
async def start(request: ApiRequest, exploration_id: FromPath[str]) -> Exploration:
    """Its box opens; its key expires with the box at the latest."""
    return await services_of(request).backlog.start(exploration_id, actor=principal_of(request).actor)


@post(
    "/explorations/{exploration_id:str}/extend", action="explore", status_code=200, tags=["explorations"], summary="Widen its box"
)
async def extend(request: ApiRequest, exploration_id: FromPath[str], data: JSONBody[Wider]) -> Exploration:
    """By somebody else than its owner."""
    more = Box(days=data.days, tokens=data.tokens, usd=data.usd)
    return await services_of(request).backlog.extend(exploration_id, more, reason=data.reason, actor=principal_of(request).actor)


@post("/explorations/{exploration_id:str}/finish", action="explore", status_code=200, tags=["explorations"], summary="Finish it")
async def finish(request: ApiRequest, exploration_id: FromPath[str], data: JSONBody[Finding]) -> Exploration:
    """With what was learned."""
    return await services_of(request).backlog.finish(
        exploration_id, data.outcome, data.learned, actor=principal_of(request).actor
    )


@post(
    "/explorations/{exploration_id:str}/become",
    action="explore",
    status_code=200,
    tags=["explorations"],
    summary="Make it a use case",
)
async def become(request: ApiRequest, exploration_id: FromPath[str], data: JSONBody[NewDraft]) -> dict[str, str]:
    """Returns the draft of its declaration as YAML."""
    draft = Draft(
        name=data.name,
        model=data.model,
        affected_persons=data.affected_persons,
        solution=data.solution,
        autonomy=data.autonomy,
        data_classes=data.data_classes,
    )
    _, text = await services_of(request).backlog.become(exploration_id, draft, actor=principal_of(request).actor)
    return {"declaration": text}


@get(
    "/explorations/{exploration_id:str}/declaration",
    action="read",
    tags=["explorations"],
    summary="The declaration that it became",
)
async def declaration(request: ApiRequest, exploration_id: FromPath[str]) -> Response[str]:
    """As YAML, for `groundcrew apply`."""
    text = await services_of(request).backlog.declaration(exploration_id)
    return Response(
        text,
        media_type="application/yaml; charset=utf-8",
        headers={"content-disposition": 'attachment; filename="use_case.yaml"'},
    )


HANDLERS = [
    list_explorations,
    add_exploration,
    similar,
    get_exploration,
    start,
    extend,
    finish,
    become,
    declaration,
]
