"""Evidently's scores of windows, and ADWIN's alarms on streams; runs in a separate environment that has evidently and river.

Reads what run.py wrote: `evidently_scores.py messages IN.npz OUT.npz` and `evidently_scores.py adwin IN.npz OUT.npz`.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np

warnings.filterwarnings("ignore")


def methods() -> dict[str, object]:
    """Every drift method for embeddings that Evidently has, with its defaults, and the text method; each gives a score."""
    from evidently.legacy.metrics.data_drift import embedding_drift_methods as em

    return {
        "model (classifier AUC, the default)": em.model(),
        "model, 30 components": em.model(pca_components=30),
        "mmd": em.mmd(),
        "mmd, 30 components": em.mmd(pca_components=30),
        "ratio of drifted components": em.ratio(),
        "ratio, 30 components": em.ratio(pca_components=30),
        "distance euclidean": em.distance(dist="euclidean"),
        "distance cosine": em.distance(dist="cosine"),
        "distance cityblock": em.distance(dist="cityblock"),
        "distance chebyshev": em.distance(dist="chebyshev"),
    }


def messages(source: str, target: str) -> None:
    import pandas as pd
    from evidently.legacy.utils.data_drift_utils import calculate_text_drift_score

    given = np.load(source)
    vectors, texts, windows, n = given["vectors"].astype(float), given["texts"], given["windows"], int(given["n"])
    scores: dict[str, list[float]] = {}
    for rows in windows:
        before, now = rows[:n], rows[n:]
        for name, method in methods().items():
            frames = [pd.DataFrame(vectors[part], columns=[f"c{i}" for i in range(vectors.shape[1])]) for part in (now, before)]
            scores.setdefault(name, []).append(float(method(*frames)[0]))  # type: ignore[operator]
        text = calculate_text_drift_score(pd.Series(texts[before]), pd.Series(texts[now]), bootstrap=False)
        scores.setdefault("text content drift (TF-IDF classifier)", []).append(float(text[0]))
    np.savez(target, names=np.array(list(scores)), scores=np.array(list(scores.values())))


def adwin(source: str, target: str) -> None:
    from river import drift

    given = np.load(source)
    found = {}
    for name in given.files:
        detector, alarms = drift.ADWIN(), []
        for place, value in enumerate(given[name].tolist()):
            detector.update(value)
            if detector.drift_detected:
                alarms.append(place)
        found[name] = np.array(alarms, dtype=np.int64)
    np.savez(target, **found)


if __name__ == "__main__":
    {"messages": messages, "adwin": adwin}[sys.argv[1]](*sys.argv[2:4])
