"""Fits the weights of the overlap rule, domain/overlap_rule.json, by logistic regression on the labelled pairs of bench/overlap:

    python -m training.overlap.fit [--leave-out] [--write]

`--leave-out` measures the rule on each set with the rule made on the others (the tuned encoder of models/overlap has seen none of
them, see tune.py); `--write` writes the rule that ships. The seed is fixed.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from bench.overlap.data import items, pairs
from bench.overlap.run import described
from sklearn.linear_model import LogisticRegression

from groundcrew.services.overlap_scoring import PARTS, Comparison, Rule, background

ROOT = Path(__file__).parents[2]
RULE = ROOT / "src/groundcrew/domain/overlap_rule.json"
SETS = (
    "pilots.yaml",
    "fresh.yaml",
    "third.yaml",
    "cold.yaml",
    "fourth.yaml",
    "fifth.yaml",
    "sixth.yaml",
    "seventh.yaml",
    "eighth.yaml",
    "ninth.yaml",
    "tenth.yaml",
)
SEED = 0
#: The inverse strength of the ridge on the rule's weights, chosen by leaving one set out.
RULE_C = 3.0
RESAMPLES = 200


def parts_of(name: str) -> tuple[np.ndarray, np.ndarray]:
    """The parts of every pair of one set, and whether it overlaps."""
    found = items(name)
    comparison = Comparison([described(each) for each in found], background(), offered=["vendor" in each for each in found])
    rows = pairs(found)
    return np.array([comparison.parts(a, b) for a, b, _ in rows]), np.array([same for *_, same in rows])


def rule_on(parts: np.ndarray, true: np.ndarray) -> Rule:
    """The rule made on these pairs: its threshold is where F1 is best, in the median of resampled pairs, moved to 0.5."""
    model = LogisticRegression(C=RULE_C, max_iter=5_000).fit(parts, true)
    scores = model.decision_function(parts)
    draw = np.random.default_rng(SEED)
    samples = (draw.integers(0, len(true), len(true)) for _ in range(RESAMPLES))
    threshold = float(np.median([best_threshold(scores[each], true[each]) for each in samples]))
    weights = {name: round(float(value), 2) for name, value in zip(PARTS, model.coef_[0], strict=True)}
    return Rule(intercept=round(float(model.intercept_[0]) - threshold, 2), score_min=0.5, **weights)


def best_threshold(scores: np.ndarray, true: np.ndarray) -> float:
    """The threshold with the highest F1, half-way to the score below it."""
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(true[order])
    best = int(np.argmax(2 * hits / (np.arange(1, len(true) + 1) + true.sum())))
    return float(ranked[best] + ranked[min(best + 1, len(ranked) - 1)]) / 2


def said(rule: Rule, parts: np.ndarray) -> np.ndarray:
    """Which pairs the rule calls an overlap."""
    weights = np.array([getattr(rule, name) for name in PARTS])
    scores = 1.0 / (1.0 + np.exp(-(rule.intercept + parts @ weights)))
    return scores >= rule.score_min


def leave_out(known: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """Print precision and recall on each set of the rule that was made on the others."""
    sums = [0, 0, 0]
    for name, (parts, true) in known.items():
        others = [each for other, each in known.items() if other != name]
        rule = rule_on(np.vstack([each[0] for each in others]), np.concatenate([each[1] for each in others]))
        found = said(rule, parts)
        counts = [int((found & true).sum()), int(found.sum()), int(true.sum())]
        sums = [a + b for a, b in zip(sums, counts, strict=True)]
        print(f"  {name}: precision {counts[0]}/{counts[1]}, recall {counts[0]}/{counts[2]}")
    print(f"  together: precision {sums[0] / sums[1]:.3f}, recall {sums[0] / sums[2]:.3f}")


def main() -> None:
    """Fit, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leave-out", action="store_true", help="measure the rule on sets that it was not made on")
    parser.add_argument("--write", action="store_true", help="write the rule that ships")
    options = parser.parse_args()
    known = {name: parts_of(name) for name in SETS}
    if options.leave_out:
        leave_out(known)
    rule = rule_on(np.vstack([each[0] for each in known.values()]), np.concatenate([each[1] for each in known.values()]))
    content: dict[str, Any] = {name: getattr(rule, name) for name in rule.__struct_fields__}
    assert all(math.isfinite(each) for each in content.values())
    print(json.dumps(content))
    if options.write:
        RULE.write_text(json.dumps(content) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
