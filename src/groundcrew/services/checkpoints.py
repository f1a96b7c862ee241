"""Signed checkpoints of the audit chain: made every hour with changes, every 10,000 entries and at each export, by whichever
server holds the key, and handed to a witness outside where a channel is named for it. What does not verify is never signed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypeVar

import msgspec

from groundcrew.domain.audit import GENESIS_HASH
from groundcrew.domain.checkpoint import (
    INTERVAL_ENTRIES_MAX,
    INTERVAL_S,
    AuditKey,
    Checkpoint,
    checkpoint_digest,
    key_id_of,
    key_statement,
    merkle_root,
    statement,
)
from groundcrew.errors import AuditBroken, InputError, NotAllowed
from groundcrew.services.audit_keys import KeyStore, Signer
from groundcrew.services.audit_marks import gone
from groundcrew.services.deliveries import enqueue
from groundcrew.services.ed25519 import verified
from groundcrew.services.lookups import require_reason
from groundcrew.store import audit as stored
from groundcrew.store import catalog
from groundcrew.store.collection import Collection
from groundcrew.store.database import Connection, Database, Writer
from groundcrew.store.deciding import AUDIT_KEYS, CHECKPOINTS

T = TypeVar("T")

ACTOR = "system:checkpoints"
EVENT = "audit.checkpoint"
#: What checkpoints themselves bring about; it alone is no reason for the next one.
OWN_ACTORS = (ACTOR, "system:delivery")
#: Checkpoints made in one go: a log of 10,000,000 entries that had none.
ROUNDS_MAX = 1_000
LIST_MAX = 1_000


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How far the log is signed. `holds_key` says whether this process could sign; `problem` why it can not, where it can not."""

    entries: int
    signed_to: int
    key: AuditKey | None
    last: Checkpoint | None
    holds_key: bool
    problem: str = ""


class Checkpoints:
    """Signed checkpoints of the audit chain of one database."""

    def __init__(self, database: Database, keys: KeyStore, *, channel: str = "") -> None:
        self._database, self._keys, self._channel = database, keys, channel

    async def sign(self, *, at_head: bool = False) -> list[Checkpoint]:
        """Make the checkpoints that are due, or one that reaches the chain's end: none where another server holds the key, or
        where nothing has changed. AuditBroken where what is to be signed does not verify, or no longer has what this server has
        seen signed: that is never covered up."""
        made: list[Checkpoint] = []
        while len(made) < ROUNDS_MAX:
            await self._look_back()
            signer, _ = await self._signer(create=True)
            checkpoint = await self._next(signer, at_head=at_head) if signer is not None else None
            if checkpoint is None or signer is None or not await self._put(signer, checkpoint):
                return made
            made.append(checkpoint)
        return made

    async def standing(self) -> Standing:
        """How far the log is signed, and by what."""
        signer, problem = await self._signer(create=False)
        marks = self._keys.marks.read()
        async with self._database.read() as connection:
            problem = await gone(connection, marks) or problem
            last, key = await _last(connection), await current_key(connection)
            entries = await stored.end_of_chain(connection)
        return Standing(
            entries=entries,
            signed_to=last.sequence if last else 0,
            key=key,
            last=last,
            holds_key=signer is not None,
            problem=problem,
        )

    async def find(self, *, limit: int = LIST_MAX) -> list[Checkpoint]:
        """The newest checkpoints first."""
        async with self._database.read() as connection:
            return await CHECKPOINTS.find(connection, newest_first=True, limit=min(limit, LIST_MAX))

    async def keys(self) -> list[AuditKey]:
        """The public keys, the newest first."""
        async with self._database.read() as connection:
            return await keys_in_order(connection)

    async def lines(self) -> AsyncIterator[bytes]:
        """Every key and checkpoint as JSON Lines, for `audit verify --checkpoints`."""
        async with self._database.read() as connection:
            for key in reversed(await keys_in_order(connection)):
                yield msgspec.json.encode({"key": key}) + b"\n"
            for each in await CHECKPOINTS.find(connection):
                yield msgspec.json.encode({"checkpoint": each}) + b"\n"

    async def rotate(self, *, actor: str, reason: str, old: Signer | None = None, is_lost: bool = False) -> AuditKey:
        """Sign with a new key from now on. The old one signs it, and the chain's end before that: whoever trusts the old key
        trusts the new one. `old` is the old key where the new one has been put in its place by hand; `is_lost` says that nobody
        has the old one any more, so that nothing leads from it to the new one."""
        require_reason(reason)
        if is_lost:
            return await self._begin_anew(actor, reason)
        if old is not None:
            new = self._keys.load()
            if new is None or new.id == old.id:
                raise InputError("the new key is not there yet: put it where the setting says", field="audit_key")
            return await self._hand_over(old, new, actor, reason)
        signer, problem = await self._signer(create=True)
        if signer is None:
            raise NotAllowed(problem)
        await self.sign(at_head=True)
        key = await self._hand_over(signer, self._keys.prepare(), actor, reason)
        self._keys.replace()
        return key

    async def resume(self, *, actor: str, reason: str) -> None:
        """Sign on from what the database has now, though this server has seen more signed: a backup was restored, or another
        database put in its place. The log says so and what is missing. InputError where nothing is."""
        require_reason(reason)
        marks = self._keys.marks.read()
        async with self._database.write(actor) as writer:
            missing = await gone(writer.connection, marks)
            if not missing:
                raise InputError("the database has all that this server has seen signed: nothing keeps it from signing")
            last = await _last(writer.connection)
            details = {"missing": missing, "seen": msgspec.to_builtins(marks)}
            await writer.audit("resume_signing", "checkpoints/all", document=None, reason=reason, details=details)
        self._keys.marks.begin_anew(last)

    # What there is to sign.

    async def _look_back(self) -> None:
        """The database has to have what this server has seen signed; then what others have signed since is noted as well."""
        marks = self._keys.marks.read()
        async with self._database.read() as connection:
            missing, last = await gone(connection, marks), await _last(connection)
            public = await AUDIT_KEYS.get(connection, last.key_id) if last is not None else None
        if missing:
            raise AuditBroken(
                f"nothing is signed: {missing}. Where a backup was restored on purpose, say so: `groundcrew audit resume-signing`"
            )
        if last is None:
            return
        key = _bytes(public.public_key) or b"" if public is not None else b""
        if key_id_of(key) != last.key_id or not verified(key, statement(last), _bytes(last.signature)):
            raise AuditBroken(f"nothing is signed: the checkpoint at entry {last.sequence} does not verify; it was edited")
        self._keys.marks.signed(last)

    async def _signer(self, *, create: bool) -> tuple[Signer | None, str]:
        """The key in use, if it is here; else why it is not."""
        async with self._database.read() as connection:
            current = await current_key(connection)
        signer = self._keys.load()
        if current is None:
            if signer is None and create and self._keys.is_own:
                signer = self._keys.create()
            return signer, "" if signer is not None else "there is no key yet"
        if signer is not None and signer.id == current.id:
            return signer, ""
        prepared = self._keys.prepared()
        if prepared is not None and prepared.id == current.id:
            # A rotation was cut short between the database and the file.
            if create:
                self._keys.replace()
            return prepared, ""
        return None, f"the key in use, {current.id}, is not in this data folder: another server signs, or it was lost"

    async def _next(self, signer: Signer, *, at_head: bool) -> Checkpoint | None:
        async with self._database.read() as connection:
            last, now = await _last(connection), self._database.clock.now()
            after = (last.sequence, last.hash) if last else (0, GENESIS_HASH)
            end = await stored.end_of_chain(connection)
            is_full = end - after[0] >= INTERVAL_ENTRIES_MAX
            is_time = at_head or last is None or (now - last.at).total_seconds() >= INTERVAL_S
            if not is_full and not (is_time and await stored.changed_since(connection, after[0], besides=OWN_ACTORS)):
                return None
            until = min(end, after[0] + INTERVAL_ENTRIES_MAX)
            hashes, entry, problems = await stored.interval(connection, after=after, until=until)
        if problems or entry is None:
            raise AuditBroken(
                f"the audit log does not verify, and nothing is signed: {problems[0] if problems else 'it is empty'}"
            )
        return signer.sign(
            Checkpoint(
                sequence=entry.sequence,
                hash=entry.hash,
                root=merkle_root(hashes),
                entries=len(hashes),
                at=now,
                previous=checkpoint_digest(last),
                key_id=signer.id,
            )
        )

    async def _put(self, signer: Signer, checkpoint: Checkpoint) -> bool:
        """Store it, unless another process has made one or changed the key since: then False."""
        async with self._database.write(ACTOR) as writer:
            last, current = await _last(writer.connection), await current_key(writer.connection)
            if checkpoint_digest(last) != checkpoint.previous or (current is not None and current.id != signer.id):
                return False
            if current is None:
                await AUDIT_KEYS.put(writer, signer.public(writer.clock.now()), "create")
            await CHECKPOINTS.put(writer, checkpoint, "sign")
            await self._tell(writer, checkpoint)
            # Before it is stored for good, while no other process can store one: noted afterwards, a crash in between would
            # leave a checkpoint that nobody misses.
            self._keys.marks.signing(checkpoint)
        return True

    async def _tell(self, writer: Writer, checkpoint: Checkpoint) -> None:
        """A witness outside gets each checkpoint: who cuts the log off can not take it back from there."""
        if not self._channel or await catalog.CHANNELS.get(writer.connection, self._channel) is None:
            return
        subject = CHECKPOINTS.subject(CHECKPOINTS.identify(checkpoint))
        body: dict[str, Any] = {
            "title": f"Audit log signed up to entry {checkpoint.sequence}",
            "text": "Keep this: it shows later whether the log was cut off or written anew.",
            "checkpoint": msgspec.to_builtins(checkpoint),
        }
        await enqueue(writer, key=f"{subject}/{EVENT}", channel=self._channel, event=EVENT, subject=subject, body=body)

    # Keys.

    async def _hand_over(self, old: Signer, new: Signer, actor: str, reason: str) -> AuditKey:
        async with self._database.write(actor) as writer:
            current = await current_key(writer.connection)
            if current is None or current.id != old.id:
                raise NotAllowed("the key in use is another one; look at `groundcrew audit keys`")
            key = new.public(writer.clock.now(), previous=old, reason=reason)
            await AUDIT_KEYS.put(writer, key, "rotate", reason=reason)
        return key

    async def _begin_anew(self, actor: str, reason: str) -> AuditKey:
        signer = self._keys.load() or self._keys.create()
        async with self._database.write(actor) as writer:
            current = await current_key(writer.connection)
            if current is None or await AUDIT_KEYS.get(writer.connection, signer.id) is not None:
                raise InputError("the key in this data folder is known already: nothing was lost", field="lost")
            key = signer.public(writer.clock.now(), previous=current, reason=reason)
            await AUDIT_KEYS.put(writer, key, "replace_lost", reason=reason)
        return key


async def current_key(connection: Connection) -> AuditKey | None:
    """The key that checkpoints are signed with now."""
    return next(iter(await keys_in_order(connection)), None)


async def keys_in_order(connection: Connection) -> list[AuditKey]:
    """Every key, the newest first: each before the one that it followed."""
    found = {each.id: each for each in await AUDIT_KEYS.find(connection)}
    followed = {each.previous for each in found.values()}
    ordered: list[AuditKey] = []
    name = next((each for each in found if each not in followed), None)
    while name in found and len(ordered) < len(found):
        ordered.append(found[name])
        name = found[name].previous
    return ordered


async def _last(connection: Connection) -> Checkpoint | None:
    found = await CHECKPOINTS.find(connection, newest_first=True, limit=1)
    return found[0] if found else None


async def checkpoint_hashes(connection: Connection) -> tuple[dict[int, str], list[str]]:
    """What signed checkpoints say: entry → hash; and what is wrong with checkpoints and keys."""
    keys, problems = await _readable(connection, AUDIT_KEYS)
    checkpoints, more = await _readable(connection, CHECKPOINTS)
    problems += more
    public = {each.id: _bytes(each.public_key) or b"" for each in keys}
    for key in keys:
        if not verified(public[key.id], key_statement(key), _bytes(key.signature)):
            problems.append(f"{AUDIT_KEYS.subject(key.id)}: does not vouch for itself; it was edited")
    hashes: dict[int, str] = {}
    last: Checkpoint | None = None
    for each in checkpoints:
        if not verified(public.get(each.key_id, b""), statement(each), _bytes(each.signature)):
            problems.append(f"checkpoint at entry {each.sequence}: its signature is wrong, or of a key that is not known")
            continue
        if each.previous != checkpoint_digest(last):
            problems.append(f"checkpoint at entry {each.sequence}: does not follow the one before it; one was removed")
        hashes[each.sequence], last = each.hash, each
    return hashes, problems


async def _readable(connection: Connection, collection: Collection[T]) -> tuple[list[T], list[str]]:
    """The rows of `collection` by id, and which of them can not be read."""
    found, problems = list[T](), list[str]()
    for item_id, item in await collection.read_each(connection):
        if item is None:
            problems.append(f"{collection.subject(item_id)}: can not be read; it was edited")
        else:
            found.append(item)
    return found, problems


def _bytes(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None
