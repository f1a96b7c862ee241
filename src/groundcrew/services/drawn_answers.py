"""The drawn answers of a version as they are kept in memory: they never change, so that only those of new batches are read."""

from __future__ import annotations

from collections import OrderedDict
from weakref import WeakKeyDictionary

import msgspec

from groundcrew.domain.trust_label import Draw
from groundcrew.store import labels as stored
from groundcrew.store.database import Connection

#: Newest drawn answers of a version that count.
DRAWS_MAX = 20_000
#: Versions whose draws are kept in memory, those asked for last; 20 MB each at most.
VERSIONS_MAX = 16


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """Draws by id, and the batch up to which they were read."""

    batch: int
    draws: tuple[Draw, ...]


_KNOWN: WeakKeyDictionary[object, OrderedDict[tuple[str, str], _Known]] = WeakKeyDictionary()


async def drawn_answers(connection: Connection, use_case: str, version_digest: str) -> tuple[Draw, ...]:
    """The newest DRAWS_MAX draws of a version, by id. The very same tuple where none came since it was last asked for."""
    known = _KNOWN.setdefault(connection.engine.sync_engine, OrderedDict())
    key = use_case, version_digest
    batch = await stored.newest_batch(connection, use_case, version_digest)
    found = known.get(key)
    if found is None or found.batch > batch:
        draws = await stored.newest_draws(connection, use_case, version_digest, limit=DRAWS_MAX)
        found = known[key] = _Known(batch=batch, draws=tuple(draws))
    elif found.batch < batch:
        # A gateway that was away ships late: what is new need not be the newest.
        fresh = await stored.draws_after(connection, use_case, version_digest, found.batch)
        draws = sorted((*found.draws, *fresh), key=lambda each: each.id)
        found = known[key] = _Known(batch=batch, draws=tuple(draws[-DRAWS_MAX:]))
    known.move_to_end(key)
    while len(known) > VERSIONS_MAX:
        known.popitem(last=False)
    return found.draws
