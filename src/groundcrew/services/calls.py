"""Recorded calls: shipped from the spools exactly once, read back for people and budgets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from groundcrew.domain.call import Call, CallHead, RecordingGap
from groundcrew.domain.canonical import canonical_json
from groundcrew.services import sign_offs
from groundcrew.services.experiment_assignment import log_shipped
from groundcrew.services.labels import draw_shipped
from groundcrew.services.lookups import require
from groundcrew.services.rating_queue import put_up_shipped
from groundcrew.store import audit, catalog, operations, rollups, spending
from groundcrew.store import calls as stored
from groundcrew.store.calls import CALLS
from groundcrew.store.database import Database

SHIPPER = "system:shipper"


class Calls:
    """The calls that went through the gateways."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ship(self, batch: Sequence[Call], *, gateway: str) -> int:
        """`ship_records` of calls that are at hand. Returns how many were new."""
        return len(await self.ship_records([canonical_json(call) for call in batch], gateway=gateway))

    async def ship_records(self, records: Sequence[bytes], *, gateway: str) -> list[CallHead]:
        """Insert calls that are not there yet, in one transaction with their audit entry and the sign-offs they wait for.

        `records`: calls' canonical JSON, kept as it is. Shipping a batch again changes nothing: a call's id makes it once.
        Returns those that were new.
        """
        if not records:
            return []
        async with self._database.write(SHIPPER) as writer:
            fresh = await stored.insert(writer, records, gateway=gateway)
            heads = [head for head, _ in fresh]
            await spending.add(writer.connection, heads)
            await rollups.add(writer.connection, heads)
            uses: dict[str, tuple[str, datetime]] = {}
            for head, _ in fresh:
                used = uses.get(head.key_id)
                if used is None or head.received_at > used[1]:
                    uses[head.key_id] = head.use_case, head.received_at
            uses.pop("", None)  # trials have no key
            if uses:
                await operations.note_key_uses(writer.connection, uses)
            for head, record in fresh:
                if head.status == "held" and head.trial is None:
                    call = msgspec.json.decode(record, type=Call)
                    await sign_offs.request(writer, call, await catalog.USE_CASES.get(writer.connection, call.use_case))
            await draw_shipped(writer, fresh, gateway=gateway)
            await log_shipped(writer, [head for head, _ in fresh])
            await put_up_shipped(writer, fresh, gateway=gateway)
        return [head for head, _ in fresh]

    async def ship_gaps(self, gaps: Sequence[RecordingGap], *, gateway: str) -> None:
        """Note in the audit log how many calls have no record; each gap once."""
        async with self._database.write(SHIPPER) as writer:
            for gap in gaps:
                subject = f"recording-gap/{gap.id}"
                if not await audit.latest(writer.connection, subject=subject, limit=1):
                    details = {**msgspec.to_builtins(gap), "gateway": gateway}
                    reason = f"{gap.calls} calls of use case {gap.use_case} have no record, {gap.answered} of them answered"
                    await writer.audit("gap", subject, document=None, reason=reason, details=details)

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
            return await rollups.status_counts(connection, use_case, version_digest)
