"""The audit chain: each entry hashes the one before it, so that an edit, deletion, insertion or reorder shows, offline."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from groundcrew.domain.canonical import digest, sha256_hex

GENESIS_HASH = "0" * 64
#: Subjects whose name is that of their use case, or starts with it before an ``@``.
_NAMED_FOR_USE_CASE = frozenset({"use-case", "version", "certification", "hypothesis"})


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


def use_case_of(entry: AuditEntry) -> str:
    """The use case that an entry is about, "" for one that does not say. From its own content alone, so that what it is found by
    can be verified against it."""
    named = entry.details.get("use_case")
    if isinstance(named, str):
        return named
    noun, _, name = entry.subject.partition("/")
    return name.partition("@")[0] if noun in _NAMED_FOR_USE_CASE else ""


class ChainCheck:
    """Holds one entry after the other against the one before it, and remembers no more than that."""

    def __init__(self, *, after: tuple[int, str] = (0, GENESIS_HASH), problems_max: int = 20) -> None:
        """`after`: the number and the hash of the entry that the first one has to follow."""
        self.problems: list[str] = []
        self.entries, (self.last, self.head) = 0, after
        self._problems_max = problems_max

    def take(self, entry: AuditEntry, *, is_sealed: bool) -> None:
        """The next entry. `is_sealed`: whether its content has the hash that it names."""
        expected = self.last + 1
        if entry.sequence != expected:
            self.add(f"entry {entry.sequence}: expected sequence {expected}; an entry was removed, inserted or moved")
        if entry.previous_hash != self.head:
            self.add(f"entry {entry.sequence}: does not follow the entry before it")
        if not is_sealed:
            self.add(f"entry {entry.sequence}: its content does not match its hash; it was edited")
        self.entries, self.head, self.last = self.entries + 1, entry.hash, entry.sequence

    def add(self, problem: str) -> None:
        """Note a problem, of which the first ones are kept."""
        if len(self.problems) < self._problems_max:
            self.problems.append(problem)


def chain_problems(entries: Iterable[AuditEntry], *, problems_max: int = 20) -> list[str]:
    """What is wrong with a whole chain in ascending order, at most `problems_max` lines; [] for a sound or empty one."""
    check = ChainCheck(problems_max=problems_max)
    for entry in entries:
        check.take(entry, is_sealed=entry_hash(entry) == entry.hash)
        if len(check.problems) >= problems_max:
            break
    return check.problems


def is_sealed(document: bytes, entry: AuditEntry) -> bool:
    """Whether `document`, which `entry` was read from, is the canonical JSON that its hash is over, with that hash in it and
    nothing else: without building it anew, which takes ten times as long."""
    return sha256_hex(document.replace(f'"hash":"{entry.hash}",'.encode(), b"", 1)) == entry.hash
