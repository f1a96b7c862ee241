"""Who stands where among a use case's users, so that a share of them can be let in, always the same ones first."""

from __future__ import annotations

import msgspec

from groundcrew.domain import draws
from groundcrew.domain.use_case import Exposure, UseCase

#: Stages in which the ramp bounds what is declared.
RAMPED_STAGES = ("scale", "optimization")

#: Names that `exposed_user` tries: at a ceiling of 0.01 % one of them is in, all but certainly.
TRIES_MAX = 100_000


def place_of(use_case: str, user: str) -> int:
    """Where a user stands among PLACES.

    Salted by the use case, so that not the same people come first everywhere; the same for ever, so that raising a ceiling
    keeps everyone who was in.
    """
    return draws.place_of(use_case, user)


def share_of(ceiling_percent: float | None) -> int:
    """How many of PLACES a ceiling lets in."""
    return int((ceiling_percent or 0.0) / 100 * draws.PLACES)


def effective_exposure(use_case: UseCase) -> Exposure | None:
    """Whom a use case may serve now: what is declared, in scale and optimization at most the share that its ramp has reached.

    Named users stay: they are granted by name. Places never change, so that whoever a share lets in a larger one lets in too.
    """
    exposure, ramp = use_case.exposure, use_case.ramp
    if ramp is None or use_case.stage not in RAMPED_STAGES:
        return exposure
    if exposure is None:
        return Exposure(ceiling_percent=ramp.percent)
    if exposure.ceiling_percent is None:
        return exposure
    return msgspec.structs.replace(exposure, ceiling_percent=min(exposure.ceiling_percent, ramp.percent))


def exposed_user(use_case: UseCase) -> str | None:
    """A user whom `use_case` may serve, for probing it: one who is named, or a made-up one within the ceiling; None without."""
    exposure = effective_exposure(use_case)
    if exposure is None:
        return "probe"
    if exposure.users:
        return min(exposure.users)
    share = share_of(exposure.ceiling_percent)
    return next((user for user in (f"probe-{n}" for n in range(TRIES_MAX)) if place_of(use_case.name, user) < share), None)
