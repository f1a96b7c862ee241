"""Searches one revision: words (BM25) and meaning (cosine) each propose passages, and one fused score orders them.

BM25: Robertson & Zaragoza 2009, k1 1.2, b .75 as tantivy has them. Fusion: a convex combination of both scores, each scaled
from its theoretical minimum to the query's best (TMM; Bruch, Gai & Ingber 2023, "An analysis of fusion functions for hybrid
retrieval"). Measured against reciprocal ranks and the two alone in bench/retrieval/RESULTS.md.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.domain.knowledge import Passage
from groundcrew.errors import InputError
from groundcrew.grounding import index
from groundcrew.grounding.encoder import Encoder, shipped_encoder

if TYPE_CHECKING:
    from tantivy import Query

#: Longer queries are cut here: far beyond an e-mail's question, and it bounds the work of one search.
QUERY_CHARACTERS_MAX = 8_000
#: Distinct terms of a query that BM25 looks up: the rarest, since common ones decide nothing.
QUERY_TERMS_MAX = 64
#: Passages that each of the two proposes.
CANDIDATES = 100
HITS_MAX = 1_000
#: Share of the cosine in the fused score; at 0 it is BM25 alone. Recall is flat from .8
#: to .9 on all four sets of bench/retrieval and best there on each but MedQuAD, whose best is .95.
COSINE_WEIGHT = 0.85
#: Up to here every vector is compared (2 ms); beyond, usearch's graph is walked (HNSW, Malkov & Yashunin 2018).
EXACT_PASSAGES_MAX = 20_000
GRAPH_EXPANSION = 256


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """One passage found.

    `score` orders the hits of one query (0..1, 1 = best on words and meaning); across queries compare `cosine` (−1..1) or
    `bm25` (≥ 0), which are absolute. A rank counts from 1 in that measure's own list; None: not among its proposals.
    """

    passage: Passage
    score: float
    bm25: float
    bm25_rank: int | None
    cosine: float
    cosine_rank: int | None


class KnowledgeIndex:
    """One opened revision: read-only, in memory or mapped, safe to share between threads."""

    def __init__(self, passages: tuple[Passage, ...], words: Any, vectors: Any, encoder: Encoder) -> None:
        self.passages = passages
        self._searcher, self._vectors, self._encoder = words.searcher(), vectors, encoder

    @classmethod
    def open(cls, folder: Path, encoder: Encoder | None = None) -> KnowledgeIndex:
        """Load the folder that `index.build` wrote, after checking every file against its manifest.

        A missing or damaged file, or an index made with another encoder, is an `InputError` that says which.
        """
        manifest = index.verify(folder)
        encoder = encoder or shipped_encoder()
        if manifest.encoder_sha256 != encoder.sha256:
            raise InputError("the index was made with another encoder; add the documents again", file=str(folder))
        try:
            content = (folder / index.PASSAGES_FILE).read_bytes()
            passages = msgspec.msgpack.decode(content, type=tuple[Passage, ...])
            words = index.open_words(folder / index.WORDS_FOLDER)
            file = os.fspath(folder / index.VECTORS_FILE)
            vectors = index.vector_index().restore(file, view=True, expansion_search=GRAPH_EXPANSION)
        except Exception as error:  # tantivy and usearch raise what their languages give them
            raise InputError(f"the index does not load, build the revision again: {error}", file=str(folder)) from error
        if vectors is None or not len(vectors) == len(passages) == words.searcher().num_docs == manifest.passages:
            raise InputError("the parts of the index do not belong together", file=str(folder))
        return cls(passages, words, vectors, encoder)

    def __len__(self) -> int:
        return len(self.passages)

    def search(self, query: str, limit: int = 8) -> list[Hit]:
        """The `limit` best passages for any text, best first; none for a text without a word.

        Never raises for what the text contains: it is cut into terms, not parsed. A query beyond 8,000 characters is cut
        there. Ties are in document order.
        """
        limit = min(limit, HITS_MAX)
        return self.proposals(query, max(limit, CANDIDATES))[:limit] if limit > 0 else []

    def proposals(self, query: str, candidates: int = CANDIDATES) -> list[Hit]:
        """All that words and meaning propose, `candidates` each, in fused order: what `search` cuts its list from."""
        query = query[:QUERY_CHARACTERS_MAX].encode("utf-8", "replace").decode("utf-8")
        if not self.passages or not any(character.isalnum() for character in query):
            return []
        terms = self._terms(query)
        by_words = self._bm25(terms, candidates)
        vector = self._encoder.encode([query])[0]
        by_meaning = self._nearest(vector, candidates)
        rows = np.array(sorted(by_words.keys() | by_meaning.keys()), dtype=np.int64)
        # Each proposal gets both scores exactly, also where only one of the two proposed it.
        bm25_of = by_words | self._bm25(terms, len(rows), [int(row) for row in rows if row not in by_words])
        bm25 = np.array([bm25_of.get(int(row), 0.0) for row in rows], dtype=np.float64)
        cosine = self._cosines(vector, rows)
        score = fuse(bm25, cosine)
        words_rank = {row: rank for rank, row in enumerate(by_words, start=1)}
        meaning_rank = {row: rank for rank, row in enumerate(by_meaning, start=1)}
        return [
            Hit(
                passage=self.passages[rows[each]],
                score=float(score[each]),
                bm25=float(bm25[each]),
                bm25_rank=words_rank.get(int(rows[each])),
                cosine=float(cosine[each]),
                cosine_rank=meaning_rank.get(int(rows[each])),
            )
            for each in np.lexsort((rows, -score))
        ]

    def neighbours(self, row: int, limit: int, cosine_min: float) -> list[int]:
        """Rows of the passages nearest in meaning to the one at `row`, itself left out, nearest first, cosine `cosine_min` and
        above."""
        vector = np.asarray(self._vectors.get(row), dtype=np.float32)
        found = self._nearest(vector, limit + 1)
        return [other for other, cosine in found.items() if other != row and cosine >= cosine_min][:limit]

    def _terms(self, query: str) -> list[str]:
        terms = list(dict.fromkeys(index.analyzer().analyze(query)))
        if len(terms) > QUERY_TERMS_MAX:
            terms = sorted(terms, key=lambda term: self._searcher.doc_freq("body", term) or len(self.passages))
        return terms[:QUERY_TERMS_MAX]

    def _bm25(self, terms: list[str], limit: int, among: list[int] | None = None) -> dict[int, float]:
        """row → BM25 score, best first; of the rows `among` only, where given."""
        from tantivy import Occur, Query

        if not terms or among == []:
            return {}
        clauses: list[tuple[Occur, Query]] = [
            (Occur.Should, Query.term_query(index.schema(), "body", term, "freq")) for term in terms
        ]
        query = Query.boolean_query(clauses)
        if among is not None:
            chosen = Query.const_score_query(Query.term_set_query(index.schema(), "row", among), 0.0)
            query = Query.boolean_query([(Occur.Must, chosen), (Occur.Should, query)])
        found = self._searcher.search(query, limit, count=False).hits
        rows = self._searcher.fast_field_values("row", [address for _, address in found])
        scored = [(int(row), float(score)) for row, (score, _) in zip(rows, found, strict=True)]
        return dict(sorted(scored, key=lambda each: (-each[1], each[0])))

    def _nearest(self, vector: npt.NDArray[np.float32], limit: int) -> dict[int, float]:
        """row → cosine, best first."""
        exact = len(self.passages) <= EXACT_PASSAGES_MAX
        found = self._vectors.search(vector, limit, exact=exact, threads=1)
        scored = [(int(row), 1.0 - float(distance)) for row, distance in zip(found.keys, found.distances, strict=True)]
        return dict(sorted(scored, key=lambda each: (-each[1], each[0])))

    def _cosines(self, vector: npt.NDArray[np.float32], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        stored = np.stack(self._vectors.get(rows.astype(np.uint64))).astype(np.float32)
        cosine: npt.NDArray[np.float64] = (stored @ vector / np.linalg.norm(stored, axis=1)).astype(np.float64)
        return np.clip(cosine, -1.0, 1.0)


def fuse(
    bm25: npt.NDArray[np.float64], cosine: npt.NDArray[np.float64], cosine_weight: float = COSINE_WEIGHT
) -> npt.NDArray[np.float64]:
    """One score in [0, 1] for each candidate of a query, from its BM25 score (≥ 0) and cosine (−1..1).

    (1 − w)·bm25/max(bm25) + w·(cosine + 1)/(max(cosine) + 1); where no candidate shares a word with the query the first
    term is 0. Empty in, empty out.
    """
    if len(bm25) == 0:
        return np.zeros(0, dtype=np.float64)
    by_words = bm25 / max(float(bm25.max()), 1e-9)
    by_meaning = (cosine + 1.0) / max(float(cosine.max()) + 1.0, 1e-9)
    return (1.0 - cosine_weight) * by_words + cosine_weight * by_meaning
