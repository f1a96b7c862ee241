"""What the claims of an answer add up to: the figures that P(the whole answer is supported) is made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from groundcrew.grounding.checks.finding import CERTAIN_CHECKS
from groundcrew.grounding.features import FEATURE_NAMES
from groundcrew.grounding.reading import AnswerReading, ClaimReading

#: What the network says of a claim: P(supported), P(contradicted), the highest and the mean P(unsupported) of its words.
Verdict = tuple[float, float, float, float]
#: The sources hold next to nothing of a claim: less than this share of its words, by how telling they are.
HEARD_SHARE_MIN = 0.05
#: The sources hold too little of a claim in prose of at most so many words: less than this share of what it says of a matter,
#: unless its support is high all the same.
SHORT_WORDS_MAX, SHORT_HEARD_SHARE_MIN, SHORT_SUPPORT_MIN = 12, 0.45, 0.7
#: Supports are read as if they lay within these bounds, so that one claim cannot outweigh all others without end.
SUPPORT_RANGE = (0.005, 0.995)

#: Name and direction of each figure: 1 may only speak for the answer, -1 only against it, 0 either.
ANSWER_FEATURES: tuple[tuple[str, int], ...] = (
    ("least", 1),
    ("second_least", 1),
    ("mean", 1),
    ("all", 1),
    ("least_entailed", 1),
    ("second_entailed", 1),
    ("all_entailed", 1),
    ("unsupported_words", -1),
    ("worst_words", -1),
    ("doubted_claims", -1),
    ("coverage", 1),
    ("known_words", 1),
    ("unknown_matter", -1),
    ("open_matter", -1),
    ("short_runs", 1),
    ("open_run", -1),
    ("words", -1),
    ("vetoes", -1),
    ("contradicting_vetoes", -1),
    ("rows", 0),
)
ANSWER_FEATURE_NAMES: tuple[str, ...] = tuple(name for name, _ in ANSWER_FEATURES)
_AT = {name: number for number, name in enumerate(FEATURE_NAMES)}
#: A claim that stands word for word in a source, as features.
_VERBATIM = {"coverage_matter": 1.0, "coverage_plain": 1.0, "short_runs": 1.0}


def summarise(reading: AnswerReading, supports: Sequence[float], verdicts: Mapping[int, Verdict]) -> npt.NDArray[np.float64]:
    """(features,) in the order of `ANSWER_FEATURE_NAMES`, from the support of each claim, 0..1, at least one, and what the
    network said of those that it read, by their place."""
    lengths = [len(claim.statement.tokens) for claim in reading.claims]
    return np.concatenate([support_figures(supports, lengths, verdicts), text_figures(reading)])


def support_figures(
    supports: Sequence[float], lengths: Sequence[int], verdicts: Mapping[int, Verdict]
) -> npt.NDArray[np.float64]:
    """(10,): log odds of the least and second least support and their mean, a figure that falls with the product of all, slower
    the longer the answer, and the like of what the network said; for a claim that it did not read the support stands."""
    read = [verdicts.get(place, (support, 0.0, 1 - support, 1 - support)) for place, support in enumerate(supports)]
    entailed, _, worst, mean = (np.array(column) for column in zip(*read, strict=True))
    clipped, clipped_entailed = np.clip(np.asarray(supports, dtype=np.float64), *SUPPORT_RANGE), np.clip(entailed, *SUPPORT_RANGE)
    ordered = np.sort(np.log(clipped / (1 - clipped)))
    ordered_entailed = np.sort(np.log(clipped_entailed / (1 - clipped_entailed)))
    second = min(1, len(ordered) - 1)
    return np.array(
        [
            ordered[0],
            ordered[second],
            ordered.mean(),
            -math.log1p(-float(np.log(clipped).sum())),
            ordered_entailed[0],
            ordered_entailed[second],
            -math.log1p(-float(np.log(clipped_entailed).sum())),
            math.log1p(float((mean * np.asarray(lengths)).sum())),
            math.log1p(float(worst.sum())),
            math.log1p(float((worst > 0.5).sum())),
        ],
        dtype=np.float64,
    )


def text_figures(reading: AnswerReading) -> npt.NDArray[np.float64]:
    """(10,): the figures that do not depend on any support."""
    lengths = np.array([max(1, len(claim.statement.tokens)) for claim in reading.claims], dtype=np.float64)

    def column(name: str) -> npt.NDArray[np.float64]:
        given = _VERBATIM.get(name, 0.0)
        return np.array(
            [given if claim.features is None else float(claim.features[_AT[name]]) for claim in reading.claims], dtype=np.float64
        )

    return np.array(
        [
            (column("coverage_matter") * lengths).sum() / lengths.sum(),
            (column("coverage_plain") * lengths).sum() / lengths.sum(),
            math.log1p(float(np.expm1(column("unknown_matter_log")).sum())),
            math.log1p(float(np.expm1(column("open_matter_log")).sum())),
            (column("short_runs") * lengths).sum() / lengths.sum(),
            column("open_run").max(),
            math.log1p(float(lengths.sum())),
            math.log1p(sum(is_vetoed(claim) for claim in reading.claims)),
            math.log1p(sum(is_vetoed(claim, contradicted=True) for claim in reading.claims)),
            column("rows_share").max(),
        ],
        dtype=np.float64,
    )


def is_certain(claim: ClaimReading) -> bool:
    """Whether a check of those whose vetoes are nearly always right vetoes the claim."""
    return any(finding.veto and finding.check in CERTAIN_CHECKS for finding in claim.findings)


def is_unheard(features: npt.NDArray[np.float64] | None, words: int, support: float) -> bool:
    """Whether a claim says something of a matter that the sources do not speak of: they hold next to nothing of its words, or
    less than half of what a short claim says. "Here is my answer:" says nothing of a matter. `words` are all of its words."""
    if features is None or not features[_AT["unknown_matter_log"]]:
        return False
    if features[_AT["coverage_sources"]] < HEARD_SHARE_MIN:
        return True
    is_short = words <= SHORT_WORDS_MAX and not features[_AT["rows_share"]]
    return bool(is_short and features[_AT["coverage_matter"]] < SHORT_HEARD_SHARE_MIN and support < SHORT_SUPPORT_MIN)


def is_vetoed(claim: ClaimReading, *, contradicted: bool = False) -> bool:
    """Whether a check vetoes the claim; with `contradicted`, because a source says otherwise."""
    return any(finding.veto and (finding.contradicted or not contradicted) for finding in claim.findings)
