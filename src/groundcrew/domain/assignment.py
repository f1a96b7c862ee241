"""Which arm of an experiment a unit is in: computed from the frozen hypothesis and the unit alone, so that server and gateway
say the same without asking each other, and a unit never changes sides."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import msgspec

from groundcrew.domain.draws import PLACES, place_of
from groundcrew.domain.hypothesis import Arms, Design, Hypothesis, HypothesisPlan, Variant

#: `holdout` units are on the control for good and left out of the comparison.
Arm = Literal["control", "treatment", "holdout"]
#: States in which an experiment takes in units.
OPEN_STATES = frozenset({"registered", "running"})
#: Designs in which somebody decides which unit is treated; in the others time alone does.
ASSIGNED_DESIGNS: frozenset[Design] = frozenset({"randomized", "switchback", "stepped_wedge"})


class ExperimentEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What assigning takes of a registered hypothesis: `digest` is its frozen digest, `stopped` tells that nobody is treated
    any more."""

    digest: str
    arms: Arms
    design: Design = "randomized"
    stopped: bool = False


class ExperimentExposure(msgspec.Struct, frozen=True, kw_only=True):
    """The first time that a unit met an experiment: written once, never changed. `experiment` is the hypothesis's digest,
    `call_id` the call that it was exposed by, where a gateway assigned it."""

    id: str
    use_case: str
    experiment: str
    unit_id: str
    arm: Arm
    exposed_at: datetime
    cluster: str | None = None
    call_id: str | None = None


def exposure_id(experiment: str, unit_id: str) -> str:
    """The id under which a unit's exposure is kept: one for each experiment and unit."""
    return f"{experiment}:{unit_id}"


def assignable(plan: HypothesisPlan) -> bool:
    """Whether a plan says enough for units to be assigned by us: its arms, and for a switchback how long a block is."""
    if plan.arms is None or plan.design not in ASSIGNED_DESIGNS:
        return False
    return plan.design != "switchback" or plan.arms.block_hours is not None


def entry_of(newest: Hypothesis | None) -> ExperimentEntry | None:
    """The experiment that takes in units: the newest hypothesis while it is registered or running, unaltered, and assignable."""
    if newest is None or newest.state not in OPEN_STATES or not newest.intact or not assignable(newest.plan):
        return None
    assert newest.digest is not None
    assert newest.plan.arms is not None
    return ExperimentEntry(
        digest=newest.digest,
        arms=newest.plan.arms,
        design=newest.plan.design,
        stopped=newest.treatment_stopped_at is not None,
    )


def arm_of(experiment: ExperimentEntry, unit_id: str, *, at: datetime, cluster: str | None = None) -> Arm | None:
    """The arm of a unit; None where the design asks for something that is not known: a cluster with a step.

    Places are salted by the experiment's digest, so that not the same units are treated in every one. Randomised, and for
    designs that say nothing of units: by the unit's own place. Switchback: by the block of time that `at` lies in. Stepped wedge:
    treated from its cluster's day on. What is held out is so in every design, by another place of the unit than the one that the
    split looks at, so that a larger holdout takes as much from either arm.
    """
    arms = experiment.arms
    if place_of(experiment.digest, "holdout", unit_id) < int(arms.holdout * PLACES):
        return "holdout"
    if experiment.design == "switchback" and arms.block_hours is not None:
        return _of_block(experiment, at)
    if experiment.design == "stepped_wedge":
        step = arms.steps.get(cluster) if cluster is not None else None
        if step is None:
            return None
        return "treatment" if at.astimezone(UTC).date() >= step else "control"
    return "treatment" if place_of(experiment.digest, unit_id) < int(arms.split * PLACES) else "control"


def variant_of(experiment: ExperimentEntry, arm: Arm) -> Variant | None:
    """What the gateway does for a unit in `arm`; None: as the use case says."""
    return experiment.arms.variants.get("treatment" if arm == "treatment" else "control")


def _of_block(experiment: ExperimentEntry, at: datetime) -> Arm:
    """The arm of the block of time that `at` lies in. With an even split, of two neighbouring blocks one is treated, which of
    them is hashed; else every block is hashed by itself."""
    hours = experiment.arms.block_hours or 1
    block = int(at.timestamp()) // (hours * 3_600)
    if experiment.arms.split == 0.5:
        first = place_of(experiment.digest, "blocks", str(block // 2)) % 2
        return "treatment" if block % 2 == first else "control"
    placed = place_of(experiment.digest, "block", str(block))
    return "treatment" if placed < int(experiment.arms.split * PLACES) else "control"
