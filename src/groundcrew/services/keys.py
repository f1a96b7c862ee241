"""Gateway keys: created for one use case, printed once, revoked at once."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from groundcrew.domain.identifiers import new_id
from groundcrew.domain.key import KEY_LIFETIME_S_MAX, LABEL_LENGTH_MAX, Key, new_secret, secret_sha256
from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.use_case import RateLimits, SpendLimits
from groundcrew.errors import Conflict, InputError
from groundcrew.services.lookups import require, require_use_case
from groundcrew.services.propagation import propagate
from groundcrew.store import catalog, operations
from groundcrew.store.database import Connection, Database

KEY_LIFETIME_S_DEFAULT = 90 * 86_400
LIMIT_MAX = 10**15
#: How long a key that was rotated goes on beside its heir.
OVERLAP_S_DEFAULT, OVERLAP_S_MAX = 86_400, 30 * 86_400


class CreatedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A new key's record and its secret, which is shown this once."""

    key: Key
    secret: str


async def is_live(connection: Connection, key: Key, now: datetime) -> bool:
    """Whether a key may be used: neither revoked, expired nor stopped by its kill switch."""
    if key.revoked_at is not None or key.expires_at <= now:
        return False
    switch = await catalog.KILL_SWITCHES.get(connection, str(Scope("key", key.id)))
    return switch is None or not switch.denies


class Keys:
    """The gateway keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self,
        use_case: str,
        *,
        actor: str,
        expires_in_s: float = KEY_LIFETIME_S_DEFAULT,
        label: str = "",
        budget: SpendLimits | None = None,
        limits: RateLimits | None = None,
    ) -> CreatedKey:
        """A fresh key for `use_case`, with limits of its own where given. Lifetime: more than 0 and at most 366 days."""
        for each in (budget, limits):
            for field, value in (msgspec.structs.asdict(each) if each is not None else {}).items():
                if value is not None and not 0 < value <= LIMIT_MAX:
                    raise InputError(f"must be above 0 and at most {LIMIT_MAX}", field=field)
        created = self._new(use_case, actor, expires_in_s, label, budget=budget, limits=limits)
        async with self._database.write(actor) as writer:
            await require_use_case(writer.connection, use_case)
            await catalog.KEYS.put(writer, created.key, "create")
            await writer.touch_snapshot()
        await propagate(self._database)
        return created

    async def lives(self, key_id: str) -> bool:
        """Whether this key may still be used."""
        async with self._database.read() as connection:
            key = await catalog.KEYS.get(connection, key_id)
            return key is not None and await is_live(connection, key, self._database.clock.now())

    async def rotate(
        self, key_id: str, *, actor: str, overlap_s: float = OVERLAP_S_DEFAULT, expires_in_s: float | None = None
    ) -> CreatedKey:
        """A key in the place of this one, which goes on for `overlap_s` at most (0: not at all) and then expires.

        The new key lives as long as the old one was made for, unless told otherwise. Conflict where the old one is revoked,
        expired, or already on its way out.
        """
        if not 0 <= overlap_s <= OVERLAP_S_MAX:
            raise InputError(f"the old key goes on for 0 to {OVERLAP_S_MAX // 86_400} days", field="overlap")
        now = self._database.clock.now()
        async with self._database.write(actor) as writer:
            old = await require(writer.connection, catalog.KEYS, key_id)
            if old.revoked_at is not None or old.expires_at <= now:
                raise Conflict(f"key {key_id} is no longer valid: create a new one")
            keys = await catalog.KEYS.find(writer.connection, use_case=old.use_case)
            heir = next((each for each in keys if each.rotated_from == key_id and each.revoked_at is None), None)
            if heir is not None:
                raise Conflict(f"key {key_id} was rotated: key {heir.id} takes its place; rotate or revoke that one")
            lifetime_s = expires_in_s if expires_in_s is not None else (old.expires_at - old.created_at).total_seconds()
            created = self._new(
                old.use_case, actor, lifetime_s, old.label, rotated_from=key_id, budget=old.budget, limits=old.limits
            )
            ending = msgspec.structs.replace(old, expires_at=min(old.expires_at, now + timedelta(seconds=overlap_s)))
            await catalog.KEYS.put(writer, created.key, "create", details={"rotated_from": key_id})
            await catalog.KEYS.put(writer, ending, "rotate", details={"replaced_by": created.key.id})
            await writer.touch_snapshot()
        await propagate(self._database)
        return created

    def _new(
        self,
        use_case: str,
        actor: str,
        expires_in_s: float,
        label: str,
        *,
        rotated_from: str | None = None,
        budget: SpendLimits | None = None,
        limits: RateLimits | None = None,
    ) -> CreatedKey:
        if not 0 < expires_in_s <= KEY_LIFETIME_S_MAX:
            raise InputError(f"a key lives for more than 0 and at most {KEY_LIFETIME_S_MAX // 86_400} days", field="expires")
        if len(label) > LABEL_LENGTH_MAX or not label.isprintable():
            raise InputError(f"at most {LABEL_LENGTH_MAX} printable characters", field="label")
        now = self._database.clock.now()
        secret = new_secret()
        key = Key(
            id=new_id(),
            use_case=use_case,
            sha256=secret_sha256(secret),
            created_by=actor,
            created_at=now,
            expires_at=now + timedelta(seconds=expires_in_s),
            budget=budget,
            limits=limits,
            label=label,
            rotated_from=rotated_from,
        )
        return CreatedKey(key=key, secret=secret)

    async def revoke(self, key_id: str, *, actor: str, reason: str = "") -> Key:
        """Revoke a key; Conflict if it was revoked before."""
        async with self._database.write(actor) as writer:
            key = await require(writer.connection, catalog.KEYS, key_id)
            if key.revoked_at is not None:
                raise Conflict(f"key {key_id} was revoked at {key.revoked_at:%Y-%m-%d %H:%M} UTC")
            key = msgspec.structs.replace(key, revoked_at=self._database.clock.now())
            await catalog.KEYS.put(writer, key, "revoke", reason=reason)
            await writer.touch_snapshot()
        await propagate(self._database)
        return key

    async def find(self, use_case: str | None = None) -> list[Key]:
        """All keys, or those of one use case."""
        async with self._database.read() as connection:
            if use_case is None:
                return await catalog.KEYS.find(connection)
            await require_use_case(connection, use_case)
            return await catalog.KEYS.find(connection, use_case=use_case)

    async def last_used(self, use_case: str | None = None) -> dict[str, datetime]:
        """When each key was last used, to about a minute, as far as its calls are shipped; keys never used are not in it."""
        async with self._database.read() as connection:
            return await operations.key_uses_of(connection, use_case)
