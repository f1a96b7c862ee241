"""What changed between two windows, for people: the values, words or quantiles that moved most, and typical rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from groundcrew.errors import InputError
from groundcrew.stats.drift.columns import Column, Floats, is_missing, labels_of, numbers_of

#: What is shown unless asked for otherwise.
SHOWN = 5
#: Quantiles of numbers that are compared.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MISSING = "(missing)"
#: Strength of the prior that words are measured against: one row of each word before any is seen.
PRIOR_ROWS = 1.0
#: Nearest rows that say how foreign a row is.
NEIGHBOURS = 10

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


class Contribution(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that moved: `what` it is (a category, a word, a quantile such as "median"), its figure before and now, and
    `surprise`, how many standard errors the difference is wide. Figures are shares of rows, or values for quantiles."""

    what: str
    reference: float
    current: float
    surprise: float


class Examples(msgspec.Struct, frozen=True, kw_only=True):
    """Places of rows that show the change, most typical first: `before` of what went, `after` of what came."""

    before: tuple[int, ...]
    after: tuple[int, ...]


def contributions(reference: Column, current: Column, *, limit: int = SHOWN) -> tuple[Contribution, ...]:
    """What moved most, largest surprise first: categories, words of texts, quantiles of numbers; missing values too.

    Embeddings have no parts to name: none. InputError for columns of two kinds.
    """
    if reference.kind != current.kind:
        raise InputError(f"is {reference.kind} in the reference and {current.kind} now", field="kind")
    if reference.kind == "embedding":
        return ()
    if reference.kind == "number":
        found = _quantiles(numbers_of(reference, "reference"), numbers_of(current, "current"))
    else:
        tokens = _words if reference.kind == "text" else _category
        found = _shares([tokens(row) for row in _texts(reference)], [tokens(row) for row in _texts(current)])
    return tuple(sorted(found, key=lambda each: (-each.surprise, each.what))[:limit])


def examples(reference_vectors: NDArray[Any], current_vectors: NDArray[Any], *, limit: int = SHOWN) -> Examples:
    """Rows that went, and rows that came: those most foreign to the other window.

    Two signs are added up, each in standard deviations: the row lies far from its nearest rows of the other window, and of its
    nearest rows of both windows more than their share are of its own. Rows without a vector (zeros, NaN) are no examples.
    """
    before, after = (np.nan_to_num(np.asarray(side, dtype=np.float64)) for side in (reference_vectors, current_vectors))
    known_before, known_after = (np.flatnonzero((side != 0).any(axis=1)) for side in (before, after))
    if not known_before.size or not known_after.size:
        return Examples(before=(), after=())
    before, after = before[known_before], after[known_after]
    across = _squared_distances(before, after)
    scores_before = _standard(_nearest(across).mean(axis=1)) + _standard(_own_share(_squared_distances(before, before), across))
    scores_after = _standard(_nearest(across.T).mean(axis=1)) + _standard(_own_share(_squared_distances(after, after), across.T))
    return Examples(
        before=tuple(known_before[np.argsort(-scores_before, kind="stable")[:limit]].tolist()),
        after=tuple(known_after[np.argsort(-scores_after, kind="stable")[:limit]].tolist()),
    )


def _squared_distances(left: Floats, right: Floats) -> Floats:
    distances: Floats = np.maximum(0.0, (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1) - 2 * left @ right.T)
    return distances


def _nearest(distances: Floats) -> Floats:
    """Of each row its NEIGHBOURS smallest distances, the largest of these last."""
    kept = min(NEIGHBOURS, distances.shape[1])
    nearest: Floats = np.partition(distances, kept - 1, axis=1)[:, :kept]
    return nearest


def _own_share(own: Floats, other: Floats) -> Floats:
    """Share of a row's own window among its nearest rows of both, as if the windows were equally large."""
    np.fill_diagonal(own, np.inf)
    reach = np.partition(np.hstack([own, other]), min(NEIGHBOURS, own.shape[1] + other.shape[1] - 1) - 1, axis=1)
    limit = reach[:, : min(NEIGHBOURS, reach.shape[1] - 1)].max(axis=1, keepdims=True)
    near_own, near_other = (own <= limit).sum(axis=1) / own.shape[1], (other <= limit).sum(axis=1) / other.shape[1]
    share: Floats = near_own / np.maximum(near_own + near_other, 1e-12)
    return share


def _standard(values: Floats) -> Floats:
    spread = float(values.std())
    standard: Floats = (values - values.mean()) / (spread or 1.0)
    return standard


def _texts(column: Column) -> list[str | None]:
    return labels_of(column, "values")


def _category(value: str | None) -> set[str]:
    return {MISSING if value is None else value}


def _words(value: str | None) -> set[str]:
    return {MISSING} if is_missing(value) else {word.lower() for word in _WORD.findall(str(value))}


def _shares(reference: Sequence[set[str]], current: Sequence[set[str]]) -> list[Contribution]:
    """Of each token the share of rows that hold it, and the surprise of the difference under pooled shares."""
    before, now = (Counter(token for row in rows for token in row) for rows in (reference, current))
    n, m = len(reference), len(current)
    found = []
    for token in {*before, *now} if n and m else ():
        p, q = before[token] / n, now[token] / m
        middle = (before[token] + now[token] + PRIOR_ROWS) / (n + m + 2 * PRIOR_ROWS)
        surprise = abs(q - p) / float(np.sqrt(middle * (1 - middle) * (1 / n + 1 / m)))
        found.append(Contribution(what=token, reference=p, current=q, surprise=surprise))
    return found


def _quantiles(reference: Floats, current: Floats) -> list[Contribution]:
    """Of each quantile of the pooled values' place: its value before and now; surprise by the shares below the pooled one."""
    missing_before, missing_now = np.isnan(reference), np.isnan(current)
    found = _shares(
        [{MISSING} if gone else set() for gone in missing_before], [{MISSING} if gone else set() for gone in missing_now]
    )
    before, now = reference[~missing_before], current[~missing_now]
    if not before.size or not now.size:
        return found
    for share in QUANTILES:
        level = float(np.quantile(before, share, method="inverted_cdf"))
        p, q = float((before <= level).mean()), float((now <= level).mean())
        middle = (p * before.size + q * now.size + PRIOR_ROWS) / (before.size + now.size + 2 * PRIOR_ROWS)
        surprise = abs(q - p) / float(np.sqrt(middle * (1 - middle) * (1 / before.size + 1 / now.size)))
        name = "median" if share == 0.5 else f"{100 * share:g} % quantile"
        value = float(np.quantile(now, share, method="inverted_cdf"))
        found.append(Contribution(what=name, reference=level, current=value, surprise=surprise))
    return found
