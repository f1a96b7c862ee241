"""What a check says about a claim: which check, why in words that name both texts, and how far it caps the support."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

CheckName = Literal[
    "number",
    "unit",
    "currency",
    "date",
    "name",
    "negation",
    "direction",
    "laterality",
    "quantifier",
    "condition",
    "rate",
    "offer",
    "role",
    "merged",
    "coverage",
]
#: Every kind of finding, in a fixed order: what a stack over findings reads as its features.
CHECK_NAMES: tuple[CheckName, ...] = get_args(CheckName)

#: Kinds of checks of whose vetoes on labelled sets some nine in ten are right; a veto of another kind keeps its claim as surely
#: below any threshold, but an answer of several claims less.
CERTAIN_CHECKS: frozenset[CheckName] = frozenset(
    ("number", "unit", "currency", "date", "name", "direction", "laterality", "offer")
)
#: Support of a claim that the sources certainly contradict can not exceed this, whatever else speaks for it.
CONTRADICTED_SUPPORT_MAX = 0.05
#: Support of a claim that a check of another kind vetoes, or with a figure, date or name that the sources do not give, cannot
#: exceed this.
UNFOUND_SUPPORT_MAX = 0.15


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One disagreement between a claim and its evidence. `contradicted` tells a conflict from something merely not found;
    `veto` a finding that is certain enough to cap the support from one that is a hint for the stack."""

    check: CheckName
    reason: str
    contradicted: bool
    veto: bool = True

    @property
    def support_max(self) -> float:
        """The most support, 0..1, that a claim with this finding may have; 1 where it is no veto."""
        if not self.veto:
            return 1.0
        is_sure = self.contradicted and self.check in CERTAIN_CHECKS
        return CONTRADICTED_SUPPORT_MAX if is_sure else UNFOUND_SUPPORT_MAX
