"""Retention: the texts of calls, sign-offs, ratings and labels are removed when they were kept long enough, provably.

What is removed is gone; that it was removed, how much, and what is left is in the audit chain, which verifies as before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from groundcrew.domain.call import Call, redacted
from groundcrew.domain.canonical import sha256_hex
from groundcrew.domain.feedback import Rating
from groundcrew.domain.rating_queue import RatingSkip
from groundcrew.domain.sign_off import SignOff
from groundcrew.domain.sign_off_steps import as_of, without_texts
from groundcrew.domain.trust_label import TrustLabel
from groundcrew.domain.use_case import UseCase
from groundcrew.store import audit, calls, catalog, sign_offs
from groundcrew.store.collection import Collection
from groundcrew.store.database import Database
from groundcrew.store.feedback import RATINGS

ACTOR = "system:retention"
BATCHES_PER_LOOK = 100
ROWS_PER_WRITE = 200
SIGN_OFFS_PER_LOOK = ROWS_PER_LOOK = 1_000

T = TypeVar("T")
Reasoned = TypeVar("Reasoned", RatingSkip, TrustLabel)


class Redaction(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed of one use case. `problems` names batches that are not what the audit log says: they are left alone."""

    use_case: str
    days: int
    calls: int
    sign_offs: int
    ratings: int
    labels: int = 0
    problems: tuple[str, ...] = ()


class Retention:
    """Removes what is old."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self, *, days_default: int = 0, actor: str = ACTOR) -> list[Redaction]:
        """Remove all texts older than their use case keeps them; `days_default` where it does not say, 0 = for ever.

        Returns the use cases of which something was removed, or could not be.
        """
        now = self._database.clock.now()
        async with self._database.read() as connection:
            use_cases = await catalog.USE_CASES.find(connection)
        done: list[Redaction] = []
        for use_case in use_cases:
            days = use_case.retention_days or days_default
            if days <= 0:
                continue
            before = now - timedelta(days=days)
            number, problems = await self._calls(use_case, before, now, days, actor)
            signed = await self._sign_offs(use_case, before, actor)
            ratings = await self._strip(RATINGS, use_case, _rating(before), actor)
            ratings += await self._strip(catalog.RATING_SKIPS, use_case, _reasoned(before), actor)
            labels = await self._strip(catalog.TRUST_LABELS, use_case, _reasoned(before), actor)
            if number or problems or signed or ratings or labels:
                done.append(
                    Redaction(
                        use_case=use_case.name,
                        days=days,
                        calls=number,
                        sign_offs=signed,
                        ratings=ratings,
                        labels=labels,
                        problems=tuple(problems),
                    )
                )
        return done

    async def _calls(self, use_case: UseCase, before: datetime, now: datetime, days: int, actor: str) -> tuple[int, list[str]]:
        number, reached, problems = 0, 0, list[str]()
        while True:
            async with self._database.read() as connection:
                batches = await calls.batches_before(
                    connection, use_case.name, before, after_batch=reached, limit=BATCHES_PER_LOOK
                )
            for batch in batches:
                gone = await self._batch(use_case, batch, before, now, days, actor)
                if gone is None:
                    problems.append(f"batch {batch}: its rows differ from the audit log, so nothing of it was removed")
                number, reached = number + (gone or 0), batch
            if len(batches) < BATCHES_PER_LOOK:
                return number, problems

    async def _batch(self, use_case: UseCase, batch: int, before: datetime, now: datetime, days: int, actor: str) -> int | None:
        """Remove the old texts of one batch, in one transaction; how many calls, None where the batch is not as it should be."""
        async with self._database.write(actor) as writer:
            documents = await calls.batch_documents(writer.connection, batch)
            was = await audit.batch_digest(writer.connection, batch)
            if was != sha256_hex(b"\n".join(documents.values())):
                return None  # an edit must not be covered up
            old = [
                call
                for call in (msgspec.json.decode(each, type=Call) for each in documents.values())
                if call.use_case == use_case.name and call.received_at < before and call.redacted_at is None
            ]
            if not old:
                return 0
            documents |= await calls.rewrite(writer, [redacted(each, now) for each in old])
            await writer.audit(
                "redact",
                f"{audit.REDACTED}{batch}",
                document=b"\n".join(documents.values()),
                reason=f"texts are kept for {days} days",
                details={"batch": batch, "use_case": use_case.name, "rows": len(old), "digest_before": was},
            )
        return len(old)

    async def _sign_offs(self, use_case: UseCase, before: datetime, actor: str) -> int:
        now, number, reached = self._database.clock.now(), 0, ""
        while True:
            async with self._database.read() as connection:
                found = await sign_offs.with_texts(connection, use_case.name, now, after=reached, limit=SIGN_OFFS_PER_LOOK)
            old = [each.id for each in found if _over(each, before, now)]
            for start in range(0, len(old), ROWS_PER_WRITE):
                number += await self._redact_sign_offs(old[start : start + ROWS_PER_WRITE], before, now, actor)
            if len(found) < SIGN_OFFS_PER_LOOK:
                return number
            reached = found[-1].id

    async def _redact_sign_offs(self, ids: Sequence[str], before: datetime, now: datetime, actor: str) -> int:
        """Remove the texts of these, as they are in this transaction: what was written since they were looked for stays."""
        number = 0
        async with self._database.write(actor) as writer:
            for each in ids:
                stands = await catalog.SIGN_OFFS.get(writer.connection, each)
                if stands is not None and stands.redacted_at is None and _over(stands, before, now):
                    await catalog.SIGN_OFFS.put(
                        writer, without_texts(stands, now), "redact", reason="texts were kept long enough"
                    )
                    number += 1
        return number

    async def _strip(self, collection: Collection[T], use_case: UseCase, stripped: Callable[[T], T | None], actor: str) -> int:
        """Remove the texts of all rows of a use case, page by page; `stripped` is a row without them, None where it stays."""
        number, reached = 0, ""
        while True:
            async with self._database.read() as connection:
                found = await collection.find(connection, use_case=use_case.name, after=reached, limit=ROWS_PER_LOOK)
            old = [collection.identify(each) for each in found if stripped(each) is not None]
            for start in range(0, len(old), ROWS_PER_WRITE):
                number += await self._strip_some(collection, old[start : start + ROWS_PER_WRITE], stripped, actor)
            if len(found) < ROWS_PER_LOOK:
                return number
            reached = collection.identify(found[-1])

    async def _strip_some(
        self, collection: Collection[T], ids: Sequence[str], stripped: Callable[[T], T | None], actor: str
    ) -> int:
        """Remove the texts of these, as they are in this transaction: what was written since they were looked for stays."""
        number = 0
        async with self._database.write(actor) as writer:
            for stands in sorted(await collection.find_ids(writer.connection, ids), key=collection.identify):
                if (left := stripped(stands)) is not None:
                    await collection.put(writer, left, "redact", reason="texts were kept long enough")
                    number += 1
        return number


def _rating(before: datetime) -> Callable[[Rating], Rating | None]:
    def stripped(each: Rating) -> Rating | None:
        old = each.at < before and (each.comment or each.corrected_text)
        return msgspec.structs.replace(each, comment="", corrected_text="") if old else None

    return stripped


def _reasoned(before: datetime) -> Callable[[Reasoned], Reasoned | None]:
    """Of skips and labels the reasons go. That people left a call to others stays, and what they said of an answer: calibrations
    and guarantees rest on it."""

    def stripped(each: Reasoned) -> Reasoned | None:
        return msgspec.structs.replace(each, reason="") if each.at < before and each.reason else None

    return stripped


def _over(sign_off: SignOff, before: datetime, now: datetime) -> bool:
    """Whether its texts were kept long enough. What can still be signed must still be readable."""
    return sign_off.requested_at < before and as_of(sign_off, now).state != "pending"
