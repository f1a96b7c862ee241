"""How answers that were scored again compare with what they were given at first: who crossed the threshold, the largest moves,
and, where people have judged answers, which of the two scores tells good from bad better."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from statistics import fmean

import msgspec

from groundcrew.domain.rescoring import Rescored
from groundcrew.stats.intervals import Interval

MOVES_SHOWN_MAX = 20
#: Differences below this are what rounding makes.
SAME = 0.0005
_Z95 = 1.959964


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One answer whose trust changed."""

    call_id: str
    before: float
    after: float


class RescoringReport(msgspec.Struct, frozen=True, kw_only=True):
    """A comparison over `n` answers; `unscored` of them have no score on one of the two sides. `rose` went from below their
    use case's threshold to it or above, `fell` the other way. `auroc_*`: on the answers that people judged; None for neither
    kind. Sample calls are counted apart and in nothing else."""

    n: int
    unscored: int
    unchanged: int
    rose: int
    fell: int
    samples: int
    mean_before: float | None
    mean_after: float | None
    moves: tuple[Move, ...]
    labelled: int
    auroc_before: Interval | None
    auroc_after: Interval | None


def compare(rows: Sequence[Rescored], labels: Mapping[str, bool]) -> RescoringReport:
    """The comparison of `rows`. `labels`: call id → whether people found its answer supported."""
    own = [row for row in rows if not row.sample]
    pairs = [(row, row.trust, row.report.trust) for row in own if row.trust is not None and row.report.trust is not None]
    moves = sorted(
        (Move(call_id=row.call_id, before=before, after=after) for row, before, after in pairs if abs(after - before) > SAME),
        key=lambda each: (-abs(each.after - each.before), each.call_id),
    )
    judged = [(labels[row.call_id], before, after) for row, before, after in pairs if row.call_id in labels]
    return RescoringReport(
        n=len(own),
        unscored=len(own) - len(pairs),
        unchanged=len(pairs) - len(moves),
        rose=sum(before < row.threshold <= after for row, before, after in pairs),
        fell=sum(after < row.threshold <= before for row, before, after in pairs),
        samples=len(rows) - len(own),
        mean_before=fmean(before for _, before, _ in pairs) if pairs else None,
        mean_after=fmean(after for _, _, after in pairs) if pairs else None,
        moves=tuple(moves[:MOVES_SHOWN_MAX]),
        labelled=len(judged),
        auroc_before=auroc([(supported, before) for supported, before, _ in judged]),
        auroc_after=auroc([(supported, after) for supported, _, after in judged]),
    )


def auroc(judged: Sequence[tuple[bool, float]]) -> Interval | None:
    """P(a supported answer scores above an unsupported one), ties half, 0..1, with its 95 % interval (Hanley & McNeil 1982).

    None unless there is at least one of each kind.
    """
    good = [score for supported, score in judged if supported]
    bad = sorted(score for supported, score in judged if not supported)
    if not good or not bad:
        return None
    below = sum(bisect_left(bad, score) + 0.5 * (bisect_right(bad, score) - bisect_left(bad, score)) for score in good)
    area = below / (len(good) * len(bad))
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (len(good) - 1) * (one - area**2) + (len(bad) - 1) * (two - area**2)
    half = _Z95 * math.sqrt(max(0.0, variance) / (len(good) * len(bad)))
    return Interval(
        estimate=area,
        lower=max(0.0, area - half),
        upper=min(1.0, area + half),
        n=len(judged),
        method="Hanley-McNeil",
        confidence=0.95,
    )
