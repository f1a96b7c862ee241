"""What a decision of the Stream brings about, in the transaction that records it: a resource, an authority, a disposition."""

from __future__ import annotations

from typing import Any

import msgspec

from groundcrew.errors import InputError
from groundcrew.services import resource_ledger
from groundcrew.services.lookups import require
from groundcrew.services.overlaps import Terms, settle_in
from groundcrew.store import deciding
from groundcrew.store.database import Writer


async def allocate_resource(writer: Writer, *, decision: str, request: str, terms: dict[str, Any]) -> None:
    """Give what a resource request asks for; `terms` says how much and who gives it up (`AllocationTerms`). Conflict beyond the
    capacity."""
    await resource_ledger.allocate_in(writer, decision=decision, request=request, terms=terms)


async def deny_resource(writer: Writer, *, decision: str, request: str, reason: str) -> None:
    """Refuse a resource request with a reason."""
    await resource_ledger.deny_in(writer, decision=decision, request=request, reason=reason)


async def grant_authority(writer: Writer, *, decision: str, terms: dict[str, Any]) -> None:
    """Let a person approve or veto for a function."""
    raise NotImplementedError


async def revoke_authority(writer: Writer, *, decision: str, authority: str, reason: str) -> None:
    """Take an authority back."""
    raise NotImplementedError


async def review_veto(writer: Writer, *, decision: str, veto: str, note: str) -> None:
    """Record that a veto was looked at in a meeting that had its quorum."""
    raise NotImplementedError


async def dispose_overlap(writer: Writer, *, decision: str, overlap: str, terms: dict[str, Any]) -> None:
    """Settle an overlap; `terms` says how: disposition, reason, and where they are asked for expires_on and into. InputError."""
    try:
        wanted = msgspec.convert(terms, Terms)
    except msgspec.ValidationError as error:
        raise InputError(f"these terms do not settle an overlap: {error}", field="terms") from None
    await settle_in(writer, await require(writer.connection, deciding.OVERLAPS, overlap), wanted, decision=decision)
