"""What controls and the technical file are computed from: every published criterion of one use case as it stands now, and what
else the records hold of it. Read in one transaction, so that a document speaks of one moment."""

from __future__ import annotations

from datetime import datetime

import msgspec

from groundcrew.domain.alert import AlertRule
from groundcrew.domain.audit import AuditEntry
from groundcrew.domain.certification import Certification
from groundcrew.domain.evidence import Evidence
from groundcrew.domain.gate import Criterion, CriterionResult, GateEvaluation
from groundcrew.domain.guard import GuardRule, Policy, policy_in
from groundcrew.domain.hypothesis import Hypothesis
from groundcrew.domain.kill_switch import KillSwitch, Scope
from groundcrew.domain.risk import RiskSheet
from groundcrew.domain.sign_off import SignOff
from groundcrew.domain.use_case import STAGES, UseCase
from groundcrew.services.criteria.registry import evaluate
from groundcrew.services.gate_facts import Facts, gather
from groundcrew.services.gates import load_checks, published_policy
from groundcrew.services.risks import RiskView, view_in
from groundcrew.store import audit, catalog, deciding
from groundcrew.store.database import Connection

EVALUATIONS_MAX = 200


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A criterion of a published policy with its result now."""

    criterion: Criterion
    stage: str
    result: CriterionResult


class Materials(msgspec.Struct, frozen=True, kw_only=True):
    """All that documents of one use case may rest on. `judged` holds each criterion key once, as the highest stage asks for it;
    `filed` is when the present version's technical file was filed last."""

    use_case: UseCase
    facts: Facts
    judged: dict[str, Judged]
    risk: RiskView
    sheets: tuple[RiskSheet, ...]
    policy: Policy | None
    kill_switch: KillSwitch | None
    alert_rules: tuple[AlertRule, ...]
    certification: Certification | None
    evaluations: tuple[GateEvaluation, ...]
    signed: tuple[SignOff, ...]
    chain: AuditEntry | None
    filed: datetime | None

    @property
    def now(self) -> datetime:
        """The moment of which all of it speaks."""
        return self.facts.now

    @property
    def calls(self) -> int:
        """Recorded calls of the present version, samples left out."""
        return sum(self.facts.status_counts.values())

    @property
    def enforced(self) -> tuple[GuardRule, ...]:
        """The guard rules that are enforced in the present stage."""
        rules = policy_in(self.policy, self.use_case.stage).guards if self.policy is not None else ()
        return tuple(each for each in rules if each.mode == "enforce")

    @property
    def hypothesis(self) -> Hypothesis | None:
        """The newest hypothesis, whatever its state."""
        return self.facts.hypothesis

    def word(self, subject: str) -> Evidence | None:
        """The valid word of a person who did not build it for `subject`, or None."""
        return self.facts.valid("attestation", subject)


async def materials(connection: Connection, use_case: UseCase, now: datetime) -> Materials:
    """Read everything; the experiment is as it was last looked at."""
    load_checks()
    policies = [await published_policy(connection, stage) for stage in STAGES]
    checks = frozenset(each.check for policy in policies for each in policy.criteria)
    facts = await gather(connection, use_case, now, labels=True, checks=checks, into="scale", recompute=False)
    judged = {
        each.key: Judged(criterion=each, stage=policy.stage, result=evaluate(facts, each))
        for policy in policies
        for each in policy.criteria
    }
    name = use_case.name
    evaluations = await catalog.GATE_EVALUATIONS.find(connection, use_case=name, newest_first=True, limit=EVALUATIONS_MAX)
    filings = await deciding.TECHNICAL_FILINGS.find(connection, use_case=name, newest_first=True, limit=100)
    rules = await catalog.ALERT_RULES.find(connection)
    return Materials(
        use_case=use_case,
        facts=facts,
        judged=judged,
        risk=await view_in(connection, use_case),
        sheets=tuple(await deciding.RISK_SHEETS.find(connection, use_case=name, newest_first=True, limit=100)),
        policy=await catalog.POLICIES.get(connection, use_case.policy) if use_case.policy else None,
        kill_switch=await catalog.KILL_SWITCHES.get(connection, str(Scope("use-case", name))),
        alert_rules=tuple(each for each in rules if each.enabled and each.covers(name, use_case.business_unit)),
        certification=await catalog.CERTIFICATIONS.get(connection, name),
        evaluations=tuple(evaluations),
        signed=tuple(await catalog.SIGN_OFFS.find(connection, use_case=name, newest_first=True, limit=1_000)),
        chain=next(iter(await audit.latest(connection, limit=1)), None),
        filed=next((each.filed_at for each in filings if each.version_digest == facts.version_digest), None),
    )
