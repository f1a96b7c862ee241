"""Drafts beside what people made of them, and rated calls with all that is known of each; the newest ones, never all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.call import Call
from groundcrew.domain.feedback import Outcome, Rating
from groundcrew.domain.sign_off import SignOff
from groundcrew.store.collection import IDS_MAX
from groundcrew.store.database import decode
from groundcrew.store.tables import calls, outcomes, ratings, sign_offs

#: States of a sign-off after which an answer was sent, and all in which a person has decided.
SENT = ("approved", "edited")
DECIDED = (*SENT, "rejected")


class CaseCost(NamedTuple):
    """What the calls of one business case cost in USD; None while that of any of them is unknown."""

    case_id: str
    cost_usd: float | None


async def case_costs(
    connection: AsyncConnection, use_case: str, version_digest: str, *, since: str, until: str, sample: bool, limit: int
) -> list[CaseCost]:
    """By business case, over the newest `limit` calls that name one, received within the stamps `since`..`until`."""
    columns = calls.c
    newest = (
        sa.select(columns.case_id, columns.cost_usd)
        .where(
            columns.use_case == use_case,
            columns.received_at.between(since, until),
            columns.version_digest == version_digest,
            columns.sample == sample,
            columns.case_id.is_not(None),
            columns.shadow_of.is_(None),
            columns.trial.is_(None),
        )
        .order_by(columns.received_at.desc())
        .limit(limit)
        .subquery()
    )
    number, known = sa.func.count(), sa.func.count(newest.c.cost_usd)
    query = sa.select(newest.c.case_id, sa.func.sum(newest.c.cost_usd), number, known).group_by(newest.c.case_id)
    rows = (await connection.execute(query)).all()
    return [CaseCost(case_id, float(total) if number == known else None) for case_id, total, number, known in rows]


async def signed(connection: AsyncConnection, use_case: str, version_digest: str, *, sample: bool, limit: int) -> list[SignOff]:
    """Sign-offs of one version whose answers were sent and whose texts are there, newest first; `limit` of each state at most."""
    found = await _of_states(connection, use_case, version_digest, SENT, sample=sample, limit=limit)
    return sorted((each for each in found if each.draft and each.final_text), key=lambda each: each.id, reverse=True)


async def decided(connection: AsyncConnection, use_case: str, version_digest: str, *, sample: bool, limit: int) -> list[SignOff]:
    """The newest `limit` sign-offs of one version that a person has decided and whose drafts are there, newest first."""
    found = await _of_states(connection, use_case, version_digest, DECIDED, sample=sample, limit=limit)
    return sorted((each for each in found if each.draft), key=lambda each: each.id, reverse=True)[:limit]


async def _of_states(
    connection: AsyncConnection, use_case: str, version_digest: str, states: Sequence[str], *, sample: bool, limit: int
) -> list[SignOff]:
    """The newest `limit` sign-offs of each state."""
    found: list[SignOff] = []
    for state in states:
        query = (
            sa.select(sign_offs.c.document)
            .join(calls, calls.c.id == sign_offs.c.call_id)
            .where(sign_offs.c.use_case == use_case, sign_offs.c.state == state)
            .where(calls.c.version_digest == version_digest, calls.c.sample == sample)
            .order_by(sign_offs.c.id.desc())
            .limit(limit)
        )
        found += [decode(document, SignOff) for document in (await connection.execute(query)).scalars()]
    return found


async def rated(connection: AsyncConnection, use_case: str, version_digest: str, *, sample: bool, limit: int) -> list[Rating]:
    """The newest ratings of recorded calls of one version, newest first."""
    query = (
        sa.select(ratings.c.document)
        .where(ratings.c.use_case == use_case, ratings.c.version_digest == version_digest, ratings.c.sample == sample)
        .where(ratings.c.call_id.is_not(None))
        .order_by(ratings.c.at.desc(), ratings.c.id.desc())
        .limit(limit)
    )
    return [decode(document, Rating) for document in (await connection.execute(query)).scalars()]


async def calls_of(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, Call]:
    """Calls by id, those of `ids` that are recorded."""
    found: dict[str, Call] = {}
    for some in _parts(sorted(set(ids))):
        rows = (await connection.execute(sa.select(calls.c.id, calls.c.document).where(calls.c.id.in_(some)))).all()
        found.update((item_id, decode(document, Call)) for item_id, document in rows)
    return found


async def sign_offs_of(connection: AsyncConnection, call_ids: Iterable[str]) -> dict[str, SignOff]:
    """Sign-offs by the call that they are of."""
    found: dict[str, SignOff] = {}
    for some in _parts(sorted(set(call_ids))):
        rows = (await connection.execute(sa.select(sign_offs.c.document).where(sign_offs.c.call_id.in_(some)))).scalars()
        found.update((each.call_id, each) for document in rows for each in (decode(document, SignOff),))
    return found


async def outcomes_of(
    connection: AsyncConnection, use_case: str, metric: str, case_ids: Iterable[str], *, sample: bool
) -> dict[str, float]:
    """The value that counts of one metric, by business case."""
    found: dict[str, float] = {}
    for some in _parts(sorted(set(case_ids))):
        query = (
            sa.select(outcomes.c.document)
            .where(outcomes.c.use_case == use_case, outcomes.c.metric == metric, outcomes.c.sample == sample)
            .where(outcomes.c.case_id.in_(some))
            .order_by(outcomes.c.id)
        )
        for document in (await connection.execute(query)).scalars():
            outcome = decode(document, Outcome)
            found[outcome.case_id] = outcome.value
    return found


def _parts(ids: Sequence[str]) -> Iterator[list[str]]:
    """`ids` in parts, each filled up to a power of two: drivers keep prepared statements by their text."""
    for start in range(0, len(ids), IDS_MAX):
        some = list(ids[start : start + IDS_MAX])
        yield some + some[-1:] * ((1 << (len(some) - 1).bit_length()) - len(some))
