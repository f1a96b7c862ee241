"""Figures that a writer rounded or computed from those of the sources: no fault where the source gives them more exactly."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from groundcrew.grounding.checks.place import Item
from groundcrew.grounding.evidence import Evidence, SourceSentence
from groundcrew.grounding.facts.quantities import Quantity
from groundcrew.grounding.statement import Statement

#: Figures of one sentence whose differences are looked at, and how exact a period between two times must be told.
COMPUTED_FIGURES_MAX, DURATION_SHARE = 6, 0.05
#: How far "about" reaches, how far above "over" the exact figure may lie, and the step to which millions are rounded.
ABOUT_SHARE, OVER_MAX, SCALED_STEP = 0.05, 1.5, 0.01

_FIGURE_DIGITS = re.compile(r"\d(?:[\d'’,. ]*\d)??(?:[.,](?P<decimals>\d{1,2}))?(?!\d)")


def is_rounded(item: Item, evidence: Evidence) -> bool:
    """Whether a source gives the figure more exactly: "about 67 %" for 66.8 %, "6.6 °C" for 6.58 °C, "over two hours" for 135
    minutes. Only a figure that is marked so, or has decimals, or counts millions may be a rounded one."""
    if not isinstance(item, Quantity) or not item.values or item.dimension in ("code", "ordinal", "fraction"):
        return False
    digits = _FIGURE_DIGITS.search(item.text)
    decimals = len(digits["decimals"] or "") if digits else 0
    # As it is written: 200 days are no millions, although they are of seconds.
    scaled = abs(item.values[0] / item.factor) >= 1e6 and digits is not None
    if not (item.bound or decimals or scaled):
        return False
    for sentence in evidence.sentences:
        for other in sentence.statement.quantities:
            if other.dimension != item.dimension or not other.values or other.bound:
                continue
            for mine in item.values:
                for theirs in other.values:
                    if _rounds(mine, theirs, item, decimals, scaled):
                        return True
    return False


_BY = re.compile(
    r"\b(?:by|um|points?|prozentpunkte?n?|difference|more|less|longer|mehr|weniger|lang|lasts?|lasted|took|takes|for|dauerte|dauert|"
    r"during|pendant|durante|within|differenz)\b",
    re.IGNORECASE,
)


def is_computed(item: Item, claim: Statement, anchors: Sequence[SourceSentence]) -> bool:
    """Whether a figure is the difference of two that one source sentence gives: "by 1.2 points", "for an hour and a half"."""
    if not isinstance(item, Quantity) or not item.values or not _BY.search(claim.text):
        return False
    dimension = "percent" if item.dimension == "percent_point" else item.dimension
    for anchor in anchors:
        given = [each.values[0] for each in anchor.statement.quantities if each.dimension == dimension and each.values]
        if dimension == "duration":
            given += [60.0 * each.readings[0][0] for each in anchor.statement.moments if each.kind == "time"]
        if len(given) > COMPUTED_FIGURES_MAX:
            continue
        for number, one in enumerate(given):
            for other in given[number + 1 :]:
                near = DURATION_SHARE if dimension == "duration" else 1e-6
                if one != other and abs(abs(one - other) - item.values[0]) <= near * max(1e-3, abs(item.values[0])):
                    return True
    return False


_OF_AGE = re.compile(r"\b(?:under|over|above|below|age|aged|turns?|until|from|unter|über|ab|bis|mit|alter)\s+$", re.IGNORECASE)
MONTHS_A_YEAR = 12


def is_age(item: Quantity, evidence: Evidence) -> bool:
    """Whether years of age stand in a source without their unit: "ten years old" where it says "children under 10"."""
    if item.dimension != "months" or item.factor != MONTHS_A_YEAR or not item.values:
        return False
    years = item.values[0] / MONTHS_A_YEAR
    return any(
        other.dimension == "" and years in other.values and _OF_AGE.search(sentence.statement.text[: other.start]) is not None
        for sentence in evidence.sentences
        for other in sentence.statement.quantities
    )


def _rounds(mine: float, theirs: float, item: Quantity, decimals: int, scaled: bool) -> bool:
    if not (math.isfinite(mine) and math.isfinite(theirs)):
        return False  # beyond what can be held: no rounding of anything
    if item.bound == "about" and abs(mine - theirs) <= ABOUT_SHARE * abs(theirs):
        return True
    if item.bound == "at_least" and mine <= theirs <= OVER_MAX * mine:
        return True
    if item.bound == "at_most" and mine / OVER_MAX <= theirs <= mine:
        return False
    step = 10.0**-decimals * item.factor
    if scaled:
        step = max(step, abs(mine) * SCALED_STEP)
    return (decimals > 0 or scaled) and 0 < abs(mine - theirs) <= step / 2 + 1e-12 and theirs != 0
