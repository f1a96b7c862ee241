"""The calls in flight and how to cut them: a tripped kill switch cancels what runs, within one poll, and counts it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Literal

from groundcrew.domain.kill_switch import Scope

Interrupt = Literal["kill_switch", "disconnected", "closing"]


class Inflight:
    """One call in flight. `scopes` are the kill-switch scopes that it falls under; `committed` once its end is being recorded."""

    __slots__ = ("call_id", "committed", "interrupt", "scopes", "task")

    def __init__(self, call_id: str, scopes: frozenset[Scope]) -> None:
        self.call_id, self.scopes = call_id, scopes
        self.task: asyncio.Task[None] | None = None
        self.interrupt: Interrupt | None = None
        self.committed = False

    def cut(self, why: Interrupt) -> bool:
        """Cancel the call's work. False when it was cut before, or when its end is being recorded and can not be undone."""
        if self.interrupt is not None or self.committed:
            return False
        self.interrupt = why
        if self.task is not None:
            self.task.cancel()
        return True


class Registry:
    """All calls in flight in this process."""

    def __init__(self) -> None:
        self._calls: dict[str, Inflight] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Inflight]:
        return iter(tuple(self._calls.values()))

    def add(self, call: Inflight) -> None:
        """Start to watch `call`."""
        self._calls[call.call_id] = call
        self._empty.clear()

    def remove(self, call: Inflight) -> None:
        """Stop watching `call`."""
        self._calls.pop(call.call_id, None)
        if not self._calls:
            self._empty.set()

    async def drained(self, wait_s: float) -> bool:
        """Wait until no call is in flight, at most `wait_s`; whether that came true."""
        try:
            async with asyncio.timeout(wait_s):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True

    def count(self, scope: Scope | None = None) -> int:
        """Calls in flight, those in `scope` only where it is given."""
        return len(self._calls) if scope is None else sum(1 for call in self._calls.values() if scope in call.scopes)

    def cut_stopped(self, stopped: Iterable[Scope]) -> int:
        """Cut every call that falls under one of `stopped`; how many were cut."""
        scopes = frozenset(stopped)
        return sum(1 for call in self if not call.scopes.isdisjoint(scopes) and call.cut("kill_switch"))
