"""Fits a cascade's bounds from labelled claims, so that the dearer stages are asked as little as possible at equal quality.

Equal means: of the claims that are supported, and of those that are not, the cascade gets at most `margin` fewer right than the
stages after it would alone, with one standard error to spare; per class, so that no rare class pays for a common one. Stages are
fitted from the last to the first, each against all that comes after it. Whether a contradiction that the first stage finds
decides is fitted too: where its checks are wrong more often than the judge, they only ask.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.errors import InputError
from groundcrew.grounding.cascade import SUPPORT_THRESHOLD, Bounds

#: Values that are tried for each of a stage's two bounds.
CANDIDATES_MAX = 200
#: Fewer labelled claims of either class say nothing.
LABELLED_MIN = 20
#: Standard errors by which the difference must keep within the margin.
STANDARD_ERRORS = 1.0

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class LabelledClaim(msgspec.Struct, frozen=True, kw_only=True):
    """A claim that a person has judged. `supports` holds what each stage says of it (0..1), the last one's at the end;
    `contradicted` that the first stage finds passages which say otherwise."""

    supported: bool
    supports: tuple[float, ...]
    contradicted: bool = False


class FittedCascade(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of every stage but the last. `asked` is the share of claims, 0..1, that each stage from the second on looks at;
    `accuracy` of the cascade, and `last_accuracy` of the last stage alone, both on the claims that were fitted."""

    bounds: tuple[Bounds, ...]
    asked: tuple[float, ...]
    accuracy: float
    last_accuracy: float
    claims: int


def fit_cascade(claims: Sequence[LabelledClaim], *, margin: float = 0.01) -> FittedCascade:
    """Bounds for the stages of `claims` (two or more). InputError where there are too few labels of a class, or the claims do not
    all have the same number of supports, 0..1."""
    stages = len(claims[0].supports) if claims else 0
    if stages < 2 or any(len(each.supports) != stages for each in claims):
        raise InputError("every claim needs the supports of the same two or more stages", field="supports")
    supports = np.array([each.supports for each in claims], dtype=np.float64)
    if not (np.isfinite(supports).all() and (supports >= 0).all() and (supports <= 1).all()):
        raise InputError("must lie between 0 and 1", field="supports")
    labels = np.array([each.supported for each in claims], dtype=np.bool_)
    for name, count in (("supported", int(labels.sum())), ("unsupported", int((~labels).sum()))):
        if count < LABELLED_MIN:
            raise InputError(f"{count} {name} claims are labelled; at least {LABELLED_MIN} are needed")
    contradicted = np.array([each.contradicted for each in claims], dtype=np.bool_)
    verdicts = supports[:, -1] >= SUPPORT_THRESHOLD
    found: list[Bounds] = []
    for stage in range(stages - 2, -1, -1):
        own = supports[:, stage]
        vetoed = contradicted if stage == 0 else np.zeros_like(contradicted)
        bounds = _fit_stage(own, vetoed, verdicts, labels, margin)
        found.insert(0, bounds)
        verdicts = np.where(_decided(own, vetoed, bounds), (own >= SUPPORT_THRESHOLD) & ~vetoed, verdicts)
    return FittedCascade(
        bounds=tuple(found),
        asked=asked_shares(supports, contradicted, found),
        accuracy=float((verdicts == labels).mean()),
        last_accuracy=float(((supports[:, -1] >= SUPPORT_THRESHOLD) == labels).mean()),
        claims=len(claims),
    )


def asked_shares(supports: Floats, contradicted: Bools, bounds: Sequence[Bounds]) -> tuple[float, ...]:
    """The share of claims that each stage from the second on looks at. `supports` is (claims, stages); `contradicted` are claims
    against which the first stage found a passage."""
    is_open, shares = np.ones(len(supports), dtype=np.bool_), []
    for stage, each in enumerate(bounds):
        vetoed = contradicted if stage == 0 else np.zeros_like(contradicted)
        is_open = is_open & ~_decided(supports[:, stage], vetoed, each)
        shares.append(float(is_open.mean()))
    return tuple(shares)


def _decided(own: Floats, vetoed: Bools, bounds: Bounds) -> Bools:
    sure = (own >= bounds.accept) | (own <= bounds.reject)
    found: Bools = np.where(vetoed, bounds.veto, sure)
    return found


def _fit_stage(own: Floats, vetoed: Bools, later: Bools, labels: Bools, margin: float) -> Bounds:
    """The bounds that leave least open, of all that are equal to what comes `later`; where none are, those that decide next to
    nothing. What bounds get wrong is what their accepting, rejecting and vetoes get wrong, so that each is summed once."""
    accepts = _candidates(own[(own >= SUPPORT_THRESHOLD) & ~vetoed], upper=True)
    rejects = _candidates(own[(own < SUPPORT_THRESHOLD) & ~vetoed], upper=False)
    accepted = (own[None, :] >= accepts[:, None]) & ~vetoed[None, :]
    rejected = (own[None, :] <= rejects[:, None]) & ~vetoed[None, :]
    sums = [accepted.sum(axis=1)[:, None] + rejected.sum(axis=1)[None, :] + veto * int(vetoed.sum()) for veto in (0, 1)]
    best, best_decided = Bounds(accept=1.0, reject=0.0, veto=False), -1
    for veto, decided in zip((False, True), sums, strict=True):
        is_equal = _equal(accepted, rejected, vetoed & veto, later == labels, labels, margin)
        decided = np.where(is_equal, decided, -1)
        place = np.unravel_index(int(decided.argmax()), decided.shape)
        if decided[place] > best_decided or (veto and decided[place] == best_decided >= 0):
            best_decided = int(decided[place])
            best = Bounds(accept=float(accepts[place[0]]), reject=float(rejects[place[1]]), veto=veto)
    return best


def _equal(accepted: Bools, rejected: Bools, vetoed: Bools, right_later: Bools, labels: Bools, margin: float) -> Bools:
    """For each pair of rows of `accepted` and `rejected`, whether deciding those and `vetoed` loses no more than `margin` of
    either class against what comes later."""
    later = right_later.astype(np.float64)
    lost_accepting, lost_rejecting = later - labels, later - ~labels
    is_equal = np.ones((len(accepted), len(rejected)), dtype=np.bool_)
    for of_class in (labels, ~labels):
        count = int(of_class.sum())
        total, squares = (
            (accepted @ (lost_accepting**power * of_class))[:, None]
            + (rejected @ (lost_rejecting**power * of_class))[None, :]
            + float((lost_rejecting**power * (of_class & vetoed)).sum())
            for power in (1, 2)
        )
        mean = total / count
        error = np.sqrt(np.maximum(0.0, squares / count - mean**2) / count)
        is_equal &= mean + STANDARD_ERRORS * error <= margin
    return is_equal


def _candidates(values: Floats, *, upper: bool) -> Floats:
    """At most CANDIDATES_MAX bounds: quantiles of `values`, and the bound that decides next to nothing."""
    distinct = np.unique(values)
    if len(distinct) > CANDIDATES_MAX:
        distinct = np.unique(np.quantile(values, np.linspace(0, 1, CANDIDATES_MAX)))
    return np.append(distinct, 1.0) if upper else np.append(0.0, distinct)
