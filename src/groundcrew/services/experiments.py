"""Experiments as they run: who is in which arm, what they say now, how that came about, and how they end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from groundcrew.domain import hypothesis as rules
from groundcrew.domain.assignment import ExperimentExposure
from groundcrew.domain.hypothesis import Concluded, Hypothesis
from groundcrew.domain.identifiers import new_id
from groundcrew.errors import Conflict, NotFound
from groundcrew.metrics.conclusion import Conclusion, conclude
from groundcrew.metrics.experiment_look import Analysis, ExperimentLook
from groundcrew.services.experiment_analysis import computed, registered_of
from groundcrew.services.experiment_assignment import Assigned, NewUnit, assign, start
from groundcrew.services.lookups import current_digest, newest_hypothesis, require_reason, require_use_case
from groundcrew.services.propagation import propagate
from groundcrew.store import catalog
from groundcrew.store import experiments as stored
from groundcrew.store.database import Connection, Database, Writer

KEEPER = "system:experiments"
LOOKS_MAX = 1_000
#: Verdicts of a running experiment that somebody has to act on.
ALARMING = frozenset({"rollback", "invalid"})


class EarlierVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version that an amendment has taken the place of: what it showed is exploratory."""

    hypothesis: Hypothesis
    exposed: dict[str, int]
    look: Analysis | None


class ExperimentStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about the newest hypothesis of a use case. `analysis` is as it was looked at (`as_of`), or computed now where it
    never was; `is_stale` tells that more has arrived since. `conclusion` says what it may be concluded as. `looks` is how many
    were kept of the current version, `looks_of_other_versions` of what the use case was before. `earlier` versions are newest
    first."""

    use_case: str
    title: str
    hypothesis: Hypothesis
    version_digest: str
    analysis: Analysis
    conclusion: Conclusion
    exposed: dict[str, int]
    first_exposed_at: datetime | None
    is_stale: bool
    looks_of_other_versions: int
    earlier: tuple[EarlierVersion, ...]


class ExperimentSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a use case's hypothesis in the list; `verdict` is of its newest look, `sample` whether that look rests on
    sample data."""

    use_case: str
    hypothesis: Hypothesis
    is_newest: bool
    exposed: dict[str, int]
    verdict: str | None
    as_of: datetime | None
    sample: bool = False


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """A running experiment whose newest look says rollback or invalid."""

    use_case: str
    verdict: str
    reason: str
    as_of: datetime
    is_treatment_stopped: bool


class Experiments:
    """The experiments of the use cases: one runs in each at a time, its newest hypothesis."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def assign(self, use_case: str, units: Sequence[NewUnit], *, actor: str) -> list[Assigned]:
        """The arms of `units`, in their order: see `experiment_assignment.assign`."""
        return await assign(self._database, use_case, units, actor=actor)

    async def status(self, use_case: str) -> ExperimentStatus:
        """The newest hypothesis of a use case as it was looked at last; nothing is written. NotFound where it has none."""
        now = self._database.clock.now()
        async with self._database.read() as connection:
            item = await require_use_case(connection, use_case)
            newest = await _newest(connection, use_case)
            digest = await current_digest(connection, item)
            analysis, is_stale = await _standing(connection, use_case, newest, digest)
            exposed, first = await _exposed(connection, newest.digest)
            looks = await stored.look_count(connection, newest.digest or "")
            looks_of_this = await stored.look_count(connection, newest.digest or "", digest)
            versions = await catalog.HYPOTHESES.find(connection, use_case=use_case, newest_first=True)
            earlier = [await _earlier(connection, each) for each in versions[1:]]
        return ExperimentStatus(
            use_case=use_case,
            title=item.title,
            hypothesis=newest,
            version_digest=digest,
            analysis=analysis,
            conclusion=_conclusion(newest, analysis, first, now),
            exposed=exposed,
            first_exposed_at=first,
            is_stale=is_stale,
            looks_of_other_versions=looks - looks_of_this,
            earlier=tuple(earlier),
        )

    async def find(self, search: str = "") -> list[ExperimentSummary]:
        """Every version of every hypothesis, refuted and replaced ones too, the newest of a use case first; those whose use case,
        name, state or metric holds `search`."""
        wanted = search.strip().casefold()
        found: list[ExperimentSummary] = []
        async with self._database.read() as connection:
            every = await catalog.HYPOTHESES.find(connection)
            newest = {each.use_case: each.version for each in every}
            for each in sorted(every, key=lambda each: (each.use_case, -each.version)):
                words = (each.use_case, each.name, each.state, *(metric.name for metric in each.plan.metrics))
                if wanted and not any(wanted in word.casefold() for word in words):
                    continue
                look = await _newest_look(connection, each)
                said = look.decoded() if look is not None else None
                found.append(
                    ExperimentSummary(
                        use_case=each.use_case,
                        hypothesis=each,
                        is_newest=each.version == newest[each.use_case],
                        exposed=await stored.exposure_counts(connection, each.digest) if each.digest else {},
                        verdict=said.report.verdict if said is not None and said.report is not None else None,
                        as_of=look.at if look is not None else None,
                        sample=said is not None and said.sample,
                    )
                )
        return found

    async def looks(self, use_case: str, *, limit: int = LOOKS_MAX) -> list[Analysis]:
        """The newest looks at the current version of the experiment that decided something, oldest first; after a conclusion
        those of the version that it was concluded on."""
        async with self._database.read() as connection:
            item = await require_use_case(connection, use_case)
            newest = await _newest(connection, use_case)
            if newest.digest is None:
                return []
            digest = await current_digest(connection, item)
            if newest.concluded_on is not None and (last := await stored.LOOKS.get(connection, newest.concluded_on)):
                digest = last.version_digest
            kept = await stored.looks_of(connection, newest.digest, digest, limit=min(limit, LOOKS_MAX))
        found = [said for each in reversed(kept) if (said := each.decoded()) is not None]
        return [each for each in found if each.report is not None and not each.sample]

    async def exposures(self, use_case: str, *, limit: int) -> list[ExperimentExposure]:
        """The newest exposures of the newest hypothesis first."""
        async with self._database.read() as connection:
            await require_use_case(connection, use_case)
            newest = await _newest(connection, use_case)
            return await stored.latest_exposures(connection, newest.digest, limit=limit) if newest.digest else []

    async def look(self, use_case: str, *, actor: str = KEEPER) -> Analysis:
        """Look now and keep what is seen, unless nothing has arrived since the last look. The first look with real outcomes sets
        a registered experiment running; one that says rollback stops the treatment where the plan says so."""
        async with self._database.read() as connection:
            item = await require_use_case(connection, use_case)
            newest = await _newest(connection, use_case)
            digest = await current_digest(connection, item)
            registered = registered_of(newest)
            mark = await stored.mark_of(connection, use_case)
            if registered is None or registered.digest is None or registered.concluded_on is not None:
                return (await _standing(connection, use_case, newest, digest))[0]
            kept = await stored.latest_look(connection, registered.digest, digest)
            if kept is not None and kept.mark == mark and (said := kept.decoded()) is not None:
                return said
            analysis = await computed(connection, use_case, newest, digest)
        look = ExperimentLook(
            id=new_id(),
            use_case=use_case,
            experiment=registered.digest,
            version_digest=digest,
            mark=mark,
            at=self._database.clock.now(),
            analysis=msgspec.json.encode(analysis, order="deterministic").decode(),
        )
        async with self._database.write(actor) as writer:
            verdict = analysis.report.verdict if analysis.report is not None else None
            await stored.LOOKS.put(writer, look, "look", details={"verdict": verdict, "sample": analysis.sample})
            stopped = await self._follow(writer, use_case, registered.digest, analysis)
        if stopped:
            await propagate(self._database)
        return look.decoded() or analysis

    async def _follow(self, writer: Writer, use_case: str, experiment: str, analysis: Analysis) -> bool:
        """What follows from a look by itself; whether the treatment was stopped."""
        newest = await newest_hypothesis(writer.connection, use_case)
        if newest is None or newest.digest != experiment or analysis.report is None or analysis.sample:
            return False
        if newest.state == "registered":
            newest = await start(writer, newest, "its first outcomes were recorded")
        wants = newest.plan.on_rollback == "stop_treatment" and newest.treatment_stopped_at is None
        if newest.state != "running" or analysis.report.verdict != "rollback" or not wants:
            return False
        await self._stop(writer, newest, "the look says rollback: " + "; ".join(analysis.report.reasons))
        return True

    async def stop_treatment(self, use_case: str, *, actor: str, reason: str) -> Hypothesis:
        """From now on every unit that asks is on the control, and nobody new is taken in. It can not be taken back: an amendment
        starts anew."""
        require_reason(reason)
        async with self._database.write(actor) as writer:
            await require_use_case(writer.connection, use_case)
            stopped = await self._stop(writer, await _newest(writer.connection, use_case), reason)
        await propagate(self._database)
        return stopped

    async def _stop(self, writer: Writer, newest: Hypothesis, reason: str) -> Hypothesis:
        stopped = rules.stop_treatment(newest, self._database.clock.now())
        await catalog.HYPOTHESES.put(writer, stopped, "stop_treatment", reason=reason, details={"digest": stopped.digest})
        await writer.touch_snapshot()
        return stopped

    async def conclude(self, use_case: str, *, actor: str, reason: str, expected: Concluded | None = None) -> Hypothesis:
        """Look, and end the experiment as its stop rule allows. Conflict says why it has to go on, that it never began, or that
        it would end as something else than `expected`."""
        require_reason(reason)
        analysis = await self.look(use_case, actor=actor)
        now = self._database.clock.now()
        async with self._database.write(actor) as writer:
            await require_use_case(writer.connection, use_case)
            newest = await _newest(writer.connection, use_case)
            if newest.state not in ("registered", "running"):
                raise Conflict(f"hypothesis {newest.name} of {use_case} is {newest.state}: there is nothing to conclude")
            if analysis.sample:
                raise Conflict("there is sample data only, which never counts: record outcomes of real units")
            _, first = await _exposed(writer.connection, newest.digest)
            found = _conclusion(newest, analysis, first, now)
            if found.state is None:
                raise Conflict("it can not be concluded yet: " + "; ".join(found.reasons))
            if expected is not None and expected != found.state:
                raise Conflict(f"it would be concluded as {found.state} by now, not as {expected}: look again")
            if newest.state == "registered":
                newest = await start(writer, newest, "it is concluded")
            ended = msgspec.structs.replace(rules.move(newest, found.state), concluded_at=now, concluded_on=analysis.look_id)
            details = {"digest": ended.digest, "look": analysis.look_id, "state": found.state, "why": list(found.reasons)}
            await catalog.HYPOTHESES.put(writer, ended, "conclude", reason=reason, details=details)
            await writer.touch_snapshot()
        await propagate(self._database)
        return ended

    async def open(self) -> dict[str, str]:
        """Use cases whose experiment is registered or runs, and how far what is recorded of each goes."""
        async with self._database.read() as connection:
            states = ("registered", "running")
            found = [each for state in states for each in await catalog.HYPOTHESES.find(connection, state=state)]
            names = {each.use_case for each in found}
            return {each: await stored.mark_of(connection, each) for each in sorted(names)}

    async def alarms(self) -> list[Alarm]:
        """Running experiments whose newest look says rollback or invalid."""
        found = []
        async with self._database.read() as connection:
            for each in await catalog.HYPOTHESES.find(connection, state="running"):
                look = await _newest_look(connection, each)
                said = look.decoded() if look is not None else None
                if look is None or said is None or said.report is None or said.report.verdict not in ALARMING or said.sample:
                    continue
                newest = await newest_hypothesis(connection, each.use_case)
                if newest is not None and newest.version == each.version:
                    found.append(
                        Alarm(
                            use_case=each.use_case,
                            verdict=said.report.verdict,
                            reason=said.report.reasons[0] if said.report.reasons else "",
                            as_of=look.at,
                            is_treatment_stopped=each.treatment_stopped_at is not None,
                        )
                    )
        return found


async def _newest(connection: Connection, use_case: str) -> Hypothesis:
    newest = await newest_hypothesis(connection, use_case)
    if newest is None:
        raise NotFound(f"{use_case} has no hypothesis: declare one with `hypothesis: {{plan: FILE.yaml}}` and apply it")
    return newest


async def _newest_look(connection: Connection, hypothesis: Hypothesis) -> ExperimentLook | None:
    """The look that it was concluded on, else its newest one, of whichever version of the use case."""
    if hypothesis.digest is None:
        return None
    if hypothesis.concluded_on is not None:
        return await stored.LOOKS.get(connection, hypothesis.concluded_on)
    looks = await stored.LOOKS.find(connection, experiment=hypothesis.digest, newest_first=True, limit=1)
    return looks[0] if looks else None


async def _standing(connection: Connection, use_case: str, newest: Hypothesis, version_digest: str) -> tuple[Analysis, bool]:
    """The look that an experiment was concluded on, else the newest one of this version, else the analysis computed now; and
    whether more has arrived since."""
    registered = registered_of(newest)
    if registered is not None and registered.digest is not None:
        if registered.concluded_on is not None:
            look, is_final = await stored.LOOKS.get(connection, registered.concluded_on), True
        else:
            look, is_final = await stored.latest_look(connection, registered.digest, version_digest), False
        if look is not None and (said := look.decoded()) is not None:
            return said, not is_final and look.mark != await stored.mark_of(connection, use_case)
    return await computed(connection, use_case, newest, version_digest), False


async def _exposed(connection: Connection, experiment: str | None) -> tuple[dict[str, int], datetime | None]:
    """Units by arm, and when the first of them was exposed."""
    if experiment is None:
        return {}, None
    first = await stored.first_exposed_at(connection, experiment)
    return await stored.exposure_counts(connection, experiment), datetime.fromisoformat(first) if first else None


async def _earlier(connection: Connection, hypothesis: Hypothesis) -> EarlierVersion:
    look = await _newest_look(connection, hypothesis)
    exposed, _ = await _exposed(connection, hypothesis.digest)
    return EarlierVersion(hypothesis=hypothesis, exposed=exposed, look=look.decoded() if look is not None else None)


def _conclusion(newest: Hypothesis, analysis: Analysis, first: datetime | None, now: datetime) -> Conclusion:
    """What the hypothesis may be concluded as on real data; what it was concluded as, once it is."""
    if newest.state == "draft":
        return Conclusion(state=None, reasons=("register the hypothesis",))
    if newest.plan.arms is None or newest.plan.primary is None:
        return Conclusion(state=None, reasons=("the plan has no arms or no primary metric",))
    report = analysis.report if not analysis.sample else None
    found = conclude(newest.plan, report, started=first or newest.registered_at, now=now)
    if newest.state in ("supported", "refuted", "inconclusive", "invalid"):
        return msgspec.structs.replace(found, state=newest.state)
    if found.state is None and report is None and analysis.why:
        return msgspec.structs.replace(found, reasons=(analysis.why,))
    return found
