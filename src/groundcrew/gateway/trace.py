"""A call's place in a distributed trace (W3C Trace Context): read strictly from its client, handed on to the provider. What
stands here passes a trace on and notes nothing; `telemetry` puts an object that notes what happens in its place.

Format: https://www.w3.org/TR/trace-context/ (version 00). Baggage is never handed on: it may hold anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from groundcrew.gateway.respond import Scope, Send

if TYPE_CHECKING:
    from groundcrew.gateway.flight import Flight
    from groundcrew.gateway.routing import Route

#: Header names and values for a provider.
TraceHeaders = tuple[tuple[str, str], ...]

SAMPLED = 0x01
#: The flags that version 00 and its second level define: sampled, and that the trace id is random. Others are not handed on.
_KNOWN_FLAGS = 0x03
_STATE_MEMBERS_MAX = 32
#: The standard asks for at least 512 characters; whatever is longer is left behind whole, never cut.
_STATE_LENGTH_MAX = 512

_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_SIMPLE_KEY = r"[a-z0-9][a-z0-9_\-*/]{0,255}"
_TENANT_KEY = r"[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13}"
_STATE_MEMBER = re.compile(
    rf"({_TENANT_KEY}|{_SIMPLE_KEY})=([\x20-\x2b\x2d-\x3c\x3e-\x7e]{{0,255}}[\x21-\x2b\x2d-\x3c\x3e-\x7e])"
)


class TraceParent(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's span: `trace_id` 32 and `span_id` 16 lower-case hexadecimal digits, never all zero."""

    trace_id: str
    span_id: str
    flags: int = 0
    state: str = ""

    @property
    def sampled(self) -> bool:
        """Whether the caller may have recorded the trace."""
        return bool(self.flags & SAMPLED)

    def headers(self) -> TraceHeaders:
        """The headers that hand this span on as the parent."""
        parent = ("traceparent", f"00-{self.trace_id}-{self.span_id}-{self.flags & _KNOWN_FLAGS:02x}")
        return (parent, ("tracestate", self.state)) if self.state else (parent,)


def read_parent(headers: Iterable[tuple[bytes, bytes]]) -> TraceParent | None:
    """The caller's span; None without a `traceparent`, with a malformed one, or with several."""
    parents: list[bytes] = []
    states: list[bytes] = []
    for name, value in headers:
        if name == b"traceparent":
            parents.append(value)
        elif name == b"tracestate":
            states.append(value)
    if len(parents) != 1:
        return None
    return parse_parent(parents[0], states)


def parse_parent(parent: bytes, states: Sequence[bytes] = ()) -> TraceParent | None:
    """`traceparent`'s value as a span, with the values of `tracestate` in order; None where `parent` is malformed.

    A malformed `tracestate` is left behind; it does not spoil the trace.
    """
    match = _PARENT.fullmatch(parent.decode("latin-1").strip(" \t"))
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if version == "ff" or (version == "00" and more is not None) or not trace_id.strip("0") or not span_id.strip("0"):
        return None
    return TraceParent(trace_id=trace_id, span_id=span_id, flags=int(flags, 16), state=_parse_state(states))


def _parse_state(values: Sequence[bytes]) -> str:
    """`tracestate` as it is handed on; "" where it is absent or breaks a rule of the standard."""
    members: list[str] = []
    keys: set[str] = set()
    for value in values:
        for member in value.decode("latin-1").split(","):
            text = member.strip(" \t")
            if not text:
                continue
            match = _STATE_MEMBER.fullmatch(text)
            if match is None or match.group(1) in keys or len(members) >= _STATE_MEMBERS_MAX:
                return ""
            keys.add(match.group(1))
            members.append(text)
    state = ",".join(members)
    return state if len(state) <= _STATE_LENGTH_MAX else ""


class CallTrace:
    """The trace of a call that is not exported: the caller's span is handed on as it came, and nothing is noted.

    Without a caller's span there is no trace: the provider is then sent none, so that it may start its own.
    """

    __slots__ = ("_headers", "trace_id")

    #: Whether the texts of the call are exported.
    wants_content = False

    def __init__(self, parent: TraceParent | None = None) -> None:
        self.trace_id: str | None = parent.trace_id if parent is not None else None
        self._headers: TraceHeaders = parent.headers() if parent is not None else ()

    def headers(self, body: bytes) -> TraceHeaders:
        """The headers for the provider of the attempt under way; `body` is what it is sent."""
        return self._headers

    def part(self, name: str, start_s: float, end_s: float) -> None:
        """Note a part of the call (perf_counter)."""

    def attempt(self, route: Route) -> None:
        """Note that a target is about to be asked."""

    def failed(self, error: Exception) -> None:
        """Note that the target under way failed."""

    def first_chunk(self, event: bytes) -> None:
        """Note the first event of the stream of the target under way."""

    def answered(self, body: bytes) -> None:
        """Note the plain answer of the target under way."""

    def finished(self, reason: str | None) -> None:
        """Note why the target under way stopped generating."""


#: For a call outside of any trace.
NO_TRACE = CallTrace()


class Tracing:
    """Begins and ends the traces of calls. This one exports nothing and costs next to nothing."""

    def begin(self, flight: Flight, scope: Scope, send: Send) -> Send:
        """Give `flight` its trace; returns the `send` to use for its response."""
        parent = read_parent(scope["headers"])
        if parent is not None:
            flight.trace = CallTrace(parent)
        return send

    def end(self, flight: Flight) -> None:
        """The call has ended and its response is out."""

    async def close(self) -> None:
        """Send what waits, within a bounded time."""
