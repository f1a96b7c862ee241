"""White space that stands in a text as JSON writes it: in the arguments of tool calls, results of tools, what people paste. The
letter of `\\n` must not become the first letter of the word after it, where neither number nor key would be found."""

from __future__ import annotations

import re

#: Backslashes before one letter; more come of JSON inside of JSON inside of JSON.
BACKSLASHES_MAX = 8
_SPACE = re.compile(rf"\\{{1,{BACKSLASHES_MAX}}}[nrtbf]")


def with_spaces(text: str) -> str:
    """`text` with white space in the place of JSON's escapes for it, every other character where it was."""
    if "\\" not in text:
        return text
    return _SPACE.sub(lambda match: " " * (len(match.group()) - 1) + ("\n" if match.group()[-1] in "nr" else " "), text)
