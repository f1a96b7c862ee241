"""Reads recorded calls for drift monitors, off the path of calls: in the order in which they arrived, each once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from groundcrew.domain.canonical import canonical_json
from groundcrew.domain.drift import CallFeatures
from groundcrew.domain.use_case import DriftRule
from groundcrew.grounding.encoder_process import Encodes
from groundcrew.services.drift_features import features_of
from groundcrew.services.drift_sampling import Rules, Sampler, choose
from groundcrew.store import catalog
from groundcrew.store import drift as stored
from groundcrew.store.database import Database

#: Recorded calls that one step looks at, and those of them whose features it computes.
STEP_ROWS_MAX, STEP_CALLS_MAX = 5_000, 256

_SAMPLERS = msgspec.json.Decoder(dict[str, Sampler])


class Step(NamedTuple):
    """What one step did: calls that it looked at and took, and whether more are waiting."""

    looked_at: int
    taken: int
    more: bool


class Reading:
    """The one reader of calls, whichever process it runs in: who has the lease reads, and the mark moves once."""

    def __init__(self, database: Database, encoder: Callable[[], Encodes]) -> None:
        self._database, self._encoder = database, encoder

    async def step(self) -> Step:
        """Look at the next calls. A mark that somebody else has moved meanwhile leaves everything as it was."""
        async with self._database.read() as connection:
            mark = await stored.mark(connection)
            rows = await stored.arrived(connection, mark, limit=STEP_ROWS_MAX)
            rules = {each.name: _rule(each.drift) for each in await catalog.USE_CASES.find(connection)}
        now_s = self._database.clock.now().timestamp()
        samplers = _SAMPLERS.decode(mark.samplers)
        taken, after = choose(rows, rules, samplers, now_s)
        if len(taken) > STEP_CALLS_MAX:
            rows = _first_of(rows, rules, STEP_CALLS_MAX)
            taken, after = choose(rows, rules, samplers, now_s)
        found = await self.features([each.id for each in taken])
        last = rows[-1] if rows else None
        moved = mark._replace(
            batch=last.batch if last else mark.batch,
            call_id=last.id if last else mark.call_id,
            read_at_s=now_s,
            samplers=canonical_json(after).decode(),
        )
        async with self._database.operate() as connection:
            if not await stored.move_mark(connection, mark, moved):
                return Step(0, 0, False)
            by_version: dict[tuple[str, str], list[CallFeatures]] = {}
            own = {each.id: (each.use_case, each.version_digest) for each in taken}
            for each in found:
                by_version.setdefault(own[each.id], []).append(each)
            for version, features in by_version.items():
                await stored.keep(connection, *version, features)
        return Step(len(rows), len(found), len(rows) == STEP_ROWS_MAX or len(taken) >= STEP_CALLS_MAX)

    async def features(self, ids: Sequence[str]) -> list[CallFeatures]:
        """The features of recorded calls, by id; computed beside the event loop."""
        if not ids:
            return []
        async with self._database.read() as connection:
            calls = await stored.documents(connection, ids)
        return await asyncio.to_thread(lambda: [features_of(each, self._encoder()) for each in calls if each.status != "opened"])


def _rule(declared: DriftRule | None) -> DriftRule | None:
    rule = declared or DriftRule()
    return rule if rule.enabled else None


def _first_of(rows: list[stored.Arrived], rules: Rules, number: int) -> list[stored.Arrived]:
    """The first rows, up to the one with which so many calls count."""
    counted = 0
    for place, each in enumerate(rows):
        counted += each.counts and rules.get(each.use_case) is not None
        if counted >= number:
            return rows[: place + 1]
    return rows
