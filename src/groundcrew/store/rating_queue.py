"""The rating queue: calls put up in batches and never changed; which is open for whom; and who holds one now."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.feedback import Rating
from groundcrew.domain.rating_queue import RatingRequest
from groundcrew.store.collection import Collection
from groundcrew.store.database import Writer, decode
from groundcrew.store.tables import link_secrets, rating_leases, rating_requests, rating_skips, ratings

RATING_REQUESTS = Collection(
    rating_requests,
    RatingRequest,
    "rating-request",
    identify=lambda each: each.id,
    columns=lambda each: {
        "use_case": each.use_case,
        "version_digest": each.version_digest,
        "rank": each.rank,
        "raters": each.raters,
    },
)


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Of the calls that are put up: how many, how many have all their ratings, and how many ratings were given."""

    put_up: int
    complete: int
    ratings: int
    skipped: int


async def insert(writer: Writer, requests: Sequence[RatingRequest], *, by: str) -> list[RatingRequest]:
    """Put up calls that are not yet, under one audit entry; returns those that were not."""
    return await RATING_REQUESTS.insert_batch(writer, list(requests), "put-up", f"rating-requests/{by}", details={"by": by})


async def open_requests(
    connection: AsyncConnection, use_case: str, version_digest: str, *, rater: str, now_s: float, limit: int
) -> list[RatingRequest]:
    """Calls that this person neither rated nor skipped and that need one more rating than were given and others hold them for,
    in order of rank: those of the version and those that somebody picked."""
    table = rating_requests
    rated = sa.exists().where(ratings.c.call_id == table.c.id, ratings.c.rater == rater)
    skipped = sa.exists().where(rating_skips.c.call_id == table.c.id, rating_skips.c.rater == rater)
    query = (
        sa.select(table.c.document)
        .where(*_in_queue(use_case, version_digest), ~rated, ~skipped, _given() + _held(rater, now_s) < table.c.raters)
        .order_by(table.c.rank, table.c.id)
        .limit(limit)
    )
    return [decode(document, RatingRequest) for document in (await connection.execute(query)).scalars()]


async def counts(connection: AsyncConnection, use_case: str, version_digest: str) -> Counts:
    """How far the queue has come."""
    table = rating_requests
    each = (
        sa.select(table.c.raters, _given().label("given"), _skips().label("skips"))
        .where(*_in_queue(use_case, version_digest))
        .subquery()
    )
    query = sa.select(
        sa.func.count(),
        sa.func.coalesce(sa.func.sum(sa.case((each.c.given >= each.c.raters, 1), else_=0)), 0),
        sa.func.coalesce(sa.func.sum(each.c.given), 0),
        sa.func.coalesce(sa.func.sum(each.c.skips), 0),
    )
    put_up, complete, given, skips = (await connection.execute(query)).one()
    return Counts(put_up=int(put_up), complete=int(complete), ratings=int(given), skipped=int(skips))


async def queue_ratings(connection: AsyncConnection, use_case: str, version_digest: str, *, limit: int) -> list[Rating]:
    """The newest ratings that came from the queue, of calls of one version, newest first."""
    query = (
        sa.select(ratings.c.document)
        .where(ratings.c.use_case == use_case, ratings.c.version_digest == version_digest, ratings.c.origin == "queue")
        .order_by(ratings.c.id.desc())
        .limit(limit)
    )
    return [decode(document, Rating) for document in (await connection.execute(query)).scalars()]


async def sealed(connection: AsyncConnection, use_case: str) -> set[str]:
    """Calls whose ratings nobody but their raters may see yet: put up to be rated blind, and not all are in."""
    table = rating_requests
    query = sa.select(table.c.document).where(table.c.use_case == use_case, _given() < table.c.raters)
    found = [decode(document, RatingRequest) for document in (await connection.execute(query)).scalars()]
    return {each.id for each in found if each.blind}


async def lock(connection: AsyncConnection, call_id: str) -> RatingRequest | None:
    """The request, held until the transaction ends: people who reach for one call take turns."""
    query = sa.select(rating_requests.c.document).where(rating_requests.c.id == call_id).with_for_update()
    document = (await connection.execute(query)).scalar_one_or_none()
    return None if document is None else decode(document, RatingRequest)


async def is_rated_by(connection: AsyncConnection, call_id: str, rater: str, *, origin: str | None = None) -> bool:
    """Whether this person rated the call, by any way or by one."""
    query = sa.select(ratings.c.id).where(ratings.c.call_id == call_id, ratings.c.rater == rater).limit(1)
    if origin is not None:
        query = query.where(ratings.c.origin == origin)
    return (await connection.execute(query)).first() is not None


async def places(connection: AsyncConnection, request: RatingRequest, *, rater: str, now_s: float) -> int:
    """How many ratings the call still needs that nobody else is about to give."""
    query = sa.select(_given() + _held(rater, now_s)).where(rating_requests.c.id == request.id)
    return request.raters - int((await connection.execute(query)).scalar_one())


async def lease(connection: AsyncConnection, call_id: str, *, rater: str, until_s: float) -> None:
    """Note that the call was handed to `rater` until then."""
    here = sa.and_(rating_leases.c.call_id == call_id, rating_leases.c.rater == rater)
    updated = await connection.execute(rating_leases.update().where(here).values(until_s=until_s))
    if not updated.rowcount:
        await connection.execute(rating_leases.insert().values(call_id=call_id, rater=rater, until_s=until_s))


async def leased_until(connection: AsyncConnection, call_id: str, rater: str) -> float | None:
    """Until when (Unix time, may be over) the call was handed to `rater`; None where it was not."""
    query = sa.select(rating_leases.c.until_s).where(rating_leases.c.call_id == call_id, rating_leases.c.rater == rater)
    return (await connection.execute(query)).scalar_one_or_none()


async def end_lease(connection: AsyncConnection, call_id: str, rater: str) -> None:
    """Note that `rater` is done with the call."""
    await connection.execute(rating_leases.delete().where(rating_leases.c.call_id == call_id, rating_leases.c.rater == rater))


async def secrets(connection: AsyncConnection) -> dict[str, str]:
    """What links are signed with, by id, oldest first."""
    rows = await connection.execute(sa.select(link_secrets).order_by(link_secrets.c.created_at_s, link_secrets.c.id))
    return {row.id: row.secret for row in rows}


async def add_secret(connection: AsyncConnection, secret_id: str, secret: str, *, now_s: float) -> None:
    """Keep a secret; the newest signs."""
    await connection.execute(link_secrets.insert().values(id=secret_id, secret=secret, created_at_s=now_s))


async def secret_times(connection: AsyncConnection) -> dict[str, float]:
    """When each secret was made (Unix time), by id, oldest first."""
    query = sa.select(link_secrets.c.id, link_secrets.c.created_at_s)
    rows = await connection.execute(query.order_by(link_secrets.c.created_at_s, link_secrets.c.id))
    return {row.id: row.created_at_s for row in rows}


async def remove_secrets(connection: AsyncConnection, ids: Sequence[str]) -> None:
    """Forget secrets: links that they signed work no longer."""
    await connection.execute(link_secrets.delete().where(link_secrets.c.id.in_(list(ids))))


def _in_queue(use_case: str, version_digest: str) -> tuple[sa.ColumnElement[bool], ...]:
    table = rating_requests
    return table.c.use_case == use_case, sa.or_(table.c.version_digest == version_digest, table.c.rank < 0)


def _given() -> sa.ScalarSelect[int]:
    """How many people rated the call in the queue."""
    return (
        sa.select(sa.func.count())
        .where(ratings.c.call_id == rating_requests.c.id, ratings.c.origin == "queue")
        .correlate(rating_requests)
        .scalar_subquery()
    )


def _held(rater: str, now_s: float) -> sa.ScalarSelect[int]:
    """How many others hold the call now."""
    return (
        sa.select(sa.func.count())
        .where(rating_leases.c.call_id == rating_requests.c.id, rating_leases.c.rater != rater, rating_leases.c.until_s > now_s)
        .correlate(rating_requests)
        .scalar_subquery()
    )


def _skips() -> sa.ScalarSelect[int]:
    return (
        sa.select(sa.func.count())
        .where(rating_skips.c.call_id == rating_requests.c.id)
        .correlate(rating_requests)
        .scalar_subquery()
    )
