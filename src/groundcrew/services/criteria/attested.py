"""A criterion that a person's word closes: one who did not build what they attest, as recently as the policy asks."""

from __future__ import annotations

from datetime import timedelta

from groundcrew.domain.gate import Criterion, CriterionResult
from groundcrew.services.criteria.registry import result
from groundcrew.services.gate_facts import Facts


def attested(facts: Facts, criterion: Criterion, subject: str, how: str) -> CriterionResult:
    """The newest valid attestation of `subject`; unknown without one, `how` saying what to do."""
    days = criterion.settings.get("age_days_max")
    bound = f"≤ {days} days old" if days is not None else ""
    found = facts.valid("attestation", subject)
    old = found is not None and days is not None and facts.now - found.recorded_at > timedelta(days=float(days))
    if found is None or old:
        return result(
            criterion,
            "unknown",
            figure=f"attested {found.recorded_at:%Y-%m-%d}" if found is not None else facts.latest_state("attestation", subject),
            bound=bound,
            missing=f"{how}: `groundcrew attest {facts.use_case.name} {subject} --statement …`",
        )
    return result(
        criterion,
        "pass",
        figure=f"attested, valid until {found.valid_until:%Y-%m-%d}",
        bound=bound,
        source=f"{found.producer}: {found.content['statement']}",
        evidence=(found.sha256,),
    )
