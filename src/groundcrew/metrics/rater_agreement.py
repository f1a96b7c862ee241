"""How far people who rated the same calls agree on 1–5 stars: weighted κ over pairs of raters and ordinal α over all of them.

Weighted κ (Cohen 1968, quadratic weights) of each pair of raters, averaged with the number of calls that the pair shares (Light
1971): 1 is agreement, 0 what chance would give, below 0 is worse. α (Krippendorff 2004, ordinal) takes any number of raters with
gaps. Intervals are percentiles of a bootstrap over calls, with a fixed seed. No pair of ratings of one call: no figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from groundcrew.domain.feedback import STARS_MAX, STARS_MIN

RESAMPLES = 1_000
CONFIDENCE = 0.95
#: Calls that are looked at, the first ones given.
CALLS_MAX = 2_000
PAIRS_MAX = 100
_K = STARS_MAX - STARS_MIN + 1
_SEED = 20_260_101

Floats = NDArray[np.float64]


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """A figure in −1..1 with its interval; None where all ratings are the same, so that chance alone agrees always."""

    estimate: float | None
    lower: float | None = None
    upper: float | None = None


class PairAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """Two raters, how many calls both rated, and their weighted κ."""

    raters: tuple[str, str]
    calls: int
    kappa: float | None


class RaterAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """Agreement over `calls` that two or more people rated, by `raters` people."""

    calls: int
    raters: int
    kappa: Agreement
    alpha: Agreement
    pairs: tuple[PairAgreement, ...] = ()


def rater_agreement(ratings: Sequence[tuple[str, str, int]]) -> RaterAgreement | None:
    """Agreement of (call, rater, stars); of several ratings of one call by one rater the last counts. None where no call was
    rated by two people."""
    calls: dict[str, dict[str, int]] = {}
    for call, rater, stars in ratings:
        calls.setdefault(call, {})[rater] = stars - STARS_MIN
    items = [each for each in calls.values() if len(each) > 1][:CALLS_MAX]
    if not items:
        return None
    chance = np.random.default_rng(_SEED)
    size = len(items)
    weights = chance.multinomial(size, np.full(size, 1 / size), size=RESAMPLES).astype(np.float64)
    everything = np.ones((1, size))
    coincidences = np.stack([_coincidences(list(item.values())) for item in items])
    pairs = _pairs(items)
    return RaterAgreement(
        calls=size,
        raters=len({rater for item in items for rater in item}),
        kappa=_agreement(_mean_kappa(everything, pairs)[0], _mean_kappa(weights, pairs)),
        alpha=_agreement(_alpha(everything @ coincidences)[0], _alpha(weights @ coincidences)),
        pairs=tuple(
            PairAgreement(raters=raters, calls=len(places), kappa=_figure(_kappa(cells.sum(axis=0, keepdims=True))[0]))
            for raters, places, cells in pairs
        ),
    )


def weighted_kappa(tables: Floats) -> Floats:
    """Quadratically weighted κ of each table of counts, shape (…, k, k); NaN where both raters used one category only."""
    size = tables.shape[-1]
    distance = (np.arange(size)[:, None] - np.arange(size)[None, :]) ** 2 / (size - 1) ** 2
    total = tables.sum(axis=(-2, -1))
    expected = tables.sum(axis=-1)[..., :, None] * tables.sum(axis=-2)[..., None, :] / np.maximum(total, 1)[..., None, None]
    by_chance = (expected * distance).sum(axis=(-2, -1))
    seen = (tables * distance).sum(axis=(-2, -1))
    return np.where(by_chance > 0, 1 - seen / np.where(by_chance > 0, by_chance, 1), np.nan)


def _pairs(items: Sequence[dict[str, int]]) -> list[tuple[tuple[str, str], NDArray[np.int64], Floats]]:
    """(raters, places of the calls that both rated, one row of k·k cells for each of these), the pairs that share most first."""
    shared: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for place, item in enumerate(items):
        for first, second in combinations(sorted(item), 2):
            shared.setdefault((first, second), []).append((place, item[first] * _K + item[second]))
    found = sorted(shared.items(), key=lambda each: (-len(each[1]), each[0]))[:PAIRS_MAX]
    return [
        (raters, np.array([place for place, _ in each]), np.eye(_K * _K)[[cell for _, cell in each]]) for raters, each in found
    ]


def _kappa(cells: Floats) -> Floats:
    return weighted_kappa(cells.reshape(*cells.shape[:-1], _K, _K))


def _mean_kappa(weights: Floats, pairs: Sequence[tuple[Any, NDArray[np.int64], Floats]]) -> Floats:
    """Mean of the pairs' κ, weighted by what they share; pairs that have none are left out."""
    total, mass = np.zeros(weights.shape[0]), np.zeros(weights.shape[0])
    for _, places, cells in pairs:
        kappa = _kappa(weights[:, places] @ cells)
        share = np.where(np.isnan(kappa), 0.0, weights[:, places].sum(axis=1))
        total += share * np.nan_to_num(kappa)
        mass += share
    return np.where(mass > 0, total / np.where(mass > 0, mass, 1), np.nan)


def _coincidences(values: Sequence[int]) -> Floats:
    tally = np.bincount(values, minlength=_K).astype(np.float64)
    return ((np.outer(tally, tally) - np.diag(tally)) / (len(values) - 1)).ravel()


def _alpha(coincidences: Floats) -> Floats:
    """Krippendorff's α at the ordinal level of each row of k·k coincidences."""
    tables = coincidences.reshape(-1, _K, _K)
    margin = tables.sum(axis=2)
    middle = np.cumsum(margin, axis=1) - margin / 2
    distance = (middle[:, :, None] - middle[:, None, :]) ** 2
    total = margin.sum(axis=1)
    seen = (tables * distance).sum(axis=(1, 2)) / total
    by_chance = (margin[:, :, None] * margin[:, None, :] * distance).sum(axis=(1, 2)) / (total * (total - 1))
    return np.where(by_chance > 0, 1 - seen / np.where(by_chance > 0, by_chance, 1), np.nan)


def _agreement(estimate: float, resampled: Floats) -> Agreement:
    figures = resampled[~np.isnan(resampled)]
    if np.isnan(estimate) or figures.size < RESAMPLES / 2:
        return Agreement(estimate=_figure(estimate))
    lower, upper = np.quantile(figures, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Agreement(estimate=float(estimate), lower=float(lower), upper=float(upper))


def _figure(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
