"""Sign-offs by what is looked up of them, and who has one before them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.absence import Absence
from groundcrew.domain.audit import AuditEntry
from groundcrew.domain.sign_off import Claim, SignOff
from groundcrew.store.collection import IDS_MAX
from groundcrew.store.database import decode
from groundcrew.store.rows import stamp
from groundcrew.store.tables import absences, audit_entries, sign_off_claims, sign_offs

#: Those that wait are looked through up to so many, the first wanted first.
WAITING_MAX = 500


async def pending_calls(connection: AsyncConnection, use_case: str, now: datetime) -> set[str]:
    """Calls of a use case whose answers wait for a signature that can still be given."""
    query = sa.select(sign_offs.c.call_id).where(
        sign_offs.c.use_case == use_case, sign_offs.c.state == "pending", sign_offs.c.expires_at > stamp(now)
    )
    return set((await connection.execute(query)).scalars())


async def pending_counts(connection: AsyncConnection, now: datetime) -> dict[str, int]:
    """How many answers of each use case wait for a signature that can still be given."""
    columns = sign_offs.c
    query = (
        sa.select(columns.use_case, sa.func.count())
        .where(columns.state == "pending", columns.expires_at > stamp(now))
        .group_by(columns.use_case)
    )
    return {name: int(number) for name, number in (await connection.execute(query)).all()}


async def pending_by_qualification(connection: AsyncConnection) -> dict[tuple[str, str], int]:
    """How many answers wait by use case and by what it takes to decide them."""
    columns = sign_offs.c
    query = (
        sa.select(columns.use_case, columns.qualification, sa.func.count())
        .where(columns.state == "pending")
        .group_by(columns.use_case, columns.qualification)
    )
    return {(name, wanted): int(number) for name, wanted, number in (await connection.execute(query)).all()}


async def waiting(
    connection: AsyncConnection, *, qualifications: Collection[str] | None, use_case: str | None, limit: int
) -> list[SignOff]:
    """Those that wait, the first wanted first; of these qualifications and of one use case where given."""
    columns = sign_offs.c
    query = sa.select(columns.document).where(columns.state == "pending").order_by(columns.due_at, columns.id).limit(limit)
    if qualifications is not None:
        query = query.where(columns.qualification.in_(sorted(qualifications)))
    if use_case is not None:
        query = query.where(columns.use_case == use_case)
    return [decode(document, SignOff) for document in (await connection.execute(query)).scalars()]


async def some_for(connection: AsyncConnection, qualifications: Collection[str], *, limit: int) -> list[SignOff]:
    """Up to `limit` each of those that wait for these qualifications and of those with an open second review, in no order: to be
    counted, on every page, without sorting what waits."""
    columns = sign_offs.c
    found: list[SignOff] = []
    for wanted in (columns.state == "pending", columns.review == "open"):
        query = sa.select(columns.document).where(wanted, columns.qualification.in_(sorted(qualifications))).limit(limit)
        found += [decode(document, SignOff) for document in (await connection.execute(query)).scalars()]
    return found


async def run_out(connection: AsyncConnection, now: datetime, *, limit: int) -> list[str]:
    """Ids of those that wait although their time is over, the oldest first."""
    columns = sign_offs.c
    query = sa.select(columns.id).where(columns.state == "pending", columns.expires_at <= stamp(now))
    return list((await connection.execute(query.order_by(columns.expires_at).limit(limit))).scalars())


async def with_texts(connection: AsyncConnection, use_case: str, now: datetime, *, after: str, limit: int) -> list[SignOff]:
    """Those of a use case that wait no more, or whose time is over, and that still hold their texts; by id, from the one after
    `after` on."""
    columns = sign_offs.c
    query = (
        sa.select(columns.document)
        .where(columns.use_case == use_case, columns.id > after)
        .where(sa.or_(columns.state != "pending", columns.expires_at <= stamp(now)))
        # A quote inside a string of JSON has a backslash before it: no text that somebody wrote looks like this.
        .where(sa.not_(columns.document.contains('"redacted_at":"', autoescape=True)))
        .order_by(columns.id)
        .limit(limit)
    )
    return [decode(document, SignOff) for document in (await connection.execute(query)).scalars()]


async def reviews(
    connection: AsyncConnection, state: str, *, qualifications: Collection[str] | None, use_case: str | None, limit: int
) -> list[SignOff]:
    """Those with a second review in `state` ("open" or "done"): open ones the oldest first, done ones the newest."""
    columns = sign_offs.c
    order = columns.id if state == "open" else columns.id.desc()
    query = sa.select(columns.document).where(columns.review == state).order_by(order).limit(limit)
    if qualifications is not None:
        query = query.where(columns.qualification.in_(sorted(qualifications)))
    if use_case is not None:
        query = query.where(columns.use_case == use_case)
    return [decode(document, SignOff) for document in (await connection.execute(query)).scalars()]


async def open_reviews(connection: AsyncConnection, *, ids: Collection[str] = (), calls: Collection[str] = ()) -> list[SignOff]:
    """Those of these, named by their ids or by their calls, whose second review is open, in no order."""
    columns = sign_offs.c
    found: list[SignOff] = []
    for column, values in ((columns.id, sorted(set(ids))), (columns.call_id, sorted(set(calls)))):
        for start in range(0, len(values), IDS_MAX):
            query = sa.select(columns.document).where(columns.review == "open", column.in_(values[start : start + IDS_MAX]))
            found += [decode(document, SignOff) for document in (await connection.execute(query)).scalars()]
    return found


async def recorded_digest(connection: AsyncConnection, subject: str) -> str | None:
    """What the audit log says that the subject's document hashes to; None where it says nothing of it."""
    query = (
        sa.select(audit_entries.c.document)
        .where(audit_entries.c.subject == subject)
        .order_by(audit_entries.c.sequence.desc())
        .limit(1)
    )
    document = (await connection.execute(query)).scalar_one_or_none()
    return decode(document, AuditEntry).subject_digest if document is not None else None


async def document_of(connection: AsyncConnection, sign_off_id: str) -> str | None:
    """The document as it is stored, byte for byte."""
    query = sa.select(sign_offs.c.document).where(sign_offs.c.id == sign_off_id)
    return (await connection.execute(query)).scalar_one_or_none()


async def claims(connection: AsyncConnection, ids: Sequence[str], now: datetime) -> dict[str, Claim]:
    """The claims that last now, by sign-off."""
    found: dict[str, Claim] = {}
    columns = sign_off_claims.c
    for start in range(0, len(ids), IDS_MAX):
        query = sa.select(sign_off_claims).where(
            columns.sign_off_id.in_(ids[start : start + IDS_MAX]), columns.until_s > now.timestamp()
        )
        for row in await connection.execute(query):
            until = datetime.fromtimestamp(row.until_s, UTC)
            found[row.sign_off_id] = Claim(sign_off_id=row.sign_off_id, holder=row.holder, until=until)
    return found


async def claim(connection: AsyncConnection, sign_off_id: str, holder: str, *, now: datetime, until: datetime) -> bool:
    """Take or renew a claim, in one statement; False where somebody else's lasts. Ends claims that are over."""
    table = sign_off_claims
    await connection.execute(table.delete().where(table.c.until_s <= now.timestamp()))
    values = {"sign_off_id": sign_off_id, "holder": holder, "until_s": until.timestamp()}
    # Whoever comes second waits for the first one's row, and then finds whose it is.
    return (await connection.execute(_insert(connection, values))).rowcount == 1


def _insert(connection: AsyncConnection, values: dict[str, object]) -> sa.Insert:
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = make(sign_off_claims).values(values)
    return statement.on_conflict_do_update(
        index_elements=["sign_off_id"],
        set_={"until_s": statement.excluded.until_s},
        where=sign_off_claims.c.holder == statement.excluded.holder,
    )


async def end_claim(connection: AsyncConnection, sign_off_id: str, holder: str | None = None) -> None:
    """End a claim, where it is this holder's if one is named."""
    query = sign_off_claims.delete().where(sign_off_claims.c.sign_off_id == sign_off_id)
    await connection.execute(query if holder is None else query.where(sign_off_claims.c.holder == holder))


async def end_claims_of(connection: AsyncConnection, holder: str) -> int:
    """End all claims of one person; how many there were."""
    return (await connection.execute(sign_off_claims.delete().where(sign_off_claims.c.holder == holder))).rowcount


async def absences_from(connection: AsyncConnection, now: datetime) -> list[Absence]:
    """Absences that last at `now` or are to come, the oldest entry first."""
    query = sa.select(absences.c.document).where(absences.c.ends_at > stamp(now)).order_by(absences.c.id)
    found = [decode(document, Absence) for document in (await connection.execute(query)).scalars()]
    return [each for each in found if each.ended_at is None]


async def absences_at(connection: AsyncConnection, now: datetime) -> list[Absence]:
    """Who is away now, the oldest entry first."""
    return [each for each in await absences_from(connection, now) if each.lasts_at(now)]
