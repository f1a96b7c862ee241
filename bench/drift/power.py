"""Foreign messages mixed into a window of a use case's own: how often each method sees them, at equal false-alarm rates.

Evidently's methods get the same vectors (or texts), and the best threshold that can be had: the one that would have kept the same
share of the null windows quiet. Ours gets no such help; its permutations know the two windows only.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
from bench.drift.data import Messages

from groundcrew.stats.drift import Column, detect

HELPER = Path(__file__).resolve().parent / "evidently_scores.py"
HELPER_S_MAX = 7_200


class Mixture(NamedTuple):
    """A base, what is foreign to it, and which share of the current window is foreign."""

    name: str
    base: Messages
    foreign: Messages
    share: float


class Found(NamedTuple):
    """Per method: false alarms among null windows, found among mixed ones; and their numbers."""

    mixture: str
    n: int
    nulls: int
    mixed: int
    rates: dict[str, tuple[float, float]]


def windows(mixture: Mixture, n: int, nulls: int, mixed: int, seed: int) -> tuple[Messages, np.ndarray]:
    """All messages, and rows of each window: n of reference, then n of current; null windows first."""
    rng = np.random.default_rng([seed, n, *mixture.name.encode()])
    base, foreign = mixture.base, mixture.foreign
    pool = Messages(*(np.concatenate(parts) for parts in zip(base, foreign, strict=True)))
    rows = []
    for place in range(nulls + mixed):
        drawn = rng.choice(len(base.texts), 2 * n, replace=False)
        if place >= nulls:
            count = round(mixture.share * n)
            drawn[2 * n - count :] = len(base.texts) + rng.choice(len(foreign.texts), count, replace=False)
        rows.append(drawn)
    return pool, np.array(rows)


def compare(
    mixture: Mixture, n: int, nulls: int, mixed: int, seed: int, alpha: float, python: Path | None, folder: Path
) -> Found:
    """Rates of ours and, where its Python is given, of each of Evidently's methods."""
    pool, drawn = windows(mixture, n, nulls, mixed, seed)
    ours = []
    for place, rows in enumerate(drawn):
        first, second = (
            Column(kind="text", values=pool.texts[part].tolist(), vectors=pool.vectors[part]) for part in (rows[:n], rows[n:])
        )
        ours.append(detect(first, second, alpha=alpha, seed=place).drifted is True)
    rates = {"groundcrew": (float(np.mean(ours[:nulls])), float(np.mean(ours[nulls:])))}
    if python is not None:
        for name, scores in evidently(pool, drawn, n, python, folder):
            allowed = max(1, round(max(alpha, rates["groundcrew"][0]) * nulls))
            threshold = np.sort(scores[:nulls])[-allowed - 1]
            rates[f"Evidently: {name}"] = (float((scores[:nulls] > threshold).mean()), float((scores[nulls:] > threshold).mean()))
    return Found(mixture.name, n, nulls, mixed, rates)


def evidently(pool: Messages, drawn: np.ndarray, n: int, python: Path, folder: Path) -> list[tuple[str, np.ndarray]]:
    """Each method's scores of all windows."""
    source, target = folder / "windows.npz", folder / "scores.npz"
    np.savez(source, vectors=pool.vectors, texts=pool.texts, windows=drawn, n=np.array(n))
    subprocess.run([python, HELPER, "messages", source, target], check=True, timeout=HELPER_S_MAX)
    found = np.load(target)
    return list(zip(found["names"].tolist(), found["scores"], strict=True))
