"""The drawn answers of a version, and people's labels of them, as they are kept in memory: draws never change, so that only those
of new batches are read; labels are read anew when any of them came or changed."""

from __future__ import annotations

import msgspec

from groundcrew.domain.trust_label import Draw, TrustLabel
from groundcrew.store import catalog
from groundcrew.store import labels as stored
from groundcrew.store.database import Connection
from groundcrew.store.memory import Memory, marked

#: Newest drawn answers of a version that count.
DRAWS_MAX = 20_000
#: Versions whose draws are kept in memory, those asked for last; 20 MB each at most.
VERSIONS_MAX = 16


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """Draws by id, and the batch up to which they were read."""

    batch: int
    draws: tuple[Draw, ...]


_KNOWN: Memory[tuple[str, str], _Known] = Memory(VERSIONS_MAX)
_LABELS: Memory[str, tuple[object, tuple[TrustLabel, ...]]] = Memory(VERSIONS_MAX)


async def drawn_answers(connection: Connection, use_case: str, version_digest: str) -> tuple[Draw, ...]:
    """The newest DRAWS_MAX draws of a version, by id. The very same tuple where none came since it was last asked for."""
    key = use_case, version_digest
    batch = await stored.newest_batch(connection, use_case, version_digest)
    found = _KNOWN.get(connection, key)
    if found is None or found.batch > batch:
        draws = await stored.newest_draws(connection, use_case, version_digest, limit=DRAWS_MAX)
        found = _KNOWN.put(connection, key, _Known(batch=batch, draws=tuple(draws)))
    elif found.batch < batch:
        # A gateway that was away ships late: what is new need not be the newest.
        fresh = await stored.draws_after(connection, use_case, version_digest, found.batch)
        draws = sorted((*found.draws, *fresh), key=lambda each: each.id)
        found = _KNOWN.put(connection, key, _Known(batch=batch, draws=tuple(draws[-DRAWS_MAX:])))
    return found.draws


async def labels_of(connection: Connection, use_case: str) -> tuple[TrustLabel, ...]:
    """All labels of a use case, by id. The very same tuple where none came or changed since they were last asked for."""

    async def read() -> tuple[TrustLabel, ...]:
        return tuple(await catalog.TRUST_LABELS.find(connection, use_case=use_case))

    return await marked(_LABELS, connection, use_case, await stored.labels_mark(connection, use_case), read)
