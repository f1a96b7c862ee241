"""Tuning runs: asked for once, done as durable jobs, watched by their steps, cancelled by people."""

from __future__ import annotations

import asyncio
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import msgspec

from groundcrew.domain.data_class import provider_may_see
from groundcrew.domain.identifiers import name_problem, new_id
from groundcrew.domain.job import Job, Phase
from groundcrew.domain.provider import Provider
from groundcrew.domain.tuning import DataSet, RunnerName, RunState, RunStep, RunView, TuningRun
from groundcrew.errors import Conflict, InputError, NotAllowed
from groundcrew.services.data_sets import find_data_set
from groundcrew.services.jobs import Jobs
from groundcrew.services.lookups import require
from groundcrew.store import catalog, operations, tuning
from groundcrew.store.database import Connection, Database, Writer

KIND = "tune"
#: Where a run's checkpoints lie, and base models, below the data folder.
WORK, BASES = "tuning", "bases"
#: What a learning process that broke leaves in its run's folder, for whoever may read that.
LOG = "log.txt"
SEED_MAX = 2**31 - 1
LISTED_MAX = 200


class TuningRuns:
    """The runs of one installation. `data` is the data folder."""

    def __init__(self, database: Database, jobs: Jobs, data: Path) -> None:
        self._database, self._jobs, self._data = database, jobs, data
        jobs.at_end(KIND, self._close)

    async def start(
        self,
        model: str,
        data_set: str,
        *,
        actor: str,
        runner: RunnerName = "local",
        architecture: str = "",
        seed: int = 0,
        settings: dict[str, Any] | None = None,
        provider: str = "",
    ) -> TuningRun:
        """Ask for a run that makes a new version of `model` from `data_set` (NAME or NAME@REVISION). The run and its job are one
        transaction.

        InputError for settings that the runner can not use, NotAllowed where records of this class may not go to `provider`,
        Conflict where the data set has no splits to learn and to validate on.
        """
        from groundcrew.tuning.runner import runners, settings_problem

        asked = dict(settings or {})
        if problem := name_problem(model):
            raise InputError(problem, field="model")
        if runner not in get_args(RunnerName):
            raise InputError(f"expected one of {', '.join(get_args(RunnerName))}", field="runner")
        if not 0 <= seed <= SEED_MAX:
            raise InputError(f"expected 0 to {SEED_MAX}", field="seed")
        if problem := settings_problem(asked) or await asyncio.to_thread(runners()[runner]().problem, architecture, asked):
            raise InputError(problem)
        if bool(provider) != (runner == "openai"):
            why = "name the declared provider that does the run" if runner == "openai" else "only for the runner openai"
            raise InputError(why, field="provider")
        async with self._database.write(actor) as writer:
            found = await find_data_set(writer.connection, data_set)
            check_learnable(found)
            if provider:
                await allowed_provider(writer.connection, found, provider)
            run_id = new_id()
            job = await self._jobs.submit_within(writer, KIND, model, {"run": run_id}, local=True)
            run = TuningRun(
                id=run_id,
                model=model,
                runner=runner,
                architecture=architecture or runner,
                data_set=found.name,
                data_revision=found.revision,
                seed=seed,
                provider=provider,
                settings=asked,
                asked_at=self._database.clock.now(),
                asked_by=actor,
                job=job.id,
            )
            await tuning.TUNING_RUNS.put(writer, run, "ask")
        return run

    async def find(self, *, model: str | None = None, limit: int = 50) -> list[RunView]:
        """The newest runs first, of one model where given."""
        wanted = {"model": model} if model is not None else {}
        async with self._database.read() as connection:
            found = await tuning.TUNING_RUNS.find(connection, newest_first=True, limit=min(limit, LISTED_MAX), **wanted)
        return [await self._view(each) for each in found]

    async def get(self, run_id: str) -> RunView:
        """One run with how far it has come; NotFound if there is none."""
        async with self._database.read() as connection:
            run = await require(connection, tuning.TUNING_RUNS, run_id)
        return await self._view(run)

    async def steps(self, run_id: str) -> list[RunStep]:
        """The figures of a run's steps, in order."""
        async with self._database.read() as connection:
            await require(connection, tuning.TUNING_RUNS, run_id)
            return await tuning.steps_of(connection, run_id)

    async def cancel(self, run_id: str, *, actor: str, reason: str = "") -> RunView:
        """Stop a run: at once while it waits, within seconds while it runs. Conflict where it has ended."""
        async with self._database.read() as connection:
            run = await require(connection, tuning.TUNING_RUNS, run_id)
        if run.state != "queued":
            raise Conflict(f"run {run_id} is {run.state} already")
        await self._jobs.cancel(run.job, actor=actor, reason=reason)
        return await self.get(run_id)

    async def _close(self, writer: Writer, job: Job) -> None:
        """End the run of a job that has ended without a model, in one transaction with it. Its checkpoints, which are made of
        records, go; what tells why a process broke stays (`log.txt`)."""
        run = await tuning.TUNING_RUNS.get(writer.connection, str(job.arguments.get("run", "")))
        if run is None or run.state != "queued":
            return
        state: RunState = "cancelled" if job.state == "cancelled" else "failed"
        await tuning.TUNING_RUNS.put(writer, ended(run, state, writer.clock.now(), job.error), state, reason=job.error)
        await asyncio.to_thread(clear_work, self.work_folder(run.id), keep_log=state == "failed")

    def work_folder(self, run_id: str) -> Path:
        """Where a run keeps its checkpoints on this data folder."""
        return self._data / WORK / run_id

    @property
    def bases(self) -> Path:
        """Where base models lie that adapters are tuned for."""
        return self._data / BASES

    async def _view(self, run: TuningRun) -> RunView:
        view = await self._jobs.get(run.job)
        phase: Phase = run.state if run.state != "queued" else view.phase
        return RunView(run=run, phase=phase, progress=view.progress, error=run.error or view.job.error)


def clear_work(folder: Path, *, keep_log: bool = False) -> None:
    """Remove a run's own folder, as far as it can be; `keep_log`: but for the log of a process that broke."""
    if not keep_log or not (folder / LOG).is_file():
        shutil.rmtree(folder, ignore_errors=True)
        return
    for each in folder.iterdir():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each, ignore_errors=True)
        elif each.name != LOG:
            each.unlink(missing_ok=True)


def ended(run: TuningRun, state: RunState, at: datetime, error: str = "") -> TuningRun:
    """`run` with how it ended."""
    return msgspec.structs.replace(run, state=state, finished_at=at, error=error[:500])


def check_learnable(data_set: DataSet) -> None:
    """Conflict where a data set has nothing to learn, or nothing to validate on."""
    if data_set.removed_at is not None:
        raise Conflict(f"the records of {data_set.id} were removed: {data_set.removal_reason}")
    if not data_set.label_field:
        raise Conflict(f"{data_set.name} names no label to learn: name it in the recipe and curate again")
    for split in ("train", "validation"):
        if not data_set.splits.get(split):
            raise Conflict(f"{data_set.name} has no records in the split {split!r}: declare `split` in its recipe")


async def allowed_provider(connection: Connection, data_set: DataSet, name: str) -> Provider:
    """The provider that a remote run may use. NotAllowed where it is not declared for what the records may be; Conflict where it
    is stopped or speaks no fine-tuning."""
    provider = await require(connection, catalog.PROVIDERS, name)
    if provider.api != "openai":
        raise Conflict(f"{name} is declared with api {provider.api}: remote runs need an OpenAI-style one")
    if not provider_may_see(data_set.data_class, provider.data_classes, baa=provider.baa):
        raise NotAllowed(f"{name} may not see {data_set.data_class}, which {data_set.name} may hold")
    stopped = {str(each.scope) for each in await operations.denying(connection)}
    if stopped & {"all", f"provider:{name}"}:
        raise Conflict(f"{name} is stopped by a kill switch")
    return provider
