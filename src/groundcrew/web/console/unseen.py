"""Characters that a reader does not see: what looks harmless may read otherwise in the system that the signed text goes to."""

from __future__ import annotations

import unicodedata

#: Letters and joiners that writing needs although they draw nothing: soft hyphen, zero-width joiners, marks of direction.
_NEEDED = frozenset("\u00ad\u200c\u200d\u200e\u200f\u061c")


def unseen(text: str) -> dict[str, int]:
    """Characters that hide or turn text, by name: overrides of direction, zero-width spaces, tags, most controls."""
    found: dict[str, int] = {}
    for each in text:
        if each in "\n\r\t" or each in _NEEDED or unicodedata.category(each) not in ("Cf", "Cc"):
            continue
        name = unicodedata.name(each, f"U+{ord(each):04X}").lower()
        found[name] = found.get(name, 0) + 1
    return found
