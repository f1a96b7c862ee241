"""Data sets, tuning runs and tuned models; the figures of a run's steps, which are operational."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.tuning import DataSet, RunStep, TunedModel, TuningRun
from groundcrew.store import tuning_tables
from groundcrew.store.collection import Collection
from groundcrew.store.database import decode

#: Steps of one run that are kept; a run that tells more keeps the first ones.
STEPS_KEPT_MAX = 10_000

DATA_SETS = Collection(
    tuning_tables.data_sets,
    DataSet,
    "data-set",
    identify=lambda each: each.id,
    columns=lambda each: {"name": each.name, "revision": each.revision},
)
TUNING_RUNS = Collection(
    tuning_tables.tuning_runs,
    TuningRun,
    "tuning-run",
    identify=lambda each: each.id,
    columns=lambda each: {"model": each.model, "data_set": each.data_set, "state": each.state},
)
TUNED_MODELS = Collection(
    tuning_tables.tuned_models,
    TunedModel,
    "tuned-model",
    identify=lambda each: model_key(each.name, each.version),
    columns=lambda each: {"name": each.name, "digest": each.digest, "state": each.state},
)


def model_key(name: str, version: int) -> str:
    """The id of a model version's row, by which versions sort."""
    return f"{name}@{version:06d}"


async def keep_steps(connection: AsyncConnection, run: str, steps: Sequence[RunStep]) -> None:
    """Keep the figures of steps. A step that was told before is told anew: a run that goes on does some again."""
    table = tuning_tables.tuning_steps
    there = await _count(connection, run)
    for each in steps:
        document = msgspec.json.encode(each).decode()
        same = (table.c.run == run, table.c.step == each.step)
        updated = await connection.execute(table.update().where(*same).values(document=document))
        if updated.rowcount == 0 and there < STEPS_KEPT_MAX:
            await connection.execute(table.insert().values(run=run, step=each.step, document=document))
            there += 1


async def steps_of(connection: AsyncConnection, run: str) -> list[RunStep]:
    """The kept steps of a run, in order."""
    table = tuning_tables.tuning_steps
    query = sa.select(table.c.document).where(table.c.run == run).order_by(table.c.step).limit(STEPS_KEPT_MAX)
    return [decode(document, RunStep) for document in (await connection.execute(query)).scalars()]


async def _count(connection: AsyncConnection, run: str) -> int:
    table = tuning_tables.tuning_steps
    query = sa.select(sa.func.count()).select_from(table).where(table.c.run == run)
    return int((await connection.execute(query)).scalar_one())
