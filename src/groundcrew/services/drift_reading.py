"""Reads recorded calls for drift monitors, off the path of calls: in the order in which they arrived, each once, and of a busy
use case a sample, so that watching costs the same whatever the traffic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from groundcrew.domain.canonical import canonical_json
from groundcrew.domain.drift import WINDOW_CALLS_MAX, CallFeatures
from groundcrew.domain.use_case import DriftRule
from groundcrew.services.drift_features import Encodes, features_of
from groundcrew.store import catalog
from groundcrew.store import drift as stored
from groundcrew.store.database import Database

#: Recorded calls that one step looks at, and those of them whose features it computes.
STEP_ROWS_MAX, STEP_CALLS_MAX = 5_000, 256
#: Calls that are sampled in an hour over all use cases, shared by those that had any lately; none gets less than the least. The
#: vectors of a call's two texts take 20 ms of one core.
SAMPLED_PER_HOUR, SAMPLED_PER_HOUR_MIN = 600, 100
#: What may be taken at once, however fast calls come: a reference, and so many windows.
WINDOWS_AT_ONCE = 3
#: A monitor that saw no call for so long takes no share of the sample; after so long it is as new.
IDLE_S, FORGOTTEN_S = 3_600.0, 86_400.0

#: What a read needs of each use case: its rule, or None where it is not watched.
Rules = Mapping[str, DriftRule | None]


class Sampler(msgspec.Struct, frozen=True):
    """How many calls of one version may be taken at once, as of the time of the newest one seen (Unix time)."""

    allowed: float
    at: float


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


def choose(
    rows: Sequence[stored.Arrived], rules: Rules, samplers: Mapping[str, Sampler], now_s: float
) -> tuple[list[stored.Arrived], dict[str, Sampler]]:
    """The calls to take, and the samplers after them. Calls are taken as they come while they are allowed, of a busy use case the
    next one after each pause: which ones has nothing to do with what they say. Time is that of the calls, so that a backlog is
    sampled as it would have been."""
    counted = [each for each in rows if each.counts and rules.get(each.use_case) is not None]
    newest = min(max((each.received_at.timestamp() for each in counted), default=now_s), now_s)
    after = {name: each for name, each in samplers.items() if newest - each.at < FORGOTTEN_S}
    active = {_name(each) for each in counted} | {name for name, each in after.items() if newest - each.at < IDLE_S}
    rate_s = max(SAMPLED_PER_HOUR_MIN, SAMPLED_PER_HOUR / max(1, len(active))) / 3_600
    taken: list[stored.Arrived] = []
    for each in counted:
        name, rule = _name(each), rules[each.use_case]
        assert rule is not None
        at_s = min(each.received_at.timestamp(), now_s)
        most = rule.reference_calls + WINDOWS_AT_ONCE * rule.window_calls
        before = after.get(name) or Sampler(most, at_s)
        own_rate_s = rate_s if rule.window_s is None else min(rate_s, WINDOW_CALLS_MAX / rule.window_s)
        allowed = min(most, before.allowed + max(0.0, at_s - before.at) * own_rate_s)
        if allowed >= 1:
            taken.append(each)
            allowed -= 1
        after[name] = Sampler(allowed, max(before.at, at_s))
    return taken, after


def _name(each: stored.Arrived) -> str:
    return f"{each.use_case}@{each.version_digest}"


def _first_of(rows: list[stored.Arrived], rules: Rules, number: int) -> list[stored.Arrived]:
    """The first rows, up to the one with which so many calls count."""
    counted = 0
    for place, each in enumerate(rows):
        counted += each.counts and rules.get(each.use_case) is not None
        if counted >= number:
            return rows[: place + 1]
    return rows
