"""The private key that signs checkpoints: made once in the data folder, or kept elsewhere and named by a reference. It is
never in the database, in no log and in no answer; only its public half leaves this module."""

from __future__ import annotations

import os
import secrets
from datetime import datetime
from pathlib import Path

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from groundcrew.domain.checkpoint import AuditKey, Checkpoint, key_id_of, key_statement, statement
from groundcrew.errors import InputError
from groundcrew.services.audit_marks import MarkFile

#: A private key as text is well below this.
KEY_BYTES_MAX = 16 * 1024
FILE_NAME, NEXT_NAME = "signing.key", "signing.key.next"


class Signer:
    """A private key in memory."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self._public = private.public_key().public_bytes_raw()
        self.id = key_id_of(self._public)

    @classmethod
    def create(cls) -> Signer:
        """A new one."""
        return cls(Ed25519PrivateKey.generate())

    def seed(self) -> str:
        """The private key as 64 hexadecimal digits, for the file that it is kept in and nothing else."""
        return self._private.private_bytes_raw().hex()

    def public(self, at: datetime, *, previous: Signer | AuditKey | None = None, reason: str = "") -> AuditKey:
        """Its public half, signed by itself, and by the key before it where that is here."""
        key = AuditKey(
            id=self.id,
            public_key=self._public.hex(),
            created_at=at,
            previous=previous.id if previous is not None else None,
            reason=reason,
        )
        said = key_statement(key)
        cross = previous._private.sign(said).hex() if isinstance(previous, Signer) else ""
        return msgspec.structs.replace(key, signature=self._private.sign(said).hex(), cross_signature=cross)

    def sign(self, checkpoint: Checkpoint) -> Checkpoint:
        """`checkpoint` with its signature."""
        checkpoint = msgspec.structs.replace(checkpoint, key_id=self.id)
        return msgspec.structs.replace(checkpoint, signature=self._private.sign(statement(checkpoint)).hex())


class KeyStore:
    """Where the private key is: ``DATA/audit/signing.key``, or what `reference` (env:NAME, file:PATH) leads to."""

    def __init__(self, folder: Path, reference: str = "") -> None:
        self._folder, self._reference = folder, reference
        #: What was signed last, also for a key that is kept elsewhere.
        self.marks = MarkFile(folder)

    @property
    def is_own(self) -> bool:
        """Whether the key is a file of this data folder, which may be made and replaced here."""
        return not self._reference

    def load(self) -> Signer | None:
        """The key; None where there is none yet. InputError, without a word of the key, for one that can not be read."""
        if self._reference.startswith("env:"):
            text = os.environ.get(self._reference.removeprefix("env:"), "")
            return _signer(text, self._reference) if text else None
        path = Path(self._reference.removeprefix("file:")) if self._reference else self._folder / FILE_NAME
        try:
            with path.open("rb") as file:
                data = file.read(KEY_BYTES_MAX + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"the audit's key can not be read: {error.strerror or error}", file=str(path)) from None
        return _signer(data.decode("ascii", "replace"), str(path))

    def create(self) -> Signer:
        """Make the key of this data folder, unless another process has just done so."""
        self._require_own()
        made = Signer.create()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        whole = self._folder / f".{FILE_NAME}.{os.getpid()}.{secrets.token_hex(4)}"
        _write(whole, made)
        try:
            # A link appears whole or not at all, and never in the place of another.
            os.link(whole, self._folder / FILE_NAME)
        except FileExistsError:
            pass
        finally:
            whole.unlink(missing_ok=True)
        found = self.load()
        assert found is not None
        return found

    def prepare(self) -> Signer:
        """Make the next key beside the one in use; `replace` puts it in its place once the database knows it."""
        self._require_own()
        made = Signer.create()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self._folder / NEXT_NAME).unlink(missing_ok=True)
        _write(self._folder / NEXT_NAME, made)
        return made

    def prepared(self) -> Signer | None:
        """The key that `prepare` has made and nobody has put in place yet: of a rotation that was cut short."""
        path = self._folder / NEXT_NAME
        return _signer(path.read_text("ascii"), str(path)) if self.is_own and path.exists() else None

    def replace(self) -> None:
        """Put the prepared key in the place of the old one, which is gone then."""
        os.replace(self._folder / NEXT_NAME, self._folder / FILE_NAME)

    def _require_own(self) -> None:
        if not self.is_own:
            raise InputError(
                "the key is kept elsewhere: put a new one there, and name the old one with `groundcrew audit rotate-key --from`",
                field="audit_key",
            )


def read_signer(path: Path) -> Signer:
    """A private key in a file. InputError where there is none."""
    found = KeyStore(path.parent, f"file:{path}").load()
    if found is None:
        raise InputError("No such file", file=str(path))
    return found


def _write(path: Path, signer: Signer) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(signer.seed() + "\n")
        file.flush()
        os.fsync(file.fileno())


def _signer(text: str, place: str) -> Signer:
    """A key from 64 hexadecimal digits or PEM (PKCS 8, as `openssl genpkey -algorithm ed25519` writes it)."""
    text = text.strip()
    try:
        if len(text) == 64:
            return Signer(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text)))
        found = serialization.load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        found = None
    if not isinstance(found, Ed25519PrivateKey):
        raise InputError("no Ed25519 private key: 64 hexadecimal digits or PEM (what is there is not shown)", file=place)
    return Signer(found)
