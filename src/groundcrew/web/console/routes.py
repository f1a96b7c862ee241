"""Every page of the console."""

from __future__ import annotations

from typing import Any

from litestar import Router

from groundcrew.web.console import sign_in


def console_routes() -> Router:
    """Everything under / that is a page."""
    handlers: list[Any] = []
    for module in (sign_in,):
        handlers.extend(module.HANDLERS)
    return Router(path="/", route_handlers=handlers, include_in_schema=False)
