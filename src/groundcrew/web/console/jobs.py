"""Durable jobs: what waits, runs and has ended, who asked for it, and the rows that could not be done."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream

from groundcrew.errors import Conflict
from groundcrew.services.job_runner import kinds
from groundcrew.web.api.common import REASON_LENGTH_MAX, principal_of, services_of
from groundcrew.web.api.jobs import result_of
from groundcrew.web.console.page import Page, PageRequest, render, see
from groundcrew.web.console.words import DONE
from groundcrew.web.requests import read_form

JOBS_SHOWN = 100


class CancelForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why a job is cancelled."""

    reason: Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)] = ""


@get("/jobs", action="read")
async def jobs_page(request: PageRequest) -> Page:
    """The newest jobs."""
    found = await services_of(request).jobs.list(limit=JOBS_SHOWN)
    return await render(request, "jobs.html", here="jobs", jobs=found, titles=_titles())


@get("/jobs/{job_id:str}", action="read")
async def job_page(request: PageRequest, job_id: FromPath[str], done: Annotated[str, QueryParameter(max_length=40)] = "") -> Page:
    """One job."""
    return await _page(request, job_id, message=DONE.get(done))


@get("/jobs/{job_id:str}/result", action="read")
async def job_download(request: PageRequest, job_id: FromPath[str]) -> Stream:
    """The file that a job wrote."""
    return await result_of(request, job_id)


@post("/jobs/{job_id:str}/cancel", action="cancel_job")
async def cancel(request: PageRequest, job_id: FromPath[str]) -> Page:
    """Stop a job."""
    form = await read_form(request, CancelForm)
    try:
        await services_of(request).jobs.cancel(job_id, actor=principal_of(request).actor, reason=form.reason)
    except Conflict as error:
        return await _page(request, job_id, status=409, problem=str(error))
    return see(f"/jobs/{job_id}?done=cancelled")


async def _page(
    request: PageRequest, job_id: str, *, status: int = 200, message: str | None = None, problem: str | None = None
) -> Page:
    view = await services_of(request).jobs.get(job_id)
    return await render(
        request,
        "job.html",
        status=status,
        here="jobs",
        view=view,
        titles=_titles(),
        message=message,
        problem=problem,
    )


def _titles() -> dict[str, str]:
    return {name: kind.title for name, kind in kinds().items()}


HANDLERS = [jobs_page, job_page, job_download, cancel]
