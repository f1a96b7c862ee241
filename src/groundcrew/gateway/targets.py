"""Tries a call's targets in the order of its plan until one answers; never after a first byte has reached the client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import msgspec

from groundcrew.domain.prices import price_of
from groundcrew.domain.provider import TARGET_TIMEOUT_S_MAX, Target
from groundcrew.errors import CircuitOpen, RefusedCall, UpstreamError, UpstreamTimeout
from groundcrew.gateway import sse
from groundcrew.gateway.admission import Admitted, check_stopped
from groundcrew.gateway.answer import Generated, read_answer
from groundcrew.gateway.asked import Dialect
from groundcrew.gateway.checks import Checks
from groundcrew.gateway.dialects.event_stream import EventStreamSplitter
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.protocols import SnapshotSource, Upstream, UpstreamRequest, UpstreamStream
from groundcrew.gateway.providers import extractive, tuned
from groundcrew.gateway.relay import Frame
from groundcrew.gateway.retry import Retrier
from groundcrew.gateway.routing import Route
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.gateway.tuned_models import TunedModels

Answer = TypeVar("Answer")

#: Makes the body for a target's model, in the dialect that the target speaks.
BodyFor = Callable[[str, Dialect], bytes]
#: How long a provider is taken not to have the responses endpoint after it said so, and how many are remembered.
RESPONSES_ABSENT_S = 600.0
RESPONSES_ABSENT_MAX = 1_000
#: How a server says that it does not have an endpoint.
_ABSENT = frozenset({404, 405, 501})

_DIALECTS: dict[str, Dialect] = {"openai": "chat", "anthropic": "messages", "gemini": "gemini", "bedrock": "converse"}


class Splitter(Protocol):
    """Finds the events in the bytes of a stream."""

    def feed(self, data: bytes) -> Sequence[Frame]:
        """The events that `data` completes; UpstreamError when one grows past its limit."""
        ...

    def rest(self) -> bytes:
        """What came after the last event."""
        ...


class OpenStream:
    """An upstream stream whose first event has arrived; `frames` are those read so far, `dialect` is what it speaks."""

    __slots__ = ("dialect", "frames", "splitter", "stream")

    def __init__(self, stream: UpstreamStream, splitter: Splitter, frames: Sequence[Frame], dialect: Dialect) -> None:
        self.stream, self.splitter, self.frames, self.dialect = stream, splitter, frames, dialect


class Targets:
    """Sends calls to their targets."""

    def __init__(
        self,
        upstream: Upstream,
        checks: Checks,
        snapshots: SnapshotSource,
        settings: GatewaySettings,
        retrier: Retrier,
        tuned_models: TunedModels,
    ) -> None:
        self._upstream, self._checks, self._snapshots, self._settings = upstream, checks, snapshots, settings
        self._retrier, self._tuned = retrier, tuned_models
        #: Until when (monotonic) a provider, by its address, counts as one without the responses endpoint.
        self._without_responses: dict[str, float] = {}

    async def complete(self, flight: Flight, admitted: Admitted, routes: tuple[Route, ...], body_for: BodyFor) -> Generated:
        """A whole answer from the first target that gives one."""

        def attempt(route: Route, target: Target) -> Awaitable[Generated]:
            return self._complete(flight, admitted, route, target, body_for)

        return await self.first(flight, admitted, routes, attempt)

    async def _complete(self, flight: Flight, admitted: Admitted, route: Route, target: Target, body_for: BodyFor) -> Generated:
        if route.provider.api == "extractive":
            return await extractive.generate(
                flight, admitted, self._checks, bytes_per_token=self._settings.prompt_bytes_per_token
            )

        if route.provider.api == "tuned":
            return await tuned.generate(flight, target, self._tuned, bytes_per_token=self._settings.prompt_bytes_per_token)

        dialect = _DIALECTS[route.provider.api]
        if dialect != "chat" or flight.dialect != "responses":
            return await self._ask(flight, route, target, body_for, dialect)
        return await self._by_responses(flight, route, lambda dialect: self._ask(flight, route, target, body_for, dialect))

    async def _ask(self, flight: Flight, route: Route, target: Target, body_for: BodyFor, dialect: Dialect) -> Generated:
        body = await self._upstream.complete(self._request(flight, route, target, body_for, dialect))
        flight.trace.answered(body)
        return read_answer(dialect, body, route.provider.name)

    async def open_stream(self, flight: Flight, admitted: Admitted, routes: tuple[Route, ...], body_for: BodyFor) -> OpenStream:
        """A stream whose first event is here, from the first target that gives one."""

        async def ask(route: Route, target: Target, dialect: Dialect) -> OpenStream:
            opened = await self._open(self._request(flight, route, target, body_for, dialect), dialect)
            frame = opened.frames[0]
            flight.trace.first_chunk(frame if isinstance(frame, bytes) else frame[1])
            return opened

        def attempt(route: Route, target: Target) -> Awaitable[OpenStream]:
            dialect = _DIALECTS[route.provider.api]
            if dialect != "chat" or flight.dialect != "responses":
                return ask(route, target, dialect)
            return self._by_responses(flight, route, lambda dialect: ask(route, target, dialect))

        return await self.first(flight, admitted, routes, attempt)

    async def first(
        self,
        flight: Flight,
        admitted: Admitted,
        routes: tuple[Route, ...],
        attempt: Callable[[Route, Target], Awaitable[Answer]],
    ) -> Answer:
        """What the first route gives that answers, each with its retries; the last real failure where none does."""
        started_s, was_sent = time.perf_counter(), flight.upstream_started
        ends_s, failures = self._retrier.deadline_s(), _Failures(flight)
        try:
            for route in routes:
                self._choose(flight, admitted, route)
                try:
                    return await self._retrier.run(route, ends_s, attempt, failures.note)
                except UpstreamError as error:
                    failures.note(route, error)
                    if not _worth_another(error):
                        raise
            if not was_sent and not failures.was_sent():
                flight.upstream_started = False
            raise failures.error()
        finally:
            flight.timed("upstream", started_s)

    async def _by_responses(self, flight: Flight, route: Route, ask: Callable[[Dialect], Awaitable[Answer]]) -> Answer:
        """`ask` for a request in the responses dialect: of the provider's endpoint for them where it has one."""
        provider = route.provider
        where = provider.base_url or provider.name
        if where in flight.without_responses or self._without_responses.get(where, 0.0) > time.monotonic():
            return await ask("chat")
        try:
            return await ask("responses")
        except UpstreamError as error:
            if error.status not in _ABSENT:
                raise
            absent = error
        flight.without_responses.add(where)
        try:
            answer = await ask("chat")
        except RefusedCall:  # only a provider that has the endpoint could say it: what it said first stands
            raise absent from None
        if len(self._without_responses) >= RESPONSES_ABSENT_MAX:
            self._without_responses.clear()
        self._without_responses[where] = time.monotonic() + RESPONSES_ABSENT_S
        return answer

    async def _open(self, request: UpstreamRequest, dialect: Dialect) -> OpenStream:
        wait_s = min(request.target.first_byte_s or TARGET_TIMEOUT_S_MAX, request.target.timeout_s)
        try:
            async with asyncio.timeout(wait_s):
                return await self._open_to_first_event(request, dialect)
        except TimeoutError:
            raise UpstreamTimeout(f"provider {request.provider.name}: no first event within {wait_s:g} s") from None

    async def _open_to_first_event(self, request: UpstreamRequest, dialect: Dialect) -> OpenStream:
        stream = await self._upstream.open_stream(request)
        try:
            splitter = splitter_for(dialect, self._settings.chunk_bytes_max, request.provider.name)
            while data := await stream.read():
                if frames := splitter.feed(data):
                    return OpenStream(stream, splitter, frames, dialect)
            raise UpstreamError(f"provider {request.provider.name}: the stream ended before its first event")
        except BaseException:
            stream.close()
            raise

    def _choose(self, flight: Flight, admitted: Admitted, route: Route) -> None:
        """Make `route` the call's target, unless it or the call was stopped meanwhile."""
        snapshot = self._snapshots.current
        if snapshot.stopped:
            check_stopped(snapshot, admitted.key, admitted.entry.use_case, flight.model)
            if route.scopes & snapshot.stopped:
                raise RefusedCall("kill_switch", f"stopped by the kill switch: provider:{route.provider.name}")
        flight.provider, flight.target_model = route.provider.name, route.target.model
        flight.price = price_of(route.provider, route.target)
        flight.role = route.target.role
        if flight.inflight is not None:
            flight.inflight.scopes = route.scopes
        flight.trace.attempt(route)

    @staticmethod
    def _request(flight: Flight, route: Route, target: Target, body_for: BodyFor, dialect: Dialect) -> UpstreamRequest:
        body = body_for(target.model, dialect)
        flight.upstream_started = True
        return UpstreamRequest(
            provider=route.provider,
            target=target,
            body=body,
            call_id=flight.call_id,
            kind="responses" if dialect == "responses" else "chat",
            headers=flight.trace.headers(body),
        )


class _Failures(msgspec.Struct, eq=False):
    """What went wrong on the way to an answer, noted in the call's details."""

    flight: Flight
    errors: list[UpstreamError] = []

    def note(self, route: Route, error: UpstreamError) -> None:
        """One try failed."""
        self.flight.trace.failed(error)
        self.flight.details.setdefault("upstream_failures", []).append(f"{route.target.model}: {error}")
        self.errors.append(error)

    def was_sent(self) -> bool:
        """Whether anything of the request has left in any try. Otherwise no provider had work with it, and it costs nothing."""
        return any(each.is_sent for each in self.errors)

    def error(self) -> UpstreamError:
        """Why there is no answer: the last target that was asked, or how long all of them are left alone."""
        asked = [each for each in self.errors if not isinstance(each, CircuitOpen)]
        if asked:
            return asked[-1]
        waits_s = [each.retry_after_s for each in self.errors if isinstance(each, CircuitOpen)]
        if not waits_s:
            return UpstreamError("no target is left")
        return CircuitOpen(
            "every target of this model failed too often and is left alone for a while; try again later",
            retry_after_s=min(waits_s),
        )


def splitter_for(dialect: Dialect, frame_bytes_max: int, provider: str) -> Splitter:
    """What finds the events in a stream of `dialect`."""
    if dialect == "converse":
        return EventStreamSplitter(frame_bytes_max, provider)
    return sse.EventSplitter(frame_bytes_max)


def _worth_another(error: UpstreamError) -> bool:
    """Whether another target may do better: not where the request itself was refused."""
    if isinstance(error, UpstreamTimeout) or error.status is None:
        return True
    return error.status == 429 or error.status >= 500 or error.status in (401, 403, 404, 408, 424)
