"""Which texts are near-equal: candidates by banded MinHash signatures, each pair then measured exactly.

Texts with the same shingles are one text here, the first of them stands for all. What is found depends on the texts alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.curation.population import unique_numbers
from groundcrew.curation.words import I64, U64, Sets
from groundcrew.errors import InputError

#: In a band, a text is compared with so many that follow it among those of the same key. Beyond that the other bands must do:
#: a key that thousands share says little.
FOLLOWING_MAX: Final = 64
#: Pairs of candidates in all. More than that many are no near-equal texts but one form that all were filled in.
CANDIDATES_MAX: Final = 100_000_000
#: Pairs that are measured at a time.
PAIRS_AT_A_TIME: Final = 50_000


class Likeness(msgspec.Struct, frozen=True, kw_only=True):
    """Near-equal texts. `standing[i]` is the record that stands for the text of record i (the first with the same shingles);
    `left[k] < right[k]` stand for two texts of the Jaccard similarity `similarity[k]`, 0 to 1."""

    standing: I64
    left: I64
    right: I64
    similarity: npt.NDArray[np.float64]

    def at(self, threshold: float) -> tuple[I64, I64]:
        """The pairs of at least that similarity."""
        chosen = self.similarity >= threshold
        return self.left[chosen], self.right[chosen]


def standing_for(prints: npt.NDArray[np.void]) -> I64:
    """For every record the first one with the same shingles; a text without any stands for itself."""
    count = len(prints)
    numbers = unique_numbers(prints)
    first = np.full(count, count, dtype=np.int64)
    np.minimum.at(first, numbers, np.arange(count, dtype=np.int64))
    found = first[numbers]
    empty = ~prints.view(np.uint8).reshape(count, -1).any(axis=1) if count else np.zeros(0, dtype=bool)
    return np.where(empty, np.arange(count, dtype=np.int64), found)


def find_pairs(
    prints: npt.NDArray[np.void],
    bands: U64,
    threshold: float,
    load: Callable[[I64], Sets],
    advance: Callable[[int, int], None] = lambda _done, _total: None,
) -> Likeness:
    """All pairs of at least `threshold`. `load` gives the shingles of the texts that stand for others."""
    standing = standing_for(prints)
    own = np.flatnonzero(standing == np.arange(len(standing)))
    pairs = np.zeros(0, dtype=np.uint64)
    for band in range(bands.shape[1] if threshold < 1 else 0):
        pairs = np.unique(np.concatenate((pairs, _candidates(bands[own, band], own))))
        if len(pairs) > CANDIDATES_MAX:
            what = f"more than {CANDIDATES_MAX:,} pairs of texts are alike: raise the threshold"
            raise InputError(what, field="duplicates.near")
        advance(band + 1, bands.shape[1] * 2)
    left, right = (pairs >> np.uint64(32)).astype(np.int64), (pairs & np.uint64(0xFFFFFFFF)).astype(np.int64)
    involved = np.unique(np.concatenate((left, right)))
    sets = load(involved)
    left_place, right_place = np.searchsorted(involved, left), np.searchsorted(involved, right)
    similarity = _measured(sets, left_place, right_place, threshold, advance, bands.shape[1])
    near = similarity >= threshold
    return Likeness(standing=standing, left=left[near], right=right[near], similarity=similarity[near])


def _candidates(keys: U64, records: I64) -> U64:
    """Pairs of records with the same key, as one number each: the lower record in the upper half."""
    some = np.flatnonzero(keys)
    order = some[np.argsort(keys[some], kind="stable")]
    keys, records = keys[order], records[order]
    found: list[U64] = []
    places = np.arange(len(keys))
    for step in range(1, FOLLOWING_MAX + 1):
        places = places[places + step < len(keys)]
        places = places[keys[places] == keys[places + step]]
        if not len(places):
            break
        found.append((records[places].astype(np.uint64) << np.uint64(32)) | records[places + step].astype(np.uint64))
    return np.concatenate(found) if found else np.zeros(0, dtype=np.uint64)


def _measured(
    sets: Sets, left: I64, right: I64, threshold: float, advance: Callable[[int, int], None], bands: int
) -> npt.NDArray[np.float64]:
    """The Jaccard similarity of every pair; 0 where the sizes of the sets alone rule `threshold` out."""
    lengths = np.diff(sets.starts)
    similarity = np.zeros(len(left))
    least, most = np.minimum(lengths[left], lengths[right]), np.maximum(lengths[left], lengths[right])
    possible = np.flatnonzero(least >= threshold * most)
    for begin in range(0, len(possible), PAIRS_AT_A_TIME):
        chosen = possible[begin : begin + PAIRS_AT_A_TIME]
        keys = np.sort(np.concatenate((_keys(sets, left[chosen]), _keys(sets, right[chosen]))))
        shared = keys[1:][keys[1:] == keys[:-1]] >> np.uint64(32)
        common = np.bincount(shared.astype(np.int64), minlength=len(chosen))
        similarity[chosen] = common / (lengths[left[chosen]] + lengths[right[chosen]] - common)
        advance(bands + bands * min(begin + PAIRS_AT_A_TIME, len(possible)) // len(possible), 2 * bands)
    return similarity


def _keys(sets: Sets, members: I64) -> U64:
    """The hashes of some sets, each with the place of its set among them in the upper half."""
    begins, lengths = sets.starts[members], np.diff(sets.starts)[members]
    owners = np.repeat(np.arange(len(members), dtype=np.int64), lengths)
    inside = np.arange(len(owners), dtype=np.int64) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    values = sets.values[begins[owners] + inside].astype(np.uint64)
    keys: U64 = (owners.astype(np.uint64) << np.uint64(32)) | values
    return keys
