"""Deliveries: put into the outbox in the transaction that causes them, sent by the keeper until they are taken.

A message is at least once under way and, by its id, once at a receiver that looks at it. What the keeper does with one is told
here: who has it (a lease), what came of an attempt, and what ended, which is audited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from groundcrew.domain.canonical import canonical_json
from groundcrew.domain.delivery import (
    BODY_BYTES_MAX,
    ERROR_LENGTH_MAX,
    GIVE_UP_AFTER_S,
    Channel,
    Delivery,
    DeliveryState,
    NotTaken,
    backoff_s,
)
from groundcrew.domain.identifiers import new_id
from groundcrew.errors import InputError, NotFound
from groundcrew.services.lookups import nearest, require_reason
from groundcrew.store import catalog
from groundcrew.store import deliveries as rows
from groundcrew.store.database import Connection, Database, Writer

ACTOR = "system:delivery"
#: The event of a message that only tries a channel.
TEST_EVENT = "channel.test"
LIST_MAX = 1_000


async def enqueue(writer: Writer, *, key: str, channel: str, event: str, subject: str, body: dict[str, Any]) -> None:
    """Put a message into the outbox, once by `key`: a second time changes nothing. It is sent once the transaction commits.
    InputError for a body above BODY_BYTES_MAX."""
    if await catalog.DELIVERIES.get(writer.connection, key) is not None:
        return
    if len(canonical_json(body)) > BODY_BYTES_MAX:
        raise InputError(f"a message holds {BODY_BYTES_MAX} bytes at most", field="body")
    now = writer.clock.now()
    delivery = Delivery(id=key, channel=channel, event=event, subject=subject, body=body, created_at=now)
    await catalog.DELIVERIES.put(writer, delivery, "enqueue")
    await rows.open_run(writer.connection, delivery, now_s=now.timestamp())


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt that a sender has the lease for. `channel` is as declared now, None where it is not."""

    delivery: Delivery
    channel: Channel | None
    run: rows.Run


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery as people look at it: while it is pending, how often it was tried, what came of it and when it is tried next."""

    delivery: Delivery
    attempts: int
    last_error: str
    next_attempt_at: datetime | None = None


class ChannelView(msgspec.Struct, frozen=True, kw_only=True):
    """A channel and how many of its deliveries wait, were taken, and failed."""

    channel: Channel
    pending: int = 0
    delivered: int = 0
    failed: int = 0


class Deliveries:
    """The outbox and the channels that lead out of it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # What people ask for.

    async def channels(self) -> list[ChannelView]:
        """Every declared channel by name, with what became of its deliveries."""
        async with self._database.read() as connection:
            found = await catalog.CHANNELS.find(connection)
            counts = await rows.counts(connection)
        states: tuple[DeliveryState, ...] = ("pending", "delivered", "failed")
        return [ChannelView(channel=each, **{one: counts.get((each.name, one), 0) for one in states}) for each in found]

    async def find(
        self,
        *,
        channel: str | None = None,
        state: DeliveryState | None = None,
        subject: str | None = None,
        limit: int = 200,
    ) -> list[DeliveryView]:
        """The newest first, of one channel, in one state or about one subject where given."""
        async with self._database.read() as connection:
            found = await rows.newest(connection, channel=channel, state=state, subject=subject, limit=min(limit, LIST_MAX))
            runs = await rows.runs_of(connection, [each.id for each in found if each.state == "pending"])
        return [_view(each, runs) for each in found]

    async def get(self, delivery_id: str) -> DeliveryView:
        """One delivery; NotFound if there is none."""
        async with self._database.read() as connection:
            found = await catalog.DELIVERIES.get(connection, delivery_id)
            if found is None:
                raise NotFound(f"no delivery {delivery_id!r}")
            return _view(found, await rows.runs_of(connection, [delivery_id]))

    async def replay(self, delivery_id: str, *, actor: str, reason: str) -> DeliveryView:
        """Send a delivery again, at once and under the id that it has: a failed one, one that waits for its next attempt, or one
        that was taken and got lost at the receiver."""
        require_reason(reason)
        async with self._database.write(actor) as writer:
            found = await catalog.DELIVERIES.get(writer.connection, delivery_id)
            if found is None:
                raise NotFound(f"no delivery {delivery_id!r}")
            again = msgspec.structs.replace(found, state="pending", attempts=0, delivered_at=None, failed_at=None, last_error="")
            await catalog.DELIVERIES.put(writer, again, "replay", reason=reason)
            now_s = writer.clock.now().timestamp()
            if not await rows.hasten(writer.connection, delivery_id, now_s=now_s):
                await rows.open_run(writer.connection, again, now_s=now_s)
        return await self.get(delivery_id)

    async def test(self, channel: str, *, actor: str) -> Delivery:
        """Put a message into the outbox that only tries `channel`; NotFound names the nearest one."""
        async with self._database.write(actor) as writer:
            await _require_channel(writer.connection, channel)
            key = f"channel/{channel}/test/{new_id()}"
            body = {"title": "A test of this channel", "text": f"{actor} tried the channel {channel}. Nothing has happened."}
            await enqueue(writer, key=key, channel=channel, event=TEST_EVENT, subject=key, body=body)
            found = await catalog.DELIVERIES.get(writer.connection, key)
        assert found is not None
        return found

    # What the keeper does.

    async def due(self, *, owner: str, room: Mapping[str, int], room_default: int, most: int, lease_s: float) -> list[Sending]:
        """Take up to `most` messages that may be sent now, for `lease_s`: of each channel up to its `room`, or `room_default`."""
        if not await self._database.glance(rows.WAITS):
            return []
        now_s = self._now_s()
        async with self._database.read() as connection:
            channels = await rows.due_channels(connection, now_s=now_s)
        wanted = {each: free for each in channels if (free := room.get(each, room_default)) > 0}
        if not wanted or most <= 0:
            return []
        taken: list[rows.Run] = []
        async with self._database.operate() as connection:
            for channel, free in wanted.items():
                limit = min(free, most - len(taken))
                if limit > 0:
                    taken += await rows.claim(connection, channel=channel, owner=owner, now_s=now_s, lease_s=lease_s, limit=limit)
        return await self._sendings(taken)

    async def _sendings(self, taken: Sequence[rows.Run]) -> list[Sending]:
        async with self._database.read() as connection:
            found = {each.id: each for each in await catalog.DELIVERIES.find_ids(connection, [run.id for run in taken])}
            names = {each.channel for each in taken}
            channels = {name: await catalog.CHANNELS.get(connection, name) for name in names}
        return [Sending(delivery=found[run.id], channel=channels[run.channel], run=run) for run in taken if run.id in found]

    async def taken(self, sendings: Sequence[Sending], *, owner: str) -> None:
        """Note, durably and together, that the receivers took these. One whose lease is somebody else's is left to them."""
        async with self._database.write(ACTOR) as writer:
            for each in sendings:
                if await rows.end(writer.connection, each.run.id, owner):
                    done = msgspec.structs.replace(
                        each.delivery, state="delivered", attempts=each.run.attempts, delivered_at=writer.clock.now()
                    )
                    await catalog.DELIVERIES.put(writer, done, "deliver", details={"attempts": each.run.attempts})

    async def not_taken(self, sending: Sending, problem: NotTaken, *, owner: str) -> DeliveryState:
        """Note an attempt that failed: it is tried again, or has failed where that makes no sense or its time is over."""
        now_s, run = self._now_s(), sending.run
        error = str(problem)[:ERROR_LENGTH_MAX]
        next_s = now_s + backoff_s(run.attempts, problem.retry_after_s)
        if not problem.is_final and next_s <= run.since_s + GIVE_UP_AFTER_S:
            async with self._database.operate() as connection:
                await rows.postpone(
                    connection, run.id, owner, next_attempt_s=next_s, error=error, counted=True, since_s=run.since_s
                )
            return "pending"
        async with self._database.write(ACTOR) as writer:
            if await rows.end(writer.connection, run.id, owner):
                failed = msgspec.structs.replace(
                    sending.delivery,
                    state="failed",
                    attempts=run.attempts,
                    failed_at=writer.clock.now(),
                    last_error=error,
                )
                await catalog.DELIVERIES.put(writer, failed, "fail", reason=error, details={"attempts": run.attempts})
        return "failed"

    async def held(self, sending: Sending, why: str, *, owner: str, for_s: float) -> None:
        """Leave a message that may not go now alone for a while. No attempt is counted, and its time begins anew."""
        now_s = self._now_s()
        async with self._database.operate() as connection:
            await rows.postpone(
                connection,
                sending.run.id,
                owner,
                next_attempt_s=now_s + for_s,
                error=why[:ERROR_LENGTH_MAX],
                counted=False,
                since_s=now_s,
            )

    async def release(self, owner: str) -> None:
        """Let go of everything that `owner` holds."""
        async with self._database.operate() as connection:
            await rows.release(connection, owner)

    def _now_s(self) -> float:
        return self._database.clock.now().timestamp()


async def _require_channel(connection: Connection, name: str) -> Channel:
    found = await catalog.CHANNELS.get(connection, name)
    if found is None:
        known = [each.name for each in await catalog.CHANNELS.find(connection)]
        raise NotFound(f"no channel {name!r}{nearest(name, known)}")
    return found


def _view(delivery: Delivery, runs: Mapping[str, rows.Run]) -> DeliveryView:
    run = runs.get(delivery.id) if delivery.state == "pending" else None
    if run is None:
        return DeliveryView(delivery=delivery, attempts=delivery.attempts, last_error=delivery.last_error)
    return DeliveryView(
        delivery=delivery,
        attempts=run.attempts,
        last_error=run.last_error,
        next_attempt_at=datetime.fromtimestamp(run.next_attempt_s, UTC),
    )
