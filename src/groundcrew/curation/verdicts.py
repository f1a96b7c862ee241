"""Which records are dropped after their own checks, and why: the first reason counts, with a detail that a person can follow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from groundcrew.curation.reasons import REASONS

Bools = npt.NDArray[np.bool_]


class Verdicts:
    """One verdict per record of a population. A record passes until it is dropped."""

    def __init__(self, count: int) -> None:
        self.reason = np.zeros(count, dtype=np.uint8)
        self.details: dict[int, str] = {}

    @property
    def passing(self) -> Bools:
        return np.equal(self.reason, 0)

    def drop(self, records: npt.NDArray[np.int64], reason: str, detail: Callable[[int], str]) -> None:
        """Drop those of `records` that pass; `detail` is asked with the place of each in `records`."""
        number = REASONS.index(reason) + 1
        for place in np.flatnonzero(self.reason[records] == 0):
            record = int(records[place])
            if self.reason[record] == 0:
                self.reason[record] = number
                self.details[record] = detail(int(place))

    def name(self, record: int) -> str:
        """The reason of a dropped record."""
        return REASONS[int(self.reason[record]) - 1]
