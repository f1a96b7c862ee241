"""Prometheus metrics of one gateway process, in a registry of their own. Labels are bounded: use cases, codes, guard names.

What is counted for every call is counted in plain numbers and turned into Prometheus' form when it is scraped: a call costs a
few microseconds. Count from one thread (the event loop); scrape from any.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from groundcrew.domain.call import CallStatus, GuardResult
from groundcrew.domain.snapshot import UseCaseEntry
from groundcrew.gateway.breaker import BreakerKey, State
from groundcrew.gateway.spool import SpoolStatus

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_MS = tuple(each * 1000 for each in _SECONDS)
#: The names of the buckets' upper bounds, the last one included.
_BOUNDS = (*(str(each) for each in _SECONDS), "+Inf")


class _Times:
    """A histogram of durations: a number for each bucket, and the sum in milliseconds."""

    __slots__ = ("counts", "sum_ms")

    def __init__(self) -> None:
        self.counts = [0] * len(_BOUNDS)
        self.sum_ms = 0.0

    def buckets(self) -> list[tuple[str, float]]:
        """Upper bound and number of durations up to it."""
        found, total = [], 0
        for bound, count in zip(_BOUNDS, self.counts, strict=True):
            total += count
            found.append((bound, float(total)))
        return found


class _Counts(Collector):
    """What is counted for every call."""

    def __init__(self) -> None:
        self.calls: dict[tuple[str, str], int] = {}
        self.tokens: dict[tuple[str, str], int] = {}
        self.refusals: dict[tuple[str], int] = {}
        self.guards: dict[tuple[str, str, str], int] = {}
        self.parts: dict[str, _Times] = {}
        self.use_cases: dict[str, _Times] = {}

    def collect(self) -> Iterator[Metric]:
        """The counts as Prometheus' families."""
        yield _counter("groundcrew_calls", "Calls by use case and status", ("use_case", "status"), list(self.calls.items()))
        yield _counter("groundcrew_refusals", "Refused or failed calls by error code", ("code",), list(self.refusals.items()))
        yield _counter("groundcrew_guard_verdicts", "Guard runs", ("guard", "place", "verdict"), list(self.guards.items()))
        yield _counter(
            "groundcrew_tokens", "Tokens by use case and direction", ("use_case", "direction"), list(self.tokens.items())
        )
        yield _histogram("groundcrew_latency_seconds", "Time in each part of a call; `total` is their sum", "part", self.parts)
        yield _histogram("groundcrew_call_seconds", "Time of a call until it was recorded", "use_case", self.use_cases)


def _counter(name: str, text: str, labels: tuple[str, ...], counts: Sequence[tuple[tuple[str, ...], int]]) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, number in counts:
        family.add_metric(values, number)
    return family


def _histogram(name: str, text: str, label: str, times: dict[str, _Times]) -> Metric:
    family = HistogramMetricFamily(name, text, labels=(label,))
    for value, each in list(times.items()):
        family.add_metric((value,), each.buckets(), each.sum_ms / 1000)
    return family


class _TrustGauges(Collector):
    """Whether the trust of use cases can be relied on, as the newest snapshot says."""

    def __init__(self, use_cases: Callable[[], Mapping[str, UseCaseEntry]]) -> None:
        self._use_cases = use_cases

    def collect(self) -> Iterator[Metric]:
        """One gauge each, of the use cases that have it."""
        doubt = GaugeMetricFamily(
            "groundcrew_calibration_in_doubt", "1 while fresh labels contradict the calibration", labels=("use_case",)
        )
        holds = GaugeMetricFamily(
            "groundcrew_guarantee_holds", "1 while the declared guarantee is in force", labels=("use_case",)
        )
        for name, entry in self._use_cases().items():
            grounding = entry.use_case.grounding
            if entry.trust.calibration is not None:
                doubt.add_metric((name,), float(entry.trust.in_doubt))
            if grounding is not None and grounding.guarantee is not None:
                holds.add_metric((name,), float(entry.trust.guarantee is not None))
        yield doubt
        yield holds


class Metrics:
    """Counters, histograms and gauges of the data plane."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counts = _Counts()
        self.registry.register(self._counts)
        self.unrecorded = Counter("groundcrew_unrecorded_refusals", "Refusals that could not be recorded", registry=self.registry)
        self.shed = Counter("groundcrew_shed_calls", "Calls that went on without a record", ["use_case"], registry=self.registry)
        self._cache = Counter("groundcrew_cache_lookups", "Looks into the cache", ["use_case", "result"], registry=self.registry)
        self.grounding_failures = Counter("groundcrew_grounding_failures", "Failed grounding steps", registry=self.registry)
        self.verifier_failures = Counter(
            "groundcrew_verifier_failures", "Claims that a verifier left open", ["verifier"], registry=self.registry
        )
        self.budget_warnings = Counter(
            "groundcrew_budget_warnings",
            "Accounts that came near a limit of their budget",
            ["use_case", "kind", "meter"],
            registry=self.registry,
        )
        self.cut = Counter("groundcrew_cut_calls", "Calls in flight that a kill switch cut", registry=self.registry)
        self.upstream_failures = Counter(
            "groundcrew_upstream_failures", "Tries that a provider did not answer", ["provider", "reason"], registry=self.registry
        )
        self.retries = Counter("groundcrew_retries", "Further tries at the same target", ["provider"], registry=self.registry)
        self.shadows = Counter(
            "groundcrew_shadow_calls", "Shadow copies by what became of them", ["use_case", "result"], registry=self.registry
        )
        self._breakers = Gauge(
            "groundcrew_breaker_state",
            "Circuit breaker of a target once it was open: 0 closed, 1 half-open, 2 open",
            ["provider", "model", "kind"],
            registry=self.registry,
        )
        self.disconnected = Counter("groundcrew_disconnected_calls", "Calls whose client went away", registry=self.registry)
        self.telemetry_dropped = Counter(
            "groundcrew_telemetry_dropped", "Calls whose spans and events did not reach the collector", registry=self.registry
        )

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

    def watch_trust(self, use_cases: Callable[[], Mapping[str, UseCaseEntry]]) -> None:
        """Expose which calibrations are in doubt and which guarantees hold."""
        self.registry.register(_TrustGauges(use_cases))

    def call(
        self, use_case: str, status: CallStatus, latency_ms: dict[str, float], input_tokens: int, output_tokens: int
    ) -> None:
        """Count one finished call."""
        counts = self._counts
        key: tuple[str, str] = (use_case, status)
        counts.calls[key] = counts.calls.get(key, 0) + 1
        parts = counts.parts
        for part, value in latency_ms.items():
            times = parts.get(part)
            if times is None:
                times = parts[part] = _Times()
            times.counts[bisect_left(_MS, value)] += 1
            times.sum_ms += value
        total = latency_ms.get("total")
        if total is not None:
            times = counts.use_cases.get(use_case)
            if times is None:
                times = counts.use_cases[use_case] = _Times()
            times.counts[bisect_left(_MS, total)] += 1
            times.sum_ms += total
        if input_tokens:
            key = (use_case, "input")
            counts.tokens[key] = counts.tokens.get(key, 0) + input_tokens
        if output_tokens:
            key = (use_case, "output")
            counts.tokens[key] = counts.tokens.get(key, 0) + output_tokens

    def cache(self, use_case: str, result: str) -> None:
        """Count one look into the cache: hit or miss."""
        self._cache.labels(use_case, result).inc()

    def refusal(self, code: str) -> None:
        """Count one error answer."""
        refusals = self._counts.refusals
        refusals[(code,)] = refusals.get((code,), 0) + 1

    def guards(self, results: Iterable[GuardResult]) -> None:
        """Count guard runs."""
        counts = self._counts.guards
        for result in results:
            key = (result.guard, result.place, result.verdict)
            counts[key] = counts.get(key, 0) + 1

    def breaker(self, target: BreakerKey, state: State) -> None:
        """Show a breaker's new state. An open one shows as open until a call finds that its time is up."""
        value = {"closed": 0, "half_open": 1, "open": 2}[state]
        provider, _, model, shadow = target
        self._breakers.labels(provider, model, "shadow" if shadow else "main").set(value)

    def render(self) -> bytes:
        """The exposition text, `CONTENT_TYPE`."""
        return generate_latest(self.registry)
