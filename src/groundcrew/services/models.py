"""Models: who answers each alias and who could take over, swapping to a rehearsed alternate and back, who is tied to a vendor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from groundcrew.domain.data_class import highest, provider_may_see
from groundcrew.domain.evidence import Evidence, state_at
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.model_swap import OVERRIDE_ROLES, LineUp, ModelSwap, in_force, line_up, named, stand_in, swapped
from groundcrew.domain.provider import Model, Provider, Target, address_of, vendor_of
from groundcrew.domain.stage import EXPOSED_STAGES
from groundcrew.domain.use_case import STAGES, UseCase
from groundcrew.errors import Conflict, NotAllowed
from groundcrew.services.lookups import current_digest, person_of, require, require_reason
from groundcrew.services.propagation import propagate
from groundcrew.services.registry import digests, version_changes
from groundcrew.services.rehearsals import EVIDENCE
from groundcrew.services.swap_consequences import Consequence, Renewal, consequences, stale_now, standing_of
from groundcrew.store import catalog
from groundcrew.store.database import Connection, Database, Writer


class Clearance(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an alternate may take over for one use case now; `why` says why not, `evidence` is its newest rehearsal, if any."""

    use_case: str
    provider: str
    model: str
    cleared: bool
    why: str = ""
    evidence: Evidence | None = None
    state: str = ""


class AliasView(msgspec.Struct, frozen=True, kw_only=True):
    """An alias as it stands: its line-up, the use cases on it, each alternate's clearance for each of them, and its swaps, newest
    first. `vendors` names who stands behind each provider in it."""

    model: Model
    use_cases: tuple[str, ...]
    vendors: dict[str, str]
    clearances: tuple[Clearance, ...]
    swaps: tuple[ModelSwap, ...]
    #: By use case: evidence of a version before, and how it is renewed.
    stale: dict[str, tuple[Renewal, ...]]
    in_force: ModelSwap | None


class SwapReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a swap or revert did, and what follows for each use case."""

    swap: ModelSwap
    model: Model
    consequences: tuple[Consequence, ...]
    notes: tuple[str, ...] = ()


class Independence(msgspec.Struct, frozen=True, kw_only=True):
    """Whether one live use case can leave its vendor. `vendors` answer it now; `ready` are alternates of another vendor that a
    valid rehearsal has cleared; `tied` where there is none, and `why` says what is lacking."""

    use_case: str
    title: str
    stage: str
    model: str
    vendors: tuple[str, ...]
    alternates: tuple[str, ...]
    ready: tuple[str, ...]
    tied: bool
    why: str
    rehearsed_at: datetime | None = None


class Models:
    """The aliases and their swaps."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self) -> list[AliasView]:
        """Every alias, by name."""
        async with self._database.read() as connection:
            return [await self._view(connection, each) for each in await catalog.MODELS.find(connection)]

    async def get(self, alias: str) -> AliasView:
        """One alias; NotFound names the nearest."""
        async with self._database.read() as connection:
            return await self._view(connection, await require(connection, catalog.MODELS, alias))

    async def swap(
        self,
        alias: str,
        to: tuple[str, str],
        *,
        actor: str,
        reason: str,
        replace: tuple[str, str] | None = None,
        without_rehearsal: bool = False,
    ) -> SwapReport:
        """Let the alternate `to` (provider, model) answer, and what answered step back (with `replace`: that one alone).

        Conflict unless a valid rehearsal holds for every use case on the alias; `without_rehearsal` goes past that for a person
        with one of OVERRIDE_ROLES. NotAllowed, always, where the provider may not see what a use case handles.
        """
        require_reason(reason)
        async with self._database.write(actor) as writer:
            connection = writer.connection
            model = await require(connection, catalog.MODELS, alias)
            after = swapped(model, to, replace=replace)
            users = await on_alias(connection, alias)
            provider = await require(connection, catalog.PROVIDERS, to[0])
            _require_sight(provider, users)
            clearances = [await self._clearance(connection, each, model, to) for each in users]
            open_ones = [each for each in clearances if not each.cleared]
            open_ones += await _other_uses(connection, alias, to)
            if open_ones and not without_rehearsal:
                words = "; ".join(f"{each.use_case}: {each.why}" for each in open_ones)
                raise Conflict(f"{named(to)} is not cleared to take over {alias}: {words}")
            if open_ones:
                await _require_override(connection, actor)
            proofs = tuple(each.evidence.id for each in clearances if each.cleared and each.evidence is not None)
            report = await self._change(
                writer, model, after, users, reason=reason, rehearsals=proofs, without_rehearsal=bool(open_ones)
            )
        return await self._told(report)

    async def revert(self, alias: str, *, actor: str, reason: str) -> SwapReport:
        """Undo the newest swap that is in force: who answered before it answers again. Conflict where there is none."""
        require_reason(reason)
        async with self._database.write(actor) as writer:
            model = await require(writer.connection, catalog.MODELS, alias)
            last = in_force(await catalog.MODEL_SWAPS.find(writer.connection, model=alias))
            if last is None:
                raise Conflict(f"nothing was swapped on {alias} that could be reverted")
            users = await on_alias(writer.connection, alias)
            report = await self._change(writer, model, last.before, users, reason=reason, reverts=last.id)
        return await self._told(report)

    async def independence(self) -> list[Independence]:
        """Every live use case: who answers it, and who of another vendor is cleared to take over; those that are tied first."""
        async with self._database.read() as connection:
            found = []
            for each in await catalog.USE_CASES.find(connection):
                if each.stage in EXPOSED_STAGES:
                    found.append(await self._independence(connection, each))
        return sorted(found, key=lambda each: (not each.tied, each.use_case))

    async def _change(
        self,
        writer: Writer,
        model: Model,
        after: LineUp,
        users: Sequence[UseCase],
        *,
        reason: str,
        reverts: str | None = None,
        rehearsals: tuple[str, ...] = (),
        without_rehearsal: bool = False,
    ) -> SwapReport:
        connection, now = writer.connection, self._database.clock.now()
        versions = await digests(connection)
        before = {each.name: await standing_of(connection, each, now) for each in users}
        record = ModelSwap(
            id=new_id(),
            model=model.name,
            action="swap" if reverts is None else "revert",
            at=now,
            by=writer.actor,
            reason=reason,
            before=line_up(model),
            after=after,
            reverts=reverts,
            rehearsals=rehearsals,
            without_rehearsal=without_rehearsal,
        )
        changed = after.on(model)
        details = {
            "in": [named(each) for each in record.stepped_in],
            "back": [named(each) for each in record.stepped_back],
            "without_rehearsal": without_rehearsal,
        }
        await catalog.MODELS.put(writer, changed, record.action, reason=reason, details=details)
        await catalog.MODEL_SWAPS.put(writer, record, record.action, reason=reason, details=details)
        await writer.touch_snapshot()
        await version_changes(writer, versions)
        follows = tuple([await consequences(writer, each, changed, before[each.name], now) for each in users])
        notes = await _notes(connection, changed, users)
        return SwapReport(swap=record, model=changed, consequences=follows, notes=notes)

    async def _told(self, report: SwapReport) -> SwapReport:
        """`report` once the gateways have it, naming those that did not say so in time."""
        silent = (await propagate(self._database)).silent
        late = tuple(f"gateway {each} has not confirmed it yet and goes on as before until it does" for each in silent)
        return msgspec.structs.replace(report, notes=(*report.notes, *late))

    async def _view(self, connection: Connection, model: Model) -> AliasView:
        users = await on_alias(connection, model.name)
        records = await catalog.MODEL_SWAPS.find(connection, model=model.name)
        vendors = {each.name: vendor_of(each) for each in await _providers(connection, (*model.targets, *model.alternates))}
        return AliasView(
            model=model,
            use_cases=tuple(each.name for each in users),
            vendors=vendors,
            clearances=tuple(
                [
                    await self._clearance(connection, user, model, (each.provider, each.model))
                    for each in model.stand_ins
                    for user in users
                ]
            ),
            swaps=tuple(reversed(records)),
            stale={
                user.name: found
                for user in users
                if (found := await stale_now(connection, user, model, self._database.clock.now()))
            },
            in_force=in_force(records),
        )

    async def _clearance(self, connection: Connection, use_case: UseCase, model: Model, to: tuple[str, str]) -> Clearance:
        stand_in(model, to)
        subject = Clearance(use_case=use_case.name, provider=to[0], model=to[1], cleared=False)
        provider = await catalog.PROVIDERS.get(connection, to[0])
        needed = highest(use_case.data_classes)
        if provider is None or not provider_may_see(needed, provider.data_classes, baa=provider.baa):
            return msgspec.structs.replace(subject, why=f"{to[0]} may not see {needed}")
        found = [
            each
            for each in await catalog.EVIDENCE.find(connection, use_case=use_case.name, kind=EVIDENCE)
            if each.subject == named(to)
        ]
        rehearse = f"groundcrew model rehearse {use_case.name} --alternate {named(to)}"
        if not found:
            return msgspec.structs.replace(subject, why=f"never rehearsed: {rehearse}")
        newest, digest = found[-1], await current_digest(connection, use_case)
        state = state_at(newest, self._database.clock.now(), digest)
        why = ""
        if state != "valid":
            why = f"its rehearsal is {state}: {rehearse}"
        elif newest.content.get("address") != address_of(provider):
            why = f"{to[0]} has another address since: {rehearse}"
        elif not newest.content.get("holds"):
            why = f"its rehearsal does not hold: {newest.content.get('why')}"
        return msgspec.structs.replace(subject, cleared=not why, why=why, evidence=newest, state=state)

    async def _independence(self, connection: Connection, use_case: UseCase) -> Independence:
        model = await catalog.MODELS.get(connection, use_case.model)
        answering = [each for each in model.targets if (each.provider, each.model) in model.answering] if model else []
        vendors = {vendor_of(each) for each in await _providers(connection, answering)}
        stand_ins = model.stand_ins if model else ()
        ready, reasons, times = [], [], []
        for each in stand_ins:
            assert model is not None
            pair = (each.provider, each.model)
            clearance = await self._clearance(connection, use_case, model, pair)
            provider = await catalog.PROVIDERS.get(connection, each.provider)
            if clearance.evidence is not None:
                times.append(clearance.evidence.recorded_at)
            if not clearance.cleared:
                reasons.append(f"{named(pair)}: {clearance.why}")
            elif provider is None or vendor_of(provider) in vendors:
                reasons.append(f"{named(pair)} is of the same vendor")
            else:
                ready.append(named(pair))
        return Independence(
            use_case=use_case.name,
            title=use_case.title,
            stage=use_case.stage,
            model=use_case.model,
            vendors=tuple(sorted(vendors)),
            alternates=tuple(named((each.provider, each.model)) for each in stand_ins),
            ready=tuple(ready),
            tied=not ready,
            why="" if ready else "; ".join(reasons) or f"declare alternates on the model {use_case.model}",
            rehearsed_at=max(times, default=None),
        )


async def on_alias(connection: Connection, alias: str) -> list[UseCase]:
    """The use cases that are neither rejected nor retired and name this alias as their model."""
    return [each for each in await catalog.USE_CASES.find(connection) if each.model == alias and each.stage in STAGES]


async def _other_uses(connection: Connection, alias: str, to: tuple[str, str]) -> list[Clearance]:
    """What else asks the alias and can not be rehearsed by replaying conversations: embeddings, and judges of answers."""
    judges = {each.name for each in await catalog.VERIFIERS.find(connection) if each.api == "judge" and each.model == alias}
    found = []
    for each in await catalog.USE_CASES.find(connection):
        if each.stage not in STAGES:
            continue
        if each.embedding_model == alias:
            found.append((each.name, "it embeds with it, which no replay can tell"))
        if each.grounding is not None and judges & set(each.grounding.verifiers):
            found.append((each.name, "it judges answers, which no replay can tell"))
    return [Clearance(use_case=name, provider=to[0], model=to[1], cleared=False, why=why) for name, why in found]


async def _providers(connection: Connection, targets: Sequence[Target]) -> list[Provider]:
    names = sorted({each.provider for each in targets})
    return [found for name in names if (found := await catalog.PROVIDERS.get(connection, name)) is not None]


def _require_sight(provider: Provider, users: Sequence[UseCase]) -> None:
    for each in users:
        needed = highest(each.data_classes)
        if not provider_may_see(needed, provider.data_classes, baa=provider.baa):
            raise NotAllowed(f"{provider.name} may not see {needed}, which {each.name} handles")


async def _require_override(connection: Connection, actor: str) -> None:
    """NotAllowed unless `actor` is a person whose account may swap to what was not rehearsed."""
    kind, _, name = actor.partition(":")
    user = await catalog.USERS.get(connection, name) if kind == "user" else None
    if user is None or user.disabled or not set(OVERRIDE_ROLES) & set(user.roles):
        raise NotAllowed(
            f"{person_of(actor)} may not swap without a rehearsal: an account with the role {' or '.join(OVERRIDE_ROLES)} may "
            "(on the command line with --as NAME)"
        )


async def _notes(connection: Connection, model: Model, users: Sequence[UseCase]) -> tuple[str, ...]:
    """What a person should know of those who answer now: who may not see something, which the gateway refuses."""
    notes = []
    for provider in await _providers(connection, [each for each in model.targets if each.role != "shadow"]):
        for each in users:
            needed = highest(each.data_classes)
            if not provider_may_see(needed, provider.data_classes, baa=provider.baa):
                notes.append(f"{provider.name} may not see {needed}: calls of {each.name} with such data are refused")
    return tuple(notes)
