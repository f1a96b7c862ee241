"""What explorations have used of their boxes, as recorded calls tell it, and what keeps a gateway key within one."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from groundcrew.domain.exploration import Box, BoxPart, BoxUse, Exploration, days_used, used_up
from groundcrew.domain.key import Key
from groundcrew.domain.spending import NANOS
from groundcrew.errors import Conflict
from groundcrew.services.lookups import require, require_use_case
from groundcrew.store import catalog, deciding, spending
from groundcrew.store.database import Connection, Writer


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What calls have used from a day on."""

    tokens: int = 0
    usd: float = 0.0
    unknown_calls: int = 0


async def recorded_since(connection: Connection, use_case: str, key_id: str | None, since: date, until: date | None) -> Recorded:
    """What a use case, or one key of it, has used from the day `since` to the day `until`, both included; sample calls left
    out."""
    columns = ("key_id",) if key_id is not None else ()
    for row in await spending.sums(connection, columns, since=since, until=until, use_case=use_case):
        if key_id is None or row["key_id"] == key_id:
            return Recorded(
                tokens=int(row["input_tokens"]) + int(row["output_tokens"]),
                usd=int(row["charged_nanos"]) / NANOS,
                unknown_calls=int(row["unknown_calls"]),
            )
    return Recorded()


async def use_of(connection: Connection, exploration: Exploration, now: datetime) -> BoxUse:
    """What an exploration has used; what was kept once it is finished."""
    if exploration.used is not None:
        return exploration.used
    days = days_used(exploration, now)
    if exploration.started_at is None or exploration.use_case is None:
        return BoxUse(days=days)
    found = await recorded_since(connection, exploration.use_case, exploration.key_id, exploration.started_at.date(), None)
    return BoxUse(
        days=days,
        tokens=max(found.tokens - exploration.tokens_before, 0),
        usd=round(max(found.usd - exploration.usd_before, 0.0), 9),
        unknown_calls=found.unknown_calls,
    )


async def exhausted(connection: Connection, exploration: Exploration, now: datetime) -> tuple[BoxPart, ...]:
    """What of a running exploration's box is used up now."""
    if exploration.state != "running":
        return ()
    return used_up(exploration.limits, await use_of(connection, exploration, now))


async def check_calls(connection: Connection, box: Box, use_case: str | None, key_id: str | None) -> Key | None:
    """The key of an exploration, where it names one. Conflict for a limit that nothing could be held against, and for a key
    that serves people: what explores is in discovery."""
    if use_case is None:
        if key_id is not None:
            raise Conflict("name the use case that the key is of")
        if box.tokens is not None or box.usd is not None:
            raise Conflict("tokens and USD are counted from recorded calls: name the use case, or its key, that it calls with")
        return None
    await require_use_case(connection, use_case)
    if key_id is None:
        return None
    key = await require(connection, catalog.KEYS, key_id)
    if key.use_case != use_case:
        raise Conflict(f"key {key_id} is of {key.use_case}, not of {use_case}")
    stage = (await require_use_case(connection, use_case)).stage
    if stage != "discovery":
        raise Conflict(
            f"{use_case} is in {stage}: an exploration's key ends with its box, so it is one of a use case in discovery"
        )
    return key


async def begin_key(writer: Writer, exploration: Exploration, key: Key | None) -> Exploration:
    """`exploration` with its key held to its box: it expires with it at the latest."""
    if key is None:
        return exploration
    if key.revoked_at is not None or key.expires_at <= writer.clock.now():
        raise Conflict(f"key {key.id} is no longer valid: create a new one")
    for other in await deciding.EXPLORATIONS.find(writer.connection, state="running"):
        if other.key_id == key.id and other.id != exploration.id:
            raise Conflict(f"key {key.id} is of exploration {other.id}, which is running")
    begun = msgspec.structs.replace(exploration, key_expires_at=key.expires_at)
    await hold_key(writer, begun, begun.ends_at, "it lives no longer than the box of its exploration")
    return begun


async def hold_key(writer: Writer, exploration: Exploration, until: datetime | None, reason: str) -> bool:
    """Let the key of an exploration expire at `until`, never later than it was made for. Whether that changed anything."""
    if exploration.key_id is None or exploration.key_expires_at is None or until is None:
        return False
    key = await catalog.KEYS.get(writer.connection, exploration.key_id)
    if key is None or key.revoked_at is not None:
        return False
    expires_at = min(exploration.key_expires_at, until)
    if key.expires_at == expires_at:
        return False
    held = msgspec.structs.replace(key, expires_at=expires_at)
    await catalog.KEYS.put(writer, held, "box", reason=reason, details={"exploration": exploration.id})
    await writer.touch_snapshot()
    return True
