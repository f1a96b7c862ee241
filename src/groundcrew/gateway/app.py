"""The data plane as one plain ASGI application for /v1: routes, reads, watches the client and turns every error into an answer
in the caller's dialect. No stack trace and no secret ever reaches a client."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from groundcrew.domain.clock import Clock, SystemClock
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.kill_switch import Scope as StopScope
from groundcrew.domain.pause import Pauses
from groundcrew.domain.snapshot import Snapshot
from groundcrew.domain.spending import BudgetWarning
from groundcrew.errors import RecorderUnavailable, RefusedCall
from groundcrew.gateway.admission import authenticate, check_stopped, scopes_of
from groundcrew.gateway.arms import first_alias
from groundcrew.gateway.asked import Dialect
from groundcrew.gateway.breaker import Breakers
from groundcrew.gateway.budget import Ledger
from groundcrew.gateway.cache import AnswerCache
from groundcrew.gateway.checks import Checks
from groundcrew.gateway.embed import Embedder
from groundcrew.gateway.enforcement import Enforcement
from groundcrew.gateway.entrance import Entrance
from groundcrew.gateway.finish import Finisher, keep_back
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.guard_client import GuardClient
from groundcrew.gateway.inflight import Inflight, Registry
from groundcrew.gateway.judges import Judges
from groundcrew.gateway.masking import without_message
from groundcrew.gateway.metrics import Metrics
from groundcrew.gateway.model_list import models_body
from groundcrew.gateway.outbound import describe, error_body, error_event
from groundcrew.gateway.protocols import Grounding, Recorder, SnapshotSource, Upstream
from groundcrew.gateway.proxy import Proxy
from groundcrew.gateway.respond import (
    CONNECTION,
    WRITER,
    Receive,
    Scope,
    Send,
    error_headers,
    error_status,
    send_events,
    send_json,
)
from groundcrew.gateway.resumption import GuardedSend, HeldUpstream, Resumption
from groundcrew.gateway.retry import Retrier, Timing
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.gateway.shadow import Shadows
from groundcrew.gateway.targets import Targets
from groundcrew.gateway.trace import Tracing
from groundcrew.gateway.trials import GatewayTrials
from groundcrew.gateway.tuned_models import TunedModels
from groundcrew.gateway.verification import Verification
from groundcrew.gateway.wire import read_headers
from groundcrew.guards.runner import GuardRunner
from groundcrew.guards.warming import prepare_rules, warm_guards

if TYPE_CHECKING:
    from groundcrew.gateway.connections import OneWrite

log = logging.getLogger("groundcrew.gateway")

#: What is spoken where.
ROUTES: dict[str, Dialect] = {
    "/v1/chat/completions": "chat",
    "/v1/responses": "responses",
    "/v1/messages": "messages",
    "/v1/embeddings": "embeddings",
}
MODELS = "/v1/models"
#: Keys whose scopes are remembered.
SCOPES_MAX = 4_096
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
        metrics: Metrics | None = None,
        timing: Timing | None = None,
        tracing: Tracing | None = None,
        pauses: Pauses | None = None,
    ) -> None:
        self.settings, self.clock = settings or GatewaySettings(), clock or SystemClock()
        self.metrics = metrics or Metrics()
        self._pauses = pauses or Pauses()
        self._resumption = Resumption(self._pauses, self.settings.resume_s_max)
        upstream = HeldUpstream(upstream, self._resumption)
        self._snapshots, self._upstream, self._grounding = snapshots, upstream, grounding
        self._tracing, self._closing = tracing or Tracing(), False
        self.ledger = Ledger(self._budget_warning)
        self._finisher = Finisher(recorder, self.ledger, self.clock, self.metrics, self.settings)
        self._guard_client = GuardClient(connect_s_max=self.settings.connect_s_max)
        self._guards = GuardRunner(poster=self._guard_client)
        timing, self._tuned = timing or Timing(), TunedModels()
        retrier = Retrier(self.settings, Breakers(timing.clock, self.metrics.breaker), self.metrics, timing)
        judging = Targets(
            upstream, Checks(self._guards, None, self.settings, Metrics()), snapshots, self.settings, retrier, self._tuned
        )
        self.judges = Judges(judging, snapshots, self.ledger, self.clock, self.settings)
        self._verification = Verification(self.judges, self._guard_client, self.metrics)
        checks = Checks(self._guards, grounding, self.settings, self.metrics, self._verification)
        entrance = Entrance(snapshots, self.ledger, self.clock, self.settings)
        targets = Targets(upstream, checks, snapshots, self.settings, retrier, self._tuned)
        self.cache = AnswerCache()
        self._proxy = Proxy(
            snapshots=snapshots,
            checks=checks,
            targets=targets,
            finisher=self._finisher,
            entrance=entrance,
            settings=self.settings,
            metrics=self.metrics,
            cache=self.cache,
        )
        self._embedder = Embedder(upstream, checks, targets, self._finisher, entrance, self.settings)
        # What shadow copies do is counted apart, so that no figure of the calls that count holds them.
        apart = Metrics()
        checks_apart = Checks(self._guards, grounding, self.settings, apart, self._verification)
        self.shadows = self._make_shadows(recorder, checks_apart, apart, retrier)
        self.trials = self._make_trials(recorder, checks_apart, apart, timing)
        self._registry = Registry()
        beside = (self.shadows.running, self.judges.running, self.trials.running)
        #: What it cuts, counts and probes; for whoever acknowledges stops.
        self.enforcement = Enforcement(snapshots, self._registry, beside, self.metrics.cut.inc)
        self._poller: asyncio.Task[None] | None = None
        self._warming: asyncio.Task[None] | None = None
        #: Makes the newest snapshot's rules ready; there once the gateway has started.
        self._preparing: asyncio.Task[None] | None = None
        self._enforced: object = None
        self._scopes_of: tuple[Snapshot | None, dict[str, frozenset[StopScope]]] = (None, {})
        self._unread = RefusedCall(
            "request_timeout", f"the request body did not arrive within {self.settings.body_read_s_max:g} s"
        )
        self._watch_state()

    def _watch_state(self) -> None:
        self.metrics.watch("running_shadows", "Shadow copies under way", lambda: len(self.shadows.running))
        self.metrics.watch("cache_bytes", "Size of the answers that are kept", lambda: self.cache.bytes)
        self.metrics.watch("inflight_calls", "Calls in flight", lambda: len(self._registry))
        self.metrics.watch("pauses", "Times that the process stood still", lambda: self._pauses.count)
        self.metrics.watch("snapshot_age_seconds", "Age of the snapshot", self._snapshots.age_s)
        self.metrics.watch("snapshot_version", "Version of the snapshot", lambda: self._snapshots.current.version)

    def _make_shadows(self, recorder: Recorder, checks: Checks, metrics: Metrics, retrier: Retrier) -> Shadows:
        return Shadows(
            targets=Targets(self._upstream, checks, self._snapshots, self.settings, retrier, self._tuned),
            checks=checks,
            finisher=Finisher(recorder, self.ledger, self.clock, metrics, self.settings),
            ledger=self.ledger,
            snapshots=self._snapshots,
            clock=self.clock,
            settings=self.settings,
            metrics=self.metrics,
        )

    def _make_trials(self, recorder: Recorder, checks: Checks, metrics: Metrics, timing: Timing) -> GatewayTrials:
        """Trials have breakers of their own: what they try must not turn a target off for calls."""
        retrier = Retrier(self.settings, Breakers(timing.clock), metrics, timing)
        return GatewayTrials(
            targets=Targets(self._upstream, checks, self._snapshots, self.settings, retrier, self._tuned),
            checks=checks,
            recorder=recorder,
            ledger=self.ledger,
            snapshots=self._snapshots,
            clock=self.clock,
            settings=self.settings,
            metrics=metrics,
            watch=self._watch_stops,
        )

    async def start(self) -> None:
        """Load what the first call would otherwise wait for; grounding and models in the background, while calls are served."""
        await warm_guards(self._snapshots.current.policies.values())
        self._preparing = asyncio.create_task(self._tuned.warm(self._snapshots.current))
        if self._grounding is not None and self._snapshots.current.knowledge:
            self._warming = asyncio.create_task(self._warm_grounding(self._grounding))

    async def _warm_grounding(self, grounding: Grounding) -> None:
        try:
            await grounding.warm(tuple(self._snapshots.current.knowledge.values()))
            await self._verification.warm(self._snapshots.current)
        except Exception as error:
            log.warning("grounding could not be loaded ahead of the first call: %s", error)

    async def _prepare(self, snapshot: Snapshot) -> None:
        await prepare_rules(snapshot.policies.values())
        await self._tuned.warm(snapshot)

    async def close(self) -> None:
        """Refuse new calls, wait a bounded time for those in flight, cut the rest, then close upstream and grounding."""
        self._closing = True
        await self.shadows.close()
        await self.trials.close()
        if not await self._registry.drained(self.settings.drain_s_max):
            for call in self._registry:
                call.cut("closing")
            await self._registry.drained(CUT_S_MAX)
        for task in (self._poller, self._warming, self._preparing):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        self._verification.close()
        self._tuned.close()
        self._guards.close()
        await self._guard_client.close()
        await self._upstream.close()
        if self._grounding is not None:
            await self._grounding.close()
        await self._tracing.close()

    def _budget_warning(self, warning: BudgetWarning) -> None:
        log.warning(
            "%s %s%s has used %g of its %g %s in %s",
            *(warning.kind, warning.use_case, f"/{warning.account}" if warning.account else ""),
            *(warning.used, warning.limit, warning.meter, warning.period),
        )
        self.metrics.budget_warnings.labels(warning.use_case, warning.kind, warning.meter).inc()

    def inflight(self, scope: StopScope | None = None) -> int:
        """Calls in flight, those in `scope` only where it is given."""
        return self._registry.count(scope)

    def enforce_stops(self) -> int:
        """Cut the calls in flight that the newest snapshot no longer allows: stopped, suspended, revoked. How many were cut.
        Also runs by itself every `stop_poll_s` while calls are in flight."""
        snapshot = self._snapshots.current
        if self._preparing is not None and snapshot is not self._enforced:
            self._preparing = asyncio.create_task(self._prepare(snapshot))
        self._enforced = snapshot
        return self.enforcement.cut()

    def enforced(self) -> bool:
        """Whether nothing is in flight that the newest snapshot does not allow."""
        return self.enforcement.holds()

    def stopped(self, scope: StopScope) -> bool:
        """The kill switch's probe: whether this gateway refuses new calls in `scope` and none is in flight there."""
        return self.enforcement.stopped(scope)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        await self.serve(scope, receive, send)

    def serve(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """The same for who awaits what it returns: a frame less for each turn of a call."""
        if scope["type"] == "http":
            return self._http(scope, receive, send)
        return self._lifespan(receive, send) if scope["type"] == "lifespan" else send({"type": "websocket.close", "code": 1008})

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
        writer: OneWrite | None = scope.get(WRITER)
        send = self._tracing.begin(flight, scope, send if writer is None else writer.send)
        try:
            await self._route(scope, receive, send, flight)
        except asyncio.CancelledError:
            flight.shadows = None
            interrupt = flight.inflight.interrupt if flight.inflight is not None else None
            await self._interrupted(flight, send)
            if interrupt is None:
                raise
        except Exception as error:
            await self._failed(flight, send, error)
        finally:
            if flight.inflight is not None:
                self._registry.remove(flight.inflight)
            if flight.shadows is not None and self.shadows.launch(flight):
                self._watch_stops()
            self._tracing.end(flight)

    async def _route(self, scope: Scope, receive: Receive, send: Send, flight: Flight) -> None:
        path, method = scope["path"], scope["method"]
        dialect = ROUTES.get(path)
        if dialect is not None:
            flight.dialect = dialect
        elif path != MODELS and not path.startswith(MODELS + "/"):
            flight.dialect = next((of for route, of in ROUTES.items() if path.startswith(route + "/")), flight.dialect)
            raise RefusedCall("not_found", f"there is no {path[:200]} here; this gateway serves {', '.join((*ROUTES, MODELS))}")
        wanted = "GET" if dialect is None else "POST"
        if method != wanted:
            raise RefusedCall("method_not_allowed", f"{path[:200]} takes {wanted}, not {method}")
        if self._closing:
            raise RefusedCall("kill_switch", "the gateway is shutting down")
        if self._resumption.pending():
            await self._resumption.wait()
        flight.headers = read_headers(scope["headers"], self.settings)
        snapshot = self._snapshots.current
        flight.key, flight.entry = authenticate(snapshot, flight.headers.secret, flight.received_at.timestamp())
        flight.snapshot = snapshot
        if dialect is not None:
            flight.model = first_alias(flight)
            if snapshot.stopped:
                check_stopped(snapshot, flight.key, flight.entry.use_case, flight.model)
            await self._call(scope, receive, send, flight)
        else:
            await self._models(path, send, flight)

    async def _models(self, path: str, send: Send, flight: Flight) -> None:
        assert flight.entry is not None
        flight.key = None  # nothing is asked of a model: there is no call to record
        body = models_body(path[len(MODELS) :], flight.entry.use_case)
        await send_json(send, 200, flight.response_headers(), body)

    async def _call(self, scope: Scope, receive: Receive, send: Send, flight: Flight) -> None:
        assert flight.key is not None
        assert flight.entry is not None
        if len(self._registry) >= self.settings.inflight_max:
            raise RefusedCall("rate_limited", f"the gateway already serves {self.settings.inflight_max} calls; try again")
        assert flight.snapshot is not None
        inflight = flight.inflight = Inflight(
            flight.call_id, self._scopes(flight), flight.headers.secret, flight.snapshot.stopped
        )
        self._registry.add(inflight)
        inflight.task = asyncio.current_task()
        self._watch_stops()
        writer: OneWrite | None = scope.get(WRITER)
        body = writer.arrived() if writer is not None else None
        if body is None:
            body = await self._read_body(receive, flight, inflight)
        elif len(body) > self.settings.body_bytes_max:
            raise _too_large(self.settings.body_bytes_max)
        connection = scope.get(CONNECTION)
        watcher: asyncio.Task[None] | None = None
        if connection is not None:
            connection.when_lost(lambda: self._left(inflight))
        else:
            watcher = asyncio.create_task(self._watch_client(receive, inflight))
        try:
            serve = self._embedder.run if flight.dialect == "embeddings" else self._proxy.run
            await serve(flight, body, GuardedSend(send, inflight, self._resumption, writer))
        finally:
            inflight.committed = True
            if watcher is not None:
                watcher.cancel()
            if connection is not None:
                connection.when_lost(None)

    def _scopes(self, flight: Flight) -> frozenset[StopScope]:
        """The kill-switch scopes of a call without a target so far; remembered by key while the snapshot stays the same."""
        assert flight.key is not None
        assert flight.entry is not None
        if flight.snapshot is not self._scopes_of[0] or len(self._scopes_of[1]) >= SCOPES_MAX:
            self._scopes_of = (flight.snapshot, {})
        place = flight.key.id + (f" {flight.model}" if flight.model else "")
        known = self._scopes_of[1].get(place)
        if known is None:
            known = self._scopes_of[1][place] = scopes_of(flight.key, flight.entry.use_case, alias=flight.model)
        return known

    def _left(self, inflight: Inflight) -> None:
        """The client went away: cut its call."""
        if inflight.cut("disconnected"):
            self.metrics.disconnected.inc()

    async def _watch_client(self, receive: Receive, inflight: Inflight) -> None:
        """Wait until the client goes away, where the server has no hook for that."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self._left(inflight)

    async def _read_body(self, receive: Receive, flight: Flight, inflight: Inflight) -> bytes:
        limit = self.settings.body_bytes_max
        if (flight.headers.content_length or 0) > limit:
            raise _too_large(limit)
        parts: list[bytes] = []
        size = 0
        inflight.reading_since_s = time.monotonic()  # the poller cuts a body that does not arrive
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _ClientGone
            part = message.get("body", b"")
            size += len(part)
            if size > limit:
                raise _too_large(limit)
            parts.append(part)
            if not message.get("more_body", False):
                inflight.reading_since_s = None
                return parts[0] if len(parts) == 1 else b"".join(parts)

    def _watch_stops(self) -> None:
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll_stops())

    async def _poll_stops(self) -> None:
        """Cut what may not go on while any call is in flight; ends with the last one."""
        while self.enforcement.running():
            if self._snapshots.current is not self._enforced:
                self.enforce_stops()
            now_s = time.monotonic()
            self._registry.cut_stalled(now_s - self.settings.send_s_max)
            self._registry.cut_unread(now_s - self.settings.body_read_s_max, self._unread)
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
        keep_back(flight)
        await self._finisher.refuse(flight, "cancelled" if flight.response_started else "refused", refusal.code)
        await self._send_error(flight, send, refusal.code, refusal.message, send_s_max=CUT_SEND_S_MAX)

    async def _abandon(self, flight: Flight, why: str) -> None:
        """Settle and record a call that nobody waits for any more."""
        keep_back(flight)
        flight.details["interrupted"] = why
        self._finisher.settle(flight)
        if flight.key is not None and not flight.is_recorded:
            with contextlib.suppress(RecorderUnavailable):
                await self._finisher.commit(flight, "cancelled")

    async def _failed(self, flight: Flight, send: Send, error: Exception) -> None:
        """Answer an error in the caller's dialect, recorded like any other end of a call."""
        if isinstance(error, _ClientGone | OSError) and not isinstance(error, TimeoutError):
            await self._abandon(flight, "disconnected")
            return
        if flight.is_recorded and not flight.stream:
            return  # a whole answer that was held after a pause: the server drops the connection
        keep_back(flight)
        code, message, extra, retry_after_s = describe(error, flight)
        if code == "kill_switch" and flight.inflight is not None:
            self.enforcement.count(flight.inflight)
        if code == "internal_error":
            log.error("call %s failed: %s", flight.call_id, without_message(error))
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
        members = {**(extra or {}), "call_id": flight.call_id}
        with contextlib.suppress(OSError):  # TimeoutError too: the client takes nothing
            async with asyncio.timeout(send_s_max or self.settings.send_s_max):
                if flight.response_started:
                    await send_events(send, error_event(flight.dialect, flight, code, message, members), more=False)
                    return
                flight.response_started = True
                headers = flight.response_headers() + error_headers(code, retry_after_s)
                await send_json(send, error_status(code), headers, error_body(flight.dialect, code, message, members))


def _too_large(limit: int) -> RefusedCall:
    return RefusedCall("body_too_large", f"the request body is larger than {limit} bytes")


class _ClientGone(Exception):
    """The client went away before its request was complete."""
