"""Every page of the console."""

from __future__ import annotations

from typing import Any

from litestar import Router

from groundcrew.web.console import (
    accounts,
    alerts,
    audit,
    calls,
    champions,
    deliveries,
    drift,
    evaluations,
    experiments,
    governance,
    guarding,
    incidents,
    inventory,
    jobs,
    kill_switches,
    knowledge,
    labels,
    legal_holds,
    meeting_live,
    meetings,
    metrics,
    models,
    overlaps,
    portfolio,
    quality,
    rating_link,
    ratings,
    resources,
    risks,
    sign_in,
    sign_off_queue,
    sign_offs,
    spend,
    stream,
    tuning,
    use_case,
    vetoes,
)

MODULES = (
    sign_in,
    portfolio,
    use_case,
    governance,
    experiments,
    metrics,
    calls,
    sign_off_queue,
    sign_offs,
    labels,
    ratings,
    rating_link,
    knowledge,
    quality,
    kill_switches,
    guarding,
    models,
    tuning,
    spend,
    evaluations,
    drift,
    alerts,
    incidents,
    deliveries,
    vetoes,
    meetings,
    meeting_live,
    resources,
    champions,
    inventory,
    overlaps,
    risks,
    jobs,
    audit,
    legal_holds,
    accounts,
    stream,
)


def console_routes() -> Router:
    """Everything under / that is a page."""
    handlers: list[Any] = []
    for module in MODULES:
        handlers.extend(module.HANDLERS)
    return Router(path="/", route_handlers=handlers, include_in_schema=False)
