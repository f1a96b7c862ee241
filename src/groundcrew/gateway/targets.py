"""Tries a call's targets in their declared order until one answers; never after a first byte has reached the client."""

from __future__ import annotations

import time
from collections.abc import Callable

from groundcrew.domain.prices import price_of
from groundcrew.errors import RefusedCall, UpstreamError, UpstreamTimeout
from groundcrew.gateway import sse
from groundcrew.gateway.admission import Admitted, Route, check_stopped, scopes_of
from groundcrew.gateway.answer import Generated, read_completion
from groundcrew.gateway.checks import Checks
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.protocols import SnapshotSource, Upstream, UpstreamRequest, UpstreamStream
from groundcrew.gateway.providers import extractive
from groundcrew.gateway.settings import GatewaySettings

#: Makes the body for a target's model.
BodyFor = Callable[[str], bytes]


class OpenStream:
    """An upstream stream whose first event has arrived; `events` are those read so far."""

    __slots__ = ("events", "splitter", "stream")

    def __init__(self, stream: UpstreamStream, splitter: sse.EventSplitter, events: list[bytes]) -> None:
        self.stream, self.splitter, self.events = stream, splitter, events


class Targets:
    """Sends calls to their targets."""

    def __init__(self, upstream: Upstream, checks: Checks, snapshots: SnapshotSource, settings: GatewaySettings) -> None:
        self._upstream, self._checks, self._snapshots, self._settings = upstream, checks, snapshots, settings

    async def complete(self, flight: Flight, admitted: Admitted, routes: tuple[Route, ...], body_for: BodyFor) -> Generated:
        """A whole answer from the first target that gives one."""
        started_s = time.perf_counter()
        try:
            for route in routes:
                self._choose(flight, admitted, route)
                try:
                    return await self._complete(flight, admitted, route, body_for)
                except UpstreamError as error:
                    self._failed(flight, route, error, last=route is routes[-1])
            raise UpstreamError("no target is left")
        finally:
            flight.timed("upstream", started_s)

    async def _complete(self, flight: Flight, admitted: Admitted, route: Route, body_for: BodyFor) -> Generated:
        if route.provider.api == "extractive":
            return await extractive.generate(
                flight, admitted, self._checks, bytes_per_token=self._settings.prompt_bytes_per_token
            )
        request = self._request(flight, route, body_for)
        return read_completion(await self._upstream.complete(request), route.provider.name)

    async def open_stream(self, flight: Flight, admitted: Admitted, routes: tuple[Route, ...], body_for: BodyFor) -> OpenStream:
        """A stream whose first event is here, from the first target that gives one."""
        for route in routes:
            self._choose(flight, admitted, route)
            try:
                return await self._open(self._request(flight, route, body_for))
            except UpstreamError as error:
                self._failed(flight, route, error, last=route is routes[-1])
        raise UpstreamError("no target is left")

    async def _open(self, request: UpstreamRequest) -> OpenStream:
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
        flight.provider, flight.target_model = route.provider.name, route.target.model
        flight.price = price_of(route.provider, route.target)
        if flight.inflight is not None:
            flight.inflight.scopes = scopes_of(admitted.key, use_case, route.provider.name)

    @staticmethod
    def _request(flight: Flight, route: Route, body_for: BodyFor) -> UpstreamRequest:
        flight.upstream_started = True
        return UpstreamRequest(
            provider=route.provider, target=route.target, body=body_for(route.target.model), call_id=flight.call_id
        )

    @staticmethod
    def _failed(flight: Flight, route: Route, error: UpstreamError, *, last: bool) -> None:
        """Note a target's failure; raise it again when no other target may be tried."""
        flight.details.setdefault("upstream_failures", []).append(f"{route.target.model}: {error}")
        if last or not _worth_another(error):
            raise error


def _worth_another(error: UpstreamError) -> bool:
    """Whether another target may do better: not where the request itself was refused."""
    if isinstance(error, UpstreamTimeout) or error.status is None:
        return True
    return error.status == 429 or error.status >= 500 or error.status in (401, 403, 404)
