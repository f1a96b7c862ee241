"""Gateway keys: created for one use case, printed once, revoked at once."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from groundcrew.domain.identifiers import new_id
from groundcrew.domain.key import KEY_LIFETIME_S_MAX, Key, new_secret, secret_sha256
from groundcrew.domain.use_case import RateLimits, SpendLimits
from groundcrew.errors import Conflict, InputError
from groundcrew.services.lookups import require, require_use_case
from groundcrew.services.propagation import propagate
from groundcrew.store import catalog
from groundcrew.store.database import Database

KEY_LIFETIME_S_DEFAULT = 90 * 86_400
LIMIT_MAX = 10**15


class CreatedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A new key's record and its secret, which is shown this once."""

    key: Key
    secret: str


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
        budget: SpendLimits | None = None,
        limits: RateLimits | None = None,
    ) -> CreatedKey:
        """A fresh key for `use_case`, with limits of its own where given. Lifetime: more than 0 and at most 366 days."""
        for each in (budget, limits):
            for field, value in (msgspec.structs.asdict(each) if each is not None else {}).items():
                if value is not None and not 0 < value <= LIMIT_MAX:
                    raise InputError(f"must be above 0 and at most {LIMIT_MAX}", field=field)
        if not 0 < expires_in_s <= KEY_LIFETIME_S_MAX:
            raise InputError(f"a key lives for more than 0 and at most {KEY_LIFETIME_S_MAX // 86_400} days", field="expires")
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
        )
        async with self._database.write(actor) as writer:
            await require_use_case(writer.connection, use_case)
            await catalog.KEYS.put(writer, key, "create")
            await writer.touch_snapshot()
        await propagate(self._database)
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
