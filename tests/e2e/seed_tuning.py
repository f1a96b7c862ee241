"""A data set, runs and versions for the console's tests: one run has made a version, one is at work, one has failed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.unit.tuning.folders import tickets, write_data_set

from groundcrew.domain.tuning import RunStep, TunedModel, TuningRun
from groundcrew.services.bundle import Services
from groundcrew.services.tuning_runs import KIND
from groundcrew.store import tuning

ACTOR = "user:nadia"
STEPS = 24


async def seed_tuning(services: Services, folder: Path) -> dict[str, str]:
    """Ids of a run that has ended and of one that waits, and of the version that was made."""
    place = write_data_set(folder / "curated" / "tickets", tickets(240))
    data_set = await services.data_sets.register(place, data_class="internal", actor=ACTOR)
    now = services.database.clock.now()
    of = {"data_set": data_set.name, "data_revision": data_set.revision, "architecture": "classifier"}
    asked = {"model": "ticket-router", "runner": "local", "seed": 7, "asked_by": ACTOR, **of}
    ids = {}
    async with services.database.write(ACTOR) as writer:
        for name, state, error in (("failed", "failed", "team: one label is not enough to learn"), ("waiting", "queued", "")):
            job = await services.jobs.submit_within(writer, KIND, "ticket-router", {"run": name})
            run = TuningRun(id=job.id, job=job.id, asked_at=now, state=state, error=error, **asked)  # type: ignore[arg-type]
            await tuning.TUNING_RUNS.put(writer, run, "ask")
            ids[f"run_{name}"] = run.id
        job = await services.jobs.submit_within(writer, KIND, "ticket-router", {"run": "done"})
        metrics = {"accuracy": 0.872, "macro_f1": 0.861, "calibration_error": 0.021}
        done = TuningRun(
            id=job.id,
            job=job.id,
            asked_at=now - timedelta(minutes=9),
            state="done",
            finished_at=now,
            metrics=metrics,
            best_step=21,
            model_version=1,
            settings={"epochs": 8, "threads": 1},
            **asked,  # type: ignore[arg-type]
        )
        await tuning.TUNING_RUNS.put(writer, done, "done")
        made = TunedModel(
            name="ticket-router",
            version=1,
            digest="83df978a1db738da" * 4,
            run=done.id,
            registered_at=now,
            registered_by=ACTOR,
            folder=f"models/{'83df978a1db738da' * 4}",
            metrics=metrics,
            **of,  # type: ignore[arg-type]
        )
        await tuning.TUNED_MODELS.put(writer, made, "register")
    async with services.database.operate() as connection:
        steps = [
            RunStep(
                step=number,
                total=STEPS,
                at=now - timedelta(seconds=20 * (STEPS - number)),
                metrics={"accuracy": 0.875 - 0.5 / number, "validation_loss": 0.3 + 1.1 / number + 0.01 * max(0, number - 20)},
            )
            for number in range(1, STEPS + 1)
        ]
        await tuning.keep_steps(connection, done.id, steps)
    return {**ids, "tuning_run": done.id, "data_set": data_set.id, "tuned_model": made.id}
