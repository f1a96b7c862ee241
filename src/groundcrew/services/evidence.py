"""Recording evidence: computed by the system, or attested by a named person who did not build what they attest."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from groundcrew.domain.canonical import digest
from groundcrew.domain.evidence import Evidence, EvidenceKind, state_at
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.use_case import UseCase
from groundcrew.errors import InputError, NotAllowed
from groundcrew.services.governance import persons_who_built
from groundcrew.services.lookups import current_digest, person_of, require_use_case
from groundcrew.store import catalog
from groundcrew.store.database import Connection, Database, Writer

ATTESTATION_VALID_S_DEFAULT = 90 * 86_400
ATTESTATION_VALID_S_MAX = 366 * 86_400
OVERLAP_VALID_S = 30 * 86_400
PROBE_VALID_S = 90 * 86_400
#: Checks whose criteria a person's word can close; whatever else a published policy asks for is computed.
ATTESTED_CHECKS = ("attestation", "grounding", "evaluation")
#: Whose word lets a target of a tuned model stand that was lowered once the figures were known.
TARGET_SUBJECT = "evaluation_target"


class EvidenceNow(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence and the state it is in at this moment."""

    evidence: Evidence
    state: str


async def record(
    writer: Writer,
    use_case: UseCase,
    *,
    kind: EvidenceKind,
    subject: str,
    content: dict[str, Any],
    valid_s: float,
    attested: bool = False,
) -> Evidence:
    """Record evidence bound to the current version digest; an earlier one of the same kind and subject is superseded."""
    for old in await catalog.EVIDENCE.find(writer.connection, use_case=use_case.name, kind=kind):
        if old.subject == subject and old.state == "valid":
            await catalog.EVIDENCE.put(writer, msgspec.structs.replace(old, state="superseded"), "supersede")
    now = writer.clock.now()
    evidence = Evidence(
        id=new_id(),
        use_case=use_case.name,
        kind=kind,
        subject=subject,
        content=content,
        sha256=digest(content),
        version_digest=await current_digest(writer.connection, use_case),
        producer=writer.actor,
        recorded_at=now,
        valid_until=now + timedelta(seconds=valid_s),
        attested=attested,
    )
    await catalog.EVIDENCE.put(writer, evidence, "record")
    return evidence


class EvidenceService:
    """All evidence of use cases."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, use_case: str) -> list[EvidenceNow]:
        """Evidence of one use case, oldest first, each with its state now."""
        now = self._database.clock.now()
        async with self._database.read() as connection:
            item = await require_use_case(connection, use_case)
            current = await current_digest(connection, item)
            found = await catalog.EVIDENCE.find(connection, use_case=use_case)
        return [EvidenceNow(evidence=each, state=state_at(each, now, current)) for each in found]

    async def attest(
        self, use_case: str, subject: str, *, actor: str, statement: str, valid_s: float = ATTESTATION_VALID_S_DEFAULT
    ) -> Evidence:
        """A person's word for something that can not be computed. NotAllowed for whoever built the use case: its owner, its
        champion, and everybody who declared it, wrote or registered its hypothesis or changed its version; and for the account of
        a program. InputError for a criterion that is computed from recorded data, or given by the functions of the Stream."""
        if not statement.strip() or not subject.strip():
            raise InputError("say what is attested and on what ground", field="statement" if subject.strip() else "subject")
        if not 0 < valid_s <= ATTESTATION_VALID_S_MAX:
            raise InputError("an attestation is valid for more than 0 and at most 366 days", field="valid")
        async with self._database.write(actor) as writer:
            item = await require_use_case(writer.connection, use_case)
            if person_of(actor) in await persons_who_built(writer.connection, item):
                raise NotAllowed(
                    f"{person_of(actor)} owns, champions or has built {use_case}: someone who did not build it must attest"
                )
            programs = {person_of(each.name) for each in await catalog.USERS.find(writer.connection) if each.kind == "agent"}
            if person_of(actor) in programs:
                raise NotAllowed(f"a person attests, and {person_of(actor)} is the account of a program")
            await _check_subject(writer.connection, subject)
            content: dict[str, Any] = {"statement": statement, "by": actor}
            if subject == TARGET_SUBJECT and item.evaluation is not None:  # for these targets and no lower ones
                content |= {"data_set": item.evaluation.data_set, "at_least": dict(item.evaluation.at_least)}
            return await record(
                writer, item, kind="attestation", subject=subject, content=content, valid_s=valid_s, attested=True
            )

    async def record_phi_probe(self, use_case: str, *, actor: str, sent: int, denied: int, details: list[str]) -> Evidence:
        """The result of probes with protected health information through the gateway: how many were sent and denied."""
        async with self._database.write(actor) as writer:
            item = await require_use_case(writer.connection, use_case)
            content = {"sent": sent, "denied": denied, "allowed_probes": details}
            return await record(writer, item, kind="phi_probe", subject="gateway", content=content, valid_s=PROBE_VALID_S)

    async def record_sign_off_probe(self, use_case: str, *, actor: str, sent: int, held: int, bypasses: list[str]) -> Evidence:
        """The result of attempts to get an answer without a signature: how many were made and held, and what got around."""
        async with self._database.write(actor) as writer:
            item = await require_use_case(writer.connection, use_case)
            content = {"sent": sent, "held": held, "bypasses": bypasses}
            return await record(writer, item, kind="sign_off_probe", subject="gateway", content=content, valid_s=PROBE_VALID_S)


async def _check_subject(connection: Connection, subject: str) -> None:
    """Raise InputError where nobody's word counts for `subject`."""
    if subject.partition(":")[0] in ("overlap", "overlaps"):
        raise InputError("overlaps are settled one by one, with what follows: `groundcrew settle-overlap`", field="subject")
    if subject.partition(":")[0] in ("approval", "approvals"):
        raise InputError("approvals are given by the functions: `groundcrew approval request`", field="subject")
    for policy in await catalog.GATE_POLICIES.find(connection, state="published"):
        for criterion in policy.criteria:
            if criterion.key == subject and criterion.check not in ATTESTED_CHECKS:
                raise InputError(f"{subject} is computed from recorded data: nobody's word stands for it", field="subject")
