"""Answers drawn to be labelled: inserted once with their calls, never changed; which is next for whom; and who looks at one
now."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.canonical import canonical_json
from groundcrew.domain.trust_label import Draw
from groundcrew.store.collection import Collection
from groundcrew.store.database import Writer, decode
from groundcrew.store.tables import label_draws, label_leases, trust_labels

LABEL_DRAWS = Collection(
    label_draws,
    Draw,
    "label-draw",
    identify=lambda each: each.id,
    columns=lambda each: {"use_case": each.use_case, "version_digest": each.version_digest, "rank": each.rank},
)


async def insert_draws(writer: Writer, draws: Sequence[Draw], *, gateway: str) -> None:
    """Insert draws of calls that were just inserted, so that none is there yet, under one audit entry."""
    rows = [(each.id, canonical_json(each), LABEL_DRAWS.columns(each)) for each in sorted(draws, key=lambda each: each.id)]
    await LABEL_DRAWS.insert_documents(writer, rows, "draw", f"label-draws/{gateway}", details={"gateway": gateway})


async def newest_batch(connection: AsyncConnection, use_case: str, version_digest: str) -> int:
    """The newest batch that holds draws of a version; 0 where there is none."""
    query = sa.select(sa.func.max(label_draws.c.batch)).where(
        label_draws.c.use_case == use_case, label_draws.c.version_digest == version_digest
    )
    return int((await connection.execute(query)).scalar_one() or 0)


async def newest_draws(connection: AsyncConnection, use_case: str, version_digest: str, *, limit: int) -> list[Draw]:
    """The newest draws of a version, by id."""
    equal = {"use_case": use_case, "version_digest": version_digest}
    return (await LABEL_DRAWS.find(connection, newest_first=True, limit=limit, **equal))[::-1]


async def labels_mark(connection: AsyncConnection, use_case: str) -> tuple[int, str, int]:
    """How many labels a use case has, the newest, and how long they are together: another mark when one comes, or loses its
    text."""
    columns = trust_labels.c
    length = sa.func.coalesce(sa.func.sum(sa.func.length(columns.document)), 0)
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.max(columns.id), ""), length).where(columns.use_case == use_case)
    number, newest, characters = (await connection.execute(query)).one()
    return int(number), str(newest), int(characters)


async def draws_after(connection: AsyncConnection, use_case: str, version_digest: str, batch: int) -> list[Draw]:
    """Draws of a version of all batches past `batch`."""
    query = sa.select(label_draws.c.document).where(
        label_draws.c.use_case == use_case, label_draws.c.version_digest == version_digest, label_draws.c.batch > batch
    )
    return [decode(document, Draw) for document in (await connection.execute(query)).scalars()]


async def open_draws(
    connection: AsyncConnection, use_case: str, version_digest: str, *, labeller: str, now_s: float, limit: int
) -> list[Draw]:
    """Draws of one version that this person has not labelled and nobody else has judged or is looking at, in order of rank.

    What another person skipped is still open: somebody else may be able to tell.
    """
    known = sa.or_(trust_labels.c.supported.is_not(None), trust_labels.c.labeller == labeller)
    done = sa.exists().where(trust_labels.c.call_id == label_draws.c.id, trust_labels.c.counted, known)
    leased = sa.exists().where(
        label_leases.c.call_id == label_draws.c.id, label_leases.c.labeller != labeller, label_leases.c.until_s > now_s
    )
    query = (
        sa.select(label_draws.c.document)
        .where(label_draws.c.use_case == use_case, label_draws.c.version_digest == version_digest, ~done, ~leased)
        .order_by(label_draws.c.rank, label_draws.c.id)
        .limit(limit)
    )
    return [decode(document, Draw) for document in (await connection.execute(query)).scalars()]


async def lease(connection: AsyncConnection, call_id: str, *, labeller: str, now_s: float, until_s: float) -> bool:
    """Note that `labeller` looks at a drawn answer; False where somebody else does. Ends leases that are over."""
    await connection.execute(label_leases.delete().where(label_leases.c.until_s <= now_s))
    query = sa.select(label_leases.c.labeller).where(label_leases.c.call_id == call_id)
    holder = (await connection.execute(query)).scalar_one_or_none()
    if holder is None:
        await connection.execute(label_leases.insert().values(call_id=call_id, labeller=labeller, until_s=until_s))
    elif holder == labeller:
        await connection.execute(label_leases.update().where(label_leases.c.call_id == call_id).values(until_s=until_s))
    return holder in (None, labeller)


async def lease_holder(connection: AsyncConnection, call_id: str, now_s: float) -> str | None:
    """Who looks at a drawn answer now."""
    query = sa.select(label_leases.c.labeller).where(label_leases.c.call_id == call_id, label_leases.c.until_s > now_s)
    return (await connection.execute(query)).scalar_one_or_none()


async def end_lease(connection: AsyncConnection, call_id: str, labeller: str) -> None:
    """Note that `labeller` is done with a drawn answer."""
    await connection.execute(label_leases.delete().where(label_leases.c.call_id == call_id, label_leases.c.labeller == labeller))
