"""Drift monitors in the database: how far recorded calls were read, features of calls that wait for their window, references,
windows, and how each monitor stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.call import Call
from groundcrew.domain.canonical import canonical_json
from groundcrew.domain.drift import CallFeatures, DriftReference, DriftWindow, ReferenceHead
from groundcrew.store.collection import IDS_MAX, Collection
from groundcrew.store.database import decode
from groundcrew.store.oversight_tables import (
    drift_calls,
    drift_mark,
    drift_monitors,
    drift_references,
    drift_windows,
)
from groundcrew.store.rows import insert_rows, stamp
from groundcrew.store.tables import calls, ratings

#: Ratings of one window or reference that are looked at, the first ones.
RATINGS_MAX = 1_000

REFERENCES = Collection(
    drift_references,
    DriftReference,
    "drift-reference",
    identify=lambda each: each.id,
    columns=lambda each: {
        "use_case": each.use_case,
        "version_digest": each.version_digest,
        "made_at": stamp(each.made_at),
    },
)
WINDOWS = Collection(
    drift_windows,
    DriftWindow,
    "drift-window",
    identify=lambda each: each.id,
    columns=lambda each: {"use_case": each.use_case, "version_digest": each.version_digest},
)


class Mark(NamedTuple):
    """How far recorded calls were read, in the order in which they arrived, and how each monitor samples them (JSON)."""

    batch: int
    call_id: str
    read_at_s: float
    samplers: str


class Arrived(NamedTuple):
    """A recorded call that was not looked at yet. `counts` is False for what was for nobody, or is no real use."""

    batch: int
    id: str
    use_case: str
    version_digest: str
    received_at: datetime
    counts: bool


class Waiting(NamedTuple):
    """Calls of one version whose window is not full: how many, and when the last of them came."""

    use_case: str
    version_digest: str
    calls: int
    newest: datetime


class MonitorRow(NamedTuple):
    """How the monitor of one version stands (JSON); `revision` rises with each change."""

    revision: int
    looked_at_s: float
    document: str


class Span(NamedTuple):
    """From when to when."""

    first: datetime
    last: datetime


class Stars(NamedTuple):
    """A rating of a call or case, and who gave it."""

    stars: int
    rater: str


async def mark(connection: AsyncConnection) -> Mark:
    """How far calls were read."""
    columns = drift_mark.c
    row = (await connection.execute(sa.select(columns.batch, columns.call_id, columns.read_at_s, columns.samplers))).one()
    return Mark(*row)


async def lease(connection: AsyncConnection, owner: str, now_s: float, *, seconds: float) -> bool:
    """Take or renew the right to read calls for `owner`; False while somebody else has it."""
    columns = drift_mark.c
    free = sa.or_(columns.owner == owner, columns.lease_until_s < now_s)
    taken = await connection.execute(drift_mark.update().where(free).values(owner=owner, lease_until_s=now_s + seconds))
    return taken.rowcount == 1


async def release(connection: AsyncConnection, owner: str) -> None:
    """Give the right back, if `owner` has it."""
    await connection.execute(drift_mark.update().where(drift_mark.c.owner == owner).values(owner="", lease_until_s=0.0))


async def move_mark(connection: AsyncConnection, was: Mark, now: Mark) -> bool:
    """Move the mark on, unless somebody else has moved it since it was read."""
    columns = drift_mark.c
    same = (columns.batch == was.batch, columns.call_id == was.call_id, columns.read_at_s == was.read_at_s)
    moved = await connection.execute(drift_mark.update().where(*same).values(**now._asdict()))
    return moved.rowcount == 1


async def arrived(connection: AsyncConnection, after: Mark, *, limit: int) -> list[Arrived]:
    """The next recorded calls past the mark, in the order in which they arrived: a spool that ships late is not passed over."""
    columns = calls.c
    # Of a stream whose end is not recorded nothing is known.
    counts = sa.and_(columns.shadow_of.is_(None), columns.trial.is_(None), ~columns.sample, columns.status != "opened")
    query = (
        sa.select(columns.batch, columns.id, columns.use_case, columns.version_digest, columns.received_at, counts)
        .where(columns.batch >= after.batch)
        .where(sa.or_(columns.batch > after.batch, columns.id > after.call_id))
        .order_by(columns.batch, columns.id)
        .limit(limit)
    )
    return [
        Arrived(batch, call_id, use_case, digest, datetime.fromisoformat(received_at), bool(own))
        for batch, call_id, use_case, digest, received_at, own in (await connection.execute(query)).all()
    ]


async def read_between(
    connection: AsyncConnection, use_case: str, version_digest: str, since: datetime, until: datetime, *, limit: int
) -> list[str]:
    """Ids of the calls of a version that were received from `since` to before `until`, in order; those that were read already."""
    columns, mark_of = calls.c, drift_mark.c
    read = sa.or_(columns.batch < mark_of.batch, sa.and_(columns.batch == mark_of.batch, columns.id <= mark_of.call_id))
    query = (
        sa.select(columns.id)
        .select_from(calls.join(drift_mark, read))
        .where(columns.use_case == use_case, columns.version_digest == version_digest)
        .where(columns.received_at >= stamp(since), columns.received_at < stamp(until))
        .where(columns.shadow_of.is_(None), columns.trial.is_(None), ~columns.sample, columns.status != "opened")
        .order_by(columns.id)
        .limit(limit)
    )
    return list((await connection.execute(query)).scalars())


async def documents(connection: AsyncConnection, ids: Sequence[str]) -> list[Call]:
    """The calls with these ids, by id."""
    found: list[Call] = []
    for start in range(0, len(ids), IDS_MAX):
        some = list(ids[start : start + IDS_MAX])
        some += some[-1:] * ((1 << (len(some) - 1).bit_length()) - len(some))
        query = sa.select(calls.c.document).where(calls.c.id.in_(some))
        found += [decode(document, Call) for document in (await connection.execute(query)).scalars()]
    return sorted(found, key=lambda each: each.id)


async def keep(connection: AsyncConnection, use_case: str, version_digest: str, found: Sequence[CallFeatures]) -> None:
    """Keep the features of calls of a version until their window is full; those that are kept already stay."""
    names = ("id", "use_case", "version_digest", "received_at", "document")
    known = set[str]()
    for start in range(0, len(found), IDS_MAX):
        some = [each.id for each in found[start : start + IDS_MAX]]
        known.update((await connection.execute(sa.select(drift_calls.c.id).where(drift_calls.c.id.in_(some)))).scalars())
    values = [
        (each.id, use_case, version_digest, stamp(datetime.fromtimestamp(each.at, UTC)), canonical_json(each).decode())
        for each in found
        if each.id not in known
    ]
    await insert_rows(connection, drift_calls, names, values)


async def waiting(connection: AsyncConnection) -> list[Waiting]:
    """Which versions have calls that wait for their window."""
    columns = drift_calls.c
    query = sa.select(columns.use_case, columns.version_digest, sa.func.count(), sa.func.max(columns.received_at)).group_by(
        columns.use_case, columns.version_digest
    )
    return [
        Waiting(use_case, digest, int(number), datetime.fromisoformat(newest))
        for use_case, digest, number, newest in (await connection.execute(query)).all()
    ]


async def kept(
    connection: AsyncConnection, use_case: str, version_digest: str, *, limit: int, before: datetime | None = None
) -> list[CallFeatures]:
    """The first calls that wait, by id; those received before a time where one is given."""
    columns = drift_calls.c
    query = (
        sa.select(columns.document)
        .where(columns.use_case == use_case, columns.version_digest == version_digest)
        .order_by(columns.id)
        .limit(limit)
    )
    if before is not None:
        query = query.where(columns.received_at < stamp(before))
    return [decode(document, CallFeatures) for document in (await connection.execute(query)).scalars()]


async def newest_kept(connection: AsyncConnection, use_case: str, version_digest: str) -> Span | None:
    """When the calls of a version that wait were received; None where none waits."""
    columns = drift_calls.c
    query = sa.select(sa.func.min(columns.received_at), sa.func.max(columns.received_at)).where(
        columns.use_case == use_case, columns.version_digest == version_digest
    )
    first, last = (await connection.execute(query)).one()
    return Span(datetime.fromisoformat(first), datetime.fromisoformat(last)) if first is not None else None


async def drop(
    connection: AsyncConnection, use_case: str, version_digest: str, *, up_to: str | None = None, before: datetime | None = None
) -> None:
    """Forget calls that waited: all of a version, or those up to an id, or received before a time."""
    columns = drift_calls.c
    gone = drift_calls.delete().where(columns.use_case == use_case, columns.version_digest == version_digest)
    if up_to is not None:
        gone = gone.where(columns.id <= up_to)
    if before is not None:
        gone = gone.where(columns.received_at < stamp(before))
    await connection.execute(gone)


async def versions(connection: AsyncConnection, use_case: str) -> list[str]:
    """The versions of a use case that have a monitor."""
    query = sa.select(drift_monitors.c.version_digest).where(drift_monitors.c.use_case == use_case)
    return list((await connection.execute(query)).scalars())


async def monitor(connection: AsyncConnection, use_case: str, version_digest: str) -> MonitorRow | None:
    """How the monitor of a version stands; None before its first look."""
    columns = drift_monitors.c
    query = sa.select(columns.revision, columns.looked_at_s, columns.document).where(*_of(use_case, version_digest))
    row = (await connection.execute(query)).first()
    return MonitorRow(*row) if row is not None else None


async def put_monitor(
    connection: AsyncConnection,
    use_case: str,
    version_digest: str,
    was: MonitorRow | None,
    document: str,
    *,
    looked_at_s: float,
    asked: bool,
) -> bool:
    """Write how a monitor stands now, unless somebody else has since it was read."""
    values: dict[str, Any] = {"looked_at_s": looked_at_s, "document": document, "asked": asked}
    if was is None:
        if await monitor(connection, use_case, version_digest) is not None:
            return False
        key = {"use_case": use_case, "version_digest": version_digest, "revision": 1}
        await connection.execute(drift_monitors.insert().values(**key, **values))
        return True
    own = (*_of(use_case, version_digest), drift_monitors.c.revision == was.revision)
    done = await connection.execute(drift_monitors.update().where(*own).values(revision=was.revision + 1, **values))
    return done.rowcount == 1


async def asked(connection: AsyncConnection) -> list[tuple[str, str]]:
    """Use case and version of each monitor of which a reference is wanted."""
    columns = drift_monitors.c
    query = sa.select(columns.use_case, columns.version_digest).where(columns.asked)
    return [(use_case, digest) for use_case, digest in (await connection.execute(query)).all()]


def _of(use_case: str, version_digest: str) -> tuple[sa.ColumnElement[bool], ...]:
    return drift_monitors.c.use_case == use_case, drift_monitors.c.version_digest == version_digest


async def newest_reference(
    connection: AsyncConnection, use_case: str, *, version_digest: str | None = None, other_than: str | None = None
) -> str | None:
    """Id of the reference that was made last: of a version, or of any version but one."""
    columns = drift_references.c
    query = sa.select(columns.id).where(columns.use_case == use_case).order_by(columns.made_at.desc()).limit(1)
    if version_digest is not None:
        query = query.where(columns.version_digest == version_digest)
    if other_than is not None:
        query = query.where(columns.version_digest != other_than)
    found: str | None = (await connection.execute(query)).scalar_one_or_none()
    return found


async def heads(connection: AsyncConnection, use_case: str, *, limit: int) -> list[ReferenceHead]:
    """The references of a use case, newest first, without what they hold."""
    columns = drift_references.c
    query = sa.select(columns.document).where(columns.use_case == use_case).order_by(columns.made_at.desc()).limit(limit)
    return [decode(document, ReferenceHead) for document in (await connection.execute(query)).scalars()]


async def head(connection: AsyncConnection, reference: str) -> ReferenceHead | None:
    """One reference without what it holds."""
    query = sa.select(drift_references.c.document).where(drift_references.c.id == reference)
    document = (await connection.execute(query)).scalar_one_or_none()
    return decode(document, ReferenceHead) if document is not None else None


async def newest_windows(connection: AsyncConnection, use_case: str, version_digest: str, *, limit: int) -> list[DriftWindow]:
    """The windows of a version that were looked at last, oldest first."""
    columns = drift_windows.c
    query = (
        sa.select(columns.document)
        .where(columns.use_case == use_case, columns.version_digest == version_digest)
        .order_by(columns.id.desc())
        .limit(limit)
    )
    return [decode(document, DriftWindow) for document in (await connection.execute(query)).scalars()][::-1]


async def stars(connection: AsyncConnection, use_case: str, version_digest: str, since: datetime, until: datetime) -> list[Stars]:
    """The ratings of a version that were given from `since` to before `until`, sample data apart."""
    columns = ratings.c
    query = (
        sa.select(columns.stars, columns.rater)
        .where(columns.use_case == use_case, columns.version_digest == version_digest, columns.sample == sa.false())
        .where(columns.at >= stamp(since), columns.at < stamp(until))
        .order_by(columns.at, columns.id)
        .limit(RATINGS_MAX)
    )
    return [Stars(*row) for row in (await connection.execute(query)).all()]


def encoded(value: msgspec.Struct) -> str:
    """A struct as the text of its row."""
    return canonical_json(value).decode()
