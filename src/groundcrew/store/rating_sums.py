"""Ratings that count, summed by version as they come: how many by star, what was said of harm, and where their order ends.

Only stars that people gave themselves count. What a signer made of suggested labels is a rating on record too, but its stars were
worked out: they say how much was edited, nobody was asked, and whoever signs without looking gives five.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.feedback import Rating
from groundcrew.store.rows import stamp
from groundcrew.store.tables import RATING_SUMS, rating_sums, ratings

_STARS = RATING_SUMS[:5]
#: How a rating comes whose stars nobody gave.
DERIVED = "sign_off"


class RatingSums(NamedTuple):
    """What counts of one version's ratings, real or sample ones. `counts` are by star, 1 to 5; of `asked` who were asked whether
    they saw harm, `harms` did. `rewrites` and `newest` tell whether what was computed along the order still holds."""

    counts: tuple[int, int, int, int, int]
    asked: int
    harms: int
    rewrites: int
    newest: str

    @property
    def n(self) -> int:
        """How many count."""
        return sum(self.counts)


NONE = RatingSums((0, 0, 0, 0, 0), 0, 0, 0, "")


class Placed(NamedTuple):
    """A rating in the order of ratings: its place there, which sorts, and its stars."""

    place: str
    stars: int


async def note(connection: AsyncConnection, rating: Rating) -> None:
    """Add a rating that was just inserted. Of those of one rater and call or case the newest counts: saying it again does not say
    it twice."""
    if rating.origin == DERIVED:
        return
    columns, place = ratings.c, f"{stamp(rating.at)} {rating.id}"
    earlier = (
        sa.select(columns.at, columns.id, columns.stars, columns.critical_harm)
        .where(
            columns.use_case == rating.use_case,
            columns.version_digest == rating.version_digest,
            columns.sample == rating.sample,
            columns.rater == rating.rater,
            columns.call_id == rating.call_id if rating.call_id is not None else columns.call_id.is_(None),
            columns.case_id == rating.case_id if rating.case_id is not None else columns.case_id.is_(None),
            columns.id != rating.id,
            columns.origin != DERIVED,
        )
        .order_by(columns.at.desc(), columns.id.desc())
        .limit(1)
    )
    old = (await connection.execute(earlier)).first()
    if old is not None and f"{old.at} {old.id}" > place:
        return
    change = dict.fromkeys(RATING_SUMS, 0)
    _count(change, rating.stars, rating.critical_harm, 1)
    if old is not None:
        _count(change, old.stars, old.critical_harm, -1)
    key = _key(rating.use_case, rating.version_digest, rating.sample)
    last = (await connection.execute(sa.select(rating_sums.c.newest).where(*key))).scalar_one_or_none()
    if last is None:
        names = {"use_case": rating.use_case, "version_digest": rating.version_digest, "sample": rating.sample}
        await connection.execute(rating_sums.insert().values(**names, **change, rewrites=0, newest=place))
        return
    values: dict[str, Any] = {name: rating_sums.c[name] + by for name, by in change.items() if by}
    if old is not None or place < last:
        values["rewrites"] = rating_sums.c.rewrites + 1
    await connection.execute(rating_sums.update().where(*key).values(**values, newest=max(last, place)))


async def of_version(connection: AsyncConnection, use_case: str, version_digest: str, *, sample: bool) -> RatingSums:
    """What counts of one version's ratings, real or sample ones."""
    row = (await connection.execute(sa.select(rating_sums).where(*_key(use_case, version_digest, sample)))).first()
    if row is None:
        return NONE
    return RatingSums((row.one, row.two, row.three, row.four, row.five), row.asked, row.harms, row.rewrites, row.newest)


async def after(connection: AsyncConnection, use_case: str, version_digest: str, place: str, *, sample: bool) -> list[Placed]:
    """The ratings past `place` in their order; those that count, as long as there was no rewrite since."""
    columns = ratings.c
    at, _, last_id = place.partition(" ")
    query = (
        sa.select(columns.at, columns.id, columns.stars)
        .where(columns.use_case == use_case, columns.version_digest == version_digest, columns.sample == sample)
        .where(columns.origin != DERIVED)
        .where(sa.or_(columns.at > at, sa.and_(columns.at == at, columns.id > last_id)), columns.at >= at)
        .order_by(columns.at, columns.id)
    )
    return [Placed(f"{at} {item_id}", stars) for at, item_id, stars in (await connection.execute(query)).all()]


async def in_order(connection: AsyncConnection, use_case: str, version_digest: str, *, sample: bool) -> list[Placed]:
    """All ratings of one version that count, in their order. Reads them all."""
    columns = ratings.c
    query = (
        sa.select(columns.at, columns.id, columns.stars, columns.rater, columns.call_id, columns.case_id)
        .where(columns.use_case == use_case, columns.version_digest == version_digest, columns.sample == sample)
        .where(columns.origin != DERIVED)
        .order_by(columns.at, columns.id)
    )
    newest: dict[Sequence[Any], Placed] = {}
    for at, item_id, stars, *who in (await connection.execute(query)).all():
        key = tuple(who)
        newest.pop(key, None)  # so that the later one takes a later place
        newest[key] = Placed(f"{at} {item_id}", stars)
    return list(newest.values())


async def rebuilt(connection: AsyncConnection) -> dict[tuple[str, str, bool], tuple[int, ...]]:
    """By (use case, version, sample): the sums in the order of RATING_SUMS, made anew from the ratings. Reads them all."""
    columns = ratings.c
    names = (columns.use_case, columns.version_digest, columns.sample, columns.rater, columns.call_id, columns.case_id)
    query = sa.select(*names, columns.stars, columns.critical_harm).where(columns.origin != DERIVED)
    query = query.order_by(columns.at, columns.id)
    newest = {tuple(row[:6]): (row.stars, row.critical_harm) for row in (await connection.execute(query)).all()}
    sums: dict[tuple[str, str, bool], dict[str, int]] = {}
    for key, (stars, harm) in newest.items():
        _count(sums.setdefault(key[:3], dict.fromkeys(RATING_SUMS, 0)), stars, harm, 1)
    return {key: tuple(each.values()) for key, each in sums.items()}


def _count(sums: dict[str, int], stars: int, harm: bool | None, by: int) -> None:
    sums[_STARS[stars - 1]] += by
    sums["asked"] += by * (harm is not None)
    sums["harms"] += by * (harm is True)


def _key(use_case: str, version_digest: str, sample: bool) -> tuple[sa.ColumnElement[bool], ...]:
    columns = rating_sums.c
    return columns.use_case == use_case, columns.version_digest == version_digest, columns.sample == sample


async def stored(connection: AsyncConnection) -> dict[tuple[str, str, bool], tuple[int, ...]]:
    """By (use case, version, sample): the sums as they are kept, in the order of RATING_SUMS."""
    columns = rating_sums.c
    query = sa.select(columns.use_case, columns.version_digest, columns.sample, *(columns[name] for name in RATING_SUMS))
    return {(row[0], row[1], bool(row[2])): tuple(row[3:]) for row in (await connection.execute(query)).all()}


async def orders(connection: AsyncConnection) -> dict[tuple[str, str, bool], tuple[int, str]]:
    """By (use case, version, sample): how often the order was rewritten, and where it ends."""
    columns = rating_sums.c
    query = sa.select(columns.use_case, columns.version_digest, columns.sample, columns.rewrites, columns.newest)
    return {(row[0], row[1], bool(row[2])): (int(row[3]), row[4]) for row in (await connection.execute(query)).all()}


async def last_place(connection: AsyncConnection, use_case: str, version_digest: str, sample: bool) -> str:
    """Where the order of one version's ratings ends."""
    columns = ratings.c
    query = (
        sa.select(columns.at, columns.id)
        .where(columns.use_case == use_case, columns.version_digest == version_digest, columns.sample == sample)
        .where(columns.origin != DERIVED)
        .order_by(columns.at.desc(), columns.id.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).first()
    return f"{row.at} {row.id}" if row is not None else ""


async def of_period(
    connection: AsyncConnection,
    use_case: str,
    version_digest: str,
    *,
    since: str,
    until: str,
    sample: bool,
    limit: int,
) -> list[Placed]:
    """The newest `limit` ratings of one version that count and were given within the stamps `since`..`until`, in their order."""
    columns = ratings.c
    query = (
        sa.select(columns.at, columns.id, columns.stars, columns.rater, columns.call_id, columns.case_id)
        .where(columns.use_case == use_case, columns.version_digest == version_digest, columns.sample == sample)
        .where(columns.at.between(since, until), columns.origin != DERIVED)
        .order_by(columns.at.desc(), columns.id.desc())
        .limit(limit)
    )
    newest: dict[Sequence[Any], Placed] = {}
    for at, item_id, stars, *who in (await connection.execute(query)).all():
        newest.setdefault(tuple(who), Placed(f"{at} {item_id}", stars))
    return list(newest.values())[::-1]
