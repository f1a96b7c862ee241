"""A guarantee in plain words, and what more labels would buy: what a person reads who did not study statistics."""

from __future__ import annotations

import numpy as np

from groundcrew.domain.calibration import Guarantee, LabelsNeeded
from groundcrew.stats.risk_tests import errors_allowed, labels_needed, labels_without_error
from groundcrew.stats.weighted import LabelArrays, effective_size

#: Shares of all answers for which the labels needed are worked out, and the chance of success that they are for.
SHARES = (1.0, 0.75, 0.5, 0.25)
POWER = 0.8
#: With fewer labels, the risk seen among them says nothing of how many it takes.
LABELS_MIN = 20


def labels_that_would_do(arrays: LabelArrays, unsupported_max: float, confidence: float) -> tuple[LabelsNeeded, ...]:
    """For each of SHARES the labels that would release the answers with the highest scores, at the risk seen among them.

    The risk is (errors + ½)/(n + 1), so that no error among few labels is not taken for no risk. Weighted labels count for
    fewer, in the proportion of their effective size; empty below LABELS_MIN labels.
    """
    if arrays.scores.size < LABELS_MIN:
        return ()
    order = np.argsort(-arrays.scores, kind="stable")
    weights, wrong = arrays.weights[order], arrays.unsupported[order]
    mass = np.cumsum(weights)
    rows = []
    for share in SHARES:
        count = int(np.searchsorted(mass, share * mass[-1] - 1e-9)) + 1
        size = effective_size(weights[:count])
        risk = (float(np.average(wrong[:count], weights=weights[:count])) * size + 0.5) / (size + 1)
        needed = labels_needed(unsupported_max, confidence, risk, min(size / arrays.scores.size, 1.0), POWER)
        rows.append(LabelsNeeded(share=share, risk=risk, labels=needed, power=POWER))
    return tuple(rows)


def reason(guarantee: Guarantee, untested: int) -> str:
    """One to three sentences that say what is promised, or why nothing is."""
    promise = f"at most {_percent(guarantee.unsupported_max)} of released answers unsupported"
    certain = f"{_percent(guarantee.confidence)} confidence"
    parts = []
    if guarantee.threshold is not None:
        parts.append(
            f"{promise}, with {certain}: of {guarantee.released} labels at or above {guarantee.threshold:.4g}, "
            f"{guarantee.unsupported} are unsupported, which bounds the risk at {_percent(guarantee.risk_upper)}; "
            f"about {_percent(guarantee.share or 0.0)} of answers would be released"
        )
    elif guarantee.labels == 0:
        enough = labels_without_error(guarantee.unsupported_max, guarantee.confidence)
        parts.append(f"there are no labels, so nothing can be guaranteed; {enough} without an error would do for {promise}")
    else:
        parts.append(_why_nothing(guarantee, guarantee.labels - untested))
    if untested and guarantee.method == "betting":
        parts.append(f"{untested} of the {guarantee.labels} labels only placed the candidate thresholds and were not tested")
    elif untested:
        parts.append(f"{untested} of the {guarantee.labels} labels were left out at random, so that the rest is an even sample")
    return "; ".join(parts)


def _why_nothing(guarantee: Guarantee, tested: int) -> str:
    maximum, confidence = guarantee.unsupported_max, guarantee.confidence
    enough = labels_without_error(maximum, confidence)
    if tested < enough:
        best = 1 - (1 - confidence) ** (1 / tested) if tested else 1.0
        return (
            f"with {tested} {'label' if tested == 1 else 'labels'} nothing can be guaranteed at {_percent(maximum)}: even "
            f"0 wrong of {tested} bounds the risk only at {_percent(best)}; {enough} labels without an error would do"
        )
    allowed = errors_allowed(guarantee.released, maximum, confidence)
    seen = f"of all {guarantee.released} tested labels {guarantee.unsupported} are unsupported"
    if guarantee.unsupported > allowed:
        seen += f" (at most {max(allowed, 0)} may be to release all)"
    hopeful = [each for each in guarantee.more_labels if each.labels is not None]
    if hopeful:
        least = min(hopeful, key=lambda each: (each.labels or 0, -each.share))
        more = f"about {least.labels} labels would likely release {_percent(least.share)} of answers"
    else:
        more = "the highest scores hold too many unsupported answers for any number of labels to help: the score must get better"
    return f"no threshold passes at {_percent(maximum)}: {seen}; {more}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
