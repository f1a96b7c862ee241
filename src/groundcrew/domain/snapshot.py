"""The snapshot: everything that the hot path needs to decide, immutable, with a version. No database on the hot path."""

from __future__ import annotations

import msgspec

from groundcrew.domain.assignment import ExperimentEntry
from groundcrew.domain.data_class import DataClass
from groundcrew.domain.guard import Policy
from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.provider import Model, Provider
from groundcrew.domain.trust_rules import ReleaseRule, TrustRules, release_rule
from groundcrew.domain.use_case import RateLimits, RiskTier, SpendLimits, UseCase
from groundcrew.domain.verifier import Verifier


class KeyEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A live key, found by the SHA-256 of its secret; `expires_at_s` is Unix time."""

    id: str
    use_case: str
    expires_at_s: float
    budget: SpendLimits | None = None
    limits: RateLimits | None = None


class UseCaseEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A use case with what was computed about it."""

    use_case: UseCase
    version_digest: str
    risk_tier: RiskTier
    #: Whether calls stop when the snapshot is older than its limit (high tier), or go on (others).
    fails_closed: bool
    #: What people's labels of its answers have earned it.
    trust: TrustRules = TrustRules()
    #: The experiment whose arms answer with different models or prompts, while it takes in units.
    experiment: ExperimentEntry | None = None

    @property
    def release_rule(self) -> ReleaseRule:
        """What the trust of an answer must reach now."""
        return release_rule(self.use_case, self.trust)

    @property
    def sheds(self) -> bool:
        """Whether a call goes on when it can not be recorded; the high tier fails closed unless declared otherwise."""
        return (self.use_case.recording or ("closed" if self.fails_closed else "shed")) == "shed"


class KnowledgeEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The serving revision of a knowledge base; `folder` is its index; `expires_at_s` is Unix time."""

    name: str
    revision: str
    folder: str
    expires_at_s: float
    data_class: DataClass = "internal"


class TunedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a tuned model whose files lie in `folder` (DATA/models/DIGEST of the control plane's host). `digest` is the
    SHA-256 of its manifest: a gateway uses nothing in the folder that does not bear it out, so that a gateway on another host may
    be given the folder by any means, at the same path. Retired versions and those that a remote provider keeps are not here."""

    name: str
    version: int
    digest: str
    architecture: str
    folder: str


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What a use case, key or user has spent so far in the current UTC day and month. Calls
    of unknown price count as the highest known one."""

    tokens_today: int = 0
    tokens_this_month: int = 0
    usd_today: float = 0.0
    usd_this_month: float = 0.0


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One consistent state of the registry. Lookups are by name; keys by the secret's SHA-256; `stopped` scopes deny."""

    version: int
    keys: dict[str, KeyEntry] = {}
    use_cases: dict[str, UseCaseEntry] = {}
    models: dict[str, Model] = {}
    providers: dict[str, Provider] = {}
    policies: dict[str, Policy] = {}
    knowledge: dict[str, KnowledgeEntry] = {}
    verifiers: dict[str, Verifier] = {}
    #: NAME@VERSION, as a target of a provider with api "tuned" names it.
    tuned: dict[str, TunedEntry] = {}
    stopped: frozenset[Scope] = frozenset()
