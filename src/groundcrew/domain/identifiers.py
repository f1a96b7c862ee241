"""Identifiers and names: UUIDv7 for everything that is recorded, so that ids sort by time; a pattern for everything named."""

from __future__ import annotations

import re

from groundcrew.domain.canonical import sha256_hex

NAME_LENGTH_MAX = 64
NAME_PATTERN = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")


def new_id() -> str:
    """A fresh UUIDv7 (RFC 9562) as 36 characters."""
    import uuid_utils

    return str(uuid_utils.uuid7())


def name_problem(name: str) -> str | None:
    """Why `name` can not name a declared thing, or None. Lower-case letters, digits, dot, dash, underscore; 1–64 characters."""
    if NAME_PATTERN.fullmatch(name):
        return None
    return (
        f"{name!r} is not a valid name: use 1 to {NAME_LENGTH_MAX} lower-case letters, digits, '.', '-' or '_', "
        "starting and ending with a letter or digit"
    )


def pseudonym(text: str) -> str:
    """What stands for a user whose name is personal data or no identifier: the same text for the same user."""
    return "sha256-" + sha256_hex(text.encode("utf-8", "surrogatepass"))[:32]
