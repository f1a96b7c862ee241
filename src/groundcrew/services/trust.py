"""The trust of a use case from its own labels: calibration, the alarm that puts it in doubt, the guarantee, and how both
stand."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime

import msgspec

from groundcrew.domain.calibration import CalibrationMap, Guarantee, LabelledScore
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.trust_label import ORIGINS, LabelOrigin
from groundcrew.domain.trust_rules import Calibration, CalibrationAlarm, GuaranteeRecord, ReleaseRule, TrustRules, release_rule
from groundcrew.domain.use_case import GuaranteeRule, UseCase
from groundcrew.errors import Conflict
from groundcrew.services.lookups import current_digest, require_use_case
from groundcrew.services.trust_standing import Standing, Unit, standing
from groundcrew.stats.calibration import CalibrationReport, calibration_report, fit_calibration
from groundcrew.stats.calibration_drift import CalibrationDrift, calibration_drift
from groundcrew.stats.risk_control import release_threshold
from groundcrew.store import catalog
from groundcrew.store.database import Database

KEEPER = "system:trust"
#: Fewer labels than this say nothing about a calibration.
LABELS_MIN = 20
#: False alarms of the drift test, over all time.
DRIFT_ALPHA = 0.01
#: A calibration is fitted anew by itself once labels of drawn answers are this many times as many as it rests on.
REFIT_GROWTH = 1.5
DRAWN: tuple[LabelOrigin, ...] = ("spot_check", "sign_off")


class TrustOverview(msgspec.Struct, frozen=True, kw_only=True):
    """How far the trust scores of a use case's current version can be relied on, as of one moment.

    `origins` counts labels that count by origin; `drawn`, `judged`, `skipped` and `waiting` the drawn answers; `disputed` those
    about which people disagree; `stale` labels of other versions or verifiers. `raw` speaks of the score before calibration over
    all labels, `calibrated` of the calibrated one over labels given since it was fitted. `guarantee` is as computed from the
    labels now, `rule` what answers must reach now.
    """

    use_case: str
    version_digest: str
    verifier: str
    origins: dict[str, int]
    drawn: int
    judged: int
    skipped: int
    waiting: int
    disputed: int
    stale: int
    raw: CalibrationReport | None
    calibrated: CalibrationReport | None
    calibration: Calibration | None
    drift: CalibrationDrift | None
    alarm: CalibrationAlarm | None
    declared: GuaranteeRule | None
    guarantee: Guarantee | None
    rule: ReleaseRule
    rules: TrustRules
    sample_labels: int = 0


class Trust:
    """What labels make of trust scores."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def report(self, use_case: str) -> TrustOverview:
        """Everything that the page and the command show; nothing is written."""
        item, now = await self._standing(use_case)
        return await asyncio.to_thread(_report, item, now)

    async def recalibrate(self, use_case: str, *, actor: str) -> Calibration:
        """Fit the calibration anew and publish it. Conflict where too few answers are labelled, or all in one way.

        After an alarm, labels from before the calibration in doubt was fitted are left out from now on: the world they describe
        is no more.
        """
        _, now = await self._standing(use_case)
        since = now.since
        if _in_doubt(now) and now.calibration is not None:
            since = now.calibration.fitted_at
            now = _from(now, since)
        found = now.for_calibration()
        if len(found) < LABELS_MIN or len({each.supported for each in found}) < 2:
            fresh = " given since the last calibration, which fresh labels contradict" if _in_doubt(now) else ""
            raise Conflict(
                f"{len(found)} labels{fresh}: a calibration needs {LABELS_MIN}, among them supported and unsupported answers; "
                f"label drawn answers under /spot-checks"
            )
        fitted = await asyncio.to_thread(fit_calibration, found)
        made = Calibration(
            id=new_id(),
            use_case=use_case,
            version_digest=now.version_digest,
            verifier=now.verifier,
            map=fitted,
            origins=_origins(now),
            labels_sha256=now.labels_sha256,
            fitted_at=self._database.clock.now(),
            fitted_by=actor,
            since=since,
        )
        async with self._database.write(actor) as writer:
            await catalog.CALIBRATIONS.put(writer, made, "recalibrate", details={"labels": len(found), "method": fitted.method})
            await writer.touch_snapshot()
        await self.refresh(use_case)
        return made

    async def refresh(self, use_case: str) -> None:
        """Recompute what follows from the labels: raise the alarm where they contradict the calibration, and the guarantee.
        Written only where it changed; the gateways are told where that changes what they release."""
        item, now = await self._standing(use_case)
        if item.grounding is None:
            return
        at = self._database.clock.now()
        alarm = await asyncio.to_thread(_alarm, now, at)
        record = await asyncio.to_thread(_record, item, now, at)
        if alarm is None and record is None:
            return
        async with self._database.write(KEEPER) as writer:
            latest = await standing(writer.connection, item, await current_digest(writer.connection, item), at)
            if (latest.version_digest, latest.labels_sha256) != (now.version_digest, now.labels_sha256):
                return  # whoever gave the newer label, or changed the version, sees to it
            if alarm is not None and not latest.rules.in_doubt:
                await catalog.CALIBRATION_ALARMS.put(writer, alarm, "alarm", reason=alarm.reason)
                await writer.touch_snapshot()
            if record is not None and not _says_the_same(record, latest.record):
                details = {"threshold": record.guarantee.threshold, "labels": record.guarantee.labels}
                await catalog.GUARANTEES.put(writer, record, "guarantee", details=details)
                if _published(record) != _published(latest.record):
                    await writer.touch_snapshot()

    async def keep(self) -> None:
        """What is due without anybody asking: refresh every use case, and fit a calibration anew where its labels have grown by
        REFIT_GROWTH and nothing puts it in doubt. A first calibration, and one after an alarm, is a person's decision."""
        async with self._database.read() as connection:
            use_cases = [each.name for each in await catalog.USE_CASES.find(connection) if each.grounding is not None]
        for name in use_cases:
            await self.refresh(name)
            _, now = await self._standing(name)
            current = now.calibration if now.rules.calibration is not None else None
            if current is not None and not now.rules.in_doubt and _grown(current, now):
                await self.recalibrate(name, actor=KEEPER)

    async def _standing(self, use_case: str) -> tuple[UseCase, Standing]:
        async with self._database.read() as connection:
            item = await require_use_case(connection, use_case)
            digest = await current_digest(connection, item)
            return item, await standing(connection, item, digest, self._database.clock.now())


def guarantee_of(rule: GuaranteeRule, now: Standing) -> Guarantee:
    """The guarantee that the labels bear now. It is asked again after each label, and the tests allow for that."""
    scores, least = now.for_guarantee()
    found = release_threshold(scores, rule.unsupported_max, rule.confidence, monitoring="sequential", probability_min=least)
    # Below every answer that was ever drawn nobody knows anything, whatever the test extrapolates.
    lowest = min((each.draw.raw for each in now.units if each.draw.releasable), default=None)
    if found.threshold is not None and lowest is not None and found.threshold < lowest:
        said = found.reason.replace(f"at or above {found.threshold:.4g}", f"at or above {lowest:.4g}, the lowest one drawn", 1)
        return msgspec.structs.replace(found, threshold=lowest, reason=said)
    return found


def _report(item: UseCase, now: Standing) -> TrustOverview:
    scores = now.for_calibration()
    current = now.calibration if now.rules.calibration is not None else None
    fresh = _fresh(now)
    rule = item.grounding.guarantee if item.grounding is not None else None
    states = Counter(each.state for each in now.units)
    return TrustOverview(
        use_case=item.name,
        version_digest=now.version_digest,
        verifier=now.verifier,
        origins=_origins(now),
        drawn=len(now.units),
        judged=states["judged"],
        skipped=states["skipped"],
        waiting=states["waiting"],
        disputed=sum(each.disputed for each in now.units),
        stale=now.stale,
        raw=calibration_report(scores) if scores else None,
        calibrated=calibration_report([_mapped(each, current.map) for _, each in fresh])
        if current is not None and fresh
        else None,
        calibration=current,
        drift=_drift(current.map, fresh) if current is not None and fresh else None,
        alarm=now.alarm if now.rules.in_doubt else None,
        declared=rule,
        guarantee=guarantee_of(rule, now) if rule is not None else None,
        rule=release_rule(item, now.rules),
        rules=now.rules,
        sample_labels=sum(len(each.labels) for each in now.sample_units),
    )


def _alarm(now: Standing, at: datetime) -> CalibrationAlarm | None:
    """The alarm that fresh labels raise; None where they raise none, or it was raised before."""
    current = now.calibration if now.rules.calibration is not None else None
    fresh = _fresh(now)
    if current is None or now.rules.in_doubt or not fresh:
        return None
    found = _drift(current.map, fresh)
    if not found.alarm:
        return None
    return CalibrationAlarm(
        id=current.id,
        use_case=current.use_case,
        direction=found.direction or "",
        labels=found.labels,
        expected=found.expected,
        observed=found.observed,
        raised_at=at,
        reason=found.reason,
    )


def _record(item: UseCase, now: Standing, at: datetime) -> GuaranteeRecord | None:
    """The guarantee to keep; None where none is declared, nothing is labelled, or the newest one says the same of the same
    labels."""
    rule = item.grounding.guarantee if item.grounding is not None else None
    if rule is None or not now.units:
        return None
    made = GuaranteeRecord(
        id=new_id(),
        use_case=item.name,
        version_digest=now.version_digest,
        verifier=now.verifier,
        guarantee=guarantee_of(rule, now),
        labels_sha256=now.labels_sha256,
        unjudged=sum(unit.supported is None for unit, _ in now.closed()),
        computed_at=at,
        since=now.since,
    )
    return None if _says_the_same(made, now.record) else made


def _published(record: GuaranteeRecord | None) -> tuple[object, ...] | None:
    """What of a guarantee changes what gateways release."""
    return None if record is None else (record.version_digest, record.verifier, record.guarantee.threshold)


def _says_the_same(made: GuaranteeRecord, before: GuaranteeRecord | None) -> bool:
    return before is not None and msgspec.structs.replace(made, id=before.id, computed_at=before.computed_at) == before


def _fresh(now: Standing) -> list[tuple[Unit, LabelledScore]]:
    """Drawn answers that were first judged after the calibration in force was fitted, in that order. What somebody says anew of
    an older one is no fresh label: people choose what they look at again."""
    current = now.calibration if now.rules.calibration is not None else None
    if current is None or current.verifier != now.verifier:
        return []
    return [
        (unit, score)
        for unit, score in now.closed()
        if unit.supported is not None and unit.first is not None and unit.first.at > current.fitted_at
    ]


def _drift(map_: CalibrationMap, fresh: list[tuple[Unit, LabelledScore]]) -> CalibrationDrift:
    scores = [score for _, score in fresh]
    return calibration_drift(
        [map_.apply(each.score) for each in scores],
        [each.supported for each in scores],
        probabilities=[each.probability for each in scores],
        groups=[each.group for each in scores],
        alpha=DRIFT_ALPHA,
    )


def _grown(current: Calibration, now: Standing) -> bool:
    """Whether the labels of drawn answers have grown by REFIT_GROWTH since. Volunteered ones, which whoever holds a key may send,
    move no calibration without a person."""
    before, after = (sum(origins[name] for name in DRAWN) for origins in (current.origins, _origins(now)))
    return after >= max(LABELS_MIN, REFIT_GROWTH * before)


def _mapped(label: LabelledScore, map_: CalibrationMap) -> LabelledScore:
    return msgspec.structs.replace(label, score=map_.apply(label.score))


def _in_doubt(now: Standing) -> bool:
    return now.rules.in_doubt


def _from(now: Standing, since: datetime) -> Standing:
    """`now` without answers that were drawn, or labelled by volunteers, up to `since`."""
    return msgspec.structs.replace(
        now,
        units=tuple(each for each in now.units if each.draw.drawn_at > since),
        volunteered=tuple(each for each in now.volunteered if each.at > since),
        since=since,
    )


def _origins(now: Standing) -> dict[str, int]:
    """How many labels count, by origin."""
    counts = Counter(label.origin for unit in now.units for label in unit.labels if label.supported is not None)
    counts.update(each.origin for each in now.volunteered if each.supported is not None)
    return {origin: counts[origin] for origin in ORIGINS}
