"""Evaluation suites, each version inserted once and never changed, and the results of runs, in batches as calls are."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.evaluation import EvaluationResult, EvaluationSuite
from groundcrew.store import tables
from groundcrew.store.collection import Collection
from groundcrew.store.database import Writer, decode

SUITES = Collection(
    tables.evaluation_suites,
    EvaluationSuite,
    "evaluation-suite",
    identify=lambda each: each.id,
    columns=lambda each: {"name": each.content.name, "use_case": each.content.use_case, "version": each.version},
)
RESULTS = Collection(
    tables.evaluation_results,
    EvaluationResult,
    "evaluation-result",
    identify=lambda each: each.id,
    columns=lambda each: {"job_id": each.job_id, "suite": each.suite, "case_id": each.case_id},
)


async def newest(connection: AsyncConnection, name: str) -> EvaluationSuite | None:
    """The newest version of a suite."""
    found = await SUITES.find(connection, name=name, newest_first=True, limit=1)
    return found[0] if found else None


async def newest_of_each(connection: AsyncConnection) -> list[EvaluationSuite]:
    """The newest version of every suite, by name."""
    table = tables.evaluation_suites
    last = sa.select(sa.func.max(table.c.id)).group_by(table.c.name).scalar_subquery()
    query = sa.select(table.c.document).where(table.c.id.in_(last)).order_by(table.c.id)
    return [decode(document, EvaluationSuite) for document in (await connection.execute(query)).scalars()]


async def insert(writer: Writer, rows: Sequence[EvaluationResult], job_id: str) -> None:
    """Insert results that are not there yet, under one audit entry."""
    await RESULTS.insert_batch(writer, list(rows), "evaluate", f"evaluations/{job_id}", details={"job": job_id})


async def results(connection: AsyncConnection, job_id: str) -> list[EvaluationResult]:
    """Everything that one run has so far, by case and repeat."""
    return await RESULTS.find(connection, job_id=job_id)
