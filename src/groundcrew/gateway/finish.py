"""How a call ends, whichever way: its usage is settled, its record made durable, its metrics counted; each exactly once."""

from __future__ import annotations

import time
from datetime import datetime

import msgspec

from groundcrew.domain.call import Call, CallStatus
from groundcrew.domain.clock import Clock
from groundcrew.domain.spending import NANOS
from groundcrew.errors import RecorderUnavailable
from groundcrew.gateway.budget import Ledger
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.masking import masked_call
from groundcrew.gateway.metrics import Metrics
from groundcrew.gateway.protocols import Recorder
from groundcrew.gateway.settings import GatewaySettings

#: Ends of a call that may go on unrecorded: its client gets an answer, which nothing later depends on.
MAY_SHED: frozenset[CallStatus] = frozenset({"answered", "declined", "fallback"})


def _sheds(flight: Flight, status: CallStatus) -> bool:
    # A trial that is not recorded would count as no spending.
    return status in MAY_SHED and flight.entry is not None and flight.entry.sheds and flight.trial is None


def keep_back(flight: Flight) -> None:
    """The call can not be cut any more; text that has not left counts as withheld, not as an answer."""
    if flight.inflight is not None:
        flight.inflight.committed = True
    if not flight.response_started and flight.answer:
        flight.withheld_answer, flight.answer = flight.answer, ""
        flight.withheld_trust, flight.trust = flight.trust or flight.withheld_trust, None


def _as_held(flight: Flight, call: Call) -> Call:
    """The record of a stream that begins, as it stands should the process end before the stream: nobody can tell then what it
    used, so that what was held for it stays booked."""
    held = flight.reservation
    if held is None or not flight.upstream_started:
        return call
    details = {**call.details, "usage": "held", "assumed_usd": held.nanos / NANOS}
    taken = min(flight.estimated_input_tokens, held.tokens)
    return msgspec.structs.replace(call, input_tokens=taken, output_tokens=held.tokens - taken, cost_usd=None, details=details)


class Finisher:
    """Settles and records calls."""

    def __init__(self, recorder: Recorder, ledger: Ledger, clock: Clock, metrics: Metrics, settings: GatewaySettings) -> None:
        self._recorder, self._ledger, self._clock = recorder, ledger, clock
        self._metrics, self._settings = metrics, settings

    async def opened(self, flight: Flight) -> None:
        """Make it durable that a stream begins. RecorderUnavailable: then nothing may leave.

        A use case that sheds goes on without; the stream's end is still recorded where it can be.
        """
        started_s = time.perf_counter()
        try:
            await self._recorder.opened(_as_held(flight, await masked_call(flight, "opened", None)))
        except RecorderUnavailable:
            if not _sheds(flight, "answered"):
                raise
        else:
            flight.is_opened = True
        finally:
            flight.timed("record", started_s)

    async def commit(self, flight: Flight, status: CallStatus) -> None:
        """Settle the call and make its record durable. RecorderUnavailable: then its answer must not leave.

        A call of a use case that sheds goes on unrecorded, and is counted; one that is held for a sign-off never does, since
        its record is what the sign-off comes from. From here on the call can not be cut any more, so that its record stays true.
        """
        if flight.is_recorded:
            return
        if flight.inflight is not None:
            flight.inflight.committed = True
        now = self._clock.now()
        self._settle(flight, now)
        flight.status = status
        started_s = time.perf_counter()
        call = await masked_call(flight, status, now)
        try:
            await self._recorder.record(call)
        except RecorderUnavailable:
            if not self._shed(flight, call):
                raise
        finally:
            flight.timed("record", started_s)  # too late for the record itself: for metrics, traces and the response
        flight.is_recorded = True
        assert flight.entry is not None
        flight.recorded_ms = flight.latency_ms
        self._metrics.call(flight.entry.use_case.name, status, flight.recorded_ms, flight.input_tokens, flight.output_tokens)

    def _shed(self, flight: Flight, call: Call) -> bool:
        """What becomes of a call that can not be recorded now: whether it goes on all the same.

        A stream of which some has left gets its record later in any case; where it may not go on, it ends with an error for its
        client.
        """
        status = call.status
        goes_on = _sheds(flight, status)
        if flight.is_opened:
            flight.is_recorded = True
            if status == "answered" and not goes_on:
                flight.status, flight.error_code = "failed", "recorder_unavailable"
            self._recorder.later(msgspec.structs.replace(call, status=flight.status, error_code=flight.error_code))
        else:
            self._recorder.missed(call, answered=goes_on)
        if goes_on and not flight.is_opened and flight.entry is not None:
            self._metrics.shed.labels(flight.entry.use_case.name).inc()
        return goes_on

    async def refuse(self, flight: Flight, status: CallStatus, code: str) -> None:
        """Record a call that gets no answer. Its error answer leaves even when the recorder is down: nothing else does."""
        flight.error_code = code
        self._metrics.refusal(code)
        self.settle(flight)
        if flight.key is None or flight.is_recorded:
            return
        try:
            await self.commit(flight, status)
        except RecorderUnavailable:
            self._metrics.unrecorded.inc()

    def settle(self, flight: Flight) -> None:
        """Book what the call used. A call that never reached an upstream uses nothing."""
        self._settle(flight, self._clock.now())

    def _settle(self, flight: Flight, now: datetime) -> None:
        if flight.reservation is None or flight.reservation.settled:
            return
        flight.estimate_missing_usage(self._settings.prompt_bytes_per_token)
        self._ledger.settle(flight.reservation, flight.charged_tokens(), flight.charged_usd(), now)
