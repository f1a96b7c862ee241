"""An ended call as spans and events of the GenAI and HTTP conventions, as plain data. Built away from the event loop.

Names are those of OpenTelemetry's GenAI semantic conventions 1.41.1; what they have no name for stands under `groundcrew.`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from groundcrew.domain.call import CallStatus, GuardResult, ScanStatus
from groundcrew.domain.data_class import DataClass
from groundcrew.domain.snapshot import UseCaseEntry
from groundcrew.domain.trust import TrustReport
from groundcrew.gateway.telemetry.notes import Attempt, NotedTrace
from groundcrew.gateway.telemetry.providers import provider_name, server_of
from groundcrew.guards.pii import Detect

Attributes = dict[str, Any]
#: The name that trust scores have among evaluations.
EVALUATION = "groundcrew.trust"


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A call that has ended, as far as its telemetry needs it. Texts are there only where content is exported."""

    call_id: str
    trace: NotedTrace
    ended_s: float
    entry: UseCaseEntry | None
    key_id: str | None
    status: CallStatus
    error_code: str | None
    stream: bool
    recorded: bool
    scan: ScanStatus
    data_class: DataClass
    trust: TrustReport | None
    trust_failed: bool
    withheld_trust: TrustReport | None
    retrieval_failed: bool
    latency_ms: dict[str, float]
    guards: tuple[GuardResult, ...]
    input_tokens: int
    output_tokens: int
    usage_known: bool
    cost_usd: float | None
    knowledge_revision: str | None
    passages: int
    passages_max: int
    sign_off_id: str | None
    #: The request's messages as (role, text) and the answer, as they are recorded.
    asked: tuple[tuple[str, str], ...] = ()
    answer: str = ""
    #: What looks for personal data in what providers say of the call.
    detect: Detect = "patterns"

    def text_length(self) -> int:
        """Code points of all texts that it keeps."""
        return sum(len(text) for _, text in self.asked) + len(self.answer)


class SpanData(msgspec.Struct, frozen=True, kw_only=True):
    """One span. Times are Unix nanoseconds; `events` are (name, time, attributes); `error` describes a failure."""

    name: str
    kind: Literal["server", "client", "internal"]
    span_id: str
    parent_id: str | None
    start_ns: int
    end_ns: int
    attributes: Attributes
    events: tuple[tuple[str, int, Attributes], ...] = ()
    error: str | None = None


class EventData(msgspec.Struct, frozen=True, kw_only=True):
    """One event, a log record with a name, that belongs to the span `span_id`."""

    name: str
    at_ns: int
    span_id: str
    attributes: Attributes
    warns: bool = False


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """The masked texts of a call, as the conventions' message objects, and where they go."""

    place: Literal["spans", "events"]
    asked: list[Any]
    answered: list[Any]


class Signals(msgspec.Struct, frozen=True, kw_only=True):
    """What one call exports besides its metrics."""

    spans: tuple[SpanData, ...]
    events: tuple[EventData, ...]


def signals_of(ended: Ended, content: Content | None) -> Signals:
    """The spans and events of a sampled call."""
    trace = ended.trace
    last = trace.attempts[-1] if trace.attempts else None
    chats = [_attempt_span(ended, each, content if each is last else None) for each in trace.attempts]
    events = _evaluations(ended, last)
    events += [_exception(trace, each, error) for each in trace.attempts if (error := attempt_error(ended, each)) is not None]
    if content is not None and content.place == "events" and last is not None:
        events.append(_details(chats[-1], content))
    return Signals(spans=(_server_span(ended), *_part_spans(ended), *chats), events=tuple(events))


def wall_ns(trace: NotedTrace, at_s: float) -> int:
    """A perf_counter moment of a call as Unix nanoseconds."""
    return trace.started_ns + round((at_s - trace.started_s) * 1e9)


def attempt_error(ended: Ended, attempt: Attempt) -> str | None:
    """`error.type` of a request to a target: known at once, or by how the call ended while its stream ran."""
    if attempt.error_type is not None:
        return attempt.error_type
    if attempt is not ended.trace.attempts[-1]:
        return None
    if ended.error_code in ("upstream_error", "upstream_timeout"):
        return "timeout" if ended.error_code == "upstream_timeout" else "upstream_error"
    cut = ended.status == "cancelled" and "gen_ai.response.finish_reasons" not in attempt.attributes
    return "cancelled" if cut else None


def operation_attributes(ended: Ended, attempt: Attempt) -> Attributes:
    """What names an operation, for its span and its metrics: few values."""
    provider = attempt.route.provider
    found: Attributes = {
        "gen_ai.operation.name": ended.trace.request.operation or "chat",
        "gen_ai.provider.name": provider_name(provider.api, provider.base_url),
        "gen_ai.request.model": attempt.route.target.model,
    }
    server = server_of(provider.base_url)
    if server is not None:
        found["server.address"], found["server.port"] = server
    return found


def _attempt_span(ended: Ended, attempt: Attempt, content: Content | None) -> SpanData:
    names = operation_attributes(ended, attempt)
    found = {**names, **attempt.attributes, "groundcrew.provider": attempt.route.provider.name}
    if attempt.first_chunk_s is not None:
        found["gen_ai.response.time_to_first_chunk"] = attempt.first_chunk_s - attempt.started_s
    error = attempt_error(ended, attempt)
    if error is not None:
        found["error.type"] = error
    elif ended.usage_known and attempt is ended.trace.attempts[-1]:
        found["gen_ai.usage.input_tokens"] = ended.input_tokens
        if ended.trace.request.operation != "embeddings":
            found["gen_ai.usage.output_tokens"] = ended.output_tokens
    if content is not None and content.place == "spans":
        found["gen_ai.input.messages"] = msgspec.json.encode(content.asked).decode()
        if content.answered:
            found["gen_ai.output.messages"] = msgspec.json.encode(content.answered).decode()
    return SpanData(
        name=f"{names['gen_ai.operation.name']} {names['gen_ai.request.model']}",
        kind="internal" if attempt.route.provider.embedded else "client",
        span_id=attempt.span_id,
        parent_id=ended.trace.span_id,
        start_ns=wall_ns(ended.trace, attempt.started_s),
        end_ns=wall_ns(ended.trace, attempt.ended_s or ended.ended_s),
        attributes=found,
        error=None if error is None else attempt.error_message or error,
    )


def _server_span(ended: Ended) -> SpanData:
    trace, request = ended.trace, ended.trace.request
    found: Attributes = {
        **http_attributes(ended),
        "url.path": request.shown_path,
        "network.protocol.version": request.version,
        **call_attributes(ended),
    }
    failed = found.get("error.type")
    return SpanData(
        name=f"{found['http.request.method']} {request.route}" if request.route else found["http.request.method"],
        kind="server",
        span_id=trace.span_id,
        parent_id=trace.parent.span_id if trace.parent is not None else None,
        start_ns=trace.started_ns,
        end_ns=wall_ns(trace, ended.ended_s),
        attributes=found,
        error=failed,
    )


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"})


def http_attributes(ended: Ended) -> Attributes:
    """What names an HTTP request, for its span and its metric: few values, whatever a client sends."""
    trace, request = ended.trace, ended.trace.request
    found: Attributes = {
        "http.request.method": request.method if request.method in _METHODS else "_OTHER",
        "url.scheme": request.scheme,
    }
    if request.route is not None:
        found["http.route"] = request.route
    if trace.http_status is not None:
        found["http.response.status_code"] = trace.http_status
        if trace.http_status >= 500:
            found["error.type"] = ended.error_code or str(trace.http_status)
    if request.address is not None:
        found["server.address"] = request.address
        if request.port is not None:
            found["server.port"] = request.port
    return found


def call_attributes(ended: Ended) -> Attributes:
    """What only this gateway knows of a call."""
    found: Attributes = {"groundcrew.call.id": ended.call_id, "groundcrew.scan": ended.scan}
    if ended.entry is not None:
        use_case = ended.entry.use_case
        found |= {
            "groundcrew.use_case": use_case.name,
            "groundcrew.business_unit": use_case.business_unit,
            "groundcrew.stage": use_case.stage,
            "groundcrew.model": use_case.model,
            "groundcrew.version_digest": ended.entry.version_digest,
            "groundcrew.data_class": ended.data_class,
        }
    if ended.recorded:
        found["groundcrew.status"] = ended.status
    trust = ended.trust or ended.withheld_trust
    if trust is not None:
        found["groundcrew.trust.state"] = trust.state
        found["groundcrew.trust.withheld"] = ended.trust is None
    optional = {
        "groundcrew.key.id": ended.key_id,
        "groundcrew.error_code": ended.error_code,
        "groundcrew.trust": trust.trust if trust is not None else None,
        "groundcrew.cost_usd": ended.cost_usd if ended.recorded else None,
        "groundcrew.knowledge.revision": ended.knowledge_revision,
        "groundcrew.sign_off.id": ended.sign_off_id,
    }
    found.update({name: value for name, value in optional.items() if value is not None})
    found.update({f"groundcrew.latency_ms.{part}": value for part, value in ended.latency_ms.items()})
    return found


def _part_spans(ended: Ended) -> list[SpanData]:
    """A span for each part that is worth one: not requests to targets, which have theirs, and not guards where none ran."""
    spans: list[SpanData] = []
    last = {name: end_s for name, _, end_s in ended.trace.parts}
    for name, start_s, end_s in ended.trace.parts:
        # Where guards ran several times at one place, the last span tells what all of them said.
        guards = _guards_of(ended.guards, name) if end_s == last[name] else []
        if name in ("upstream", "admission") or (name.startswith("guards ") and not guards):
            continue
        attributes: Attributes = {}
        events: tuple[tuple[str, int, Attributes], ...] = ()
        kind: Literal["client", "internal"] = "internal"
        title, error = name, None
        if name == "retrieval":
            title, kind, attributes = _retrieval(ended)
            error = attributes.get("error.type")
        elif guards:
            at_ns = wall_ns(ended.trace, end_s)
            events = tuple(("groundcrew.guard", at_ns, guard_attributes(each)) for each in guards)
        spans.append(
            SpanData(
                name=title,
                kind=kind,
                span_id=os.urandom(8).hex(),
                parent_id=_parent_of(ended, name, start_s),
                start_ns=wall_ns(ended.trace, start_s),
                end_ns=wall_ns(ended.trace, end_s),
                attributes=attributes,
                events=events,
                error=error,
            )
        )
    return spans


def _parent_of(ended: Ended, name: str, start_s: float) -> str:
    """Composing is what the embedded provider does inside of its request; everything else is the gateway's own."""
    for attempt in ended.trace.attempts if name == "compose" else ():
        if attempt.started_s <= start_s < (attempt.ended_s or ended.ended_s):
            return attempt.span_id
    return ended.trace.span_id


def _retrieval(ended: Ended) -> tuple[str, Literal["client"], Attributes]:
    found: Attributes = {"gen_ai.operation.name": "retrieval", "gen_ai.request.top_k": ended.passages_max}
    title = "retrieval"
    rule = ended.entry.use_case.grounding if ended.entry is not None else None
    if rule is not None:
        found["gen_ai.data_source.id"] = rule.knowledge
        title = f"retrieval {rule.knowledge}"
    if ended.retrieval_failed:
        found["error.type"] = "grounding_failed"
    else:
        found["groundcrew.retrieval.passages"] = ended.passages
    return title, "client", found


def _guards_of(guards: Sequence[GuardResult], part: str) -> list[GuardResult]:
    places = {"guards input": ("input", "tool_results"), "guards passages": ("passages",), "guards output": ("output",)}
    return [each for each in guards if each.place in places.get(part, ())]


def guard_attributes(result: GuardResult) -> Attributes:
    """One guard's run: what it decided, never what it read."""
    return {
        "groundcrew.guard.name": result.guard,
        "groundcrew.guard.place": result.place,
        "groundcrew.guard.verdict": result.verdict,
        "groundcrew.guard.action": result.action,
        "groundcrew.guard.mode": result.mode,
        "groundcrew.guard.score": result.score,
        "groundcrew.guard.latency_ms": result.latency_ms,
    }


def _evaluations(ended: Ended, last: Attempt | None) -> list[EventData]:
    """The trust of what was generated, and of what was sent in its place."""
    found: list[EventData] = []
    scored = [each for each in (ended.withheld_trust, ended.trust) if each is not None]
    for report in scored:
        attributes: Attributes = {"gen_ai.evaluation.name": EVALUATION, "gen_ai.evaluation.score.label": report.state}
        if report.trust is not None:
            attributes["gen_ai.evaluation.score.value"] = report.trust
        if report.reason and ended.trace.wants_content:
            attributes["gen_ai.evaluation.explanation"] = report.reason
        attributes["groundcrew.trust.withheld"] = report is ended.withheld_trust
        found.append(_evaluation(ended, last, attributes))
    if not scored and ended.trust_failed:
        found.append(_evaluation(ended, last, {"gen_ai.evaluation.name": EVALUATION, "error.type": "grounding_failed"}))
    return found


def _evaluation(ended: Ended, last: Attempt | None, attributes: Attributes) -> EventData:
    if last is not None and "gen_ai.response.id" in last.attributes:
        attributes["gen_ai.response.id"] = last.attributes["gen_ai.response.id"]
    span_id = last.span_id if last is not None else ended.trace.span_id
    at_ns = wall_ns(ended.trace, ended.ended_s)
    return EventData(name="gen_ai.evaluation.result", at_ns=at_ns, span_id=span_id, attributes=attributes)


def _exception(trace: NotedTrace, attempt: Attempt, error: str) -> EventData:
    return EventData(
        name="gen_ai.client.operation.exception",
        at_ns=wall_ns(trace, attempt.ended_s or attempt.started_s),
        span_id=attempt.span_id,
        attributes={"exception.type": error, "exception.message": attempt.error_message or error},
        warns=True,
    )


def _details(chat: SpanData, content: Content) -> EventData:
    attributes = {**chat.attributes, "gen_ai.input.messages": content.asked}
    if content.answered:
        attributes["gen_ai.output.messages"] = content.answered
    return EventData(
        name="gen_ai.client.inference.operation.details", at_ns=chat.end_ns, span_id=chat.span_id, attributes=attributes
    )
