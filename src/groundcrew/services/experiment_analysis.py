"""An experiment as its recorded outcomes stand: what the gate, the console and the command line read, from one place."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from groundcrew.domain.feedback import Outcome
from groundcrew.domain.hypothesis import BINARY_KINDS, Hypothesis
from groundcrew.metrics.analysis import AnalysisReport, analyze
from groundcrew.metrics.observations import Observation


class Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """A decided experiment. `report` is None where nothing can be decided yet, and `why` says what is lacking; `sample` tells
    that it rests on sample data, which never count."""

    report: AnalysisReport | None
    sample: bool = False
    why: str = ""


def analysis_of(registered: Hypothesis | None, outcomes: Sequence[Outcome], sample_outcomes: Sequence[Outcome]) -> Analysis:
    """The analysis of `registered` (None: nothing is registered) on the outcomes of its version, else on sample ones."""
    if registered is None:
        return Analysis(report=None, why="register the hypothesis")
    observations = _observations(registered, outcomes or sample_outcomes)
    if not observations:
        why = "record outcomes with arm and unit_id for the plan's metrics (API, client.py, `groundcrew outcomes import`)"
        return Analysis(report=None, why=why)
    return Analysis(report=analyze(registered.plan, observations), sample=not outcomes)


def _observations(registered: Hypothesis, outcomes: Sequence[Outcome]) -> list[Observation]:
    arms = registered.plan.arms
    if arms is None:
        return []
    names = {"control": arms.control, "treatment": arms.treatment, arms.control: arms.control, arms.treatment: arms.treatment}
    kinds = {metric.name: metric.kind for metric in registered.plan.metrics}
    return [
        Observation(
            unit_id=each.unit_id or each.case_id,
            arm=names[each.arm],
            metric=each.metric,
            value=each.value,
            time=each.at,
            cluster=each.cluster,
        )
        for each in outcomes
        if each.arm in names and each.metric in kinds and (kinds[each.metric] not in BINARY_KINDS or each.value in (0.0, 1.0))
    ]
