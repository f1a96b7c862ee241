"""A stream that needs no checking before it leaves: the upstream's bytes go on as they come, the kill switch is looked at
with every chunk, and the end is recorded before the client is told that it is the end."""

from __future__ import annotations

import time

from groundcrew.errors import UpstreamError
from groundcrew.gateway.admission import Admitted
from groundcrew.gateway.answer import Generated
from groundcrew.gateway.asked import Asked
from groundcrew.gateway.cache import CacheUse
from groundcrew.gateway.checks import Checks
from groundcrew.gateway.finish import Finisher
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.leaving import early_headers
from groundcrew.gateway.protocols import SnapshotSource
from groundcrew.gateway.relay import Relay, relay_for
from groundcrew.gateway.release import supported
from groundcrew.gateway.respond import Send, send_events, start_events
from groundcrew.gateway.stops import Stops
from groundcrew.gateway.targets import OpenStream


class PassThrough:
    """Forwards streams."""

    def __init__(self, snapshots: SnapshotSource, checks: Checks, finisher: Finisher) -> None:
        self._snapshots, self._checks, self._finisher = snapshots, checks, finisher

    async def run(
        self, flight: Flight, admitted: Admitted, asked: Asked, opened: OpenStream, send: Send, cache: CacheUse | None = None
    ) -> None:
        """Forward `opened` to the client. Raises what went wrong; the flight then holds the text that had left."""
        started_s = time.perf_counter()
        provider = flight.provider or ""
        relay = relay_for(asked, flight, opened.dialect, admitted.entry.use_case.model)
        gathering = relay.gathering
        stops = Stops(self._snapshots, admitted, provider)
        try:
            frames = opened.frames
            while True:
                leaving, done = relay.take(frames)
                stops.check()
                if leaving and not flight.response_started:
                    await self._finisher.opened(flight)
                    flight.response_started = True
                    await start_events(send, 200, early_headers(flight, admitted, ran=False))
                if leaving:
                    await send_events(send, leaving)
                if done:
                    opened.stream.finish()
                    break
                data = await opened.stream.read()
                if not data:
                    if not relay.ended() or opened.splitter.rest().strip():
                        raise UpstreamError(f"provider {provider}: the stream ended in the middle")
                    break
                frames = opened.splitter.feed(data)
        finally:
            gathered = gathering.generated()
            flight.answer, flight.side_bytes = gathered.recorded_text(), len(gathered.side_text.encode())
            flight.trace.finished(gathering.finish_reason)
            if (usage := relay.usage()) is not None:
                flight.used(usage)
            opened.stream.close()
            flight.timed("upstream", started_s)
        await self._end(flight, admitted, relay, gathered, send, cache)

    async def _end(
        self, flight: Flight, admitted: Admitted, relay: Relay, generated: Generated, send: Send, cache: CacheUse | None
    ) -> None:
        """Check what has left, record it, and then tell the client that this was all."""
        text = generated.text
        await self._checks.output(flight, admitted, generated, monitor_only=True)
        rule = admitted.entry.use_case.grounding
        if rule is not None and generated.text:
            flight.trust = await self._checks.score(flight, generated.text)
            if not supported(admitted.entry.release_rule, flight.trust):
                flight.flags.append("the answer is not supported by the approved passages")
        await self._finisher.commit(flight, "answered")
        if cache is not None:
            cache.keep(generated, text, None)
        if flight.pseudonyms.restores:
            _, flight.restored = flight.pseudonyms.restore_mapped(text)
        last = relay.end(flight.report())
        if not flight.response_started:
            flight.response_started = True
            await start_events(send, 200, flight.response_headers())
        await send_events(send, last, more=False)
