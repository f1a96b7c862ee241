"""Searching the audit log, a page at a time and each within a bounded time, however long the log is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.audit import AuditEntry
from groundcrew.domain.audit_search import Wanted
from groundcrew.store.database import decode
from groundcrew.store.rows import stamp
from groundcrew.store.tables import audit_entries

#: The newest entries that are looked through before an index is asked: what is frequent is found here without sorting it all.
NEAR_ENTRIES = 10_000
#: Entries whose text is looked at for one page; the page says how far it came.
TEXT_ENTRIES_MAX = 20_000
#: How far servers' clocks may put entries out of their order: a search for text in a time looks so many entries further.
OUT_OF_ORDER_MAX = 10_000
#: Behind everything that subjects are made of.
_LAST = "\U0010ffff"


async def search(
    connection: AsyncConnection, wanted: Wanted, *, before: int | None, limit: int
) -> tuple[list[AuditEntry], int | None]:
    """The newest entries first, older than entry `before` where given; and what to give as `before` for the next page, None where
    there is none."""
    if wanted.text:
        return await _by_text(connection, wanted, before=before, limit=limit)
    if wanted.is_timed:
        return await _by_time(connection, wanted, before=before, limit=limit)
    columns = audit_entries.c
    end = await _end(connection, before)
    near = end - NEAR_ENTRIES
    order = columns.sequence.desc()
    found = await _page(connection, wanted, columns.sequence < end, columns.sequence >= near, order=[order], limit=limit)
    if len(found) < limit and near > 1:
        # What is rare lies together in an index; there is little of it to sort.
        found = await _page(connection, wanted, columns.sequence < end, order=[order], limit=limit)
    return found, found[-1].sequence if len(found) == limit else None


async def _by_time(
    connection: AsyncConnection, wanted: Wanted, *, before: int | None, limit: int
) -> tuple[list[AuditEntry], int | None]:
    """By time, along its index: servers' clocks differ, so that this is not quite the order of the chain."""
    columns = audit_entries.c
    where: list[sa.ColumnElement[bool]] = []
    if before is not None:
        at = (await connection.execute(sa.select(columns.at).where(columns.sequence == before))).scalar_one_or_none()
        if at is None:
            return [], None
        where.append(sa.or_(columns.at < at, sa.and_(columns.at == at, columns.sequence < before)))
    order = [columns.at.desc(), columns.sequence.desc()]
    found = await _page(connection, wanted, *where, order=order, limit=limit)
    return found, found[-1].sequence if len(found) == limit else None


async def _by_text(
    connection: AsyncConnection, wanted: Wanted, *, before: int | None, limit: int
) -> tuple[list[AuditEntry], int | None]:
    columns = audit_entries.c
    end, low = await _end(connection, before), 1
    if wanted.until is not None:
        newest = sa.select(columns.sequence).where(columns.at < stamp(wanted.until)).order_by(columns.at.desc()).limit(1)
        found_at = (await connection.execute(newest)).scalar_one_or_none()
        end = min(end, found_at + 1 + OUT_OF_ORDER_MAX) if found_at is not None else 1
    if wanted.since is not None:
        oldest = sa.select(columns.sequence).where(columns.at >= stamp(wanted.since)).order_by(columns.at).limit(1)
        found_at = (await connection.execute(oldest)).scalar_one_or_none()
        low = max(1, found_at - OUT_OF_ORDER_MAX) if found_at is not None else end
    near = max(low, end - TEXT_ENTRIES_MAX)
    window = (columns.sequence < end, columns.sequence >= near)
    found = await _page(connection, wanted, *window, order=[columns.sequence.desc()], limit=limit)
    if len(found) == limit:
        return found, found[-1].sequence
    return found, near if near > low else None


async def _end(connection: AsyncConnection, before: int | None) -> int:
    if before is not None:
        return before
    return ((await connection.execute(sa.select(sa.func.max(audit_entries.c.sequence)))).scalar_one() or 0) + 1


async def _page(
    connection: AsyncConnection,
    wanted: Wanted,
    *where: sa.ColumnElement[bool],
    order: Sequence[sa.ColumnElement[Any]],
    limit: int,
) -> list[AuditEntry]:
    is_sqlite = connection.dialect.name == "sqlite"
    query = (
        sa.select(audit_entries.c.document).where(*where, *_conditions(wanted, is_sqlite=is_sqlite)).order_by(*order).limit(limit)
    )
    return [decode(document, AuditEntry) for document in (await connection.execute(query)).scalars()]


def _conditions(wanted: Wanted, *, is_sqlite: bool) -> list[sa.ColumnElement[bool]]:
    columns = audit_entries.c
    found: list[sa.ColumnElement[bool]] = []
    if wanted.actor is not None:
        found.append(sa.or_(*(_is(columns.actor, each, is_sqlite) for each in wanted.actors)))
    for name in ("action", "use_case"):
        value = getattr(wanted, name)
        if value is not None:
            found.append(_is(columns[name], value, is_sqlite))
    if wanted.beginning is not None:
        found += [columns.subject >= wanted.beginning, columns.subject < wanted.beginning + _LAST]
    elif wanted.subject is not None:
        found.append(columns.subject == wanted.subject)
    if wanted.since is not None:
        found.append(columns.at >= stamp(wanted.since))
    if wanted.until is not None:
        found.append(columns.at < stamp(wanted.until))
    if wanted.text:
        # SQLite's own LIKE takes letters in whatever case, at half the cost of asking for it.
        has = columns.document.contains if is_sqlite else columns.document.icontains
        found.append(has(wanted.needle, autoescape=True))
    return found


def _is(column: sa.ColumnElement[str], value: str, is_sqlite: bool) -> sa.ColumnElement[bool]:
    if not value.endswith("*"):
        return column == value
    # By bytes, as SQLite compares: a collation of PostgreSQL may order text otherwise.
    ordered = column if is_sqlite else sa.collate(column, "C")
    return sa.and_(ordered >= value[:-1], ordered < value[:-1] + _LAST)


async def as_of(connection: AsyncConnection, subject: str, moment: datetime, *, limit: int = 1) -> list[AuditEntry]:
    """The newest entries about `subject` that were there at `moment`, the newest first."""
    columns = audit_entries.c
    query = (
        sa.select(columns.document)
        .where(columns.subject == subject, columns.at <= stamp(moment))
        .order_by(columns.sequence.desc())
        .limit(limit)
    )
    return [decode(document, AuditEntry) for document in (await connection.execute(query)).scalars()]
