"""Checkpoints: signed statements of how far the audit chain reached and with which hash. A chain alone can not show that its
end was cut off, or that all of it was written anew; a signature that somebody else holds can. The offline verifier
(`services/offline_verifier.py`) reads these same forms without this package."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from groundcrew.domain.audit import GENESIS_HASH
from groundcrew.domain.canonical import canonical_json, digest, sha256_hex

CHECKPOINT_FORMAT, KEY_FORMAT = "groundcrew-audit-checkpoint/1", "groundcrew-audit-key/1"
#: Entries between two checkpoints at most, and the time after which changes get one.
INTERVAL_ENTRIES_MAX, INTERVAL_S = 10_000, 3_600.0
#: Characters of a key's id: 128 bits of the SHA-256 of its public half.
KEY_ID_LENGTH = 32


class AuditKey(msgspec.Struct, frozen=True, kw_only=True):
    """The public half of a key that signs checkpoints. `public_key` and signatures are hexadecimal (Ed25519, RFC 8032).

    `signature` is its own over `key_statement`, `cross_signature` that of the key before it, `previous`: whoever trusts one of
    the two trusts the other. A key that follows one which was lost has none.
    """

    id: str
    public_key: str
    created_at: datetime
    previous: str | None = None
    signature: str = ""
    cross_signature: str = ""
    #: Why it took the place of the one before.
    reason: str = ""


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The chain ended at, or went through, entry `sequence` with `hash`. `entries` is how many came since the checkpoint before
    it, `root` the Merkle root over their hashes, `previous` the digest of that checkpoint."""

    sequence: int
    hash: str
    root: str
    entries: int
    at: datetime
    previous: str
    key_id: str
    signature: str = ""


def checkpoint_id(sequence: int) -> str:
    """What a checkpoint is called: the number of its entry, so that names sort as numbers do."""
    return f"{sequence:015d}"


def key_id_of(public_key: bytes) -> str:
    """The id of a public key."""
    return sha256_hex(public_key)[:KEY_ID_LENGTH]


def statement(checkpoint: Checkpoint) -> bytes:
    """What a checkpoint's signature is over: canonical JSON of everything else in it."""
    return _statement(checkpoint, CHECKPOINT_FORMAT, without=("signature",))


def key_statement(key: AuditKey) -> bytes:
    """What both signatures of a key are over."""
    return _statement(key, KEY_FORMAT, without=("signature", "cross_signature"))


def checkpoint_digest(checkpoint: Checkpoint | None) -> str:
    """What the next checkpoint names this one by; GENESIS_HASH where there is none."""
    return GENESIS_HASH if checkpoint is None else digest(checkpoint)


def _statement(item: Any, form: str, *, without: tuple[str, ...]) -> bytes:
    content = {name: value for name, value in msgspec.to_builtins(item).items() if name not in without}
    return canonical_json(content | {"format": form})


def merkle_root(hashes: Sequence[str]) -> str:
    """The Merkle tree hash (RFC 9162, 2.1.1) over entries' hashes, in hexadecimal."""
    return _tree([_leaf(each) for each in hashes]).hex()


def merkle_path(hashes: Sequence[str], index: int) -> tuple[str, ...]:
    """What leads from entry `index` of `hashes` to their root: siblings from the leaf up, each with its side before it,
    ``L`` or ``R``."""
    level, path = [_leaf(each) for each in hashes], []
    # Level by level: an odd last node goes up as it is, which gives the same tree as splitting at powers of two.
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(("L" if sibling < index else "R") + level[sibling].hex())
        level = _up(level)
        index //= 2
    return tuple(path)


def _leaf(entry_hash: str) -> bytes:
    return sha256(b"\x00" + bytes.fromhex(entry_hash)).digest()


def _tree(level: list[bytes]) -> bytes:
    while len(level) > 1:
        level = _up(level)
    return level[0] if level else sha256(b"").digest()


def _up(level: list[bytes]) -> list[bytes]:
    pairs = [sha256(b"\x01" + level[at] + level[at + 1]).digest() for at in range(0, len(level) - 1, 2)]
    return pairs + level[len(pairs) * 2 :]
