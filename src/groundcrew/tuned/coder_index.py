"""Finds entries (titles, known phrases) whose words a text holds nearly, by words that weigh what they tell.

Each entry is a set of stems; a stem weighs its inverse document frequency (Spärck Jones 1972). A window of the text covers an
entry by the share of its weight that the window's words give, each word with the weight of its likeness to the stem.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
from scipy import sparse

from groundcrew.tuned.coder_text import Words

#: Words that carry meaning in one window, and how far the next window begins.
WINDOW, STRIDE = 8, 4
#: Entries looked at for one text, the best covered first.
HITS_MAX = 4_000
#: Sentences of one text that are searched.
WINDOWS_MAX = 2_000

Floats = npt.NDArray[np.float64]
Expand = Callable[[str], Mapping[str, float]]


class Hit(msgspec.Struct, frozen=True):
    """An entry that the text covers: `share` of its weight (0..1), `weight` covered, `size` in stems, `places` of the words."""

    entry: int
    share: float
    weight: float
    size: int
    places: tuple[int, ...]


class Index:
    """Entries as sets of stems, ready to be searched."""

    def __init__(self, entries: Sequence[Sequence[str]], weights: Mapping[str, float]) -> None:
        """`weights` holds one for every stem of the entries; entries without a stem are never found."""
        self.stems = sorted({stem for entry in entries for stem in entry})
        self.number = {stem: at for at, stem in enumerate(self.stems)}
        self.weights: Floats = np.array([weights[stem] for stem in self.stems], dtype=np.float64)
        self.entries = [np.array(sorted(self.number[stem] for stem in set(entry)), dtype=np.int64) for entry in entries]
        lengths = np.array([len(entry) for entry in self.entries], dtype=np.int64)
        rows = np.concatenate(self.entries) if len(self.entries) else np.zeros(0, dtype=np.int64)
        columns = np.repeat(np.arange(len(self.entries)), lengths)
        total = np.bincount(columns, weights=self.weights[rows], minlength=len(self.entries)) if len(rows) else np.zeros(0)
        share = self.weights[rows] / total[columns] if len(rows) else np.zeros(0)
        self._matrix = sparse.csr_matrix((share, (rows, columns)), shape=(len(self.stems), len(self.entries)))

    def search(self, words: Words, skipped: frozenset[str], expand: Expand, least: float) -> list[Hit]:
        """The entries of which a window covers at least `least`, each once, the best covered first."""
        windows = _windows(words, skipped)
        likenesses = self._likenesses(words, windows, expand)
        rows, columns, data = [], [], []
        for at, likeness in enumerate(likenesses):
            for stem, (value, _) in likeness.items():
                rows.append(at)
                columns.append(stem)
                data.append(value)
        if not data or not self._matrix.nnz:
            return []
        held = sparse.csr_matrix((data, (rows, columns)), shape=(len(windows), len(self.stems)))
        covered = (held @ self._matrix).tocoo()
        enough = covered.data >= least
        where, which, share = covered.row[enough], covered.col[enough], covered.data[enough]
        hits: list[Hit] = []
        seen: set[int] = set()
        for at in np.lexsort((where, which, -share)).tolist():
            entry = int(which[at])
            if entry not in seen:
                seen.add(entry)
                hits.append(self._hit(entry, float(share[at]), likenesses[int(where[at])]))
                if len(hits) == HITS_MAX:
                    break
        return hits

    def _likenesses(self, words: Words, windows: list[list[int]], expand: Expand) -> list[dict[int, tuple[float, int]]]:
        """For every window: stem of the index → how much it is held, and by the word at which place."""
        known: dict[str, list[tuple[int, float]]] = {}
        found = []
        for window in windows:
            likeness: dict[int, tuple[float, int]] = {}
            for place in window:
                stem = words.stems[place]
                if stem not in known:
                    known[stem] = [(self.number[other], value) for other, value in expand(stem).items() if other in self.number]
                for other, value in known[stem]:
                    if value > likeness.get(other, (0.0, 0))[0]:
                        likeness[other] = (value, place)
            found.append(likeness)
        return found

    def _hit(self, entry: int, share: float, likeness: dict[int, tuple[float, int]]) -> Hit:
        stems = [stem for stem in self.entries[entry].tolist() if stem in likeness]
        places = tuple(sorted({likeness[stem][1] for stem in stems}))
        weight = float(sum(likeness[stem][0] * self.weights[stem] for stem in stems))
        return Hit(entry, min(1.0, share), weight, len(self.entries[entry]), places)


def _windows(words: Words, skipped: frozenset[str]) -> list[list[int]]:
    sentences: dict[int, list[int]] = {}
    for place, stem in enumerate(words.stems):
        if stem not in skipped:
            sentences.setdefault(words.sentence[place], []).append(place)
    found = []
    for places in sentences.values():
        found += [places[at : at + WINDOW] for at in range(0, max(1, len(places) - STRIDE), STRIDE)]
    return found[:WINDOWS_MAX]
