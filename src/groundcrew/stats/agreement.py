"""How far raters or signers agree beyond chance: Cohen's κ for two of them, Krippendorff's α for any number with gaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from groundcrew.errors import InputError

Level = Literal["nominal", "ordinal", "interval"]


def cohen_kappa(table: Sequence[Sequence[int]]) -> float | None:
    """Chance-corrected agreement of two raters, −1..1 (Cohen 1960), from a square table of counts.

    `table[i][j]` counts the items that the first rater put in category i and the second in j. None for no items, or
    where both used a single category, so that chance alone already agrees always.
    """
    counts = np.asarray(table, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or bool((counts < 0).any()):
        raise InputError("must be a square table of counts", field="table")
    total = float(counts.sum())
    if total == 0:
        return None
    observed = float(np.trace(counts)) / total
    expected = float(counts.sum(axis=1) @ counts.sum(axis=0)) / total**2
    return None if expected >= 1 else (observed - expected) / (1 - expected)


def krippendorff_alpha(ratings: Sequence[Sequence[float | None]], level: Level = "nominal") -> float | None:
    """Agreement of any number of raters, ≤ 1 with 0 = chance (Krippendorff 2004, reliability α).

    `ratings[i]` holds the values that item i received, None where a rater skipped it. Items with fewer than two values
    do not count. None where nothing is pairable or all values are the same.
    """
    items = [[value for value in item if value is not None] for item in ratings]
    items = [item for item in items if len(item) > 1]
    categories = sorted({value for item in items for value in item})
    if len(categories) < 2:
        return None
    position = {category: index for index, category in enumerate(categories)}
    coincidences = np.zeros((len(categories), len(categories)))
    for item in items:
        tally = np.bincount([position[value] for value in item], minlength=len(categories)).astype(np.float64)
        coincidences += (np.outer(tally, tally) - np.diag(tally)) / (len(item) - 1)
    margin = coincidences.sum(axis=1)
    distance = _distances(np.asarray(categories, dtype=np.float64), margin, level)
    observed = float((coincidences * distance).sum()) / float(margin.sum())
    expected = float((np.outer(margin, margin) * distance).sum()) / (float(margin.sum()) * (float(margin.sum()) - 1))
    return None if expected <= 0 else 1 - observed / expected


def _distances(categories: NDArray[np.float64], margin: NDArray[np.float64], level: Level) -> NDArray[np.float64]:
    """Squared distance between each pair of categories at the given level of measurement."""
    if level == "nominal":
        return 1.0 - np.eye(categories.size)
    if level == "interval":
        return (categories[:, None] - categories) ** 2
    middle = np.cumsum(margin) - margin / 2
    return (middle[:, None] - middle) ** 2
