"""Checkpoints: signed once however many servers there are, never over what does not verify, with keys that lead to each other;
and exports of the whole log or of a part that verify elsewhere."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.audit_search import Wanted
from groundcrew.domain.checkpoint import Checkpoint
from groundcrew.domain.delivery import Channel
from groundcrew.errors import AuditBroken, InputError, NotAllowed
from groundcrew.services import checkpoints as module
from groundcrew.services.audit import verify_file
from groundcrew.services.audit_export import Part, export_audit
from groundcrew.services.audit_keys import KeyStore, read_signer
from groundcrew.services.audit_marks import MarkFile
from groundcrew.services.bundle import Services
from groundcrew.services.checkpoints import Checkpoints
from groundcrew.store import catalog, tables
from groundcrew.store.database import Connection
from groundcrew.store.deciding import CHECKPOINTS
from groundcrew.testing import FakeClock


class Signing:
    """Services on a bank that was declared, and the clock that they go by."""

    def __init__(self, services: Services, clock: FakeClock, folder: Path) -> None:
        self.services, self.clock, self.folder = services, clock, folder

    async def change(self) -> None:
        await bank.accounts(self.services, f"user:someone-{self.clock.now().timestamp()}")


@pytest.fixture
async def signing(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Signing]:
    clock = prepared.copy("declared", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        yield Signing(services, clock, tmp_path)


async def test_the_log_is_signed_when_it_has_changed_and_an_hour_is_over(signing: Signing) -> None:
    checkpoints, clock = signing.services.checkpoints, signing.clock
    (first,) = await checkpoints.sign()
    assert await checkpoints.sign(at_head=True) == [], "what a checkpoint leaves itself is no change"
    await signing.change()
    assert await checkpoints.sign() == [], "not within the hour"
    clock.advance(3_600)
    (second,) = await checkpoints.sign()
    assert (second.entries, second.previous != first.previous) == (second.sequence - first.sequence, True)
    await signing.change()
    (third,) = await checkpoints.sign(at_head=True)
    standing = await checkpoints.standing()
    assert (standing.signed_to, standing.holds_key, standing.problem) == (third.sequence, True, "")
    report = await signing.services.audit.verify()
    assert (report.problems, report.checkpoints, report.signed_to) == ((), 3, third.sequence)


async def test_the_key_is_its_owners_alone_and_never_in_the_database(signing: Signing) -> None:
    await signing.services.checkpoints.sign()
    path = signing.folder / "audit" / "signing.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    seed = path.read_text().strip()
    assert seed not in "".join(str(each) for each in (signing.folder).glob("*"))
    for each in signing.folder.glob("*.db*"):
        assert seed.encode() not in each.read_bytes()
    path.write_text("not a key\n")
    with pytest.raises(InputError) as raised:
        await signing.services.checkpoints.sign(at_head=True)
    assert "not a key" not in str(raised.value)


async def test_long_stretches_are_signed_in_intervals(signing: Signing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INTERVAL_ENTRIES_MAX", 5)
    made = await signing.services.checkpoints.sign(at_head=True)
    assert len(made) > 2
    assert all(each.entries <= 5 for each in made)
    assert (await signing.services.audit.verify()).problems == ()


async def test_two_servers_sign_once(database_url: str, tmp_path: Path, prepared: Prepared) -> None:
    async with bank.opened(database_url, tmp_path, prepared.copy("declared", database_url), bare=True) as services:
        keys = KeyStore(tmp_path / "audit")
        keys.create()
        both = [Checkpoints(services.database, keys) for _ in range(3)]
        made = await asyncio.gather(*(each.sign(at_head=True) for each in both))
        assert sum(map(len, made)) == 1
        elsewhere = Checkpoints(services.database, KeyStore(tmp_path / "another"))
        await bank.accounts(services, "user:new")
        assert await elsewhere.sign(at_head=True) == [], "it does not hold the key"
        assert "another server signs" in (await elsewhere.standing()).problem
        assert not (tmp_path / "another" / "signing.key").exists()
        assert (await services.audit.verify()).problems == ()


async def test_what_does_not_verify_is_not_signed(signing: Signing) -> None:
    async with signing.services.database.operate() as connection:
        table = tables.audit_entries
        document = (await connection.exec_driver_sql("SELECT document FROM audit_entries WHERE sequence = 4")).scalar_one()
        changed = document.replace('"reason":"', '"reason":"x')
        await connection.execute(table.update().where(table.c.sequence == 4).values(document=changed))
    with pytest.raises(AuditBroken, match="nothing is signed: entry 4"):
        await signing.services.checkpoints.sign(at_head=True)
    assert await signing.services.checkpoints.find() == []


async def _forget(signing: Signing, *, after: int) -> None:
    """As somebody does who can write every row and has no key: the end of the log, and whatever was signed in it, is gone."""
    async with signing.services.database.operate() as connection:
        for table in ("audit_entries", "kept_documents"):
            await connection.exec_driver_sql(f"DELETE FROM {table} WHERE sequence > {after}")
        await connection.exec_driver_sql(f"DELETE FROM checkpoints WHERE id > '{after:015d}'")
        if after < (await _first_key(connection)):
            await connection.exec_driver_sql("DELETE FROM audit_keys")
        await connection.exec_driver_sql(
            "UPDATE audit_head SET sequence = (SELECT max(sequence) FROM audit_entries),"
            " hash = (SELECT hash FROM audit_entries ORDER BY sequence DESC LIMIT 1)"
        )


async def _first_key(connection: Connection) -> int:
    found = await connection.exec_driver_sql("SELECT min(sequence) FROM audit_entries WHERE subject LIKE 'audit-key/%'")
    return int(found.scalar_one() or 0)


@pytest.mark.parametrize("is_all", [True, False])
async def test_the_key_signs_nothing_in_the_place_of_what_it_has_signed(signing: Signing, is_all: bool) -> None:
    services, checkpoints = signing.services, signing.services.checkpoints
    (first,) = await checkpoints.sign()
    await signing.change()
    (second,) = await checkpoints.sign(at_head=True)
    await _forget(signing, after=first.sequence - 1 if is_all else second.sequence - 1)
    signing.clock.advance(1)
    await signing.change()
    for service in (checkpoints, Checkpoints(services.database, KeyStore(signing.folder / "audit"))):
        with pytest.raises(AuditBroken, match=f"entry {second.sequence} is not the one .* seen signed"):
            await service.sign(at_head=True)
    standing = await checkpoints.standing()
    assert (standing.holds_key, "removed or written anew" in standing.problem) == (True, True)
    with pytest.raises(InputError):
        await checkpoints.resume(actor=bank.PERSON, reason="")
    await checkpoints.resume(actor=bank.PERSON, reason="the backup of the morning was restored")
    assert await checkpoints.sign(at_head=True)
    (entry, *_) = (await services.audit.search(Wanted(action="resume_signing"))).entries
    assert (entry.reason, entry.details["seen"]["last"]["hash"]) == ("the backup of the morning was restored", second.hash)
    assert not [each for each in (await services.audit.verify()).problems if "checkpoint" in each or "entry" in each.split()[0]]
    with pytest.raises(InputError, match="nothing keeps it"):
        await checkpoints.resume(actor=bank.PERSON, reason="again")


async def test_a_checkpoint_that_was_taken_out_is_missed(signing: Signing) -> None:
    """Also by a server that only looks on, with a folder of its own and without the key."""
    looks_on = Checkpoints(signing.services.database, KeyStore(signing.folder / "another"))
    (made,) = await signing.services.checkpoints.sign()
    await signing.services.checkpoints.sign()
    assert await looks_on.sign() == []
    async with signing.services.database.operate() as connection:
        await connection.exec_driver_sql("DELETE FROM checkpoints")
        await connection.exec_driver_sql("DELETE FROM audit_keys")
    for service in (signing.services.checkpoints, looks_on):
        with pytest.raises(AuditBroken, match=f"checkpoint at entry {made.sequence} .* not there any more"):
            await service.sign(at_head=True)
    assert not (signing.folder / "another" / "signing.key").exists(), "it makes no key in the place of one that was removed"


@pytest.mark.parametrize("stored", [True, False])
async def test_a_crash_on_either_side_of_the_note_keeps_nobody_from_signing(
    signing: Signing, monkeypatch: pytest.MonkeyPatch, stored: bool
) -> None:
    """The checkpoint was noted, and then stored or not; or stored by another server with a folder of its own."""
    checkpoints = signing.services.checkpoints
    await checkpoints.sign()
    await signing.change()

    if stored:
        signer, _ = await checkpoints._signer(create=False)
        assert signer is not None
        made = await checkpoints._next(signer, at_head=True)
        assert made is not None
        assert await checkpoints._put(signer, made)
    else:
        note = MarkFile.signing

        def dies(file: MarkFile, checkpoint: Checkpoint) -> None:
            note(file, checkpoint)
            raise OSError("the machine stopped")

        with monkeypatch.context() as patched:
            patched.setattr(MarkFile, "signing", dies)
            with pytest.raises(OSError, match="stopped"):
                await checkpoints.sign(at_head=True)
        # Another server may be quicker.
        key = f"file:{signing.folder / 'audit' / 'signing.key'}"
        signing.clock.advance(3_600)
        assert len(await Checkpoints(signing.services.database, KeyStore(signing.folder / "elsewhere", key)).sign()) == 1
    assert len(await checkpoints.sign(at_head=True)) == 0
    await signing.change()
    assert len(await checkpoints.sign(at_head=True)) == 1
    assert (await checkpoints.standing()).problem == ""
    assert (await signing.services.audit.verify()).problems == ()


async def test_a_note_that_can_not_be_read_is_named(signing: Signing) -> None:
    await signing.services.checkpoints.sign()
    (signing.folder / "audit" / "last-signed.json").write_text("{")
    with pytest.raises(InputError, match=r"last-signed\.json"):
        await signing.services.checkpoints.sign(at_head=True)


async def test_a_chain_that_was_written_anew_or_cut_off_is_found_in_the_database(signing: Signing) -> None:
    await signing.services.checkpoints.sign()
    async with signing.services.database.operate() as connection:
        await connection.exec_driver_sql("UPDATE checkpoints SET document = replace(document, '\"entries\":', '\"entries\":1')")
    problems = (await signing.services.audit.verify()).problems
    assert any("its signature is wrong" in each for each in problems)


async def test_keys_follow_each_other(signing: Signing) -> None:
    services, checkpoints = signing.services, signing.services.checkpoints
    await checkpoints.sign()
    (old,) = await checkpoints.keys()
    pinned = signing.folder / "old.txt"
    pinned.write_text(old.public_key)
    new = await checkpoints.rotate(actor=bank.PERSON, reason="every year")
    assert [each.id for each in await checkpoints.keys()] == [new.id, old.id]
    await signing.change()
    output = signing.folder / "audit.jsonl"
    await export_audit(services.database, checkpoints, output)
    report = verify_file(output, public_key=str(pinned))
    assert (report.problems, report.notes, report.checkpoints) == ((), (), 2)
    assert (await services.audit.verify()).problems == ()
    with pytest.raises(InputError, match="nothing was lost"):
        await checkpoints.rotate(actor=bank.PERSON, reason="lost?", is_lost=True)


async def test_a_rotation_that_was_cut_short_is_finished(signing: Signing, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = signing.services.checkpoints
    await checkpoints.sign()

    def dies(_store: KeyStore) -> None:
        raise OSError("the machine stopped")

    with monkeypatch.context() as patched:
        patched.setattr(KeyStore, "replace", dies)
        with pytest.raises(OSError, match="stopped"):
            await checkpoints.rotate(actor=bank.PERSON, reason="every year")
    await signing.change()
    assert (await checkpoints.standing()).holds_key
    assert len(await checkpoints.sign(at_head=True)) == 1
    assert (await signing.services.audit.verify()).problems == ()


async def test_a_lost_key_leaves_a_break_that_is_seen(signing: Signing) -> None:
    services, checkpoints = signing.services, signing.services.checkpoints
    await checkpoints.sign()
    (old,) = await checkpoints.keys()
    os.remove(signing.folder / "audit" / "signing.key")
    await signing.change()
    assert await checkpoints.sign(at_head=True) == []
    with pytest.raises(NotAllowed, match="was lost"):
        await checkpoints.rotate(actor=bank.PERSON, reason="every year")
    await checkpoints.rotate(actor=bank.PERSON, reason="the disk burnt", is_lost=True)
    output, pinned = signing.folder / "audit.jsonl", signing.folder / "old.txt"
    await export_audit(services.database, checkpoints, output)
    pinned.write_text(old.public_key)
    assert any("not one that is trusted" in each for each in verify_file(output, public_key=str(pinned)).problems)


async def test_a_key_kept_elsewhere_changes_hands(
    sqlite_url: str, tmp_path: Path, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = KeyStore(tmp_path / "one").create(), KeyStore(tmp_path / "two").create()
    monkeypatch.setenv("SIGNS_WITH", old.seed())
    async with bank.opened(sqlite_url, tmp_path, prepared.copy("declared", sqlite_url), bare=True) as services:
        checkpoints = Checkpoints(services.database, KeyStore(tmp_path / "unused", "env:SIGNS_WITH"))
        assert len(await checkpoints.sign()) == 1
        with pytest.raises(InputError, match="kept elsewhere"):
            await checkpoints.rotate(actor=bank.PERSON, reason="every year")
        monkeypatch.setenv("SIGNS_WITH", new.seed())
        key = await checkpoints.rotate(actor=bank.PERSON, reason="every year", old=read_signer(tmp_path / "one" / "signing.key"))
        assert (key.id, bool(key.cross_signature)) == (new.id, True)
        assert (await services.audit.verify()).problems == ()


async def test_a_witness_outside_gets_each_checkpoint(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    async with bank.opened(sqlite_url, tmp_path, prepared.copy("declared", sqlite_url), bare=True) as services:
        async with services.database.write(bank.PERSON) as writer:
            await catalog.CHANNELS.put(writer, Channel(name="witness", kind="email", to=("witness@bank.example",)), "apply")
        checkpoints = Checkpoints(services.database, KeyStore(tmp_path / "audit"), channel="witness")
        (made,) = await checkpoints.sign()
        (sent,) = await services.deliveries.find(channel="witness")
        assert sent.delivery.body["checkpoint"] == msgspec.to_builtins(made)
        assert await checkpoints.sign(at_head=True) == [], "a message about a checkpoint is no reason for another"


async def test_parts_of_the_log_verify(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("history", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        last = (await services.checkpoints.standing()).entries
        parts = {
            "stretch": Part(first=5, last=9),
            "beginning": Part(last=7),
            "rest": Part(first=last - 4),
            "use-case": Part(wanted=Wanted(use_case=bank.NAME)),
            "subject": Part(wanted=Wanted(subject="use-case/")),
            "actor": Part(wanted=Wanted(actor="user:maria", until=clock.now() + timedelta(days=1))),
        }
        # The key of the history is not in this folder: a new one is as good as a lost one here.
        await services.checkpoints.rotate(actor=bank.PERSON, reason="another folder", is_lost=True)
        for name, part in parts.items():
            output = tmp_path / f"{name}.jsonl.gz"
            exported = await export_audit(services.database, services.checkpoints, output, part=part)
            report = verify_file(output, partial=True)
            assert (report.problems, report.partial) == ((), True), name
            unasked = verify_file(output)
            assert "--partial" in unasked.problems[0], "its manifest is signed by nobody: it makes no part a whole"
            assert unasked.partial
            assert (report.entries, report.signed_to) == (exported.entries, exported.last)
        with pytest.raises(InputError, match="nothing to export"):
            await export_audit(
                services.database, services.checkpoints, tmp_path / "none.jsonl", part=Part(wanted=Wanted(actor="nobody"))
            )
        assert not (tmp_path / "none.jsonl").exists()


async def test_a_manifest_that_does_not_fit_its_file_is_found(signing: Signing) -> None:
    output = signing.folder / "audit.jsonl"
    await export_audit(signing.services.database, signing.services.checkpoints, output)
    lines = output.read_bytes().splitlines(keepends=True)
    output.write_bytes(b"".join(lines[:-1]))
    assert {"cut" in each or "SHA-256" in each or "manifest" in each for each in verify_file(output).problems} == {True}
    output.write_bytes(b"".join(lines))
    assert verify_file(output).problems == ()
    assert CHECKPOINTS.noun == "checkpoint"
