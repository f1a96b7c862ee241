"""Probes for those who run it: whether the process lives, whether it is ready to serve, and its figures for Prometheus."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from litestar import HttpMethod, Response, Router, route

from groundcrew.web.authorization import PUBLIC

logger = logging.getLogger(__name__)

READINESS_S_MAX = 5.0
#: Balancers ask for the head alone.
ASKED = [HttpMethod.GET, HttpMethod.HEAD]
Readiness = Callable[[], Awaitable[Mapping[str, Mapping[str, Any]]]]


def health_routes(gateway_metrics: Callable[[], bytes], readiness: Readiness) -> Router:
    """`/healthz`, `/readyz` and `/metrics`. Ready means that every part says ``ok: true``; silence and errors do not."""

    @route("/healthz", http_method=ASKED, action=PUBLIC, include_in_schema=False, sync_to_thread=False)
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @route("/readyz", http_method=ASKED, action=PUBLIC, include_in_schema=False)
    async def readyz() -> Response[dict[str, Any]]:
        try:
            parts = {name: dict(part) for name, part in (await asyncio.wait_for(readiness(), READINESS_S_MAX)).items()}
        except Exception as error:  # Whatever keeps readiness from being known is itself the answer.
            logger.warning("readiness could not be determined: %s", error)
            parts = {"readiness": {"ok": False, "reason": "could not be determined"}}
        ready = bool(parts) and all(part.get("ok") is True for part in parts.values())
        content = {"status": "ready" if ready else "not_ready", "parts": parts}
        return Response(content, status_code=200 if ready else 503, headers={"Cache-Control": "no-store"})

    @route("/metrics", http_method=ASKED, action=PUBLIC, include_in_schema=False, sync_to_thread=False)
    def metrics() -> Response[bytes]:
        return Response(gateway_metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return Router(path="/", route_handlers=[healthz, readyz, metrics])
