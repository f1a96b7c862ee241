"""Resolves references to secrets: env:NAME and file:PATH. The secret itself never shows in an error or a log."""

from __future__ import annotations

import os
import time
from pathlib import Path

SECRET_FILE_BYTES_MAX = 16 * 1024
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
        kind, _, name = reference.partition(":")
        secret = ""
        if kind == "env":
            secret = os.environ.get(name, "").strip()
        elif kind == "file":
            try:
                with Path(name).open("rb") as file:
                    secret = file.read(SECRET_FILE_BYTES_MAX).decode().strip()
            except (OSError, UnicodeDecodeError, ValueError):
                secret = ""
        if not secret or not secret.isprintable():
            return ""
        self._known[reference] = (now_s, secret)
        return secret
