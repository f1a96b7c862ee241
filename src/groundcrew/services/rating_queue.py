"""The rating queue: calls put up for rating, handed out one by one under a lease, rated blind by several people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from groundcrew.domain.call import Call, CallHead, CallStatus
from groundcrew.domain.feedback import Rating
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.rating_queue import RATERS_MAX, REASON_LENGTH_MAX, RatingRequest, RatingSkip, RequestOrigin, rating_place
from groundcrew.domain.use_case import RatingRule, UseCase
from groundcrew.domain.user import User
from groundcrew.errors import Conflict, InputError, NotAllowed, NotFound
from groundcrew.metrics.rater_agreement import RaterAgreement, rater_agreement
from groundcrew.services.feedback import Feedback, NewRating
from groundcrew.services.governance import persons_who_built
from groundcrew.services.lookups import current_digest, person_of, require_use_case
from groundcrew.services.masking import detect_of, masked
from groundcrew.store import calls as stored_calls
from groundcrew.store import catalog
from groundcrew.store import rating_queue as stored
from groundcrew.store.calls import CALLS
from groundcrew.store.database import Connection, Database, Writer
from groundcrew.store.rating_queue import RATING_REQUESTS

#: How long a call stays with the person who rates it.
LEASE_S = 15 * 60.0
#: Open calls that are looked through for one that may be rated now.
OPEN_MAX = 500
#: Calls that are put up at once.
PUT_UP_MAX = 1_000
#: Ratings that the agreement is computed from, the newest.
RATINGS_MAX = 10_000
#: Calls whose answer somebody got.
RATED_STATUS: tuple[CallStatus, ...] = ("answered", "declined", "fallback")


class RatingTask(msgspec.Struct, frozen=True, kw_only=True):
    """A call for one person to rate, theirs until `until`."""

    request: RatingRequest
    call: Call
    until: datetime


class RatingQueueState(msgspec.Struct, frozen=True, kw_only=True):
    """How far the ratings of the current version, and of calls that were picked, have come. `yours` is how many wait for the
    person who asks, counted up to OPEN_MAX; `agreement` is that of the current version's raters."""

    use_case: str
    put_up: int
    complete: int
    ratings: int
    skipped: int
    yours: int | None = None
    agreement: RaterAgreement | None = None


async def put_up_shipped(writer: Writer, fresh: Sequence[tuple[CallHead, bytes]], *, gateway: str) -> None:
    """Put up a share of the calls in the transaction that records them, as their use cases declare it."""
    rules: dict[str, RatingRule | None] = {}
    found: list[RatingRequest] = []
    for head, _ in fresh:
        if head.use_case not in rules:
            use_case = await catalog.USE_CASES.get(writer.connection, head.use_case)
            rules[head.use_case] = use_case.ratings if use_case is not None else None
        rule = rules[head.use_case]
        if rule is None or not _can_be_rated(head):
            continue
        place = rating_place(head.use_case, head.id)
        if place < rule.share:
            found.append(_request(head, rule, "drawn", f"system:{gateway}", writer.clock.now(), place / rule.share))
    if found:
        await stored.insert(writer, found, by=gateway)


class RatingQueue:
    """The queues of all use cases."""

    def __init__(self, database: Database, feedback: Feedback, flush: Callable[[], Awaitable[None]]) -> None:
        self._database, self._feedback, self._flush = database, feedback, flush

    async def state(self, use_case: str, person: User | None = None, *, agreement: bool = True) -> RatingQueueState:
        """How far the queue has come, and how far its raters agree."""
        async with self._database.read() as connection:
            item = await require_use_case(connection, use_case)
            digest = await current_digest(connection, item)
            counts = await stored.counts(connection, use_case, digest)
            yours = None
            if person is not None and not self.refusal(item, person):
                yours = len(await _open(connection, item, person, self._now))
            found = await stored.queue_ratings(connection, use_case, digest, limit=RATINGS_MAX) if agreement else []
            hidden = await stored.sealed(connection, use_case) if found else set()
        # What is not all in says nothing yet, not even as a figure.
        said = [(each.call_id or "", each.rater, each.stars) for each in reversed(found) if each.call_id not in hidden]
        figures = await asyncio.to_thread(rater_agreement, said) if said else None
        return RatingQueueState(
            use_case=use_case,
            put_up=counts.put_up,
            complete=counts.complete,
            ratings=counts.ratings,
            skipped=counts.skipped,
            yours=yours,
            agreement=figures,
        )

    async def put_up(
        self,
        use_case: str,
        *,
        actor: str,
        call_ids: Sequence[str] = (),
        status: CallStatus | None = None,
        since: datetime | None = None,
        newest: int = 0,
        raters: int | None = None,
        blind: bool | None = None,
    ) -> list[str]:
        """Put up calls by id, or the `newest` ones of a status and from `since` on. Returns those that were not up yet.

        InputError for a call that nobody was shown, NotFound for one that is not the use case's.
        """
        if bool(call_ids) == bool(newest):
            raise InputError("name calls, or say how many of the newest", field="call_ids")
        if len(call_ids) > PUT_UP_MAX or newest > PUT_UP_MAX:
            raise InputError(f"put up at most {PUT_UP_MAX} calls at once", field="call_ids" if call_ids else "newest")
        if raters is not None and not 1 <= raters <= RATERS_MAX:
            raise InputError(f"from 1 to {RATERS_MAX} people rate a call", field="raters")
        if since is not None and since.tzinfo is None:
            raise InputError("a time needs its offset, such as 2027-01-31T08:00:00Z", field="since")
        await self._flush()
        async with self._database.write(actor) as writer:
            item = await require_use_case(writer.connection, use_case)
            rule = item.ratings or RatingRule()
            rule = RatingRule(
                share=rule.share,
                raters=rule.raters if raters is None else raters,
                blind=rule.blind if blind is None else blind,
            )
            calls = await _picked(writer.connection, use_case, call_ids, status, since, newest)
            now = self._now
            made = [
                _request(each, rule, "picked", actor, now, rating_place(use_case, each.id) - 1)
                for each in calls
                if each.redacted_at is None
            ]
            return [each.id for each in await stored.insert(writer, made, by=use_case)]

    async def next(self, use_case: str, rater: User) -> RatingTask | None:
        """The next call for this person, theirs for LEASE_S; None where there is none. In order of rank, so that nobody chooses.
        NotAllowed for who built the use case."""
        await self._flush()
        async with self._database.operate() as connection:
            item = await require_use_case(connection, use_case)
            await _check_built(connection, item, rater)
            now = self._now
            async for request, call in _candidates(connection, item, rater, now):
                await stored.lock(connection, request.id)
                # Somebody may have taken the last place between the look and the lock.
                if await stored.places(connection, request, rater=rater.name, now_s=now.timestamp()) < 1:
                    continue
                until = now + timedelta(seconds=LEASE_S)
                await stored.lease(connection, request.id, rater=rater.name, until_s=until.timestamp())
                return RatingTask(request=request, call=call, until=until)
        return None

    async def task(self, call_id: str, rater: User) -> RatingTask:
        """A call that was handed to this person and that they have not rated. Conflict where it was not."""
        async with self._database.read() as connection:
            request = await RATING_REQUESTS.get(connection, call_id)
            if request is None:
                raise NotFound(f"call {call_id!r} is not put up for rating")
            await _check_built(connection, await require_use_case(connection, request.use_case), rater)
            until_s = await stored.leased_until(connection, call_id, rater.name)
            call = await CALLS.get(connection, call_id)
        if until_s is None or call is None:
            raise Conflict("calls are rated in the order in which they are handed out: take the next one")
        return RatingTask(request=request, call=call, until=datetime.fromtimestamp(until_s, tz=self._now.tzinfo))

    async def rate(
        self,
        call_id: str,
        *,
        rater: User,
        stars: int,
        comment: str = "",
        critical_harm: bool | None = None,
        grounded: bool | None = None,
    ) -> Rating:
        """Rate a call that was handed to this person; once. Conflict where it was not, or where enough others were quicker."""
        task = await self.task(call_id, rater)

        async def check(writer: Writer) -> None:
            await self._check_turn(writer.connection, task.request, rater)
            await stored.end_lease(writer.connection, call_id, rater.name)

        new = NewRating(
            stars=stars, rater=rater.name, call_id=call_id, comment=comment, critical_harm=critical_harm, grounded=grounded,
            sample=task.request.sample,
        )  # fmt: skip
        return await self._feedback.rate(new, actor=f"user:{rater.name}", origin="queue", check=check)

    async def skip(self, call_id: str, *, rater: User, reason: str) -> RatingSkip:
        """Leave a call that was handed to this person to somebody else, and say why."""
        if not reason.strip():
            raise InputError("say why, so that it can be put right", field="reason")
        if len(reason) > REASON_LENGTH_MAX:
            raise InputError(f"a reason has at most {REASON_LENGTH_MAX} characters", field="reason")
        task = await self.task(call_id, rater)
        async with self._database.read() as connection:
            detect = await detect_of(connection, await require_use_case(connection, task.request.use_case))
        (safe,) = await masked([reason.strip()], detect, published=[each.text for each in task.call.sources])
        async with self._database.write(f"user:{rater.name}") as writer:
            if await stored.is_rated_by(writer.connection, call_id, rater.name):
                raise Conflict("you have rated this call already")
            if await stored.leased_until(writer.connection, call_id, rater.name) is None:
                raise Conflict("you have left this call to somebody else already")
            made = RatingSkip(
                id=new_id(),
                use_case=task.request.use_case,
                call_id=call_id,
                rater=rater.name,
                reason=safe,
                at=self._now,
                sample=task.request.sample,
            )
            await catalog.RATING_SKIPS.put(writer, made, "skip")
            await stored.end_lease(writer.connection, call_id, rater.name)
        return made

    async def visible(self, use_case: str, ratings: Sequence[Rating], viewer: str) -> list[Rating]:
        """Those of `ratings` that `viewer` may see: ratings of a call that is rated blind stay with their raters until all are
        in."""
        async with self._database.read() as connection:
            hidden = await stored.sealed(connection, use_case)
        return [each for each in ratings if each.call_id not in hidden or each.rater == viewer]

    @staticmethod
    def refusal(use_case: UseCase, rater: User | None) -> str:
        """Why this person may not rate calls of `use_case` in its queue; "" where they may."""
        if rater is None:
            return "a key can not rate here"
        try:
            _check_rater(use_case, rater)
        except NotAllowed as error:
            return str(error)
        return ""

    async def _check_turn(self, connection: Connection, request: RatingRequest, rater: User) -> None:
        await stored.lock(connection, request.id)
        if await stored.is_rated_by(connection, request.id, rater.name):
            raise Conflict("you have rated this call already")
        if await stored.leased_until(connection, request.id, rater.name) is None:
            raise Conflict("calls are rated in the order in which they are handed out: take the next one")
        if await stored.places(connection, request, rater=rater.name, now_s=self._now.timestamp()) < 1:
            raise Conflict("your time for this call was over, and others have rated it: take the next one")

    @property
    def _now(self) -> datetime:
        return self._database.clock.now()


async def _open(connection: Connection, item: UseCase, rater: User, now: datetime) -> list[RatingRequest]:
    """What this person may be asked to rate now, in order of rank: not the answers to their own questions."""
    found = await stored.open_requests(
        connection,
        item.name,
        await current_digest(connection, item),
        rater=rater.name,
        now_s=now.timestamp(),
        limit=OPEN_MAX,
    )
    return [each for each in found if each.user_id is None or person_of(each.user_id) != person_of(rater.name)]


async def _candidates(
    connection: Connection, item: UseCase, rater: User, now: datetime
) -> AsyncIterator[tuple[RatingRequest, Call]]:
    """The same with their calls, whose texts must still be there."""
    for request in await _open(connection, item, rater, now):
        call = await CALLS.get(connection, request.id)
        if call is not None and call.redacted_at is None:
            yield request, call


async def _picked(
    connection: Connection,
    use_case: str,
    call_ids: Sequence[str],
    status: CallStatus | None,
    since: datetime | None,
    newest: int,
) -> list[Call]:
    if newest:
        found = await stored_calls.latest(connection, use_case=use_case, status=status, limit=newest)
        return [each for each in found if _can_be_rated(each) and (since is None or each.received_at >= since)]
    calls = []
    for each in dict.fromkeys(call_ids):
        call = await CALLS.get(connection, each)
        if call is None or call.use_case != use_case:
            raise NotFound(f"no call {each!r} of {use_case}")
        if not _can_be_rated(call):
            raise InputError(f"nobody was shown an answer of call {each}", field="call_ids")
        calls.append(call)
    return calls


def _can_be_rated(call: Call | CallHead) -> bool:
    return call.status in RATED_STATUS and call.shadow_of is None and call.trial is None


def _request(
    call: Call | CallHead, rule: RatingRule, origin: RequestOrigin, asked_by: str, now: datetime, rank: float
) -> RatingRequest:
    return RatingRequest(
        id=call.id,
        use_case=call.use_case,
        version_digest=call.version_digest,
        raters=rule.raters,
        blind=rule.blind,
        origin=origin,
        rank=rank,
        probability=rule.share if origin == "drawn" else None,
        asked_by=asked_by,
        asked_at=now,
        user_id=call.user_id,
        sample=call.sample,
    )


def _check_rater(use_case: UseCase, rater: User) -> None:
    """NotAllowed for who built the use case."""
    if person_of(rater.name) in {person_of(each) for each in (use_case.owner, use_case.champion) if each}:
        raise NotAllowed(f"{rater.name} owns or champions {use_case.name}: someone who did not build it must rate its answers")


async def _check_built(connection: Connection, use_case: UseCase, rater: User) -> None:
    """The same, and for who declared it, wrote or registered its hypothesis or changed its version."""
    _check_rater(use_case, rater)
    if person_of(rater.name) in await persons_who_built(connection, use_case):
        raise NotAllowed(f"{rater.name} has built {use_case.name}: someone who did not build it must rate its answers")
