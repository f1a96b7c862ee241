"""Precision and recall of overlap findings on labelled pilots and capabilities, of the shipped rule and of its parts alone.

    python -m bench.overlap.run [--file fourth.yaml] [--alone] [--show]

The word lists were made on the pairs of pilots.yaml, fresh.yaml, third.yaml and cold.yaml; another file is compared with itself
and with those. The rule's weights were made on all files of training/overlap/fit.py, which also leaves one out. Embeddings
alone and terms alone get the threshold that is best on the pairs that the lists were made on; the
rule's threshold is the shipped one. Intervals are Wilson's at 95 %: pairs of one family are alike, so that they are too narrow.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from bench.overlap.data import items, pairs

from groundcrew.services.overlap_scoring import Compared, Comparison, Described, background, shipped_rule
from groundcrew.stats.intervals import wilson

#: Files whose labels are not settled against those of others, so that they are measured alone.
ALONE = ("sixth.yaml", "seventh.yaml", "eighth.yaml", "ninth.yaml", "tenth.yaml", "eleventh.yaml", "twelfth.yaml")
#: What the word lists were made on.
DEVELOPED = ("pilots.yaml", "fresh.yaml", "third.yaml", "cold.yaml")
Row = tuple[dict[str, Any], dict[str, Any], bool, Compared]


def described(item: dict[str, Any]) -> Described:
    """An item of the labelled set as it is compared."""
    if "purpose" in item:
        return Described(title=item["title"], purpose=item["purpose"], people=item["people"], facts=(f"unit {item['unit']}",))
    return Described(title=item["name"], purpose=item["description"], area=item["area"])


def compared(found: list[dict[str, Any]], wanted: Callable[[int, int], bool]) -> list[Row]:
    """All wanted pairs with their scores; the words are weighed by the items of the wanted pairs alone."""
    chosen = [(first, second, same) for first, second, same in pairs(found) if wanted(first, second)]
    used = sorted({number for first, second, _ in chosen for number in (first, second)})
    place = {number: index for index, number in enumerate(used)}
    offered = ["vendor" in found[number] for number in used]
    comparison = Comparison([described(found[number]) for number in used], background(), offered=offered)
    return [(found[a], found[b], same, comparison.compare(place[a], place[b])) for a, b, same in chosen]


def figures(rows: Sequence[Row], score: Callable[[Compared], float], threshold: float) -> str:
    """Precision and recall in words."""
    said = [score(each[3]) >= threshold for each in rows]
    true = [each[2] for each in rows]
    hits = sum(a and b for a, b in zip(said, true, strict=True))
    parts = []
    for name, of in (("precision", sum(said)), ("recall", sum(true))):
        found = wilson(hits, of) if of else None
        ends = f"{hits}/{of} = {found.estimate:.3f} [{found.lower:.3f}, {found.upper:.3f}]" if found else "unknown"
        parts.append(f"{name} {ends}")
    return ", ".join(parts)


def best_threshold(rows: Sequence[Row], score: Callable[[Compared], float]) -> float:
    """The threshold with the highest F1 on `rows`."""
    values = np.array([score(each[3]) for each in rows])
    true = np.array([each[2] for each in rows])
    return float(max(np.unique(values), key=lambda t: 2 * ((values >= t) & true).sum() / ((values >= t).sum() + true.sum())))


SCORES: dict[str, Callable[[Compared], float]] = {
    "embeddings alone": lambda each: each.reason.similarity,
    "terms alone": lambda each: each.reason.terms,
    "task alone": lambda each: each.reason.task,
}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", default=DEVELOPED[0])
    parser.add_argument("--alone", action="store_true", help="compare the files (a,b) with themselves only, as one import")
    parser.add_argument("--show", action="store_true", help="print the pairs that are wrong")
    options = parser.parse_args()
    names = options.file.split(",")
    if set(names) & set(ALONE) and not (options.alone and len(names) == 1):
        parser.error(f"{', '.join(ALONE)} is measured alone (--alone): its labels are not settled against the other files")
    base = [each for name in DEVELOPED for each in items(name)]
    size = len(base)
    develop = compared(base, lambda _a, _b: True)
    if options.file in DEVELOPED or options.alone:
        rows = develop
    else:
        # One registry holds both; a pair is new where either of its two is.
        rows = compared([*base, *items(options.file)], lambda a, b: a >= size or b >= size)
    if options.alone:
        rows = compared([each for name in options.file.split(",") for each in items(name)], lambda _a, _b: True)
    least = shipped_rule().score_min
    name = "what the rule was made on" if rows is develop else options.file
    print(f"{name}: {len(rows)} pairs, {sum(each[2] for each in rows)} overlap")
    print(f"  rule at {least}: {figures(rows, lambda each: each.score, least)}")
    for name, score in SCORES.items():
        threshold = best_threshold(develop, score)
        print(f"  {name} at {threshold:.3f}: {figures(rows, score, threshold)}")
    if options.show:
        for one, other, same, found in sorted(rows, key=lambda each: -each[3].score):
            if same != (found.score >= least):
                names = [each.get("title") or f"{each['vendor']}: {each['name']}" for each in (one, other)]
                print(f"  {'missed' if same else 'false'} {found.score:.2f} {' | '.join(names)} {found.reason}")


if __name__ == "__main__":
    main()
