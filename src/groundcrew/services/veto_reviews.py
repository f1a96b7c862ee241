"""What a meeting does with a veto: it looks at it. Nothing that a meeting decides lifts one."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from groundcrew.domain.veto import REVIEW_DAYS_DEFAULT
from groundcrew.errors import Conflict
from groundcrew.services.lookups import require, require_reason
from groundcrew.services.veto_records import append, put
from groundcrew.store import deciding
from groundcrew.store.database import Writer


async def review_in(writer: Writer, *, decision: str, veto: str, note: str) -> None:
    """Record that a meeting looked at a veto, and when the next look is due. Conflict for one that is over."""
    require_reason(note)
    found = await require(writer.connection, deciding.VETOES, veto)
    if not found.active:
        raise Conflict(f"veto {veto} is {found.state}: there is nothing to look at")
    now = writer.clock.now()
    reviewed = msgspec.structs.replace(found, reviewed_at=now, review_at=now + timedelta(days=REVIEW_DAYS_DEFAULT))
    await put(writer, reviewed, "review", reason=note)
    await append(writer, veto, "reviewed", note, f"decision/{decision}")
