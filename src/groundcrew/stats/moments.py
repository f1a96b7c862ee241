"""Count, mean and variance of a sample: all that intervals of a mean need, so that a store may aggregate them itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from groundcrew.errors import InputError

#: Numbers in any flat form.
Values: TypeAlias = Sequence[float] | NDArray[np.float64]


class Moments(msgspec.Struct, frozen=True, kw_only=True):
    """`n` values with `mean` (None for n = 0) and unbiased `variance` (None for n < 2)."""

    n: int
    mean: float | None
    variance: float | None

    @property
    def standard_error(self) -> float | None:
        """Estimated standard deviation of the mean; None where the variance is unknown."""
        return None if self.variance is None else math.sqrt(self.variance / self.n)


def finite_array(values: Values, *, field: str = "values") -> NDArray[np.float64]:
    """`values` as a flat float array; raises InputError where one is not a finite number."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise InputError("must be a flat list of numbers", field=field)
    if not bool(np.isfinite(array).all()):
        raise InputError("holds a value that is not a finite number", field=field)
    return array


def moments(values: Values) -> Moments:
    """Moments of `values`; raises InputError where one is not a finite number."""
    array = finite_array(values)
    n = int(array.size)
    return Moments(
        n=n,
        mean=float(array.mean()) if n else None,
        variance=float(array.var(ddof=1)) if n > 1 else None,
    )


def moments_of_sums(n: int, total: float, squares: float) -> Moments:
    """Moments of `n` values from their sum and the sum of their squares, as a store adds them up.

    The variance loses what the squares' size hides: it is exact to about 1e-16 of mean²/variance, and 0 where that is all noise.
    """
    if n <= 0:
        return Moments(n=0, mean=None, variance=None)
    mean = total / n
    return Moments(n=n, mean=mean, variance=max(0.0, squares - n * mean * mean) / (n - 1) if n > 1 else None)


def proportion_moments(successes: int, n: int) -> Moments:
    """Moments of `n` yes/no values whose variance counts two more successes and two more failures (Agresti & Coull 1998).

    So an arm without a single event still has a spread, and a sequence that looks early does not take silence for proof.
    """
    if not 0 <= successes <= n:
        raise InputError(f"{successes} of {n} is not a count of successes", field="successes")
    rate = (successes + 2) / (n + 4)
    return Moments(n=n, mean=successes / n if n else None, variance=rate * (1 - rate) if n > 1 else None)


def difference_error(treatment: Moments, control: Moments) -> float | None:
    """Standard error of the difference of two independent means; None where an arm's variance is unknown."""
    if treatment.variance is None or control.variance is None:
        return None
    return math.sqrt(treatment.variance / treatment.n + control.variance / control.n)
