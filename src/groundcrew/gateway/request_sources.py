"""What a request itself says, as the sources that its answer must rest on: for use cases whose truth comes with each call.

Only texts in the user's name count, as a provider gets them, masked. Instructions of the system, what the model said before and
results of tools never do, so that no answer can make itself true.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from groundcrew.domain.use_case import Grounding
from groundcrew.gateway.asked import Asked
from groundcrew.gateway.protocols import Source

#: What stands between them counts where a use case declares that its sources are marked.
OPENING, CLOSING = "<source>", "</source>"
#: Sources of one request, the newest ones, and their code points together: what is beyond counts as not said.
SOURCES_MAX = 64
LENGTH_MAX = 200_000
DOCUMENT = "the request"


def is_from_request(grounding: Grounding | None) -> bool:
    """Whether a use case's answers rest on what its requests say."""
    return grounding is not None and grounding.source == "request"


def request_sources(asked: Asked, shown: Sequence[str] | None, *, marked: bool) -> tuple[Source, ...]:
    """The sources that `asked` brings, in order; `shown` are its texts as a provider sees them, where guards masked some.

    Each text of the user is one, named by its place among them; with `marked`, each part of one that stands between the marks. A
    mark that is not closed marks nothing.
    """
    texts = shown if shown is not None else asked.texts
    own = [text for text, role in zip(texts, asked.roles, strict=True) if role == "user"]
    found: list[tuple[str, str]] = []
    for number, text in enumerate(own, 1):
        parts = list(_marked(text)) if marked else [text]
        parts = [each for each in parts if each.strip()]
        for part, each in enumerate(parts, 1):
            within = f", part {part}" if len(parts) > 1 else ""
            found.append((f"{DOCUMENT}, message {number}{within}", each))
    return tuple(_within_limits(found))


def _marked(text: str) -> Iterator[str]:
    start = text.find(OPENING)
    while start >= 0:
        begin = start + len(OPENING)
        end = text.find(CLOSING, begin)
        if end < 0:
            return
        yield text[begin:end].strip()
        start = text.find(OPENING, end)


def _within_limits(found: Sequence[tuple[str, str]]) -> list[Source]:
    kept: list[Source] = []
    left = LENGTH_MAX
    for title, text in reversed(found[-SOURCES_MAX:]):
        if left <= 0:
            break
        part = text[:left]
        left -= len(part)
        place = title.removeprefix(f"{DOCUMENT}, ").replace(", ", "-").replace(" ", "-")
        kept.append(Source(passage_id=f"request-{place}", document=DOCUMENT, title=title, text=part))
    return kept[::-1]
