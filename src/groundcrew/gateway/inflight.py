"""The calls in flight and how to cut them: a tripped kill switch cancels what runs, within one poll, and counts it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec

from groundcrew.domain.kill_switch import Scope
from groundcrew.errors import RefusedCall
from groundcrew.gateway.wire import Inside

Interrupt = Literal["refused", "disconnected", "stalled", "closing"]

#: How long calls that are cut because the gateway closes may take to be recorded.
CLOSE_S_MAX = 2.0


class Inflight(msgspec.Struct, eq=False):
    """One call in flight. `scopes` are the kill-switch scopes that it falls under, `secret` is its key's; `committed` once its
    end is being recorded; `sending_since_s` (monotonic) while the client does not take what is sent, `reading_since_s` while its
    body arrives. `stopped_before` are the scopes that were stopped already when it came in."""

    call_id: str
    scopes: frozenset[Scope]
    secret: str | Inside | None = None
    stopped_before: frozenset[Scope] = frozenset()
    is_counted: bool = False
    task: asyncio.Task[None] | None = None
    interrupt: Interrupt | None = None
    refusal: RefusedCall | None = None
    committed: bool = False
    sending_since_s: float | None = None
    reading_since_s: float | None = None

    def cut(self, why: Interrupt, refusal: RefusedCall | None = None) -> bool:
        """Cancel the call's work. False when it was cut before, or while its end is being recorded, which can not be undone.

        An answer that is recorded and waits for its client to take it is cut off like any other.
        """
        if self.interrupt is not None or (self.committed and self.sending_since_s is None):
            return False
        self.interrupt, self.refusal = why, refusal
        if self.task is not None:
            self.task.cancel()
        return True


class Registry:
    """All calls in flight in this process."""

    def __init__(self) -> None:
        self._calls: dict[str, Inflight] = {}
        #: Set once no call is in flight; there while somebody waits for that.
        self._empty: asyncio.Event | None = None

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Inflight]:
        return iter(tuple(self._calls.values()))

    def add(self, call: Inflight) -> None:
        """Start to watch `call`."""
        self._calls[call.call_id] = call
        if self._empty is not None:
            self._empty.clear()

    def remove(self, call: Inflight) -> None:
        """Stop watching `call`."""
        self._calls.pop(call.call_id, None)
        if self._empty is not None and not self._calls:
            self._empty.set()

    async def drained(self, wait_s: float) -> bool:
        """Wait until no call is in flight, at most `wait_s`; whether that came true."""
        if not self._calls:
            return True
        empty = self._empty = self._empty or asyncio.Event()
        try:
            async with asyncio.timeout(wait_s):
                await empty.wait()
        except TimeoutError:
            return False
        return True

    async def close(self, tasks: Iterable[asyncio.Task[Any]]) -> None:
        """Cut every call and wait for the work behind them, `tasks`: at most CLOSE_S_MAX, so that each still gets its record."""
        waiting = tuple(tasks)
        for call in self:
            call.cut("closing")
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=CLOSE_S_MAX)
            for task in late:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    def count(self, scope: Scope | None = None) -> int:
        """Calls in flight, those in `scope` only where it is given."""
        return len(self._calls) if scope is None else sum(1 for call in self._calls.values() if scope in call.scopes)

    def cut_stalled(self, before_s: float) -> int:
        """Cut every call whose client has taken nothing since `before_s` (monotonic); how many were cut."""
        return sum(
            1 for call in self if call.sending_since_s is not None and call.sending_since_s < before_s and call.cut("stalled")
        )

    def cut_unread(self, before_s: float, refusal: RefusedCall) -> int:
        """Refuse every call whose body has not arrived since `before_s` (monotonic); how many were cut."""
        return sum(
            1
            for call in self
            if call.reading_since_s is not None and call.reading_since_s < before_s and call.cut("refused", refusal)
        )
