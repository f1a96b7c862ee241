"""What follows from a swap: purpose and hypothesis stay, what was proven of the version before goes stale and is renewed how."""

from __future__ import annotations

from datetime import datetime

import msgspec

from groundcrew.domain.evidence import Evidence, state_at
from groundcrew.domain.model_swap import named
from groundcrew.domain.provider import Model
from groundcrew.domain.use_case import Stage, UseCase
from groundcrew.services.lookups import current_digest, newest_hypothesis
from groundcrew.store import catalog
from groundcrew.store.database import Connection, Writer
from groundcrew.store.feedback import OUTCOMES, RATINGS


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What stands on one version of a use case."""

    version_digest: str
    evidence: tuple[Evidence, ...]
    counts: dict[str, int]


class Renewal(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence that went stale and how it is renewed."""

    kind: str
    subject: str
    renew: str


class Consequence(msgspec.Struct, frozen=True, kw_only=True):
    """What a swap means for one use case. `counts` are ratings, outcomes and labels that are bound to the version before and
    count no more; `valid_again` is evidence of an earlier version that is the current one once more."""

    use_case: str
    stage: Stage
    purpose: str
    hypothesis: str
    version_before: str
    version_after: str
    stale: tuple[Renewal, ...]
    valid_again: tuple[str, ...]
    counts: dict[str, int]


async def standing_of(connection: Connection, use_case: UseCase, now: datetime) -> Standing:
    """What is valid for the current version, and what is counted of it."""
    digest = await current_digest(connection, use_case)
    found = await catalog.EVIDENCE.find(connection, use_case=use_case.name)
    bound = {"use_case": use_case.name, "version_digest": digest}
    counts = {
        "ratings": await RATINGS.count(connection, **bound),
        "outcomes": await OUTCOMES.count(connection, **bound),
        "labels": await catalog.TRUST_LABELS.count(connection, **bound),
    }
    valid = tuple(each for each in found if state_at(each, now, digest) == "valid")
    return Standing(version_digest=digest, evidence=valid, counts={name: number for name, number in counts.items() if number})


async def consequences(writer: Writer, use_case: UseCase, model: Model, before: Standing, now: datetime) -> Consequence:
    """Compare what stands now with `before`, in the transaction that changed the model."""
    after = await standing_of(writer.connection, use_case, now)
    newest = await newest_hypothesis(writer.connection, use_case.name)
    changed = after.version_digest != before.version_digest
    still = {each.id for each in after.evidence}
    was = {each.id for each in before.evidence}
    return Consequence(
        use_case=use_case.name,
        stage=use_case.stage,
        purpose=use_case.purpose,
        hypothesis=f"{newest.plan.name}, {newest.state}" if newest is not None else "none",
        version_before=before.version_digest,
        version_after=after.version_digest,
        stale=tuple(_renewal(use_case, model, each) for each in before.evidence if each.id not in still),
        valid_again=tuple(f"{each.kind} {each.subject}" for each in after.evidence if each.id not in was),
        counts=before.counts if changed else {},
    )


async def stale_now(connection: Connection, use_case: UseCase, model: Model, now: datetime) -> tuple[Renewal, ...]:
    """Evidence of earlier versions that nothing of the current version has taken the place of."""
    digest = await current_digest(connection, use_case)
    newest = {(each.kind, each.subject): each for each in await catalog.EVIDENCE.find(connection, use_case=use_case.name)}
    valid = {key for key, each in newest.items() if state_at(each, now, digest) == "valid"}
    return tuple(
        _renewal(use_case, model, each)
        for key, each in newest.items()
        if key not in valid and state_at(each, now, digest) == "stale"
    )


def _renewal(use_case: UseCase, model: Model, evidence: Evidence) -> Renewal:
    name, subject = use_case.name, evidence.subject
    stand_in = named((model.stand_ins[0].provider, model.stand_ins[0].model)) if model.stand_ins else "PROVIDER/MODEL"
    commands = {
        "kill_switch_drill": f"groundcrew drill use-case:{name}",
        "phi_probe": f"groundcrew probe {name}",
        "overlap_scan": f"groundcrew overlap {name}",
        "attestation": f"groundcrew attest {name} {subject} --statement WHY",
        "model_swap_rehearsal": f"groundcrew model rehearse {name} --alternate {stand_in}",
        "model_evaluation": f"groundcrew tune evaluate {model.targets[0].model} --data-set {evidence.content.get('data_set')}",
    }
    return Renewal(kind=evidence.kind, subject=subject, renew=commands.get(evidence.kind, f"record {evidence.kind} again"))
