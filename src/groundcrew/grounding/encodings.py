"""Sentence encodings by their text, least recently used ones dropped: approved passages repeat from answer to answer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from groundcrew.grounding.encoder import Encoder

#: Sentence encodings that are kept across answers (384 float32 each: about 12 MB).
ENCODING_CACHE_SIZE = 8_192


class EncodingCache:
    """Encodings of sentences by their text. Not shared between threads."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._kept: OrderedDict[str, npt.NDArray[np.float32]] = OrderedDict()

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """(n, 384) float32, L2-normalised, in the order of `texts`; only what is not kept yet is encoded."""
        fresh = [text for text in dict.fromkeys(texts) if text not in self._kept]
        new: dict[str, npt.NDArray[np.float32]] = {}
        if fresh:
            new = dict(zip(fresh, self._encoder.encode(fresh), strict=True))
        rows = []
        for text in texts:
            row = self._kept.get(text)
            rows.append(new[text] if row is None else row)
        for text, row in zip(texts, rows, strict=True):
            self._kept[text] = row
            self._kept.move_to_end(text)
        while len(self._kept) > ENCODING_CACHE_SIZE:
            self._kept.popitem(last=False)
        return np.stack(rows)
