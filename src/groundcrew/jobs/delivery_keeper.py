"""Sends what waits in the outbox: takes it under a lease, so that several servers send it once, and notes what came of it.
A receiver that is slow or away holds up nobody else: each channel has a few attempts at a time of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from typing import TYPE_CHECKING

from groundcrew.domain.delivery import Held, NotTaken
from groundcrew.domain.identifiers import new_id
from groundcrew.services.sign_off_deliveries import outgoing

if TYPE_CHECKING:
    from groundcrew.jobs.delivery_senders import Sender
    from groundcrew.services.bundle import Services
    from groundcrew.services.deliveries import Sending

POLL_S = 0.5
#: A look that failed (the database is away) is tried again with a growing pause, up to this.
PAUSE_S_MAX = 30.0
#: After how long another server sends what a dead one had taken: well above ATTEMPT_S_MAX.
LEASE_S = 60.0
#: Attempts of one channel, and of all of them, at the same time.
CHANNEL_SENDS_MAX, SENDS_MAX = 4, 128
#: What was taken is noted together, up to this many in one transaction.
NOTED_TOGETHER_MAX = 100
#: How long a message that may not leave now is left alone.
HELD_S = 15.0

logger = logging.getLogger(__name__)


class DeliveryKeeper:
    """Sends what waits in the outbox through `sender`, which it closes at the end."""

    def __init__(
        self,
        services: Services,
        sender: Sender,
        *,
        poll_s: float = POLL_S,
        lease_s: float = LEASE_S,
        channel_sends_max: int = CHANNEL_SENDS_MAX,
        held_s: float = HELD_S,
    ) -> None:
        self._services, self._sender = services, sender
        self._poll_s, self._lease_s, self._held_s = poll_s, lease_s, held_s
        self._channel_sends_max = channel_sends_max
        self._owner = new_id()
        self._attempts: set[asyncio.Task[None]] = set()
        self._by_channel: Counter[str] = Counter()
        self._wake = asyncio.Event()
        self._taken: list[Sending] = []
        self._noting = asyncio.Lock()

    async def run(self) -> None:
        """Send for ever; ends when cancelled, and lets go of what it had taken."""
        pause_s = self._poll_s
        try:
            while True:
                try:
                    started = await self.look()
                    pause_s = self._poll_s
                except Exception as error:
                    started, pause_s = 0, min(pause_s * 2, PAUSE_S_MAX)
                    logger.warning("the outbox could not be read, next try in %.1f s: %s", pause_s, type(error).__name__)
                if not started:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._wake.wait(), pause_s)
                self._wake.clear()
        finally:
            await self._stop()

    async def look(self) -> int:
        """Begin to send what is due and has room; how many attempts began."""
        room = {name: self._channel_sends_max - number for name, number in self._by_channel.items()}
        found = await self._services.deliveries.due(
            owner=self._owner,
            room=room,
            room_default=self._channel_sends_max,
            most=SENDS_MAX - len(self._attempts),
            lease_s=self._lease_s,
        )
        for each in found:
            self._by_channel[each.run.channel] += 1
            task = asyncio.create_task(self._attempt(each))
            self._attempts.add(task)
            task.add_done_callback(self._attempts.discard)
        return len(found)

    async def drain(self) -> None:
        """Wait until every attempt that began has ended."""
        while self._attempts:
            await asyncio.gather(*self._attempts, return_exceptions=True)

    async def _attempt(self, sending: Sending) -> None:
        try:
            await self._send_and_note(sending)
        except Exception as error:
            # It stays taken until the lease is over, and is sent again then: under the same id, so to no other effect.
            logger.warning("what came of %s could not be noted: %s", sending.run.id, type(error).__name__)
        finally:
            channel = sending.run.channel
            self._by_channel[channel] -= 1
            if not self._by_channel[channel]:
                del self._by_channel[channel]
            self._wake.set()

    async def _send_and_note(self, sending: Sending) -> None:
        deliveries = self._services.deliveries
        try:
            await self._send(sending)
        except Held as why:
            await deliveries.held(sending, str(why), owner=self._owner, for_s=self._held_s)
        except NotTaken as problem:
            state = await deliveries.not_taken(sending, problem, owner=self._owner)
            if state == "failed":
                logger.error("%s through %s has failed: %s", sending.run.id, sending.run.channel, problem)
        else:
            await self._note_taken(sending)

    async def _send(self, sending: Sending) -> None:
        database, delivery, channel = self._services.database, sending.delivery, sending.channel
        if channel is None:
            raise NotTaken(f"no channel {sending.run.channel} is declared")
        try:
            # What may not leave is not even called for. What may is looked at again once there is a connection, which can take
            # seconds: a stop in between keeps the text back.
            await outgoing(database, delivery, channel)
            await self._sender.send(delivery, channel, lambda: outgoing(database, delivery, channel))
        except (Held, NotTaken):
            raise
        except Exception as error:
            raise NotTaken(f"the attempt failed ({type(error).__name__})") from error

    async def _note_taken(self, sending: Sending) -> None:
        """Note together what was taken while the last ones were noted: a transaction costs a sync of the disk."""
        self._taken.append(sending)
        async with self._noting:
            some, self._taken = self._taken[:NOTED_TOGETHER_MAX], self._taken[NOTED_TOGETHER_MAX:]
            if some:
                await self._services.deliveries.taken(some, owner=self._owner)

    async def _stop(self) -> None:
        for each in self._attempts:
            each.cancel()
        await asyncio.gather(*self._attempts, return_exceptions=True)
        with contextlib.suppress(Exception):
            await self._services.deliveries.release(self._owner)
        await self._sender.close()
