"""Drift monitors: reference windows, tests of new windows against them, and alarms."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from groundcrew.domain.drift import DriftAlarm
from groundcrew.store import catalog
from groundcrew.store.database import Database, Writer

#: Open alarms that are given at most, newest first.
OPEN_ALARMS_MAX = 200

#: Told of an alarm within the transaction that raises it, so that what follows from it is there exactly when it is.
AlarmHook = Callable[[Writer, DriftAlarm], Awaitable[None]]


class Drift:
    """Drift monitors of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._hooks: list[AlarmHook] = []

    def on_alarm(self, hook: AlarmHook) -> None:
        """Call `hook` with each alarm, in the transaction that raises it."""
        self._hooks.append(hook)

    async def open_alarms(self, use_case: str | None = None) -> list[DriftAlarm]:
        """The alarms that nobody has acknowledged, newest first; those of one use case where given."""
        of = {} if use_case is None else {"use_case": use_case}
        async with self._database.read() as connection:
            return await catalog.DRIFT_ALARMS.find(connection, state="open", newest_first=True, limit=OPEN_ALARMS_MAX, **of)
