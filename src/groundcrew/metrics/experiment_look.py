"""What one look at a running experiment says: the decided report, how sound its data are, and who was exposed."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from groundcrew.metrics.analysis import AnalysisReport

#: Rises whenever the same data would be decided otherwise, so that kept looks of before are computed again.
ANALYSIS_VERSION = 1

#: Who said which unit is in which arm: our log of exposures, or the outcomes themselves.
AssignedBy = Literal["log", "application", "nobody"]


class DataQuality(msgspec.Struct, frozen=True, kw_only=True):
    """What was found when outcomes were held against the log of exposures. `outcomes` counts the values that were compared;
    `crossed`, `unassigned`, `held_out` and `before_registration` count units, the others values.

    - crossed: an outcome declares another arm than the unit was assigned to; it counts where it was assigned.
    - unassigned: an outcome declares an arm, and the unit was never exposed; it is left out.
    - held_out: units of the holdout, which are left out.
    - before_registration: units that were seen before the hypothesis was registered; they are left out.
    - before_exposure: values measured before their unit was exposed; they are left out.
    - unfit: values that can not be ones of their metric, and those without a cluster that the plan needs.

    `problems` are those that void the experiment, one line each.
    """

    outcomes: int = 0
    crossed: int = 0
    unassigned: int = 0
    held_out: int = 0
    before_registration: int = 0
    before_exposure: int = 0
    unfit: int = 0
    problems: tuple[str, ...] = ()


class Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """A decided experiment. `report` is None where nothing can be decided yet, and `why` says what is lacking; `sample` tells
    that it rests on sample data, which never count. `exposed` counts logged units by arm.
    `as_of` and `look_id` are those of a kept look, None for one that was just computed."""

    report: AnalysisReport | None
    sample: bool = False
    why: str = ""
    assigned_by: AssignedBy = "nobody"
    quality: DataQuality = DataQuality()
    exposed: dict[str, int] = {}
    as_of: datetime | None = None
    look_id: str | None = None


class ExperimentLook(msgspec.Struct, frozen=True, kw_only=True):
    """A look that was kept: `experiment` is the hypothesis's digest, `mark` says up to which rows it counts, `analysis` is the
    `Analysis` as JSON text."""

    id: str
    use_case: str
    experiment: str
    version_digest: str
    mark: str
    at: datetime
    analysis: str

    def decoded(self) -> Analysis | None:
        """What it said; None where a release said it in a way that this one does not read."""
        try:
            found = msgspec.json.decode(self.analysis, type=Analysis)
        except msgspec.MsgspecError:
            return None
        return msgspec.structs.replace(found, as_of=self.at, look_id=self.id)
