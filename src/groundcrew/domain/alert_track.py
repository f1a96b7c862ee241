"""How one rule stands for one use case, look by look: ok, pending, firing. Pure, so that it can be tested whole."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from groundcrew.domain.alert import AlertCause, AlertRule, Figure

Phase = Literal["ok", "pending", "firing"]


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """Where a rule stands. `since` is the first look of the breach, `looks` how many looks it lasts, `clear_looks` how many looks
    in a row a firing one has been clear, `unknown_since` since when there is no figure. `alert` is what it raised last, which
    ended at `resolved_at`."""

    rule: str
    use_case: str
    phase: Phase = "ok"
    cause: AlertCause = "breach"
    since: datetime | None = None
    looks: int = 0
    clear_looks: int = 0
    unknown_since: datetime | None = None
    alert: str | None = None
    resolved_at: datetime | None = None


def compared(rule: AlertRule, figure: Figure) -> float | None:
    """What of `figure` is held against the thresholds; None where that is not known."""
    if rule.when == "credibly_above":
        return figure.lower if figure.estimate is not None else None
    if rule.when == "credibly_below":
        return figure.upper if figure.estimate is not None else None
    return figure.estimate


def is_breach(rule: AlertRule, figure: Figure) -> bool | None:
    """Whether `figure` is past the threshold; None where it is not known, which is neither."""
    value = compared(rule, figure)
    if value is None:
        return None
    return value > rule.threshold if rule.above else value < rule.threshold


def is_clear(rule: AlertRule, figure: Figure) -> bool | None:
    """Whether `figure` is at the clear threshold or on its good side; None where it is not known."""
    value = compared(rule, figure)
    if value is None:
        return None
    bound = rule.threshold if rule.clear is None else rule.clear
    return value <= bound if rule.above else value >= bound


def look(rule: AlertRule, track: Track, figure: Figure, now: datetime) -> Track:
    """The track after one more look at `now`."""
    if track.phase == "firing":
        return _while_firing(rule, track, figure)
    breach = is_breach(rule, figure)
    if breach is None:
        return _without_figure(rule, track, now)
    if not breach:
        return msgspec.structs.replace(track, phase="ok", since=None, looks=0, unknown_since=None)
    since, looks = track.since or now, track.looks + 1
    fires = looks >= rule.looks and now - since >= timedelta(seconds=rule.for_s)
    return msgspec.structs.replace(
        track,
        phase="firing" if fires else "pending",
        cause="breach",
        since=since,
        looks=looks,
        clear_looks=0,
        unknown_since=None,
    )


def _without_figure(rule: AlertRule, track: Track, now: datetime) -> Track:
    """Nothing known: no breach counts and none is forgotten; past the rule's patience that is an alert of its own."""
    unknown_since = track.unknown_since or now
    if rule.no_data_for_s is None or now - unknown_since < timedelta(seconds=rule.no_data_for_s):
        return msgspec.structs.replace(track, unknown_since=unknown_since)
    return msgspec.structs.replace(
        track, phase="firing", cause="no_data", since=unknown_since, clear_looks=0, unknown_since=unknown_since
    )


def _while_firing(rule: AlertRule, track: Track, figure: Figure) -> Track:
    breach, clear = is_breach(rule, figure), is_clear(rule, figure)
    if track.cause == "no_data":
        # There is a figure again: that was the trouble, unless it is a bad one.
        clear = breach is False
    cause: AlertCause = "breach" if breach else track.cause
    if not clear:
        return msgspec.structs.replace(track, cause=cause, clear_looks=0)
    if track.clear_looks + 1 < rule.clear_looks:
        return msgspec.structs.replace(track, cause=cause, clear_looks=track.clear_looks + 1)
    return msgspec.structs.replace(track, phase="ok", cause="breach", since=None, looks=0, clear_looks=0, unknown_since=None)
