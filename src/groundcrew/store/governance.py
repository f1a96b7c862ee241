"""What only gates ask of the recorded rows: who built a use case, which rows counted, outcomes since a moment, costs of cases."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.audit import AuditEntry
from groundcrew.domain.feedback import Outcome
from groundcrew.store import catalog, kept_documents, outcome_sums, rating_sums, rollups, tables
from groundcrew.store.database import decode
from groundcrew.store.memory import Memory
from groundcrew.store.rows import stamp

#: Newest priced calls that the cost of a case is estimated from.
COSTED_CALLS_MAX = 20_000
#: Use cases whose builders are kept in memory, those asked for last.
USE_CASES_MAX = 1_000
#: What an audit entry is called that shapes a version: its declaration, its hypothesis, or anything that changed the digest.
BUILDING = ("apply", "register", "version_changed")
#: What an entry about a use case is called that may give it another owner or champion; its details name those before and after.
NAMING = ("apply", "hand_over")


class Builders(NamedTuple):
    """Who shaped a use case: the actors of what was done to it, and everybody who was ever named as its owner or champion, as
    they were named then."""

    actors: frozenset[str] = frozenset()
    holders: frozenset[str] = frozenset()


class _Built(NamedTuple):
    """The entries about these subjects as far as they were read: who built, and the newest of them with its hash."""

    subjects: tuple[str, ...]
    sequence: int
    hash: str
    builders: Builders


class _Named(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the document of a use case names."""

    owner: str = ""
    champion: str | None = None


_BUILT: Memory[str, _Built] = Memory(USE_CASES_MAX)


async def builders(connection: AsyncConnection, use_case: str) -> Builders:
    """Who declared a use case, wrote or registered its hypothesis, or changed its version, and who ever owned or championed it,
    as the audit log has it.

    Entries never change, so that only those past the newest known one are read: its hash is over all before it, and where it is
    not the one that was known, everything is read anew.
    """
    table = tables.audit_entries
    ids = (await connection.execute(sa.select(tables.hypotheses.c.id).where(tables.hypotheses.c.use_case == use_case))).scalars()
    subjects = (
        catalog.USE_CASES.subject(use_case),
        f"version/{use_case}",
        *sorted(catalog.HYPOTHESES.subject(each) for each in ids),
    )
    query = (
        sa.select(table.c.sequence, table.c.hash, table.c.document)
        .where(table.c.subject.in_(subjects))
        .order_by(table.c.sequence)
    )
    known = _BUILT.get(connection, use_case)
    rows: list[Any] = []
    if known is not None and known.subjects == subjects:
        rows = list((await connection.execute(query.where(table.c.sequence >= known.sequence))).all())
    if known is None or not rows or (rows[0].sequence, rows[0].hash) != (known.sequence, known.hash):
        known, rows = None, list((await connection.execute(query)).all())
    entries = [decode(row.document, AuditEntry) for row in rows]
    found = known.builders if known is not None else Builders()
    actors = found.actors | {each.actor for each in entries if each.action in BUILDING}
    holders = found.holders | await _holders(connection, [each for each in entries if each.subject == subjects[0]])
    found = Builders(actors, holders)
    if rows:
        _BUILT.put(connection, use_case, _Built(subjects, rows[-1].sequence, rows[-1].hash, found))
    return found


async def _holders(connection: AsyncConnection, entries: list[AuditEntry]) -> set[str]:
    """Whom these entries about a use case name as its owner or champion. Those of earlier releases that name nobody are told
    from the document that they are about, where it was kept."""
    holders: set[str] = set()
    for entry in entries:
        if entry.action not in NAMING:
            continue
        details = entry.details
        named = details["people"] if "people" in details else [details.get("from"), details.get("to")]
        if not any(named) and entry.subject_digest is not None:
            document = await kept_documents.kept(connection, entry.subject_digest)
            kept = decode(document, _Named) if document is not None else _Named()
            named = [kept.owner, kept.champion]
        holders.update(str(each) for each in named if each)
    return holders


async def account_names(connection: AsyncConnection) -> list[str]:
    """The names of all accounts, closed ones too."""
    return list((await connection.execute(sa.select(tables.users.c.id))).scalars())


async def version_change(connection: AsyncConnection, use_case: str, before: str, since: datetime) -> AuditEntry | None:
    """The first entry after `since` that says that the version with the digest `before` was replaced, and by whom; None where
    none does."""
    table = tables.audit_entries
    query = sa.select(table.c.document).where(table.c.subject == f"version/{use_case}").order_by(table.c.sequence)
    for document in (await connection.execute(query)).scalars():
        entry = decode(document, AuditEntry)
        if entry.action == "version_changed" and entry.details.get("before") == before and entry.at >= since:
            return entry
    return None


async def rows_mark(connection: AsyncConnection, table: str, use_case: str, version_digest: str) -> tuple[int, str | None]:
    """How many real rows of `ratings`, `outcomes`, `trust_labels` or `calls` of one version count, and the id of the newest.

    Of ratings of one rater and of outcomes of one case the newest counts; copies by shadows and trials never do. From kept sums;
    labels, which people give one at a time, are counted."""
    if table == "ratings":
        kept = await rating_sums.of_version(connection, use_case, version_digest, sample=False)
        return kept.n, kept.newest.rpartition(" ")[2] or None
    if table == "trust_labels":
        labels = tables.trust_labels.c
        query = sa.select(sa.func.count(), sa.func.max(labels.id)).where(
            labels.use_case == use_case, labels.version_digest == version_digest, labels.counted
        )
        number, newest = (await connection.execute(query)).one()
        return int(number), newest
    if table == "calls":
        number = sum((await rollups.status_counts(connection, use_case, version_digest, samples=False)).values())
        rows = tables.calls.c
        served: tuple[sa.ColumnElement[bool], ...] = (rows.shadow_of.is_(None), rows.trial.is_(None))
    else:
        sums = await outcome_sums.of_version(connection, use_case, version_digest)
        number, rows, served = sum(each.outcomes for each in sums if not each.sample), tables.outcomes.c, ()
    if number == 0:
        return 0, None
    # Ids rise with time: of a version with rows the newest is found near the end.
    last = (
        sa.select(rows.id)
        .where(rows.use_case == use_case, rows.version_digest == version_digest, ~rows.sample, *served)
        .order_by(rows.id.desc())
        .limit(1)
    )
    return number, (await connection.execute(last)).scalar_one_or_none()


async def outcomes_since(
    connection: AsyncConnection, use_case: str, version_digest: str, since: datetime | None, metric: str
) -> list[Outcome]:
    """The newest real outcome of each case of `metric`, if it is of that version and of what happened after `since`. Sample
    outcomes replace no real ones."""
    table = tables.outcomes
    newest = (
        sa.select(sa.func.max(table.c.id))
        .where(table.c.use_case == use_case, table.c.metric == metric, ~table.c.sample)
        .group_by(table.c.case_id)
        .scalar_subquery()
    )
    query = sa.select(table.c.document).where(table.c.id.in_(newest), table.c.version_digest == version_digest)
    if since is not None:
        query = query.where(table.c.at > stamp(since))
    return [decode(document, Outcome) for document in (await connection.execute(query.order_by(table.c.id))).scalars()]


async def newest_outcome(connection: AsyncConnection, use_case: str) -> str | None:
    """The hash of the audit entry of the outcomes that arrived last: another one with every batch."""
    table = tables.audit_entries
    query = sa.select(table.c.hash).where(table.c.subject == f"outcomes/{use_case}").order_by(table.c.sequence.desc()).limit(1)
    newest: str | None = (await connection.execute(query)).scalar_one_or_none()
    return newest


async def case_costs(connection: AsyncConnection, use_case: str, version_digest: str) -> list[tuple[str | None, float | None]]:
    """(case id, USD) of the newest real calls of one version that were answered or tried, at most COSTED_CALLS_MAX."""
    table, first = tables.calls, await rollups.first_day(connection, use_case, version_digest)
    if first is None:
        return []
    query = (
        sa.select(table.c.case_id, table.c.cost_usd)
        .where(
            table.c.use_case == use_case,
            # Whatever came before the version did is not walked along.
            table.c.received_at >= first,
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
