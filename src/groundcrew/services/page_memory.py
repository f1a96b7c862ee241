"""What pages show of figures that take long to compute: kept in memory as long as nothing came that changes them. Decisions never
read from here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from groundcrew.store.database import Connection
from groundcrew.store.memory import Memory, marked

T = TypeVar("T")

#: Figures that are kept in memory, those asked for last.
FIGURES_MAX = 256

_KEPT: Memory[tuple[str, ...], tuple[object, Any]] = Memory(FIGURES_MAX)


async def remembered(connection: Connection, key: tuple[str, ...], mark: object, compute: Callable[[], Awaitable[T]]) -> T:
    """What `compute` gives, computed once for each `mark` of a `key`; see `marked`."""
    found: T = await marked(_KEPT, connection, key, mark, compute)
    return found
