"""Tests of "more than ε of these answers are unsupported", and how many labels they take: the atoms of risk control.

Exact binomial tail (Clopper & Pearson 1934), Hoeffding–Bentkus (Bates et al. 2021), and betting on weighted losses
(Waudby-Smith & Ramdas 2024), which holds at any time.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import scipy
from numpy.typing import NDArray

from groundcrew.errors import InputError
from groundcrew.stats.intervals import check_confidence

Numbers = NDArray[np.float64]

#: Shares of the largest safe stake that the bettors of the mixture risk, in equal parts of the capital. The first one wins
#: fastest where no answer is wrong, the last where almost ε are.
STAKES = (1.0, 0.7, 0.4)
#: Errors among released labels up to which the number of labels is searched; beyond, no one would label so many.
ERRORS_MAX = 1_000
#: Halvings of the search for a bound on the risk: beyond double precision's use.
BISECTIONS = 40


def check_promise(unsupported_max: float, confidence: float) -> None:
    """Raise InputError unless both lie strictly between 0 and 1."""
    if not 0 < unsupported_max < 1:
        raise InputError(f"must lie between 0 and 1, is {unsupported_max:g}", field="unsupported_max")
    check_confidence(confidence)


def binomial_p_values(unsupported: NDArray[np.int64], n: NDArray[np.int64], unsupported_max: float) -> Numbers:
    """P(X ≤ unsupported) for X ~ Binomial(n, ε): the exact p-values of "the risk is above ε"; 1 for n = 0."""
    values: Numbers = np.where(n > 0, scipy.special.bdtr(unsupported, np.maximum(n, 1), unsupported_max), 1.0)
    return values


def hoeffding_bentkus_p_values(losses: Numbers, n: NDArray[np.int64], unsupported_max: float) -> Numbers:
    """p-values of "the mean loss is above ε" for sums of `n` losses in 0..1 that need not be yes or no (Bates et al. 2021).

    The lesser of exp(−n·kl(mean, ε)) and e·P(Binomial(n, ε) ≤ ⌈sum⌉); looser than the exact test where losses are 0 or 1.
    """
    mean = np.minimum(losses / np.maximum(n, 1), unsupported_max)
    divergence = scipy.special.rel_entr(mean, unsupported_max) + scipy.special.rel_entr(1 - mean, 1 - unsupported_max)
    hoeffding = np.exp(-n * divergence)
    whole = np.minimum(np.ceil(losses - 1e-9), n)
    bentkus = math.e * binomial_p_values(whole.astype(np.int64), n, unsupported_max)
    values: Numbers = np.minimum(1.0, np.minimum(hoeffding, bentkus))
    return values


def betting_p_values(losses: Numbers, loss_max: float) -> Numbers:
    """p-values of "the mean loss is above ε" after each of `losses` in 0..1, which need not be yes or no: what `log_wealth_path`
    says, one over the bettors' wealth. Far less than Hoeffding and Bentkus ask for where losses spread little."""
    edge = (loss_max - losses) / (1 - loss_max)
    wealth = _log_mean([np.cumsum(np.log1p(np.maximum(stake * edge, -1 + 1e-12))) for stake in STAKES])
    return np.exp(-np.maximum(wealth, 0.0))


def log_wealth_path(weights: Numbers, unsupported: NDArray[np.bool_], unsupported_max: float) -> Numbers:
    """After each label the logarithm of what a bettor against "the weighted risk is above ε" owns who began with 1.

    Under that hypothesis E[w·(loss − ε)] ≥ 0, so the mean over STAKES of ∏(1 + η·w·(ε − loss)), η = stake/(1 − ε), is a
    supermartingale that ever reaches 1/α with probability α at most (Ville 1939; Waudby-Smith & Ramdas 2024, section 4).
    `weights` must lie in 0..1; those of answers that are not released are 0. The last value rises with ε, and does not depend
    on the order. Any leading axes of `weights` are kept.
    """
    odds = unsupported_max / (1 - unsupported_max)
    with np.errstate(divide="ignore"):
        gains = [np.cumsum(np.log1p(stake * weights * np.where(unsupported, -1.0, odds)), axis=-1) for stake in STAKES]
    return _log_mean(gains)


def _log_mean(gains: list[Numbers]) -> Numbers:
    """The logarithm of the mean over STAKES of what each has made, from the logarithms."""
    mean: Numbers = scipy.special.logsumexp(np.array(gains), axis=0) - math.log(len(STAKES))
    return mean


def log_wealth(weights: Numbers, unsupported: NDArray[np.bool_], unsupported_max: float) -> Numbers:
    """The end of `log_wealth_path`; 0 before the first label."""
    if weights.shape[-1] == 0:
        return np.zeros(weights.shape[:-1])
    last: Numbers = log_wealth_path(weights, unsupported, unsupported_max)[..., -1]
    return last


def risk_bound(weights: Numbers, unsupported: NDArray[np.bool_], alpha: float) -> float:
    """The least ε that betting rejects at `alpha`: an upper bound of the weighted risk, 1 where nothing is rejected."""
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if float(log_wealth(weights, unsupported, middle)) >= -math.log(alpha):
            high = middle
        else:
            low = middle
    return high


def labels_without_error(unsupported_max: float, confidence: float) -> int:
    """The least n for which 0 unsupported of n bounds the risk at ε: ⌈log δ/log(1 − ε)⌉; 59 for 5 % and 95 %."""
    check_promise(unsupported_max, confidence)
    return max(1, math.ceil(math.log(1 - confidence) / math.log1p(-unsupported_max) - 1e-9))


@functools.lru_cache(maxsize=64)
def least_labels(unsupported_max: float, confidence: float) -> NDArray[np.int64]:
    """For 0, 1, … ERRORS_MAX unsupported answers the least number of released labels that still passes the exact test."""
    check_promise(unsupported_max, confidence)
    delta = 1 - confidence
    errors = np.arange(ERRORS_MAX + 1)
    # A Poisson count with the same mean spreads more than a binomial one, so its quantile is never too small.
    high: NDArray[np.int64] = np.ceil(scipy.special.gammaincinv(errors + 1, confidence) / unsupported_max).astype(np.int64) + 1
    low = np.maximum(errors, np.floor(high * (1 - 2 * unsupported_max)).astype(np.int64) - 2)
    low = np.where(scipy.special.bdtr(errors, low, unsupported_max) <= delta, errors, low)
    while bool((high - low > 1).any()):
        middle = (low + high) // 2
        passes = scipy.special.bdtr(errors, middle, unsupported_max) <= delta
        low, high = np.where(passes, low, middle), np.where(passes, middle, high)
    high.setflags(write=False)
    return high


def errors_allowed(n: int, unsupported_max: float, confidence: float) -> int:
    """The most unsupported answers among `n` released ones that still pass the exact test; −1 where not even none would."""
    check_promise(unsupported_max, confidence)
    low, high = -1, n
    while high - low > 1:
        middle = (low + high) // 2
        if float(scipy.special.bdtr(middle, n, unsupported_max)) <= 1 - confidence:
            low = middle
        else:
            high = middle
    return low


def power(labels: int, unsupported_max: float, confidence: float, expected_risk: float, share: float = 1.0) -> float:
    """Chance, 0..1, that one exact test on the ⌊share·labels⌋ released of them passes, were `expected_risk` their true risk."""
    _check_expectation(expected_risk, share)
    released = math.floor(share * labels + 1e-9)
    allowed = errors_allowed(released, unsupported_max, confidence)
    return 0.0 if allowed < 0 else float(scipy.special.bdtr(allowed, released, expected_risk))


def labels_needed(
    unsupported_max: float, confidence: float, expected_risk: float, share: float = 1.0, wanted_power: float = 0.8
) -> int | None:
    """Labels for which `power` reaches `wanted_power`; None where `expected_risk` is not below ε or it takes too many.

    Exact binomial test at the sizes where one more error is allowed; `share` is the part of all answers to be released.
    """
    _check_expectation(expected_risk, share)
    if not 0 < wanted_power < 1:
        raise InputError(f"must lie between 0 and 1, is {wanted_power:g}", field="wanted_power")
    least = least_labels(unsupported_max, confidence)
    if expected_risk >= unsupported_max:
        return None
    passes = scipy.special.bdtr(np.arange(least.size), least, expected_risk) >= wanted_power
    return math.ceil(int(least[int(np.argmax(passes))]) / share - 1e-9) if bool(passes.any()) else None


def _check_expectation(expected_risk: float, share: float) -> None:
    if not 0 <= expected_risk <= 1:
        raise InputError(f"must lie in 0..1, is {expected_risk:g}", field="expected_risk")
    if not 0 < share <= 1:
        raise InputError(f"must lie above 0 and at most at 1, is {share:g}", field="share")
