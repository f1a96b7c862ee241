"""Milliseconds that the shipped score takes for one answer in one thread, cold and warm, and the memory of the process."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "training" / "trust"))

import numpy as np
from examples import Answer, grounding_answers
from tokenizers import Tokenizer

from groundcrew.grounding import evidence, lexicon
from groundcrew.grounding.entailment import SHIPPED_MODEL, TOKENIZER_FILE
from groundcrew.grounding.statement import read_statement
from groundcrew.grounding.trust import TrustScorer

#: What the figure is for: an answer of some six claims with some 1,100 tokens of passages, counted by the network's tokenizer.
CLAIMS, TOKENS = (5, 7), (1_000, 1_200)
ANSWERS_MAX, PASSAGES_MAX = 60, 12


def _peak_mb() -> float:
    """The most memory that this process has held."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def passages(number: int, every: Sequence[Answer], lengths: dict[str, int]) -> list[str]:
    """An answer's own passages, which are short, and those of other questions up to the length that retrieval gives."""
    found = list(every[number].sources)
    for step in range(1, PASSAGES_MAX):
        for source in every[(number + 31 * step) % len(every)].sources:
            if len(found) < PASSAGES_MAX and sum(lengths[each] for each in found) + lengths[source] <= TOKENS[1]:
                found.append(source)
    return found


def main() -> None:
    """Prints one JSON object."""
    scorer = TrustScorer.shipped()
    every = grounding_answers("ragtruth_qa_adapt")
    tokenizer = Tokenizer.from_file(str(SHIPPED_MODEL / TOKENIZER_FILE))
    lengths = {each: len(tokenizer.encode(each).ids) for answer in every for each in answer.sources}
    chosen = []
    for number, answer in enumerate(every):
        sources = passages(number, every, lengths)
        tokens = sum(lengths[each] for each in sources)
        if TOKENS[0] <= tokens <= TOKENS[1] and CLAIMS[0] <= len(scorer.score(answer.text, sources).claims) <= CLAIMS[1]:
            chosen.append((answer, sources, tokens))
    cold, warm, cold_cpu, warm_cpu, asked = [], [], [], [], []
    for answer, sources, _ in chosen[:ANSWERS_MAX]:
        for cache in (read_statement, lexicon._tokens, lexicon.same_word, lexicon._by_beginning, evidence._squeeze):
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
                "tokens": float(np.mean([tokens for *_, tokens in chosen[:ANSWERS_MAX]])),
                "asked": float(np.mean(asked)),
                "cold_ms": np.percentile(cold, [50, 90]).tolist(),
                "warm_ms": np.percentile(warm, [50, 90]).tolist(),
                "cold_cpu_ms": np.percentile(cold_cpu, [50, 90]).tolist(),
                "warm_cpu_ms": np.percentile(warm_cpu, [50, 90]).tolist(),
                "memory_mb": _peak_mb(),
            }
        )
    )


if __name__ == "__main__":
    main()
