"""Identifiers that pair a tool's result with its call: made up by providers, and no text or number of anybody's."""

from __future__ import annotations

import re

#: A UUID, a long hexadecimal one, one with the prefix of a provider, or a short one. Long runs of digits in the latter two could
#: be somebody's number.
PATTERN = (
    r"^(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?:chatcmpl-tool-|call_)[0-9a-f]{24,40}"
    r"|(?!.*[0-9]{9})(?:(?:call|toolu|srvtoolu|tooluse|fc|ctc)[_-][A-Za-z0-9_-]{1,64}|[A-Za-z0-9_-]{1,12}))\Z"
)
_OPAQUE = re.compile(PATTERN)


def is_opaque(text: object) -> bool:
    """Whether `text` is such an identifier."""
    return isinstance(text, str) and _OPAQUE.match(text) is not None
