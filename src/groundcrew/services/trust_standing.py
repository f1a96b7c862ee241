"""How the trust of one version of a use case stands: what people said of the answers that were drawn, and which calibration and
guarantee follow from that. Read only."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec

from groundcrew.domain.calibration import LabelledScore
from groundcrew.domain.canonical import digest
from groundcrew.domain.trust_label import Design, Draw, TrustLabel, current_labels, verdict
from groundcrew.domain.trust_rules import Calibration, CalibrationAlarm, GuaranteeRecord, TrustRules, rules_in_force
from groundcrew.domain.use_case import UseCase
from groundcrew.services.drawn_answers import VERSIONS_MAX, drawn_answers, labels_of
from groundcrew.store import catalog, sign_offs
from groundcrew.store.database import Connection
from groundcrew.store.memory import Memory

T = TypeVar("T")

#: judged = people could tell; skipped = they looked and could not, or nobody looked in time; waiting = nobody has looked yet.
UnitState = Literal["judged", "skipped", "waiting"]


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """One drawn answer with what people say of it now, and the `first` label that it was given, whatever became of that.
    `supported` None: nobody can tell, or nobody has looked."""

    draw: Draw
    labels: tuple[TrustLabel, ...]
    first: TrustLabel | None
    state: UnitState
    supported: bool | None

    @property
    def disputed(self) -> bool:
        """Whether people disagree about it."""
        return len({each.supported for each in self.labels if each.supported is not None}) > 1


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """The drawn answers of the current version and verifier with their labels, sample data left out, and what follows from them.

    `volunteered` are labels of answers that nobody drew. `stale` counts labels of other versions or verifiers. Of `units` and
    `volunteered`, those from before `since` are left out: an alarm had put them in doubt.
    """

    version_digest: str
    verifier: str
    units: tuple[Unit, ...]
    sample_units: tuple[Unit, ...]
    volunteered: tuple[TrustLabel, ...]
    stale: int
    since: datetime | None
    calibration: Calibration | None
    alarm: CalibrationAlarm | None
    record: GuaranteeRecord | None
    rules: TrustRules
    #: What was computed of it before: it never changes, and while nothing comes the same one is given for every question.
    worked_out: dict[Any, Any] = msgspec.field(default_factory=dict)

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """What `compute` makes of this standing alone, worked out once; `key` names it."""
        if key not in self.worked_out:
            self.worked_out[key] = compute()
        found: T = self.worked_out[key]
        return found

    def closed(self, units: tuple[Unit, ...] | None = None) -> list[tuple[Unit, LabelledScore]]:
        """The answers that count for a guarantee, as they were first judged, each with its effective probability.

        What nobody could tell counts as unsupported. Answers drawn by sign-off count up to the oldest one that still waits for
        its signature, so that nobody chooses by leaving some lying. Of each design the same share was worked through by chance
        (draws are done in order of rank), so that where there are two, its share multiplies the probabilities.
        """
        found = list(self.units if units is None else units)
        open_ids = [each.draw.id for each in found if each.draw.design == "sign_off" and each.state == "waiting"]
        oldest_open = min(open_ids, default=None)
        done = [
            each
            for each in found
            if each.state != "waiting" and not (each.draw.design == "sign_off" and oldest_open and each.draw.id > oldest_open)
        ]
        shares = _shares(found, done)
        return [
            (
                each,
                LabelledScore(
                    score=each.draw.raw,
                    supported=each.supported is True,
                    probability=each.draw.probability * shares[each.draw.design],
                    group=each.draw.case_id,
                ),
            )
            for each in sorted(done, key=lambda each: each.first.id if each.first else each.draw.id)
        ]

    def for_guarantee(self) -> tuple[list[LabelledScore], float]:
        """`closed`, without answers that no threshold releases, and the least probability that could occur.

        A bet on a label may depend on what was known before it, never on what came after: each weighs by the least probability
        that its own design could give when it was drawn, over the one it had. Other spot checks later change no earlier weight.
        """
        found = [(unit.draw, score) for unit, score in self.closed() if unit.draw.releasable]
        if not found:
            return [], 1.0
        # By how much likelier than the least likely answer of its time each was drawn; of two designs the lesser share counts.
        lesser = min(score.probability / draw.probability for draw, score in found)
        times = [max(1.0, score.probability / (lesser * min(draw.probability_min, draw.probability))) for draw, score in found]
        most = max(times)
        scores = [msgspec.structs.replace(score, probability=each / most) for (_, score), each in zip(found, times, strict=True)]
        return scores, 1 / most

    def for_calibration(self) -> list[LabelledScore]:
        """Every answer that somebody judged, those of volunteered labels included, each of which speaks for itself alone. An
        answer counts once, however many rate it."""
        drawn = [score for unit, score in self.closed() if unit.supported is not None]
        rated: dict[str, list[TrustLabel]] = {}
        for each in self.volunteered:
            rated.setdefault(each.call_id, []).append(each)
        said = [(labels[0].raw, verdict(labels)) for labels in rated.values()]
        return drawn + [LabelledScore(score=raw, supported=word) for raw, word in said if word is not None]

    @property
    def labels_sha256(self) -> str:
        """Over the ids of all labels that count now, so that what a figure rests on can be shown later."""
        own = [label.id for unit in self.units for label in unit.labels]
        return digest(sorted([*own, *(each.id for each in self.volunteered)]))


def _shares(found: list[Unit], done: list[Unit]) -> dict[Design, float]:
    designs: tuple[Design, ...] = ("spot_check", "sign_off")
    drawn: dict[Design, int] = {name: sum(each.draw.design == name for each in found) for name in designs}
    closed: dict[Design, int] = {name: sum(each.draw.design == name for each in done) for name in designs}
    if min(closed.values()) == 0:  # of one design alone, how many were worked through is the same factor for all
        return dict.fromkeys(designs, 1.0)
    return {name: closed[name] / drawn[name] for name in designs}


async def rules_of(connection: Connection, use_case: UseCase, version_digest: str) -> TrustRules:
    """What labels have earned this version, as the snapshot publishes it."""
    calibration, alarm, record = await _kept(connection, use_case.name)
    return rules_in_force(use_case, version_digest, calibration=calibration, alarm=alarm, record=record)


async def pending_calls(connection: Connection, use_case: str, now: datetime) -> set[str]:
    """Calls whose answers wait for a signature that can still be given."""
    return await sign_offs.pending_calls(connection, use_case, now)


async def standing(connection: Connection, use_case: UseCase, version_digest: str, now: datetime) -> Standing:
    """Everything about the labels of one version of a use case, the very same object while nothing has changed. The verifier is
    the one that scored the answer drawn last."""
    draws = await drawn_answers(connection, use_case.name, version_digest)
    labels = await labels_of(connection, use_case.name)
    kept = await _kept(connection, use_case.name)
    basis = _Basis(draws, labels, kept, frozenset(await pending_calls(connection, use_case.name, now)), use_case)
    key = use_case.name, version_digest
    found = _KNOWN.get(connection, key)
    if found is None or not found[0].same(basis):
        found = _KNOWN.put(connection, key, (basis, _standing(basis, version_digest)))
    return found[1]


class _Basis(NamedTuple):
    """Everything that a standing follows from. Draws and labels are the same while they are the same object."""

    draws: tuple[Draw, ...]
    labels: tuple[TrustLabel, ...]
    kept: tuple[Calibration | None, CalibrationAlarm | None, GuaranteeRecord | None]
    pending: frozenset[str]
    use_case: UseCase

    def same(self, other: _Basis) -> bool:
        """Whether the same standing follows from both."""
        return self.draws is other.draws and self.labels is other.labels and self[2:] == other[2:]


_KNOWN: Memory[tuple[str, str], tuple[_Basis, Standing]] = Memory(VERSIONS_MAX)


def _standing(basis: _Basis, version_digest: str) -> Standing:
    draws, every, use_case, pending = basis.draws, basis.labels, basis.use_case, basis.pending
    current = [each for each in current_labels(list(every)) if each.version_digest == version_digest]
    newest = draws[-1].verifier if draws else (current[-1].verifier if current else "")
    calibration, alarm, record = basis.kept
    since = _since(calibration, version_digest)
    fresh = [each for each in current if each.verifier == newest and (since is None or each.at > since)]
    by_call: dict[tuple[str, bool], list[TrustLabel]] = {}
    for each in fresh:
        if not each.volunteered:
            by_call.setdefault((each.call_id, each.sample), []).append(each)
    first: dict[tuple[str, bool], TrustLabel] = {}
    for each in sorted(every, key=lambda each: each.id):
        if not each.volunteered:
            first.setdefault((each.call_id, each.sample), each)
    of_version = [each for each in draws if each.verifier == newest and (since is None or each.drawn_at > since)]
    units = [
        # Most drawn answers wait for somebody to look: nothing is to be worked out about them.
        Unit(draw=each, labels=(), first=None, state="waiting", supported=None)
        if each.design == "spot_check" and (each.id, False) not in first
        else _unit(each, by_call.get((each.id, False), []), first.get((each.id, False)), pending)
        for each in of_version
        if not each.sample
    ]
    samples = [
        _unit(each, by_call[each.id, True], first.get((each.id, True)), pending)
        for each in of_version
        if (each.id, True) in by_call
    ]
    return Standing(
        version_digest=version_digest,
        verifier=newest,
        units=tuple(units),
        sample_units=tuple(samples),
        volunteered=tuple(each for each in fresh if each.volunteered and not each.sample),
        stale=sum(each.version_digest != version_digest or each.verifier != newest for each in every),
        since=since,
        calibration=calibration,
        alarm=alarm,
        record=record,
        rules=rules_in_force(use_case, version_digest, calibration=calibration, alarm=alarm, record=record),
    )


async def since_of(connection: Connection, use_case: str, version_digest: str) -> datetime | None:
    """From when on answers count; None: all of the version."""
    return _since((await _kept(connection, use_case))[0], version_digest)


def _since(calibration: Calibration | None, version_digest: str) -> datetime | None:
    return calibration.since if calibration is not None and calibration.version_digest == version_digest else None


def _unit(drawn: Draw, labels: list[TrustLabel], first: TrustLabel | None, pending: frozenset[str]) -> Unit:
    supported = verdict(labels)
    unsigned = drawn.design == "sign_off" and not labels and drawn.id not in pending
    state: UnitState = "judged" if supported is not None else ("skipped" if labels or unsigned else "waiting")
    return Unit(draw=drawn, labels=tuple(labels), first=first, state=state, supported=supported)


async def _kept(
    connection: Connection, use_case: str
) -> tuple[Calibration | None, CalibrationAlarm | None, GuaranteeRecord | None]:
    """The newest calibration with its alarm, if there is one, and the newest guarantee."""
    calibrations = await catalog.CALIBRATIONS.find(connection, use_case=use_case, newest_first=True, limit=1)
    records = await catalog.GUARANTEES.find(connection, use_case=use_case, newest_first=True, limit=1)
    calibration = calibrations[0] if calibrations else None
    alarm = await catalog.CALIBRATION_ALARMS.get(connection, calibration.id) if calibration is not None else None
    return calibration, alarm, records[0] if records else None
