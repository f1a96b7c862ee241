"""What people and applications write beside calls (comments, corrected texts, edits), masked like the calls themselves before it
is written; and identifiers that hold personal data, which are refused."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from groundcrew.domain.use_case import UseCase
from groundcrew.errors import InputError
from groundcrew.guards.masking import detect_for, mask, personal_kinds
from groundcrew.guards.pii import Detect
from groundcrew.guards.redaction import Pseudonyms
from groundcrew.store import catalog
from groundcrew.store.database import Connection


async def detect_of(connection: Connection, use_case: UseCase | None) -> Detect:
    """What looks for personal data in what is written about `use_case`; everything where it is not known any more."""
    if use_case is None:
        return "full"
    policy = await catalog.POLICIES.get(connection, use_case.policy) if use_case.policy else None
    return detect_for(use_case, policy)


async def masked(texts: Sequence[str], detect: Detect, *, published: Sequence[str] = ()) -> list[str]:
    """`texts` with personal data and secrets in tags, the same value in the same one; what `published` passages say stays."""
    if not any(texts):
        return list(texts)

    def work() -> list[str]:
        names = Pseudonyms()
        names.reserve(texts)
        return [mask(text, names, detect=detect, published=published)[0] for text in texts]

    return await asyncio.to_thread(work)


def check_identifiers(**identifiers: str | None) -> None:
    """InputError, which does not repeat it, where one holds personal data."""
    for field, identifier in identifiers.items():
        if identifier and (kinds := personal_kinds(identifier)):
            raise InputError(f"it holds personal data ({', '.join(kinds)}); use an identifier", field=field)
