"""What the trust score says about one answer: claims, their support, and the state the answer is in."""

from __future__ import annotations

from typing import Literal

import msgspec

TrustState = Literal["supported", "unsupported", "no_claims", "no_sources"]


class ClaimScore(msgspec.Struct, frozen=True, kw_only=True):
    """One claim of an answer. Offsets count code points: `start`/`end` in the answer, `quote` in `sources[source]`. `checks`
    names the kinds of checks that object, `decided_by` the stage of the cascade whose word counted."""

    start: int
    end: int
    support: float
    source: int | None = None
    quote: tuple[int, int] | None = None
    reasons: tuple[str, ...] = ()
    contradicted: bool = False
    checks: tuple[str, ...] = ()
    decided_by: str | None = None


class StageCost(msgspec.Struct, frozen=True, kw_only=True):
    """What one stage of the cascade did for one answer: how many claims it looked at, in how long, and at what price (None where
    unknown, 0 for what runs here). `failed`: it did not tell of each claim that it was asked about."""

    name: str
    claims: int
    latency_ms: float
    cost_usd: float | None = 0.0
    failed: bool = False


class TrustReport(msgspec.Struct, frozen=True, kw_only=True):
    """Trust of a whole answer. `trust` estimates P(the whole answer is supported), 0..1; None with `reason` for an empty
    answer or a refusal; 0 for a claim with no sources. `uncalibrated` is what the verifier said before the use case's own
    calibration, where there is one. `verifier` names what scored it: labels of one verifier say nothing about another."""

    trust: float | None
    state: TrustState
    claims: tuple[ClaimScore, ...] = ()
    unsupported: tuple[tuple[int, int], ...] = ()
    reason: str | None = None
    uncalibrated: float | None = None
    verifier: str | None = None
    stages: tuple[StageCost, ...] = ()

    @property
    def raw(self) -> float | None:
        """What the verifier said, before any calibration."""
        return self.trust if self.uncalibrated is None else self.uncalibrated

    @property
    def contradicted(self) -> bool:
        """Whether the sources contradict a claim: such an answer is never released on trust."""
        return any(claim.contradicted for claim in self.claims)

    @property
    def left_open(self) -> bool:
        """Whether a declared verifier should have decided a claim and none did: unknown, whatever the score."""
        return bool(self.stages) and any(claim.decided_by is None for claim in self.claims)

    @property
    def degraded(self) -> bool:
        """Whether a stage of the cascade failed: the score then means something else than that of answers which people judged."""
        return self.left_open or any(stage.failed for stage in self.stages)
