"""Verification of Ed25519 signatures (RFC 8032, 5.1) with nothing but Python: what an auditor can read, and run anywhere.

It handles public things only, so that the time it takes may depend on them. Signing is the `cryptography` package's business
(`services/audit_keys.py`); where that is installed, a signature is asked of it first, which is a hundred times as fast.
"""

from __future__ import annotations

import functools
import hashlib
from typing import Any

Ed25519PublicKey: Any
try:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    Ed25519PublicKey = None

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)
_Point = tuple[int, int, int, int]


def _add(one: _Point, two: _Point) -> _Point:
    a, b = (one[1] - one[0]) * (two[1] - two[0]) % _P, (one[1] + one[0]) * (two[1] + two[0]) % _P
    c, d = 2 * one[3] * two[3] * _D % _P, 2 * one[2] * two[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(scalar: int, point: _Point) -> _Point:
    result: _Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def _point(data: bytes) -> _Point | None:
    """A point from its 32 bytes; None where they are none, or not the one way to write it."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


def _same(one: _Point, two: _Point) -> bool:
    return (one[0] * two[2] - two[0] * one[2]) % _P == 0 and (one[1] * two[2] - two[1] * one[2]) % _P == 0


#: (x, 4/5), of which RFC 8032 says the even x.
_BASE = _point((4 * pow(5, _P - 2, _P) % _P).to_bytes(32, "little")) or (0, 1, 1, 0)


def verified(public_key: bytes, message: bytes, signature: bytes | None, *, library: bool = True) -> bool:
    """Whether `signature` is that of `public_key` over `message`. Keys of small order, by which any message would have a
    signature, verify nothing. `library`: ask the `cryptography` package where there is one."""
    if signature is None or len(signature) != 64 or len(public_key) != 32 or not _is_key(public_key):
        return False
    if library and Ed25519PublicKey is not None:
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
        except Exception:
            return False
        return True
    key, noise, scalar = _point(public_key), _point(signature[:32]), int.from_bytes(signature[32:], "little")
    if key is None or noise is None or scalar >= _ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % _ORDER
    return _same(_times(scalar, _BASE), _add(noise, _times(challenge, key)))


@functools.lru_cache(maxsize=64)
def _is_key(public_key: bytes) -> bool:
    key = _point(public_key)
    return key is not None and not _same(_times(8, key), (0, 1, 1, 0))
