"""The composition root: settings become a running server. The only file that wires gateway, services, jobs and web together."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import sys
from typing import TYPE_CHECKING, Any

from groundcrew.errors import GroundcrewError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
    from types import FrameType, TracebackType

    import uvicorn

    from groundcrew.domain.call import CallHead
    from groundcrew.domain.trial import TrialAnswer, TrialRequest
    from groundcrew.gateway.app import Gateway
    from groundcrew.services.bundle import Services
    from groundcrew.services.gateway_health import GatewayHealth
    from groundcrew.settings import Settings

#: How long the server waits for calls in flight when it is told to stop.
SHUTDOWN_S_MAX = 20
BACKLOG_MAX = 2_048
#: How far workers of jobs stand back behind whatever else this machine does.
WORKER_NICENESS = 10
#: Objects that are made, less those that are gone, before the youngest are looked through; then how many such times before older
#: ones are. Calls leave next to no cycles behind.
GC_THRESHOLDS = (10_000, 20, 20)
#: How long a new snapshot waits until what it stops is no longer in flight; past it, it is not acknowledged.
ENFORCE_POLL_S, ENFORCE_POLLS_MAX = 0.01, 300


class App:
    """One process with everything in it: an ASGI application and the background work around it.

    ``/v1/*`` goes to the gateway, everything else to the control plane. Use it as an async context manager.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
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

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one ASGI connection."""
        path = scope.get("path", "")
        if scope["type"] == "http" and (path == "/v1" or path.startswith("/v1/")):
            await self.gateway(scope, receive, send)
        else:
            await self._web(scope, receive, send)

    async def _open(self, stack: contextlib.AsyncExitStack) -> None:
        import os
        import socket

        from groundcrew.domain.identifiers import new_id
        from groundcrew.gateway.spool import Spool
        from groundcrew.jobs.budget_keeper import BudgetKeeper
        from groundcrew.jobs.shipper import Shipper
        from groundcrew.jobs.snapshot_keeper import SnapshotKeeper
        from groundcrew.services.bundle import open_services
        from groundcrew.web.live import LiveEvents

        settings = self.settings
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.spool = Spool.open(
            settings.spool, file_bytes_max=settings.spool_bytes_max, free_bytes_min=settings.spool_free_bytes_min
        )
        stack.callback(self.spool.close)
        self.services = await open_services(settings.database, settings.data, kill_confirm_s=settings.kill_confirm_s_max)
        stack.push_async_callback(self.services.database.close)
        self.password = await self.services.users.first_run()

        self.live = LiveEvents()
        gateway_id = new_id()
        self.shipper = Shipper(
            self.spool,
            self.services.calls,
            gateway=gateway_id,
            every_ms=settings.ship_every_ms,
            batch_max=settings.ship_batch_max,
            shipped=self._publish,
        )
        self.services.flush = self.shipper.flush
        # What the last run left in the spool counts against today's budgets, so it is shipped before anyone may spend.
        await self.shipper.drain()
        stack.push_async_callback(self.shipper.flush)
        self.keeper = SnapshotKeeper(
            self.services.snapshots,
            gateway=gateway_id,
            host=socket.gethostname(),
            process_id=os.getpid(),
            poll_ms=settings.snapshot_poll_ms,
        )
        self.services.database.on_change(self.keeper.wake)
        await self.keeper.refresh()
        stack.push_async_callback(self.keeper.leave)
        await self._open_gateway(stack)
        self.budgets = BudgetKeeper(
            self.gateway.ledger, self.services.spending, gateway=gateway_id, clock=self.services.database.clock
        )
        # What was spent before counts against today's budgets, and so does what other gateways hold, before anyone may spend.
        await self.budgets.seed()
        await self.budgets.exchange()
        self._open_web()
        stack.push_async_callback(self._cancel)
        self._tasks = [asyncio.create_task(each) for each in self._background()]

    def _background(self) -> list[Coroutine[Any, Any, None]]:
        """What runs beside serving, each until it is cancelled."""
        from groundcrew.gateway.webhook_client import WebhookClient
        from groundcrew.jobs.alert_keeper import AlertKeeper
        from groundcrew.jobs.delivery_keeper import DeliveryKeeper
        from groundcrew.jobs.delivery_senders import Senders
        from groundcrew.jobs.drift_keeper import DriftKeeper
        from groundcrew.jobs.experiment_keeper import ExperimentKeeper
        from groundcrew.jobs.quality_schedule import QualitySchedule
        from groundcrew.jobs.rehearsal_keeper import RehearsalKeeper
        from groundcrew.jobs.retention import RetentionJob
        from groundcrew.jobs.sign_off_keeper import SignOffKeeper
        from groundcrew.jobs.stage_keeper import StageKeeper
        from groundcrew.jobs.trust_keeper import TrustKeeper
        from groundcrew.jobs.worker_process import WorkerProcesses

        services = self.services
        schedule = QualitySchedule(services)
        services.database.on_change(schedule.wake)
        return [
            self.keeper.run(),
            self.shipper.run(),
            self.budgets.run(),
            RetentionJob(services.retention, days_default=self.settings.retention_days).run(),
            TrustKeeper(services.trust).run(),
            WorkerProcesses(services, self.settings).run(),
            schedule.run(),
            StageKeeper(services.ramps, services.certifications).run(),
            ExperimentKeeper(services.experiments).run(),
            RehearsalKeeper(services).run(),
            SignOffKeeper(services).run(),
            DeliveryKeeper(services, Senders(WebhookClient(), self.settings)).run(),
            DriftKeeper(services).run(),
            AlertKeeper(services, self._health).run(),
        ]

    async def _open_gateway(self, stack: contextlib.AsyncExitStack) -> None:
        from groundcrew.gateway.app import Gateway
        from groundcrew.gateway.grounded import LocalGrounding
        from groundcrew.gateway.metrics import Metrics
        from groundcrew.gateway.recorder import SpoolRecorder
        from groundcrew.gateway.settings import GatewaySettings
        from groundcrew.gateway.telemetry import open_tracing
        from groundcrew.gateway.upstream import HttpUpstream

        gateway_settings = GatewaySettings(snapshot_age_s_max=self.settings.snapshot_age_s_max)
        self.metrics = Metrics()
        self.metrics.watch_spool(self.spool.status)
        self.metrics.watch_trust(lambda: self.keeper.current.use_cases)
        self.gateway = Gateway(
            snapshots=self.keeper,
            recorder=SpoolRecorder(self.spool),
            upstream=HttpUpstream(gateway_settings),
            grounding=LocalGrounding(),
            settings=gateway_settings,
            metrics=self.metrics,
            tracing=open_tracing(
                endpoint=self.settings.otlp_endpoint,
                content=self.settings.otlp_content,
                dropped=self.metrics.telemetry_dropped.inc,
                passages_max=gateway_settings.passages_max,
            ),
        )
        stack.push_async_callback(self.gateway.close)
        await self.gateway.start()

        self.keeper.on_change(_enforcing(self.gateway))
        self.services.trials = self.gateway.trials

    def _open_web(self) -> None:
        import os

        from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

        from groundcrew.web.app import create_web

        web = create_web(
            self.services,
            gateway_metrics=self.metrics.render,
            readiness=self.readiness,
            live=self.live,
            secure_cookies=self.settings.secure_cookies,
        )
        # Who is behind a proxy matters to the console alone; calls of the gateway are not led through this.
        self._web = ProxyHeadersMiddleware(web, trusted_hosts=os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1"))  # type: ignore[arg-type]

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
        age_s, spool = self.keeper.age_s(), self.spool.status()
        fresh = age_s <= self.settings.snapshot_age_s_max
        return {
            "database": {"ok": database},
            "snapshot": {"ok": fresh, "age_s": round(age_s, 3), "version": self.keeper.current.version},
            "spool": {"ok": spool.problem is None, **msgspec.structs.asdict(spool)},
        }

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

    async def _cancel(self) -> None:
        await _ended(self._tasks)


def _enforcing(gateway: Gateway) -> Callable[[], Awaitable[None]]:
    """What a keeper does with a new snapshot before it acknowledges it."""

    async def enforce() -> None:
        # Acknowledged is only what the gateway itself confirms: nothing that may no longer run is in flight.
        for _ in range(ENFORCE_POLLS_MAX):
            gateway.enforce_stops()
            if gateway.enforced():
                return
            await asyncio.sleep(ENFORCE_POLL_S)
        raise GroundcrewError("calls in flight could not be cut")

    return enforce


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
        from groundcrew.gateway.app import Gateway
        from groundcrew.gateway.grounded import LocalGrounding
        from groundcrew.gateway.settings import GatewaySettings
        from groundcrew.gateway.upstream import HttpUpstream
        from groundcrew.jobs.budget_keeper import BudgetKeeper
        from groundcrew.jobs.direct_recorder import DirectRecorder
        from groundcrew.jobs.snapshot_keeper import SnapshotKeeper

        services, point = self._services, new_id()
        keeper = SnapshotKeeper(
            services.snapshots,
            gateway=point,
            host=socket.gethostname(),
            process_id=os.getpid(),
            poll_ms=self._settings.snapshot_poll_ms,
        )
        services.database.on_change(keeper.wake)
        await keeper.refresh()
        limits = GatewaySettings(snapshot_age_s_max=self._settings.snapshot_age_s_max)
        gateway = Gateway(
            snapshots=keeper,
            recorder=DirectRecorder(services.calls, gateway=point),
            upstream=HttpUpstream(limits),
            grounding=LocalGrounding(),
            settings=limits,
            clock=services.database.clock,
        )
        keeper.on_change(_enforcing(gateway))
        self._stack.push_async_callback(keeper.leave)
        self._stack.push_async_callback(gateway.close)
        await gateway.start()
        budgets = BudgetKeeper(gateway.ledger, services.spending, gateway=point, clock=services.database.clock)
        await budgets.seed()
        await budgets.exchange()
        tasks = [asyncio.create_task(each.run()) for each in (keeper, budgets)]
        self._stack.push_async_callback(_ended, tasks)
        return gateway


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class Wiring:
    """What the command line may start."""

    def trials(self, settings: Settings, services: Services) -> TrialPoint:
        """Lets `services` ask models on purpose while it is open."""
        return TrialPoint(settings, services)

    def serve(self, settings: Settings) -> None:
        """Run a server until it is told to stop (SIGINT, SIGTERM)."""
        import uvloop

        uvloop.run(_serve(settings))

    def work(self, settings: Settings, *, drain: bool) -> int:
        """Work on jobs until told to stop, or with `drain` until none waits; how many it did, where it ended by itself."""
        import uvloop

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


async def _serve(settings: Settings) -> None:
    import socket

    import uvicorn

    from groundcrew.errors import InputError
    from groundcrew.gateway.connections import BoundedProtocol

    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            raise InputError(f"can not listen on {settings.host}:{settings.port}: {error.strerror}", field="port") from None
        listener.listen(BACKLOG_MAX)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        url = f"http://{host}:{listener.getsockname()[1]}"
        # From the line on that says where it serves, a signal is a wish to stop.
        async with App(settings) as app, _stopping_in_order() as stopping:
            if app.password is not None:
                print(f"First run: sign in as admin with password {app.password} (shown this once).", flush=True)
            print(f"groundcrew serves on {url}: console at {url}/, gateway at {url}/v1. Stop with Ctrl+C.", flush=True)

            class Server(uvicorn.Server):
                """Ends the open live pages first, which would otherwise hold up the end."""

                async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
                    app.live.close()
                    await super().shutdown(sockets=sockets)

            server = Server(
                uvicorn.Config(
                    app,
                    lifespan="off",
                    http=BoundedProtocol,
                    ws="none",
                    access_log=False,
                    log_level="warning",
                    timeout_graceful_shutdown=SHUTDOWN_S_MAX,
                    server_header=False,
                    proxy_headers=False,
                )
            )
            stopping.ends(server)
            _settle_memory()
            await server.serve(sockets=[listener])


def _settle_memory() -> None:
    """Leave what the start has loaded out of garbage collection: it stays, and looking through it costs calls their time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


class _Stopping:
    """A wish to stop, which may come before there is a server to end."""

    def __init__(self) -> None:
        self._server: uvicorn.Server | None = None
        self._asked = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True
        if self._server is not None:
            self._server.should_exit = True

    def ends(self, server: uvicorn.Server) -> None:
        """Have the wish end `server`, also one of before."""
        self._server = server
        server.should_exit = self._asked


@contextlib.asynccontextmanager
async def _stopping_in_order() -> AsyncIterator[_Stopping]:
    """Have a signal end the server and nothing more.

    The server raises the signal again once it has stopped, which would kill the process before the spool is shipped and
    the gateway is struck off. Afterwards a second signal ends the process as usual.
    """
    stopping = _Stopping()
    before = {each: signal.signal(each, stopping) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopping
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def main(arguments: Sequence[str] | None = None) -> int:
    """The `groundcrew` command."""
    from groundcrew.cli.main import run

    return run(arguments, wiring=Wiring())


if __name__ == "__main__":
    sys.exit(main())
