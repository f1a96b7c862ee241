"""Retrieval on real questions: the hybrid must not lose to either of its parts (the full figures are in bench/retrieval)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from groundcrew.domain.knowledge import Document
from groundcrew.grounding.chunking import split
from groundcrew.grounding.encoder import shipped_encoder
from groundcrew.grounding.index import build
from groundcrew.grounding.retrieval import Hit, KnowledgeIndex

QUESTIONS = 120


def rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_hybrid_beats_words_and_meaning_alone_on_xquad(shared_data: Path, tmp_path: Path) -> None:
    documents = [
        Document(path=row["id"], title=row["title"], text=row["text"], sha256=row["id"])
        for row in rows(shared_data / "xquad_en" / "kb.jsonl.gz")
    ]
    build(tmp_path / "xquad", [passage for each in documents for passage in split(each)], shipped_encoder())
    knowledge = KnowledgeIndex.open(tmp_path / "xquad")
    questions = rows(shared_data / "xquad_en" / "qa_dev.jsonl.gz")[:: 711 // QUESTIONS]
    found = [(knowledge.proposals(row["question"]), row["kb_id"]) for row in questions]

    def recall_at_1(order: Callable[[Hit], float]) -> float:
        return sum(min(hits, key=order).passage.document == right for hits, right in found) / len(found)

    hybrid = recall_at_1(lambda hit: -hit.score)
    assert hybrid >= recall_at_1(lambda hit: -hit.bm25)
    assert hybrid >= recall_at_1(lambda hit: -hit.cosine)
    assert hybrid >= 0.93
    at_5 = sum(right in list(dict.fromkeys(hit.passage.document for hit in hits))[:5] for hits, right in found) / len(found)
    assert at_5 >= 0.98
