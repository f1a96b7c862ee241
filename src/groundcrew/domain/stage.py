"""What each stage lets a use case do at runtime, and the allowed moves between stages."""

from __future__ import annotations

import msgspec

from groundcrew.domain.exposure import RAMPED_STAGES
from groundcrew.domain.ramp import RAMP_STEPS
from groundcrew.domain.use_case import STAGES, TERMINAL_STAGES, Exposure, Stage, UseCase
from groundcrew.errors import Conflict

#: Most tokens a day before the pilot gate has passed, whatever is declared: exploration is bounded [D].
DISCOVERY_TOKENS_PER_DAY_MAX = 10_000_000
#: Tokens a day for a use case that declares no budget of its own [D].
UNDECLARED_TOKENS_PER_DAY = 1_000_000


#: From here on a declared exposure is enforced: before, a use case explores with whoever builds it.
EXPOSED_STAGES: tuple[Stage, ...] = ("pilot", "production_readiness", "scale", "optimization")


class StageLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Runtime limits that follow from the stage. No stage limits USD or rates where the use case declares nothing."""

    serves: bool
    tokens_per_day: int
    #: Whether calls by users outside a declared exposure are refused.
    enforces_exposure: bool = False


def limits(use_case: UseCase) -> StageLimits:
    """Runtime limits of `use_case` in its stage. Discovery explores on a bounded allowance; terminal stages serve nothing."""
    if use_case.stage in TERMINAL_STAGES:
        return StageLimits(serves=False, tokens_per_day=0, enforces_exposure=True)
    declared = use_case.budget.tokens_per_day if use_case.budget else None
    allowance = UNDECLARED_TOKENS_PER_DAY if declared is None else declared
    if use_case.stage == "discovery":
        allowance = min(allowance, DISCOVERY_TOKENS_PER_DAY_MAX)
    return StageLimits(serves=True, tokens_per_day=allowance, enforces_exposure=use_case.stage in EXPOSED_STAGES)


def next_stage(stage: Stage) -> Stage | None:
    """The stage after `stage`, or None at the top or in a terminal stage."""
    if stage in TERMINAL_STAGES or stage == STAGES[-1]:
        return None
    return STAGES[STAGES.index(stage) + 1]


def check_advance(current: Stage, to: Stage) -> None:
    """Raise Conflict unless `to` is exactly one stage above `current`."""
    if to != next_stage(current):
        following = next_stage(current)
        way = f"the next stage is {following}" if following else f"{current} has no next stage"
        raise Conflict(f"can not advance from {current} to {to}: one stage at a time, {way}")


def check_demote(current: Stage, to: Stage) -> None:
    """Raise Conflict unless `to` is an earlier stage than `current`, or a terminal one."""
    if current in TERMINAL_STAGES:
        raise Conflict(f"{current} is final")
    if to in TERMINAL_STAGES:
        return
    if STAGES.index(to) >= STAGES.index(current):
        raise Conflict(f"can not demote from {current} to {to}: {to} is not an earlier stage")


def moved(use_case: UseCase, to: Stage) -> UseCase:
    """`use_case` in stage `to`. A ramp does not outlive scale: whoever comes back begins it anew, and who is moved back serves no
    more people than the ramp began with, whatever the declared ceiling has become since."""
    if to in RAMPED_STAGES or use_case.stage not in RAMPED_STAGES:
        return msgspec.structs.replace(use_case, stage=to, ramp=use_case.ramp if to in RAMPED_STAGES else None)
    return msgspec.structs.replace(use_case, stage=to, ramp=None, exposure=_first_exposure(use_case.exposure))


def _first_exposure(declared: Exposure | None) -> Exposure:
    """`declared` with at most the share that a ramp begins with; named users stay."""
    if declared is None:
        return Exposure(ceiling_percent=RAMP_STEPS[0])
    if declared.ceiling_percent is None:
        return declared
    return msgspec.structs.replace(declared, ceiling_percent=min(declared.ceiling_percent, RAMP_STEPS[0]))


def stage_below(stage: Stage) -> Stage | None:
    """The stage before `stage`, None at the bottom and in a terminal stage."""
    return STAGES[STAGES.index(stage) - 1] if stage in STAGES[1:] else None
