"""Alert rules and what they raise. A rule compares a bound of an interval, not a bare figure, and has two thresholds: one that
raises and one that clears, so that a figure that sways around one of them raises once."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from groundcrew.domain.quiet_time import QuietTime

Comparison = Literal["credibly_above", "credibly_below", "estimate_above", "estimate_below"]
#: 1 wakes people whatever the hour, 4 can wait for the next working day.
Severity = Literal[1, 2, 3, 4]
AlertState = Literal["firing", "resolved"]
#: Why an alert fires: the figure is past the threshold, or there is none.
AlertCause = Literal["breach", "no_data"]

#: Looks without a breach after which an alert is over, where the rule does not say [D].
CLEAR_LOOKS_DEFAULT = 2
LOOKS_MAX = 1_000
#: What is raised again within this time of its end is the same alert, and is not told again before it is over [D].
DAMPED_S = 900
#: How long an acknowledgement or a silence holds at most; for severity 1 people look again within hours [D].
SILENCE_S_MAX, SILENCE_SEVERE_S_MAX = 7 * 86_400, 4 * 3_600
REASON_LENGTH_MAX = 2_000


class AlertRule(msgspec.Struct, frozen=True, kw_only=True):
    """When an alert is raised, and who hears of it. `scope` is ``all``, ``use-case:NAME`` or ``unit:NAME``.

    The figure must be past `threshold` for `looks` looks in a row and `for_s` seconds; the alert ends after `clear_looks` looks
    in a row at or on the other side of `clear` (None: the threshold itself). An unknown figure raises nothing and ends nothing;
    with `no_data_for_s` it raises by itself once it lasts. Without `channels` the console alone shows the alert.
    """

    name: str
    metric: str
    when: Comparison
    threshold: float
    severity: Severity
    title: str = ""
    scope: str = "all"
    clear: float | None = None
    #: Over how long the metric is taken, where it is taken over a time. None: the metric's own default.
    window_s: int | None = None
    for_s: int = 0
    looks: int = 1
    clear_looks: int = CLEAR_LOOKS_DEFAULT
    no_data_for_s: int | None = None
    quiet: tuple[QuietTime, ...] = ()
    channels: tuple[str, ...] = ()
    owner: str = ""
    #: How often an alert that nobody has acknowledged is told again. None: once.
    repeat_every_s: int | None = None
    opens_incident: bool = False
    enabled: bool = True

    @property
    def above(self) -> bool:
        """Whether high figures are the bad ones."""
        return self.when in ("credibly_above", "estimate_above")

    def covers(self, use_case: str, business_unit: str) -> bool:
        """Whether the rule looks at this use case."""
        return self.scope in ("all", f"use-case:{use_case}", f"unit:{business_unit}")


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """What a metric says now: an estimate with its 95 % bounds, None where it is not known. `text` says it in words."""

    estimate: float | None
    lower: float | None = None
    upper: float | None = None
    n: int | None = None
    text: str = ""


def exact(value: float, text: str = "", n: int | None = None) -> Figure:
    """A figure that was counted, not estimated."""
    return Figure(estimate=value, lower=value, upper=value, n=n, text=text)


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One time that a rule fired, from its rise to its end. `use_case` is empty where the platform as a whole is meant.

    `told` is what receivers were told last, `told_at` when, `messages` how many times: message n is sent once. `reopened` counts
    how often it was raised again shortly after its end.
    """

    id: str
    rule: str
    use_case: str
    severity: Severity
    title: str
    metric: str
    when: Comparison
    threshold: float
    since: datetime
    raised_at: datetime
    figure: Figure
    state: AlertState = "firing"
    cause: AlertCause = "breach"
    resolved_at: datetime | None = None
    resolution: str = ""
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    acknowledged_until: datetime | None = None
    acknowledged_reason: str = ""
    incident: str | None = None
    reopened: int = 0
    told: Literal["", "firing", "resolved"] = ""
    told_at: datetime | None = None
    #: Who was told last, so that they hear of the end also where the rule is gone by then.
    told_to: tuple[str, ...] = ()
    messages: int = 0

    def acknowledged(self, now: datetime) -> bool:
        """Whether somebody has said that they see to it, until later than now."""
        return self.acknowledged_until is not None and now < self.acknowledged_until


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """That nothing is sent of alerts of a rule (empty: every rule) and use case (empty: all) until a time. They are raised and
    shown all the same."""

    id: str
    rule: str
    use_case: str
    until: datetime
    reason: str
    by: str
    at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None

    def covers(self, alert: Alert, now: datetime) -> bool:
        """Whether messages of `alert` are kept back by this now."""
        return (
            self.ended_at is None and now < self.until and self.rule in ("", alert.rule) and self.use_case in ("", alert.use_case)
        )
