"""The second look at a text's candidates: which others claim the same words or belong to the same family, and how sure those are;
and what the scores say of the case as a whole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from groundcrew.tuned.coder_candidates import FEATURES, Candidates
from groundcrew.tuned.coder_knowledge import family

Floats = npt.NDArray[np.float64]

COMPETITION = (
    "first_score", "rival_best", "rival_least", "rivals_above", "rivals_sum", "kin_best", "kin_above", "sum", "rivals",
)  # fmt: skip
ALL_FEATURES = FEATURES + COMPETITION
#: Scores are kept off 0 and 1 by so much where their logarithm is taken.
_EDGE = 1e-6


def compete(candidates: Candidates, scores: Floats) -> Floats:
    """The candidates' rows with what the first `scores` of the others say added."""
    at: dict[int, list[int]] = {}
    kin: dict[str, list[int]] = {}
    claimed = [sorted({place for mention in each for place in mention}) for each in candidates.places]
    for row, places in enumerate(claimed):
        for place in places:
            at.setdefault(place, []).append(row)
        kin.setdefault(family(candidates.codes[row]), []).append(row)
    total = float(scores.sum())
    added = np.zeros((len(claimed), len(COMPETITION)))
    for row, places in enumerate(claimed):
        own = float(scores[row])
        highest = [max((float(scores[other]) for other in at[place] if other != row), default=0.0) for place in places]
        rivals = sorted({other for place in places for other in at[place]} - {row})
        others = scores[rivals] if rivals else np.zeros(0)
        relatives = [float(scores[other]) for other in kin[family(candidates.codes[row])] if other != row]
        added[row] = (
            own, max(highest, default=0.0), min(highest, default=0.0), float((others > own).sum()), float(others.sum()),
            max(relatives, default=0.0), sum(score > own for score in relatives), total, len(rivals),
        )  # fmt: skip
    return np.hstack([candidates.rows, added])


def chance_all_right(scores: Sequence[float], threshold: float) -> float:
    """The chance that every decision on the candidates is right, as if they were independent: of those at or above `threshold`
    that they are right, of the others that they are not."""
    logs = [np.log(max(_EDGE, score if score >= threshold else 1.0 - score)) for score in scores]
    return float(np.exp(np.sum(logs))) if logs else 0.0


def expected_f1(scores: Sequence[float], threshold: float) -> float:
    """Twice the expected right ones over kept and expected true ones (Ye et al. 2012, the ratio of the means)."""
    kept = [score for score in scores if score >= threshold]
    whole = len(kept) + sum(scores)
    return float(2.0 * sum(kept) / whole) if whole > 0 else 0.0
