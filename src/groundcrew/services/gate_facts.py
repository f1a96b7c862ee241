"""The facts that gate criteria are computed from: read once, in one transaction, so that a gate judges one moment."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import datetime
from weakref import WeakKeyDictionary

import msgspec

from groundcrew.domain import risk
from groundcrew.domain.evidence import Evidence, EvidenceKind, state_at
from groundcrew.domain.feedback import Outcome
from groundcrew.domain.hypothesis import Hypothesis
from groundcrew.domain.knowledge import Revision
from groundcrew.domain.provider import Model, Provider
from groundcrew.domain.use_case import UseCase
from groundcrew.services.experiment_analysis import Analysis, analysis_of
from groundcrew.services.lookups import current_digest
from groundcrew.services.rating_figures import RatingFigures, rating_figures
from groundcrew.services.trust_standing import Standing, standing
from groundcrew.store import audit, catalog, rollups
from groundcrew.store.database import Connection
from groundcrew.store.feedback import current_outcomes

#: Analyses that are kept in memory, those read last.
ANALYSES_MAX = 128
_ANALYSES: WeakKeyDictionary[object, OrderedDict[tuple[str, ...], Analysis]] = WeakKeyDictionary()


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a criterion may look at. Ratings and the analysis are of the current version; sample rows stand apart.

    `status_counts` counts the calls of the current version by (status, trust state), sample calls left out; `cost_usd` is
    None while any call's cost is unknown.
    """

    use_case: UseCase
    now: datetime
    version_digest: str
    assessment: risk.RiskAssessment
    hypothesis: Hypothesis | None
    evidence: tuple[Evidence, ...]
    revision: Revision | None
    model: Model | None
    providers: tuple[Provider, ...]
    ratings: RatingFigures
    sample_ratings: RatingFigures
    analysis: Analysis
    status_counts: dict[tuple[str, str], int]
    cost_usd: float | None
    #: How the labels of its answers stand; None where the gate does not ask.
    labels: Standing | None = None

    def valid(self, kind: EvidenceKind, subject: str | None = None) -> Evidence | None:
        """The newest valid evidence of a kind (and subject), or None."""
        found = [
            each
            for each in self.evidence
            if each.kind == kind
            and (subject is None or each.subject == subject)
            and state_at(each, self.now, self.version_digest) == "valid"
        ]
        return found[-1] if found else None

    def latest_state(self, kind: EvidenceKind, subject: str | None = None) -> str:
        """The state of the newest evidence of a kind, `absent` where there is none: for saying what is missing."""
        found = [each for each in self.evidence if each.kind == kind and (subject is None or each.subject == subject)]
        return state_at(found[-1], self.now, self.version_digest) if found else "absent"

    @property
    def registered(self) -> Hypothesis | None:
        """The newest hypothesis if it is registered (or beyond) and unaltered."""
        return _registered(self.hypothesis)


async def gather(connection: Connection, use_case: UseCase, now: datetime, *, labels: bool = False) -> Facts:
    """Read everything that bears on a gate of `use_case`; its labels only where wanted, for they may be many."""
    digest = await current_digest(connection, use_case)
    versions = await catalog.HYPOTHESES.find(connection, use_case=use_case.name)
    model = await catalog.MODELS.get(connection, use_case.model)
    providers = [
        await catalog.PROVIDERS.get(connection, name)
        for name in sorted({each.provider for each in model.targets} if model else ())
    ]
    hypothesis = versions[-1] if versions else None
    name = use_case.name
    return Facts(
        use_case=use_case,
        now=now,
        version_digest=digest,
        assessment=risk.assess(use_case),
        hypothesis=hypothesis,
        evidence=tuple(await catalog.EVIDENCE.find(connection, use_case=use_case.name)),
        revision=await _revision(connection, use_case, now),
        model=model,
        providers=tuple(each for each in providers if each is not None),
        ratings=await rating_figures(connection, name, digest, sample=False),
        sample_ratings=await rating_figures(connection, name, digest, sample=True),
        analysis=await _analysis(connection, name, digest, _registered(hypothesis)),
        status_counts=await rollups.status_counts(connection, name, digest, samples=False),
        cost_usd=await rollups.total_cost(connection, name, digest),
        labels=await standing(connection, use_case, digest, now) if labels else None,
    )


async def _analysis(connection: Connection, use_case: str, version_digest: str, registered: Hypothesis | None) -> Analysis:
    """The analysis of the registered hypothesis, computed anew where outcomes came since it was last computed here."""
    if registered is None:
        return analysis_of(None, (), ())
    newest = await audit.latest(connection, subject=f"outcomes/{use_case}", limit=1)
    key = (use_case, version_digest, registered.digest or "", newest[0].hash if newest else "")
    kept = _ANALYSES.setdefault(connection.engine.sync_engine, OrderedDict())
    if key not in kept:
        real, sample = await outcomes_for_analysis(connection, use_case, version_digest, registered)
        kept[key] = await asyncio.to_thread(analysis_of, registered, real, sample)
    kept.move_to_end(key)
    while len(kept) > ANALYSES_MAX:
        kept.popitem(last=False)
    return kept[key]


async def outcomes_for_analysis(
    connection: Connection, use_case: str, version_digest: str, registered: Hypothesis
) -> tuple[list[Outcome], list[Outcome]]:
    """The outcomes of one version that count, real and sample ones; what was seen before the hypothesis was registered can not
    confirm it. Reads them all."""
    since = registered.registered_at
    found = [each for each in await current_outcomes(connection, use_case) if each.version_digest == version_digest]
    real = [each for each in found if not each.sample and since is not None and each.at >= since]
    return real, [each for each in found if each.sample]


def _registered(found: Hypothesis | None) -> Hypothesis | None:
    return found if found is not None and found.state != "draft" and found.intact else None


async def _revision(connection: Connection, use_case: UseCase, now: datetime) -> Revision | None:
    if use_case.grounding is None:
        return None
    approved = await catalog.REVISIONS.find(connection, knowledge_base=use_case.grounding.knowledge, state="approved")
    return next((each for each in approved if each.serves_at(now)), None)
