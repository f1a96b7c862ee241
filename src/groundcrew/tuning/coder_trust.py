"""From which trust on a coder's answer may do without a person: the bound that keeps the quality that was asked for, and what it
leaves to people. Found on held-out cases, with curves that had not seen the case."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from groundcrew.stats.intervals import Interval, mean_t, wilson
from groundcrew.stats.moments import moments
from groundcrew.stats.risk_tests import betting_p_values, binomial_p_values
from groundcrew.tuned.coder import Curve
from groundcrew.tuning.coder_ranker import Floats, Ints, calibrate

#: No trust reaches it: every case goes to a person.
EVERYTHING = 1.0
#: The share of the cases, the surest, that the first test is about.
START_SHARE = 1 / 3
#: So much of a trust is its raw value, so that no two cases of unequal figures have one trust.
_RISE = 0.001
_SEED = 20_177


class Bound(msgspec.Struct, frozen=True):
    """`person_below` keeps the wanted quality where `promised`; `answered` is the share of held-out cases that it leaves without
    a person, `quality` what these came to."""

    person_below: float
    promised: bool
    answered: Interval
    quality: Interval


def trust_curve(said: Floats, came: Floats) -> Curve:
    """What a case's figure means, strictly rising: a bound then parts the cases where it was chosen to."""
    fitted = calibrate(said, came, lowest=0.0, highest=1.0)
    x = np.unique(np.concatenate([[0.0, 1.0], np.clip(fitted.x, 0.0, 1.0)]))
    y = (1 - _RISE) * fitted(x) + _RISE * x
    return Curve(tuple(np.round(x, 9).tolist()), tuple(np.round(np.minimum(y, 1 - 1e-6), 9).tolist()))


def held_out_trust(said: Floats, came: Floats, fold: Ints) -> Floats:
    """Each case's trust by a curve of the other parts of the cross-validation."""
    trust = np.zeros(len(said))
    for part in np.unique(fold):
        inside = fold == part
        trust[inside] = trust_curve(said[~inside], came[~inside])(said[inside])
    return trust


def find_bound(trust: Floats, came: Floats, groups: Sequence[str], *, wanted: float, confidence: float, exact: bool) -> Bound:
    """The lowest trust from which on the mean of `came` (0..1) is at least `wanted`, with that confidence.

    A fixed sequence of tests from the surest third of the cases down (Learn then Test, Angelopoulos et al. 2021), by the exact
    binomial test where `came` is yes or no (`exact`), else by betting (Waudby-Smith & Ramdas 2024); of a group one case counts.
    """
    chosen = one_of_each(groups)
    order = chosen[np.argsort(-trust[chosen], kind="stable")]
    start = max(1, int(len(order) * START_SHARE))
    if exact:
        losses = np.rint(np.cumsum(1.0 - came[order])).astype(np.int64)
        p_values = binomial_p_values(losses, np.arange(1, len(order) + 1), 1 - wanted)
    else:
        p_values = betting_p_values(1.0 - came[order], 1 - wanted)
    failed = np.flatnonzero(p_values[start - 1 :] > 1 - confidence)
    passed = len(order) if not failed.size else start - 1 + int(failed[0])
    if not failed.size:
        person_below = 0.0
    elif failed[0] == 0:
        person_below = EVERYTHING
    else:
        # Strictly above the first case that is left out; cases of equal trust go with it.
        person_below = float(np.nextafter(trust[order[passed]], 2.0))
    return told(trust, came, person_below, promised=person_below < EVERYTHING)


def told(trust: Floats, came: Floats, person_below: float, *, promised: bool) -> Bound:
    """What `person_below` comes to on these cases."""
    answered = trust >= person_below
    count = int(answered.sum())
    return Bound(person_below, promised, wilson(count, len(trust)), mean_t(moments(came[answered].tolist())))


def figures(bound: Bound, kind: str) -> dict[str, float]:
    """The bound's figures by name, with their 95 % intervals."""
    named = {"answered_share": bound.answered, f"answered_{kind}": bound.quality}
    found = {}
    for name, interval in named.items():
        for end, value in (("", interval.estimate), ("_low", interval.lower), ("_high", interval.upper)):
            if value is not None:
                found[name + end] = value
    return found


def one_of_each(groups: Sequence[str]) -> Ints:
    """One case of each group, by an order that nothing of the cases decides; "" is a group of its own."""
    order = np.random.default_rng(_SEED).permutation(len(groups))
    seen: set[str] = set()
    chosen = []
    for at in order.tolist():
        if not groups[at] or groups[at] not in seen:
            chosen.append(at)
            seen.add(groups[at])
    return np.array(sorted(chosen), dtype=np.int64)
