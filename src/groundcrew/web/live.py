"""Live events for open pages: every subscriber has a bounded queue, and a slow one loses the oldest and is told so."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

from groundcrew.errors import Conflict

QUEUE_EVENTS_MAX = 256
SUBSCRIBERS_MAX = 200

Event = dict[str, Any]


class Subscription:
    """One open page. Events come in order; `{"type": "lost", "count": n}` stands where `n` older ones were dropped."""

    def __init__(self, limit: int) -> None:
        self._events: deque[Event] = deque()
        self._limit, self._lost, self._ready, self._closed = limit, 0, asyncio.Event(), False

    def put(self, event: Event) -> None:
        """Queue `event`; the oldest goes where the queue is full. Never waits."""
        if len(self._events) >= self._limit:
            self._events.popleft()
            self._lost += 1
        self._events.append(event)
        self._ready.set()

    def close(self) -> None:
        """End the subscription once what is queued has been taken."""
        self._closed = True
        self._ready.set()

    async def next(self, timeout_s: float) -> Event | None:
        """The next event; None when none came within `timeout_s` or the subscription is closed (see `closed`)."""
        if not self._events and not self._lost and not self._closed:
            try:
                await asyncio.wait_for(self._ready.wait(), timeout_s)
            except TimeoutError:
                return None
        if self._lost:
            lost, self._lost = self._lost, 0
            return {"type": "lost", "count": lost}
        if not self._events:
            return None
        event = self._events.popleft()
        if not self._events and not self._closed:
            self._ready.clear()
        return event

    @property
    def closed(self) -> bool:
        """Whether no further event will come."""
        return self._closed and not self._events and not self._lost


class LiveEvents:
    """Passes events of this process on to the open pages. Use it from the event loop's thread only."""

    def __init__(self, *, queue_events_max: int = QUEUE_EVENTS_MAX, subscribers_max: int = SUBSCRIBERS_MAX) -> None:
        self._queue_events_max, self._subscribers_max = queue_events_max, subscribers_max
        self._subscriptions: set[Subscription] = set()
        self._closing: list[Callable[[], None]] = []

    def on_close(self, also: Callable[[], None]) -> None:
        """Call `also` when the events are closed: for other streams that a server must not wait for."""
        self._closing.append(also)

    def publish(self, event: Event) -> None:
        """Hand `event` to every subscriber. A dict with `type` ("call", "registry", …); a call names its `use_case`."""
        for subscription in self._subscriptions:
            subscription.put(event)

    def subscribe(self) -> Subscription:
        """Open a subscription; Conflict past `subscribers_max`. End it with `unsubscribe`."""
        if len(self._subscriptions) >= self._subscribers_max:
            raise Conflict(f"{self._subscribers_max} pages follow live already: close one")
        subscription = Subscription(self._queue_events_max)
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription; ending it twice is harmless."""
        subscription.close()
        self._subscriptions.discard(subscription)

    def close(self) -> None:
        """End every subscription, so that a server can stop without waiting for open pages."""
        for subscription in list(self._subscriptions):
            self.unsubscribe(subscription)
        for each in self._closing:
            each()

    @property
    def subscribers(self) -> int:
        """How many pages follow now."""
        return len(self._subscriptions)

    async def follow(self, *, use_case: str | None, heartbeat_s: float) -> AsyncIterator[Event | None]:
        """Events about `use_case` (all where None) and about nothing in particular; None every `heartbeat_s` of silence."""
        subscription = self.subscribe()
        try:
            while not subscription.closed:
                event = await subscription.next(heartbeat_s)
                if event is None:
                    if not subscription.closed:
                        yield None
                elif use_case is None or event.get("use_case") in (None, use_case):
                    yield event
        finally:
            self.unsubscribe(subscription)
