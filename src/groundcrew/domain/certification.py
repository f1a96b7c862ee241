"""Certification: a stage is held for a time, on evidence that stays valid; what lapses is warned of, held, then demoted."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from groundcrew.domain.use_case import RiskTier, Stage

CertificationState = Literal["certified", "due_soon", "warning", "held", "demoted"]
#: How long a passed evaluation carries its stage [D].
VALID_DAYS_HIGH, VALID_DAYS_OTHERS = 90, 180
#: How long before its end it is said that it ends [D].
NOTICE_DAYS = 14
#: From the lapse on: only a warning, then a hold, then the stage below [D].
WARNING_DAYS, HOLD_DAYS = 14, 14
#: What a hold of the keeper begins with, so that it can take its own back.
HOLD_PREFIX = "re-certification: "


class Certification(msgspec.Struct, frozen=True, kw_only=True):
    """How a use case's stage is certified. `lapsed_at` is when what it rests on ended (None: it stands), `reasons` what must be
    renewed, one line each; `certified_at` None: no passed evaluation of the stage is on record."""

    use_case: str
    stage: Stage
    state: CertificationState
    certified_at: datetime | None = None
    valid_until: datetime | None = None
    evaluation: str | None = None
    version_digest: str | None = None
    lapsed_at: datetime | None = None
    reasons: tuple[str, ...] = ()


def valid_days(tier: RiskTier) -> int:
    """For how many days a certification of this tier holds."""
    return VALID_DAYS_HIGH if tier in ("high", "prohibited") else VALID_DAYS_OTHERS


def lapsed_state(lapsed_at: datetime, now: datetime) -> CertificationState:
    """Where a lapse has led by `now`."""
    if now < lapsed_at + timedelta(days=WARNING_DAYS):
        return "warning"
    return "held" if now < lapsed_at + timedelta(days=WARNING_DAYS + HOLD_DAYS) else "demoted"


def next_consequence(certification: Certification) -> tuple[str, datetime] | None:
    """What follows next and when, where something has lapsed."""
    if certification.lapsed_at is None:
        return None
    held_at = certification.lapsed_at + timedelta(days=WARNING_DAYS)
    if certification.state == "warning":
        return "held", held_at
    return ("demoted", held_at + timedelta(days=HOLD_DAYS)) if certification.state == "held" else None
