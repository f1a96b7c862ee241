"""Measurements added up to histograms until they are sent: a microsecond each, where the SDK's instruments take ten."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any

from groundcrew.gateway.telemetry.measures import Histogram, Measure

#: Combinations of attributes of one metric; what comes beyond them is added up under the standard's name for that.
SERIES_MAX = 2_000
OVERFLOW = (("otel.metric.overflow", True),)

Key = tuple[tuple[str, Any], ...]


class Series:
    """One histogram for one combination of attributes."""

    __slots__ = ("counts", "highest", "lowest", "sum")

    def __init__(self, histogram: Histogram) -> None:
        self.counts = [0] * (len(histogram.bounds) + 1)
        self.sum = 0.0
        self.lowest, self.highest = float("inf"), float("-inf")


class Totals:
    """All histograms of one process. Used by one thread."""

    def __init__(self, series_max: int = SERIES_MAX) -> None:
        self._series_max = series_max
        self._histograms: dict[Histogram, dict[Key, Series]] = {}

    def add(self, measures: Sequence[Measure]) -> None:
        """Add measurements."""
        for histogram, value, attributes in measures:
            found = self._histograms.get(histogram)
            if found is None:
                found = self._histograms[histogram] = {}
            key = tuple(attributes.items())
            series = found.get(key)
            if series is None:
                if len(found) >= self._series_max:
                    key = OVERFLOW
                series = found.setdefault(key, Series(histogram))
            series.counts[bisect_left(histogram.bounds, value)] += 1
            series.sum += value
            if value < series.lowest:
                series.lowest = value
            if value > series.highest:
                series.highest = value

    def __iter__(self) -> Iterator[tuple[Histogram, dict[Key, Series]]]:
        return iter(self._histograms.items())

    def clear(self) -> None:
        """Begin anew: for a collector that wants what came since it was last told."""
        self._histograms.clear()
