"""Reads recorded calls for drift monitors, off the path of calls: in the order in which they arrived, each once, and of a busy
use case a sample, so that watching costs the same whatever the traffic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from groundcrew.domain.canonical import canonical_json, sha256_hex
from groundcrew.domain.drift import REFERENCE_CALLS_MAX, WINDOW_CALLS_MAX, CallFeatures
from groundcrew.domain.use_case import DriftRule
from groundcrew.services.drift_features import Encodes, features_of
from groundcrew.store import catalog
from groundcrew.store import drift as stored
from groundcrew.store.database import Database

#: Recorded calls that one step looks at, and those of them whose features it computes.
STEP_ROWS_MAX, STEP_CALLS_MAX = 5_000, 256
#: Calls that are sampled in an hour over all use cases, shared by those that had any lately; none gets less than the least. The
#: vectors of a call's two texts take 20 ms of one core.
SAMPLED_PER_HOUR, SAMPLED_PER_HOUR_MIN = 800, 100
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
    """The calls to take, and the samplers after them. Where more came than are allowed, those whose ids' hashes are smallest are
    taken: which ones has nothing to do with what they say. Time is that of the calls, so that a backlog is sampled alike."""
    by_version: dict[str, list[stored.Arrived]] = {}
    for each in rows:
        if each.counts and rules.get(each.use_case) is not None:
            by_version.setdefault(f"{each.use_case}@{each.version_digest}", []).append(each)
    newest = max((each.received_at.timestamp() for each in rows), default=now_s)
    after = {name: each for name, each in samplers.items() if newest - each.at < FORGOTTEN_S}
    active = by_version.keys() | {name for name, each in after.items() if newest - each.at < IDLE_S}
    share = max(SAMPLED_PER_HOUR_MIN, SAMPLED_PER_HOUR / max(1, len(active)))
    taken: list[stored.Arrived] = []
    for name, calls in by_version.items():
        rule = rules[calls[0].use_case]
        assert rule is not None
        most, rate_s = _allowance(rule, share)
        until = min(max(each.received_at.timestamp() for each in calls), now_s)
        before = after.get(name) or Sampler(most, until)
        passed_s = max(0.0, until - before.at)
        allowed = min(most, before.allowed + passed_s * rate_s)
        number = min(len(calls), int(allowed))
        if number < len(calls):
            calls = sorted(calls, key=lambda each: sha256_hex(each.id.encode()))[:number]
        taken += calls
        after[name] = Sampler(allowed - number, max(before.at, until))
    return sorted(taken, key=lambda each: each.id), after


def _allowance(rule: DriftRule, share: float) -> tuple[float, float]:
    """How many calls may be taken at once, and how many in a second: a reference and a window at the start; a window of time
    is filled evenly to the last, and so is a reference that has to span one."""
    if rule.window_s is None:
        return float(rule.reference_calls + rule.window_calls), share / 3_600
    return float(rule.reference_calls), min(share / 3_600, min(WINDOW_CALLS_MAX, REFERENCE_CALLS_MAX) / rule.window_s)


def _first_of(rows: list[stored.Arrived], rules: Rules, number: int) -> list[stored.Arrived]:
    """The first rows, up to the one with which so many calls count."""
    counted = 0
    for place, each in enumerate(rows):
        counted += each.counts and rules.get(each.use_case) is not None
        if counted >= number:
            return rows[: place + 1]
    return rows
