"""The probes of a process that only serves calls: whether it lives, whether it is ready, its figures. Nothing else is here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from groundcrew.gateway.metrics import CONTENT_TYPE
from groundcrew.gateway.respond import Receive, Scope, Send

READINESS_S_MAX = 5.0
_JSON = "application/json"

log = logging.getLogger("groundcrew.gateway")


class Probes:
    """`/healthz`, `/readyz` and `/metrics` as a plain ASGI application. Ready means that every part says ``ok: true``,
    but for those that say ``required: false``."""

    def __init__(
        self, *, metrics: Callable[[], bytes], readiness: Callable[[], Awaitable[Mapping[str, Mapping[str, Any]]]]
    ) -> None:
        self._metrics, self._readiness = metrics, readiness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            return
        status, kind, body = await self._answer(scope["method"], scope["path"])
        headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(body)), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, method: str, path: str) -> tuple[int, str, bytes]:
        if method not in ("GET", "HEAD"):
            return 405, _JSON, b'{"detail":"takes GET only"}'
        if path == "/healthz":
            return 200, _JSON, b'{"status":"ok"}'
        if path == "/metrics":
            return 200, CONTENT_TYPE, self._metrics()
        if path == "/readyz":
            return await self._ready()
        return 404, _JSON, b'{"detail":"this process serves /v1 only; the console and the API are the control process\'s"}'

    async def _ready(self) -> tuple[int, str, bytes]:
        try:
            parts = {name: dict(part) for name, part in (await asyncio.wait_for(self._readiness(), READINESS_S_MAX)).items()}
        except Exception as error:  # Whatever keeps readiness from being known is itself the answer.
            log.warning("readiness could not be determined: %s", type(error).__name__)
            parts = {"readiness": {"ok": False, "reason": "could not be determined"}}
        ready = bool(parts) and all(part.get("ok") is True or part.get("required") is False for part in parts.values())
        content = {"status": "ready" if ready else "not_ready", "parts": parts}
        return 200 if ready else 503, _JSON, msgspec.json.encode(content)
