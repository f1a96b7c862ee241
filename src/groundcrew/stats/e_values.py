"""E-values for yes/no data: evidence against a rate that may be read after every case and multiplied across looks.

Mixture likelihood ratio of Robbins 1970; as an e-process in Howard et al. 2021. Reject where it reaches 1/α.
"""

from __future__ import annotations

import math

import scipy

from groundcrew.errors import InputError
from groundcrew.stats.intervals import Interval, Side, check_confidence, check_counts

#: How strongly the sample-ratio test believes the planned split: worth this many units.
SPLIT_PRIOR_UNITS = 100.0


def log_beta_binomial(successes: int, n: int, null: float, prior: tuple[float, float] = (1.0, 1.0)) -> float:
    """Natural logarithm of the beta-mixture e-value against "the rate is `null`" after `successes` of `n`.

    The alternative is a Beta(prior) mixture, uniform by default. Infinite where the null makes the data impossible.
    Raises InputError for impossible counts, a null outside 0..1, or a prior that is not positive.
    """
    check_counts(successes, n)
    a, b = prior
    if not 0 <= null <= 1:
        raise InputError(f"must lie in 0..1, is {null:g}", field="null")
    if not (a > 0 and b > 0):
        raise InputError("must hold two positive numbers", field="prior")
    mixture = float(scipy.special.betaln(a + successes, b + n - successes) - scipy.special.betaln(a, b))
    likelihood = float(scipy.special.xlogy(successes, null) + scipy.special.xlog1py(n - successes, -null))
    return mixture - likelihood


def beta_binomial_e_value(successes: int, n: int, null: float, prior: tuple[float, float] = (1.0, 1.0)) -> float:
    """The beta-mixture e-value itself, 0..∞, 1 for no data: 20 rejects at α = .05 whenever one looks."""
    logarithm = log_beta_binomial(successes, n, null, prior)
    return math.inf if logarithm > math.log(1e300) else math.exp(logarithm)


def beta_binomial_interval(
    successes: int,
    n: int,
    confidence: float = 0.95,
    side: Side = "two-sided",
    prior: tuple[float, float] = (1.0, 1.0),
) -> Interval:
    """Anytime-valid interval of one rate, within 0..1: all nulls whose e-value never needs to be rejected at this n.

    A one-sided interval spends the whole error on its side. n = 0 gives estimate None and the whole range.
    """
    check_confidence(confidence)
    check_counts(successes, n)
    limit = -math.log(1 - confidence)
    estimate = successes / n if n else None
    lower, upper = 0.0, 1.0

    def excess(null: float) -> float:
        return log_beta_binomial(successes, n, null, prior) - limit

    if n:
        rate = successes / n
        tiny = 1e-15
        if side != "upper" and rate > 0:
            lower = float(scipy.optimize.brentq(excess, tiny, rate)) if excess(tiny) > 0 > excess(rate) else 0.0
        if side != "lower" and rate < 1:
            top = 1 - tiny
            upper = float(scipy.optimize.brentq(excess, rate, top)) if excess(top) > 0 > excess(rate) else 1.0
    return Interval(estimate=estimate, lower=lower, upper=upper, n=n, method="beta-binomial-cs", confidence=confidence)


def split_e_value(treatment_units: int, control_units: int, split: float) -> float:
    """Sequential sample-ratio test: the e-value against "the treatment's share is `split`" (Lindon & Malek 2022).

    Unlike the χ² test it may be read after every unit; 1000 corresponds to p = .001.
    """
    if not 0 < split < 1:
        raise InputError(f"must lie between 0 and 1, is {split:g}", field="split")
    prior = (SPLIT_PRIOR_UNITS * split, SPLIT_PRIOR_UNITS * (1 - split))
    return beta_binomial_e_value(treatment_units, treatment_units + control_units, split, prior)
