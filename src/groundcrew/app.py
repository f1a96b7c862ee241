"""The composition root: settings become a running process. The only file that wires gateway, services, jobs and web
together."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from typing import TYPE_CHECKING, Any, Literal

from groundcrew.trial_point import TrialPoint, ended, enforcing, gateway_limits, refusal_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine, Sequence
    from types import TracebackType

    from groundcrew.domain.call import CallHead
    from groundcrew.services.bundle import Services
    from groundcrew.services.gateway_health import GatewayHealth
    from groundcrew.settings import Settings

#: What one process may hold: calls (`/v1`), console and API with the keepers, or durable jobs.
Part = Literal["gateway", "control", "worker"]
EVERYTHING: frozenset[Part] = frozenset(("gateway", "control", "worker"))
#: How far workers of jobs stand back behind whatever else this machine does.
WORKER_NICENESS = 10


class App:
    """One process with `parts` in it, all of them unless told otherwise: an ASGI application and the background work around it.

    ``/v1/*`` goes to the gateway, everything else to the control plane. Use it as an async context manager.
    """

    def __init__(self, settings: Settings, parts: frozenset[Part] = EVERYTHING) -> None:
        self.settings, self.parts = settings, parts
        self.password: str | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = contextlib.AsyncExitStack()

    async def __aenter__(self) -> App:
        async with contextlib.AsyncExitStack() as stack:
            await self._open(stack)
            self._closing = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._closing.aclose()

    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        """Serve one ASGI connection."""
        path = scope.get("path", "")
        if scope["type"] == "http" and (path.startswith("/v1/") or path == "/v1") and "gateway" in self.parts:
            return self.gateway.serve(scope, receive, send)
        served: Awaitable[None] = self._web(scope, receive, send)
        return served

    def greeting(self, url: str) -> list[str]:
        """What to print once it serves at `url`."""
        lines = []
        if self.password is not None:
            lines.append(f"First run: sign in as admin with password {self.password} (shown this once).")
        serves = {"gateway": f"gateway at {url}/v1", "control": f"console at {url}/"}
        held = ", ".join(text for part, text in sorted(serves.items()) if part in self.parts)
        return [*lines, f"groundcrew serves on {url}: {held}. Stop with Ctrl+C."]

    def closing(self) -> None:
        """End the open live pages."""
        self.live.close()

    async def _open(self, stack: contextlib.AsyncExitStack) -> None:
        from groundcrew.grounding.encoder_process import encoding_elsewhere
        from groundcrew.services.bundle import open_services
        from groundcrew.web.live import LiveEvents

        settings = self.settings
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        if "gateway" in self.parts:
            self._open_spool(stack)
        stack.enter_context(encoding_elsewhere())
        self.services = await open_services(
            settings.database,
            settings.data,
            kill_confirm_s=settings.kill_confirm_s_max,
            audit_key=settings.audit_key,
            audit_channel=settings.audit_channel,
        )
        stack.push_async_callback(self.services.database.close)
        if "control" in self.parts:
            self.password = await self.services.users.first_run()
        self.live = LiveEvents()
        if "gateway" in self.parts:
            await self._open_gateway(stack)
        else:
            self.services.flush = self._shipped_elsewhere
            await stack.enter_async_context(TrialPoint(settings, self.services))
        self._open_web(stack)
        stack.push_async_callback(self._cancel)
        self._tasks = [asyncio.create_task(each) for each in self._background()]

    def _open_spool(self, stack: contextlib.AsyncExitStack) -> None:
        from groundcrew.gateway.spool import Spool

        settings = self.settings
        self.spool = Spool.open(
            settings.spool, file_bytes_max=settings.spool_bytes_max, free_bytes_min=settings.spool_free_bytes_min
        )
        stack.callback(self.spool.close)

    async def _open_gateway(self, stack: contextlib.AsyncExitStack) -> None:
        """What serves calls: spool and shipper, the snapshot and its keeper, local stops, budgets."""
        import os
        import socket

        from groundcrew.domain.identifiers import new_id
        from groundcrew.domain.pause import Pauses
        from groundcrew.jobs.budget_keeper import BudgetKeeper
        from groundcrew.jobs.local_stop_keeper import LocalStopKeeper
        from groundcrew.jobs.shipper import Shipper
        from groundcrew.jobs.snapshot_keeper import SnapshotKeeper
        from groundcrew.services.local_stops import LocalStops

        settings, services, gateway_id = self.settings, self.services, new_id()
        self.shipper = Shipper(
            self.spool,
            services.calls,
            gateway=gateway_id,
            every_ms=settings.ship_every_ms,
            batch_max=settings.ship_batch_max,
            shipped=self._publish,
        )
        services.flush = self.shipper.flush
        # What the last run left in the spool counts against today's budgets, so it is shipped before anyone may spend.
        await self.shipper.drain()
        stack.push_async_callback(self.shipper.flush)
        self.keeper = SnapshotKeeper(
            services.snapshots,
            gateway=gateway_id,
            host=socket.gethostname(),
            process_id=os.getpid(),
            poll_ms=settings.snapshot_poll_ms,
            pauses=Pauses(pause_s_max=settings.pause_s_max),
            refusal=refusal_of(gateway_limits(settings)),
        )
        services.database.on_change(self.keeper.wake)
        await self.keeper.refresh()
        stack.push_async_callback(self.keeper.leave)
        self.local_stops = LocalStopKeeper(
            LocalStops(settings.data),
            self.keeper,
            services.kill_switches,
            gateway=gateway_id,
            covers=lambda scope: self.gateway.enforcement.covers(scope),
        )
        stack.callback(self.local_stops.leave)
        await self._start_gateway(stack)
        # What was stopped on this host is stopped before the first call comes, and whatever the registry knows of it.
        await self.local_stops.look()
        self.budgets = BudgetKeeper(self.gateway.ledger, services.spending, gateway=gateway_id, clock=services.database.clock)
        # What was spent before counts against today's budgets, and so does what other gateways hold, before anyone may spend.
        await self.budgets.seed()
        await self.budgets.exchange()

    async def _start_gateway(self, stack: contextlib.AsyncExitStack) -> None:
        from groundcrew.gateway.app import Gateway
        from groundcrew.gateway.grounded import LocalGrounding
        from groundcrew.gateway.metrics import Metrics
        from groundcrew.gateway.recorder import SpoolRecorder
        from groundcrew.gateway.telemetry import open_tracing
        from groundcrew.gateway.upstream import HttpUpstream

        limits = gateway_limits(self.settings)
        self.metrics = Metrics()
        self.metrics.watch_spool(self.spool.status)
        self.metrics.watch_trust(lambda: self.keeper.current.use_cases)
        self.gateway = Gateway(
            snapshots=self.keeper,
            recorder=SpoolRecorder(self.spool),
            upstream=HttpUpstream(limits),
            grounding=LocalGrounding(),
            settings=limits,
            metrics=self.metrics,
            tracing=open_tracing(
                endpoint=self.settings.otlp_endpoint,
                content=self.settings.otlp_content,
                dropped=self.metrics.telemetry_dropped.inc,
                passages_max=limits.passages_max,
            ),
            pauses=self.keeper.pauses,
        )
        stack.push_async_callback(self.gateway.close)
        await self.gateway.start()

        self.keeper.on_change(enforcing(self.gateway))
        self.services.trials = self.gateway.trials

    def _background(self) -> list[Coroutine[Any, Any, None]]:
        """What runs beside serving, each until it is cancelled."""
        from groundcrew.jobs.health_keeper import HealthKeeper
        from groundcrew.jobs.worker_process import WorkerProcesses

        work = [self.services.database.listen()]
        if "gateway" in self.parts:
            work += [self.keeper.run(), self.shipper.run(), self.budgets.run(), self.local_stops.run()]
            work.append(HealthKeeper(self.services.database, self._health).run())
        if "control" in self.parts:
            work += self._keepers()
        if "worker" in self.parts:
            work.append(WorkerProcesses(self.services, self.settings).run())
        return work

    def _keepers(self) -> list[Coroutine[Any, Any, None]]:
        """What looks after the registry by itself; several processes may do so at once."""
        from groundcrew.gateway.webhook_client import WebhookClient
        from groundcrew.jobs.alert_keeper import AlertKeeper
        from groundcrew.jobs.backlog_keeper import BacklogKeeper
        from groundcrew.jobs.checkpoint_keeper import CheckpointKeeper
        from groundcrew.jobs.delivery_keeper import DeliveryKeeper
        from groundcrew.jobs.delivery_senders import Senders
        from groundcrew.jobs.drift_keeper import DriftKeeper
        from groundcrew.jobs.experiment_keeper import ExperimentKeeper
        from groundcrew.jobs.inventory_keeper import InventoryKeeper
        from groundcrew.jobs.overlap_keeper import OverlapKeeper
        from groundcrew.jobs.quality_schedule import QualitySchedule
        from groundcrew.jobs.rehearsal_keeper import RehearsalKeeper
        from groundcrew.jobs.retention import RetentionJob
        from groundcrew.jobs.sign_off_keeper import SignOffKeeper
        from groundcrew.jobs.stage_keeper import StageKeeper
        from groundcrew.jobs.stop_keeper import StopKeeper
        from groundcrew.jobs.stream_keeper import StreamKeeper
        from groundcrew.jobs.trust_keeper import TrustKeeper
        from groundcrew.jobs.veto_keeper import VetoKeeper

        services = self.services
        schedule = QualitySchedule(services)
        services.database.on_change(schedule.wake)
        return [
            RetentionJob(services.retention, days_default=self.settings.retention_days).run(),
            TrustKeeper(services.trust).run(),
            schedule.run(),
            StageKeeper(services.ramps, services.certifications).run(),
            ExperimentKeeper(services.experiments).run(),
            RehearsalKeeper(services).run(),
            StopKeeper(services.kill_switches).run(),
            SignOffKeeper(services).run(),
            DeliveryKeeper(services, Senders(WebhookClient(), self.settings)).run(),
            DriftKeeper(services).run(),
            AlertKeeper(services).run(),
            VetoKeeper(services).run(),
            StreamKeeper(services).run(),
            BacklogKeeper(services.backlog).run(),
            OverlapKeeper(services).run(),
            InventoryKeeper(services).run(),
            CheckpointKeeper(services).run(),
        ]

    def _open_web(self, stack: contextlib.AsyncExitStack) -> None:
        from groundcrew.gateway.probes import Probes
        from groundcrew.web.later import Later

        if "control" not in self.parts:
            self._web: Any = Probes(metrics=self.metrics.render, readiness=self.readiness)
            return
        # Half of a start is the console's: calls do not wait for it.
        self._web = Later(self._made_web)
        stack.push_async_callback(self._web.close)

    def _made_web(self) -> Any:
        import os

        from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

        from groundcrew.web.app import create_web

        web = create_web(
            self.services,
            # A process without a gateway has no figures of calls; those are the gateways'.
            gateway_metrics=self.metrics.render if "gateway" in self.parts else bytes,
            readiness=self.readiness,
            live=self.live,
            secure_cookies=self.settings.secure_cookies,
        )
        # Who is behind a proxy matters to the console alone; calls of the gateway are not led through this.
        return ProxyHeadersMiddleware(web, trusted_hosts=os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1"))  # type: ignore[arg-type]

    async def _health(self) -> GatewayHealth:
        from groundcrew.services.gateway_health import GatewayHealth

        spool = self.spool.status()
        return GatewayHealth(
            snapshot_age_s=self.keeper.age_s(),
            spool_problem=spool.problem or "",
            spool_oldest_s=spool.oldest_s,
            missed=spool.missed,
        )

    async def readiness(self) -> dict[str, Any]:
        """The parts that serving needs, by name, each with `ok` and what explains it."""
        import msgspec

        try:
            await asyncio.wait_for(self.services.snapshots.version(), 2.0)
            database = True
        except Exception:
            database = False
        found: dict[str, Any] = {"database": {"ok": database}}
        if "gateway" in self.parts:
            if "control" not in self.parts:  # calls go on without it: a balancer must not take every gateway out at once
                found["database"]["required"] = False
            age_s, spool, problem = self.keeper.age_s(), self.spool.status(), self.local_stops.problem
            fresh = age_s <= self.settings.snapshot_age_s_max
            found["snapshot"] = {"ok": fresh, "age_s": round(age_s, 3), "version": self.keeper.current.version}
            found["spool"] = {"ok": spool.problem is None, **msgspec.structs.asdict(spool)}
            found["local_stops"] = {"ok": problem is None, "stops": len(self.local_stops.stops), "problem": problem}
        return found

    def _publish(self, calls: Sequence[CallHead]) -> None:
        if not self.live.subscribers:
            return
        for call in calls:
            if call.shadow_of is not None or call.trial is not None:
                continue
            self.live.publish(
                {
                    "type": "call",
                    "id": call.id,
                    "use_case": call.use_case,
                    "status": call.status,
                    "trust": call.trust.trust if call.trust else None,
                    "trust_state": call.trust.state if call.trust else None,
                    "received_at": call.received_at.isoformat(),
                    "request": call.request[:200],
                    "latency_ms": call.latency_ms.get("total"),
                }
            )

    async def _shipped_elsewhere(self) -> None:
        """Give the gateways, which are other processes, the time in which they usually ship what they have recorded."""
        await asyncio.sleep(2 * self.settings.ship_every_ms / 1000)

    async def _cancel(self) -> None:
        await ended(self._tasks)


class Wiring:
    """What the command line may start."""

    def trials(self, settings: Settings, services: Services) -> TrialPoint:
        """Lets `services` ask models on purpose while it is open."""
        return TrialPoint(settings, services)

    def serve(self, settings: Settings, part: Part | None = None) -> None:
        """Run a server until it is told to stop (SIGINT, SIGTERM): one with everything in it, or with one part."""
        import uvloop

        from groundcrew import logs
        from groundcrew.serving import serve, share_heaps

        share_heaps()
        logs.configure(settings.log_format)
        parts = EVERYTHING if part is None else frozenset((part,))
        uvloop.run(serve(settings.host, settings.port, lambda: App(settings, parts)))

    def work(self, settings: Settings, *, drain: bool) -> int:
        """Work on jobs until told to stop, or with `drain` until none waits; how many it did, where it ended by itself."""
        import uvloop

        from groundcrew import logs

        logs.configure(settings.log_format)
        return uvloop.run(_work(settings, drain=drain))


async def _work(settings: Settings, *, drain: bool) -> int:
    import os

    from groundcrew.jobs.worker import JobWorker
    from groundcrew.services.bundle import open_services

    os.nice(WORKER_NICENESS)
    services = await open_services(settings.database, settings.data, kill_confirm_s=settings.kill_confirm_s_max)
    try:
        worker = JobWorker(services, slots=max(1, settings.job_slots), lease_s=settings.job_lease_s)
        working: asyncio.Task[int | None] = asyncio.create_task(worker.drain() if drain else worker.run())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, working.cancel)
        try:
            async with TrialPoint(settings, services):
                return await working or 0
        except asyncio.CancelledError:
            return 0
    finally:
        await services.database.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """The `groundcrew` command."""
    from groundcrew.cli.main import run, silence_late_threads

    silence_late_threads()
    return run(arguments, wiring=Wiring())


if __name__ == "__main__":
    sys.exit(main())
