"""Telemetry of calls as OpenTelemetry's GenAI conventions have it, sent over OTLP. Off unless an endpoint is named; a call never
waits for it, and never fails for it."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from groundcrew.gateway.asked import role_name
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.masking import detect_of
from groundcrew.gateway.respond import Event, Scope, Send
from groundcrew.gateway.telemetry.config import Config, Content, read_config
from groundcrew.gateway.telemetry.dialects import STOP_SEQUENCES
from groundcrew.gateway.telemetry.notes import NotedTrace, ServerRequest
from groundcrew.gateway.telemetry.signals import Ended
from groundcrew.gateway.trace import Tracing, read_parent
from groundcrew.guards.masking import mask_text

if TYPE_CHECKING:
    from groundcrew.gateway.telemetry.worker import Worker

log = logging.getLogger("groundcrew.gateway")

#: How long the end of the gateway waits for telemetry to leave.
CLOSE_S_MAX = 3.0
#: Stop sequences that are marks: without letters and digits, but for a short word in capitals. Others may be anybody's name.
_MARKER = re.compile(r"[\W_]*(?:[A-Z]{1,4})?[\W_]*")
STOP_LEFT_OUT = "(text)"
_ROUTES = {
    "/v1/chat/completions": "chat",
    "/v1/responses": "chat",
    "/v1/messages": "chat",
    "/v1/embeddings": "embeddings",
    "/v1/models": None,
}


def open_tracing(
    environment: Mapping[str, str] | None = None,
    *,
    endpoint: str = "",
    content: Content = "off",
    dropped: Callable[[int], None] = lambda _: None,
    passages_max: int = 12,
) -> Tracing:
    """What the environment and `endpoint` ask for: telemetry, or a `Tracing` that exports nothing. `dropped` is told, from any
    thread, of calls whose spans and events did not leave."""
    config = read_config(os.environ if environment is None else environment, endpoint)
    if config is None:
        return Tracing()
    from groundcrew.gateway.telemetry.export import Export
    from groundcrew.gateway.telemetry.worker import Worker

    worker = Worker(Export(config.endpoints), content=content, dropped=dropped, metrics_every_s=config.metrics_every_s)
    return Telemetry(worker, config, content, passages_max)


class Telemetry(Tracing):
    """Notes calls and hands them to the worker."""

    def __init__(self, worker: Worker, config: Config, content: Content, passages_max: int) -> None:
        self._worker, self._sampler, self._content, self._passages_max = worker, config.sampler, content, passages_max
        self._shown, self._samples = "traces" in config.endpoints, bool({"traces", "logs"} & config.endpoints.keys())

    def begin(self, flight: Flight, scope: Scope, send: Send) -> Send:
        """Start the call's trace, in its caller's where there is one; the `send` returned sees the response."""
        parent = read_parent(scope["headers"])
        trace_id = parent.trace_id if parent is not None else os.urandom(16).hex()
        trace = NotedTrace(
            trace_id,
            parent,
            sampled=self._samples and self._sampler.samples(trace_id, parent),
            shown=self._shown,
            content=self._content != "off",
            request=_server_request(scope),
        )
        flight.trace = trace

        async def watched(message: Event) -> None:
            if trace.first_byte_s is None:
                if message["type"] == "http.response.start":
                    trace.http_status = message["status"]
                else:
                    trace.first_byte_s = time.perf_counter()
            await send(message)

        return watched

    def end(self, flight: Flight) -> None:
        """Leave the ended call to the worker."""
        trace = flight.trace
        if isinstance(trace, NotedTrace):
            try:
                self._worker.put(_ended(flight, trace, self._passages_max))
            except Exception as error:
                log.warning("call %s: no telemetry (%s)", flight.call_id, type(error).__name__)

    async def close(self) -> None:
        """Send what waits, for a bounded time."""
        await asyncio.to_thread(self._worker.close, CLOSE_S_MAX)


def _asked(flight: Flight) -> tuple[tuple[str, str], ...]:
    """The request's messages with their roles; none of a call that has no record, since nothing has masked them."""
    if flight.asked is None or flight.masked_texts is None or flight.unmaskable:
        return ()
    return tuple(zip(map(role_name, flight.asked.roles), flight.masked_texts, strict=True))


def _mask_notes(flight: Flight, trace: NotedTrace) -> None:
    """What clients and providers say of a call in their own words, with its values masked."""
    names = flight.recorded_names or flight.pseudonyms
    for attempt in trace.attempts:
        if attempt.error_message:
            attempt.error_message = mask_text(attempt.error_message, names=names)
        if stops := attempt.attributes.get(STOP_SEQUENCES):
            attempt.attributes[STOP_SEQUENCES] = tuple(each if _MARKER.fullmatch(each) else STOP_LEFT_OUT for each in stops)


def _ended(flight: Flight, trace: NotedTrace, passages_max: int) -> Ended:
    shows_content = trace.wants_content
    _mask_notes(flight, trace)
    return Ended(
        call_id=flight.call_id,
        trace=trace,
        ended_s=time.perf_counter(),
        entry=flight.entry,
        key_id=flight.key.id if flight.key is not None else None,
        status=flight.status,
        error_code=flight.error_code,
        stream=flight.stream,
        recorded=flight.is_recorded,
        scan=flight.scan,
        data_class=flight.data_class,
        trust=flight.trust,
        trust_failed="trust_error" in flight.details,
        withheld_trust=flight.withheld_trust,
        retrieval_failed="retrieval_error" in flight.details,
        latency_ms=flight.latency_ms,
        guards=tuple(flight.guards),
        input_tokens=flight.input_tokens,
        output_tokens=flight.output_tokens,
        usage_known=flight.usage_known,
        cost_usd=flight.cost_usd(),
        knowledge_revision=flight.knowledge_revision,
        passages=len(flight.sources),
        passages_max=passages_max,
        sign_off_id=flight.sign_off_id,
        asked=_asked(flight) if shows_content else (),
        answer=flight.masked_answer if shows_content else "",
        detect=detect_of(flight) if flight.entry is not None else "patterns",
    )


def _server_request(scope: Scope) -> ServerRequest:
    path: str = scope["path"]
    route = path if path in _ROUTES else ("/v1/models/{model}" if path.startswith("/v1/models/") else None)
    operation: Any = _ROUTES.get(path)
    server = scope.get("server")
    return ServerRequest(
        method=scope["method"],
        path=path,
        scheme=scope.get("scheme", "http"),
        version=scope.get("http_version", "1.1"),
        route=route,
        operation=operation,
        address=server[0] if server else None,
        port=server[1] if server else None,
    )
