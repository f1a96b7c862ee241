"""Resolves references to secrets: env:NAME and file:PATH. The secret itself never shows in an error or a log."""

from __future__ import annotations

import time

from groundcrew.settings import secret_behind

#: How long a secret is kept before it is looked up again, so that rotation needs no restart.
SECRET_AGE_S_MAX = 60.0


class SecretReferences:
    """The secrets of one process, by their references."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, str]] = {}

    def resolve(self, reference: str) -> str:
        """The secret; "" where it can not be had, or is none that could be sent."""
        now_s = time.monotonic()
        known = self._known.get(reference)
        if known is not None and now_s - known[0] < SECRET_AGE_S_MAX:
            return known[1]
        secret = secret_behind(reference)
        if not secret:
            return ""
        self._known[reference] = (now_s, secret)
        return secret
