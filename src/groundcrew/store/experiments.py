"""Experiments: who met which one first and when; outcomes and exposures as plain columns for their analysis; kept looks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.assignment import ExperimentExposure, exposure_id
from groundcrew.domain.canonical import canonical_json
from groundcrew.metrics.experiment_look import ANALYSIS_VERSION, ExperimentLook
from groundcrew.store import tables
from groundcrew.store.collection import Collection
from groundcrew.store.database import Writer
from groundcrew.store.rows import stamp

#: Rows that are read at a time; rows of one page of exposures.
PAGE_ROWS, EXPOSURES_SHOWN_MAX = 20_000, 1_000

EXPOSURES = Collection(
    tables.exposures,
    ExperimentExposure,
    "exposure",
    identify=lambda each: each.id,
    columns=lambda each: {
        "use_case": each.use_case,
        "experiment": each.experiment,
        "unit_id": each.unit_id,
        "arm": each.arm,
        "cluster": each.cluster,
        "exposed_at": stamp(each.exposed_at),
    },
)


class OutcomeRow(NamedTuple):
    """What an analysis reads of an outcome; `at` is the stamp that sorts by time."""

    id: str
    metric: str
    case_id: str
    value: float
    at: str
    version_digest: str
    unit_id: str | None
    arm: str | None
    cluster: str | None
    sample: bool


class ExposureRow(NamedTuple):
    """What an analysis reads of an exposure."""

    unit_id: str
    arm: str
    cluster: str | None
    exposed_at: str


LOOKS = Collection(
    tables.experiment_looks,
    ExperimentLook,
    "experiment-look",
    identify=lambda each: each.id,
    columns=lambda each: {
        "use_case": each.use_case,
        "experiment": each.experiment,
        "version_digest": each.version_digest,
        "mark": each.mark,
    },
)


async def known_exposures(connection: AsyncConnection, experiment: str, units: Sequence[str]) -> dict[str, ExperimentExposure]:
    """The exposures of those of `units` that have met the experiment, by unit."""
    found: dict[str, ExperimentExposure] = {}
    for start in range(0, len(units), 512):
        ids = [exposure_id(experiment, unit) for unit in units[start : start + 512]]
        for each in await EXPOSURES.find_ids(connection, ids):
            found[each.unit_id] = each
    return found


async def insert_exposures(writer: Writer, use_case: str, exposures: Sequence[ExperimentExposure]) -> None:
    """Insert exposures of one use case that are not there yet, under one audit entry."""
    rows = [(each.id, canonical_json(each), EXPOSURES.columns(each)) for each in sorted(exposures, key=lambda each: each.id)]
    await EXPOSURES.insert_documents(writer, rows, "expose", f"exposures/{use_case}", details={"use_case": use_case})


async def outcome_rows(connection: AsyncConnection, use_case: str) -> AsyncIterator[Sequence[OutcomeRow]]:
    """All outcomes of a use case in the order of their arrival, a page at a time: of one metric and case the last counts."""
    table = tables.outcomes
    columns = [table.c[name] for name in OutcomeRow._fields]
    every = sa.select(*columns).where(table.c.use_case == use_case).order_by(table.c.id).limit(PAGE_ROWS)
    query = every
    while True:
        page = [OutcomeRow(*row) for row in (await connection.execute(query)).all()]
        yield page
        if len(page) < PAGE_ROWS:
            return
        query = every.where(table.c.id > page[-1].id)


async def exposure_rows(connection: AsyncConnection, experiment: str) -> dict[str, ExposureRow]:
    """All exposures of an experiment, by unit."""
    table = tables.exposures
    columns = [table.c[name] for name in ExposureRow._fields]
    rows = (await connection.execute(sa.select(*columns).where(table.c.experiment == experiment))).all()
    return {row[0]: ExposureRow(*row) for row in rows}


async def exposed_before(connection: AsyncConnection, use_case: str, experiment: str, before: str) -> set[str]:
    """Units of a use case that met another of its experiments before that time."""
    table = tables.exposures
    query = sa.select(table.c.unit_id).where(
        table.c.use_case == use_case, table.c.experiment != experiment, table.c.exposed_at < before
    )
    return set((await connection.execute(query)).scalars())


async def exposure_counts(connection: AsyncConnection, experiment: str) -> dict[str, int]:
    """How many units are in each arm."""
    table = tables.exposures
    query = sa.select(table.c.arm, sa.func.count()).where(table.c.experiment == experiment).group_by(table.c.arm)
    return {arm: int(number) for arm, number in (await connection.execute(query)).all()}


async def first_exposed_at(connection: AsyncConnection, experiment: str) -> str | None:
    """The stamp of the experiment's first exposure."""
    table = tables.exposures
    query = sa.select(sa.func.min(table.c.exposed_at)).where(table.c.experiment == experiment)
    found: str | None = (await connection.execute(query)).scalar_one_or_none()
    return found


async def latest_exposures(connection: AsyncConnection, experiment: str, *, limit: int) -> list[ExperimentExposure]:
    """The newest exposures first."""
    table = tables.exposures
    query = (
        sa.select(table.c.document)
        .where(table.c.experiment == experiment)
        .order_by(table.c.exposed_at.desc(), table.c.id)
        .limit(min(limit, EXPOSURES_SHOWN_MAX))
    )
    return [EXPOSURES.decode(document) for document in (await connection.execute(query)).scalars()]


async def mark_of(connection: AsyncConnection, use_case: str) -> str:
    """How far outcomes and exposures of a use case go: their newest audit entries. It changes with every batch of either, and
    with what decides on them."""
    table = tables.audit_entries
    ends = []
    for subject in (f"outcomes/{use_case}", f"exposures/{use_case}"):
        query = sa.select(sa.func.max(table.c.sequence)).where(table.c.subject == subject)
        ends.append((await connection.execute(query)).scalar_one_or_none() or 0)
    return "-".join(map(str, (ANALYSIS_VERSION, *ends)))


async def latest_look(connection: AsyncConnection, experiment: str, version_digest: str) -> ExperimentLook | None:
    """The newest look at one version."""
    looks = await looks_of(connection, experiment, version_digest, limit=1)
    return looks[0] if looks else None


async def looks_of(connection: AsyncConnection, experiment: str, version_digest: str, *, limit: int) -> list[ExperimentLook]:
    """The newest looks at one version first."""
    return await LOOKS.find(connection, experiment=experiment, version_digest=version_digest, newest_first=True, limit=limit)


async def look_count(connection: AsyncConnection, experiment: str, version_digest: str | None = None) -> int:
    """How many looks at an experiment were kept, at one version where given."""
    if version_digest is None:
        return await LOOKS.count(connection, experiment=experiment)
    return await LOOKS.count(connection, experiment=experiment, version_digest=version_digest)
