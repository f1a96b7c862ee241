"""Ratings and outcomes: durable first, then answered; idempotent where a sender may repeat itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from groundcrew.domain.call import Call
from groundcrew.domain.feedback import (
    COMMENT_LENGTH_MAX,
    CORRECTED_TEXT_LENGTH_MAX,
    STARS_MAX,
    STARS_MIN,
    Outcome,
    Rating,
)
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.use_case import UseCase
from groundcrew.errors import Conflict, InputError, NotFound
from groundcrew.guards.masking import stored_identifier
from groundcrew.services.labels import label_by_rating
from groundcrew.services.lookups import current_digest, person_of, require_use_case
from groundcrew.services.masking import check_identifiers, detect_of, masked
from groundcrew.store import catalog
from groundcrew.store.calls import CALLS
from groundcrew.store.database import Database, Writer
from groundcrew.store.feedback import OUTCOMES, RATINGS, current_outcomes, latest_values

OUTCOMES_PER_REQUEST_MAX = 10_000
NAME_LENGTH_MAX = 200
#: How far another system's clock may run ahead of ours.
CLOCK_SKEW_S_MAX = 300.0


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


class NewOutcome(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An outcome as sent in: the newest value of one metric and case counts, the same value again changes nothing."""

    metric: str
    value: float
    case_id: str
    unit: str = ""
    unit_id: str | None = None
    arm: str | None = None
    cluster: str | None = None
    call_id: str | None = None
    at: datetime | None = None
    sample: bool = False


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows of a bulk import were new or corrected, and how many were there already."""

    recorded: int
    unchanged: int


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

    async def rate(self, new: NewRating, *, actor: str, use_case: str | None = None) -> Rating:
        """Record a rating. `use_case`, where given, is the only one that the sender may rate."""
        _check_rating(new, self._database.clock.now())
        call = await self._call(new.call_id) if new.call_id else None
        name = call.use_case if call else (new.use_case or use_case)
        if name is None or (call is None and not new.case_id):
            raise InputError("say what is rated: call_id, or use_case and case_id", field="call_id")
        if use_case is not None and name != use_case:
            raise NotFound(f"no call {new.call_id!r} of {use_case}")
        new = await self._masked(new, name, call, actor)
        async with self._database.write(actor) as writer:
            rating = await self._record_rating(writer, new, name, call)
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
        async with self._database.write(actor) as writer:
            return [await self._record_rating(writer, row, row.use_case or "", None) for row in safe]

    async def _masked(self, new: NewRating, use_case: str, call: Call | None, actor: str) -> NewRating:
        """The rating as it may be written. A rater who is no signed-in person is whom an application names: no e-mail address."""
        rater = new.rater if person_of(actor) == new.rater.casefold() else stored_identifier(new.rater)
        if not (new.comment or new.corrected_text):
            return msgspec.structs.replace(new, rater=rater)
        async with self._database.read() as connection:
            detect = await detect_of(connection, await catalog.USE_CASES.get(connection, use_case))
        published = [each.text for each in call.sources] if call is not None else []
        comment, corrected_text = await masked([new.comment, new.corrected_text], detect, published=published)
        return msgspec.structs.replace(new, rater=rater, comment=comment, corrected_text=corrected_text)

    async def _record_rating(self, writer: Writer, new: NewRating, name: str, call: Call | None) -> Rating:
        item = await require_use_case(writer.connection, name)
        if call is not None and call.shadow_of is not None:
            raise InputError(f"{call.id} is a shadow copy that nobody was shown: rate {call.shadow_of}", field="call_id")
        rating = Rating(
            id=new.id or new_id(),
            use_case=name,
            stars=new.stars,
            rater=new.rater,
            at=new.at or self._database.clock.now(),
            version_digest=call.version_digest if call else await current_digest(writer.connection, item),
            call_id=new.call_id,
            case_id=new.case_id or (call.case_id if call else None),
            comment=new.comment,
            corrected_text=new.corrected_text,
            critical_harm=new.critical_harm,
            grounded=new.grounded,
            sample=new.sample or bool(call and call.sample),
        )
        old = await RATINGS.get(writer.connection, rating.id)
        if old is not None:
            if msgspec.structs.replace(rating, at=old.at, version_digest=old.version_digest) == old:
                return old
            raise Conflict(f"rating {rating.id} exists with other content")
        await RATINGS.put(writer, rating, "rate")
        if rating.grounded is not None and call is not None:
            await label_by_rating(writer, call, rater=rating.rater, grounded=rating.grounded, sample=rating.sample)
        return rating

    async def add_outcomes(self, use_case: str, rows: Sequence[NewOutcome], *, actor: str) -> Imported:
        """Record outcomes in one transaction; a value that is there already is left alone, another one supersedes it."""
        if len(rows) > OUTCOMES_PER_REQUEST_MAX:
            raise InputError(f"{len(rows)} outcomes at once: send at most {OUTCOMES_PER_REQUEST_MAX}", field="outcomes")
        now = self._database.clock.now()
        for position, row in enumerate(rows):
            _check_outcome(row, position, now)
        async with self._database.write(actor) as writer:
            item = await require_use_case(writer.connection, use_case)
            digest = await current_digest(writer.connection, item)
            keys = {(row.metric, row.case_id) for row in rows}
            known = await latest_values(writer.connection, use_case, keys)
            fresh: list[Outcome] = []
            for row in rows:
                outcome = self._outcome(item, row, digest)
                old = known.get((row.metric, row.case_id))
                if old is not None and _same(old, outcome, at_given=row.at is not None):
                    continue
                known[row.metric, row.case_id] = outcome
                fresh.append(outcome)
            await OUTCOMES.insert_batch(writer, fresh, "import", f"outcomes/{use_case}", details={"use_case": use_case})
        return Imported(recorded=len(fresh), unchanged=len(rows) - len(fresh))

    async def ratings(self, use_case: str, limit: int = 1_000) -> list[Rating]:
        """The newest ratings first."""
        async with self._database.read() as connection:
            await require_use_case(connection, use_case)
            return await RATINGS.find(connection, use_case=use_case, newest_first=True, limit=limit)

    async def outcomes(self, use_case: str) -> list[Outcome]:
        """The newest value of each metric and case."""
        async with self._database.read() as connection:
            await require_use_case(connection, use_case)
            return await current_outcomes(connection, use_case)

    def _outcome(self, use_case: UseCase, row: NewOutcome, digest: str) -> Outcome:
        return Outcome(
            id=new_id(),
            use_case=use_case.name,
            metric=row.metric,
            value=row.value,
            case_id=row.case_id,
            at=row.at or self._database.clock.now(),
            version_digest=digest,
            unit=row.unit,
            unit_id=row.unit_id,
            arm=row.arm,
            cluster=row.cluster,
            call_id=row.call_id,
            sample=row.sample,
        )

    async def _call(self, call_id: str) -> Call:
        for attempt in range(2):
            async with self._database.read() as connection:
                call = await CALLS.get(connection, call_id)
            if call is not None:
                return call
            if attempt == 0:
                await self._flush()
        raise NotFound(f"no call {call_id!r}")


def _same(old: Outcome, new: Outcome, *, at_given: bool) -> bool:
    kept = msgspec.structs.replace(new, id=old.id, version_digest=old.version_digest)
    return (kept if at_given else msgspec.structs.replace(kept, at=old.at)) == old


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
    _check_names(call_id=new.call_id, case_id=new.case_id, id=new.id)
    check_identifiers(case_id=new.case_id, id=new.id)
    _check_time(new.at, None if new.sample else now)


def _check_outcome(row: NewOutcome, position: int, now: datetime) -> None:
    try:
        if not row.metric.strip():
            raise InputError("name the metric", field="metric")
        if row.value != row.value or row.value in (float("inf"), float("-inf")):
            raise InputError("a value is a finite number", field="value")
        if not row.case_id.strip():
            raise InputError("name the business case", field="case_id")
        _check_names(metric=row.metric, case_id=row.case_id, unit=row.unit, unit_id=row.unit_id, cluster=row.cluster)
        check_identifiers(
            metric=row.metric, case_id=row.case_id, unit=row.unit, unit_id=row.unit_id, arm=row.arm, cluster=row.cluster
        )
        _check_time(row.at, None if row.sample else now)
    except InputError as error:
        raise InputError(error.message, field=f"[{position}].{error.field}") from None


def _check_names(**names: str | None) -> None:
    for field, name in names.items():
        if name is not None and (len(name) > NAME_LENGTH_MAX or "\x00" in name):
            raise InputError(f"at most {NAME_LENGTH_MAX} characters, none of them NUL", field=field)


def _check_time(moment: datetime | None, now: datetime | None) -> None:
    """A time dated ahead would pass for one after a registration that is still to come."""
    if moment is not None and moment.tzinfo is None:
        raise InputError("a time needs its offset, such as 2027-01-31T08:00:00Z", field="at")
    if moment is not None and now is not None and moment > now + timedelta(seconds=CLOCK_SKEW_S_MAX):
        raise InputError(f"{moment.isoformat()} lies in the future", field="at")
