"""What the parts of the guard `pii` share: its types, and how a text is cut into segments. Where a segment begins depends on the
text before it alone, so that what was found in a closed segment stays however the text goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator

#: All types of findings.
TYPES: tuple[str, ...] = (
    *("PERSON", "DATE", "AGE", "ADDRESS", "LOCATION", "PHONE", "EMAIL", "SSN", "MRN", "HEALTH_PLAN_ID", "FACILITY", "ORG"),
    *("CREDIT_CARD", "IBAN", "IP", "URL", "ID"),
)
#: Types that point to nobody on their own; they are flagged and masked, and block only where a rule sets a lower `block_at`.
HINT_TYPES = frozenset({"DATE", "AGE", "LOCATION", "ORG", "URL"})
HINT_SCORE_MAX = 0.7
#: A segment ends at the first sentence end or blank line after this many code points, then at a line end, then at white space,
#: and at the last of them wherever it is.
SENTENCE_FROM, LINE_FROM, SPACE_FROM, SEGMENT_LENGTH_MAX = 240, 360, 440, 520
#: What a segment is shown of the text before it, in code points.
CONTEXT_LENGTH_MAX = 48
_BREAK = re.compile(r"\n[ \t]*\n|[.!?][\"')\]]?\s")
_LINE_END, _SPACE = re.compile(r"\n"), re.compile(r"\s")
_SHORT_WORD = re.compile(r"(?:\b[^\W\d_]{1,4}|\d)\.[\"')\]]?\s$")


def segment_starts(text: str) -> list[int]:
    """Where the segments of `text` begin; the last one may still grow. A start depends on the text before it alone."""
    starts = [0]
    while (end := _segment_end(text, starts[-1])) is not None:
        starts.append(end)
    return starts


def _segment_end(text: str, start: int) -> int | None:
    length = len(text)
    if length - start < SENTENCE_FROM:
        return None
    line, space, last = (min(length, start + each) for each in (LINE_FROM, SPACE_FROM, SEGMENT_LENGTH_MAX))
    for pause in _BREAK.finditer(text, start + SENTENCE_FROM - 2, last):
        if pause.end() > line:
            break
        if not _SHORT_WORD.search(text, max(start, pause.end() - 8), pause.end()):
            return pause.end()
    match = _LINE_END.search(text, line, space) or _SPACE.search(text, space, last)
    if match is not None:
        return match.end()
    return start + SEGMENT_LENGTH_MAX if length >= start + SEGMENT_LENGTH_MAX else None


def segments(text: str) -> Iterator[tuple[int, int, int]]:
    """(start of the context, start, end) of every segment of `text`."""
    starts = segment_starts(text)
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        context = max(0, start - CONTEXT_LENGTH_MAX)
        if 0 < context < start:
            space = _SPACE.search(text, context, start)
            context = space.end() if space is not None else start
        if start < end:
            yield context, start, end
