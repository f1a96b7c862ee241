"""What a guard makes of a rule's settings, made once: settings come again with every call, as the same objects."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

Made = TypeVar("Made")
#: What one guard keeps at most; the oldest is made anew.
KEPT_MAX = 64


class Prepared(Generic[Made]):
    """Makes something of settings and keeps it: by the settings' identity, which costs nothing, else by their content.

    Settings are not changed once they are given. Safe to share between threads; what two ask for at once is made once.
    """

    def __init__(self, make: Callable[..., Made], *, kept_max: int = KEPT_MAX) -> None:
        self._make, self._kept_max = make, kept_max
        self._lock = threading.Lock()
        #: The settings are kept beside what was made of them, so that their identity stays theirs.
        self._by_identity: dict[tuple[int, ...], tuple[tuple[Any, ...], Made]] = {}
        self._by_content: dict[bytes, Made] = {}

    def known(self, *settings: Any) -> Made | None:
        """What was made of these very objects; None where nothing was yet."""
        found = self._by_identity.get(tuple(map(id, settings)))
        return found[1] if found is not None else None

    def of(self, *settings: Any) -> Made:
        """What `settings` (JSON-like values) become; whatever making it raises is raised."""
        found = self.known(*settings)
        if found is not None:
            return found
        content = hashlib.sha256(msgspec.json.encode(settings)).digest()
        with self._lock:
            made = self._by_content.get(content)
            if made is None:
                made = self._make(*settings)
                self._room(self._by_content)
                self._by_content[content] = made
            self._room(self._by_identity)
            self._by_identity[tuple(map(id, settings))] = (settings, made)
        return made

    def _room(self, kept: dict[Any, Any]) -> None:
        while len(kept) >= self._kept_max:
            del kept[next(iter(kept))]
