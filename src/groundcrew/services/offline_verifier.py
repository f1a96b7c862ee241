"""Verifies an exported groundcrew audit log, offline and without groundcrew: this one file and Python 3.9 or newer are enough.

    python verify_audit.py audit.jsonl.gz --public-key key.txt

The log is a hash chain. Each line is one entry; its hash is the SHA-256 of its members in the order of their names, without
`hash` itself, and holds the hash of the entry before it. An entry that was changed, taken out, put in or moved no longer fits.
What a chain alone can not show is that its end was cut off, or that all of it was written anew. Checkpoints show that:
statements "entry N has hash H", signed with Ed25519 (RFC 8032), some of which you have from before, or from somebody else.

Memory stays the same however long the log is. Nothing is sent anywhere, and nothing of the log is executed.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import re
import sys
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from groundcrew.services.offline_signatures import NotReadable, Report, Signatures, fold, public_key_of

GENESIS_HASH = "0" * 64
#: Gaps that are remembered.
GAPS_MAX = 10_000
#: A line, a key file, and a manifest or a file of checkpoints; what is longer is refused.
LINE_BYTES_MAX, KEY_BYTES_MAX, SIDE_BYTES_MAX = 16 * 1024 * 1024, 64 * 1024, 256 * 1024 * 1024
MEMBERS = ("sequence", "at", "actor", "action", "subject", "subject_digest", "reason", "details", "previous_hash", "hash")

_STRING = rb'"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*"'
#: A line as it is exported. What it captures is put together again in the order that the hash is over: no number and no text is
#: ever read and written again, so nothing depends on how a language prints them.
_LINE = re.compile(
    rb'\{"sequence":(?P<sequence>[0-9]{1,18}),"at":(?P<at>' + _STRING + rb'),"actor":(?P<actor>' + _STRING + rb"),"
    rb'"action":(?P<action>' + _STRING + rb'),"subject":(?P<subject>' + _STRING + rb"),"
    rb'"subject_digest":(?P<subject_digest>null|"[0-9a-f]{64}"),"reason":(?P<reason>' + _STRING + rb"),"
    rb'"details":(?P<details>\{.*\}),"previous_hash":"(?P<previous>[0-9a-f]{64})","hash":"(?P<hash>[0-9a-f]{64})"\}',
    re.DOTALL,
)
_CONTENT = (
    b'{"action":%b,"actor":%b,"at":%b,"details":%b,"previous_hash":"%b","reason":%b,'
    + b'"sequence":%b,"subject":%b,"subject_digest":%b}'
)


class Chain:
    """Entries as they come, each against the one before it. Remembers what it needs for the next one and nothing else."""

    def __init__(self, report: Report, signatures: Signatures) -> None:
        self._report, self._signatures = report, signatures
        self._expected, self._previous = 1, GENESIS_HASH
        self._gaps: list[tuple[int, int]] = []
        #: The newest entry's number and hash where a proof may follow, and whether one did.
        self._open, self._proven = (0, ""), True
        self._run_needs_proof = False

    def take(self, number: int, sequence: int, previous: str, own: str, computed: str) -> None:
        """The entry on line `number`: what it says, and the hash of what it holds."""
        report = self._report
        report.entries += 1
        if computed != own:
            report.add("edited", f"entry {sequence}: its content does not match its hash; it was edited", sequence, number)
        if sequence > self._expected:
            self._jump(sequence, number)
        elif sequence < self._expected:
            self._back(sequence, number)
            return
        elif previous != self._previous:
            report.add(
                "edited", f"entry {sequence}: does not follow the entry before it; one of the two was edited", sequence, number
            )
        signed = self._signatures.by_sequence.get(sequence)
        if signed is not None:
            if signed["hash"] != own:
                report.add(
                    "edited",
                    f"entry {sequence}: differs from its signed checkpoint; the chain up to it was written anew",
                    sequence,
                    number,
                )
            else:
                report.checkpoints += 1
                report.signed_to = sequence
        report.first = report.first or sequence
        report.last, report.head = sequence, own
        self._expected, self._previous = sequence + 1, own
        self._open, self._proven = (sequence, own), False

    def prove(self, number: int, proof: dict[str, Any]) -> None:
        """A proof that the entry before it stands under a signed checkpoint, as partial exports hold them."""
        report, (sequence, own) = self._report, self._open
        signed = self._signatures.by_sequence.get(int(proof.get("checkpoint", -1)))
        if proof.get("sequence") != sequence or not own:
            report.add(
                "proof",
                f"line {number}: a proof of entry {proof.get('sequence')} that does not stand behind it",
                sequence,
                number,
            )
        elif signed is None:
            report.add(
                "proof", f"entry {sequence}: its proof names a checkpoint that is not here or is not trusted", sequence, number
            )
        elif (
            not signed["sequence"] - signed["entries"] < sequence <= signed["sequence"]
            or fold(own, proof["path"]) != signed["root"]
        ):
            report.add("edited", f"entry {sequence}: is not what was signed at entry {signed['sequence']}", sequence, number)
        else:
            self._proven = True
            report.signed_to = max(report.signed_to, sequence)

    def end(self, *, partial: bool, complete: bool | None) -> None:
        """No more entries come. `partial`: whoever verifies has asked for a part; `complete`: what the manifest says, which is
        no reason to look for less, since anybody can write one."""
        report = self._report
        self._close_run()
        if (report.partial or complete is False) and (complete or not partial):
            report.add(
                "deleted",
                "entries are left out, with proofs that those which are here are real: say so if that is meant (--partial)"
                if report.partial
                else "the manifest says that entries are left out: say so if that is meant (--partial)",
            )
        report.partial |= complete is False
        for low, high in self._gaps:
            which = f"entry {low}" if low == high else f"entries {low} to {high}"
            report.add("deleted", f"{which}: not here; deleted, or moved to where nothing is looked for", low)
        cut = [each for each in self._signatures.by_sequence if each > report.last]
        if cut and partial and self._proven and not complete:
            report.partial = True
        if cut and not (partial and report.partial):
            report.add(
                "cut_off",
                f"the chain ends at entry {report.last}, and a signed checkpoint goes to entry {max(cut)}: its end was cut off",
            )

    def _jump(self, sequence: int, number: int) -> None:
        self._close_run()
        if self._proven and (self._report.entries == 1 or self._report.last):
            self._report.partial = self._run_needs_proof = True
        elif len(self._gaps) < GAPS_MAX:
            self._gaps.append((self._expected, sequence - 1))
        else:
            self._report.add("deleted", f"entry {sequence}: those before it are not here", sequence, number)

    def _back(self, sequence: int, number: int) -> None:
        for place, (low, high) in enumerate(self._gaps):
            if low <= sequence <= high:
                self._gaps[place : place + 1] = [
                    each for each in ((low, sequence - 1), (sequence + 1, high)) if each[0] <= each[1]
                ]
                self._report.add(
                    "reordered", f"entry {sequence}: stands behind entry {self._expected - 1}; it was moved", sequence, number
                )
                return
        self._report.add("inserted", f"entry {sequence}: is here a second time; it was inserted or moved", sequence, number)

    def _close_run(self) -> None:
        if self._run_needs_proof and not self._proven:
            self._report.add(
                "deleted",
                f"entry {self._open[0]}: those around it are not here, and nothing proves that it is real",
                self._open[0],
            )
        self._run_needs_proof = False


def verify(
    file: BinaryIO,
    *,
    keys: Iterable[dict[str, Any]] = (),
    checkpoints: Iterable[dict[str, Any]] = (),
    pinned: bytes | None = None,
    manifest: dict[str, Any] | None = None,
    partial: bool = False,
) -> Report:
    """Verify an export, a line at a time. NotReadable for a line that is no entry, and for a file that holds none."""
    report, manifest = Report(), manifest or {}
    said_keys, said_checkpoints = (records(manifest.get(name, [])) for name in ("keys", "checkpoints"))
    signatures = Signatures([*said_keys, *keys], [*said_checkpoints, *checkpoints], pinned, report)
    chain, whole = Chain(report, signatures), hashlib.sha256()
    take, match, sha256, content = chain.take, _LINE.fullmatch, hashlib.sha256, _CONTENT
    for number, line in enumerate(_lines(file), start=1):
        whole.update(line)
        found = match(line.rstrip(b"\r\n"))
        if found is None:
            _other_line(line, number, chain, report)
            continue
        sequence, at, actor, action, subject, digest, reason, details, previous, own = found.groups()
        computed = sha256(content % (action, actor, at, details, previous, reason, sequence, subject, digest)).hexdigest()
        take(number, int(sequence), previous.decode(), own.decode(), computed)
    if not report.entries:
        raise NotReadable("holds no audit entries")
    said = manifest.get("complete")
    chain.end(partial=partial, complete=said if isinstance(said, bool) else None)
    _against_manifest(report, manifest, whole.hexdigest())
    _notes(report, signatures)
    return report


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while True:
        line = file.readline(LINE_BYTES_MAX + 1)
        if not line:
            return
        if len(line) > LINE_BYTES_MAX:
            raise NotReadable(f"a line of more than {LINE_BYTES_MAX} bytes")
        yield line


def _other_line(line: bytes, number: int, chain: Chain, report: Report) -> None:
    """A line that is not as entries are exported: nothing, a proof, an entry that was touched, or no entry at all."""
    if not line.strip():
        return
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise NotReadable(f"not an audit entry: {error}", number) from None
    if isinstance(value, dict) and set(value) == {"proof"} and isinstance(value["proof"], dict):
        try:
            chain.prove(number, value["proof"])
        except (KeyError, TypeError, ValueError):
            report.add("proof", f"line {number}: a proof that can not be read", line=number)
        return
    if not isinstance(value, dict) or not all(name in value for name in MEMBERS):
        raise NotReadable("not an audit entry: members are missing", number)
    if not isinstance(value["sequence"], int) or not isinstance(value["hash"], str):
        raise NotReadable("not an audit entry: its number or its hash is none", number)
    report.add("edited", f"line {number}: holds more or other than its entry; it was edited", value["sequence"], number)
    own = value["hash"]
    chain.take(number, value["sequence"], str(value["previous_hash"]), own, own)


def _against_manifest(report: Report, manifest: dict[str, Any], digest: str) -> None:
    for name, kind in (("entries", "file"), ("first", "file"), ("last", "cut_off"), ("head", "edited")):
        said = manifest.get(name)
        if said is None or said == getattr(report, name):
            continue
        added = name == "last" and isinstance(said, int) and report.last > said
        report.add("inserted" if added else kind, f"the manifest says {name} {said}, and the file has {getattr(report, name)}")
    if manifest.get("sha256") not in (None, digest):
        report.add("file", "the file is not the one that its manifest was written for: its SHA-256 differs")
    signed = manifest.get("signed_to")
    if isinstance(signed, int) and signed > report.signed_to:
        report.add(
            "signature", f"the manifest says that entries up to {signed} are signed, and here they are up to {report.signed_to}"
        )


def _notes(report: Report, signatures: Signatures) -> None:
    if report.partial:
        report.notes.append("a part of the log: each entry that is here is real; what is left out nobody can tell from it")
    if not signatures.by_sequence:
        report.notes.append(
            "no checkpoint was given: a cut-off end, or a chain that was written anew as a whole, can not be seen"
        )
    elif report.last > report.signed_to:
        report.notes.append(f"entries {report.signed_to + 1} to {report.last} are under no signature yet")


# Files and the command line.


def open_export(path: str) -> BinaryIO:
    """An export, unpacked where its name ends in .gz."""
    return gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb")  # type: ignore[return-value]


def read_side_file(path: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Keys and checkpoints of a file of JSON lines, ``{"key": …}`` or ``{"checkpoint": …}`` each, or of a manifest."""
    with open(path, "rb") as file:
        data = file.read(SIDE_BYTES_MAX + 1)
    if len(data) > SIDE_BYTES_MAX:
        raise NotReadable(f"more than {SIDE_BYTES_MAX} bytes")
    try:
        whole = json.loads(data)
        if isinstance(whole, dict) and "checkpoints" in whole:
            return records(whole.get("keys", [])), records(whole["checkpoints"])
    except ValueError:
        pass
    keys: list[dict[str, Any]] = []
    checkpoints: list[dict[str, Any]] = []
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            keys += records([value["key"]] if "key" in value else [])
            checkpoints += records([value["checkpoint"]] if "checkpoint" in value else [])
        except (ValueError, TypeError):
            raise NotReadable("neither a key nor a checkpoint", number) from None
    return keys, checkpoints


def records(value: Any) -> list[dict[str, Any]]:
    """`value`, which has to be a list of objects."""
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise NotReadable("keys and checkpoints are lists of objects")
    return value


def read_manifest(path: str) -> dict[str, Any] | None:
    """The manifest that lies beside an export, if there is one."""
    try:
        with open(path, "rb") as file:
            value = json.loads(file.read(SIDE_BYTES_MAX))
    except FileNotFoundError:
        return None
    except ValueError:
        raise NotReadable(f"{path}: not a manifest") from None
    if not isinstance(value, dict):
        raise NotReadable(f"{path}: not a manifest")
    return value


def verify_path(
    path: str,
    *,
    checkpoints: str | None = None,
    public_key: str | None = None,
    manifest: str | None = None,
    partial: bool = False,
) -> Report:
    """Verify the export at `path`, with the manifest that lies beside it unless another is named. NotReadable, OSError."""
    keys, signed = read_side_file(checkpoints) if checkpoints else ([], [])
    pinned = None
    if public_key is not None:
        with open(public_key, encoding="utf-8") as file:
            try:
                pinned = public_key_of(file.read(KEY_BYTES_MAX))
            except (ValueError, UnicodeDecodeError) as error:
                raise NotReadable(f"{public_key}: {error}") from None
    beside = read_manifest(manifest or f"{path}.manifest.json")
    if manifest and beside is None:
        raise NotReadable(f"{manifest}: no such file")
    try:
        with open_export(path) as file:
            return verify(file, keys=keys, checkpoints=signed, pinned=pinned, manifest=beside, partial=partial)
    except (EOFError, zlib.error) as error:
        raise NotReadable(str(error) or "can not be read") from None


def main(arguments: list[str] | None = None) -> int:
    """The command: 0 where the log is sound, 1 where it is not, 2 where something can not be read."""
    parser = argparse.ArgumentParser(description="Verify an exported groundcrew audit log, offline.")
    parser.add_argument("export", help="audit.jsonl or audit.jsonl.gz")
    parser.add_argument("--checkpoints", help="checkpoints that you have from elsewhere (JSON lines, or another manifest)")
    parser.add_argument("--public-key", help="the key that you trust: 64 hexadecimal digits or PEM")
    parser.add_argument("--manifest", help="the export's manifest, where it does not lie beside it")
    parser.add_argument("--partial", action="store_true", help="entries may be left out, as in an export by subject")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    given = parser.parse_args(arguments)
    try:
        report = verify_path(
            given.export,
            checkpoints=given.checkpoints,
            public_key=given.public_key,
            manifest=given.manifest,
            partial=given.partial,
        )
    except (NotReadable, OSError) as error:
        line = f", line {error.line}" if isinstance(error, NotReadable) and error.line else ""
        print(f"{given.export}{line}: {error}", file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps(report.told(), indent=2))
    else:
        told = [f"PROBLEM ({each.kind}): {each}" for each in report.problems] + [f"note: {each}" for each in report.notes]
        result = f"{report.found} problems" if report.found else "sound, as a part of the log" if report.partial else "sound"
        print(*told, f"{report.entries} entries, {report.checkpoints} checkpoints, head {report.head}: {result}", sep="\n")
    return 1 if report.found else 0


if __name__ == "__main__":
    sys.exit(main())
