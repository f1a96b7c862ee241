"""Statistics of a column of vectors, such as the embeddings of texts. Four, since each is blind where another sees:

- novelty: rows far from even their nearest rows lie in one window; finds foreign messages of all sorts, one of each;
- neighbourhood scan: places where nearly all near rows are of one window; finds a topic that came or went (after Kulldorff 1997);
- MMD with a narrow Gaussian kernel (Gretton et al. 2012): topics that became more or less frequent;
- mean shift, over the largest principal components, each over its spread: all rows moved a little, as when tone changes.

All are functions of the pooled rows and the deal only, so that one matrix of distances serves all permutations.
"""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from groundcrew.errors import InputError
from groundcrew.stats.discrimination import weighted_auroc
from groundcrew.stats.drift.assignments import Deals
from groundcrew.stats.drift.columns import Floats

#: Rows of both windows together: the matrix of all pairs takes 4 bytes a pair.
VECTOR_ROWS_MAX = 5_000
#: Nearest rows whose mean squared distance, to this power, is a row's novelty: so high that the few farthest rows speak. Powers
#: 1 to 8 and ranks were compared by power at foreign messages among five sets of messages; 4 was best or near it in each.
NOVELTY_NEIGHBOURS = 10
NOVELTY_POWER = 4
#: Nearest rows among which the scan counts.
SCAN_NEIGHBOURS = 15
#: Places whose surprise is added up by the scan.
SCANNED_PLACES = 5
#: The kernel's width: this share of the median squared distance.
KERNEL_SHARE = 0.25
KERNEL_DECIMALS = 5
#: Rows, evenly picked, whose distances the median is taken of.
MEDIAN_ROWS = 500
COMPONENTS = 30
ORDER_SEED = 20261127
#: Shrinkage of the classifier that measures the effect, as a share of the rows.
RIDGE = 0.05

_Single = NDArray[np.float32]


class VectorStatistics:
    """Over pooled `vectors`, NaN where missing."""

    names: tuple[str, ...] = ("novelty", "neighbourhood scan", "MMD", "mean shift")

    def __init__(self, vectors: Floats, observed: NDArray[np.bool_], field: str) -> None:
        self.present: NDArray[np.bool_] = np.asarray(np.isfinite(vectors).all(axis=1))
        # Shuffled, so that which of equally near rows counts as a neighbour has nothing to do with the window they are in.
        self._rows = np.random.default_rng(ORDER_SEED).permutation(np.flatnonzero(self.present))
        if self._rows.size > VECTOR_ROWS_MAX:
            raise InputError(
                f"has {self._rows.size} vectors in both windows; sample {VECTOR_ROWS_MAX} of them first", field=field
            )
        self._observed = observed[self._rows]
        self._empty = self._rows.size < 2
        if self._empty:
            return
        known = vectors[self._rows]
        distances = _squared_distances(known)
        near, self._novelty = _neighbours(distances)
        self._neighbours = near.shape[1]
        places = np.repeat(np.arange(len(known)), near.shape[1])
        entries = np.ones(places.size, dtype=np.float32)
        self._near = scipy.sparse.csr_array((entries, (places, near.ravel())), shape=distances.shape)
        self._kernel = _kernel(distances)
        self._components = _components(known)

    def values(self, deals: Deals) -> Floats:
        """(statistics, deals)."""
        if self._empty:
            return np.zeros((len(self.names), len(deals)))
        dealt = deals[:, self._rows].astype(np.float32)
        n = dealt.shape[1]
        current = dealt.sum(axis=1, dtype=np.float64)
        reference = n - current
        usable = (current > 0) & (reference > 0)
        scale = np.where(usable, current * reference / n, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            weights = np.where(usable[:, None], dealt / current[:, None] - (1 - dealt) / reference[:, None], 0.0)
        novelty = np.abs(weights @ self._novelty) * np.sqrt(scale)
        single = weights.astype(np.float32)
        mean_difference = np.einsum("bi,bi->b", single @ self._kernel, single).astype(np.float64) * scale
        mean_difference = np.round(mean_difference, KERNEL_DECIMALS)  # so that equal deals tie in spite of single precision
        shift = ((weights @ self._components) ** 2).sum(axis=1) * scale
        return np.stack([novelty, self._scan(dealt, current / n), mean_difference, shift])

    def effect(self) -> float:
        """2·AUC − 1, at least 0, of a ridge classifier that predicts each row from all others."""
        current = int(self._observed.sum())
        if self._empty or current == 0 or current == self._rows.size:
            return 0.0
        n = self._rows.size
        features = np.column_stack([self._components, _standard(self._novelty), np.ones(n)])
        penalty = np.full(features.shape[1], RIDGE * n)
        penalty[-1] = 0.0
        hat = features @ np.linalg.solve(features.T @ features + np.diag(penalty), features.T)
        target = self._observed.astype(np.float64)
        own = np.minimum(np.diag(hat), 1 - 1e-9)
        predicted = (hat @ target - own * target) / (1 - own)
        return max(0.0, 2 * float(weighted_auroc(predicted, self._observed, np.ones((1, n)))[0]) - 1)

    def _scan(self, dealt: _Single, share: Floats) -> Floats:
        """The mean surprise of the most one-sided neighbourhoods, in standard deviations of a neighbourhood's count."""
        neighbours = self._neighbours
        counts = np.asarray(self._near @ dealt.T, dtype=np.float64)
        spread = np.sqrt(np.maximum(share * (1 - share) * neighbours, 1e-12))
        surprise = np.abs(counts - share * neighbours) / spread
        places = min(SCANNED_PLACES, len(surprise))
        top = np.partition(surprise, len(surprise) - places, axis=0)[len(surprise) - places :]
        mean: Floats = np.where((share > 0) & (share < 1), top.mean(axis=0), 0.0)
        return mean


def _squared_distances(vectors: Floats) -> _Single:
    centred = (vectors - vectors.mean(axis=0)).astype(np.float32)
    squares = (centred**2).sum(axis=1)
    distances: _Single = np.maximum(squares[:, None] + squares - 2 * (centred @ centred.T), 0.0)
    return distances


def _neighbours(distances: _Single) -> tuple[NDArray[np.int64], Floats]:
    """Of each row the nearest other rows, and its novelty by the nearest of these."""
    n = len(distances)
    others = distances.copy()
    np.fill_diagonal(others, np.inf)
    kept = min(SCAN_NEIGHBOURS, n - 1)
    near = np.argpartition(others, kept - 1, axis=1)[:, :kept]
    ordered = np.sort(np.take_along_axis(others, near, axis=1), axis=1)
    novelty: Floats = ordered[:, :NOVELTY_NEIGHBOURS].astype(np.float64).mean(axis=1)
    return near, (novelty / (float(novelty.max()) or 1.0)) ** NOVELTY_POWER


def _kernel(distances: _Single) -> _Single:
    step = 1 + len(distances) // MEDIAN_ROWS
    sample = distances[::step, ::step]
    middle = float(np.median(sample[~np.eye(len(sample), dtype=np.bool_)])) if len(sample) > 1 else float(distances.max())
    kernel: _Single = np.exp(-distances / np.float32(KERNEL_SHARE * middle or 1.0))
    return kernel


def _components(vectors: Floats) -> Floats:
    """The rows' places on the largest principal components, each of spread 1."""
    centred = vectors - vectors.mean(axis=0)
    spreads, directions = np.linalg.eigh(centred.T @ centred / len(centred))
    kept = min(COMPONENTS, int((spreads > 1e-9 * max(float(spreads[-1]), 1e-30)).sum()), max(1, len(vectors) // 4))
    places: Floats = centred @ directions[:, -kept:] / np.sqrt(np.maximum(spreads[-kept:], 1e-30))
    return places


def _standard(values: Floats) -> Floats:
    spread = float(values.std())
    standard: Floats = (values - values.mean()) / (spread or 1.0)
    return standard
