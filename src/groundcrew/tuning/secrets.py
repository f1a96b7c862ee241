"""The key of a provider for a remote run, by its reference. The key itself never shows in an error or a log."""

from __future__ import annotations

import os
from pathlib import Path

from groundcrew.errors import InputError

SECRET_FILE_BYTES_MAX = 16 * 1024


def secret_of(reference: str) -> str:
    """The secret behind env:NAME or file:PATH. InputError, which names the reference alone, where there is none to send."""
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
        raise InputError(f"{reference} holds no key that could be sent", field="api_key")
    return secret
