"""False alarms: windows of n rows drawn twice from one source, of each kind, tested at α = 1 %."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import scipy.stats
from bench.drift.data import Messages

from groundcrew.stats.drift import Column, detect, detect_all
from groundcrew.stats.intervals import clopper_pearson

SIZES = (50, 200, 1_000)
Draw = Callable[[np.random.Generator, int], tuple[Column, Column]]


class Rate(NamedTuple):
    """False alarms among windows, and CPU seconds a window."""

    source: str
    kind: str
    n: int
    alarms: int
    windows: int
    seconds: float

    @property
    def upper(self) -> float:
        """97.5 % upper bound of the true rate."""
        bound = clopper_pearson(self.alarms, self.windows).upper
        return 1.0 if bound is None else float(bound)


def sources(weather: np.ndarray, sets: dict[str, Messages]) -> dict[str, tuple[str, Draw]]:
    """By name: the kind, and how two windows without drift are drawn."""

    def numbers(make: Callable[[np.random.Generator, int], np.ndarray]) -> Draw:
        return lambda rng, n: (Column(kind="number", values=make(rng, n)), Column(kind="number", values=make(rng, n)))

    def from_set(name: str, kind: str) -> Draw:
        def draw(rng: np.random.Generator, n: int) -> tuple[Column, Column]:
            rows = rng.choice(len(sets[name].texts), 2 * n, replace=False)
            parts = rows[:n], rows[n:]
            if kind == "category":
                first, second = (Column(kind="category", values=sets[name].labels[part].tolist()) for part in parts)
            elif kind == "text":
                first, second = (
                    Column(kind="text", values=sets[name].texts[part].tolist(), vectors=sets[name].vectors[part])
                    for part in parts
                )
            else:
                first, second = (Column(kind="embedding", vectors=sets[name].vectors[part]) for part in parts)
            return first, second

        return draw

    return {
        "lognormal": ("number", numbers(lambda rng, n: rng.lognormal(size=n))),
        "weather, temperature (ties)": ("number", numbers(lambda rng, n: rng.choice(weather, n))),
        "banking77, 77 intents": ("category", from_set("banking77", "category")),
        "Zipf, many rare": (
            "category",
            lambda rng, n: (
                Column(kind="category", values=rng.zipf(1.6, n).astype(str).tolist()),
                Column(kind="category", values=rng.zipf(1.6, n).astype(str).tolist()),
            ),
        ),
        "banking77, messages": ("text", from_set("banking77", "text")),
        "clinc, vectors": ("embedding", from_set("clinc", "embedding")),
    }


def measure(name: str, kind: str, draw: Draw, n: int, windows: int, seed: int) -> Rate:
    """One rate."""
    rng = np.random.default_rng([seed, n, *name.encode()])
    alarms, start = 0, time.process_time()
    for place in range(windows):
        first, second = draw(rng, n)
        alarms += detect(first, second, seed=place).drifted is not False  # unknown counts against us
    return Rate(name, kind, n, alarms, windows, (time.process_time() - start) / windows)


def together(n: int, columns: int, windows: int, seed: int) -> Rate:
    """Many columns at once, half of them copies with noise: the rate of the whole test."""
    rng = np.random.default_rng([seed, n, columns])
    alarms, start = 0, time.process_time()

    def side() -> dict[str, Column]:
        own = rng.normal(size=(n, columns // 2))
        other = own + 0.3 * rng.normal(size=own.shape)
        return {f"c{place}": Column(kind="number", values=values) for place, values in enumerate(np.hstack([own, other]).T)}

    for place in range(windows):
        alarms += detect_all(side(), side(), seed=place).drifted is not False
    return Rate(f"{columns} numbers at once", "all", n, alarms, windows, (time.process_time() - start) / windows)


def blocked(windows: int, seed: int, *, blocks: bool) -> Rate:
    """Days that differ from each other: 14 before, 7 after, 20 rows each; with and without telling the test."""
    rng = np.random.default_rng([seed, 77])
    alarms, start = 0, time.process_time()
    days = [np.repeat(np.arange(first, last), 20).tolist() for first, last in ((0, 14), (14, 21))]
    for place in range(windows):
        sides = [
            Column(kind="number", values=rng.normal(size=len(day)) + np.repeat(rng.normal(size=len(day) // 20), 20))
            for day in days
        ]
        given = {"blocks_reference": days[0], "blocks_current": days[1]} if blocks else {}
        alarms += detect(*sides, seed=place, **given).drifted is not False
    name = "days that differ, permuted as days" if blocks else "days that differ, rows permuted (wrong)"
    return Rate(name, "number", 140, alarms, windows, (time.process_time() - start) / windows)


def normal_power(n: int, windows: int, seed: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Shares found by each statistic of numbers alone, by all three together, and by scipy's tests, at 1 %."""
    from groundcrew.stats.drift.numbers import NumberStatistics

    changes: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
        "shift by 0.3 sd": lambda x, rng: x + 0.3,
        "spread × 1.4": lambda x, rng: x * 1.4,
        "5 % at +4 sd": lambda x, rng: x + 4 * (rng.random(x.size) < 0.05),
        "15 % at 0": lambda x, rng: np.where(rng.random(x.size) < 0.15, 0.0, x),
        "two peaks": lambda x, rng: np.sign(x) * (0.5 + 0.7 * np.abs(x)),
    }
    for name, change in changes.items():
        rng = np.random.default_rng([seed, n, *name.encode()])
        found: dict[str, int] = {}
        for place in range(windows):
            before, now = rng.normal(size=n), change(rng.normal(size=n), rng)
            observed = np.arange(2 * n) >= n
            statistics = NumberStatistics(np.concatenate([before, now]), observed)
            deals = np.vstack([observed, rng.permuted(np.tile(observed, (499, 1)), axis=1)])
            values = statistics.values(deals)
            for label, row in zip(statistics.names, values, strict=True):
                found[label] = found.get(label, 0) + bool((row >= row[0]).sum() <= 5)
            both = Column(kind="number", values=before), Column(kind="number", values=now)
            found["all three"] = found.get("all three", 0) + bool(detect(*both, seed=place).drifted)
            energy = scipy.stats.cramervonmises_2samp(before, now).pvalue
            found["Cramér–von Mises (scipy)"] = found.get("Cramér–von Mises (scipy)", 0) + bool(energy <= 0.01)
        yield name, {label: count / windows for label, count in found.items()}
