"""The auditor's one file: every edit, deletion, insertion and reorder of a log is found offline, and a cut-off end beside a
checkpoint; signatures are checked as RFC 8032 says."""

from __future__ import annotations

import io
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundcrew.domain.audit import GENESIS_HASH, AuditEntry, seal
from groundcrew.domain.canonical import canonical_json
from groundcrew.domain.checkpoint import AuditKey, Checkpoint, checkpoint_digest, merkle_path, merkle_root
from groundcrew.services import ed25519
from groundcrew.services.audit_keys import Signer
from groundcrew.services.offline_signatures import NotReadable, Report, fold, public_key_of
from groundcrew.services.offline_verifier import verify
from groundcrew.services.verifier_script import verifier_script

START = datetime(2026, 3, 2, tzinfo=UTC)
ENTRIES = 9
#: Signed after these entries, the last of which is the chain's end.
SIGNED = (4, ENTRIES)
#: RFC 8032, 7.1, tests 1 to 3: secret key, message, signature.
VECTORS = (
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
)


def chain(texts: list[str]) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    for number, text in enumerate(texts, start=1):
        entries.append(
            seal(
                AuditEntry(
                    sequence=number,
                    at=START + timedelta(seconds=number),
                    actor=f"user:{text}",
                    action="apply",
                    subject=f"use-case/{text}",
                    subject_digest=None if number % 3 else "a" * 64,
                    reason=text,
                    details={"share": number / 7, "text": text, "nested": {"rows": [number, None, True]}},
                    previous_hash=entries[-1].hash if entries else GENESIS_HASH,
                    hash="",
                )
            )
        )
    return entries


def lines(entries: list[AuditEntry]) -> list[bytes]:
    """As the export writes them: read from their canonical form."""
    stored = [msgspec.json.decode(canonical_json(each), type=AuditEntry) for each in entries]
    return [msgspec.json.encode(each) + b"\n" for each in stored]


class Signed:
    """A log of ENTRIES entries, its key and its checkpoints."""

    def __init__(self, texts: list[str]) -> None:
        self.signer = Signer.create()
        self.entries = chain(texts)
        self.checkpoints: list[Checkpoint] = []
        after = 0
        for sequence in SIGNED:
            hashes = [each.hash for each in self.entries[after:sequence]]
            self.checkpoints.append(
                self.signer.sign(
                    Checkpoint(
                        sequence=sequence,
                        hash=hashes[-1],
                        root=merkle_root(hashes),
                        entries=len(hashes),
                        at=START,
                        previous=checkpoint_digest(self.checkpoints[-1] if self.checkpoints else None),
                        key_id="",
                    )
                )
            )
            after = sequence

    def sides(self) -> dict[str, Any]:
        return {
            "keys": [told(self.signer.public(START))],
            "checkpoints": [told(each) for each in self.checkpoints],
            "pinned": bytes.fromhex(self.signer.public(START).public_key),
        }


def told(item: AuditKey | Checkpoint) -> dict[str, Any]:
    value: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(item))
    return value


def check(content: list[bytes], **sides: Any) -> Report:
    return verify(io.BytesIO(b"".join(content)), **sides)


#: Texts of every kind: quotation marks, line ends, control characters, other scripts.
TEXTS = st.lists(st.text(max_size=12), min_size=ENTRIES, max_size=ENTRIES)
LOG = Signed([f'text {each}\n"\\ü€\x00' for each in range(ENTRIES)])


def resealed(entries: list[AuditEntry], start: int) -> list[AuditEntry]:
    """The chain written anew from place `start` on, as somebody would who can write all of it."""
    done = list(entries[:start])
    for each in entries[start:]:
        previous = done[-1].hash if done else GENESIS_HASH
        done.append(seal(msgspec.structs.replace(each, sequence=len(done) + 1, previous_hash=previous)))
    return done


@given(TEXTS)
@settings(max_examples=25, deadline=None)
def test_a_log_of_any_texts_is_sound(texts: list[str]) -> None:
    entries = chain(texts)
    report = check(lines(entries))
    assert (report.entries, report.head, report.problems) == (ENTRIES, entries[-1].hash, [])


def test_a_signed_log_is_sound() -> None:
    report = check(lines(LOG.entries), **LOG.sides())
    assert (report.problems, report.notes, report.signed_to, report.checkpoints) == ([], [], ENTRIES, len(SIGNED))


FIELDS = tuple(name for name in AuditEntry.__struct_fields__)


@given(st.integers(0, ENTRIES - 1), st.sampled_from(FIELDS), st.text(min_size=1, max_size=8), st.booleans())
@settings(max_examples=150, deadline=None)
def test_every_edit_of_any_field_is_found(place: int, field: str, text: str, seals: bool) -> None:
    """Also where the entry's own hash is made anew."""
    entry = LOG.entries[place]
    was = getattr(entry, field)
    changed: Any = {
        "sequence": lambda: was + len(text),
        "at": lambda: was + timedelta(microseconds=len(text)),
        "subject_digest": lambda: "b" * 64,
        "details": lambda: {**was, "added": text},
        "previous_hash": lambda: "c" * 64,
        "hash": lambda: "d" * 64,
    }.get(field, lambda: was + text)()
    edited = msgspec.structs.replace(entry, **{field: changed})
    edited = seal(edited) if seals and field != "hash" else edited
    found = check(lines([*LOG.entries[:place], edited, *LOG.entries[place + 1 :]]), **LOG.sides())
    assert found.problems
    if place < ENTRIES - 1:
        assert check(lines([*LOG.entries[:place], edited, *LOG.entries[place + 1 :]])).problems, "the chain alone shows it"


@given(st.integers(0, ENTRIES - 1))
@settings(max_examples=ENTRIES * 2, deadline=None)
def test_every_deletion_is_found(place: int) -> None:
    left = [*LOG.entries[:place], *LOG.entries[place + 1 :]]
    kinds = {each.kind for each in check(lines(left), **LOG.sides()).problems}
    assert kinds & {"deleted", "cut_off"}
    anew = check(lines(resealed(left, place)), **LOG.sides())
    assert anew.problems, "also where the rest was numbered and sealed anew"


@given(st.integers(0, ENTRIES), st.text(max_size=8), st.booleans())
@settings(max_examples=60, deadline=None)
def test_every_insertion_is_found(place: int, text: str, anew: bool) -> None:
    """Also with a hash of its own that follows the entry before it; at the very end a manifest shows it."""
    previous = LOG.entries[place - 1].hash if place else GENESIS_HASH
    forged = seal(msgspec.structs.replace(LOG.entries[0], sequence=place + 1, reason=text, previous_hash=previous))
    content = [*LOG.entries[:place], forged, *LOG.entries[place:]]
    manifest = {"last": ENTRIES, "complete": True}
    assert check(lines(resealed(content, place) if anew else content), manifest=manifest, **LOG.sides()).problems


@given(st.integers(0, ENTRIES - 1), st.integers(0, ENTRIES - 1), st.booleans())
@settings(max_examples=80, deadline=None)
def test_any_two_entries_that_changed_places_are_found(one: int, two: int, anew: bool) -> None:
    content = list(LOG.entries)
    content[one], content[two] = content[two], content[one]
    report = check(lines(resealed(content, min(one, two)) if anew else content), **LOG.sides())
    assert bool(report.problems) == (one != two)


@given(st.integers(1, ENTRIES - 1))
@settings(max_examples=ENTRIES, deadline=None)
def test_a_cut_off_end_is_found_beside_a_checkpoint(length: int) -> None:
    cut = lines(LOG.entries[:length])
    assert "cut_off" in {each.kind for each in check(cut, **LOG.sides()).problems}
    alone = check(cut)
    assert not alone.problems, "a chain alone can not show it"
    assert "no checkpoint" in alone.notes[0]


def test_what_is_wrong_is_named_by_kind_and_entry() -> None:
    swapped = [*LOG.entries[:2], LOG.entries[3], LOG.entries[2], *LOG.entries[4:]]
    assert [(each.kind, each.sequence) for each in check(lines(swapped)).problems] == [("reordered", 3)]
    missing = [*LOG.entries[:2], *LOG.entries[4:]]
    assert [(each.kind, each.sequence) for each in check(lines(missing)).problems] == [("deleted", 3)]
    twice = [*LOG.entries[:3], LOG.entries[1], *LOG.entries[3:]]
    assert [(each.kind, each.sequence) for each in check(lines(twice)).problems] == [("inserted", 2)]
    anew = resealed([msgspec.structs.replace(LOG.entries[0], actor="user:eve"), *LOG.entries[1:]], 0)
    problems = check(lines(anew), **LOG.sides()).problems
    assert [(each.kind, each.sequence) for each in problems] == [("edited", 4), ("edited", 9)]
    assert "written anew" in str(problems[0])


def test_signatures_and_keys_that_are_wrong_are_found() -> None:
    content, sides = lines(LOG.entries), LOG.sides()
    other = Signer.create()
    strange = check(content, **sides | {"pinned": bytes.fromhex(other.public(START).public_key)})
    assert {each.kind for each in strange.problems} == {"key_unknown"}
    edited = [sides["checkpoints"][0] | {"sequence": 5}, sides["checkpoints"][1]]
    assert "signature" in {each.kind for each in check(content, **sides | {"checkpoints": edited}).problems}
    forged = told(other.public(START)) | {"id": LOG.signer.id}
    kinds = {each.kind for each in check(content, **sides | {"keys": [forged], "pinned": None}).problems}
    assert kinds == {"signature", "key_unknown"}


def test_trust_goes_from_key_to_key_by_their_signatures() -> None:
    old, new = LOG.signer, Signer.create()
    keys = [told(old.public(START)), told(new.public(START, previous=old))]
    last = new.sign(msgspec.structs.replace(LOG.checkpoints[1], key_id=""))
    sides = {"keys": keys, "checkpoints": [told(LOG.checkpoints[0]), told(last)]}
    for pinned in (old, new):
        assert not check(lines(LOG.entries), pinned=bytes.fromhex(pinned.public(START).public_key), **sides).problems
    lost = [keys[0], told(new.public(START, previous=old.public(START), reason="the disk burnt"))]
    report = check(lines(LOG.entries), pinned=bytes.fromhex(old.public(START).public_key), **sides | {"keys": lost})
    assert {each.kind for each in report.problems} == {"key_unknown"}
    assert "the disk burnt" in report.notes[0]


def partial(numbers: list[int], *, proofs: bool = True) -> list[bytes]:
    """Some entries, each run with the proof of its last."""
    content: list[bytes] = []
    for number in numbers:
        content += lines([LOG.entries[number - 1]])
        if proofs and number + 1 not in numbers:
            signed = next(each for each in LOG.checkpoints if each.sequence >= number)
            low = signed.sequence - signed.entries
            path = merkle_path([each.hash for each in LOG.entries[low : signed.sequence]], number - low - 1)
            proof = {"proof": {"sequence": number, "checkpoint": signed.sequence, "path": path}}
            content.append(msgspec.json.encode(proof) + b"\n")
    return content


@given(st.sets(st.integers(1, ENTRIES), min_size=1), st.data())
@settings(max_examples=80, deadline=None)
def test_a_part_verifies_and_every_edit_of_it_is_found(numbers: set[int], data: st.DataObject) -> None:
    chosen = sorted(numbers)
    assert not check(partial(chosen), partial=True, **LOG.sides()).problems
    whole = chosen == list(range(1, chosen[-1] + 1))
    assert whole or check(partial(chosen), **LOG.sides()).problems, "left out without a word"
    assert whole or check(partial(chosen, proofs=False), partial=True, **LOG.sides()).problems
    place = data.draw(st.sampled_from(chosen))
    forged = seal(msgspec.structs.replace(LOG.entries[place - 1], reason="forged"))
    content = [lines([forged])[0] if each == lines([LOG.entries[place - 1]])[0] else each for each in partial(chosen)]
    assert check(content, partial=True, **LOG.sides()).problems


def test_a_manifest_makes_no_part_a_whole() -> None:
    """It is signed by nobody: who cuts the log off can write that it was meant to be a part."""
    cut = partial(list(range(1, SIGNED[0] + 1)))
    for manifest in ({"complete": False}, {"complete": "no"}, {}):
        report = check(cut, manifest=manifest, **LOG.sides())
        assert {"deleted", "cut_off"} & {each.kind for each in report.problems}, manifest
    asked = check(cut, manifest={"complete": False}, partial=True, **LOG.sides())
    assert (asked.problems, asked.partial, asked.told()["partial"]) == ([], True, True)
    whole = check(lines(LOG.entries), manifest={"complete": False}, **LOG.sides())
    assert [each.kind for each in whole.problems] == ["deleted"]


def test_a_file_that_is_no_log_is_refused_with_its_line() -> None:
    for content, line in ((b"", None), (b"\n", None), (b"[]\n", 1), (b"\xff\n", 1), (b'{"sequence":1}\n', 1)):
        with pytest.raises(NotReadable) as raised:
            check([content])
        assert raised.value.line == line
    with pytest.raises(NotReadable):
        check(lines(LOG.entries), manifest={"keys": "x"})
    assert check([*lines(LOG.entries), b'{"proof":{"sequence":"x"}}\n']).problems


@pytest.mark.parametrize("library", [True, False])
def test_signatures_are_those_of_the_rfc(library: bool) -> None:
    for seed, message, signature in VECTORS:
        signer = Signer(_private(seed))
        public = bytes.fromhex(signer.public(START).public_key)
        data, sign = bytes.fromhex(message), bytes.fromhex(signature)
        assert ed25519.verified(public, data, sign, library=library)
        assert not ed25519.verified(public, data + b"x", sign, library=library)
        assert not ed25519.verified(public, data, sign[:-1] + bytes([sign[-1] ^ 1]), library=library)
        assert not ed25519.verified(public[:-1] + bytes([public[-1] ^ 1]), data, sign, library=library)
    small = (1).to_bytes(32, "little")
    assert not ed25519.verified(small, b"any", small + bytes(32), library=library), "a key of small order signs anything"
    assert not ed25519.verified(public, data, None, library=library)


@given(st.binary(max_size=40), st.integers(0, 63), st.integers(1, 255))
@settings(max_examples=20, deadline=None)
def test_the_own_verification_says_what_the_library_says(message: bytes, place: int, change: int) -> None:
    signer = Signer.create()
    public = bytes.fromhex(signer.public(START).public_key)
    signature = bytearray(signer._private.sign(message))
    assert ed25519.verified(public, message, bytes(signature), library=False)
    signature[place] ^= change
    assert not ed25519.verified(public, message, bytes(signature), library=False)


def test_paths_lead_to_the_root() -> None:
    for number in range(1, 18):
        hashes = [f"{each:064x}" for each in range(number)]
        assert all(fold(hashes[each], list(merkle_path(hashes, each))) == merkle_root(hashes) for each in range(number))


def test_public_keys_are_read_as_text_and_as_pem() -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = LOG.signer._private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert public_key_of(pem) == public_key_of(public.public_bytes_raw().hex() + "\n") == public.public_bytes_raw()
    for text in ("", "zz", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"):
        with pytest.raises(ValueError, match=r"public key|base64|padded|data"):
            public_key_of(text)


def test_the_one_file_runs_without_groundcrew(tmp_path: Path) -> None:
    """In a bare Python: no package of anybody's is in its way or of help."""
    script, export, side, key = (tmp_path / name for name in ("verify_audit.py", "audit.jsonl", "side.jsonl", "key.txt"))
    script.write_text(verifier_script())
    export.write_bytes(b"".join(lines(LOG.entries)))
    public = LOG.signer.public(START)
    side.write_bytes(
        b"\n".join(msgspec.json.encode(each) for each in [{"key": public}, *[{"checkpoint": one} for one in LOG.checkpoints]])
    )
    key.write_text(public.public_key)
    command = [sys.executable, "-I", "-S", str(script), str(export), "--checkpoints", str(side), "--public-key", str(key)]
    sound = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (sound.returncode, sound.stderr) == (0, "")
    assert sound.stdout.endswith(f"head {LOG.entries[-1].hash}: sound\n")
    export.write_bytes(b"".join(lines(LOG.entries[:-1])))
    cut = subprocess.run(command, capture_output=True, text=True, check=False)
    assert cut.returncode == 1
    assert "PROBLEM (cut_off)" in cut.stdout


def _private(seed: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
