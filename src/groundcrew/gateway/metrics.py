"""Prometheus metrics of one gateway process, in a registry of their own. Labels are bounded: use cases, codes, guard names."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from groundcrew.domain.call import CallStatus, GuardResult
from groundcrew.gateway.spool import SpoolStatus

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """Counters, histograms and gauges of the data plane."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._calls = Counter("groundcrew_calls", "Calls by use case and status", ["use_case", "status"], registry=self.registry)
        self._refusals = Counter("groundcrew_refusals", "Refused or failed calls by error code", ["code"], registry=self.registry)
        self._parts = Histogram(
            "groundcrew_latency_seconds", "Time in each part of a call", ["part"], buckets=_SECONDS, registry=self.registry
        )
        self._guards = Counter("groundcrew_guard_verdicts", "Guard runs", ["guard", "place", "verdict"], registry=self.registry)
        self._tokens = Counter(
            "groundcrew_tokens", "Tokens by use case and direction", ["use_case", "direction"], registry=self.registry
        )
        self.unrecorded = Counter("groundcrew_unrecorded_refusals", "Refusals that could not be recorded", registry=self.registry)
        self.shed = Counter("groundcrew_shed_calls", "Calls that went on without a record", ["use_case"], registry=self.registry)
        self._cache = Counter("groundcrew_cache_lookups", "Looks into the cache", ["use_case", "result"], registry=self.registry)
        self.grounding_failures = Counter("groundcrew_grounding_failures", "Failed grounding steps", registry=self.registry)
        self.cut = Counter("groundcrew_cut_calls", "Calls in flight that a kill switch cut", registry=self.registry)
        self.disconnected = Counter("groundcrew_disconnected_calls", "Calls whose client went away", registry=self.registry)

    def watch(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Expose what `read` returns at the moment of a scrape as the gauge `groundcrew_<name>`."""
        Gauge("groundcrew_" + name, text, registry=self.registry).set_function(read)

    def watch_spool(self, status: Callable[[], SpoolStatus]) -> None:
        """Expose how the spool does."""
        self.watch("spool_pending_records", "Records that wait to be shipped", lambda: status().pending)
        self.watch("spool_pending_bytes", "Size of the records that wait to be shipped", lambda: status().bytes)
        self.watch("spool_oldest_seconds", "Age of the oldest record that waits to be shipped", lambda: status().oldest_s)
        self.watch("spool_problem", "1 while records can not be written", lambda: status().problem is not None)
        self.watch("unrecorded_calls", "Calls without a record since the start", lambda: status().missed)

    def call(
        self, use_case: str, status: CallStatus, latency_ms: dict[str, float], input_tokens: int, output_tokens: int
    ) -> None:
        """Count one finished call."""
        self._calls.labels(use_case, status).inc()
        for part, value in latency_ms.items():
            self._parts.labels(part).observe(value / 1000)
        if input_tokens:
            self._tokens.labels(use_case, "input").inc(input_tokens)
        if output_tokens:
            self._tokens.labels(use_case, "output").inc(output_tokens)

    def cache(self, use_case: str, result: str) -> None:
        """Count one look into the cache: hit or miss."""
        self._cache.labels(use_case, result).inc()

    def refusal(self, code: str) -> None:
        """Count one error answer."""
        self._refusals.labels(code).inc()

    def guard(self, result: GuardResult) -> None:
        """Count one guard run."""
        self._guards.labels(result.guard, result.place, result.verdict).inc()

    def render(self) -> bytes:
        """The exposition text, `CONTENT_TYPE`."""
        return generate_latest(self.registry)
