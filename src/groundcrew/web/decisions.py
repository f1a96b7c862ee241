"""Waits for people's decisions on behalf of open event streams. However many wait, the database is asked once each POLL_S for all
of them, so that a decision made at any server of the database is heard at every one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from typing import TYPE_CHECKING

from groundcrew.services.sign_off_deliveries import no_longer_pending
from groundcrew.web.throttle import TooManyAttempts

if TYPE_CHECKING:
    from groundcrew.services.bundle import Services

POLL_S = 0.5
#: Streams that may be open at once at this server, and of one caller.
STREAMS_MAX, STREAMS_PER_CALLER_MAX = 1_000, 250
#: When who is refused for that should come again.
RETRY_AFTER_S = 10

logger = logging.getLogger(__name__)


class TooManyStreams(TooManyAttempts):
    """As many streams are open as may be; poll instead, or come again."""

    def __init__(self) -> None:
        super().__init__(RETRY_AFTER_S)
        self.args = ("too many event streams are open: poll instead, or close some",)


class Waiting:
    """One open stream: `decided` is set when its sign-off is worth a look, or nothing further will come (`over`)."""

    def __init__(self, sign_off_id: str, caller: str) -> None:
        self.sign_off_id, self.caller = sign_off_id, caller
        self.decided = asyncio.Event()
        self._over = False

    def over(self) -> bool:
        """Whether nothing further will come."""
        return self._over

    def finish(self) -> None:
        """Nothing further will come."""
        self._over = True
        self.decided.set()


class Decisions:
    """The open streams of one server. Use it from the event loop's thread only."""

    def __init__(
        self,
        services: Services,
        *,
        poll_s: float = POLL_S,
        streams_max: int = STREAMS_MAX,
        per_caller_max: int = STREAMS_PER_CALLER_MAX,
    ) -> None:
        self._services, self._poll_s = services, poll_s
        self._streams_max, self._per_caller_max = streams_max, per_caller_max
        self._waiting: set[Waiting] = set()
        self._callers: Counter[str] = Counter()
        self._looking: asyncio.Task[None] | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def check(self, caller: str) -> None:
        """TooManyStreams where `caller` may not wait any further."""
        if self._closed or len(self._waiting) >= self._streams_max or self._callers[caller] >= self._per_caller_max:
            raise TooManyStreams

    def begin(self, sign_off_id: str, caller: str) -> Waiting:
        """Begin to wait; TooManyStreams where no more may. End it with `end`."""
        self.check(caller)
        waiting = Waiting(sign_off_id, caller)
        self._waiting.add(waiting)
        self._callers[caller] += 1
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        return waiting

    def end(self, waiting: Waiting) -> None:
        """Wait no longer; ending twice is harmless."""
        if waiting in self._waiting:
            self._waiting.discard(waiting)
            self._callers[waiting.caller] -= 1
            if not self._callers[waiting.caller]:
                del self._callers[waiting.caller]

    def close(self) -> None:
        """End every stream, so that a server can stop without waiting for them."""
        self._closed = True
        for each in self._waiting:
            each.finish()
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self) -> None:
        """Look for decisions for as long as anybody waits."""
        while self._waiting:
            await asyncio.sleep(self._poll_s)
            ids = sorted({each.sign_off_id for each in self._waiting})
            try:
                found = await no_longer_pending(self._services.database, ids)
            except Exception as error:
                # Streams stay open and say that they are alive; who waits may poll, which says what is the matter.
                logger.warning("decisions could not be looked for: %s", type(error).__name__)
                continue
            for each in self._waiting:
                if each.sign_off_id in found:
                    each.decided.set()


async def came(waiting: Waiting, within_s: float) -> bool:
    """Whether there is something to look at; waits for it up to `within_s`."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(waiting.decided.wait(), within_s)
    return waiting.decided.is_set()
