"""Canonical JSON and digests: the one way in which anything is hashed, so that a digest means the same everywhere."""

from __future__ import annotations

import hashlib

import msgspec

_ENCODER = msgspec.json.Encoder(order="deterministic")


def canonical_json(value: object) -> bytes:
    """UTF-8 JSON with sorted keys and no white space. Structs, datetimes (RFC 3339) and sets are allowed; NaN is not."""
    # Through builtins first, so that a struct's fields are sorted like any other object's keys.
    return _ENCODER.encode(msgspec.to_builtins(value, order="sorted"))


def sha256_hex(data: bytes) -> str:
    """Lower-case hexadecimal SHA-256 of `data`, 64 characters."""
    return hashlib.sha256(data).hexdigest()


def digest(value: object) -> str:
    """SHA-256 over the canonical JSON of `value`."""
    return sha256_hex(canonical_json(value))
