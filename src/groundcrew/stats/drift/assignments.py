"""Which rows count as current in each permutation: the windows' labels dealt out anew, by row or by whole block.

Under no drift every deal was as likely as the one that happened, so the observed statistic ranks evenly among those of all
deals: p = (1 + #{dealt ≥ observed}) / (1 + deals), exact for any statistic and size (Phipson & Smyth 2010).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from groundcrew.errors import InputError

Deals = NDArray[np.bool_]

#: Cells (deals × rows) held in memory at a time.
CELLS_MAX = 8_000_000


class Dealer:
    """Deals of the rows of two windows, reference first.

    Without blocks each row is dealt alone. With blocks (days, users) the rows of one block stay together: a block found in
    one window only is dealt to either; one found in both swaps its two parts or not. These deals form a group, which is what
    makes the p-value exact. Where all of them are no more than `permutations`, each is tried once.
    """

    def __init__(
        self,
        reference_rows: int,
        current_rows: int,
        *,
        blocks_reference: Sequence[Hashable] | None,
        blocks_current: Sequence[Hashable] | None,
        permutations: int,
        seed: int,
    ) -> None:
        self.rows = reference_rows + current_rows
        self.observed: Deals = np.arange(self.rows) >= reference_rows
        self._rng = np.random.default_rng(seed)
        self._single, self._swapped = self._units(blocks_reference, blocks_current, reference_rows, current_rows)
        self.blocked = blocks_reference is not None
        ones = int(self._single_current.sum())
        singles = int(self._single_current.size)
        swaps = int(self._swapped.max()) + 1 if self._swapped.size else 0
        self.blocks = singles + swaps
        self.possible = math.comb(singles, ones) * 2**swaps
        self.exhaustive = self.possible - 1 <= permutations
        self.count = self.possible - 1 if self.exhaustive else permutations
        # Two windows of equally many blocks can trade all of them, which changes no statistic: the least p is twice as large.
        mirrored = self.exhaustive and (2 * ones == singles) and self.possible > 1
        self.p_value_least = (2 if mirrored else 1) / (1 + self.count)
        self._every = self._all_deals(singles, ones, swaps) if self.exhaustive else None

    def _units(
        self, blocks_reference: Sequence[Hashable] | None, blocks_current: Sequence[Hashable] | None, before: int, after: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of each row: its place among blocks of one window, or −1; its place among those of both, or −1."""
        if (blocks_reference is None) != (blocks_current is None):
            raise InputError("must be given for both windows, or for neither", field="blocks")
        if blocks_reference is None or blocks_current is None:
            self._single_current = self.observed.copy()
            return np.arange(self.rows), np.full(self.rows, -1)
        if len(blocks_reference) != before or len(blocks_current) != after:
            raise InputError("must be as many as the window's rows", field="blocks")
        both = dict.fromkeys(block for block in blocks_reference if block in set(blocks_current))
        swapped_places = {block: place for place, block in enumerate(both)}
        everyone = itertools.chain(blocks_reference, blocks_current)
        single_places = {block: place for place, block in enumerate(dict.fromkeys(b for b in everyone if b not in both))}
        rows = [*blocks_reference, *blocks_current]
        single = np.array([single_places.get(block, -1) for block in rows], dtype=np.int64)
        swapped = np.array([swapped_places.get(block, -1) for block in rows], dtype=np.int64)
        current = np.zeros(len(single_places), dtype=np.bool_)
        current[single[(single >= 0) & self.observed]] = True
        self._single_current = current
        return single, swapped

    def batches(self, count: int) -> Iterator[Deals]:
        """`count` more deals, (deals, rows) a batch, True for current. Exhaustive dealers give each deal once in all."""
        step = max(1, CELLS_MAX // max(1, self.rows))
        while count > 0:
            size = min(step, count)
            yield self._deal(size)
            count -= size

    def _deal(self, size: int) -> Deals:
        if self._every is not None:
            drawn = list(itertools.islice(self._every, size))
            singles = np.array([single for single, _ in drawn], dtype=np.bool_).reshape(size, -1)
            swaps = np.array([swap for _, swap in drawn], dtype=np.bool_).reshape(size, -1)
        else:
            singles = self._rng.permuted(np.broadcast_to(self._single_current, (size, self._single_current.size)), axis=1)
            swaps = self._rng.random((size, int(self._swapped.max()) + 1 if self._swapped.size else 0)) < 0.5
        if not self.blocked:
            return singles
        deals = np.empty((size, self.rows), dtype=np.bool_)
        alone, shared = self._single >= 0, self._swapped >= 0
        deals[:, alone] = singles[:, self._single[alone]]
        deals[:, shared] = self.observed[shared] ^ swaps[:, self._swapped[shared]]
        return deals

    def _all_deals(self, singles: int, ones: int, swaps: int) -> Iterator[tuple[list[bool], tuple[bool, ...]]]:
        """Every deal but the observed one."""
        observed = self._single_current.tolist()
        for chosen in itertools.combinations(range(singles), ones):
            single = [False] * singles
            for place in chosen:
                single[place] = True
            for swap in itertools.product((False, True), repeat=swaps):
                if any(swap) or single != observed:
                    yield single, swap
