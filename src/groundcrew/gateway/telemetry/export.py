"""OpenTelemetry itself: spans, events and metrics as OTLP over HTTP. The only module that imports its SDK, which is loaded only
where telemetry is switched on. Used by one thread, which may wait for the collector; calls never do."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence

from opentelemetry import trace as api
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from groundcrew import __version__
from groundcrew.domain.identifiers import new_id
from groundcrew.gateway.telemetry import measures
from groundcrew.gateway.telemetry.measures import Measure
from groundcrew.gateway.telemetry.signals import EventData, Signals, SpanData
from groundcrew.gateway.telemetry.totals import Key, Series, Totals

SCOPE = "groundcrew.gateway"
DROPPED_TEXT = "Calls whose spans and events were not sent"
#: How long one sending of metrics may take.
METRICS_MS_MAX = 10_000
_KINDS = {"server": api.SpanKind.SERVER, "client": api.SpanKind.CLIENT, "internal": api.SpanKind.INTERNAL}


class Export:
    """Sends what calls export. `endpoints` are full URLs by signal (traces, metrics, logs); one that is missing is not sent."""

    def __init__(self, endpoints: Mapping[str, str]) -> None:
        self._scope = InstrumentationScope(SCOPE, __version__)
        self._resource = _resource()
        self._spans = OTLPSpanExporter(endpoint=endpoints["traces"]) if "traces" in endpoints else None
        self._events = OTLPLogExporter(endpoint=endpoints["logs"]) if "logs" in endpoints else None
        self._metrics = OTLPMetricExporter(endpoint=endpoints["metrics"]) if "metrics" in endpoints else None
        self._totals, self._dropped, self._since_ns = Totals(), 0, time.time_ns()
        preference = os.environ.get("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "").strip().lower()
        self._delta = preference in ("delta", "lowmemory")

    def measure(self, found: Sequence[Measure]) -> None:
        """Add measurements; `send_metrics` sends them."""
        if self._metrics is not None:
            self._totals.add(found)

    def dropped(self, number: int) -> None:
        """Count calls whose spans and events were not sent."""
        self._dropped += number

    def send_metrics(self) -> None:
        """Send what was measured. Waits; what the collector does not take is in the next sending, but lost with `delta`."""
        now_ns = time.time_ns()
        metrics = [self._histogram(histogram, series, now_ns) for histogram, series in self._totals]
        if self._dropped:
            point = NumberDataPoint({}, self._since_ns, now_ns, self._dropped)
            total = Sum([point], self._temporality, is_monotonic=True)
            metrics.append(Metric("groundcrew.telemetry.dropped", DROPPED_TEXT, "{call}", total))
        if self._metrics is None or not metrics:
            return
        if self._delta:
            self._totals.clear()
            self._since_ns, self._dropped = now_ns, 0
        scope = ScopeMetrics(self._scope, metrics, "")
        self._metrics.export(MetricsData([ResourceMetrics(self._resource, [scope], "")]), timeout_millis=METRICS_MS_MAX)

    @property
    def _temporality(self) -> AggregationTemporality:
        return AggregationTemporality.DELTA if self._delta else AggregationTemporality.CUMULATIVE

    def _histogram(self, histogram: measures.Histogram, found: Mapping[Key, Series], now_ns: int) -> Metric:
        points = [
            HistogramDataPoint(
                dict(key),
                self._since_ns,
                now_ns,
                sum(series.counts),
                series.sum,
                tuple(series.counts),
                histogram.bounds,
                series.lowest,
                series.highest,
            )
            for key, series in found.items()
        ]
        return Metric(histogram.name, histogram.text, histogram.unit, Histogram(points, self._temporality))

    def send(self, calls: Sequence[tuple[int, int, Signals]]) -> bool:
        """Send the signals of calls, each with its trace id and flags. Waits; False where the collector did not take all."""
        done = True
        spans = [self._span(each, trace_id, flags) for trace_id, flags, signals in calls for each in signals.spans]
        if spans and self._spans is not None:
            done = self._spans.export(spans) is SpanExportResult.SUCCESS
        events = [self._event(each, trace_id, flags) for trace_id, flags, signals in calls for each in signals.events]
        if events and self._events is not None:
            done = self._events.export(events) is LogRecordExportResult.SUCCESS and done
        return done

    def close(self) -> None:
        """Send the metrics once more and end."""
        self.send_metrics()
        if self._metrics is not None:
            self._metrics.shutdown()
        if self._spans is not None:
            self._spans.shutdown()  # type: ignore[no-untyped-call]
        if self._events is not None:
            self._events.shutdown()  # type: ignore[no-untyped-call]

    def _span(self, span: SpanData, trace_id: int, flags: int) -> ReadableSpan:
        status = api.Status() if span.error is None else api.Status(api.StatusCode.ERROR, span.error)
        return ReadableSpan(
            span.name,
            context=_context(trace_id, span.span_id, flags),
            parent=_context(trace_id, span.parent_id, flags) if span.parent_id is not None else None,
            resource=self._resource,
            attributes=span.attributes,
            events=[Event(name, attributes, at_ns) for name, at_ns, attributes in span.events],
            kind=_KINDS[span.kind],
            status=status,
            start_time=span.start_ns,
            end_time=span.end_ns,
            instrumentation_scope=self._scope,
        )

    def _event(self, event: EventData, trace_id: int, flags: int) -> ReadableLogRecord:
        record = LogRecord(
            timestamp=event.at_ns,
            observed_timestamp=event.at_ns,
            context=api.set_span_in_context(api.NonRecordingSpan(_context(trace_id, event.span_id, flags))),
            severity_number=SeverityNumber.WARN if event.warns else SeverityNumber.INFO,
            severity_text="WARN" if event.warns else "INFO",
            event_name=event.name,
            attributes=event.attributes,
        )
        return ReadableLogRecord(record, self._resource, self._scope)


def _context(trace_id: int, span_id: str, flags: int) -> api.SpanContext:
    return api.SpanContext(trace_id, int(span_id, 16), is_remote=False, trace_flags=api.TraceFlags(flags))


class _HashedResource(Resource):
    """A resource whose hash is computed once: the encoder asks for it with every span."""

    def __hash__(self) -> int:
        found: int | None = self.__dict__.get("_known_hash")
        if found is None:
            found = self.__dict__["_known_hash"] = super().__hash__()
        return found


def _resource() -> Resource:
    """Who sends: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES count before ours."""
    told = dict(Resource.create({}).attributes)
    if str(told.get("service.name", "")).startswith("unknown_service"):
        del told["service.name"]
    return _HashedResource(
        {"service.name": "groundcrew", "service.version": __version__, "service.instance.id": new_id(), **told}
    )
