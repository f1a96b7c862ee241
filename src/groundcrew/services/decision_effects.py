"""What a decision of the Stream brings about, in the transaction that records it: a resource, an authority, a disposition."""

from __future__ import annotations

from typing import Any

from groundcrew.errors import NotAllowed
from groundcrew.services import authority_grants, resource_ledger, veto_reviews
from groundcrew.services.decision_subjects import disposal_of
from groundcrew.services.governance import persons_who_built
from groundcrew.services.lookups import person_of, require
from groundcrew.services.overlaps import settle_in
from groundcrew.store import catalog, deciding
from groundcrew.store.database import Writer


async def allocate_resource(writer: Writer, *, decision: str, request: str, terms: dict[str, Any]) -> None:
    """Give what a resource request asks for; `terms` says how much and who gives it up (`AllocationTerms`). Conflict beyond the
    capacity."""
    await resource_ledger.allocate_in(writer, decision=decision, request=request, terms=terms)


async def deny_resource(writer: Writer, *, decision: str, request: str, reason: str) -> None:
    """Refuse a resource request with a reason."""
    await resource_ledger.deny_in(writer, decision=decision, request=request, reason=reason)


async def grant_authority(writer: Writer, *, decision: str, terms: dict[str, Any]) -> None:
    """Let a person approve or veto for a function (`authority_grants.GrantTerms`)."""
    await authority_grants.grant(writer, decision=decision, terms=terms)


async def revoke_authority(writer: Writer, *, decision: str, authority: str, reason: str) -> None:
    """Take an authority back."""
    await authority_grants.revoke(writer, decision=decision, authority=authority, reason=reason)


async def deny_authority(writer: Writer, *, decision: str, request: str, reason: str) -> None:
    """Refuse a request for an authority with a reason."""
    await authority_grants.deny(writer, decision=decision, request=request, reason=reason)


async def name_deputies(writer: Writer, *, decision: str, terms: dict[str, Any]) -> None:
    """Say who stands in for a function (`authority_grants.DeputyTerms`)."""
    await authority_grants.name_deputies(writer, decision=decision, terms=terms)


async def review_veto(writer: Writer, *, decision: str, veto: str, note: str) -> None:
    """Record that a veto was looked at in a meeting that had its quorum."""
    await veto_reviews.review_in(writer, decision=decision, veto=veto, note=note)


async def dispose_overlap(writer: Writer, *, decision: str, overlap: str, terms: dict[str, Any]) -> None:
    """Settle an overlap; `terms` says how: disposition, reason, and where they are asked for expires_on and into. InputError;
    NotAllowed where who records the decision has built one of the two."""
    wanted = disposal_of(terms)
    finding = await require(writer.connection, deciding.OVERLAPS, overlap)
    for name in finding.names:
        use_case = await catalog.USE_CASES.get(writer.connection, name)
        if use_case is not None and person_of(writer.actor) in await persons_who_built(writer.connection, use_case):
            raise NotAllowed(
                f"{person_of(writer.actor)} owns, champions or has built {name}: somebody else records this decision"
            )
    await settle_in(writer, finding, wanted, decision=decision)
