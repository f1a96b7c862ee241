"""What people and applications write beside calls (comments, corrected texts, edits), masked like the calls themselves before it
is written; and identifiers that hold personal data, which are refused."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from groundcrew.domain.use_case import UseCase
from groundcrew.errors import InputError, WouldBeMasked
from groundcrew.guards.masking import detect_for, mask, personal_kinds, within_reach
from groundcrew.guards.pii import Detect
from groundcrew.guards.redaction import Pseudonyms
from groundcrew.store import catalog
from groundcrew.store.database import Connection

#: What is masked may look different to the masking then; after so many rounds it must have come to rest.
ROUNDS_MAX = 4
_TAG = re.compile(r"\[([A-Z][A-Z0-9_]*?)(?:_\d+)?\]")


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


async def require_masked(text: str, detect: Detect, *, published: Sequence[str] = ()) -> None:
    """WouldBeMasked, with what may be signed instead, where masking would change `text`. InputError where it is too long to be
    looked at, or masking does not come to rest."""
    if within_reach(text, detect) != text:
        raise InputError("it is too long to be looked at for personal data: shorten it", field="text")
    safe = text
    for _ in range(ROUNDS_MAX):
        (again,) = await masked([safe], detect, published=published)
        if again == safe:
            break
        safe = again
    else:
        raise InputError("it can not be masked: leave the personal data in it out", field="text")
    if safe != text:
        before = {match.group() for match in _TAG.finditer(text)}
        kinds = {match.group(1) for match in _TAG.finditer(safe) if match.group() not in before}
        raise WouldBeMasked(safe, tuple(sorted(kinds)))


def check_identifiers(**identifiers: str | None) -> None:
    """InputError, which does not repeat it, where one holds personal data."""
    for field, identifier in identifiers.items():
        if identifier and (kinds := personal_kinds(identifier)):
            raise InputError(f"it holds personal data ({', '.join(kinds)}); use an identifier", field=field)
