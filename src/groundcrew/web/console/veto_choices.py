"""What the form of a veto offers for each kind of condition: what there is on the use case now, so that nobody types an id."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import msgspec

from groundcrew.domain.approval import FUNCTIONS
from groundcrew.domain.evidence import EvidenceKind
from groundcrew.domain.resource import MEASURES
from groundcrew.domain.stage import EXPOSED_STAGES, next_stage
from groundcrew.domain.use_case import UseCase

if TYPE_CHECKING:
    from groundcrew.services.bundle import Services

Choice = tuple[str, str]


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """For each kind of condition what can be chosen, as (value, words)."""

    use_case: UseCase
    requests: tuple[Choice, ...]
    resources: tuple[Choice, ...]
    evidence: tuple[Choice, ...]
    criteria: tuple[Choice, ...]
    actions: tuple[Choice, ...]
    incidents: tuple[Choice, ...]
    approvals: tuple[Choice, ...]
    metrics: tuple[Choice, ...]
    #: Whether calls may be stopped: people are exposed from pilot on.
    stops_calls: bool


async def choices_of(services: Services, name: str) -> Choices:
    """What there is on a use case now."""
    use_case = await services.use_cases.get(name)
    policies = await services.gate_policies.find()
    criteria = [
        (f"{policy.stage}:{each.key}", f"{policy.stage.replace('_', ' ')}: {each.title}")
        for policy in policies
        for each in policy.criteria
        if each.check != "approvals"
    ]
    attested = [each.key for policy in policies for each in policy.criteria if each.check == "attestation"]
    evidence = [(f"attestation:{key}", f"attestation: {key.replace('_', ' ')}") for key in dict.fromkeys(attested)]
    evidence += [(kind, kind.replace("_", " ")) for kind in get_args(EvidenceKind) if kind != "attestation"]
    standing = await services.vetoes.open_things(name)
    stage = next_stage(use_case.stage) or use_case.stage
    figures = (await services.metrics.report(name, meanings=False)).figures
    return Choices(
        use_case=use_case,
        requests=tuple(
            (each.id, f"{each.resource}: {each.amount:g} ({each.state}) – {each.purpose}"[:120]) for each in standing.requests
        ),
        resources=(
            *((f"resource:{each.name}", each.title or each.name) for each in standing.resources),
            *((f"measure:{each}", f"any {each.replace('_', ' ')}") for each in MEASURES),
        ),
        evidence=tuple(evidence),
        criteria=tuple(criteria),
        actions=tuple((each.id, f"{each.title} ({each.owner}, by {each.due})"[:120]) for each in standing.actions),
        incidents=tuple((each.id, f"severity {each.severity}: {each.title}"[:120]) for each in standing.incidents),
        approvals=tuple(
            (f"{each}:{stage}", f"{'IT' if each == 'it' else each} approves the gate into {stage.replace('_', ' ')}")
            for each in FUNCTIONS
        ),
        metrics=tuple((each.name, f"{each.title}, {each.unit}".rstrip(", ")) for each in figures),
        stops_calls=use_case.stage in EXPOSED_STAGES,
    )
