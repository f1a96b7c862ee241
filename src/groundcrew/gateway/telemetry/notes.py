"""What is noted while a call runs, for those calls whose telemetry is exported: cheap, in the event loop, and never in the way.
What is not understood is left out; nothing here may fail a call."""

from __future__ import annotations

import os
import time
from typing import Any, Literal

import msgspec

from groundcrew.errors import UpstreamError, UpstreamTimeout
from groundcrew.gateway.routing import Route
from groundcrew.gateway.telemetry.dialects import request_attributes, response_attributes
from groundcrew.gateway.trace import SAMPLED, CallTrace, TraceHeaders, TraceParent

#: Parts and attempts noted of one call; further ones are left out of its trace.
PARTS_MAX = 64
ATTEMPTS_MAX = 16


class Attempt:
    """One request to one target. Times are perf_counter seconds; `attributes` are those of its span, by name."""

    __slots__ = ("attributes", "ended_s", "error_message", "error_type", "first_chunk_s", "route", "span_id", "started_s")

    def __init__(self, route: Route) -> None:
        self.route = route
        self.span_id = os.urandom(8).hex()
        self.started_s = time.perf_counter()
        self.ended_s: float | None = None
        self.first_chunk_s: float | None = None
        self.attributes: dict[str, Any] = {}
        self.error_type: str | None = None
        self.error_message = ""


class NotedTrace(CallTrace):
    """The trace of a call that is exported. `sampled` is whether its spans and events are; its metrics are in any case. Where
    spans are not exported at all (`shown` is False), the caller's span is handed on: a provider must not look for ours."""

    __slots__ = (
        "_shown",
        "attempts",
        "first_byte_s",
        "http_status",
        "parent",
        "parts",
        "request",
        "sampled",
        "span_id",
        "started_ns",
        "started_s",
        "wants_content",
    )

    def __init__(
        self,
        trace_id: str,
        parent: TraceParent | None,
        *,
        sampled: bool,
        shown: bool,
        content: bool,
        request: ServerRequest,
    ) -> None:
        super().__init__(parent)
        self._shown = shown
        self.trace_id: str = trace_id
        self.parent, self.sampled, self.request = parent, sampled, request
        self.span_id = os.urandom(8).hex()
        self.started_ns, self.started_s = time.time_ns(), time.perf_counter()
        self.attempts: list[Attempt] = []
        self.parts: list[tuple[str, float, float]] = []
        self.wants_content = content and sampled
        self.http_status: int | None = None
        self.first_byte_s: float | None = None

    def headers(self, body: bytes) -> TraceHeaders:
        """The attempt's span as the provider's parent. A trace that is not sampled is handed on as it came."""
        attempt = self.attempts[-1] if self.attempts else None
        if attempt is not None:
            attempt.attributes.update(request_attributes(body))
        state = self.parent.state if self.parent is not None else ""
        if not self._shown or (not self.sampled and self.parent is not None):
            return self._headers
        span_id = attempt.span_id if attempt is not None else self.span_id
        flags = (self.parent.flags if self.parent is not None else 0) & ~SAMPLED | (SAMPLED if self.sampled else 0)
        return TraceParent(trace_id=self.trace_id, span_id=span_id, flags=flags, state=state).headers()

    def part(self, name: str, start_s: float, end_s: float) -> None:
        """Note a part of the call; the upstream's end is that of the target under way."""
        if len(self.parts) < PARTS_MAX:
            self.parts.append((name, start_s, end_s))
        if name == "upstream" and self.attempts and self.attempts[-1].error_type is None:
            self.attempts[-1].ended_s = end_s

    def attempt(self, route: Route) -> None:
        """Note that a target is about to be asked."""
        if len(self.attempts) < ATTEMPTS_MAX:
            self.attempts.append(Attempt(route))

    def failed(self, error: Exception) -> None:
        """Note that the target under way failed."""
        if self.attempts:
            attempt = self.attempts[-1]
            attempt.ended_s = time.perf_counter()
            attempt.error_type, attempt.error_message = error_type(error), str(error)

    def first_chunk(self, event: bytes) -> None:
        """Note when the stream's first event was here, and what it says about the answer."""
        if self.attempts:
            attempt = self.attempts[-1]
            attempt.first_chunk_s = time.perf_counter()
            _, _, data = event.partition(b"data:")
            attempt.attributes.update(response_attributes(data))

    def answered(self, body: bytes) -> None:
        """Note what a plain answer says about itself."""
        if self.attempts:
            self.attempts[-1].attributes.update(response_attributes(body))

    def finished(self, reason: str | None) -> None:
        """Note why the target under way stopped generating."""
        if self.attempts and reason is not None:
            self.attempts[-1].attributes["gen_ai.response.finish_reasons"] = (reason,)


class ServerRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The HTTP request that a call came with. `route` is None for a path that is not ours, `operation` for one without
    a model. `path` is not exported: a client may write anything there."""

    method: str
    path: str
    scheme: str
    version: str
    route: str | None
    operation: Literal["chat", "embeddings"] | None
    address: str | None = None
    port: int | None = None

    @property
    def shown_path(self) -> str:
        """The path as telemetry has it: one of ours, with a place for what a client names in it."""
        return self.route or "/(not ours)"


def error_type(error: Exception) -> str:
    """A provider's failure as a value of `error.type`: its HTTP status, `timeout`, or our code `upstream_error`."""
    if isinstance(error, UpstreamTimeout):
        return "timeout"
    if isinstance(error, UpstreamError):
        return str(error.status) if error.status is not None else "upstream_error"
    return type(error).__name__
