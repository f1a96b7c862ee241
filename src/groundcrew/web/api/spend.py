"""Spending: what recorded calls have cost, and who came near a limit."""

from __future__ import annotations

from datetime import date

from litestar import get
from litestar.params import FromQuery

from groundcrew.services.spending import By, SpendReport
from groundcrew.web.api.common import ApiRequest, services_of


@get("/spend", action="read", tags=["spend"], summary="What calls have cost")
async def get_spend(
    request: ApiRequest,
    by: FromQuery[By] = "use-case",
    since: FromQuery[date | None] = None,
    until: FromQuery[date | None] = None,
    use_case: FromQuery[str | None] = None,
) -> SpendReport:
    """Spending by use case, unit, model, key, user or day, from the first of this month where nothing is given. Calls of unknown
    cost are counted apart, never as 0; sample calls are left out. With the warnings of accounts near a limit in that time."""
    return await services_of(request).spending.report(by, since=since, until=until, use_case=use_case)


HANDLERS = [get_spend]
