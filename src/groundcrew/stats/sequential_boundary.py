"""How far an estimate may stray, in standard errors, when one looks after every unit and means to stop at a planned number.

A plan names its n before anyone is exposed, and nearly all of the error is spent on the looks up to it: the boundary that
a random walk reaches in all of them together with that probability is there hardly higher than at a single look (the
continuous form of O'Brien & Fleming 1979, from Lévy's reflection principle). The rest of the error goes to a normal mixture
that holds at every n for ever, sees clear effects early and carries on past the planned n.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from groundcrew.errors import InputError
from groundcrew.stats.confidence_sequences import mixture_rho

Sides = Literal[1, 2]

#: Share of α that is spent on the looks up to the planned n; the rest on what holds for ever.
HORIZON_SHARE = 0.9
#: The mixture is tightest at this share of the planned n: at the planned n itself the other part decides.
MIXTURE_TUNING = 0.25
#: Tightest n of the mixture where no n was planned.
UNPLANNED_N = 1000


def horizon_boundary(fraction: float, alpha: float, sides: Sides = 2) -> float:
    """Standard errors that a walk exceeds at any look up to fraction 1 with probability `alpha`, when it is at `fraction`.

    z(1 − α/(2·sides))/√fraction, because P(max of a Brownian motion on 0..1 ≥ c) = 2·P(its end ≥ c). Infinite for a
    fraction above 1: past the planned n this part says nothing. Raises InputError for a fraction of 0 or less.
    """
    if not fraction > 0:
        raise InputError(f"must be positive, is {fraction:g}", field="fraction")
    return _horizon_end(alpha, sides) / math.sqrt(fraction) if fraction <= 1 else math.inf


def planned_boundary(n: float, planned_n: float | None, alpha: float, sides: Sides = 2) -> float:
    """Standard errors that the estimate after `n` units exceeds, at any n ever, with probability at most `alpha`.

    With `sides` 1 that holds for either direction by itself. Without a planned n the mixture gets all of α.
    """
    return float(planned_boundaries(np.array([n], dtype=np.float64), planned_n, alpha, sides)[0])


def planned_boundaries(n: NDArray[np.float64], planned_n: float | None, alpha: float, sides: Sides = 2) -> NDArray[np.float64]:
    """`planned_boundary` for every number of units in `n`."""
    if planned_n is None:
        return _mixture(n, UNPLANNED_N, alpha, sides)
    mixture = _mixture(n, max(1.0, planned_n * MIXTURE_TUNING), alpha * (1 - HORIZON_SHARE), sides)
    return np.minimum(horizon_boundaries(n, planned_n, alpha, sides), mixture)


def horizon_boundaries(n: NDArray[np.float64], planned_n: float, alpha: float, sides: Sides = 2) -> NDArray[np.float64]:
    """The part of `planned_boundaries` that is spent on the looks up to `planned_n`; infinite past it."""
    end = _horizon_end(alpha * HORIZON_SHARE, sides)
    return np.where(n <= planned_n, end * np.sqrt(planned_n / n), np.inf)


def student(standard_errors: float, df: float) -> float:
    """The t quantile on `df` degrees of freedom with the tail of that many normal standard errors.

    So a boundary pays for a spread that was itself estimated. Infinite where the tail is below what numbers can hold.
    """
    tail = float(scipy.special.ndtr(-standard_errors))
    if df < 1 or tail <= 0:
        return math.inf
    quantile = -float(scipy.special.stdtrit(df, tail))
    return quantile if math.isfinite(quantile) else math.inf


def planned_drift(alpha: float, power: float, sides: Sides = 2) -> float:
    """The effect, in standard errors at the planned n, that the looks up to it find with probability `power`.

    Solves P(a Brownian motion with that drift reaches c before 1) = Φ(δ − c) + e^{2δc}·Φ(−δ − c) = power.
    """
    end = _horizon_end(alpha * HORIZON_SHARE, sides)

    def shortfall(drift: float) -> float:
        late = math.exp(2 * drift * end + float(scipy.special.log_ndtr(-drift - end)))
        return float(scipy.special.ndtr(drift - end)) + late - power

    return float(scipy.optimize.brentq(shortfall, 0.0, end + 10.0, xtol=1e-9))


def _horizon_end(alpha: float, sides: Sides) -> float:
    if not 0 < alpha < 0.5:
        raise InputError(f"must lie between 0 and 0.5, is {alpha:g}", field="alpha")
    return -float(scipy.special.ndtri(alpha / (2 * sides)))


def _mixture(n: NDArray[np.float64], optimal_n: float, alpha: float, sides: Sides) -> NDArray[np.float64]:
    """The one-sided normal-mixture boundary (`confidence_sequences.boundary`) with α/sides in each direction."""
    each = alpha / sides
    kappa = n * mixture_rho(each, optimal_n, 1) ** 2
    root = np.sqrt(kappa + 1)
    boundary: NDArray[np.float64] = np.sqrt(2 * (kappa + 1) / kappa * np.log1p(root / (2 * each)))
    return boundary
