"""Edit distance: how much of a draft people changed before they sent it."""

from __future__ import annotations

from collections.abc import Sequence

from groundcrew.errors import InputError
from groundcrew.metrics.registry import metric
from groundcrew.stats.intervals import Interval, mean_t
from groundcrew.stats.moments import moments

#: Longer texts are refused: the work grows with the product of both lengths (over the word size).
TEXT_LENGTH_MAX = 100_000


@metric(
    name="edit_similarity",
    unit="share kept",
    range=(0.0, 1.0),
    empty="estimate and bounds unknown",
    source="Levenshtein 1966; bit-parallel computation Myers 1999, Hyyrö 2003",
)
def edit_similarity(drafts: Sequence[str], finals: Sequence[str], confidence: float = 0.95) -> Interval:
    """Mean over pairs of 1 − Levenshtein distance / longer length, with a t interval cut to 0..1."""
    if len(drafts) != len(finals):
        raise InputError(f"{len(drafts)} drafts but {len(finals)} final texts", field="finals")
    return mean_kept([pair_similarity(draft, final) for draft, final in zip(drafts, finals, strict=True)], confidence)


def mean_kept(shares: Sequence[float], confidence: float = 0.95) -> Interval:
    """Mean of shares kept that are at hand, with a t interval cut to 0..1."""
    interval = mean_t(moments(shares), confidence)
    lower = None if interval.lower is None else max(0.0, interval.lower)
    upper = None if interval.upper is None else min(1.0, interval.upper)
    return Interval(
        estimate=interval.estimate, lower=lower, upper=upper, n=interval.n, method=interval.method, confidence=confidence
    )


def pair_similarity(draft: str, final: str) -> float:
    """1 for equal texts (also two empty ones), 0 where nothing was kept."""
    longer = max(len(draft), len(final))
    return 1.0 if longer == 0 else 1 - levenshtein(draft, final) / longer


def levenshtein(first: str, second: str) -> int:
    """Fewest insertions, deletions and substitutions of single code points that turn one text into the other.

    One column of the dynamic programme is two integers of as many bits as the shorter text has characters. Raises
    InputError for a text longer than TEXT_LENGTH_MAX.
    """
    if max(len(first), len(second)) > TEXT_LENGTH_MAX:
        raise InputError(f"is longer than {TEXT_LENGTH_MAX} characters", field="text")
    first, second = _without_common_ends(first, second)
    if len(first) > len(second):
        first, second = second, first
    if not first:
        return len(second)
    positions: dict[str, int] = {}
    for index, character in enumerate(first):
        positions[character] = positions.get(character, 0) | (1 << index)
    every = (1 << len(first)) - 1
    last = 1 << (len(first) - 1)
    # `rises`/`falls`: where the column steps up or down by one from one row to the next.
    rises, falls, distance = every, 0, len(first)
    for character in second:
        match = positions.get(character, 0)
        diagonal = (((match & rises) + rises) ^ rises) | match | falls
        rises_across = falls | (every & ~(diagonal | rises))
        falls_across = rises & diagonal
        if rises_across & last:
            distance += 1
        elif falls_across & last:
            distance -= 1
        rises_across = (rises_across << 1) | 1
        rises = ((falls_across << 1) | (every & ~(diagonal | rises_across))) & every
        falls = rises_across & diagonal & every
    return distance


def _without_common_ends(first: str, second: str) -> tuple[str, str]:
    """Both texts without the beginning and the end that they share: those cost nothing."""
    shorter = min(len(first), len(second))
    start = 0
    while start < shorter and first[start] == second[start]:
        start += 1
    end = 0
    while end < shorter - start and first[-1 - end] == second[-1 - end]:
        end += 1
    return first[start : len(first) - end], second[start : len(second) - end]
