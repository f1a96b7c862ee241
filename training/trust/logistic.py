"""Logistic regression with an L2 penalty and sample weights, fitted with scipy: all that the shipped weights need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

Matrix = npt.NDArray[np.float64]


class Fitted:
    """Weights over standardised features, and what standardises them."""

    def __init__(self, means: Matrix, scales: Matrix, weights: Matrix, intercept: float) -> None:
        self.means, self.scales, self.weights, self.intercept = means, scales, weights, intercept

    def logits(self, features: Matrix) -> Matrix:
        """(n,) log odds for (n, features)."""
        return np.asarray((features - self.means) / self.scales @ self.weights + self.intercept)


def fit(
    features: Matrix,
    labels: npt.NDArray[np.bool_],
    importance: Matrix | None = None,
    penalty: float = 1.0,
    signs: Sequence[int] | None = None,
) -> Fitted:
    """Minimises the weighted log loss plus `penalty`/2 · |w|². `signs` (+1, −1, 0) bounds weights to be ≥ 0, ≤ 0 or free, so
    that a feature cannot count against its meaning."""
    importance = np.ones(len(labels)) if importance is None else importance / importance.mean()
    means = np.average(features, axis=0, weights=importance)
    scales = np.sqrt(np.average((features - means) ** 2, axis=0, weights=importance))
    scales = np.where(scales < 1e-6, 1.0, scales)
    standard = (features - means) / scales
    target = np.where(labels, 1.0, -1.0)

    def loss(parameters: Matrix) -> tuple[float, Matrix]:
        margin = target * (standard @ parameters[:-1] + parameters[-1])
        slope = -importance * target * expit(-margin)
        value = float((importance * np.logaddexp(0, -margin)).sum() + penalty / 2 * (parameters[:-1] ** 2).sum())
        gradient = np.append(standard.T @ slope + penalty * parameters[:-1], slope.sum())
        return value, gradient

    width = features.shape[1]
    bounds = [((0, None) if sign > 0 else (None, 0) if sign < 0 else (None, None)) for sign in signs or [0] * width]
    found = minimize(loss, np.zeros(width + 1), jac=True, method="L-BFGS-B", bounds=[*bounds, (None, None)])
    return Fitted(means, scales, found.x[:-1], float(found.x[-1]))


def fit_choice(
    groups: Sequence[tuple[Matrix, npt.NDArray[np.bool_]]], importance: Sequence[float], penalty: float, signs: Sequence[int]
) -> Fitted:
    """Weights of a choice model: P(a right one is chosen) by softmax within each group of (n, features) and (n,) right ones
    (conditional logit, McFadden 1974). `importance` weighs the groups."""
    every = np.concatenate([features for features, _ in groups])
    means, scales = every.mean(axis=0), np.where(every.std(axis=0) < 1e-6, 1.0, every.std(axis=0))
    standard = [((features - means) / scales, right) for features, right in groups]

    def loss(weights: Matrix) -> tuple[float, Matrix]:
        value, gradient = penalty / 2 * float(weights @ weights), penalty * weights
        for (features, right), share in zip(standard, importance, strict=True):
            logits = features @ weights
            chances = np.exp(logits - logits.max())
            chances /= chances.sum()
            chosen = chances[right].sum() + 1e-12
            value -= share * float(np.log(chosen))
            gradient = gradient - share * (features[right].T @ (chances[right] / chosen) - features.T @ chances)
        return value, gradient

    bounds = [((0, None) if sign > 0 else (None, 0) if sign < 0 else (None, None)) for sign in signs]
    found = minimize(loss, np.zeros(every.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds)
    return Fitted(means, scales, found.x, 0.0)


def folds(groups: Sequence[str], count: int = 5, seed: int = 7) -> Iterator[tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]]:
    """(train, test) masks; a group is never in both."""
    names = sorted(set(groups))
    order = np.random.default_rng(seed).permutation(len(names))
    fold_of = {names[position]: number % count for number, position in enumerate(order)}
    assigned = np.array([fold_of[group] for group in groups])
    for number in range(count):
        yield assigned != number, assigned == number


def auroc(labels: npt.NDArray[np.bool_], scores: Matrix) -> float:
    """Area under the ROC curve: P(a positive scores above a negative), ties count half. NaN with one class only."""
    positives, negatives = int(labels.sum()), int((~labels).sum())
    if not positives or not negatives:
        return float("nan")
    order = np.argsort(scores, kind="stable")
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(1, len(scores) + 1)
    values, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = ((ends - counts + 1 + ends) / 2)[inverse] if len(values) < len(scores) else ranks
    return float((ranks[labels].sum() - positives * (positives + 1) / 2) / (positives * negatives))
