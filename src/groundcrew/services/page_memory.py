"""What pages show of figures that take long to compute: kept in memory as long as nothing came that changes them. Decisions never
read from here."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TypeVar
from weakref import WeakKeyDictionary

from groundcrew.store.database import Connection

T = TypeVar("T")

#: Figures that are kept in memory, those asked for last.
FIGURES_MAX = 256

_KEPT: WeakKeyDictionary[object, OrderedDict[tuple[str, ...], tuple[object, object]]] = WeakKeyDictionary()


async def remembered(connection: Connection, key: tuple[str, ...], mark: object, compute: Callable[[], Awaitable[T]]) -> T:
    """What `compute` gives, computed once for each `mark` of a `key`. The mark says how far the records go that the figure rests
    on, and is read before them: what arrives meanwhile is counted the next time."""
    kept = _KEPT.setdefault(connection.engine.sync_engine, OrderedDict())
    if key not in kept or kept[key][0] != mark:
        kept[key] = mark, await compute()
    kept.move_to_end(key)
    found: T = kept[key][1]  # type: ignore[assignment]
    while len(kept) > FIGURES_MAX:
        kept.popitem(last=False)
    return found
