"""What the offline verifier knows of signatures: which keys are trusted, which checkpoints they signed, how a partial export's
entries lead to one. Python alone; `services/verifier_script.py` puts it into the auditor's one file."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any

from groundcrew.services.ed25519 import verified

FORMAT_CHECKPOINT, FORMAT_KEY = "groundcrew-audit-checkpoint/1", "groundcrew-audit-key/1"
#: Problems that are told; there may be more.
PROBLEMS_MAX = 20


class NotReadable(Exception):
    """A file that is no export, with the line where that shows."""

    def __init__(self, message: str, line: int | None = None) -> None:
        self.message, self.line = message, line
        super().__init__(message)


class Problem:
    """What is wrong. `kind`: edited, deleted, inserted, reordered, cut_off, signature, key_unknown, proof or file."""

    def __init__(self, kind: str, text: str, sequence: int | None = None, line: int | None = None) -> None:
        self.kind, self.text, self.sequence, self.line = kind, text, sequence, line

    def __str__(self) -> str:
        return self.text

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {"kind": self.kind, "entry": self.sequence, "line": self.line, "text": self.text}


class Report:
    """What was found. Sound when `problems` is empty; `notes` say what could not be checked, and against what it was."""

    def __init__(self) -> None:
        self.entries, self.first, self.last, self.head = 0, 0, 0, ""
        self.checkpoints, self.signed_to, self.partial = 0, 0, False
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self.found = 0

    def add(self, kind: str, text: str, sequence: int | None = None, line: int | None = None) -> None:
        """Note a problem."""
        self.found += 1
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(Problem(kind, text, sequence, line))

    def told(self) -> dict[str, Any]:
        """As JSON."""
        names = ("entries", "first", "last", "head", "checkpoints", "signed_to", "partial", "found", "notes")
        return {name: getattr(self, name) for name in names} | {"problems": [each.told() for each in self.problems]}


class Signatures:
    """The keys that are trusted, and the checkpoints that they have signed."""

    def __init__(
        self,
        keys: Iterable[dict[str, Any]],
        checkpoints: Iterable[dict[str, Any]],
        pinned: bytes | None,
        report: Report,
    ) -> None:
        self._report = report
        self._keys = {str(each.get("id")): each for each in keys}
        self.by_sequence: dict[int, dict[str, Any]] = {}
        self._trusted = self._trust(pinned)
        for each in checkpoints:
            self._take(each)

    def _trust(self, pinned: bytes | None) -> dict[str, bytes]:
        """Key id → public key. From the pinned key along signatures by which one key names another; all keys where none is."""
        sound: dict[str, bytes] = {}
        links: list[tuple[str, str]] = []
        for name, key in self._keys.items():
            public = _hex(key.get("public_key"), 32)
            content = canonical(
                {k: v for k, v in key.items() if k not in ("signature", "cross_signature")} | {"format": FORMAT_KEY}
            )
            if public is None or key_id(public) != name or not verified(public, content, _hex(key.get("signature"), 64)):
                self._report.add("signature", f"key {name}: it does not vouch for itself; it was edited")
                continue
            sound[name] = public
            before = key.get("previous")
            if before is None:
                continue
            # Its own signature vouches for the key before it; that one's vouches for it.
            links.append((name, str(before)))
            previous = _hex(self._keys.get(str(before), {}).get("public_key"), 32)
            if previous is not None and verified(previous, content, _hex(key.get("cross_signature"), 64)):
                links.append((str(before), name))
            else:
                self._report.notes.append(
                    f"key {name} is not signed by the key before it, {before}: {key.get('reason') or 'no reason'}"
                )
        if pinned is None:
            if sound:
                self._report.notes.append(
                    "the keys come with the file: compare their ids with ones that you have from elsewhere: "
                    + ", ".join(sorted(sound))
                )
            return sound
        trusted = {key_id(pinned): pinned}
        grown = True
        while grown:
            grown = False
            for voucher, vouched in links:
                if voucher in trusted and vouched in sound and vouched not in trusted:
                    trusted[vouched], grown = sound[vouched], True
        return trusted

    def _take(self, checkpoint: dict[str, Any]) -> None:
        sequence, name = checkpoint.get("sequence"), str(checkpoint.get("key_id"))
        if not isinstance(sequence, int) or _hex(checkpoint.get("hash"), 32) is None:
            self._report.add("signature", "a checkpoint without a number or a hash")
            return
        public = self._trusted.get(name)
        content = canonical({k: v for k, v in checkpoint.items() if k != "signature"} | {"format": FORMAT_CHECKPOINT})
        if public is None:
            self._report.add("key_unknown", f"checkpoint at entry {sequence}: key {name} is not one that is trusted", sequence)
        elif not verified(public, content, _hex(checkpoint.get("signature"), 64)):
            self._report.add("signature", f"checkpoint at entry {sequence}: its signature is wrong; it was edited", sequence)
        elif self.by_sequence.get(sequence, checkpoint)["hash"] != checkpoint["hash"]:
            self._report.add("edited", f"two signed checkpoints say different things of entry {sequence}", sequence)
        else:
            self.by_sequence[sequence] = checkpoint


def canonical(value: Any) -> bytes:
    """JSON with sorted names and no white space. For statements, which hold text, whole numbers and null alone."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def key_id(public_key: bytes) -> str:
    """How checkpoints name a key."""
    return hashlib.sha256(public_key).hexdigest()[:32]


def fold(entry_hash: str, path: list[str]) -> str:
    """The Merkle root (RFC 9162) that `path` leads to from an entry: siblings from the leaf up, with their side before them."""
    node = hashlib.sha256(b"\x00" + bytes.fromhex(entry_hash)).digest()
    for each in path:
        sibling = bytes.fromhex(each[1:])
        node = hashlib.sha256(b"\x01" + (sibling + node if each[0] == "L" else node + sibling)).digest()
    return node.hex()


def public_key_of(text: str) -> bytes:
    """The 32 bytes of a public key given as 64 hexadecimal digits or as PEM. ValueError for anything else."""
    words = text.split()
    if len(words) == 1 and _hex(words[0], 32) is not None:
        return bytes.fromhex(words[0])
    lines = [each.strip() for each in text.strip().splitlines()]
    if len(lines) < 3 or lines[0] != "-----BEGIN PUBLIC KEY-----" or lines[-1] != "-----END PUBLIC KEY-----":
        raise ValueError("no Ed25519 public key: 64 hexadecimal digits or PEM")
    der = base64.b64decode("".join(lines[1:-1]), validate=True)
    if len(der) != 44 or der[:12] != bytes.fromhex("302a300506032b6570032100"):
        raise ValueError("a public key, but not of Ed25519")
    return der[12:]


def _hex(value: Any, length: int) -> bytes | None:
    if not isinstance(value, str) or len(value) != 2 * length or re.fullmatch("[0-9a-f]*", value) is None:
        return None
    return bytes.fromhex(value)
