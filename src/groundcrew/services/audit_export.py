"""Exports of the audit log for verification elsewhere: whole, a stretch of it, or what is about something, with a manifest of
what vouches for it. A part is as strong as the whole: each run of entries ends with a proof that leads to a signed checkpoint."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import msgspec

from groundcrew.domain.audit import AuditEntry
from groundcrew.domain.audit_search import Wanted
from groundcrew.domain.canonical import canonical_json
from groundcrew.domain.checkpoint import Checkpoint, merkle_path
from groundcrew.errors import InputError
from groundcrew.services.checkpoints import OWN_ACTORS, Checkpoints, keys_in_order
from groundcrew.services.exports import Progress, whole_file
from groundcrew.store import audit as stored
from groundcrew.store.database import Connection, Database
from groundcrew.store.deciding import CHECKPOINTS

MANIFEST_FORMAT = "groundcrew-audit-export/1"
PROGRESS_EVERY = 5_000


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries: from number `first` to number `last`, and of those what is `wanted`."""

    first: int = 1
    last: int | None = None
    wanted: Wanted = Wanted()

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out before the end."""
        return self.first == 1 and self.last is None and self.wanted.is_everything


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What was written. `signed_to` is the last entry that a checkpoint vouches for, 0 for none."""

    entries: int
    first: int
    last: int
    head: str
    signed_to: int
    manifest: str


async def export_audit(
    database: Database, checkpoints: Checkpoints, output: Path, *, part: Part | None = None, progress: Progress | None = None
) -> Exported:
    """Write the entries of `part` in order, and ``OUTPUT.manifest.json`` beside them. The log is signed up to its end first,
    where this process holds the key. InputError for a part that holds no entry, AuditBroken for a log that does not verify."""
    part = part or Part()
    if part.first < 1 or (part.last is not None and part.last < part.first):
        raise InputError("entries are counted from 1, and a stretch ends where it begins or later", field="from-entry")
    await checkpoints.sign(at_head=True)
    beside = output.with_name(output.name + ".manifest.json")
    async with database.read() as connection:
        signed = await CHECKPOINTS.find(connection)
        signed_to = signed[-1].sequence if signed else 0
        is_current = not await stored.changed_since(connection, signed_to, besides=OWN_ACTORS)
        # It ends with what is signed: the entry that the checkpoint itself left comes with the next one. A whole log for which
        # nobody has signed the newest entries goes on without.
        end = min(part.last or signed_to, signed_to) if signed and (is_current or not part.is_whole) else part.last
        with whole_file(output) as file:
            writing = _Writing(connection, file, signed, proves=not part.is_whole, progress=progress)
            async for entry in stored.entries(connection, after=part.first - 1, until=end):
                if part.wanted.fits(entry):
                    await writing.take(entry)
            await writing.end()
            if not writing.entries:
                raise InputError("no entry is like that, so there is nothing to export", field="output")
            # Not beside an older export for a moment: it would not fit it.
            beside.unlink(missing_ok=True)
        manifest = writing.manifest(output.name, part) | {
            "made_at": database.clock.now(),
            "keys": list(reversed(await keys_in_order(connection))),
        }
    _put(beside, msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    return Exported(
        entries=writing.entries,
        first=writing.first,
        last=writing.last,
        head=writing.head,
        signed_to=writing.signed_to,
        manifest=str(beside),
    )


class _Writing:
    """Writes entries and, behind each run of them, its proof."""

    def __init__(
        self, connection: Connection, file: IO[bytes], signed: list[Checkpoint], *, proves: bool, progress: Progress | None
    ) -> None:
        self._connection, self._file, self._signed, self._proves = connection, file, signed, proves
        self._progress: Callable[[int, int], None] = progress or (lambda _done, _total: None)
        self.entries, self.first, self.last, self.head = 0, 0, 0, ""
        self.signed_to, self.previous_hash = 0, ""
        self._sha256 = hashlib.sha256()
        self._hashes: tuple[int, list[str]] = (0, [])
        self._place = 0

    async def take(self, entry: AuditEntry) -> None:
        """The next entry."""
        if self._proves and self.entries and entry.sequence != self.last + 1:
            await self._prove()
        self._write(msgspec.json.encode(entry) + b"\n")
        if not self.entries:
            self.first, self.previous_hash = entry.sequence, entry.previous_hash
        self.entries, self.last, self.head = self.entries + 1, entry.sequence, entry.hash
        if self.entries % PROGRESS_EVERY == 0:
            self._progress(self.entries, 0)

    async def end(self) -> None:
        """The last one was written."""
        if self._proves and self.entries:
            await self._prove()
        elif self._signed:
            self.signed_to = max((each.sequence for each in self._signed if each.sequence <= self.last), default=0)

    def manifest(self, name: str, part: Part) -> dict[str, Any]:
        """What an auditor holds the file against."""
        within = [each for each in self._signed if each.sequence - each.entries < self.last and each.sequence >= self.first]
        return {
            "format": MANIFEST_FORMAT,
            "file": name,
            "sha256": self._sha256.hexdigest(),
            "entries": self.entries,
            "first": self.first,
            "last": self.last,
            "head": self.head,
            "previous_hash": self.previous_hash,
            "complete": part.is_whole,
            "selection": part,
            "signed_to": self.signed_to,
            "checkpoints": within,
        }

    async def _prove(self) -> None:
        """A proof that the newest entry, and so the run that it ends, stands under a signature, where one reaches that far."""
        while self._place < len(self._signed) and self._signed[self._place].sequence < self.last:
            self._place += 1
        if self._place == len(self._signed):
            return
        checkpoint = self._signed[self._place]
        low = checkpoint.sequence - checkpoint.entries + 1
        if self._hashes[0] != checkpoint.sequence:
            self._hashes = (checkpoint.sequence, await stored.hashes_between(self._connection, low, checkpoint.sequence))
        path = merkle_path(self._hashes[1], self.last - low)
        self._write(canonical_json({"proof": {"sequence": self.last, "checkpoint": checkpoint.sequence, "path": path}}) + b"\n")
        self.signed_to = self.last

    def _write(self, line: bytes) -> None:
        self._sha256.update(line)
        self._file.write(line)


def _put(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"could not be written: {error.strerror or error}", file=str(path), field="output") from error
    finally:
        temporary.unlink(missing_ok=True)
