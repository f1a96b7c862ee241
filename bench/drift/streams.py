"""Streams: SEA with changes at known rows, watched by a model's errors; ELEC2 by windows of days.

`sea_stream.csv` as it is shared holds a single concept from end to end (label 1 above 9, 10 % noise), so it is a test of false
alarms. The drifting stream takes its attributes and applies the recipe of Street & Kim 2001: thresholds 8, 9, 7, 9.5 by quarter.
"""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.optimize
from bench.drift.data import stream
from bench.drift.power import HELPER, HELPER_S_MAX

from groundcrew.stats.drift import Column, detect_all, watch

CONCEPTS = (8.0, 9.0, 7.0, 9.5)
NOISE = 0.1
#: Rows that the model learns from, rows of the reference, rows of one concept before the change and of the next after it.
LEARNED, REFERENCE, BEFORE, AFTER = 1_000, 1_000, 6_000, 4_000
FALSE_ALARM_EVERY = 100_000
DAY = 48
DAYS = 28


class Delay(NamedTuple):
    """Of one change over repeats: alarms before it, found after it, and the median delay in rows of those found."""

    change: str
    method: str
    repeats: int
    early: int
    found: int
    delay: float | None


def sea_errors(before: float, after: float, rng: np.random.Generator, attributes: np.ndarray, *, fade: int = 0) -> np.ndarray:
    """Errors (0 or 1) of a logistic model on rows of one concept, then of another; over `fade` rows both are mixed."""
    rows = attributes[rng.choice(len(attributes), LEARNED + BEFORE + AFTER, replace=False)]
    place = np.arange(len(rows)) - (LEARNED + BEFORE)
    new = place >= 0 if fade == 0 else rng.random(len(rows)) < np.clip(place / fade, 0, 1)
    labels = rows[:, 0] + rows[:, 1] > np.where(new, after, before)
    labels ^= rng.random(len(rows)) < NOISE
    features = np.column_stack([rows, np.ones(len(rows))])
    learned, target = features[:LEARNED], labels[:LEARNED].astype(float)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        predicted = 1 / (1 + np.exp(-np.clip(learned @ weights, -30, 30)))
        value = -np.mean(target * np.log(predicted + 1e-12) + (1 - target) * np.log(1 - predicted + 1e-12))
        return float(value), learned.T @ (predicted - target) / LEARNED

    weights = scipy.optimize.minimize(loss, np.zeros(4), jac=True).x
    return ((features @ weights > 0) != labels)[LEARNED:].astype(np.int64)


def ours(errors: np.ndarray, seed: int) -> int | None:
    """The row after LEARNED at which our watch alarms."""
    state = watch(Column(kind="category", values=errors[:REFERENCE].tolist()), false_alarm_every=FALSE_ALARM_EVERY, seed=seed)
    at = state.extended(errors[REFERENCE:].tolist()).alarm_at
    return None if at is None else REFERENCE + at


def sea(repeats: int, seed: int, python: Path | None, folder: Path) -> list[Delay]:
    """Delays at each of SEA's changes, abrupt and over 3,000 rows, and with no change at all."""
    _, rows = stream("sea_stream")
    cases = {f"{old:g} to {new:g}": (old, new, 0) for old, new in itertools.pairwise(CONCEPTS)}
    cases |= {"8 to 9, over 3,000 rows": (8.0, 9.0, 3_000), "none (8 stays 8)": (8.0, 8.0, 0)}
    found = []
    for name, (old, new, fade) in cases.items():
        rng = np.random.default_rng([seed, *name.encode()])
        errors = [sea_errors(old, new, rng, rows[:, :3], fade=fade) for _ in range(repeats)]
        alarms: dict[str, list[int | None]] = {"groundcrew": [ours(each, place) for place, each in enumerate(errors)]}
        if python is not None:
            alarms["ADWIN"] = [next((int(at) for at in each if at >= REFERENCE), None) for each in adwin(errors, python, folder)]
        for method, each in alarms.items():
            late = [at - BEFORE for at in each if at is not None and at >= BEFORE]
            early = sum(at is not None and at < BEFORE for at in each)
            found.append(Delay(name, method, repeats, early, len(late), float(np.median(late)) if late else None))
    return found


def sea_as_shared(seed: int) -> int | None:
    """The row at which the watch alarms on the labels of the shared file given its concept, which never changes."""
    _, rows = stream("sea_stream")
    errors = ((rows[:, 0] + rows[:, 1] > 9.0) != (rows[:, 3] == 1)).astype(np.int64)
    return ours(errors, seed)


def adwin(errors: list[np.ndarray], python: Path, folder: Path) -> list[np.ndarray]:
    """ADWIN's alarms on each stream, with river's defaults."""
    source, target = folder / "errors.npz", folder / "alarms.npz"
    np.savez(source, **{str(place): each for place, each in enumerate(errors)})
    subprocess.run([python, HELPER, "adwin", source, target], check=True, timeout=HELPER_S_MAX)
    found = np.load(target)
    return [found[str(place)] for place in range(len(errors))]


def elec(seed: int, nulls: int) -> tuple[list[tuple[int, bool | None, list[str]]], float]:
    """Of each four weeks after the first: first row, verdict, drifted columns; and the false-alarm rate among shuffled days."""
    names, rows = stream("elec")
    names = names[1:]
    days = rows[: len(rows) // DAY * DAY, 1:].reshape(-1, DAY, len(names))

    def side(chosen: np.ndarray) -> dict[str, Column]:
        flat = chosen.reshape(-1, len(names))
        return {name: Column(kind="number", values=flat[:, place]) for place, name in enumerate(names)}

    def blocks(first: int) -> list[int]:
        return np.repeat(np.arange(first, first + DAYS), DAY).tolist()

    found = []
    for start in range(DAYS, len(days) - DAYS + 1, DAYS):
        result = detect_all(
            side(days[:DAYS]),
            side(days[start : start + DAYS]),
            blocks_reference=blocks(0),
            blocks_current=blocks(start),
            seed=seed,
        )
        found.append((start * DAY, result.drifted, [each.column for each in result.columns if each.drifted]))
    rng, alarms = np.random.default_rng(seed), 0
    for place in range(nulls):
        shuffled = days[rng.choice(len(days), 2 * DAYS, replace=False)]
        result = detect_all(
            side(shuffled[:DAYS]), side(shuffled[DAYS:]), blocks_reference=blocks(0), blocks_current=blocks(DAYS), seed=place
        )
        alarms += result.drifted is not False
    return found, alarms / nulls
