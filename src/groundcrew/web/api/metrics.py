"""Metrics: what they are, and what is recorded of a use case, with intervals."""

from __future__ import annotations

from datetime import date

from litestar import get
from litestar.params import FromPath, FromQuery

from groundcrew.services.metrics import Definition, MetricsReport
from groundcrew.services.signals import SignalReport
from groundcrew.web.api.common import ApiRequest, services_of


@get("/metrics", action="read", tags=["metrics"], summary="What each metric is", sync_to_thread=False)
def list_metrics(request: ApiRequest) -> list[Definition]:
    """Every metric by name: unit, range, formula, what no data give, and where it comes from."""
    return services_of(request).metrics.definitions()


@get("/use-cases/{name:str}/metrics", action="read", tags=["metrics"], summary="The metrics of a use case")
async def get_metrics(
    request: ApiRequest,
    name: FromPath[str],
    version: FromQuery[str | None] = None,
    since: FromQuery[date | None] = None,
    until: FromQuery[date | None] = None,
    meanings: FromQuery[bool] = True,
) -> MetricsReport:
    """Every metric of one version over UTC days, the last 28 where nothing is said, with interval, n, method and week by week.
    `version`: the current one, or that whose digest starts so. `meanings=false` leaves out what compares texts by meaning."""
    return await services_of(request).metrics.report(name, version=version, since=since, until=until, meanings=meanings)


@get("/use-cases/{name:str}/signals", action="read", tags=["metrics"], summary="Where the measures of calls disagree")
async def get_signals(request: ApiRequest, name: FromPath[str], version: FromQuery[str | None] = None) -> SignalReport:
    """Stars, similarity, trust, edits and outcome of the newest rated calls: rank correlations, and the calls of which two of
    them are furthest apart."""
    return await services_of(request).metrics.signals(name, version=version)


HANDLERS = [list_metrics, get_metrics, get_signals]
