"""The metrics that alert rules can be about: what each is, over which time it is taken, and who computes it.

Whatever a use case's metrics report has can be asked for as well; that is computed every few minutes. Everything registered here
is computed at every look, from sums that are kept and rows that are few, never from single calls.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from groundcrew.domain.alert import Figure
from groundcrew.domain.use_case import UseCase
from groundcrew.stats.intervals import Interval
from groundcrew.store.database import Connection

#: use_case = one figure for each use case, platform = one for everything.
Subject = Literal["use_case", "platform"]
#: The subject of what is about the platform as a whole.
PLATFORM = ""
HOUR_S, DAY_S = 3_600, 86_400
#: The longest time that a metric is taken over.
WINDOW_S_MAX = 31 * DAY_S


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What a metric is computed from: one moment of the database. `window_s` is None for a metric without one."""

    connection: Connection
    now: datetime
    use_cases: Mapping[str, UseCase]
    window_s: int | None = None

    @property
    def since(self) -> datetime:
        """When the window begins: sums are kept by the hour, so that it begins with a whole one."""
        begins = self.now - timedelta(seconds=self.window_s or HOUR_S)
        return begins.replace(minute=0, second=0, microsecond=0)


Compute = Callable[[Look], Awaitable[Mapping[str, Figure]]]


class AlertMetric(msgspec.Struct, frozen=True, kw_only=True):
    """A metric for alert rules. `window_s` is the time it is taken over by default, None where it says how things are now. One
    that is `slow` is computed every few minutes only."""

    name: str
    title: str
    unit: str
    subject: Subject
    meaning: str
    compute: Compute
    window_s: int | None = None
    slow: bool = False


METRICS: dict[str, AlertMetric] = {}


def metric(
    name: str, title: str, unit: str, *, subject: Subject = "use_case", window_s: int | None = None, slow: bool = False
) -> Callable[[Compute], Compute]:
    """Register the decorated function; its docstring's first line is what the metric means."""

    def register(compute: Compute) -> Compute:
        meaning = (compute.__doc__ or "").strip().split("\n")[0]
        METRICS[name] = AlertMetric(
            name=name, title=title, unit=unit, subject=subject, meaning=meaning, compute=compute, window_s=window_s, slow=slow
        )
        return compute

    return register


def figure_of(interval: Interval, text: str = "") -> Figure:
    """An interval as a figure."""
    return Figure(estimate=interval.estimate, lower=interval.lower, upper=interval.upper, n=interval.n, text=text)


def unknown(text: str) -> Figure:
    """No figure, and why."""
    return Figure(estimate=None, text=text)


def metrics() -> dict[str, AlertMetric]:
    """All registered metrics by name."""
    # Importing registers them.
    from groundcrew.services import alert_figures_of_calls, alert_figures_of_state  # noqa: F401

    return METRICS
