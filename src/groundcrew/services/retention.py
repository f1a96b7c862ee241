"""Retention: the texts of calls, sign-offs, ratings and labels are removed when they were kept long enough, provably.

What is removed is gone; that it was removed, how much, and what is left is in the audit chain, which verifies as before. What a
legal hold covers stays: each transaction that removes asks for the holds as they are in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from groundcrew.domain.call import Call, redacted
from groundcrew.domain.canonical import sha256_hex
from groundcrew.domain.legal_hold import LegalHold, holding
from groundcrew.domain.sign_off import SignOff
from groundcrew.domain.sign_off_steps import as_of, without_texts
from groundcrew.domain.use_case import UseCase
from groundcrew.services.held_records import Held, of_call
from groundcrew.store import audit, calls, catalog, sign_offs
from groundcrew.store.collection import Collection
from groundcrew.store.database import Connection, Database
from groundcrew.store.deciding import LEGAL_HOLDS
from groundcrew.store.feedback import RATINGS

ACTOR = "system:retention"
BATCHES_PER_LOOK = 100
ROWS_PER_WRITE = 200
SIGN_OFFS_PER_LOOK = ROWS_PER_LOOK = 1_000

T = TypeVar("T")


class Redaction(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed of one use case. `problems` names batches that are not what the audit log says: they are left alone.
    `kept` counts what legal holds kept, by hold."""

    use_case: str
    days: int
    calls: int
    sign_offs: int
    ratings: int
    labels: int = 0
    problems: tuple[str, ...] = ()
    kept: dict[str, int] = {}


class _Run(msgspec.Struct, kw_only=True):
    """One use case's turn: what is old, who removes it, and what was found so far."""

    use_case: UseCase
    before: datetime
    now: datetime
    days: int
    actor: str
    problems: list[str] = []
    kept: Counter[str] = msgspec.field(default_factory=Counter)


class Retention:
    """Removes what is old."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self, *, days_default: int = 0, actor: str = ACTOR) -> list[Redaction]:
        """Remove all texts older than their use case keeps them; `days_default` where it does not say, 0 = for ever.

        Returns the use cases of which something was removed, could not be, or is held.
        """
        now = self._database.clock.now()
        async with self._database.read() as connection:
            use_cases = await catalog.USE_CASES.find(connection)
        done: list[Redaction] = []
        for use_case in use_cases:
            days = use_case.retention_days or days_default
            if days <= 0:
                continue
            turn = _Run(use_case=use_case, before=now - timedelta(days=days), now=now, days=days, actor=actor)
            number, signed = await self._calls(turn), await self._sign_offs(turn)
            ratings = await self._remove(turn, RATINGS, lambda each: each.comment or each.corrected_text, _bare_rating)
            # Why people left calls to others goes; that they did stays. So it is with labels: calibrations rest on what was said.
            ratings += await self._remove(turn, catalog.RATING_SKIPS, lambda each: each.reason, _without_reason)
            labels = await self._remove(turn, catalog.TRUST_LABELS, lambda each: each.reason, _without_reason)
            if number or turn.problems or signed or ratings or labels or turn.kept:
                done.append(
                    Redaction(
                        use_case=use_case.name,
                        days=days,
                        calls=number,
                        sign_offs=signed,
                        ratings=ratings,
                        labels=labels,
                        problems=tuple(turn.problems),
                        kept=dict(sorted(turn.kept.items())),
                    )
                )
        return done

    async def _calls(self, turn: _Run) -> int:
        number, reached = 0, 0
        while True:
            async with self._database.read() as connection:
                batches = await calls.batches_before(
                    connection, turn.use_case.name, turn.before, after_batch=reached, limit=BATCHES_PER_LOOK
                )
            for batch in batches:
                gone = await self._batch(turn, batch)
                if gone is None:
                    turn.problems.append(f"batch {batch}: its rows differ from the audit log, so nothing of it was removed")
                number, reached = number + (gone or 0), batch
            if len(batches) < BATCHES_PER_LOOK:
                return number

    async def _batch(self, turn: _Run, batch: int) -> int | None:
        """Remove the old texts of one batch, in one transaction; how many calls, None where the batch is not as it should be."""
        async with self._database.write(turn.actor) as writer:
            documents = await calls.batch_documents(writer.connection, batch)
            was = await audit.batch_digest(writer.connection, batch)
            if was != sha256_hex(b"\n".join(documents.values())):
                return None  # an edit must not be covered up
            holds = await standing_holds(writer.connection)
            old = []
            for call in (msgspec.json.decode(each, type=Call) for each in documents.values()):
                if call.use_case == turn.use_case.name and call.received_at < turn.before and call.redacted_at is None:
                    hold = holding(holds, of_call(call))
                    if hold is None:
                        old.append(call)
                    else:
                        turn.kept[hold.id] += 1
            if not old:
                return 0
            documents |= await calls.rewrite(writer, [redacted(each, turn.now) for each in old])
            await writer.audit(
                "redact",
                f"{audit.REDACTED}{batch}",
                document=b"\n".join(documents.values()),
                reason=f"texts are kept for {turn.days} days",
                details={"batch": batch, "use_case": turn.use_case.name, "rows": len(old), "digest_before": was},
            )
        return len(old)

    async def _sign_offs(self, turn: _Run) -> int:
        number, reached = 0, ""
        while True:
            async with self._database.read() as connection:
                found = await sign_offs.with_texts(
                    connection, turn.use_case.name, turn.now, after=reached, limit=SIGN_OFFS_PER_LOOK
                )
            old = [each.id for each in found if _over(each, turn.before, turn.now)]
            for start in range(0, len(old), ROWS_PER_WRITE):
                number += await self._redact_sign_offs(turn, old[start : start + ROWS_PER_WRITE])
            if len(found) < SIGN_OFFS_PER_LOOK:
                return number
            reached = found[-1].id

    async def _redact_sign_offs(self, turn: _Run, ids: Sequence[str]) -> int:
        """Remove the texts of these, as they are in this transaction: what was written since they were looked for stays."""
        number = 0
        async with self._database.write(turn.actor) as writer:
            held = Held(writer.connection, await standing_holds(writer.connection))
            for each in ids:
                stands = await catalog.SIGN_OFFS.get(writer.connection, each)
                if stands is None or stands.redacted_at is not None or not _over(stands, turn.before, turn.now):
                    continue
                people = tuple(reading.reader for reading in stands.readings) + ((stands.signer,) if stands.signer else ())
                hold = await held.by(stands.use_case, stands.requested_at, call=stands.call_id, people=people)
                if hold is not None:
                    turn.kept[hold.id] += 1
                    continue
                bare = without_texts(stands, turn.now)
                await catalog.SIGN_OFFS.put(writer, bare, "redact", reason="texts were kept long enough")
                number += 1
        return number

    async def _remove(
        self, turn: _Run, collection: Collection[T], has_text: Callable[[T], object], bare: Callable[[T], T]
    ) -> int:
        """Remove the texts of the rows of `collection` that are old and have some, page by page."""
        number, reached = 0, ""
        while True:
            async with self._database.read() as connection:
                found = await collection.find(connection, use_case=turn.use_case.name, after=reached, limit=ROWS_PER_LOOK)
            old = [collection.identify(each) for each in found if _said_at(each) < turn.before and has_text(each)]
            for start in range(0, len(old), ROWS_PER_WRITE):
                number += await self._remove_some(turn, collection, old[start : start + ROWS_PER_WRITE], has_text, bare)
            if len(found) < ROWS_PER_LOOK:
                return number
            reached = collection.identify(found[-1])

    async def _remove_some(
        self,
        turn: _Run,
        collection: Collection[T],
        ids: Sequence[str],
        has_text: Callable[[T], object],
        bare: Callable[[T], T],
    ) -> int:
        """Remove the texts of these, as they are in this transaction: what was written since they were looked for stays."""
        number = 0
        async with self._database.write(turn.actor) as writer:
            held = Held(writer.connection, await standing_holds(writer.connection))
            stand: list[Any] = sorted(await collection.find_ids(writer.connection, ids), key=collection.identify)
            for item in stand:
                if _said_at(item) >= turn.before or not has_text(item):
                    continue
                who = getattr(item, "rater", None) or item.labeller
                case = getattr(item, "case_id", None)
                hold = await held.by(item.use_case, item.at, call=item.call_id, case=case, people=(who,))
                if hold is not None:
                    turn.kept[hold.id] += 1
                    continue
                await collection.put(writer, bare(item), "redact", reason="texts were kept long enough")
                number += 1
        return number


async def standing_holds(connection: Connection) -> list[LegalHold]:
    """The legal holds that stand as this transaction sees them."""
    found = [await LEGAL_HOLDS.find(connection, state=state) for state in ("active", "lift_requested")]
    return sorted((each for some in found for each in some), key=lambda each: each.id)


def _said_at(item: Any) -> datetime:
    moment: datetime = item.at
    return moment


def _bare_rating(rating: Any) -> Any:
    return msgspec.structs.replace(rating, comment="", corrected_text="")


def _without_reason(item: Any) -> Any:
    return msgspec.structs.replace(item, reason="")


def _over(sign_off: SignOff, before: datetime, now: datetime) -> bool:
    """Whether its texts were kept long enough. What can still be signed must still be readable."""
    return sign_off.requested_at < before and as_of(sign_off, now).state != "pending"
