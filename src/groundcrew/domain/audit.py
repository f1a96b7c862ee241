"""The audit chain: each entry hashes the one before it, so that an edit, deletion, insertion or reorder shows, offline."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from groundcrew.domain.canonical import digest

GENESIS_HASH = "0" * 64


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One change. `subject_digest` is over the subject's whole state after it, None where it was removed."""

    sequence: int
    at: datetime
    actor: str
    action: str
    subject: str
    subject_digest: str | None
    reason: str
    details: dict[str, Any]
    previous_hash: str
    hash: str


def entry_hash(entry: AuditEntry) -> str:
    """SHA-256 over every field but `hash` itself."""
    content = msgspec.to_builtins(entry)
    del content["hash"]
    return digest(content)


def seal(entry: AuditEntry) -> AuditEntry:
    """`entry` with its hash filled in."""
    return msgspec.structs.replace(entry, hash=entry_hash(entry))


def chain_problems(entries: Iterable[AuditEntry], *, problems_max: int = 20) -> list[str]:
    """What is wrong with a whole chain in ascending order, at most `problems_max` lines; [] for a sound or empty one."""
    problems: list[str] = []
    previous, expected = GENESIS_HASH, 1
    for entry in entries:
        if entry.sequence != expected:
            problems.append(f"entry {entry.sequence}: expected sequence {expected}; an entry was removed, inserted or moved")
        if entry.previous_hash != previous:
            problems.append(f"entry {entry.sequence}: does not follow the entry before it")
        if entry_hash(entry) != entry.hash:
            problems.append(f"entry {entry.sequence}: its content does not match its hash; it was edited")
        previous, expected = entry.hash, entry.sequence + 1
        if len(problems) >= problems_max:
            break
    return problems
