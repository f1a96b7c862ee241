"""Tries a call's targets in the order of its plan until one answers; never after a first byte has reached the client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from groundcrew.domain.provider import TARGET_TIMEOUT_S_MAX, Target
from groundcrew.errors import CircuitOpen, RefusedCall, UpstreamError, UpstreamTimeout
from groundcrew.gateway import sse
from groundcrew.gateway.admission import Admitted, check_stopped, scopes_of
from groundcrew.gateway.answer import Generated, read_completion
from groundcrew.gateway.checks import Checks
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.protocols import SnapshotSource, Upstream, UpstreamRequest, UpstreamStream
from groundcrew.gateway.providers import extractive
from groundcrew.gateway.retry import Retrier
from groundcrew.gateway.routing import Route
from groundcrew.gateway.settings import GatewaySettings

#: Makes the body for a target's model.
BodyFor = Callable[[str], bytes]

Result = TypeVar("Result")


class OpenStream:
    """An upstream stream whose first event has arrived; `events` are those read so far."""

    __slots__ = ("events", "splitter", "stream")

    def __init__(self, stream: UpstreamStream, splitter: sse.EventSplitter, events: list[bytes]) -> None:
        self.stream, self.splitter, self.events = stream, splitter, events


class Targets:
    """Sends calls to their targets."""

    def __init__(
        self, upstream: Upstream, checks: Checks, snapshots: SnapshotSource, settings: GatewaySettings, retrier: Retrier
    ) -> None:
        self._upstream, self._checks, self._snapshots, self._settings = upstream, checks, snapshots, settings
        self._retrier = retrier

    async def complete(self, flight: Flight, admitted: Admitted, routes: tuple[Route, ...], body_for: BodyFor) -> Generated:
        """A whole answer from the first target that gives one."""
        started_s = time.perf_counter()

        def attempt(route: Route, target: Target) -> Awaitable[Generated]:
            return self._complete(flight, admitted, route, target, body_for)

        try:
            return await self._first(flight, admitted, routes, attempt)
        finally:
            flight.timed("upstream", started_s)

    async def _complete(self, flight: Flight, admitted: Admitted, route: Route, target: Target, body_for: BodyFor) -> Generated:
        if route.provider.api == "extractive":
            return await extractive.generate(
                flight, admitted, self._checks, bytes_per_token=self._settings.prompt_bytes_per_token
            )
        request = self._request(flight, route, target, body_for)
        return read_completion(await self._upstream.complete(request), route.provider.name)

    async def open_stream(self, flight: Flight, admitted: Admitted, routes: tuple[Route, ...], body_for: BodyFor) -> OpenStream:
        """A stream whose first event is here, from the first target that gives one."""
        started_s = time.perf_counter()

        def attempt(route: Route, target: Target) -> Awaitable[OpenStream]:
            return self._open(self._request(flight, route, target, body_for))

        try:
            return await self._first(flight, admitted, routes, attempt)
        finally:
            flight.timed("upstream", started_s)

    async def _first(
        self,
        flight: Flight,
        admitted: Admitted,
        routes: tuple[Route, ...],
        attempt: Callable[[Route, Target], Awaitable[Result]],
    ) -> Result:
        """What the first route gives that answers, each with its retries; the last real failure where none does."""
        ends_s, failures = self._retrier.deadline_s(), _Failures(flight)
        for route in routes:
            self._choose(flight, admitted, route)
            try:
                return await self._retrier.run(route, ends_s, partial(attempt, route), partial(failures.note, route))
            except UpstreamError as error:
                failures.note(route, error)
                if not _worth_another(error):
                    raise
        raise failures.error()

    async def _open(self, request: UpstreamRequest) -> OpenStream:
        wait_s = min(request.target.first_byte_s or TARGET_TIMEOUT_S_MAX, request.target.timeout_s)
        try:
            async with asyncio.timeout(wait_s):
                return await self._open_to_first_event(request)
        except TimeoutError:
            raise UpstreamTimeout(f"provider {request.provider.name}: no first event within {wait_s:g} s") from None

    async def _open_to_first_event(self, request: UpstreamRequest) -> OpenStream:
        stream = await self._upstream.open_stream(request)
        try:
            splitter = sse.EventSplitter(self._settings.chunk_bytes_max)
            while data := await stream.read():
                if events := splitter.feed(data):
                    return OpenStream(stream, splitter, events)
            raise UpstreamError(f"provider {request.provider.name}: the stream ended before its first event")
        except BaseException:
            stream.close()
            raise

    def _choose(self, flight: Flight, admitted: Admitted, route: Route) -> None:
        """Make `route` the call's target, unless it or the call was stopped meanwhile."""
        snapshot = self._snapshots.current
        use_case = admitted.entry.use_case
        if snapshot.stopped:
            check_stopped(snapshot, admitted.key, use_case)
            if scopes_of(admitted.key, use_case, route.provider.name) & snapshot.stopped:
                raise RefusedCall("kill_switch", f"stopped by the kill switch: provider:{route.provider.name}")
        flight.provider, flight.target_model, flight.price = route.provider.name, route.target.model, route.target.price
        flight.role = route.target.role
        if flight.inflight is not None:
            flight.inflight.scopes = scopes_of(admitted.key, use_case, route.provider.name)

    @staticmethod
    def _request(flight: Flight, route: Route, target: Target, body_for: BodyFor) -> UpstreamRequest:
        flight.upstream_started = True
        return UpstreamRequest(provider=route.provider, target=target, body=body_for(target.model), call_id=flight.call_id)


class _Failures:
    """What went wrong on the way to an answer, noted in the call's details."""

    def __init__(self, flight: Flight) -> None:
        self._details, self._errors = flight.details, list[UpstreamError]()

    def note(self, route: Route, error: UpstreamError) -> None:
        """One try failed."""
        self._details.setdefault("upstream_failures", []).append(f"{route.target.model}: {error}")
        self._errors.append(error)

    def error(self) -> UpstreamError:
        """Why there is no answer: the last target that was asked, or how long all of them are left alone."""
        asked = [each for each in self._errors if not isinstance(each, CircuitOpen)]
        if asked:
            return asked[-1]
        waits_s = [each.retry_after_s for each in self._errors if isinstance(each, CircuitOpen)]
        if not waits_s:
            return UpstreamError("no target is left")
        return CircuitOpen(
            "every target of this model failed too often and is left alone for a while; try again later",
            retry_after_s=min(waits_s),
        )


def _worth_another(error: UpstreamError) -> bool:
    """Whether another target may do better: not where the request itself was refused."""
    if isinstance(error, UpstreamTimeout) or error.status is None:
        return True
    return error.status == 429 or error.status >= 500 or error.status in (401, 403, 404)
