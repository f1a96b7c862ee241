"""Masks personal data in records in bulk, with the recognisers of the guard `pii`: patterns on every text, the network where a
cheap look can not rule out that a name or a place stands in it."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import msgspec

from groundcrew.guards import pii
from groundcrew.guards.redaction import OffsetMap, Pseudonyms, redact

#: When the network looks at a text: at every one, where the look before it can not rule a name out, or at none.
NetworkUse: TypeAlias = Literal["always", "prefiltered", "never"]
NETWORK_USES: tuple[NetworkUse, ...] = get_args(NetworkUse)
#: Tags with a number for every further value of a type in one text, or the type alone.
Tags: TypeAlias = Literal["numbered", "plain"]


class Masked(msgspec.Struct, frozen=True, kw_only=True):
    """A text without what was found in it. `types` are the types found, sorted, each once; `counts` how often each was.
    `offsets` carries a place in the text over to the masked one: `offsets.start(span.start)`, `offsets.end(span.end)`."""

    text: str
    types: tuple[str, ...] = ()
    counts: dict[str, int] = {}
    offsets: OffsetMap = OffsetMap()


class Masker:
    """Masks texts one by one, the same text always in the same way, whatever came before it."""

    def __init__(
        self, *, network: NetworkUse = "prefiltered", tags: Tags = "numbered", types: frozenset[str] | None = None
    ) -> None:
        self._network, self._tags, self._types = network, tags, types

    def mask(self, text: str) -> Masked:
        """`text` with every finding in a tag. Raises InputError where the network's files are needed and missing."""
        findings = pii.find(text, detect="full" if self._network != "never" else "patterns")
        names: Pseudonyms | None = None
        if self._tags == "numbered":
            names = Pseudonyms()
            names.reserve([text])
        masked, offsets = redact(text, findings, names)
        return Masked(text=masked, types=tuple(sorted({each.type for each in findings})), offsets=offsets)
