"""Makes the control plane's app: API, console, probes and static files, with authentication and default deny around it all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from litestar import Litestar, Request
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.static_files import create_static_files_router
from litestar.types import ASGIApp, BeforeMessageSendHookHandler, Message, Receive, Scope, Send

from groundcrew import __version__
from groundcrew.errors import NotAllowed
from groundcrew.services.bundle import Services
from groundcrew.services.views import Views
from groundcrew.web.api import API_PATH, api_routes
from groundcrew.web.authentication import Authentication
from groundcrew.web.authorization import PUBLIC, guard
from groundcrew.web.console.meetings import feed_throttle
from groundcrew.web.console.rating_link import link_throttle
from groundcrew.web.console.routes import console_routes
from groundcrew.web.decisions import Decisions
from groundcrew.web.health import Readiness, health_routes
from groundcrew.web.live import LiveEvents
from groundcrew.web.problems import answer_problem
from groundcrew.web.pulses import Pulses
from groundcrew.web.requests import BODY_BYTES_MAX, check_request

STATIC_FOLDER = Path(__file__).parent / "static"
STATIC_CACHE_S = 3_600

#: Nothing from elsewhere, nothing inline, in no frame, and forms only to ourselves.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
SECURITY_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
HTTPS_HEADERS = {"strict-transport-security": "max-age=31536000"}


def create_web(
    services: Services,
    *,
    gateway_metrics: Callable[[], bytes],
    readiness: Readiness,
    live: LiveEvents | None = None,
    secure_cookies: bool = False,
) -> Litestar:
    """The control plane on `services`.

    `gateway_metrics` gives Prometheus text. `readiness` gives parts by name, each with ``ok: bool`` and whatever explains it;
    anything but ``ok: True`` is not ready. `live` carries events to open pages: publish shipped calls to it as
    ``{"type": "call", "use_case": …, "id": …}``. `secure_cookies` marks cookies Secure and sends HSTS, for use behind TLS.
    """
    views = Views(services.database)
    live = live or LiveEvents()
    # A change that gateways must know is also one that open pages should show.
    services.database.on_change(lambda: live.publish({"type": "registry"}))
    decisions = Decisions(services)
    pulses = Pulses(services, live)
    # The server ends live events before it waits for open connections: these streams end with them.
    live.on_close(decisions.close)
    live.on_close(pulses.close)
    authentication = Authentication(services, views)
    state = State(
        {
            "services": services,
            "views": views,
            "live": live,
            "decisions": decisions,
            "pulses": pulses,
            "authentication": authentication,
            "link_throttle": link_throttle(),
            "feed_throttle": feed_throttle(),
            "secure_cookies": secure_cookies,
        }
    )
    static = create_static_files_router(
        path="/static",
        directories=[STATIC_FOLDER],
        opt={"action": PUBLIC},
        include_in_schema=False,
        after_request=_cache_static,
    )
    return Litestar(
        route_handlers=[api_routes(), console_routes(), health_routes(gateway_metrics, readiness), static],
        middleware=[Identify(authentication)],
        before_send=[_with_headers(secure_cookies)],
        guards=[guard],
        before_request=check_request,
        exception_handlers={Exception: answer_problem},
        request_max_body_size=BODY_BYTES_MAX,
        openapi_config=OpenAPIConfig(
            title="groundcrew control plane",
            version=__version__,
            description="Use cases, their gates, evidence, calls, sign-offs, kill switches and audit log.",
            path=f"{API_PATH}/schema",
            render_plugins=[JsonRenderPlugin()],
        ),
        state=state,
        on_shutdown=[live.close],
        logging_config=None,
        debug=False,
    )


def _cache_static(response: Any) -> Any:
    response.headers["Cache-Control"] = f"public, max-age={STATIC_CACHE_S}"
    return response


class Identify(ASGIMiddleware):
    """Finds out who is asking before any guard looks."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, authentication: Authentication) -> None:
        self._authentication = authentication

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Set ``scope["user"]`` to the principal, None where nobody is signed in."""
        scope["user"] = None
        if not scope["path"].startswith("/static/"):
            public = scope["route_handler"].opt.get("action") == PUBLIC
            try:
                scope["user"] = await self._authentication.principal(Request(scope))
            except NotAllowed:
                # A public route does not care who asks: a wrong credential must not keep it from answering.
                if not public:
                    raise
        await next_app(scope, receive, send)


def _with_headers(secure: bool) -> BeforeMessageSendHookHandler:
    """Adds the security headers to every answer, those to unknown addresses too; nothing with data is ever cached."""
    chosen = SECURITY_HEADERS | (HTTPS_HEADERS if secure else {}) | {"cache-control": "no-store"}
    headers = [(name.encode(), value.encode()) for name, value in chosen.items()]

    async def add(message: Message, _scope: Scope) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *(each for each in headers if each[0] not in present)]

    return add
