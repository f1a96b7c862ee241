"""How the monitor of one version stands, and what follows from the calls that wait for it: a reference, a window, an alarm. Pure:
nothing here reads or writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
import numpy as np

from groundcrew.domain.drift import (
    FEATURE,
    REFERENCE_CALLS_MAX,
    WINDOW_CALLS_MIN,
    CallFeatures,
    DriftAlarm,
    FeatureDrift,
    ReferenceOrigin,
    Resolution,
)
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.use_case import DriftRule
from groundcrew.services import drift_words
from groundcrew.services.drift_columns import TOPIC_FIT_EVERY, TOPICS, Frame
from groundcrew.services.drift_tests import STARS, watched
from groundcrew.stats.drift import Column
from groundcrew.stats.drift.sequential import REFERENCE_MIN, ChangeState, watch

#: Calls from one false alarm of the slow watch to the next, on average and at least, over all its features together.
SLOW_FALSE_ALARM_EVERY = 100_000
#: A window of time is closed so long after its end, so that calls which are shipped late are in it.
SETTLE_S = 3_600.0
SLOW_SEED = 7


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A reference that somebody wants: of calls from `since` to before `until`, or the first ones from `since` on."""

    origin: ReferenceOrigin
    since: datetime
    by: str
    reason: str
    until: datetime | None = None


class MonitorState(msgspec.Struct, frozen=True, kw_only=True):
    """How the monitor of one version stands. `number` counts its windows; `window_from` is where the next window of time begins;
    `muted` are features whose change is expected; `slow` watches each feature call by call, and begins anew for those in `renew`;
    `asked` is a reference to make, `collecting` one that waits for calls; `problem` says why one could not be made."""

    reference: str | None = None
    number: int = 0
    window_from: datetime | None = None
    muted: tuple[str, ...] = ()
    slow: dict[str, ChangeState] = {}
    renew: tuple[str, ...] = ()
    asked: Asked | None = None
    collecting: Asked | None = None
    problem: str = ""


def referenced(state: MonitorState, reference: str, frame: Frame, rule: DriftRule) -> MonitorState:
    """The state with a new reference, before its first window."""
    return MonitorState(
        reference=reference,
        number=state.number,
        window_from=frame.until if rule.window_s is not None else None,
        slow=slow_watch(frame, rule),
    )


def enough_for_reference(waiting: Sequence[CallFeatures], rule: DriftRule) -> Sequence[CallFeatures]:
    """The calls that a reference is made of, none while they are too few; with windows of time it spans at least one."""
    if len(waiting) < rule.reference_calls:
        return ()
    if rule.window_s is None:
        return waiting[: rule.reference_calls]
    spans = waiting[-1].at - waiting[0].at >= rule.window_s
    return waiting if spans or len(waiting) >= REFERENCE_CALLS_MAX else ()


def window_end(state: MonitorState, rule: DriftRule, newest: datetime, now: datetime) -> datetime | None:
    """Where the present window of time ends, once no more calls of it are to come; None before, and for windows of calls."""
    if rule.window_s is None or state.window_from is None:
        return None
    end = state.window_from + timedelta(seconds=rule.window_s)
    return end if max(newest, now) >= end + timedelta(seconds=SETTLE_S) else None


def too_few(calls: int) -> str:
    """Why a window of time was not tested, "" where it can be."""
    return "" if calls >= WINDOW_CALLS_MIN else f"{calls} calls of {WINDOW_CALLS_MIN} that a window takes at least"


def slow_watch(frame: Frame, rule: DriftRule) -> dict[str, ChangeState]:
    """A watch over each feature that can be followed call by call, begun from the reference. All together raise a false alarm
    once in SLOW_FALSE_ALARM_EVERY calls on average, at most."""
    columns = _slow_columns(frame, frame, rule, of_reference=True)
    kept = {name: each for name, each in columns.items() if sum(_is_there(value) for value in each.values) >= REFERENCE_MIN}
    every = SLOW_FALSE_ALARM_EVERY * max(1, len(kept))
    return {name: watch(each, false_alarm_every=every) for name, each in kept.items()}


def slowly_seen(
    state: MonitorState, window: Frame, reference: Frame, rule: DriftRule
) -> tuple[dict[str, ChangeState], tuple[FeatureDrift, ...]]:
    """The watches after a window, and what they have newly seen to change. Calls of one window come in a drawn order: what only
    follows each other within it, such as day and night, is no drift."""
    columns = _slow_columns(window, reference, rule, of_reference=False)
    fresh = slow_watch(reference, rule) if state.renew else {}
    state = msgspec.structs.replace(state, slow=state.slow | {name: fresh[name] for name in state.renew if name in fresh})
    order = np.random.default_rng([SLOW_SEED, state.number]).permutation(len(window))
    after, seen = dict(state.slow), list[FeatureDrift]()
    for name, before in state.slow.items():
        if name not in columns:
            continue
        values = columns[name].values
        after[name] = now = before.extended([values[place] for place in order.tolist()])
        if now.alarm_at is not None and before.alarm_at is None:
            calls = f"after {now.alarm_at:,} calls: "
            seen.append(
                FeatureDrift(
                    feature=name,
                    drifted=True,
                    statistic_name="evidence of a slow change",
                    statistic=now.evidence,
                    threshold=float(now.false_alarm_every),
                    words=f"slowly, {calls}{drift_words.words_of(name, reference, window)}",
                )
            )
    return after, tuple(seen)


def _slow_columns(frame: Frame, reference: Frame, rule: DriftRule, *, of_reference: bool) -> dict[str, Column]:
    """What the slow watch sees of calls: figures, labels, and how near texts are to the reference's middle, which every second
    call of the reference makes and the others are measured by."""
    found: dict[str, Column] = {}
    for name in watched(rule):
        if name == STARS:
            continue
        if FEATURE[name].kind == "embedding":
            if name in frame.vectors and name in reference.vectors:
                rows = frame.vectors[name][1::2] if of_reference else frame.vectors[name]
                near = drift_words.nearness(rows, reference.vectors[name][::2])
                found[name] = Column(kind="number", values=near.tolist())
            continue
        column = frame.column(name)
        if column is None:
            continue
        if of_reference and name in TOPICS:
            # Calls that the groups were drawn around say nothing of how others fall into them.
            kept = [each for place, each in enumerate(column.values) if place % TOPIC_FIT_EVERY]
            column = Column(kind="category", values=kept)
        found[name] = Column(kind=column.kind, values=list(column.values))
    return found


def _is_there(value: object) -> bool:
    return value is not None and value == value


def raised(open_alarm: DriftAlarm | None, found: DriftAlarm, muted: Sequence[str] = ()) -> tuple[DriftAlarm, str] | None:
    """The alarm to write, and whether it is raised or goes on: an open one of the same kind takes newer windows in, so that one
    change is one alarm. None where all that changed is expected."""
    features = tuple(each for each in found.features if each.feature not in muted)
    if not features:
        return None
    examples = tuple(each for each in found.examples if each.feature not in muted)
    if open_alarm is None:
        return msgspec.structs.replace(found, features=features, examples=examples), "raise"
    now = {each.feature: each for each in features}
    shown = {each.feature: each for each in open_alarm.examples} | {each.feature: each for each in examples}
    merged: Mapping[str, FeatureDrift] = {each.feature: each for each in open_alarm.features} | now
    longer = msgspec.structs.replace(
        open_alarm,
        window=found.window,
        until=max(open_alarm.until, found.until),
        features=tuple(sorted(merged.values(), key=_worst_first)),
        examples=tuple(shown.values()),
    )
    return longer, "extend"


def new_alarm(**fields: object) -> DriftAlarm:
    """A fresh alarm, worst feature first."""
    made = DriftAlarm(id=new_id(), **fields)  # type: ignore[arg-type]
    return msgspec.structs.replace(made, features=tuple(sorted(made.features, key=_worst_first)))


def _worst_first(each: FeatureDrift) -> tuple[float, str]:
    return each.p_value if each.p_value is not None else 0.0, each.feature


def acknowledged(state: MonitorState, alarm: DriftAlarm, resolution: Resolution, by: str, reason: str) -> MonitorState:
    """The state after somebody has said what an alarm comes to. Expected features are not told of again under this reference;
    what is fixed is watched afresh; a new reference is made of the calls since the change."""
    names = {each.feature for each in alarm.features}
    if resolution == "expected":
        return msgspec.structs.replace(state, muted=tuple(sorted({*state.muted, *names})))
    if resolution == "new_reference":
        asked = Asked(origin="acknowledged", since=alarm.since, by=by, reason=reason)
        return msgspec.structs.replace(state, asked=asked, problem="")
    # A watch that has raised its alarm sees nothing more.
    return msgspec.structs.replace(state, renew=tuple(sorted({*state.renew, *names})))
