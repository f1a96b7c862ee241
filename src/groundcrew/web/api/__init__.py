"""The REST API under /api/v1: JSON in, JSON out; each handler parses, calls one service and answers."""

from __future__ import annotations

from typing import Any

from litestar import Request, Router, get

from groundcrew.web.api import (
    accounts,
    alerts,
    audit,
    calls,
    champions,
    declarations,
    deliveries,
    drift,
    evaluations,
    evidence,
    experiments,
    feedback,
    gates,
    governance,
    guarding,
    incidents,
    inventory,
    jobs,
    kill_switches,
    knowledge,
    labels,
    legal_holds,
    meetings,
    metrics,
    minutes,
    models,
    overlaps,
    rating_queue,
    resources,
    risks,
    sign_off_events,
    sign_off_work,
    sign_offs,
    spend,
    tuning,
    use_cases,
    vetoes,
)
from groundcrew.web.authorization import PUBLIC

API_PATH = "/api/v1"


@get("/openapi.json", action=PUBLIC, include_in_schema=False, sync_to_thread=False)
def openapi(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """The description of this API."""
    return request.app.openapi_schema.to_schema()


def api_routes() -> Router:
    """Everything under /api/v1."""
    modules = (
        use_cases,
        gates,
        governance,
        knowledge,
        calls,
        feedback,
        sign_offs,
        sign_off_events,
        sign_off_work,
        labels,
        rating_queue,
        metrics,
        kill_switches,
        evidence,
        audit,
        legal_holds,
        accounts,
        declarations,
        spend,
        guarding,
        jobs,
        experiments,
        evaluations,
        models,
        drift,
        alerts,
        incidents,
        deliveries,
        vetoes,
        meetings,
        minutes,
        resources,
        champions,
        inventory,
        overlaps,
        risks,
        tuning,
    )
    handlers: list[Any] = [openapi]
    for module in modules:
        handlers.extend(module.HANDLERS)
    return Router(path=API_PATH, route_handlers=handlers)
