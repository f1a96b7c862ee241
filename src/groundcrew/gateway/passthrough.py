"""A stream that needs no checking before it leaves: the upstream's bytes go on as they come, the kill switch is looked at
with every chunk, and the end is recorded before the client is told that it is the end."""

from __future__ import annotations

import time

from groundcrew.domain.snapshot import Snapshot
from groundcrew.errors import RefusedCall, UpstreamError
from groundcrew.gateway.admission import Admitted, scopes_of
from groundcrew.gateway.answer import Gathering, chunk_object
from groundcrew.gateway.cache import CacheUse
from groundcrew.gateway.checks import Checks
from groundcrew.gateway.finish import Finisher
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.protocols import SnapshotSource
from groundcrew.gateway.release import supported
from groundcrew.gateway.respond import DONE, HeaderList, Send, event, send_events, start_events
from groundcrew.gateway.sse import event_data, is_done
from groundcrew.gateway.targets import OpenStream


class PassThrough:
    """Forwards streams."""

    def __init__(self, snapshots: SnapshotSource, checks: Checks, finisher: Finisher) -> None:
        self._snapshots, self._checks, self._finisher = snapshots, checks, finisher

    async def run(
        self,
        flight: Flight,
        admitted: Admitted,
        opened: OpenStream,
        send: Send,
        *,
        wants_usage: bool,
        cache: CacheUse | None = None,
    ) -> None:
        """Forward `opened` to the client. Raises what went wrong; the flight then holds the text that had left."""
        started_s = time.perf_counter()
        provider = flight.provider or ""
        gathering = Gathering(provider)
        snapshot: Snapshot | None = None
        try:
            events, done = opened.events, False
            while True:
                leaving, done = _sift(events, gathering, wants_usage=wants_usage)
                if self._snapshots.current is not snapshot:
                    snapshot = self._snapshots.current
                    _check_stops(snapshot, admitted, provider)
                if leaving and not flight.response_started:
                    await self._finisher.opened(flight)
                    flight.response_started = True
                    await start_events(send, 200, _headers(flight, admitted))
                if leaving:
                    await send_events(send, leaving)
                if done:
                    break
                data = await opened.stream.read()
                if not data:
                    if gathering.finish_reason is None or opened.splitter.rest().strip():
                        raise UpstreamError(f"provider {provider}: the stream ended in the middle")
                    break
                events = opened.splitter.feed(data)
        finally:
            flight.answer = gathering.generated().recorded_text()
            if gathering.usage is not None:
                flight.usage_known = True
                flight.input_tokens, flight.output_tokens = gathering.usage.prompt_tokens, gathering.usage.completion_tokens
            opened.stream.close()
            flight.timed("upstream", started_s)
        await self._end(flight, admitted, gathering, send, cache)

    async def _end(self, flight: Flight, admitted: Admitted, gathering: Gathering, send: Send, cache: CacheUse | None) -> None:
        """Check what has left, record it, and then tell the client that this was all."""
        generated = gathering.generated()
        text = generated.text
        await self._checks.output(flight, admitted, generated, monitor_only=True)
        rule = admitted.entry.use_case.grounding
        if rule is not None and generated.text:
            flight.trust = await self._checks.score(flight, generated.text)
            if not supported(rule, flight.trust):
                flight.flags.append("the answer is not supported by the approved passages")
        flight.answer = generated.recorded_text()
        await self._finisher.commit(flight, "answered")
        if cache is not None:
            cache.keep(generated, text, None)
        created_s = int(flight.received_at.timestamp())
        last = chunk_object(flight.call_id, admitted.entry.use_case.model, created_s, [], groundcrew=flight.report())
        if not flight.response_started:
            flight.response_started = True
            await start_events(send, 200, flight.response_headers())
        await send_events(send, event(last) + DONE, more=False)


def _headers(flight: Flight, admitted: Admitted) -> HeaderList:
    """The response's headers at its first byte, when no guard on the output has run yet."""
    headers = flight.response_headers()
    rules = admitted.policy.guards if admitted.policy is not None else ()
    if any("output" in rule.on for rule in rules):
        early = b"partial" if flight.scans_ran else b"not_scanned"
        headers = [(name, early if name == b"groundcrew-scan" else value) for name, value in headers]
    return headers


def _sift(events: list[bytes], gathering: Gathering, *, wants_usage: bool) -> tuple[bytes, bool]:
    """The bytes of `events` that go on to the client, and whether the end marker was among them."""
    leaving: list[bytes] = []
    for raw in events:
        data = event_data(raw)
        if data is None:
            continue
        if is_done(data):
            return b"".join(leaving), True
        chunk = gathering.read(data)
        if chunk.choices or not chunk.has_usage or wants_usage:
            leaving.append(raw)
    return b"".join(leaving), False


def _check_stops(snapshot: Snapshot, admitted: Admitted, provider: str) -> None:
    if snapshot.stopped:
        hit = sorted(scopes_of(admitted.key, admitted.entry.use_case, provider) & snapshot.stopped)
        if hit:
            raise RefusedCall("kill_switch", "stopped by the kill switch: " + ", ".join(str(scope) for scope in hit))
