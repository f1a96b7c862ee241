"""Gateway keys: a secret printed once, kept only as a hash, scoped to one use case, expiring."""

from __future__ import annotations

import secrets
from datetime import datetime

import msgspec

from groundcrew.domain.canonical import sha256_hex
from groundcrew.domain.use_case import RateLimits, SpendLimits

KEY_PREFIX = "gc_"
KEY_LIFETIME_S_MAX = 366 * 86_400
LABEL_LENGTH_MAX = 100


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key's record. `sha256` is over the whole secret; the secret itself is never stored.

    `label` says what it is for; `rotated_from` is the key that it takes the place of.
    """

    id: str
    use_case: str
    sha256: str
    created_by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    #: What this key alone may spend and how fast; the limits of its use case hold as well.
    budget: SpendLimits | None = None
    limits: RateLimits | None = None
    label: str = ""
    rotated_from: str | None = None


def new_secret() -> str:
    """A fresh key secret: ``gc_`` and 43 URL-safe characters (256 bits)."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def secret_sha256(secret: str) -> str:
    """Hash under which a key is looked up. SHA-256 suffices: the secret has 256 random bits."""
    return sha256_hex(secret.encode())
