"""Which arm of a running experiment a call's unit is in, and what the gateway does there; from snapshot and headers alone."""

from __future__ import annotations

import msgspec

from groundcrew.domain.assignment import Arm, arm_of, variant_of
from groundcrew.domain.hypothesis import Variant
from groundcrew.errors import RefusedCall
from groundcrew.gateway.flight import Flight

#: Why a call of a use case with an experiment is not part of it, as its record says.
NO_UNIT, NO_STEP, STOPPED = "no unit id", "no step of this cluster", "the treatment is stopped"


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """Where a call stands: its unit's arm, or `why` it is not part of the experiment; and what answers it there, None: as the
    use case says."""

    arm: Arm | None = None
    why: str = ""
    variant: Variant | None = None


NOWHERE = Placed()


def place(flight: Flight) -> Placed:
    """Where the call stands. One that is not part of the experiment, since it names no unit, gets what the control gets."""
    experiment = flight.entry.experiment if flight.entry is not None else None
    if experiment is None:
        return NOWHERE
    unit = flight.headers.unit_id
    if experiment.stopped or unit is None:
        return Placed(why=STOPPED if experiment.stopped else NO_UNIT, variant=variant_of(experiment, "control"))
    arm = arm_of(experiment, unit, at=flight.received_at, cluster=flight.headers.cluster_id)
    if arm is None:
        return Placed(why=NO_STEP, variant=variant_of(experiment, "control"))
    return Placed(arm=arm, variant=variant_of(experiment, arm))


def first_alias(flight: Flight) -> str | None:
    """The alias that the call will ask, where that is not the use case's own model: of its arm, or for embeddings."""
    if flight.dialect == "embeddings":
        return flight.entry.use_case.embedding_model if flight.entry is not None else None
    if flight.entry is None or flight.entry.experiment is None:
        return None
    variant = place(flight).variant
    return variant.model if variant is not None else None


def take_part(flight: Flight, placed: Placed) -> None:
    """Note with an admitted call where it stands: from here on its unit is exposed. RefusedCall assigned_to_control where the
    cases of its arm are done by people alone."""
    experiment = flight.entry.experiment if flight.entry is not None else None
    if experiment is None:
        return
    if placed.arm is not None:
        flight.experiment, flight.arm = experiment.digest, placed.arm
        if flight.headers.cluster_id is not None:
            flight.details["cluster"] = flight.headers.cluster_id
    elif placed.why:
        flight.details["experiment"] = placed.why
    if placed.variant is None or not placed.variant.human_only:
        return
    if placed.arm is None:
        message = f"an experiment runs whose control is done by people alone, and the call is not in its treatment: {placed.why}"
        raise RefusedCall("assigned_to_control", message)
    unit = flight.headers.unit_id
    message = f"unit {unit!r} is in the arm of a running experiment whose cases are done by people alone"
    raise RefusedCall("assigned_to_control", message)
