"""Milliseconds that the shipped score takes for one answer in one thread, cold and warm, and the memory of the process."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "training" / "trust"))

import numpy as np
from examples import grounding_answers

from groundcrew.grounding import lexicon
from groundcrew.grounding.statement import read_statement
from groundcrew.grounding.trust import TrustScorer

#: What the figure is for: an answer of some six claims with some 1,100 tokens of passages.
CLAIMS, WORDS = (5, 7), (500, 1_100)
ANSWERS_MAX, PASSAGES = 60, 6


def main() -> None:
    """Prints one JSON object."""
    scorer = TrustScorer.shipped()
    every = grounding_answers("ragtruth_qa_adapt")
    chosen = []
    for number, answer in enumerate(every):
        # A set's own three passages are short: three of another question make up the length that retrieval gives.
        others = every[(number + 31) % len(every)].sources
        sources = (answer.sources + others)[:PASSAGES]
        words = sum(len(source.split()) for source in sources)
        if WORDS[0] <= words <= WORDS[1] and CLAIMS[0] <= len(scorer.score(answer.text, sources).claims) <= CLAIMS[1]:
            chosen.append((answer, sources, words))
    cold, warm, cold_cpu, warm_cpu, asked = [], [], [], [], []
    for answer, sources, _ in chosen[:ANSWERS_MAX]:
        for cache in (read_statement, lexicon._tokens, lexicon.same_word):
            cache.cache_clear()
        fresh = TrustScorer(scorer.entailment, weights=scorer.model.weights)
        for elapsed, used in ((cold, cold_cpu), (warm, warm_cpu)):
            started, spent = time.perf_counter(), time.process_time()
            report = fresh.score(answer.text, sources, answer.question)
            elapsed.append((time.perf_counter() - started) * 1e3)
            used.append((time.process_time() - spent) * 1e3)
        asked.append(sum(claim.decided_by == "entailment" for claim in report.claims))
    print(
        json.dumps(
            {
                "answers": len(cold),
                "words": float(np.mean([words for *_, words in chosen[:ANSWERS_MAX]])),
                "tokens": float(
                    np.mean([sum(len(lexicon.tokens(source)) for source in sources) for _, sources, _ in chosen[:ANSWERS_MAX]])
                ),
                "asked": float(np.mean(asked)),
                "cold_ms": np.percentile(cold, [50, 90]).tolist(),
                "warm_ms": np.percentile(warm, [50, 90]).tolist(),
                "cold_cpu_ms": np.percentile(cold_cpu, [50, 90]).tolist(),
                "warm_cpu_ms": np.percentile(warm_cpu, [50, 90]).tolist(),
                "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
