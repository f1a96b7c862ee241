"""What a check says about a claim: which check, why in words that name both texts, and how far it caps the support."""

from __future__ import annotations

from typing import Literal

import msgspec

CheckName = Literal["number", "date", "name", "negation", "direction", "quantifier", "rate", "offer", "role"]

#: Support of a claim that the sources contradict can not exceed this, whatever else speaks for it.
CONTRADICTED_SUPPORT_MAX = 0.05
#: Support of a claim with a figure, date or name that the sources do not give cannot exceed this.
UNFOUND_SUPPORT_MAX = 0.15


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One disagreement between a claim and its evidence. `contradicted` tells a conflict from something merely not found."""

    check: CheckName
    reason: str
    contradicted: bool

    @property
    def support_max(self) -> float:
        """The most support, 0..1, that a claim with this finding may have."""
        return CONTRADICTED_SUPPORT_MAX if self.contradicted else UNFOUND_SUPPORT_MAX
