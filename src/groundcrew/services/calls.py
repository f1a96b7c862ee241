"""Recorded calls: shipped from the spools exactly once, read back for people and budgets."""

from __future__ import annotations

from collections.abc import Sequence

from groundcrew.domain.call import Call
from groundcrew.services import sign_offs
from groundcrew.services.lookups import require
from groundcrew.store import calls as stored
from groundcrew.store import catalog, spending
from groundcrew.store.calls import CALLS
from groundcrew.store.database import Database

SHIPPER = "system:shipper"


class Calls:
    """The calls that went through the gateways."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ship(self, batch: Sequence[Call], *, gateway: str) -> int:
        """Insert calls that are not there yet, in one transaction with their audit entry and the sign-offs they wait for.

        Shipping a batch again changes nothing: a call's id makes it once. Returns how many were new.
        """
        if not batch:
            return 0
        async with self._database.write(SHIPPER) as writer:
            fresh = await CALLS.insert_batch(writer, list(batch), "ship", f"calls/{gateway}", details={"gateway": gateway})
            await spending.add(writer.connection, fresh)
            for call in fresh:
                if call.status == "held":
                    await sign_offs.request(writer, call, await catalog.USE_CASES.get(writer.connection, call.use_case))
        return len(fresh)

    async def get(self, call_id: str) -> Call:
        """One call; NotFound if it was not recorded."""
        async with self._database.read() as connection:
            return await require(connection, CALLS, call_id)

    async def latest(
        self,
        *,
        use_case: str | None = None,
        status: str | None = None,
        trace_id: str | None = None,
        before: str | None = None,
        limit: int = 50,
        shadows: bool = False,
    ) -> list[Call]:
        """The newest calls first; `before` is the id of the last one seen. Shadow copies only where wanted."""
        async with self._database.read() as connection:
            return await stored.latest(
                connection,
                use_case=use_case,
                status=status,
                trace_id=trace_id,
                before=before,
                limit=limit,
                shadows=shadows,
            )

    async def status_counts(self, use_case: str, version_digest: str | None = None) -> dict[tuple[str, str], int]:
        """Number of calls by (status, trust state or ''), of one version where given."""
        async with self._database.read() as connection:
            return await stored.status_counts(connection, use_case, version_digest)
