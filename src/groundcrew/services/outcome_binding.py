"""Which version of its use case an outcome belongs to: the one that answered its call or case, else the one of its time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from groundcrew.store import audit
from groundcrew.store.database import Connection
from groundcrew.store.feedback import versions_of_calls, versions_of_cases
from groundcrew.store.rows import stamp

#: Changes of version that are looked back at, the newest ones; what is older belongs to the oldest of them.
CHANGES_MAX = 10_000


class Named(Protocol):
    """What of an outcome says which call and case it is of."""

    @property
    def call_id(self) -> str | None:
        """The call, where it is named."""
        ...

    @property
    def case_id(self) -> str:
        """The business case."""
        ...


class Binding:
    """The versions of one use case over time, and of the calls and cases of one batch of outcomes."""

    def __init__(
        self,
        current: str,
        changes: list[tuple[datetime, str, str]],
        calls: dict[str, str],
        cases: dict[str, list[tuple[str, str]]],
    ) -> None:
        self._times = [moment for moment, _, _ in changes]
        # The newest change leads to the version of now, which the registry knows best.
        self._versions = [*(before for _, before, _ in changes), current]
        self.current = current
        self._calls, self._cases = calls, cases

    def version(self, call_id: str | None, case_id: str, at: datetime) -> str:
        """The version that answered the call; else the last call of the case up to `at`, or its first call where all came later;
        else the version that was current at `at`. A call that is not recorded, or is another use case's, says nothing."""
        if call_id is not None and (found := self._calls.get(call_id)) is not None:
            return found
        calls = self._cases.get(case_id)
        if calls:
            place = bisect_right(calls, (stamp(at), "\U0010ffff"))
            return calls[max(0, place - 1)][1]
        return self._versions[bisect_right(self._times, at)]


async def bind(connection: Connection, use_case: str, current: str, outcomes: Iterable[Named]) -> Binding:
    """What decides the versions of `outcomes`. Changes of version are read from the audit log, where each one stands with its
    time and both digests."""
    found = await audit.latest(connection, subject=f"version/{use_case}", limit=CHANGES_MAX)
    changes = [(each.at, str(each.details["before"]), str(each.details["after"])) for each in reversed(found)]
    rows = list(outcomes)
    calls = await versions_of_calls(connection, use_case, (each.call_id for each in rows if each.call_id is not None))
    # Cases of outcomes whose call is known need not be looked for.
    cases = await versions_of_cases(connection, use_case, (each.case_id for each in rows if each.call_id not in calls))
    return Binding(current, changes, calls, cases)
