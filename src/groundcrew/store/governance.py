"""What only gates ask of the recorded rows: who built a use case, which rows counted, outcomes since a moment, costs of cases."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.audit import AuditEntry
from groundcrew.domain.feedback import Outcome
from groundcrew.store import catalog, tables
from groundcrew.store.database import decode
from groundcrew.store.rows import stamp

#: Newest priced calls that the cost of a case is estimated from.
COSTED_CALLS_MAX = 20_000
#: What an audit entry is called that shapes a version: its declaration, its hypothesis, or anything that changed the digest.
BUILDING = ("apply", "register", "version_changed")


async def builders(connection: AsyncConnection, use_case: str) -> frozenset[str]:
    """The actors who declared a use case, wrote or registered its hypothesis, or changed its version, as the audit log has it."""
    table = tables.audit_entries
    versions = await catalog.HYPOTHESES.find(connection, use_case=use_case)
    subjects = (
        catalog.USE_CASES.subject(use_case),
        f"version/{use_case}",
        *(catalog.HYPOTHESES.subject(catalog.HYPOTHESES.identify(each)) for each in versions),
    )
    query = sa.select(table.c.document).where(table.c.subject.in_(subjects))
    entries = [decode(document, AuditEntry) for document in (await connection.execute(query)).scalars()]
    return frozenset(entry.actor for entry in entries if entry.action in BUILDING)


async def rows_mark(connection: AsyncConnection, table: str, use_case: str, version_digest: str) -> tuple[int, str | None]:
    """How many real rows of `ratings`, `outcomes`, `trust_labels` or `calls` one version has, and the id of the newest."""
    counted: Any = tables.metadata.tables[table]
    query = sa.select(sa.func.count(), sa.func.max(counted.c.id)).where(
        counted.c.use_case == use_case, counted.c.version_digest == version_digest
    )
    if "sample" in counted.c:
        query = query.where(~counted.c.sample)
    if table == "trust_labels":
        query = query.where(counted.c.counted)
    number, newest = (await connection.execute(query)).one()
    return int(number), newest


async def outcomes_since(
    connection: AsyncConnection,
    use_case: str,
    version_digest: str,
    since: datetime | None,
    metrics: tuple[str, ...],
) -> list[Outcome]:
    """The newest real outcome of each case and of each of `metrics`, of one version, of what happened after `since`."""
    table = tables.outcomes
    newest = (
        sa.select(sa.func.max(table.c.id))
        .where(table.c.use_case == use_case, table.c.metric.in_(metrics), ~table.c.sample)
        .group_by(table.c.metric, table.c.case_id)
        .scalar_subquery()
    )
    query = sa.select(table.c.document).where(table.c.id.in_(newest), table.c.version_digest == version_digest)
    if since is not None:
        query = query.where(table.c.at > stamp(since))
    return [decode(document, Outcome) for document in (await connection.execute(query.order_by(table.c.id))).scalars()]


async def newest_outcome(connection: AsyncConnection, use_case: str) -> str | None:
    """The id of the outcome that arrived last."""
    query = sa.select(sa.func.max(tables.outcomes.c.id)).where(tables.outcomes.c.use_case == use_case)
    newest: str | None = (await connection.execute(query)).scalar_one()
    return newest


async def case_costs(connection: AsyncConnection, use_case: str, version_digest: str) -> list[tuple[str | None, float | None]]:
    """(case id, USD) of the newest real calls of one version that were answered or tried, at most COSTED_CALLS_MAX."""
    table = tables.calls
    query = (
        sa.select(table.c.case_id, table.c.cost_usd)
        .where(
            table.c.use_case == use_case,
            table.c.version_digest == version_digest,
            table.c.status.not_in(("refused", "opened")),
            ~table.c.sample,
            table.c.shadow_of.is_(None),
            table.c.trial.is_(None),
        )
        .order_by(table.c.received_at.desc())
        .limit(COSTED_CALLS_MAX)
    )
    return [(case_id, cost) for case_id, cost in await connection.execute(query)]
