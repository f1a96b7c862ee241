"""Calls that are put up for rating, and who would not rate them: people rate blind, in an order that nobody chooses."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from groundcrew.domain.draws import fraction_of

REASON_LENGTH_MAX = 2_000
#: How many people may be asked to rate one call.
RATERS_MAX = 9

RequestOrigin = Literal["drawn", "picked"]


class RatingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One call that `raters` people are to rate; never changed. `id` is the call's.

    `drawn` by chance when the call was recorded, with `probability`; or `picked` by somebody, so that its ratings say nothing
    of calls in general. `rank` is the order of the queue, uniform in 0..1 over drawn calls and in -1..0 over picked ones, which
    come first. `blind`: nobody sees another's rating before all are in.
    """

    id: str
    use_case: str
    version_digest: str
    raters: int
    origin: RequestOrigin
    rank: float
    asked_by: str
    asked_at: datetime
    blind: bool = True
    probability: float | None = None
    #: Who asked the question, as far as the application says: they do not rate their own.
    user_id: str | None = None
    sample: bool = False


class RatingSkip(msgspec.Struct, frozen=True, kw_only=True):
    """That somebody would not rate a call, and why. Kept; somebody else is asked."""

    id: str
    use_case: str
    call_id: str
    rater: str
    reason: str
    at: datetime
    sample: bool = False


def rating_place(use_case: str, call_id: str) -> float:
    """Where chance puts a call, in [0, 1): the first 53 bits of SHA-256 over "rating", the use case and the call's id, so that
    anyone can check the draw and nobody can choose it. Independent of the draw of spot checks."""
    return fraction_of("rating", use_case, call_id)
