"""Draws and shares that depend on a seed and on what a record is, never on where it stands."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from groundcrew.curation.words import U64

_BYTES = 8


def draws(texts: Iterable[str], prefix: str) -> U64:
    """A number of 64 bits for every text, uniform over all of them: the beginning of the SHA-256 of `prefix` and the text."""
    start = hashlib.sha256(prefix.encode())
    found: list[bytes] = []
    for text in texts:
        hashed = start.copy()
        hashed.update(text.encode())
        found.append(hashed.digest()[:_BYTES])
    return np.frombuffer(b"".join(found), dtype=">u8").astype(np.uint64)


def shares(numbers: U64) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Draws as numbers from 0 to 1, 1 not included."""
    return (numbers >> np.uint64(11)).astype(np.float64) / 2.0**53
