"""Durable jobs: what waits and runs, files for them, and what came of them. People ask for them; keys do not."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Stream

from groundcrew.domain.identifiers import NAME_LENGTH_MAX
from groundcrew.domain.job import Job, JobView
from groundcrew.domain.rescoring import Rescored
from groundcrew.errors import Conflict
from groundcrew.services import file_scoring, job_files
from groundcrew.services.rescoring import CALLS_MAX, SHIPPED
from groundcrew.web.api.common import (
    PAGE_ROWS_DEFAULT,
    REASON_LENGTH_MAX,
    ApiRequest,
    PageSize,
    principal_of,
    services_of,
)
from groundcrew.web.problems import UnsupportedBody

UPLOAD_TYPES = ("application/jsonl", "application/x-ndjson", "application/gzip", "application/octet-stream")


class FileToScore(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to score: the name of an upload, or of a file that lies in DATA/files."""

    input: Annotated[str, msgspec.Meta(min_length=1, max_length=job_files.NAME_LENGTH_MAX)]
    stop_at_bad_row: bool = False
    packed: bool = False


class CallsToRescore(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which calls to score again: the newest `limit`, received from `since` on where given."""

    use_case: Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_LENGTH_MAX)]
    since: datetime | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=CALLS_MAX)] = CALLS_MAX
    verifier: Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_LENGTH_MAX)] = SHIPPED


class CancelReason(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a job is cancelled."""

    reason: Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)] = ""


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    """An upload: its name for jobs. It is removed after `kept_days`."""

    file: str
    kept_days: int


@get("/jobs", action="read", tags=["jobs"], summary="List jobs")
async def list_jobs(
    request: ApiRequest,
    kind: FromQuery[str | None] = None,
    subject: FromQuery[str | None] = None,
    limit: PageSize = PAGE_ROWS_DEFAULT,
) -> dict[str, list[JobView]]:
    """The newest jobs first, of one kind or about one subject where given."""
    return {"jobs": await services_of(request).jobs.list(kind=kind, subject=subject, limit=limit)}


@get("/jobs/{job_id:str}", action="read", tags=["jobs"], summary="One job")
async def get_job(request: ApiRequest, job_id: FromPath[str]) -> JobView:
    """One job with its progress and the rows that could not be done."""
    return await services_of(request).jobs.get(job_id)


@get("/jobs/{job_id:str}/result", action="read", tags=["jobs"], summary="The file that a job wrote")
async def job_result(request: ApiRequest, job_id: FromPath[str]) -> Stream:
    """The result of a job that has ended well; kept for 30 days."""
    return await result_of(request, job_id)


async def result_of(request: ApiRequest, job_id: str) -> Stream:
    """The result file of a job as a download."""
    jobs = services_of(request).jobs
    job = (await jobs.get(job_id)).job
    if job.state != "done" or "file" not in job.result:
        raise Conflict(f"job {job_id} has no result file: it is {job.state}")
    job_files.find(jobs.folder, job.result["file"])
    name = job.result["file"].rpartition("/")[2]
    return Stream(
        file_scoring.read_result(jobs.folder, job),
        media_type="application/gzip" if name.endswith(".gz") else "application/jsonl",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


@post("/jobs/{job_id:str}/cancel", action="cancel_job", status_code=200, tags=["jobs"], summary="Cancel a job")
async def cancel_job(request: ApiRequest, job_id: FromPath[str], data: JSONBody[CancelReason]) -> JobView:
    """Stop a job: at once while it waits, at its next step while it runs."""
    return await services_of(request).jobs.cancel(job_id, actor=principal_of(request).actor, reason=data.reason)


@post("/jobs/score-file", action="submit_job", status_code=202, tags=["jobs"], summary="Score a file of answers")
async def score_file(request: ApiRequest, data: JSONBody[FileToScore]) -> Job:
    """Ask for a file of answers to be scored. A bad row is named and left out, unless the job is to stop at it."""
    return await file_scoring.submit(
        services_of(request).jobs,
        data.input,
        actor=principal_of(request).actor,
        stop_at_bad_row=data.stop_at_bad_row,
        packed=data.packed,
    )


@post("/jobs/rescore-calls", action="submit_job", status_code=202, tags=["jobs"], summary="Score recorded calls again")
async def rescore_calls(request: ApiRequest, data: JSONBody[CallsToRescore]) -> Job:
    """Ask for the newest calls of a use case to be scored again; the records stay, the new scores stand beside them."""
    return await services_of(request).rescoring.submit(
        data.use_case, actor=principal_of(request).actor, since=data.since, limit=data.limit, verifier=data.verifier
    )


@get("/calls/{call_id:str}/rescored", action="read", tags=["calls"], summary="Later scores of a call")
async def rescored_call(request: ApiRequest, call_id: FromPath[str]) -> dict[str, list[Rescored]]:
    """Every time that a call was scored again, oldest first."""
    return {"rescored": await services_of(request).rescoring.of_call(call_id)}


@post(
    "/files",
    action="submit_job",
    tags=["jobs"],
    summary="Upload a file for a job",
    request_max_body_size=job_files.UPLOAD_BYTES_MAX,
)
async def upload(request: ApiRequest) -> StoredFile:
    """Store the body (JSON Lines, gzipped or not) as the input of a job."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in UPLOAD_TYPES:
        raise UnsupportedBody(f"send the file's bytes as {', '.join(UPLOAD_TYPES)}")
    name = await job_files.receive(services_of(request).jobs.folder, request.stream())
    return StoredFile(file=name, kept_days=job_files.KEPT_S // 86_400)


HANDLERS = [list_jobs, get_job, job_result, cancel_job, score_file, rescore_calls, rescored_call, upload]
