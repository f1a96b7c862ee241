"""What is kept in memory of a database so that it need not be read or computed again: bounded, and those asked for last stay."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy.ext.asyncio import AsyncConnection

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
T = TypeVar("T")


class Memory(Generic[K, V]):
    """At most `most` values of each database by key. A database that is closed takes its values with it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: WeakKeyDictionary[object, OrderedDict[K, V]] = WeakKeyDictionary()

    def get(self, connection: AsyncConnection, key: K) -> V | None:
        """The value of `key`, None where it is not kept."""
        kept = self._of(connection)
        if key not in kept:
            return None
        kept.move_to_end(key)
        return kept[key]

    def put(self, connection: AsyncConnection, key: K, value: V) -> V:
        """Keep `value` in the place of what was kept under `key`."""
        kept = self._of(connection)
        kept[key] = value
        kept.move_to_end(key)
        while len(kept) > self._most:
            kept.popitem(last=False)
        return value

    def _of(self, connection: AsyncConnection) -> OrderedDict[K, V]:
        return self._kept.setdefault(connection.engine.sync_engine, OrderedDict())


async def marked(
    memory: Memory[K, tuple[object, T]], connection: AsyncConnection, key: K, mark: object, compute: Callable[[], Awaitable[T]]
) -> T:
    """What `compute` gives, computed once for each `mark` of a `key`. The mark says how far the records go that the value rests
    on, and is read before them: what arrives meanwhile is counted the next time."""
    found = memory.get(connection, key)
    if found is None or found[0] != mark:
        found = memory.put(connection, key, (mark, await compute()))
    return found[1]
