"""Whether a legal hold keeps a record: a call, or what people said of one, which is kept wherever its call is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from groundcrew.domain.call import Call
from groundcrew.domain.legal_hold import Holdable, LegalHold, holding
from groundcrew.store.calls import CALLS
from groundcrew.store.database import Connection

#: Calls that are remembered while one transaction looks at what belongs to them.
_REMEMBERED_MAX = 1_000


def of_call(call: Call) -> Holdable:
    """A call as holds look at it. One that names no person may be anybody's."""
    people = tuple(each for each in (call.user_id, call.unit_id) if each)
    return Holdable(use_case=call.use_case, at=call.received_at, call=call.id, case=call.case_id, persons=people or None)


class Held:
    """The holds of one transaction, asked about what belongs to calls."""

    def __init__(self, connection: Connection, holds: Sequence[LegalHold]) -> None:
        self._connection, self._holds = connection, holds
        self._calls: dict[str, Call | None] = {}

    async def by(
        self, use_case: str, at: datetime, *, call: str | None, case: str | None = None, people: Sequence[str] = ()
    ) -> LegalHold | None:
        """The hold that keeps what `people` said at a moment of a call, or of a case where no call is named."""
        if not self._holds:
            return None
        found = await self._call(call) if call else None
        # Whose call it was counts beside who spoke; where that can not be told, it may be anybody's.
        persons = None if found is None else (*(of_call(found).persons or ()), *people)
        if found is not None:
            kept = holding(self._holds, of_call(found))
            if kept is not None:
                return kept
            case = case or found.case_id
        return holding(self._holds, Holdable(use_case=use_case, at=at, call=call, case=case, persons=persons))

    async def _call(self, call_id: str) -> Call | None:
        if call_id not in self._calls:
            if len(self._calls) >= _REMEMBERED_MAX:
                self._calls.clear()
            self._calls[call_id] = await CALLS.get(self._connection, call_id)
        return self._calls[call_id]
