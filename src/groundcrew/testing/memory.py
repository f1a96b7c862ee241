"""A gateway over a snapshot in memory and a spool in a folder, with a clock to turn and kill switches to trip."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec

from groundcrew.domain.call import Call
from groundcrew.domain.data_class import DataClass
from groundcrew.domain.guard import GuardRule, Policy
from groundcrew.domain.key import secret_sha256
from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.pause import Pauses
from groundcrew.domain.provider import Model, Price, Provider, Target
from groundcrew.domain.snapshot import KeyEntry, KnowledgeEntry, Snapshot, UseCaseEntry
from groundcrew.domain.use_case import UseCase
from groundcrew.gateway.app import Gateway
from groundcrew.gateway.protocols import Grounding, Recorder
from groundcrew.gateway.recorder import SpoolRecorder
from groundcrew.gateway.retry import Timing
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.gateway.spool import Spool
from groundcrew.gateway.trace import Tracing
from groundcrew.gateway.upstream import HttpUpstream


class FakeClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime | None = None) -> None:
        self._now = now or datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        """The time it was set to."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self._now += timedelta(seconds=seconds)


class FakeSnapshots:
    """A snapshot source that is set by hand."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.current = snapshot
        self.age = 0.0

    @property
    def confirmed_version(self) -> int:
        """The current snapshot's version."""
        return self.current.version

    def age_s(self) -> float:
        """The age it was given."""
        return self.age

    def change(self, **fields: Any) -> None:
        """Put a new snapshot with `fields` replaced in place, one version on."""
        self.current = msgspec.structs.replace(self.current, version=self.current.version + 1, **fields)

    def stop(self, *scopes: Scope) -> None:
        """Trip the kill switch for `scopes`."""
        self.change(stopped=self.current.stopped | frozenset(scopes))

    def change_use_case(self, name: str, **fields: Any) -> None:
        """Replace `fields` of the use case `name`."""
        entry = self.current.use_cases[name]
        changed = msgspec.structs.replace(entry, use_case=msgspec.structs.replace(entry.use_case, **fields))
        self.change(use_cases={**self.current.use_cases, name: changed})


TEST_KEY = "gc_test-key-of-the-memory-gateway-000000000000"


def memory_use_case(**fields: Any) -> UseCase:
    """A running use case in the pilot stage for `memory_snapshot`, whose records are masked with patterns; `fields` replace its
    defaults."""
    defaults: dict[str, Any] = {
        "name": "demo",
        "title": "Demo",
        "owner": "owner@bank.example",
        "business_unit": "retail",
        "purpose": "try things",
        "affected_persons": "nobody",
        "solution": "product",
        "autonomy": "assist",
        "data_classes": ("internal", "pii"),
        "model": "writer",
        "stage": "pilot",
        "run_state": "running",
        "mask": "patterns",
    }
    return UseCase(**{**defaults, **fields})


def memory_snapshot(
    base_url: str,
    *,
    use_case: UseCase | None = None,
    api: Literal["openai", "extractive"] = "openai",
    providers: tuple[Provider, ...] | None = None,
    targets: tuple[Target, ...] | None = None,
    guards: tuple[GuardRule, ...] = (),
    knowledge: tuple[KnowledgeEntry, ...] = (),
    fails_closed: bool = False,
    price: Price | None = None,
    key_expires_at_s: float = 32_503_680_000.0,
) -> Snapshot:
    """A snapshot with one use case, its key `TEST_KEY`, one model and one provider, unless given otherwise."""
    subject = use_case or memory_use_case()
    classes: tuple[DataClass, ...] = ("public", "internal", "confidential", "pii")
    given = providers or (Provider(name="fake", api=api, base_url=base_url or None, data_classes=classes),)
    if guards:
        subject = msgspec.structs.replace(subject, policy="test-policy")
    aims = targets or (Target(provider=given[0].name, model="fake-model-1", timeout_s=5.0, price=price),)
    entry = UseCaseEntry(use_case=subject, version_digest="d" * 64, risk_tier="limited", fails_closed=fails_closed)
    return Snapshot(
        version=1,
        keys={secret_sha256(TEST_KEY): KeyEntry(id="key-1", use_case=subject.name, expires_at_s=key_expires_at_s)},
        use_cases={subject.name: entry},
        models={subject.model: Model(name=subject.model, targets=aims)},
        providers={each.name: each for each in given},
        policies={"test-policy": Policy(name="test-policy", guards=guards)} if guards else {},
        knowledge={each.name: each for each in knowledge},
    )


class MemoryGateway(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway over an in-memory snapshot and a spool in a folder. Close the gateway in its loop, then the spool."""

    gateway: Gateway
    snapshots: FakeSnapshots
    spool: Spool

    def calls(self) -> list[Call]:
        """Everything that was recorded, oldest first."""
        return [call for _, _, call in self.spool.read_batch(5_000)]


def memory_gateway(
    snapshot: Snapshot,
    folder: Path,
    *,
    settings: GatewaySettings | None = None,
    grounding: Grounding | None = None,
    clock: FakeClock | None = None,
    recorder: Recorder | None = None,
    timing: Timing | None = None,
    tracing: Tracing | None = None,
    pauses: Pauses | None = None,
) -> MemoryGateway:
    """A gateway with a real upstream client and a real spool in `folder`."""
    spool = Spool.open(folder / "spool.db")
    snapshots = FakeSnapshots(snapshot)
    chosen = settings or GatewaySettings(drain_s_max=1.0)
    gateway = Gateway(
        snapshots=snapshots,
        recorder=recorder or SpoolRecorder(spool),
        upstream=HttpUpstream(chosen),
        grounding=grounding,
        settings=chosen,
        clock=clock,
        timing=timing,
        tracing=tracing,
        pauses=pauses,
    )
    return MemoryGateway(gateway=gateway, snapshots=snapshots, spool=spool)
