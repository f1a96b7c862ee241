"""The facts that gate criteria are computed from: read once, in one transaction, so that a gate judges one moment."""

from __future__ import annotations

from datetime import datetime

import msgspec

from groundcrew.domain import risk
from groundcrew.domain.evidence import Evidence, EvidenceKind, state_at
from groundcrew.domain.hypothesis import Hypothesis
from groundcrew.domain.knowledge import Revision
from groundcrew.domain.provider import Model, Provider
from groundcrew.domain.use_case import Stage, UseCase
from groundcrew.services.drift_standing import DriftStanding, drift_standing
from groundcrew.services.experiment_analysis import Analysis, current_analysis, registered_of
from groundcrew.services.governance import Governance, gather_governance
from groundcrew.services.lookups import answering_aliases, current_digest, newest_hypothesis, person_of
from groundcrew.services.rating_figures import RatingFigures, rating_figures
from groundcrew.services.trust_standing import Standing, standing
from groundcrew.services.tuned_standing import TunedStanding, answering
from groundcrew.store import catalog, rollups
from groundcrew.store.database import Connection


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
    governance: Governance = Governance()
    #: The stage whose gate is asked; None where no gate is.
    into: Stage | None = None
    #: How the version is watched for drift; None where the gate does not ask.
    drift: DriftStanding | None = None
    #: The providers of the alternates that could take over.
    stand_in_providers: tuple[Provider, ...] = ()
    #: The tuned models that may answer, behind the alias or in an arm of the experiment, and what else may.
    tuned: tuple[TunedStanding, ...] = ()
    others: tuple[str, ...] = ()

    def valid(self, kind: EvidenceKind, subject: str | None = None) -> Evidence | None:
        """The newest valid evidence of a kind (and subject), or None."""
        found = [each for each in self.valid_evidence if each.kind == kind and (subject is None or each.subject == subject)]
        return found[-1] if found else None

    @property
    def valid_evidence(self) -> tuple[Evidence, ...]:
        """All evidence that is valid now and not of a person who built the use case, oldest first."""
        return tuple(
            each for each in self.evidence if state_at(each, self.now, self.version_digest) == "valid" and not self.built_by(each)
        )

    def built_by(self, evidence: Evidence) -> bool:
        """Whether a person's word comes from someone who built the use case, or has since: nobody attests their own work."""
        return evidence.attested and person_of(evidence.producer) in self.governance.builders

    def latest_state(self, kind: EvidenceKind, subject: str | None = None) -> str:
        """The state of the newest evidence of a kind, in words where there is none: for saying what is missing."""
        found = [each for each in self.evidence if each.kind == kind and (subject is None or each.subject == subject)]
        if found and self.built_by(found[-1]):
            return "attested by someone who built it"
        return state_at(found[-1], self.now, self.version_digest) if found else "not recorded yet"

    @property
    def registered(self) -> Hypothesis | None:
        """The newest hypothesis if it is registered (or beyond) and unaltered."""
        return registered_of(self.hypothesis)


async def gather(
    connection: Connection,
    use_case: UseCase,
    now: datetime,
    *,
    labels: bool = False,
    checks: frozenset[str] = frozenset(),
    into: Stage | None = None,
    recompute: bool = True,
) -> Facts:
    """Read everything that bears on a gate of `use_case`; its labels only where wanted, for they may be many, and what only some
    criteria ask for where `checks` names them. Without `recompute` the experiment is as the newest kept look at it says, for
    pages."""
    digest = await current_digest(connection, use_case)
    model = await catalog.MODELS.get(connection, use_case.model)
    providers = [
        await catalog.PROVIDERS.get(connection, name)
        for name in sorted({each.provider for each in model.targets} if model else ())
    ]
    stand_ins = [
        await catalog.PROVIDERS.get(connection, name)
        for name in sorted({each.provider for each in model.stand_ins} if model else ())
    ]
    known = tuple(each for each in providers if each is not None)
    answers = await answering(connection, await answering_aliases(connection, use_case))
    hypothesis = await newest_hypothesis(connection, use_case.name)
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
        providers=known,
        stand_in_providers=tuple(each for each in stand_ins if each is not None),
        tuned=answers.tuned,
        others=answers.others,
        ratings=await rating_figures(connection, name, digest, sample=False),
        sample_ratings=await rating_figures(connection, name, digest, sample=True),
        analysis=await current_analysis(connection, name, hypothesis, digest, recompute=recompute),
        status_counts=await rollups.status_counts(connection, name, digest, samples=False),
        cost_usd=await rollups.total_cost(connection, name, digest),
        labels=await standing(connection, use_case, digest, now) if labels else None,
        governance=await gather_governance(
            connection, use_case, digest, registered_of(hypothesis), now, checks, recompute=recompute
        ),
        into=into,
        drift=await drift_standing(connection, use_case, digest) if "drift_reference" in checks else None,
    )


async def _revision(connection: Connection, use_case: UseCase, now: datetime) -> Revision | None:
    if use_case.grounding is None or use_case.grounding.knowledge is None:
        return None
    approved = await catalog.REVISIONS.find(connection, knowledge_base=use_case.grounding.knowledge, state="approved")
    return next((each for each in approved if each.serves_at(now)), None)
