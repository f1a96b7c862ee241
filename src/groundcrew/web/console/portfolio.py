"""The first page: every use case by stage, what it may do now, and what it waits for."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.params import QueryParameter

from groundcrew.domain.use_case import STAGES, TERMINAL_STAGES
from groundcrew.services.views import PortfolioRow
from groundcrew.web.api.common import views_of
from groundcrew.web.console.page import Page, PageRequest, render

FILTER_LENGTH_MAX = 100


@get("/", action="read")
async def portfolio(
    request: PageRequest, search: Annotated[str, QueryParameter(name="q", max_length=FILTER_LENGTH_MAX)] = ""
) -> Page:
    """Use cases in the order of their stages, those whose name, title, unit or owner holds `q` where given."""
    rows = await views_of(request).portfolio()
    shown = [row for row in rows if _fits(row, search.strip().casefold())]
    groups = [(stage, [row for row in shown if row.use_case.stage == stage]) for stage in (*STAGES, *TERMINAL_STAGES)]
    return await render(
        request,
        "portfolio.html",
        here="portfolio",
        groups=groups,
        counts=[(stage, sum(row.use_case.stage == stage for row in rows)) for stage in STAGES],
        rows=rows,
        shown=len(shown),
        search=search,
        running=sum(row.use_case.run_words == "running" and not row.stopped_by for row in rows),
        calls_today=sum(row.calls_today for row in rows),
    )


def _fits(row: PortfolioRow, text: str) -> bool:
    each = row.use_case
    return any(text in value.casefold() for value in (each.name, each.title, each.business_unit, each.owner))


HANDLERS = [portfolio]
