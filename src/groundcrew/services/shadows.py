"""Shadow targets compared with what answered, over the calls of a use case's current version."""

from __future__ import annotations

import asyncio

import msgspec

from groundcrew.domain.call import Call
from groundcrew.metrics.shadow_comparison import ShadowTarget, compare_pairs
from groundcrew.services.lookups import current_digest, require_use_case
from groundcrew.services.page_memory import remembered
from groundcrew.store.calls import shadow_marks, shadow_pairs
from groundcrew.store.database import Connection, Database

#: Newest shadow copies that one comparison looks at.
PAIRS_MAX = 5_000


class ShadowComparison(msgspec.Struct, frozen=True, kw_only=True):
    """The shadows of one version of a use case. `unpaired` copies are those whose call is not recorded here (yet);
    `truncated` tells that there are more copies than the newest `pairs_max`, which are compared."""

    use_case: str
    version_digest: str
    copies: int
    unpaired: int
    truncated: bool
    pairs_max: int
    targets: tuple[ShadowTarget, ...]


class ShadowService:
    """Reads shadow copies back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def compare(self, use_case: str, *, meanings: bool = True, pairs_max: int = PAIRS_MAX) -> ShadowComparison:
        """The comparison of the newest `pairs_max` copies; with `meanings` of the answers' texts as well, about 10 ms a pair."""
        async with self._database.read() as connection:
            item = await require_use_case(connection, use_case)
            digest = await current_digest(connection, item)
            if meanings:
                return await _comparison(connection, use_case, digest, pairs_max, meanings=True)
            mark = await shadow_marks(connection, use_case, digest, limit=pairs_max + 1)
            key = ("shadows", use_case, digest, str(pairs_max))
            return await remembered(
                connection, key, mark, lambda: _comparison(connection, use_case, digest, pairs_max, meanings=False)
            )


async def _comparison(connection: Connection, use_case: str, digest: str, pairs_max: int, *, meanings: bool) -> ShadowComparison:
    found = await shadow_pairs(connection, use_case, digest, limit=pairs_max + 1)
    kept = found[:pairs_max]
    pairs = [(main, shadow) for shadow, main in kept if main is not None]
    return ShadowComparison(
        use_case=use_case,
        version_digest=digest,
        copies=len(kept),
        unpaired=len(kept) - len(pairs),
        truncated=len(found) > pairs_max,
        pairs_max=pairs_max,
        targets=await asyncio.to_thread(_compare, pairs, meanings=meanings),
    )


def _compare(pairs: list[tuple[Call, Call]], *, meanings: bool) -> tuple[ShadowTarget, ...]:
    if not meanings or not pairs:
        return compare_pairs(pairs)
    from groundcrew.grounding.encoder import shipped_encoder

    return compare_pairs(pairs, shipped_encoder().encode)
