"""Shadow copies: a finished call is sent once more to a target under trial. What it answers is recorded and scored, never sent.

A copy starts when its call is over, so that it delays nothing; it is dropped, and counted, where there is no room, no budget or
a stop. It has its own deadline, and a kill switch cuts it like any other call.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Literal

import msgspec

from groundcrew.domain.clock import Clock
from groundcrew.domain.identifiers import new_id
from groundcrew.errors import RecorderUnavailable, RefusedCall, UpstreamError, UpstreamTimeout
from groundcrew.gateway.accounting import hold
from groundcrew.gateway.admission import Admitted, check_still_allowed, scopes_of
from groundcrew.gateway.answer import Generated
from groundcrew.gateway.budget import Ledger, LimitReached
from groundcrew.gateway.checks import Checks
from groundcrew.gateway.finish import Finisher
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.inflight import Inflight, Registry
from groundcrew.gateway.masking import without_message
from groundcrew.gateway.metrics import Metrics
from groundcrew.gateway.protocols import SnapshotSource
from groundcrew.gateway.release import supported
from groundcrew.gateway.routing import Route
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.gateway.targets import BodyFor, Targets

log = logging.getLogger("groundcrew.gateway")

#: What became of a copy, in /metrics. `no_room`, `no_budget` and `stopped` were never sent.
Outcome = Literal["answered", "failed", "cut", "no_room", "no_budget", "stopped", "unrecorded"]

#: What of the call its copy has as well.
_SHARED = (
    *(
        "headers",
        "key",
        "entry",
        "snapshot",
        "dialect",
        "user_id",
        "model",
        "data_class",
        "question",
        "asked",
        "shown_texts",
        "pseudonyms",
        "response_schema",
        "prefill",
        "offers_tools",
    ),
    *("sources", "knowledge_revision", "estimated_input_tokens", "seen_class", "reads_request", "own_words"),
)


class ShadowOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be copied where: the body for a plain answer, and the tokens that the answer may take."""

    admitted: Admitted
    routes: tuple[Route, ...]
    body_for: BodyFor
    output_tokens: int


class Shadows:
    """The shadow copies of one process. `targets`, `checks` and `finisher` count in metrics of their own, which nobody reads."""

    def __init__(
        self,
        *,
        targets: Targets,
        checks: Checks,
        finisher: Finisher,
        ledger: Ledger,
        snapshots: SnapshotSource,
        clock: Clock,
        settings: GatewaySettings,
        metrics: Metrics,
    ) -> None:
        self._targets, self._checks, self._finisher, self._ledger = targets, checks, finisher, ledger
        self._snapshots, self._clock, self._settings, self._metrics = snapshots, clock, settings, metrics
        self.running = Registry()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    def launch(self, flight: Flight) -> bool:
        """Send the copies of a call that is over; whether any was sent. Never waits, and does nothing for a call that was cut."""
        order, flight.shadows = flight.shadows, None
        if order is None or self._closing or (flight.inflight is not None and flight.inflight.interrupt is not None):
            return False
        return sum(self._launch(flight, order, route) for route in order.routes) > 0

    def _launch(self, flight: Flight, order: ShadowOrder, route: Route) -> bool:
        assert flight.entry is not None
        if len(self._tasks) >= self._settings.shadows_max:
            self._count(flight, "no_room")
            return False
        copy = self._copy(flight)
        try:
            copy.inflight = self._watch(copy, order.admitted, route)
            hold(
                self._ledger,
                copy,
                (route,),
                input_tokens=copy.estimated_input_tokens,
                output_tokens=order.output_tokens,
                now=self._clock.now(),
            )
        except RefusedCall as refusal:
            self._count(flight, "no_budget" if isinstance(refusal, LimitReached) else "stopped")
            return False
        self.running.add(copy.inflight)
        task = copy.inflight.task = asyncio.create_task(self._run(copy, order, route))
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._ended(done, copy))
        return True

    def _copy(self, flight: Flight) -> Flight:
        copy = Flight(new_id(), self._clock.now())
        for name in _SHARED:
            setattr(copy, name, getattr(flight, name))
        copy.shadow_of = flight.call_id
        return copy

    def _watch(self, copy: Flight, admitted: Admitted, route: Route) -> Inflight:
        """How a stop finds the copy. RefusedCall where it may not even start under the newest snapshot."""
        scopes = scopes_of(admitted.key, admitted.entry.use_case, route.provider.name)
        check_still_allowed(self._snapshots.current, copy.headers.secret, scopes)
        return Inflight(copy.call_id, scopes, copy.headers.secret)

    def _ended(self, task: asyncio.Task[None], copy: Flight) -> None:
        self._tasks.discard(task)
        if copy.inflight is not None:
            self.running.remove(copy.inflight)
        self._finisher.settle(copy)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the shadow copy %s of call %s failed: %s", copy.call_id, copy.shadow_of, without_message(error))

    async def _run(self, copy: Flight, order: ShadowOrder, route: Route) -> None:
        outcome: Outcome = "failed"
        try:
            outcome = await self._answer(copy, order, route)
        except asyncio.CancelledError:
            outcome = "cut"
            with contextlib.suppress(RecorderUnavailable):
                copy.error_code = "kill_switch" if copy.inflight is not None and copy.inflight.refusal is not None else None
                await self._finisher.commit(copy, "cancelled")
            raise
        except RecorderUnavailable:
            outcome = "unrecorded"
        finally:
            self._count(copy, outcome)

    async def _answer(self, copy: Flight, order: ShadowOrder, route: Route) -> Outcome:
        """Ask, check, record. What is wrong with the target's answer is recorded like a call's end."""
        try:
            async with asyncio.timeout(min(route.target.timeout_s, self._settings.shadow_s_max)):
                generated = await self._targets.complete(copy, order.admitted, (route,), order.body_for)
            async with asyncio.timeout(self._settings.shadow_s_max):
                await self._check(copy, order.admitted, generated)
        except TimeoutError:
            await self._finisher.refuse(copy, "failed", "upstream_timeout")
            return "failed"
        except RefusedCall as refusal:
            await self._finisher.refuse(copy, "refused", refusal.code)
            return "stopped" if refusal.code == "kill_switch" else "failed"
        except UpstreamError as error:
            code = "upstream_timeout" if isinstance(error, UpstreamTimeout) else "upstream_error"
            code = "rate_limited" if error.status == 429 else code
            await self._finisher.refuse(copy, "failed", code)
            return "failed"
        await self._finisher.commit(copy, copy.status)
        return "answered"

    async def _check(self, copy: Flight, admitted: Admitted, generated: Generated) -> None:
        """Guards and trust as for an answer that leaves; nothing is masked, replaced or held here, since nothing leaves."""
        if generated.usage is not None:
            copy.used(generated.usage)
        copy.answer = generated.recorded_text()
        await self._checks.output(copy, admitted, generated, monitor_only=True)
        rule = admitted.entry.use_case.grounding
        if generated.own_trust is not None:
            copy.trust = generated.own_trust
        elif rule is not None and generated.text and copy.status != "declined":
            copy.trust = await self._checks.score(copy, generated.text)
            if not supported(admitted.entry.release_rule, copy.trust):
                copy.flags.append("the answer is not supported by the approved passages")

    def _count(self, flight: Flight, outcome: Outcome) -> None:
        assert flight.entry is not None
        self._metrics.shadows.labels(flight.entry.use_case.name, outcome).inc()

    async def drained(self, wait_s: float) -> bool:
        """Wait until no copy runs, at most `wait_s`; whether that came true. For tests and rehearsals."""
        return await self.running.drained(wait_s)

    async def close(self) -> None:
        """Start no more copies and cut those that run; each still gets its record, if the recorder is quick."""
        self._closing = True
        await self.running.close(self._tasks)
