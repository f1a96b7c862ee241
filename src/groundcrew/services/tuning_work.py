"""The work of a tuning run: its runner under the job's lease, its steps kept as they come, its model registered with its end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

import msgspec

from groundcrew.domain.tuning import RunStep, TunedModel, TuningRun
from groundcrew.errors import GroundcrewError
from groundcrew.services.data_sets import find_data_set
from groundcrew.services.jobs import ATTEMPTS_MAX, Cancelled, Task
from groundcrew.services.lookups import require
from groundcrew.services.propagation import propagate
from groundcrew.services.tuned_models import MODELS, next_version
from groundcrew.services.tuning_runs import KIND as KIND
from groundcrew.services.tuning_runs import allowed_provider, clear_work, ended
from groundcrew.store import tuning
from groundcrew.store.database import Database

if TYPE_CHECKING:
    from groundcrew.services.bundle import Services
    from groundcrew.tuning.architecture import Step
    from groundcrew.tuning.runner import Made, Order

#: Steps are written together where they come faster than this.
SAVE_EVERY_S = 0.5
#: How often the lease is looked at while there is nothing to tell: so long does a cancelled run go on at most.
ALIVE_EVERY_S = 2.0
#: Steps that wait to be written; more are written at once.
PENDING_MAX = 200


async def work(services: Services, task: Task) -> dict[str, Any]:
    """Do the run, or go on with it; register what it made."""
    from groundcrew.tuning.runner import runners

    database = services.database
    async with database.read() as connection:
        run = await require(connection, tuning.TUNING_RUNS, task.job.arguments["run"])
    if run.state == "done":
        # The worker died between the end of its run and that of its job.
        await asyncio.to_thread(clear_work, services.tuning_runs.work_folder(run.id))
        return _result(run)
    runner = runners()[run.runner]()
    reports = _Reports(database, task, run)
    order: Order | None = None
    try:
        order = await _order(services, run, task.checkpoint)
        made = await runner.run(order, reports)
        await reports.flush()
        return await _register(services, task, run, made)
    except Cancelled:
        if order is not None:
            await _abandon(runner, msgspec.structs.replace(order, checkpoint=task.checkpoint))
        raise
    except GroundcrewError:
        # The run ends with its job, in one transaction and under its lease (`TuningRuns`).
        raise
    except Exception:
        # The next attempt goes on; what this one has told is kept.
        with contextlib.suppress(GroundcrewError):
            await reports.flush()
        if order is not None and task.attempts >= ATTEMPTS_MAX:
            await _abandon(runner, msgspec.structs.replace(order, checkpoint=task.checkpoint))
        raise


async def _order(services: Services, run: TuningRun, checkpoint: dict[str, Any]) -> Order:
    from groundcrew.tuning.runner import Order

    async with services.database.read() as connection:
        data_set = await find_data_set(connection, f"{run.data_set}@{run.data_revision}")
        # Looked at again: what a provider may see can have changed since the run was asked for.
        provider = await allowed_provider(connection, data_set, run.provider) if run.provider else None
    return Order(
        run=run,
        data_set=data_set,
        examples=services.data_sets.folder(data_set),
        work=services.tuning_runs.work_folder(run.id),
        bases=services.tuning_runs.bases,
        checkpoint=checkpoint,
        provider=provider,
    )


class _Reports:
    """Tells the job of steps: its progress, and figures for the page, in one transaction."""

    def __init__(self, database: Database, task: Task, run: TuningRun) -> None:
        self._database, self._task, self._run = database, task, run
        self._pending: list[RunStep] = []
        self._saved_s = self._allowed_s = 0.0
        self._done, self._total = task.done, task.total

    async def step(self, step: Step) -> None:
        """Note a step; figures are written with the next look at the lease."""
        self._done, self._total = step.done, step.total or None
        if step.metrics or step.message:
            now = self._database.clock.now()
            kept = RunStep(step=step.done, total=step.total, at=now, metrics=step.metrics, message=step.message)
            self._pending.append(kept)
        if len(self._pending) >= PENDING_MAX or time.monotonic() - self._saved_s >= SAVE_EVERY_S:
            await self.flush()
        await self._may_go_on()

    async def keep(self, checkpoint: dict[str, Any]) -> None:
        """Keep a checkpoint, with the steps so far; then look whether the run may go on, however lately that was done."""
        await self._save(checkpoint)
        self._allowed_s = 0.0
        await self._may_go_on()

    async def alive(self) -> None:
        """Look at the lease, and whether the run may go on; not more often than is of use."""
        await self._may_go_on()
        if time.monotonic() - self._saved_s >= ALIVE_EVERY_S:
            await self.flush()

    async def flush(self) -> None:
        """Write what waits. Raises where the run is to stop."""
        await self._save(self._task.checkpoint)

    async def _may_go_on(self) -> None:
        if not self._run.provider or (self._allowed_s and time.monotonic() - self._allowed_s < ALIVE_EVERY_S):
            return
        async with self._database.read() as connection:
            data_set = await find_data_set(connection, f"{self._run.data_set}@{self._run.data_revision}")
            await allowed_provider(connection, data_set, self._run.provider)
        self._allowed_s = time.monotonic()

    async def _save(self, checkpoint: dict[str, Any]) -> None:
        steps, self._pending = self._pending, []
        self._saved_s = time.monotonic()
        if steps:
            async with self._database.operate() as connection:
                await tuning.keep_steps(connection, self._run.id, steps)
        await self._task.save(checkpoint, done=self._done, total=self._total)


async def _register(services: Services, task: Task, run: TuningRun, made: Made) -> dict[str, Any]:
    """Put the model where models lie, and register it with the end of its run in one transaction."""
    database, data = services.database, services.tuned_models.data
    folder = ""
    if made.folder is not None:
        from groundcrew.tuning.packing import place

        placed = await asyncio.to_thread(place, made.folder, data / MODELS, made.digest)
        folder = f"{MODELS}/{placed.name}"
    now = database.clock.now()
    async with task.step(task.checkpoint, done=task.total or task.done) as writer:
        current = await require(writer.connection, tuning.TUNING_RUNS, run.id)
        version, known = await next_version(writer.connection, run.model, made.digest)
        if known is None:
            model = TunedModel(
                name=run.model,
                version=version,
                digest=made.digest,
                architecture=made.architecture,
                run=run.id,
                data_set=run.data_set,
                data_revision=run.data_revision,
                registered_at=now,
                registered_by=run.asked_by,
                folder=folder,
                reference=made.reference,
                provider=run.provider,
                metrics=made.metrics,
            )
            await tuning.TUNED_MODELS.put(writer, model, "register", details={"run": run.id, "data": run.data_revision})
        done = msgspec.structs.replace(
            ended(current, "done", now), metrics=made.metrics, best_step=made.best_step, model_version=version
        )
        await tuning.TUNING_RUNS.put(writer, done, "done")
        await writer.touch_snapshot()
    await propagate(database)
    # Checkpoints, which are made of records, have served.
    await asyncio.to_thread(clear_work, services.tuning_runs.work_folder(run.id))
    return _result(done)


async def _abandon(runner: Any, order: Order) -> None:
    import logging

    try:
        await runner.abandon(order)
    except Exception as error:
        logging.getLogger(__name__).warning("run %s could not be ended elsewhere: %s", order.run.id, type(error).__name__)


def _result(run: TuningRun) -> dict[str, Any]:
    return {"run": run.id, "model": f"{run.model}@{run.model_version}", "metrics": run.metrics}
