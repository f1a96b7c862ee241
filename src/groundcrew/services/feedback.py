"""Ratings and outcomes: durable first, then answered; idempotent where a sender may repeat itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import msgspec

from groundcrew.domain.call import Call
from groundcrew.domain.feedback import (
    COMMENT_LENGTH_MAX,
    CORRECTED_TEXT_LENGTH_MAX,
    STARS_MAX,
    STARS_MIN,
    Outcome,
    Rating,
    RatingOrigin,
)
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.use_case import UseCase
from groundcrew.errors import Conflict, InputError, NotAllowed, NotFound
from groundcrew.guards.masking import stored_identifier
from groundcrew.services.governance import persons_who_built
from groundcrew.services.incident_records import open_for_harm
from groundcrew.services.labels import label_by_rating
from groundcrew.services.lookups import current_digest, person_of, require_use_case
from groundcrew.services.masking import check_identifiers, detect_of, masked
from groundcrew.services.names import stored_addresses
from groundcrew.services.outcomes import (
    NAME_LENGTH_MAX,
    OUTCOMES_PER_REQUEST_MAX,
    Imported,
    NewOutcome,
    Outcomes,
    check_names,
    check_time,
)
from groundcrew.store import catalog
from groundcrew.store.calls import CALLS
from groundcrew.store.database import Database, Writer
from groundcrew.store.feedback import RATINGS, newest_rating
from groundcrew.store.rating_queue import is_rated_by


class NewRating(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rating as sent in. One of `call_id` and `case_id` with `use_case` says what is rated; `id` makes it idempotent."""

    stars: int
    rater: str
    call_id: str | None = None
    case_id: str | None = None
    use_case: str | None = None
    comment: str = ""
    corrected_text: str = ""
    critical_harm: bool | None = None
    grounded: bool | None = None
    at: datetime | None = None
    id: str | None = None
    sample: bool = False


__all__ = ["OUTCOMES_PER_REQUEST_MAX", "Feedback", "Imported", "NewOutcome", "NewRating"]


async def _no_flush() -> None:
    return None


async def _tell_nobody(_use_case: str) -> None:
    return None


class Feedback:
    """What people and the business say about calls. `flush` ships calls that a gateway on this host still holds; `labelled` is
    told of a use case whose answers got a label."""

    def __init__(
        self,
        database: Database,
        flush: Callable[[], Awaitable[None]] = _no_flush,
        labelled: Callable[[str], Awaitable[None]] = _tell_nobody,
    ) -> None:
        self._database, self._flush, self._labelled = database, flush, labelled
        self._outcomes = Outcomes(database)

    async def rate(
        self,
        new: NewRating,
        *,
        actor: str,
        use_case: str | None = None,
        origin: RatingOrigin = "direct",
        check: Callable[[Writer], Awaitable[None]] | None = None,
    ) -> Rating:
        """Record a rating. `use_case`, where given, is the only one that the sender may rate; `check` looks, in the transaction
        that records it, whether it may be. Conflict for a call that the same person has rated in the queue already."""
        _check_rating(new, self._database.clock.now())
        call = await self.call(new.call_id) if new.call_id else None
        name = call.use_case if call else (new.use_case or use_case)
        if name is None or (call is None and not new.case_id):
            raise InputError("say what is rated: call_id, or use_case and case_id", field="call_id")
        if use_case is not None and name != use_case:
            raise NotFound(f"no call {new.call_id!r} of {use_case}")
        new = await self._masked(new, name, call, actor)
        async with self._database.write(actor) as writer:
            if check is not None:
                await check(writer)
            rating = await self._record_rating(writer, new, name, call, origin)
        if rating.grounded is not None:
            await self._labelled(name)
        return rating

    async def rate_many(self, rows: Sequence[NewRating], *, actor: str) -> list[Rating]:
        """Record ratings of business cases (each names its use case) in one transaction: all of them or none."""
        if len(rows) > OUTCOMES_PER_REQUEST_MAX:
            raise InputError(f"{len(rows)} ratings at once: send at most {OUTCOMES_PER_REQUEST_MAX}", field="ratings")
        now = self._database.clock.now()
        for row in rows:
            _check_rating(row, now)
            if row.use_case is None or not row.case_id or row.call_id is not None:
                raise InputError("in bulk, each rating names use_case and case_id, and no call_id", field="use_case")
        safe = [await self._masked(row, row.use_case or "", None, actor) for row in rows]
        known = _Known()
        async with self._database.write(actor) as writer:
            return [await self._record_rating(writer, row, row.use_case or "", None, known=known) for row in safe]

    async def _masked(self, new: NewRating, use_case: str, call: Call | None, actor: str) -> NewRating:
        """The rating as it may be written. A rater who is no signed-in person is whom an application names: no e-mail address."""
        own = person_of(actor) == new.rater.casefold() or actor == new.rater
        rater = new.rater if own else stored_identifier(new.rater)
        if not (new.comment or new.corrected_text):
            return msgspec.structs.replace(new, rater=rater)
        async with self._database.read() as connection:
            detect = await detect_of(connection, await catalog.USE_CASES.get(connection, use_case))
        published = [each.text for each in call.sources] if call is not None else []
        comment, corrected_text = await masked([new.comment, new.corrected_text], detect, published=published)
        return msgspec.structs.replace(new, rater=rater, comment=comment, corrected_text=corrected_text)

    async def _record_rating(
        self,
        writer: Writer,
        new: NewRating,
        name: str,
        call: Call | None,
        origin: RatingOrigin = "direct",
        known: _Known | None = None,
    ) -> Rating:
        known = known or _Known()
        item = await known.use_case(writer, name)
        if call is not None and call.shadow_of is not None:
            raise InputError(f"{call.id} is a shadow copy that nobody was shown: rate {call.shadow_of}", field="call_id")
        if call is not None and call.trial is not None:
            raise InputError(f"{call.id} is a trial that nobody was shown: it is no evidence", field="call_id")
        if origin == "direct" and not (new.sample or (call is not None and call.sample)):
            _check_rater(item, new.rater, await known.builders(writer, item))
        rating = Rating(
            id=new.id or new_id(),
            use_case=name,
            stars=new.stars,
            rater=new.rater,
            at=new.at or self._database.clock.now(),
            version_digest=call.version_digest if call else await known.digest(writer, item),
            call_id=new.call_id,
            case_id=new.case_id or (call.case_id if call else None),
            comment=new.comment,
            corrected_text=new.corrected_text,
            critical_harm=new.critical_harm,
            grounded=new.grounded,
            sample=new.sample or bool(call and call.sample),
            origin=origin,
        )
        if call is not None and origin == "direct" and await is_rated_by(writer.connection, call.id, new.rater, origin="queue"):
            raise Conflict(f"{new.rater} has rated call {call.id} in the rating queue: nobody rates a call twice there")
        if call is not None and origin == "link":
            before = await newest_rating(writer.connection, call.id, new.rater)
            if before is not None and msgspec.structs.replace(rating, id=before.id, at=before.at) == before:
                return before
        old = await RATINGS.get(writer.connection, rating.id)
        if old is not None:
            if msgspec.structs.replace(rating, at=old.at, version_digest=old.version_digest) == old:
                return old
            raise Conflict(f"rating {rating.id} exists with other content")
        await RATINGS.put(writer, rating, "rate")
        await open_for_harm(writer, rating)
        if rating.grounded is not None and call is not None:
            await label_by_rating(writer, call, rater=rating.rater, grounded=rating.grounded, sample=rating.sample)
        return rating

    async def add_outcomes(self, use_case: str, rows: Sequence[NewOutcome], *, actor: str) -> Imported:
        """Record outcomes in one transaction, as `Outcomes.add` does."""
        return await self._outcomes.add(use_case, rows, actor=actor)

    async def ratings(self, use_case: str, limit: int = 1_000) -> list[Rating]:
        """The newest ratings first."""
        async with self._database.read() as connection:
            await require_use_case(connection, use_case)
            return await RATINGS.find(connection, use_case=use_case, newest_first=True, limit=limit)

    async def outcomes(self, use_case: str) -> list[Outcome]:
        """The newest value of each metric and case."""
        return await self._outcomes.current(use_case)

    async def newest_of(self, call_id: str, rater: str) -> Rating | None:
        """What this rater said last of a call."""
        async with self._database.read() as connection:
            return await newest_rating(connection, call_id, rater)

    async def call(self, call_id: str) -> Call:
        """A recorded call, also one that a gateway on this host still holds; NotFound where there is none."""
        for attempt in range(2):
            async with self._database.read() as connection:
                call = await CALLS.get(connection, call_id)
            if call is not None:
                return call
            if attempt == 0:
                await self._flush()
        raise NotFound(f"no call {call_id!r}")


class _Known:
    """What one transaction needs of each use case that it records ratings of, looked up once: ratings change none of it."""

    def __init__(self) -> None:
        self._use_cases: dict[str, UseCase] = {}
        self._builders: dict[str, frozenset[str]] = {}
        self._digests: dict[str, str] = {}

    async def use_case(self, writer: Writer, name: str) -> UseCase:
        if name not in self._use_cases:
            self._use_cases[name] = await require_use_case(writer.connection, name)
        return self._use_cases[name]

    async def builders(self, writer: Writer, item: UseCase) -> frozenset[str]:
        if item.name not in self._builders:
            self._builders[item.name] = await persons_who_built(writer.connection, item)
        return self._builders[item.name]

    async def digest(self, writer: Writer, item: UseCase) -> str:
        if item.name not in self._digests:
            self._digests[item.name] = await current_digest(writer.connection, item)
        return self._digests[item.name]


def _check_rater(use_case: UseCase, rater: str, built: frozenset[str]) -> None:
    """NotAllowed for who built the use case: their stars would count at its gate. Raters whom an application names are recorded
    without their addresses."""
    if person_of(rater) in built or rater in stored_addresses((*built, use_case.owner, use_case.champion or "")):
        raise NotAllowed(
            f"{person_of(rater)} owns, champions or has built {use_case.name}: someone who did not build it rates it"
        )


def _check_rating(new: NewRating, now: datetime) -> None:
    if not STARS_MIN <= new.stars <= STARS_MAX:
        raise InputError(f"stars go from {STARS_MIN} to {STARS_MAX}, not {new.stars}", field="stars")
    if not new.rater.strip() or len(new.rater) > NAME_LENGTH_MAX:
        raise InputError(f"name the rater in 1 to {NAME_LENGTH_MAX} characters", field="rater")
    if len(new.comment) > COMMENT_LENGTH_MAX:
        raise InputError(f"a comment has at most {COMMENT_LENGTH_MAX} characters", field="comment")
    if len(new.corrected_text) > CORRECTED_TEXT_LENGTH_MAX:
        raise InputError(f"a corrected text has at most {CORRECTED_TEXT_LENGTH_MAX} characters", field="corrected_text")
    if new.grounded is not None and new.call_id is None:
        raise InputError("only a recorded call has sources to hold its answer against: name call_id", field="grounded")
    check_names(call_id=new.call_id, case_id=new.case_id, id=new.id)
    check_identifiers(case_id=new.case_id, id=new.id)
    check_time(new.at, None if new.sample else now)
