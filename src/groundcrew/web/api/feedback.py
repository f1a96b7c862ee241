"""Ratings and outcomes: sent in by applications with their key, or by people."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody

from groundcrew.domain.feedback import Outcome, Rating
from groundcrew.domain.job import Job, JobView
from groundcrew.errors import InputError, NotFound
from groundcrew.services import job_files, outcome_import
from groundcrew.services.feedback import OUTCOMES_PER_REQUEST_MAX, Imported, NewOutcome, NewRating
from groundcrew.services.outcome_files import Format
from groundcrew.web.api.common import PAGE_ROWS_DEFAULT, ApiRequest, PageSize, principal_of, services_of
from groundcrew.web.authentication import Principal
from groundcrew.web.problems import UnsupportedBody

#: A file of outcomes; larger ones are sent in parts, or imported by the command.
FILE_BYTES_MAX = 256 * 1024 * 1024
#: What a file of outcomes may be sent as; each may be gzipped, but Parquet.
FILE_TYPES: dict[str, Format] = {
    "text/csv": "csv",
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
    "application/vnd.apache.parquet": "parquet",
}


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
    """The newest ratings of a use case first. Sample data says so in `sample`. Others' ratings of a call that is rated blind are
    left out until all of them are in."""
    services = services_of(request)
    found = await services.feedback.ratings(use_case, limit)
    return {"ratings": await services.rating_queue.visible(use_case, found, principal_of(request).name)}


@post("/outcomes", action="record_outcomes", tags=["feedback"], summary="Record outcomes in bulk")
async def add_outcomes(request: ApiRequest, data: JSONBody[OutcomeBatch]) -> Imported:
    """Record outcomes in one transaction: all of them or none."""
    principal = principal_of(request)
    use_case = use_case_of(principal, data.use_case)
    return await services_of(request).feedback.add_outcomes(use_case, data.outcomes, actor=principal.actor)


@post(
    "/outcomes/file",
    action="record_outcomes",
    status_code=202,
    tags=["feedback"],
    summary="Import a file of outcomes",
    request_max_body_size=FILE_BYTES_MAX,
)
async def import_outcomes(request: ApiRequest, use_case: FromQuery[str | None] = None) -> Job:
    """Store the body (CSV, JSON Lines or Parquet, as its content type says) and import it as a job. A bad row is named by the
    job's error, and then nothing of the file is recorded."""
    principal, services = principal_of(request), services_of(request)
    name = use_case_of(principal, use_case)
    await services.use_cases.get(name)
    kind = FILE_TYPES.get(request.headers.get("content-type", "").partition(";")[0].strip().lower())
    if kind is None:
        raise UnsupportedBody(f"send the file's bytes as {', '.join(FILE_TYPES)}")
    file = await job_files.receive(services.jobs.folder, request.stream(), ending=f".{kind}", bytes_max=FILE_BYTES_MAX)
    return await outcome_import.submit(services.jobs, name, file, name="body", kind=kind, actor=principal.actor)


@get("/outcomes/imports/{job_id:str}", action="record_outcomes", tags=["feedback"], summary="How far an import has come")
async def outcome_import_state(request: ApiRequest, job_id: FromPath[str]) -> JobView:
    """The job of an import of outcomes: a key sees those of its own use case."""
    view = await services_of(request).jobs.get(job_id)
    if view.job.kind != outcome_import.KIND or principal_of(request).use_case not in (None, view.job.subject):
        raise NotFound(f"no job {job_id!r} that imports outcomes")
    return view


@get("/outcomes", action="read", tags=["feedback"], summary="List outcomes")
async def list_outcomes(
    request: ApiRequest, use_case: FromQuery[str], metric: FromQuery[str | None] = None, limit: PageSize = PAGE_ROWS_DEFAULT
) -> dict[str, list[Outcome]]:
    """The newest value of each metric and case, the latest arrivals first."""
    found = [each for each in await services_of(request).feedback.outcomes(use_case) if metric in (None, each.metric)]
    return {"outcomes": found[::-1][:limit]}


def use_case_of(principal: Principal, given: str | None) -> str:
    """The use case that is meant: a key's own where it names none. NotFound for a key that names another's."""
    use_case = given or principal.use_case
    if use_case is None:
        raise InputError("name the use case", field="use_case")
    if principal.use_case not in (None, use_case):
        raise NotFound(f"no use case {use_case!r}")
    return use_case


def rater_of(principal: Principal, given: str) -> str:
    """Who rates: a person always themselves, an application whomever it names."""
    if principal.kind == "user":
        if given not in ("", principal.name):
            raise InputError("people rate as themselves: leave it out", field="rater")
        return principal.name
    return given


HANDLERS = [rate, list_ratings, add_outcomes, list_outcomes, import_outcomes, outcome_import_state]
