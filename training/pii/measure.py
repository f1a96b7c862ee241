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
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "src"), str(Path(__file__).parent)]

import data  # noqa: E402

from groundcrew.domain.guard import Finding  # noqa: E402
from groundcrew.guards import pii, pii_network  # noqa: E402
from groundcrew.guards.network import Network  # noqa: E402


def found(text: str) -> list[Finding]:
    return sorted(pii.find(text, detect="full"), key=lambda each: each.start)


def score(rows: list[data.Row], *, unscored: frozenset[str] = frozenset(), show: int = 0) -> dict[str, Any]:
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


#: About a hundred words as customers write them; NNN makes every try another text.
LETTER = (
    "Dear customer service, I am writing because the card that you sent me on 3 May has not worked since I returned from my holidays in "
    "Portugal. Every time I try to pay at the supermarket the terminal says that the payment was declined, although there is enough money "
    "on my account. My neighbour, Anna Keller, has the same problem and she was told to order a new one. Could you please tell me what I "
    "should do, and whether there will be a fee? You can call me in the evening on 079 123 45 67. I live at Bahnhofstrasse NNN in Winterthur."
)
TRIES = 100


def milliseconds() -> tuple[float, float]:
    """Median time for `LETTER` on one core, never seen before: on the clock, and of the processor alone."""
    clock, processor = [], []
    for number in range(TRIES):
        text = LETTER.replace("NNN", str(number + 100)).replace("customer", f"customer{number}")
        pii_network._kept.clear()
        clock_s, processor_s = time.perf_counter(), time.process_time()
        pii.find(text, detect="full")
        clock.append(time.perf_counter() - clock_s)
        processor.append(time.process_time() - processor_s)
    return round(statistics.median(clock) * 1_000, 1), round(statistics.median(processor) * 1_000, 1)


def false_findings(texts: list[str], *, show: bool = False) -> dict[str, int]:
    """Findings by type in `texts`, which hold nothing personal; the key "texts" counts texts with any."""
    counts: collections.Counter[str] = collections.Counter()
    for text in texts:
        findings = found(text)
        counts["texts"] += bool(findings)
        for each in findings:
            counts[each.type] += 1
            if show:
                print(
                    "FALSE",
                    each.type,
                    text[each.start : each.end],
                    each.score,
                    "|",
                    text[max(0, each.start - 40) : each.end + 40],
                )
    return dict(counts)


def table(name: str, scored: dict[str, Any]) -> str:
    """The figures of one data set as a Markdown table."""
    lines = [
        f"**{name}** ({scored['rows']} texts, {scored['all']['n']} spans)",
        "",
        "| type | n | exact | overlap | hidden | precision |",
        "|---|---|---|---|---|---|",
    ]
    for kind, row in scored["recall"].items():
        lines.append(
            f"| {kind} | {row['n']} | {row['exact']:.3f} | {row['overlap']:.3f} | {row['hidden']:.3f} | {scored['precision_by_type'].get(kind, '')} |"
        )
    whole = scored["all"]
    lines.append(
        f"| all | {whole['n']} | {whole['exact']:.3f} | {whole['overlap']:.3f} | {whole['hidden']:.3f} | {scored['precision']:.3f} |"
    )
    lines += [
        "",
        f"Of the code points in findings {scored['precision_code_points']:.3f} lie in labelled spans, {scored['precision_code_points_typed']:.3f} in ones of the same type.",
    ]
    return "\n".join(lines)


def card(folder: Path, scores: dict[str, dict[str, Any]], false: str, times: tuple[float, float]) -> None:
    """Write MODEL_CARD.md beside the weights."""
    import generate
    import plan

    pieces = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    text = (Path(__file__).parent / "MODEL_CARD.template.md").read_text(encoding="utf-8")
    patterns = sum(len(table) for table, _ in generate._TABLES) + len(generate._NOTHING)
    values = {
        "layers": plan.LAYERS,
        "pieces": f"{len(pieces):,}",
        "templates": patterns,
        "generated": f"{plan.GENERATED:,}",
        "tables": "\n\n".join(table(name, each) for name, each in scores.items()),
        "false": false,
        "bytes": f"{(folder / 'model.onnx').stat().st_size:,}",
        "latency": f"A letter of {len(LETTER.split())} words takes {times[0]} ms (median of {TRIES}, one core shared with others; {times[1]} ms of processor time).",
    }
    for key, value in values.items():
        text = text.replace("{" + key + "}", str(value))
    (folder / "MODEL_CARD.md").write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--model", type=Path, default=pii_network.MODEL)
    parser.add_argument("--show", type=int, default=0, help="print so many misses of each set")
    parser.add_argument("--fold", type=int, default=0)
    parser.add_argument("--messages", type=int, default=1_000)
    parser.add_argument("--card", action="store_true", help="write MODEL_CARD.md beside the model")
    chosen = parser.parse_args()
    pii_network._network = Network(chosen.model)
    pii.warm()
    sentences = [row for row in data.presidio(chosen.data, raw=True) if row.fold == chosen.fold]
    scores: dict[str, dict[str, Any]] = {}
    for name in ("train", "generated_large"):
        rows = [row for row in sentences if row.source == name]
        unscored = frozenset({"DATE", "AGE", "LOCATION"}) if name == "generated_large" else frozenset()
        scores[f"presidio-research, {name}"] = score(rows, show=chosen.show, unscored=unscored)
    rows = [row for row in data.notes(chosen.data) if row.fold == chosen.fold]
    scores["notes with inserted identifiers"] = score(rows, unscored=frozenset({"PERSON", "DATE", "AGE"}), show=chosen.show)
    for name, each in scores.items():
        print(name, json.dumps(each))
    bank = [row.text for row in data.messages(chosen.data) if row.fold == 0][: chosen.messages]
    clean = data.clean(chosen.data)
    false = (
        f"on {len(bank):,} messages of bank customers {false_findings(bank, show=bool(chosen.show))}; "
        f"on {len(clean)} pieces of clinical text without names, dates and ages that rules see {false_findings(clean, show=bool(chosen.show))} "
        "(some of both are right: a weekday, a town)."
    )
    print(false)
    times = milliseconds()
    print("milliseconds", times)
    if chosen.card:
        card(chosen.model, scores, false, times)


if __name__ == "__main__":
    main()
