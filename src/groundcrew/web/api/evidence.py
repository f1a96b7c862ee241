"""Evidence: what gates rest on, each piece with its state now, and people's attestations."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody

from groundcrew.domain.evidence import Evidence
from groundcrew.services.evidence import ATTESTATION_VALID_S_DEFAULT, ATTESTATION_VALID_S_MAX, EvidenceNow
from groundcrew.web.api.common import ApiRequest, principal_of, services_of

STATEMENT_LENGTH_MAX = 10_000


class Attestation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person's word for something that can not be computed."""

    use_case: str
    subject: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    statement: Annotated[str, msgspec.Meta(min_length=1, max_length=STATEMENT_LENGTH_MAX)]
    valid_s: Annotated[float, msgspec.Meta(gt=0, le=ATTESTATION_VALID_S_MAX)] = ATTESTATION_VALID_S_DEFAULT


@get("/evidence", action="read", tags=["evidence"], summary="Evidence of a use case")
async def list_evidence(request: ApiRequest, use_case: FromQuery[str]) -> dict[str, list[EvidenceNow]]:
    """Evidence of one use case, oldest first, each with its state now."""
    return {"evidence": await services_of(request).evidence.find(use_case)}


@post("/evidence/attestations", action="attest", tags=["evidence"], summary="Attest")
async def attest(request: ApiRequest, data: JSONBody[Attestation]) -> Evidence:
    """Attest something. Owner and champion of the use case may not."""
    return await services_of(request).evidence.attest(
        data.use_case,
        data.subject,
        actor=principal_of(request).actor,
        statement=data.statement,
        valid_s=data.valid_s,
    )


@post("/use-cases/{name:str}/overlap-scan", action="scan_overlaps", tags=["evidence"], summary="Scan for overlaps")
async def scan_overlaps(request: ApiRequest, name: FromPath[str]) -> Evidence:
    """Compare the use case with every other live one; the result becomes evidence."""
    return await services_of(request).overlaps.scan(name, actor=principal_of(request).actor)


HANDLERS = [list_evidence, attest, scan_overlaps]
