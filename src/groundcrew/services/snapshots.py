"""Building the gateways' snapshot from the registry, and noting which gateway enforces which version."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from groundcrew.domain import risk
from groundcrew.domain.assignment import ExperimentEntry, entry_of
from groundcrew.domain.enforcement_point import EnforcementPoint, PointKind
from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.pause import Pauses
from groundcrew.domain.snapshot import KeyEntry, KnowledgeEntry, Snapshot, TunedEntry, UseCaseEntry
from groundcrew.domain.trust_rules import TrustRules
from groundcrew.services.lookups import current_digest, newest_hypothesis
from groundcrew.services.processes import machine, process_started
from groundcrew.services.trust_standing import rules_of
from groundcrew.store import catalog, operations, tuning
from groundcrew.store.database import Connection, Database


class Snapshots:
    """What gateways load. `knowledge_folder` holds one index folder per revision; tuned models lie in ``models`` beside it."""

    def __init__(self, database: Database, knowledge_folder: Path) -> None:
        self._database, self._folder = database, knowledge_folder

    async def version(self) -> int:
        """The version of the registry now."""
        return await self._database.version()

    async def stopped(self) -> frozenset[Scope]:
        """What is stopped in the registry now: what must be known first."""
        async with self._database.read() as connection:
            return await _stopped(connection)

    async def build(self) -> Snapshot:
        """The registry as one immutable value, read in one transaction."""
        now = self._database.clock.now()
        version = await self._database.version()
        async with self._database.read() as connection:
            use_cases = {}
            for each in await catalog.USE_CASES.find(connection):
                tier = risk.assess(each).tier
                digest = await current_digest(connection, each)
                use_cases[each.name] = UseCaseEntry(
                    use_case=each,
                    version_digest=digest,
                    risk_tier=tier,
                    fails_closed=tier in ("high", "prohibited"),
                    trust=await rules_of(connection, each, digest) if each.grounding is not None else TrustRules(),
                    experiment=await _experiment(connection, each.name),
                )
            return Snapshot(
                version=version,
                keys={
                    key.sha256: KeyEntry(
                        id=key.id,
                        use_case=key.use_case,
                        expires_at_s=key.expires_at.timestamp(),
                        budget=key.budget,
                        limits=key.limits,
                    )
                    for key in await catalog.KEYS.find(connection)
                    if key.revoked_at is None and key.expires_at > now
                },
                use_cases=use_cases,
                models={each.name: each for each in await catalog.MODELS.find(connection)},
                providers={each.name: each for each in await catalog.PROVIDERS.find(connection)},
                policies={each.name: each for each in await catalog.POLICIES.find(connection)},
                knowledge={
                    each.knowledge_base: KnowledgeEntry(
                        name=each.knowledge_base,
                        revision=each.id,
                        folder=str(self._folder / each.id),
                        expires_at_s=each.expires_at.timestamp() if each.expires_at else 0.0,
                    )
                    for each in await catalog.REVISIONS.find(connection, state="approved")
                },
                verifiers={each.name: each for each in await catalog.VERIFIERS.find(connection)},
                tuned={
                    each.id: TunedEntry(
                        name=each.name,
                        version=each.version,
                        digest=each.digest,
                        architecture=each.architecture,
                        folder=str(self._folder.parent / each.folder),
                    )
                    for each in await tuning.TUNED_MODELS.find(connection, state="active")
                    if each.folder
                },
                stopped=await _stopped(connection),
            )

    async def acknowledge(
        self,
        *,
        gateway: str,
        host: str,
        process_id: int,
        version: int,
        kind: PointKind = "gateway",
        cut: Mapping[str, int] | None = None,
        started_at_s: float = 0.0,
        enforced_at_s: float = 0.0,
        pauses: Pauses | None = None,
        refuses_after_s: float | None = None,
        on: str | None = None,
    ) -> None:
        """Note that a gateway enforces `version` from now on, what it cut for it, how it stood still, and when it refuses
        everything without the database. `on` is the machine of its process: this one unless given."""
        point = EnforcementPoint(
            id=gateway,
            host=host,
            process_id=process_id,
            snapshot_version=version,
            machine=machine() if on is None else on,
            process_started=process_started(process_id) if on is None else "",
            refuses_after_s=refuses_after_s,
            kind=kind,
            cut=dict(cut or {}),
            started_at_s=started_at_s,
            enforced_at_s=enforced_at_s,
            paused_s=pauses.last_s if pauses is not None else 0.0,
            resumed_at_s=pauses.ended_at_s if pauses is not None else None,
        )
        async with self._database.operate() as connection:
            await operations.acknowledge(connection, point)

    async def forget(self, gateway: str) -> None:
        """Note that a gateway has stopped in an orderly way."""
        async with self._database.operate() as connection:
            await operations.forget(connection, gateway)


async def _stopped(connection: Connection) -> frozenset[Scope]:
    return frozenset(each.scope for each in await operations.denying(connection))


async def _experiment(connection: Connection, use_case: str) -> ExperimentEntry | None:
    """The experiment that gateways carry out: one whose arms they know to serve differently."""
    entry = entry_of(await newest_hypothesis(connection, use_case))
    return entry if entry is not None and entry.arms.variants else None
