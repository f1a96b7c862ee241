"""The page of spending: what recorded calls have cost, what is left of each budget, and who came near a limit."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from litestar import get
from litestar.params import FromQuery, QueryParameter

from groundcrew.domain.snapshot import Usage
from groundcrew.domain.spending import METERS, Meter
from groundcrew.domain.stage import limits
from groundcrew.domain.use_case import UseCase
from groundcrew.services.spending import GROUPS, By, first_day, words_of
from groundcrew.web.api.common import services_of
from groundcrew.web.console.page import Page, PageRequest, render


class BudgetLine(msgspec.Struct, frozen=True, kw_only=True):
    """One limit of one use case and what is used of it; `share` is 0 to 1."""

    use_case: str
    title: str
    meter: Meter
    limit: float
    used: float
    share: float


def budget_lines(use_cases: list[UseCase], usage: dict[str, Usage]) -> list[BudgetLine]:
    """The limits of all use cases that serve, those nearest to their end first."""
    lines: list[BudgetLine] = []
    for each in use_cases:
        stage, spent = limits(each), usage.get(each.name) or Usage()
        used = (spent.tokens_today, spent.tokens_this_month, spent.usd_today, spent.usd_this_month)
        for meter, value in zip(METERS, used, strict=True):
            limit = getattr(each.budget, meter) if each.budget is not None else None
            if meter == "tokens_per_day":
                limit = stage.tokens_per_day
            if limit:
                share = min(1.0, value / limit)
                lines.append(BudgetLine(use_case=each.name, title=each.title, meter=meter, limit=limit, used=value, share=share))
    return sorted(lines, key=lambda line: (-line.share, line.use_case, METERS.index(line.meter)))


@get("/spend", action="read")
async def spend_page(
    request: PageRequest,
    by: FromQuery[By] = "use-case",
    since: Annotated[str, QueryParameter(max_length=20)] = "",
) -> Page:
    """Spending by one of the groups, since a day."""
    services = services_of(request)
    now = services.database.clock.now()
    first: date | None = first_day(since.strip(), now.date()) if since.strip() else None
    report = await services.spending.report(by, since=first)
    lines = budget_lines(await services.use_cases.find(), await services.spending.usage(now))
    return await render(
        request,
        "spend.html",
        here="spend",
        report=report,
        groups=tuple(GROUPS),
        since=since.strip(),
        lines=lines,
        warnings=[(each, words_of(each)) for each in report.warnings],
    )


HANDLERS = [spend_page]
