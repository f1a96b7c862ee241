"""How far a run is, for whoever wants to show it: one bar per stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

#: Takes (done, total).
Advance: TypeAlias = Callable[[int, int], None]
#: Begins a stage by its name and gives what advances it.
Progress: TypeAlias = Callable[[str], AbstractContextManager[Advance]]


@contextmanager
def silent(_stage: str) -> Iterator[Advance]:
    """Nobody watches."""
    yield lambda _done, _total: None
