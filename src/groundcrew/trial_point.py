"""Asks models where no server runs, and what any enforcement point does with a new snapshot before it acknowledges it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from groundcrew.errors import GroundcrewError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from types import TracebackType

    from groundcrew.domain.trial import TrialAnswer, TrialRequest
    from groundcrew.gateway.app import Gateway
    from groundcrew.gateway.settings import GatewaySettings
    from groundcrew.jobs.snapshot_keeper import Refusal
    from groundcrew.services.bundle import Services
    from groundcrew.settings import Settings

#: How long a new snapshot waits until what it stops is no longer in flight; past it, it is not acknowledged.
ENFORCE_POLL_S, ENFORCE_POLLS_MAX = 0.01, 300


def enforcing(gateway: Gateway) -> Callable[[], Awaitable[Mapping[str, int]]]:
    """What a keeper does with a new snapshot before it acknowledges it: the calls that were cut, by scope."""

    async def enforce() -> Mapping[str, int]:
        # Acknowledged is only what the gateway itself confirms: nothing that may no longer run is in flight, nothing gets in.
        for _ in range(ENFORCE_POLLS_MAX):
            gateway.enforce_stops()
            if gateway.enforced():
                gateway.enforcement.probe()
                return gateway.enforcement.cuts()
            await asyncio.sleep(ENFORCE_POLL_S)
        raise GroundcrewError("calls in flight could not be cut")

    return enforce


def gateway_limits(settings: Settings) -> GatewaySettings:
    """The data plane's limits as the deployment sets them."""
    from groundcrew.gateway.settings import GatewaySettings

    return GatewaySettings(
        body_bytes_max=settings.body_bytes_max,
        snapshot_age_s_max=settings.snapshot_age_s_max,
        stale_refuses_all=settings.stale_refuses == "all",
    )


def refusal_of(limits: GatewaySettings) -> Refusal | None:
    """When others may count on it that a gateway with `limits` which is cut off from the database answers nothing any more."""
    from groundcrew.jobs.snapshot_keeper import Refusal

    if not limits.stale_refuses_all:
        return None
    # One after the other at the longest: body, tries, stream, checks, and what is held or leaves slowly at the end.
    call_s_max = (
        limits.body_read_s_max
        + limits.upstream_s_max
        + limits.stream_s_max
        + limits.grounding_s_max
        + limits.resume_s_max
        + limits.send_s_max
    )
    return Refusal(age_s=limits.snapshot_age_s_max, call_s_max=call_s_max)


class TrialPoint:
    """Asks models where no server runs: in a worker of jobs and in commands. Implements `domain.trial.Trials`.

    It is one more enforcement point, with a snapshot, a ledger and a probe of its own, and opens when the first question is
    asked. Records go straight into the database, which whoever asks needs anyway: a killed process leaves no spool behind.
    """

    def __init__(self, settings: Settings, services: Services) -> None:
        self._settings, self._services = settings, services
        self._turn, self._stack = asyncio.Lock(), contextlib.AsyncExitStack()
        self._gateway: Gateway | None = None

    async def __aenter__(self) -> TrialPoint:
        self._services.trials = self
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._services.trials = None
        await self._stack.aclose()

    async def ask(self, request: TrialRequest) -> TrialAnswer:
        """As the protocol says."""
        async with self._turn:
            if self._gateway is None:
                self._gateway = await self._open()
        return await self._gateway.trials.ask(request)

    async def _open(self) -> Gateway:
        import os
        import socket

        from groundcrew.domain.identifiers import new_id
        from groundcrew.domain.pause import Pauses
        from groundcrew.gateway.app import Gateway
        from groundcrew.gateway.grounded import LocalGrounding
        from groundcrew.gateway.upstream import HttpUpstream
        from groundcrew.jobs.budget_keeper import BudgetKeeper
        from groundcrew.jobs.direct_recorder import DirectRecorder
        from groundcrew.jobs.local_stop_keeper import LocalStopKeeper
        from groundcrew.jobs.snapshot_keeper import SnapshotKeeper
        from groundcrew.services.local_stops import LocalStops

        services, point, limits = self._services, new_id(), gateway_limits(self._settings)
        keeper = SnapshotKeeper(
            services.snapshots,
            gateway=point,
            host=socket.gethostname(),
            process_id=os.getpid(),
            poll_ms=self._settings.snapshot_poll_ms,
            kind="trial",
            pauses=Pauses(pause_s_max=self._settings.pause_s_max),
            refusal=refusal_of(limits),
        )
        services.database.on_change(keeper.wake)
        gateway = Gateway(
            snapshots=keeper,
            recorder=DirectRecorder(services.calls, gateway=point),
            upstream=HttpUpstream(limits),
            grounding=LocalGrounding(),
            settings=limits,
            clock=services.database.clock,
            pauses=keeper.pauses,
        )
        keeper.on_change(enforcing(gateway))
        local = LocalStopKeeper(
            LocalStops(self._settings.data), keeper, services.kill_switches, gateway=point, covers=gateway.enforcement.covers
        )
        self._stack.callback(local.leave)
        self._stack.push_async_callback(keeper.leave)
        self._stack.push_async_callback(gateway.close)
        await local.look()
        await keeper.refresh()
        await gateway.start()
        budgets = BudgetKeeper(gateway.ledger, services.spending, gateway=point, clock=services.database.clock)
        await budgets.seed()
        await budgets.exchange()
        tasks = [asyncio.create_task(each.run()) for each in (keeper, budgets, local)]
        self._stack.push_async_callback(ended, tasks)
        return gateway


async def ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel `tasks` and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
