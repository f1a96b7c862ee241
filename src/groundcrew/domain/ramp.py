"""The ramp of a use case in scale: which share of its users it may serve, one recorded step after the other."""

from __future__ import annotations

from datetime import datetime

import msgspec

from groundcrew.errors import Conflict

#: Percent of users at each step [D]; the policy of the gate into optimization may say otherwise.
RAMP_STEPS: tuple[float, ...] = (5.0, 25.0, 50.0, 100.0)
#: What a step up needs since the last one [D]: units in the experiment, and days.
RAMP_N_MIN, RAMP_DAYS_MIN = 100, 7
STEPS_MAX = 1_000


class RampRule(msgspec.Struct, frozen=True, kw_only=True):
    """The steps in percent, ascending, and what a step up asks for of the data since the last one."""

    steps: tuple[float, ...] = RAMP_STEPS
    n_min: int = RAMP_N_MIN
    days_min: float = RAMP_DAYS_MIN


class RampStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step: up with the guardrails' figures that allowed it, or back with the reason."""

    percent: float
    at: datetime
    by: str
    reason: str
    figure: str = ""
    n: int = 0


class Ramp(msgspec.Struct, frozen=True, kw_only=True):
    """All steps since the use case entered scale, oldest first; at least one."""

    steps: tuple[RampStep, ...]

    @property
    def percent(self) -> float:
        """The share of users that may be served now, in percent."""
        return self.steps[-1].percent

    @property
    def since(self) -> datetime:
        """When the last step was taken."""
        return self.steps[-1].at

    @property
    def started(self) -> datetime:
        """When the ramp began."""
        return self.steps[0].at

    def with_step(self, step: RampStep) -> Ramp:
        """The ramp with one more step; of more than STEPS_MAX the first and the newest are kept."""
        steps = (*self.steps, step)
        return Ramp(steps=steps if len(steps) <= STEPS_MAX else (steps[0], *steps[-STEPS_MAX + 1 :]))


def next_percent(rule: RampRule, percent: float) -> float | None:
    """The step above `percent`, None at the top."""
    return next((each for each in rule.steps if each > percent), None)


def previous_percent(rule: RampRule, percent: float) -> float | None:
    """The step below `percent`, None at the bottom."""
    return next((each for each in reversed(rule.steps) if each < percent), None)


def check_step(rule: RampRule, percent: float, to: float) -> None:
    """Raise Conflict unless `to` is the next step up, or any lower share."""
    following = next_percent(rule, percent)
    if 0 <= to < percent or to == following:
        return
    way = f"the next step is {following:g} %" if following is not None else f"{percent:g} % is the last step"
    raise Conflict(f"the ramp can not go from {percent:g} % to {to:g} %: one step at a time, {way}")
