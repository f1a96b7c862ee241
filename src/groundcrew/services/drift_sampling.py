"""Which recorded calls drift monitors look at: all of a quiet use case, a sample of a busy one, so that watching costs the same
whatever the traffic. Pure: nothing here reads or writes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from heapq import nsmallest

import msgspec

from groundcrew.domain.draws import place_of
from groundcrew.domain.drift import WINDOW_CALLS_MAX
from groundcrew.domain.use_case import DriftRule
from groundcrew.store.drift import Arrived

#: Calls that are sampled in an hour over all use cases, shared by those that had any lately; none gets less than the least. The
#: vectors of a call's two texts take 20 ms of one core.
SAMPLED_PER_HOUR, SAMPLED_PER_HOUR_MIN = 600, 20
#: Calls that may be taken above that after a quiet time, shared in the same way: with them no hour takes more than 900.
SAVED_MAX, SAVED_MIN = 300, 50
#: A use case is busy when the calls of so long are more than what is still saved up for it: a crowd of half of what may be saved
#: is taken whole, in however many pieces it comes.
BUSY_S = 600.0
#: Calls are drawn among those of one such slot.
SLOT_S = 60.0
#: A monitor that saw no call for so long takes no share of the sample; after so long it is as new.
IDLE_S, FORGOTTEN_S = 3_600.0, 86_400.0
#: Keeps these draws apart from all others.
SALT = "drift-sample"

#: What a read needs of each use case: its rule, or None where it is not watched.
Rules = Mapping[str, DriftRule | None]


class Sampler(msgspec.Struct, frozen=True):
    """How many calls of one version may be taken, as of the time of the newest one seen (Unix time); `recent` counts the calls
    that came lately, those of BUSY_S ago by 1/e."""

    allowed: float
    at: float
    recent: float = 0.0


def choose(
    rows: Sequence[Arrived], rules: Rules, samplers: Mapping[str, Sampler], now_s: float
) -> tuple[list[Arrived], dict[str, Sampler]]:
    """The calls to take, in their order, and the samplers after them.

    Of a quiet version every call is taken. Of a busy one each minute gives the same number of calls, a simple random sample
    without replacement of those that came in it, and what was saved up stays: neither the first calls of a version nor those
    after a quiet night weigh more than others. Time is that of the calls, so that a backlog is sampled as it would have been.

    Why a test of windows keeps its rate of false alarms: whether a call is taken follows from when calls came and from a hash
    of ids, never from what a call says. Where calls do not change, those that are taken do not either: given their times they
    are as exchangeable between reference and windows as all calls are, and permutation asks no more.
    """
    counted = [each for each in rows if each.counts and rules.get(each.use_case) is not None]
    newest = min(max((each.received_at.timestamp() for each in counted), default=now_s), now_s)
    after = {name: each for name, each in samplers.items() if newest - each.at < FORGOTTEN_S}
    active = {_name(each) for each in counted} | {name for name, each in after.items() if newest - each.at < IDLE_S}
    rate_s = max(SAMPLED_PER_HOUR_MIN, SAMPLED_PER_HOUR / max(1, len(active))) / 3_600
    saved_max = max(SAVED_MIN, SAVED_MAX // max(1, len(active)))
    slots: dict[tuple[int, str], list[Arrived]] = {}
    for each in counted:
        slots.setdefault((int(min(each.received_at.timestamp(), now_s) // SLOT_S), _name(each)), []).append(each)
    taken = set[str]()
    for (_, name), calls in sorted(slots.items(), key=lambda slot: slot[0]):
        rule = rules[calls[0].use_case]
        assert rule is not None
        own_rate_s = rate_s if rule.window_s is None else min(rate_s, WINDOW_CALLS_MAX / rule.window_s)
        times = [min(each.received_at.timestamp(), now_s) for each in calls]
        before = after.get(name) or Sampler(saved_max, min(times))
        number, after[name] = _allowed(before, len(calls), max(times), rate_s=own_rate_s, saved_max=saved_max)
        taken.update(_drawn([each.id for each in calls], number))
    return [each for each in counted if each.id in taken], after


def _allowed(before: Sampler, calls: int, at_s: float, *, rate_s: float, saved_max: int) -> tuple[int, Sampler]:
    """How many of the `calls` of one slot, the newest of which came at `at_s`, may be taken, and the sampler after them."""
    passed_s = max(0.0, at_s - before.at)
    earned = min(passed_s, SLOT_S) * rate_s
    # What was earned before this slot is saved, up to a most, but for the fraction of a call, which is never lost.
    saved = before.allowed + passed_s * rate_s - earned
    if saved > saved_max:
        saved = saved_max + before.allowed % 1
    recent = before.recent * math.exp(-passed_s / BUSY_S) + calls
    room = math.floor(saved + earned)
    number = min(calls, room if recent <= room else room - math.floor(saved))
    return number, Sampler(saved + earned - number, max(before.at, at_s), recent)


def _drawn(ids: Sequence[str], number: int) -> Sequence[str]:
    """So many of the ids, each set of them as likely as any other."""
    return ids if number >= len(ids) else nsmallest(number, ids, key=lambda each: (place_of(SALT, each), each))


def _name(each: Arrived) -> str:
    return f"{each.use_case}@{each.version_digest}"
