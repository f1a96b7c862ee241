"""Models: who answers an alias and who could take over; rehearsing, swapping and reverting. People do this; keys do not."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody

from groundcrew.domain.identifiers import NAME_LENGTH_MAX
from groundcrew.domain.job import Job
from groundcrew.domain.provider import REHEARSAL_CALLS_MAX
from groundcrew.domain.rehearsal import RehearsalSource
from groundcrew.services.models import AliasView, Independence, SwapReport
from groundcrew.services.rehearsals import CONCURRENCY_DEFAULT, CONCURRENCY_MAX
from groundcrew.web.api.common import REASON_LENGTH_MAX, ApiRequest, principal_of, services_of

TARGET_LENGTH_MAX = 300

Named = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_LENGTH_MAX)]


class TargetName(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A provider's model."""

    provider: Named
    model: Annotated[str, msgspec.Meta(min_length=1, max_length=TARGET_LENGTH_MAX)]

    @property
    def pair(self) -> tuple[str, str]:
        """(provider, model)."""
        return self.provider, self.model


class SwapIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which alternate is to answer and why; `replace` names the one primary that it takes the place of (None: all of them).
    `without_rehearsal` takes an account with the role it or on_call."""

    to: TargetName
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_LENGTH_MAX)]
    replace: TargetName | None = None
    without_rehearsal: bool = False


class RevertIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the newest swap is undone."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_LENGTH_MAX)]


class RehearsalIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which alternate is asked what a use case was asked; what is left open is as the alias declares it."""

    use_case: Named
    alternate: TargetName
    calls: Annotated[int, msgspec.Meta(ge=1, le=REHEARSAL_CALLS_MAX)] | None = None
    cost_max_usd: Annotated[float, msgspec.Meta(gt=0)] | None = None
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=CONCURRENCY_MAX)] = CONCURRENCY_DEFAULT
    source: RehearsalSource = "replay"


@get("/models", action="read", tags=["models"], summary="List the aliases")
async def list_models(request: ApiRequest) -> dict[str, list[AliasView]]:
    """Every alias with its line-up, its alternates' clearances and its swaps."""
    return {"models": await services_of(request).models.find()}


@get("/models/{alias:str}", action="read", tags=["models"], summary="One alias")
async def get_model(request: ApiRequest, alias: FromPath[str]) -> AliasView:
    """One alias with its line-up, its alternates' clearances and its swaps."""
    return await services_of(request).models.get(alias)


@get("/independence", action="read", tags=["models"], summary="Who is tied to one vendor")
async def independence(request: ApiRequest) -> dict[str, list[Independence]]:
    """Every live use case, those that no alternate of another vendor is cleared for first."""
    return {"use_cases": await services_of(request).models.independence()}


@post("/models/{alias:str}/swap", action="swap_model", status_code=200, tags=["models"], summary="Swap to an alternate")
async def swap(request: ApiRequest, alias: FromPath[str], data: JSONBody[SwapIn]) -> SwapReport:
    """Let an alternate answer; what answered becomes an alternate. 409 unless rehearsals clear it for every use case."""
    return await services_of(request).models.swap(
        alias,
        data.to.pair,
        actor=principal_of(request).actor,
        reason=data.reason,
        replace=data.replace.pair if data.replace is not None else None,
        without_rehearsal=data.without_rehearsal,
    )


@post("/models/{alias:str}/revert", action="revert_model", status_code=200, tags=["models"], summary="Undo the newest swap")
async def revert(request: ApiRequest, alias: FromPath[str], data: JSONBody[RevertIn]) -> SwapReport:
    """Who answered before the newest swap answers again."""
    return await services_of(request).models.revert(alias, actor=principal_of(request).actor, reason=data.reason)


@post("/rehearsals", action="submit_job", status_code=202, tags=["models"], summary="Rehearse an alternate")
async def rehearse(request: ApiRequest, data: JSONBody[RehearsalIn]) -> Job:
    """Ask for an alternate to be rehearsed on recorded calls; the report becomes evidence."""
    return await services_of(request).rehearsals.submit(
        data.use_case,
        data.alternate.pair,
        actor=principal_of(request).actor,
        calls=data.calls,
        cost_max_usd=data.cost_max_usd,
        concurrency=data.concurrency,
        source=data.source,
    )


HANDLERS = [list_models, get_model, independence, swap, revert, rehearse]
