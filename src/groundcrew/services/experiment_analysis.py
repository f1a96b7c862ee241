"""An experiment as its recorded outcomes stand: what the gate, the console and the command line read, from one place."""

from __future__ import annotations

import asyncio
from datetime import datetime

import msgspec

from groundcrew.domain.hypothesis import Hypothesis, HypothesisPlan
from groundcrew.metrics.analysis import AnalysisReport, analyze_columns, loss_problem, split_check
from groundcrew.metrics.experiment_look import Analysis, DataQuality
from groundcrew.services.experiment_columns import Joined, Recorded, after, join, read
from groundcrew.services.page_memory import remembered
from groundcrew.store import experiments as stored
from groundcrew.store.database import Connection

__all__ = ["Analysis", "DataQuality", "computed", "current_analysis", "registered_of"]


def registered_of(newest: Hypothesis | None) -> Hypothesis | None:
    """The newest hypothesis if it is registered (or beyond) and unaltered."""
    return newest if newest is not None and newest.state != "draft" and newest.intact else None


async def current_analysis(
    connection: Connection, use_case: str, newest: Hypothesis | None, version_digest: str, *, recompute: bool = True
) -> Analysis:
    """The newest kept look where it counts everything that is recorded, else the analysis computed now; nothing is written.

    Without `recompute` a kept look is taken though more has arrived since: it says of when it is. Where none is kept, what was
    computed for the last page is taken as long as nothing has arrived.
    """
    registered = registered_of(newest)
    if registered is not None and registered.digest is not None:
        kept = await stored.latest_look(connection, registered.digest, version_digest)
        if kept is not None and (not recompute or kept.mark == await stored.mark_of(connection, use_case)):
            found = kept.decoded()
            if found is not None:
                return found
    if recompute:
        return await computed(connection, use_case, newest, version_digest)
    mark = (await stored.mark_of(connection, use_case), registered.digest if registered is not None else None)
    key = ("analysis", use_case, version_digest)
    return await remembered(connection, key, mark, lambda: computed(connection, use_case, newest, version_digest))


async def computed(
    connection: Connection, use_case: str, newest: Hypothesis | None, version_digest: str, *, since: datetime | None = None
) -> Analysis:
    """The analysis of the newest hypothesis on the outcomes of one version, else on sample ones, computed now; on what was
    measured after `since` alone, where given."""
    registered = registered_of(newest)
    if registered is None:
        return Analysis(report=None, why="register the hypothesis")
    recorded = await read(connection, use_case, registered, version_digest)
    if since is not None and registered is not None and registered.registered_at is not None:
        recorded = after(recorded, since, registered.registered_at)
        registered = at_every_look(registered)
    return await asyncio.to_thread(_decided, registered, recorded)


def at_every_look(registered: Hypothesis) -> Hypothesis:
    """The hypothesis with bounds that hold at every look: a fixed plan is read once, what happens since is looked at again and
    again."""
    return msgspec.structs.replace(registered, plan=msgspec.structs.replace(registered.plan, monitoring="sequential"))


def _decided(registered: Hypothesis, recorded: Recorded) -> Analysis:
    if registered.plan.arms is None or registered.registered_at is None:
        return Analysis(report=None, why="the plan has no arms to compare")
    exposed = {"control": 0, "treatment": 0, "holdout": 0} if recorded.exposures else {}
    for each in recorded.exposures.values():
        exposed[each.arm] = exposed.get(each.arm, 0) + 1
    joined, sample = join(recorded, registered, sample=False), False
    if not len(joined.columns) and not recorded.exposures:
        of_samples = join(recorded, registered, sample=True)
        if len(of_samples.columns):
            joined, sample = of_samples, True
    found = Analysis(
        report=None,
        sample=sample,
        assigned_by=joined.assigned_by,
        quality=joined.quality,
        exposed=exposed,
    )
    if not len(joined.columns):
        if joined.quality.problems:
            return msgspec.structs.replace(found, why="; ".join(joined.quality.problems))
        why = "record outcomes with unit_id for the plan's metrics (API, client.py, `groundcrew outcomes import`)"
        if not recorded.exposures:
            why = "record outcomes with arm and unit_id for the plan's metrics (API, client.py, `groundcrew outcomes import`)"
        return msgspec.structs.replace(found, why=why)
    report = _with_log(registered.plan, analyze_columns(registered.plan, joined.columns), joined, recorded)
    return msgspec.structs.replace(found, report=report)


def _with_log(plan: HypothesisPlan, report: AnalysisReport, joined: Joined, recorded: Recorded) -> AnalysisReport:
    """The report as the log of exposures has it: the split is that of all who were exposed, not of those with outcomes; data
    that contradict the log void it, whatever else they say."""
    if joined.assigned_by != "log":
        voided = list(joined.quality.problems)
        if joined.assigned_by == "application" and plan.design == "randomized":
            note = f"grade {report.evidence_grade}: assignment declared by the application"
            report = msgspec.structs.replace(report, reasons=(*report.reasons, note))
        return _voided(report, voided)
    assert plan.arms is not None
    met = recorded.met_before
    in_arm = {
        arm: sum(each.arm == arm and unit not in met for unit, each in recorded.exposures.items()) for arm in joined.measured
    }
    problems = list(joined.quality.problems)
    if plan.design == "randomized":
        check = split_check(plan, in_arm["treatment"], in_arm["control"])
        report = msgspec.structs.replace(report, srm_p_value=check.p_value, srm_e_value=check.e_value)
        measured = (joined.measured["treatment"], joined.measured["control"])
        loss = loss_problem(plan, measured, (in_arm["treatment"], in_arm["control"]))
        problems += [f"among the exposed: {each}" for each in (check.problem, loss) if each]
    return _voided(report, problems)


def _voided(report: AnalysisReport, problems: list[str]) -> AnalysisReport:
    """The report with `problems` as what voids it."""
    if not problems:
        return report
    reasons = [each for each in report.reasons if each not in problems]
    kept = reasons if report.verdict == "invalid" else [each for each in reasons if each.startswith("grade ")]
    return msgspec.structs.replace(report, verdict="invalid", reasons=(*problems, *kept))
