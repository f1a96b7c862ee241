"""Draws of a share by hash: the same thing is always decided alike, on every server, and anyone can check it."""

from __future__ import annotations

import hashlib

#: How many places things are spread over.
PLACES = 2**64


def place_of(*words: str) -> int:
    """Where something stands among PLACES: the first 8 bytes of SHA-256 over `words`, with zero bytes between them.

    The first words say what is drawn for, so that two draws have nothing to do with each other.
    """
    text = "\0".join(words).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")


def fraction_of(*words: str) -> float:
    """The same place as a figure in [0, 1), of its first 53 bits."""
    return (place_of(*words) >> 11) / 2**53


def is_drawn(share: float, *words: str) -> bool:
    """Whether something is one of `share` (0..1) of all, of none at 0, of all at 1. A larger share draws whatever a smaller one
    draws."""
    return place_of(*words) < share * PLACES
