"""Ratings and outcomes: what people and the business say about calls, the raw material of evidence."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

STARS_MIN, STARS_MAX = 1, 5
COMMENT_LENGTH_MAX = 4_000
CORRECTED_TEXT_LENGTH_MAX = 100_000

#: How a rating came: sent by an application or from a call's page, from the rating queue, through a signed link, or from what a
#: signer made of suggested labels.
RatingOrigin = Literal["direct", "queue", "link", "sign_off"]


class Rating(msgspec.Struct, frozen=True, kw_only=True):
    """A person's 1–5 stars for one call or business case. `sample` rows are labelled wherever they show and never count."""

    id: str
    use_case: str
    stars: int
    rater: str
    at: datetime
    version_digest: str
    call_id: str | None = None
    case_id: str | None = None
    comment: str = ""
    corrected_text: str = ""
    #: Whether the rater saw an answer that harms: feeds the critical-harm criterion. None = not asked.
    critical_harm: bool | None = None
    #: Whether every claim of the answer was supported by its sources: a volunteered label. None = not asked.
    grounded: bool | None = None
    sample: bool = False
    origin: RatingOrigin = "direct"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A business result of one case. Metric and case make its arrival idempotent; a corrected value supersedes the earlier one.

    `at` is when it happened. `as_of` is when its sender knew this value, or when it arrived where the sender does not say: of
    several values the one with the latest `as_of` counts. None only in records from before it was kept.
    """

    id: str
    use_case: str
    metric: str
    value: float
    case_id: str
    at: datetime
    version_digest: str
    unit: str = ""
    unit_id: str | None = None
    arm: str | None = None
    cluster: str | None = None
    call_id: str | None = None
    sample: bool = False
    as_of: datetime | None = None
