"""Ratings and outcomes: sent in by applications with their key, or by people."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromQuery, JSONBody

from groundcrew.domain.feedback import Outcome, Rating
from groundcrew.errors import InputError, NotFound
from groundcrew.services.feedback import OUTCOMES_PER_REQUEST_MAX, Imported, NewOutcome, NewRating
from groundcrew.web.api.common import PAGE_ROWS_DEFAULT, ApiRequest, PageSize, principal_of, services_of
from groundcrew.web.authentication import Principal


class OutcomeBatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Outcomes of one use case. A key may leave `use_case` out."""

    outcomes: Annotated[list[NewOutcome], msgspec.Meta(max_length=OUTCOMES_PER_REQUEST_MAX)]
    use_case: str | None = None


class RatingIn(NewRating, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rating as sent in. People rate as themselves, so they leave `rater` out; an application names its user."""

    rater: str = ""


@post("/ratings", action="rate", tags=["feedback"], summary="Rate a call or a business case")
async def rate(request: ApiRequest, data: JSONBody[RatingIn]) -> Rating:
    """Record a rating. The same `id` with the same content changes nothing."""
    principal = principal_of(request)
    rating = NewRating(**{**msgspec.structs.asdict(data), "rater": rater_of(principal, data.rater)})
    return await services_of(request).feedback.rate(rating, actor=principal.actor, use_case=principal.use_case)


@get("/ratings", action="read", tags=["feedback"], summary="List ratings")
async def list_ratings(
    request: ApiRequest, use_case: FromQuery[str], limit: PageSize = PAGE_ROWS_DEFAULT
) -> dict[str, list[Rating]]:
    """The newest ratings of a use case first. Sample data says so in `sample`."""
    return {"ratings": await services_of(request).feedback.ratings(use_case, limit)}


@post("/outcomes", action="record_outcomes", tags=["feedback"], summary="Record outcomes in bulk")
async def add_outcomes(request: ApiRequest, data: JSONBody[OutcomeBatch]) -> Imported:
    """Record outcomes in one transaction: all of them or none."""
    principal = principal_of(request)
    use_case = data.use_case or principal.use_case
    if use_case is None:
        raise InputError("name the use case", field="use_case")
    if principal.use_case not in (None, use_case):
        raise NotFound(f"no use case {use_case!r}")
    return await services_of(request).feedback.add_outcomes(use_case, data.outcomes, actor=principal.actor)


@get("/outcomes", action="read", tags=["feedback"], summary="List outcomes")
async def list_outcomes(
    request: ApiRequest, use_case: FromQuery[str], metric: FromQuery[str | None] = None, limit: PageSize = PAGE_ROWS_DEFAULT
) -> dict[str, list[Outcome]]:
    """The newest value of each metric and case, the latest arrivals first."""
    found = [each for each in await services_of(request).feedback.outcomes(use_case) if metric in (None, each.metric)]
    return {"outcomes": found[::-1][:limit]}


def rater_of(principal: Principal, given: str) -> str:
    """Who rates: a person always themselves, an application whomever it names."""
    if principal.kind == "user":
        if given not in ("", principal.name):
            raise InputError("people rate as themselves: leave it out", field="rater")
        return principal.name
    return given


HANDLERS = [rate, list_ratings, add_outcomes, list_outcomes]
