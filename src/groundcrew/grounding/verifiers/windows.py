"""Cuts passages into windows that fit a model's input. Sentences stay whole where they fit, and each window begins with the last
sentence of the one before, so that what two sentences say together is seen together."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from groundcrew.grounding.sentences import split_sentences

#: Windows of the passages of one claim that are looked at; the ones nearest to the claim by their words come first.
WINDOWS_MAX = 32
#: Code points of all passages together that are cut into windows.
EVIDENCE_LENGTH_MAX = 400_000

_WORD = re.compile(r"\w{2,}")

#: The sizes of some texts, in whatever the model counts.
Sizes = Callable[[Sequence[str]], Sequence[int]]


def windows(passages: Sequence[str], sizes: Sizes, size_max: int) -> list[str]:
    """Texts of at most `size_max` (1 or more) that hold all of `passages`, in order."""
    pieces: list[str] = []
    left = EVIDENCE_LENGTH_MAX
    for passage in passages:
        text = passage[:left].strip()
        left -= len(text)
        pieces += _pieces(text)
    pieces = [piece for piece in pieces if piece]
    if not pieces:
        return []
    fitting: list[tuple[str, int]] = []
    for piece, size in zip(pieces, sizes(pieces), strict=True):
        fitting += [(piece, size)] if size <= size_max else _split(piece, sizes, size_max)
    return _packed(fitting, size_max)


def _pieces(text: str) -> list[str]:
    """The sentences of `text` with what stands between them, such as the markers of a list."""
    ends = [each.end for each in split_sentences(text)] if text else []
    if not ends:
        return [text]
    starts = [0, *ends[:-1]]
    return [text[start:end].strip() for start, end in zip(starts, [*ends[:-1], len(text)], strict=True)]


def _split(piece: str, sizes: Sizes, size_max: int) -> list[tuple[str, int]]:
    """Halves of `piece`, at a space where there is one near, until each fits. One character that does not fit is left out."""
    if len(piece) < 2:
        return []
    middle = len(piece) // 2
    space = piece.rfind(" ", middle // 2, middle)
    cut = space if space > 0 else middle
    halves = [half for half in (piece[:cut].strip(), piece[cut:].strip()) if half]
    found: list[tuple[str, int]] = []
    for half, size in zip(halves, sizes(halves), strict=True):
        found += [(half, size)] if size <= size_max else _split(half, sizes, size_max)
    return found


def _packed(pieces: Sequence[tuple[str, int]], size_max: int) -> list[str]:
    found: list[str] = []
    current: list[tuple[str, int]] = []
    total = fresh = 0
    for piece, size in pieces:
        if current and total + size > size_max:
            found.append(" ".join(text for text, _ in current))
            current = current[-1:] if current[-1][1] + size <= size_max and fresh > 1 else []
            total, fresh = sum(each for _, each in current), 0
        current.append((piece, size))
        total, fresh = total + size, fresh + 1
    if fresh:
        found.append(" ".join(text for text, _ in current))
    return found


def nearest(claim: str, texts: Sequence[str], limit: int = WINDOWS_MAX) -> list[str]:
    """At most `limit` of `texts`, in their order: those that share most words with `claim`."""
    if len(texts) <= limit:
        return list(texts)
    own = set(_WORD.findall(claim.lower()))
    shared = [len(own & set(_WORD.findall(text.lower()))) for text in texts]
    kept = sorted(sorted(range(len(texts)), key=lambda index: (-shared[index], index))[:limit])
    return [texts[index] for index in kept]
