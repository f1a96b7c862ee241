"""The data plane as one plain ASGI application for /v1: routes, reads, watches the client and turns every error into an answer
in the caller's dialect. No stack trace and no secret ever reaches a client."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import Any

import msgspec

from groundcrew.domain.clock import Clock, SystemClock
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.kill_switch import Scope as StopScope
from groundcrew.domain.snapshot import Snapshot, Usage
from groundcrew.errors import NotFound, RecorderUnavailable, RefusedCall, UpstreamError, UpstreamTimeout
from groundcrew.gateway.admission import authenticate, check_still_allowed, check_stopped, scopes_of
from groundcrew.gateway.budget import BudgetExceeded, Ledger
from groundcrew.gateway.cache import AnswerCache
from groundcrew.gateway.checks import Checks
from groundcrew.gateway.finish import Finisher
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.inflight import Inflight, Registry
from groundcrew.gateway.metrics import Metrics
from groundcrew.gateway.protocols import Grounding, Recorder, SnapshotSource, Upstream, UsageSource
from groundcrew.gateway.proxy import Proxy
from groundcrew.gateway.respond import (
    Event,
    Receive,
    Scope,
    Send,
    error_headers,
    error_object,
    error_status,
    event,
    send_events,
    send_json,
)
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.gateway.targets import Targets
from groundcrew.gateway.wire import read_headers
from groundcrew.guards.registry import find_guard
from groundcrew.guards.runner import GuardRunner

log = logging.getLogger("groundcrew.gateway")

CHAT = "/v1/chat/completions"
MODELS = "/v1/models"
#: How long `close` waits for calls that it has cut to write their records.
CUT_S_MAX = 2.0
#: How long the error of a call that was cut may take to leave; a client that takes nothing must not hold up a stop.
CUT_SEND_S_MAX = 0.2


class Gateway:
    """One gateway process. Use it in one event loop; `close` it in the same one."""

    def __init__(
        self,
        *,
        snapshots: SnapshotSource,
        recorder: Recorder,
        upstream: Upstream,
        grounding: Grounding | None = None,
        settings: GatewaySettings | None = None,
        clock: Clock | None = None,
        usage: UsageSource | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self.settings, self.clock = settings or GatewaySettings(), clock or SystemClock()
        self.metrics = metrics or Metrics()
        self._snapshots, self._upstream, self._grounding = snapshots, upstream, grounding
        self.ledger = Ledger(usage.usage if usage is not None else lambda _: Usage())
        self._finisher = Finisher(recorder, self.ledger, self.clock, self.metrics, self.settings)
        self._guards = GuardRunner()
        checks = Checks(self._guards, grounding, self.settings, self.metrics)
        self.cache = AnswerCache()
        self._proxy = Proxy(
            snapshots=snapshots,
            checks=checks,
            targets=Targets(upstream, checks, snapshots, self.settings),
            finisher=self._finisher,
            ledger=self.ledger,
            clock=self.clock,
            settings=self.settings,
            metrics=self.metrics,
            cache=self.cache,
        )
        self._registry = Registry()
        self._poller: asyncio.Task[None] | None = None
        self._warming: asyncio.Task[None] | None = None
        self._enforced: object = None
        self._closing = False
        self.metrics.watch("cache_bytes", "Size of the answers that are kept", lambda: self.cache.bytes)
        self.metrics.watch("inflight_calls", "Calls in flight", lambda: len(self._registry))
        self.metrics.watch("snapshot_age_seconds", "Age of the snapshot", snapshots.age_s)
        self.metrics.watch("snapshot_version", "Version of the snapshot", lambda: snapshots.current.version)

    async def start(self) -> None:
        """Load what the first call would otherwise wait for; grounding loads in the background. Calls are served without it
        too, the first one slower."""
        names = {rule.guard for policy in self._snapshots.current.policies.values() for rule in policy.guards} | {"pii"}
        for name in sorted(names):
            with contextlib.suppress(NotFound):
                warm = find_guard(name).warm
                if warm is not None:
                    await asyncio.to_thread(warm)
        if self._grounding is not None and self._snapshots.current.knowledge:
            self._warming = asyncio.create_task(self._warm_grounding(self._grounding))

    async def _warm_grounding(self, grounding: Grounding) -> None:
        try:
            await grounding.warm(tuple(self._snapshots.current.knowledge.values()))
        except Exception as error:
            log.warning("grounding could not be loaded ahead of the first call: %s", error)

    async def close(self) -> None:
        """Refuse new calls, wait a bounded time for those in flight, cut the rest, then close upstream and grounding."""
        self._closing = True
        if not await self._registry.drained(self.settings.drain_s_max):
            for call in self._registry:
                call.cut("closing")
            await self._registry.drained(CUT_S_MAX)
        for task in (self._poller, self._warming):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        self._guards.close()
        await self._upstream.close()
        if self._grounding is not None:
            await self._grounding.close()

    def inflight(self, scope: StopScope | None = None) -> int:
        """Calls in flight, those in `scope` only where it is given."""
        return self._registry.count(scope)

    def enforce_stops(self) -> int:
        """Cut the calls in flight that the newest snapshot no longer allows: stopped, suspended, revoked. How many were cut.
        Also runs by itself every `stop_poll_s` while calls are in flight."""
        snapshot = self._snapshots.current
        self._enforced = snapshot
        cut = 0
        for call in self._registry:
            refusal = _no_longer_allowed(snapshot, call)
            if refusal is not None and call.cut("refused", refusal):
                cut += 1
        if cut:
            self.metrics.cut.inc(cut)
        return cut

    def enforced(self) -> bool:
        """Whether nothing is in flight that the newest snapshot does not allow."""
        return all(_no_longer_allowed(self._snapshots.current, call) is None for call in self._registry)

    def stopped(self, scope: StopScope) -> bool:
        """The kill switch's probe: whether this gateway refuses new calls in `scope` and none is in flight there."""
        return scope in self._snapshots.current.stopped and self._registry.count(scope) == 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        flight = Flight(new_id(), self.clock.now())
        try:
            await self._route(scope, receive, send, flight)
        except asyncio.CancelledError:
            interrupt = flight.inflight.interrupt if flight.inflight is not None else None
            await self._interrupted(flight, send)
            if interrupt is None:
                raise
        except Exception as error:
            await self._failed(flight, send, error)
        finally:
            if flight.inflight is not None:
                self._registry.remove(flight.inflight)

    async def _route(self, scope: Scope, receive: Receive, send: Send, flight: Flight) -> None:
        path, method = scope["path"], scope["method"]
        wanted = "POST" if path == CHAT else "GET"
        if path != CHAT and path != MODELS and not path.startswith(MODELS + "/"):
            raise RefusedCall("not_found", f"there is no {path[:200]} here; this gateway serves {CHAT} and {MODELS}")
        if method != wanted:
            raise RefusedCall("method_not_allowed", f"{path[:200]} takes {wanted}, not {method}")
        if self._closing:
            raise RefusedCall("kill_switch", "the gateway is shutting down")
        flight.headers = read_headers(scope["headers"], self.settings)
        snapshot = self._snapshots.current
        flight.key, flight.entry = authenticate(snapshot, flight.headers.secret, self.clock.now().timestamp())
        flight.snapshot_version = snapshot.version
        if path == CHAT:
            check_stopped(snapshot, flight.key, flight.entry.use_case)
            await self._chat(receive, send, flight)
        else:
            await self._models(path, send, flight)

    async def _models(self, path: str, send: Send, flight: Flight) -> None:
        assert flight.entry is not None
        alias = flight.entry.use_case.model
        card = {"id": alias, "object": "model", "created": 0, "owned_by": "groundcrew"}
        body: dict[str, Any] = {"object": "list", "data": [card]}
        if path != MODELS:
            if path[len(MODELS) + 1 :] != alias:
                flight.key = None  # nothing was asked of a model: there is no call to record
                raise RefusedCall("not_found", f"this key may use the model {alias!r} only")
            body = card
        await send_json(send, 200, flight.response_headers(), msgspec.json.encode(body))

    async def _chat(self, receive: Receive, send: Send, flight: Flight) -> None:
        assert flight.key is not None
        assert flight.entry is not None
        if len(self._registry) >= self.settings.inflight_max:
            raise RefusedCall("rate_limited", f"the gateway already serves {self.settings.inflight_max} calls; try again")
        scopes = scopes_of(flight.key, flight.entry.use_case)
        inflight = flight.inflight = Inflight(flight.call_id, scopes, flight.headers.secret)
        self._registry.add(inflight)
        inflight.task = asyncio.current_task()
        self._watch_stops()
        body = await self._read_body(receive, flight)
        watcher = asyncio.create_task(_watch_client(receive, inflight, self.metrics))
        try:
            await self._proxy.run(flight, body, _watched(send, inflight))
        finally:
            inflight.committed = True
            watcher.cancel()

    async def _read_body(self, receive: Receive, flight: Flight) -> bytes:
        limit = self.settings.body_bytes_max
        too_large = RefusedCall("body_too_large", f"the request body is larger than {limit} bytes")
        if (flight.headers.content_length or 0) > limit:
            raise too_large
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self.settings.body_read_s_max):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _ClientGone
                    part = message.get("body", b"")
                    size += len(part)
                    if size > limit:
                        raise too_large
                    parts.append(part)
                    if not message.get("more_body", False):
                        return parts[0] if len(parts) == 1 else b"".join(parts)
        except TimeoutError:
            raise RefusedCall(
                "request_timeout", f"the request body did not arrive within {self.settings.body_read_s_max:g} s"
            ) from None

    def _watch_stops(self) -> None:
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll_stops())

    async def _poll_stops(self) -> None:
        """Cut what may not go on while any call is in flight; ends with the last one."""
        while len(self._registry):
            if self._snapshots.current is not self._enforced:
                self.enforce_stops()
            self._registry.cut_stalled(time.monotonic() - self.settings.send_s_max)
            await asyncio.sleep(self.settings.stop_poll_s)

    async def _interrupted(self, flight: Flight, send: Send) -> None:
        """The call was cut: it may not go on, its client went away or takes nothing, or the server stops."""
        why = flight.inflight.interrupt if flight.inflight is not None else None
        refusal = flight.inflight.refusal if flight.inflight is not None else None
        task = asyncio.current_task()
        if why is not None and task is not None:
            task.uncancel()
        if flight.is_recorded:
            return  # an answer that its client does not take: the server drops the connection
        if refusal is None:
            await self._abandon(flight, why or "closing")
            if why in (None, "closing"):
                await self._send_error(flight, send, "kill_switch", "the gateway is shutting down")
            return
        flight.details["cut_in_flight"] = True
        self._keep_back(flight)
        await self._finisher.refuse(flight, "cancelled" if flight.response_started else "refused", refusal.code)
        await self._send_error(flight, send, refusal.code, refusal.message, send_s_max=CUT_SEND_S_MAX)

    async def _abandon(self, flight: Flight, why: str) -> None:
        """Settle and record a call that nobody waits for any more."""
        self._keep_back(flight)
        flight.details["interrupted"] = why
        self._finisher.settle(flight)
        if flight.key is not None and not flight.is_recorded:
            with contextlib.suppress(RecorderUnavailable):
                await self._finisher.commit(flight, "cancelled")

    @staticmethod
    def _keep_back(flight: Flight) -> None:
        """The call can not be cut any more; text that has not left counts as withheld, not as an answer."""
        if flight.inflight is not None:
            flight.inflight.committed = True
        if not flight.response_started and flight.answer:
            flight.withheld_answer, flight.answer = flight.answer, ""
            flight.withheld_trust, flight.trust = flight.trust or flight.withheld_trust, None

    async def _failed(self, flight: Flight, send: Send, error: Exception) -> None:
        """Answer an error in the caller's dialect, recorded like any other end of a call."""
        if isinstance(error, _ClientGone | OSError) and not isinstance(error, TimeoutError):
            await self._abandon(flight, "disconnected")
            return
        self._keep_back(flight)
        code, message, extra, retry_after_s = _describe(error, flight)
        if code == "internal_error":
            log.error("call %s failed", flight.call_id, exc_info=error)
        if isinstance(error, RecorderUnavailable):
            self.metrics.refusal(code)
            self._finisher.settle(flight)
        else:
            await self._finisher.refuse(flight, "refused" if isinstance(error, RefusedCall) else "failed", code)
        await self._send_error(flight, send, code, message, extra, retry_after_s)

    async def _send_error(
        self,
        flight: Flight,
        send: Send,
        code: str,
        message: str,
        extra: dict[str, Any] | None = None,
        retry_after_s: float | None = None,
        send_s_max: float | None = None,
    ) -> None:
        param = message.partition(":")[0].removeprefix("header ") if code == "invalid_request" and ":" in message else None
        if param is not None and " " in param:
            param = None
        body = error_object(code, message, param=param, extra={**(extra or {}), "call_id": flight.call_id})
        with contextlib.suppress(OSError):  # TimeoutError too: the client takes nothing
            async with asyncio.timeout(send_s_max or self.settings.send_s_max):
                if flight.response_started:
                    await send_events(send, event(body), more=False)
                    return
                flight.response_started = True
                headers = flight.response_headers() + error_headers(code, retry_after_s)
                await send_json(send, error_status(code), headers, msgspec.json.encode(body))


class _ClientGone(Exception):
    """The client went away before its request was complete."""


def _no_longer_allowed(snapshot: Snapshot, call: Inflight) -> RefusedCall | None:
    try:
        check_still_allowed(snapshot, call.secret, call.scopes)
    except RefusedCall as refusal:
        return refusal
    return None


def _watched(send: Send, inflight: Inflight) -> Send:
    """`send` that shows since when the client has not taken what was sent."""

    async def watched(message: Event) -> None:
        inflight.sending_since_s = time.monotonic()
        await send(message)
        inflight.sending_since_s = None

    return watched


async def _watch_client(receive: Receive, inflight: Inflight, metrics: Metrics) -> None:
    """Cut the call as soon as its client goes away."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            if inflight.cut("disconnected"):
                metrics.disconnected.inc()
            return


def _describe(error: Exception, flight: Flight) -> tuple[str, str, dict[str, Any] | None, float | None]:
    """Code, message, further members and retry-after for what went wrong; nothing internal shows."""
    if isinstance(error, BudgetExceeded):
        return error.code, error.message, {"details": error.details}, error.reset_in_s
    if isinstance(error, RefusedCall):
        return error.code, error.message, None, None
    if isinstance(error, RecorderUnavailable):
        return "recorder_unavailable", "the call could not be recorded, so its answer is withheld; try again later", None, None
    if isinstance(error, UpstreamTimeout):
        return "upstream_timeout", str(error), None, None
    if isinstance(error, UpstreamError):
        detail = getattr(error, "detail", "")
        if error.status == 429:
            return "rate_limited", f"{error}; its limit is reached", None, getattr(error, "retry_after_s", None)
        if error.status in (400, 413, 422):
            return "invalid_request", f"{error}" + (f": {detail}" if detail else ""), None, None
        return "upstream_error", str(error), None, None
    return "internal_error", f"something went wrong inside the gateway; quote the call id {flight.call_id}", None, None
