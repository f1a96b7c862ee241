# ruff: noqa: E501 - patterns and reports, one a line
"""Measures the guard `pii` on the held-out third of the data sets: recall by type (exact, overlapping), precision by span and by
code point, false findings on texts that hold nothing personal, and time. `python training/pii/measure.py --data FOLDER`."""

from __future__ import annotations

import argparse
import collections
import json
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "src"), str(Path(__file__).parent)]

import data  # noqa: E402

from groundcrew.domain.guard import Finding  # noqa: E402
from groundcrew.guards import pii, pii_network  # noqa: E402
from groundcrew.guards.network import Network  # noqa: E402


def found(text: str) -> list[Finding]:
    return sorted(pii.find(text, detect="full"), key=lambda each: each.start)


def score(rows: list[data.Row], *, unscored: frozenset[str] = frozenset(), show: int = 0) -> dict[str, object]:
    """Recall by type and precision over `rows`; findings of `unscored` types that meet no label are passed over."""
    wanted: collections.Counter[str] = collections.Counter()
    exact: collections.Counter[str] = collections.Counter()
    touched: collections.Counter[str] = collections.Counter()
    covered: collections.Counter[str] = collections.Counter()
    hidden: collections.Counter[str] = collections.Counter()
    any_type: collections.Counter[str] = collections.Counter()
    made: collections.Counter[str] = collections.Counter()
    right: collections.Counter[str] = collections.Counter()
    points = points_right = points_typed = 0
    misses: list[str] = []
    for row in rows:
        findings = found(row.text)
        gold = row.spans
        for start, end, kind in gold:
            wanted[kind] += 1
            mine = [each for each in findings if each.type == kind and each.start < end and start < each.end]
            exact[kind] += any(each.start == start and each.end == end for each in mine)
            touched[kind] += bool(mine)
            covered[kind] += all(any(each.start <= at < each.end for each in mine) for at in range(start, end))
            hidden[kind] += all(
                any(each.start <= at < each.end for each in findings) for at in range(start, end) if row.text[at].isalnum()
            )
            over = [each for each in findings if each.start < end and start < each.end]
            any_type[kind] += bool(over)
            if not mine:
                misses.append(
                    f"MISS {kind} {row.text[start:end]!r} {[each.type for each in over]} in {row.text[max(0, start - 50) : end + 30]!r}"
                )
        for each in findings:
            meets = [kind for start, end, kind in gold if each.start < end and start < each.end]
            if not meets and each.type in unscored:
                continue
            made[each.type] += 1
            right[each.type] += each.type in meets
            if each.type not in meets:
                misses.append(
                    f"WRONG {each.type} {row.text[each.start : each.end]!r} {each.score} {meets} in {row.text[max(0, each.start - 50) : each.end + 30]!r}"
                )
            for at in range(each.start, each.end):
                points += 1
                kinds = [kind for start, end, kind in gold if start <= at < end]
                points_right += bool(kinds)
                points_typed += each.type in kinds
    for line in misses[:show]:
        print(line)
    total = sum(wanted.values())
    return {
        "rows": len(rows),
        "recall": {
            kind: {
                "n": wanted[kind],
                "exact": round(exact[kind] / wanted[kind], 3),
                "overlap": round(touched[kind] / wanted[kind], 3),
                "covered": round(covered[kind] / wanted[kind], 3),
                "hidden": round(hidden[kind] / wanted[kind], 3),
                "any": round(any_type[kind] / wanted[kind], 3),
            }
            for kind in sorted(wanted)
        },
        "all": {
            "n": total,
            "exact": round(sum(exact.values()) / total, 3),
            "overlap": round(sum(touched.values()) / total, 3),
            "hidden": round(sum(hidden.values()) / total, 3),
        }
        if total
        else {},
        "precision": round(sum(right.values()) / max(1, sum(made.values())), 3),
        "precision_by_type": {kind: f"{right[kind]}/{made[kind]}" for kind in sorted(made)},
        "precision_code_points": round(points_right / max(1, points), 3),
        "precision_code_points_typed": round(points_typed / max(1, points), 3),
    }


def milliseconds(text: str, times: int = 60) -> float:
    """Median time for texts like `text`, none of which was seen before."""
    taken = []
    for number in range(times):
        fresh = text.replace("100", str(number + 100))
        started_s = time.perf_counter()
        pii.find(fresh, detect="full")
        pii_network._kept.clear()
        taken.append((time.perf_counter() - started_s) * 1_000)
    return round(statistics.median(taken), 2)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--model", type=Path, default=pii_network.MODEL)
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--fold", type=int, default=0)
    parser.add_argument("--messages", type=int, default=1_000)
    chosen = parser.parse_args()
    pii_network._network = Network(chosen.model)
    pii.warm()
    sentences = [row for row in data.presidio(chosen.data, raw=True) if row.fold == chosen.fold]
    for name in ("train", "generated_large"):
        rows = [row for row in sentences if row.source == name]
        unscored = frozenset({"DATE", "AGE", "LOCATION"}) if name == "generated_large" else frozenset()
        print("presidio", name, json.dumps(score(rows, show=chosen.show, unscored=unscored), indent=None))
    rows = [row for row in data.notes(chosen.data) if row.fold == chosen.fold]
    print("phi_aci", json.dumps(score(rows, unscored=frozenset({"PERSON", "DATE", "AGE"}), show=chosen.show)))
    messages = [row for row in data.messages(chosen.data) if row.fold == 0][: chosen.messages]
    counts: collections.Counter[str] = collections.Counter()
    for row in messages:
        for each in found(row.text):
            counts[each.type] += 1
            if chosen.show:
                print("BANK", each.type, row.text[each.start : each.end], "|", row.text[:80])
    print("banking77", len(messages), dict(counts))
    words = (
        "The customer Anna Keller wrote on 3 May 2025 from Bahnhofstrasse 100 in Zurich that her card was declined twice at the till. "
        * 6
    ).split()
    print("100 words ms", milliseconds(" ".join(words[:100])))


if __name__ == "__main__":
    main()
