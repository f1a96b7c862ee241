"""How answers that were scored again compare with what they were given at first: who crossed the threshold, the largest moves,
and, where people have judged answers, which of the two scores tells good from bad better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

import msgspec
import numpy as np

from groundcrew.domain.rescoring import Rescored
from groundcrew.stats.discrimination import auroc
from groundcrew.stats.intervals import Interval

MOVES_SHOWN_MAX = 20
#: Differences below this are what rounding makes.
SAME = 0.0005


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
        auroc_before=_area([(supported, before) for supported, before, _ in judged]),
        auroc_after=_area([(supported, after) for supported, _, after in judged]),
    )


def _area(judged: Sequence[tuple[bool, float]]) -> Interval | None:
    """P(a supported answer scores above an unsupported one) with its interval; None unless there is one of each kind."""
    if len({supported for supported, _ in judged}) < 2:
        return None
    return auroc(np.array([score for _, score in judged]), np.array([supported for supported, _ in judged]))
