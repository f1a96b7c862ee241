"""Tuned models: their versions, where each comes from and what rests on it, and the end of one that must not answer any more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from groundcrew.domain.evidence import Evidence, state_at
from groundcrew.domain.tuning import Lineage, LineageEvidence, LineageUse, TunedModel
from groundcrew.errors import Conflict, InputError, NotFound
from groundcrew.services.lookups import current_digest, nearest, require_reason
from groundcrew.services.propagation import propagate
from groundcrew.services.removal import check_no_hold, removal
from groundcrew.services.tuned_standing import answers_with
from groundcrew.store import catalog, tuning
from groundcrew.store.database import Connection, Database

#: Where models lie, below the data folder: ``models/DIGEST``.
MODELS = "models"
VERSIONS_MAX = 999_999
VERSION_DIGITS_MAX = 20
EVIDENCE_LOOKED_AT_MAX = 500
#: Evidence that may be about a model version: what was measured, and what somebody attests.
EVIDENCE_KINDS = ("model_evaluation", "attestation")


def files_of(data: Path, model: TunedModel) -> Path:
    """Where the files of a version lie, to be asked here. InputError where a remote provider keeps it, or they were removed."""
    if not model.folder:
        raise InputError(
            f"{model.id} is kept by {model.provider}: nothing of it lies here, ask it through the gateway", field="model"
        )
    if model.removed_at is not None:
        raise InputError(
            f"the files of {model.id} were removed on {model.removed_at:%Y-%m-%d}: {model.removal_reason}", field="model"
        )
    return data / model.folder


class TunedModels:
    """The registered versions. `data` is the data folder."""

    def __init__(self, database: Database, data: Path) -> None:
        self._database, self.data = database, data

    def folder(self, model: TunedModel) -> Path | None:
        """Where the files of a version lie on this installation; None where a remote provider keeps it."""
        return self.data / model.folder if model.folder else None

    async def find(self, *, name: str | None = None) -> list[TunedModel]:
        """All versions, of one model where given, by name, the newest version first."""
        async with self._database.read() as connection:
            wanted: dict[str, Any] = {} if name is None else {"name": name}
            found = await tuning.TUNED_MODELS.find(connection, **wanted)
        return sorted(found, key=lambda each: (each.name, -each.version))

    async def get(self, name: str) -> TunedModel:
        """The version NAME@VERSION, or the newest active one of NAME (the newest where none is active)."""
        async with self._database.read() as connection:
            return await find_model(connection, name)

    async def retire(self, name: str, *, reason: str, actor: str) -> TunedModel:
        """Withdraw NAME@VERSION: gateways do not answer with it any more. Its files and its lineage stay."""
        require_reason(reason)
        if "@" not in name:
            raise InputError("say which version: NAME@VERSION", field="model")
        async with self._database.write(actor) as writer:
            model = await find_model(writer.connection, name)
            if model.state == "retired":
                raise Conflict(f"{model.id} is retired already")
            retired = msgspec.structs.replace(
                model, state="retired", retired_at=writer.clock.now(), retired_by=actor, reason=reason
            )
            await tuning.TUNED_MODELS.put(writer, retired, "retire", reason=reason)
            await writer.touch_snapshot()
        await propagate(self._database)
        return retired

    async def remove(self, name: str, *, reason: str, actor: str) -> TunedModel:
        """Remove the files of the retired version NAME@VERSION, for good; its row and its lineage stay.

        Conflict where it is not retired, where a provider keeps it, where an active version is the same bytes,
        and while a legal hold stands. Asked again it removes what a process that was killed has left, and changes nothing.
        """
        require_reason(reason)
        if "@" not in name:
            raise InputError("say which version: NAME@VERSION", field="model")
        found = await self.get(name)
        folder = self.folder(found)
        if folder is None:
            raise Conflict(f"{found.provider} keeps {found.id} as {found.reference}: remove it there")
        if found.state != "retired":
            raise Conflict(f"{found.id} is active: retire it first")
        async with removal(folder) as move, self._database.write(actor) as writer:
            await check_no_hold(writer.connection)
            # Versions of one digest are one folder.
            same = await tuning.TUNED_MODELS.find(writer.connection, digest=found.digest)
            if active := [each for each in same if each.state == "active"]:
                raise Conflict(f"{active[0].id} is the same bytes and active: retire it first")
            for each in same:
                if each.removed_at is None:
                    gone = msgspec.structs.replace(each, removed_at=writer.clock.now(), removed_by=actor, removal_reason=reason)
                    await tuning.TUNED_MODELS.put(writer, gone, "remove", reason=reason)
            await move()
        return await self.get(found.id)

    async def lineage(self, name: str) -> Lineage:
        """Where NAME@VERSION comes from, and what rests on it: data revision → run → weights → evaluations → gates."""
        now = self._database.clock.now()
        async with self._database.read() as connection:
            model = await find_model(connection, name)
            run = await tuning.TUNING_RUNS.get(connection, model.run)
            data_set = await tuning.DATA_SETS.get(connection, f"{model.data_set}@{model.data_revision}")
            uses = await _uses(connection, model)
            digests = {each.use_case: each.version_digest for each in uses}
            evaluations: list[LineageEvidence] = []
            for use_case in sorted({each.name for each in await catalog.USE_CASES.find(connection)}):
                found = [
                    each
                    for kind in EVIDENCE_KINDS
                    for each in await catalog.EVIDENCE.find(
                        connection, use_case=use_case, kind=kind, newest_first=True, limit=EVIDENCE_LOOKED_AT_MAX
                    )
                ]
                for each in found:
                    if _is_about(each, model):
                        if use_case not in digests:
                            item = await catalog.USE_CASES.get(connection, use_case)
                            assert item is not None
                            digests[use_case] = await current_digest(connection, item)
                        evaluations.append(
                            LineageEvidence(
                                id=each.id,
                                use_case=use_case,
                                kind=each.kind,
                                state=state_at(each, now, digests[use_case]),
                                recorded_at=each.recorded_at,
                                sha256=each.sha256,
                                figures=_figures(each),
                            )
                        )
        return Lineage(model=model, run=run, data_set=data_set, evaluations=tuple(evaluations), uses=tuple(uses))


def _is_about(evidence: Evidence, model: TunedModel) -> bool:
    """Whether evidence is about this version: named so (``NAME@VERSION`` or ``NAME@VERSION on …``), or of the same weights."""
    named = evidence.subject == model.id or evidence.subject.startswith(f"{model.id} on ")
    return named or evidence.content.get("model_digest") == model.digest


def _figures(evidence: Evidence) -> dict[str, float]:
    """The figures of an evaluation, each with the ends of its interval as ``NAME_low`` and ``NAME_high``."""
    found: dict[str, float] = {}
    given = evidence.content.get("figures")
    for name, figure in given.items() if isinstance(given, dict) else ():
        ends = (("", "estimate"), ("_low", "lower"), ("_high", "upper"))
        found |= {f"{name}{end}": float(figure[key]) for end, key in ends if isinstance(figure.get(key), int | float)}
    return found


async def find_model(connection: Connection, name: str) -> TunedModel:
    """NAME@VERSION, or the newest active version of NAME. NotFound names the nearest."""
    wanted, at, number = name.partition("@")
    found = await tuning.TUNED_MODELS.find(connection, name=wanted)
    if not found:
        names = {each.name for each in await tuning.TUNED_MODELS.find(connection)}
        raise NotFound(f"no tuned model {wanted!r}{nearest(wanted, names)}")
    if not at:
        return max(found, key=lambda each: (each.state == "active", each.version))
    if not number.isascii() or not number.isdigit() or len(number) > VERSION_DIGITS_MAX or not 1 <= int(number) <= VERSIONS_MAX:
        raise InputError(f"{number[:VERSION_DIGITS_MAX]!r} is not a version: NAME@VERSION with a whole number", field="model")
    fitting = next((each for each in found if each.version == int(number)), None)
    if fitting is None:
        raise NotFound(f"no version {int(number)} of {wanted}; there are 1 to {max(each.version for each in found)}")
    return fitting


async def next_version(connection: Connection, name: str, digest: str) -> tuple[int, TunedModel | None]:
    """The number of the version that is about to be registered; with the active version that is the same bytes already, whose
    number it is then."""
    found = await tuning.TUNED_MODELS.find(connection, name=name)
    same = next((each for each in found if each.digest == digest and each.state == "active"), None)
    if same is not None:
        return same.version, same
    number = max((each.version for each in found), default=0) + 1
    if number > VERSIONS_MAX:
        raise Conflict(f"{name} has {VERSIONS_MAX} versions: choose another name")
    return number, None


async def _uses(connection: Connection, model: TunedModel) -> list[LineageUse]:
    """Use cases whose alias may answer with the version, each with its newest gate evaluation."""
    aliases = {each.name for each in await catalog.MODELS.find(connection) if await answers_with(connection, each, model)}
    uses = []
    for use_case in await catalog.USE_CASES.find(connection):
        if use_case.model not in aliases:
            continue
        gates = await catalog.GATE_EVALUATIONS.find(connection, use_case=use_case.name, newest_first=True, limit=1)
        uses.append(
            LineageUse(
                use_case=use_case.name,
                stage=use_case.stage,
                alias=use_case.model,
                version_digest=await current_digest(connection, use_case),
                gate=gates[0].stage if gates else "",
                gate_passed=gates[0].passed if gates else None,
                gate_at=gates[0].evaluated_at if gates else None,
            )
        )
    return uses
