"""An OpenTelemetry collector for tests: takes OTLP over HTTP on a real socket, decodes the protobuf, keeps what came."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

REQUEST_TYPES = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}
KINDS = {1: "internal", 2: "server", 3: "client"}


class Span(msgspec.Struct, kw_only=True):
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    start_ns: int
    end_ns: int
    attributes: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]]
    failed: bool
    resource: dict[str, Any]


class Log(msgspec.Struct, kw_only=True):
    name: str
    severity: int
    trace_id: str
    span_id: str
    attributes: dict[str, Any]


class Point(msgspec.Struct, kw_only=True):
    unit: str
    attributes: dict[str, Any]
    count: int
    sum: float
    bounds: tuple[float, ...]


class Collector:
    """Use it as a context manager. `held` (an Event that is not set) makes it leave every request unanswered until it is set."""

    def __init__(self, *, status: int = 200, held: threading.Event | None = None) -> None:
        self.status, self.held = status, held
        self.requests: list[tuple[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if collector.held is not None:
                    collector.held.wait(30)
                if collector.status == 200:
                    message = REQUEST_TYPES[self.path]()
                    message.ParseFromString(body)
                    collector.headers.append({name.lower(): value for name, value in self.headers.items()})
                    collector.requests.append((self.path, message))
                self.send_response(collector.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Collector:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.held is not None:
            self.held.set()
        self._server.shutdown()
        self._server.server_close()

    def spans(self) -> list[Span]:
        return [
            Span(
                name=span.name,
                kind=KINDS[span.kind],
                trace_id=span.trace_id.hex(),
                span_id=span.span_id.hex(),
                parent_id=span.parent_span_id.hex(),
                start_ns=span.start_time_unix_nano,
                end_ns=span.end_time_unix_nano,
                attributes=_attributes(span.attributes),
                events=[(each.name, _attributes(each.attributes)) for each in span.events],
                failed=span.status.code == 2,
                resource=_attributes(resource.resource.attributes),
            )
            for path, message in self.requests
            if path == "/v1/traces"
            for resource in message.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def span(self, name: str) -> Span:
        (found,) = [each for each in self.spans() if each.name == name]
        return found

    def logs(self) -> list[Log]:
        return [
            Log(
                name=log.event_name,
                severity=log.severity_number,
                trace_id=log.trace_id.hex(),
                span_id=log.span_id.hex(),
                attributes=_attributes(log.attributes),
            )
            for path, message in self.requests
            if path == "/v1/logs"
            for resource in message.resource_logs
            for scope in resource.scope_logs
            for log in scope.log_records
        ]

    def points(self) -> dict[str, list[Point]]:
        """The newest points of every histogram and sum, by the metric's name."""
        found: dict[str, list[Point]] = {}
        for path, message in self.requests:
            if path != "/v1/metrics":
                continue
            for resource in message.resource_metrics:
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        found[metric.name] = [
                            _point(metric, each) for each in getattr(metric, metric.WhichOneof("data")).data_points
                        ]
        return found

    def names(self) -> set[str]:
        """The name of every attribute that came, on whatever."""
        found: set[str] = set()
        for span in self.spans():
            found |= set(span.attributes).union(*(attributes for _, attributes in span.events))
        for log in self.logs():
            found |= set(log.attributes)
        for points in self.points().values():
            found = found.union(*(each.attributes for each in points))
        return found

    def text(self) -> str:
        return "\n".join(str(message) for _, message in self.requests)


def _point(metric: Any, point: Any) -> Point:
    is_histogram = metric.WhichOneof("data") == "histogram"
    return Point(
        unit=metric.unit,
        attributes=_attributes(point.attributes),
        count=point.count if is_histogram else 1,
        sum=point.sum if is_histogram else point.as_int or point.as_double,
        bounds=tuple(point.explicit_bounds) if is_histogram else (),
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {each.key: _value(each.value) for each in pairs}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    return getattr(value, kind)
