"""The ramp's rule as the policy of the gate into optimization has it: the steps, and what each asks for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from groundcrew.domain.gate import GatePolicy
from groundcrew.domain.ramp import RAMP_DAYS_MIN, RAMP_N_MIN, RAMP_STEPS, RampRule
from groundcrew.errors import InputError


def ramp_rule(settings: Mapping[str, Any]) -> RampRule:
    """The rule that the settings of the criterion `ramp` give; InputError for steps that do not climb to 100."""
    steps = tuple(float(each) for each in settings.get("steps", RAMP_STEPS))
    climbs = all(low < high for low, high in zip((0.0, *steps), steps, strict=False))
    if not steps or not climbs or steps[-1] != 100 or not all(map(math.isfinite, steps)):
        raise InputError("steps climb from above 0 to 100", field="steps")
    return RampRule(
        steps=steps,
        n_min=int(settings.get("n_min", RAMP_N_MIN)),
        days_min=float(settings.get("days_min", RAMP_DAYS_MIN)),
    )


def rule_of(policy: GatePolicy) -> RampRule:
    """The rule of a published policy; the defaults where it does not ask for a ramp."""
    found = next((each for each in policy.criteria if each.check == "ramp"), None)
    return ramp_rule(found.settings if found is not None else {})
