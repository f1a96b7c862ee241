"""The data of the bench: messages with labels and MiniLM vectors (encoded once, kept in a cache folder), and streams."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from groundcrew.grounding.encoder import shipped_encoder

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
#: name → file, field of the text, field of the label, most rows.
SETS = {
    "banking77": ("banking77/train.jsonl.gz", "text", "intent", 20_000),
    "clinc": ("clinc_oos/train.jsonl.gz", "text", "intent", 20_000),
    "clinc_val": ("clinc_oos/val.jsonl.gz", "text", "intent", 20_000),
    "itsm": ("itsm_tickets/train.jsonl.gz", "text", "label", 5_000),
    "medquad": ("medquad/kb_dev.jsonl.gz", "question", "qtype", 5_000),
}


class Messages(NamedTuple):
    """Texts, their labels and their vectors, row by row."""

    texts: np.ndarray
    labels: np.ndarray
    vectors: np.ndarray

    def where(self, keep: np.ndarray) -> Messages:
        return Messages(self.texts[keep], self.labels[keep], self.vectors[keep])


def messages(name: str, cache: Path, data: Path = DATA) -> Messages:
    """One set; encoded on first use, some minutes."""
    kept = cache / f"{name}.npz"
    if not kept.exists():
        file, text, label, most = SETS[name]
        with gzip.open(data / file, "rt", encoding="utf-8") as lines:
            rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
        if len(rows) > most:
            rows = [rows[place] for place in np.random.default_rng(0).permutation(len(rows))[:most]]
        texts = [str(row[text]) for row in rows]
        cache.mkdir(parents=True, exist_ok=True)
        vectors = shipped_encoder().encode(texts)
        np.savez(kept, texts=np.array(texts), labels=np.array([str(row[label]) for row in rows]), vectors=vectors)
    found = np.load(kept)
    return Messages(found["texts"], found["labels"], found["vectors"])


def stream(name: str, data: Path = DATA) -> tuple[list[str], np.ndarray]:
    """Column names and rows of a stream, in its order."""
    with gzip.open(data / "drift" / f"{name}.csv.gz", "rt") as text:
        names = text.readline().strip().split(",")
        return names, np.loadtxt(text, delimiter=",")
