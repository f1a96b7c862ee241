"""What this server has seen signed last: a file beside the key, so that whoever can write the database alone gets nothing else
signed in its place. A key signs what it is handed; what was there before has to be known from somewhere else."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import msgspec

from groundcrew.domain.checkpoint import Checkpoint, checkpoint_digest, checkpoint_id
from groundcrew.errors import InputError
from groundcrew.store import audit as stored
from groundcrew.store.database import Connection
from groundcrew.store.deciding import CHECKPOINTS

FILE_NAME = "last-signed.json"
FILE_BYTES_MAX = 16 * 1024


class Mark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An entry's number and hash, and the digest of the checkpoint that signs it."""

    sequence: int
    hash: str
    digest: str


class Marks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`last` is the newest checkpoint that was seen in the database; `signing` one that was about to be stored there, of which
    nobody knows whether it was: the process may have ended in between. The entry that it signs was there in either case."""

    last: Mark | None = None
    signing: Mark | None = None


class MarkFile:
    """``DATA/audit/last-signed.json``. It holds nothing secret; who can write it can have another chain signed."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME

    def read(self) -> Marks:
        """What was seen; nothing where there is no file yet. InputError for one that can not be read."""
        try:
            with self._path.open("rb") as file:
                return msgspec.json.decode(file.read(FILE_BYTES_MAX), type=Marks)
        except FileNotFoundError:
            return Marks()
        except (OSError, msgspec.MsgspecError) as error:
            raise InputError(f"what was signed last can not be read: {error}", file=str(self._path)) from None

    def signing(self, checkpoint: Checkpoint) -> None:
        """`checkpoint` is about to be stored."""
        self._write(msgspec.structs.replace(self.read(), signing=_mark(checkpoint)))

    def signed(self, checkpoint: Checkpoint) -> None:
        """`checkpoint` is in the database. Never goes back: another process may have noted a later one."""
        before = self.read()
        if before.last is None or before.last.sequence < checkpoint.sequence:
            is_open = before.signing is not None and before.signing.sequence > checkpoint.sequence
            self._write(Marks(last=_mark(checkpoint), signing=before.signing if is_open else None))

    def begin_anew(self, checkpoint: Checkpoint | None) -> None:
        """Forget what was seen: the database's newest checkpoint counts from now on."""
        self._write(Marks(last=_mark(checkpoint) if checkpoint is not None else None))

    def _write(self, marks: Marks) -> None:
        """Whole or not at all, and on the disk."""
        folder = self._path.parent
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = folder / f".{FILE_NAME}.{os.getpid()}.{secrets.token_hex(4)}"
        with beside.open("xb") as file:
            file.write(msgspec.json.encode(marks) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


async def gone(connection: Connection, marks: Marks) -> str:
    """What of `marks` the database no longer has; empty where it has all of it. Read `marks` before the transaction begins:
    then nothing in them can be newer than what it sees."""
    for mark in (marks.last, marks.signing):
        if mark is not None and await stored.hashes_between(connection, mark.sequence, mark.sequence) != [mark.hash]:
            return f"entry {mark.sequence} is not the one that this server has seen signed: it was removed or written anew"
    if marks.last is not None:
        kept = await CHECKPOINTS.get(connection, checkpoint_id(marks.last.sequence))
        if kept is None or checkpoint_digest(kept) != marks.last.digest:
            return f"the checkpoint at entry {marks.last.sequence} that this server has seen is not there any more"
    return ""


def _mark(checkpoint: Checkpoint) -> Mark:
    return Mark(sequence=checkpoint.sequence, hash=checkpoint.hash, digest=checkpoint_digest(checkpoint))
