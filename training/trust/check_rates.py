"""Measures the certain checks on their own: recall by kind of fault and false alarms on our cases, false alarms and precision
of every kind of finding on the labelled sets. What may veto is decided by these figures.

    python training/trust/check_rates.py --cases            # our cases: tuned on and held back, by kind
    python training/trust/check_rates.py --sets             # the sets in ../shared/data, by set and by check
    python training/trust/check_rates.py --cases --batch 3  # only cases of one batch
"""

from __future__ import annotations

import argparse
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from examples import Example, claim_examples, grounding_answers, is_held_back, own_cases, paraphrase_examples, sample

from groundcrew.grounding.checks import Finding, run_checks
from groundcrew.grounding.claims import claims
from groundcrew.grounding.evidence import Evidence, SourceSentence, find_verbatim
from groundcrew.grounding.ranking import choose_window
from groundcrew.grounding.reading import ANCHORS_MAX
from groundcrew.grounding.statement import Statement, read_statement

GROUNDING_SETS = {"summedits_train": 700, "ragtruth_qa_adapt": 336, "infotabs_train": 600, "quintd_train": 200}
PARAPHRASE_SETS = {
    "sgd_en": 600,
    "wikisplit_en": 500,
    "deplain_web_de": 300,
    "stsb_en": 300,
    "pawsx_de": 600,
    "rte3_de": 600,
}


def findings_of(text: str, evidence: Evidence) -> list[Finding] | None:
    """What the checks find against one claim; None where it stands in a source word for word, so that no check is asked."""
    if find_verbatim(text, evidence) is not None or not evidence.sentences:
        return None
    statement = read_statement(text)
    nothing: frozenset[str] = frozenset()
    return run_checks(statement, nothing, evidence, anchors_of(statement, evidence), lambda _: -1.0)


def anchors_of(statement: Statement, evidence: Evidence) -> list[SourceSentence]:
    """The sentences that the product lays a claim beside."""
    window = choose_window(statement, frozenset(), evidence)
    return [evidence.sentences[number] for number in window.ranked[:ANCHORS_MAX]] if window is not None else []


def print_cases(rows: Sequence[dict[str, Any]], *, show: bool) -> None:
    """Recall of vetoes by kind of fault, and their false alarms on rewordings. `show` names the misses."""
    asked: Counter[str] = Counter()
    objected: Counter[str] = Counter()
    hinted: Counter[str] = Counter()
    for row in rows:
        evidence = Evidence(row["sources"])
        found = [each for claim in claims(row["answer"]) for each in findings_of(claim.text, evidence) or []]
        vetoed = any(each.veto for each in found)
        asked[row["kind"]] += 1
        objected[row["kind"]] += vetoed
        hinted[row["kind"]] += bool(found) and not vetoed
        if show and vetoed == row["supported"]:
            print(f"  {row['id']} {row['kind']}: {row['answer']}", *(f"\n      {each.check}: {each.reason}" for each in found))
            print("     ", " / ".join(row["sources"])[:400].replace("\n", " "))
    for kind in sorted(asked, key=lambda each: (each != "paraphrase", each)):
        print(f"| {kind} | {asked[kind]} | {objected[kind] / asked[kind]:.3f} | {hinted[kind] / asked[kind]:.3f} |")
    faults = [kind for kind in asked if kind != "paraphrase"]
    total = sum(asked[kind] for kind in faults)
    if total:
        print(f"| all faults | {total} | {sum(objected[kind] for kind in faults) / total:.3f} | |")


def set_examples() -> dict[str, list[Example]]:
    """Claims of the labelled sets, fitted on or not; the unseen test sets are left alone."""
    found = {
        name: [example for answer in grounding_answers(name, size) for example in claim_examples(answer)]
        for name, size in GROUNDING_SETS.items()
    }
    found |= {name: paraphrase_examples(name, size) for name, size in PARAPHRASE_SETS.items()}
    return {name: sample(examples, 900) for name, examples in found.items()}


def print_sets(*, show: int) -> None:
    """False alarms on supported claims and hits on unsupported ones, by set, and the precision of each kind of finding."""
    by_check: dict[str, Counter[str]] = defaultdict(Counter)
    print("| set | supported | objected (veto) | hint only | unsupported | objected (veto) |\n|---|---|---|---|---|---|")
    for name, examples in set_examples().items():
        counts: Counter[tuple[bool, str]] = Counter()
        shown = 0
        for example in examples:
            found = findings_of(example.claim, Evidence(example.sources))
            if found is None:
                continue
            vetoes = [each for each in found if each.veto]
            state = "veto" if vetoes else "hint" if found else "none"
            counts[example.supported, state] += 1
            for check, veto in {(each.check, each.veto) for each in found}:
                by_check[f"{check} ({'veto' if veto else 'hint'})"][
                    f"{name} {'right' if not example.supported else 'wrong'}"
                ] += 1
            if example.supported and vetoes and shown < show:
                shown += 1
                print(f"  {example.claim}", *(f"\n      {each.check}: {each.reason}" for each in vetoes))
                print("      <", " / ".join(example.sources)[:500].replace("\n", " "))
        sizes = {flag: sum(counts[flag, state] for state in ("veto", "hint", "none")) or 1 for flag in (True, False)}
        rates = [counts[True, "veto"] / sizes[True], counts[True, "hint"] / sizes[True], counts[False, "veto"] / sizes[False]]
        print(f"| {name} | {sizes[True]} | {rates[0]:.3f} | {rates[1]:.3f} | {sizes[False]} | {rates[2]:.3f} |")
    print("\n| check | right | wrong | precision |\n|---|---|---|---|")
    for check, counted in sorted(by_check.items()):
        right = sum(count for key, count in counted.items() if key.endswith("right"))
        wrong = sum(count for key, count in counted.items() if key.endswith("wrong"))
        print(f"| {check} | {right} | {wrong} | {right / (right + wrong):.3f} |")


def print_speed(rows: Sequence[dict[str, Any]]) -> None:
    """Milliseconds of processor time that all checks take for one claim whose sources are read; their clauses are not."""
    taken = []
    for row in rows:
        evidence = Evidence([*row["sources"], *rows[len(taken) % len(rows)]["sources"]])
        statement = read_statement(row["answer"])
        nothing: frozenset[str] = frozenset()
        anchors = anchors_of(statement, evidence)
        start = time.process_time()
        run_checks(statement, nothing, evidence, anchors, lambda _: -1.0)
        taken.append(1000 * (time.process_time() - start))
    print("checks of one claim, ms: p50 {:.2f}, p90 {:.2f}, p99 {:.2f}".format(*np.percentile(taken, (50, 90, 99))))


def main() -> None:
    """Prints the tables asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", action="store_true")
    parser.add_argument("--sets", action="store_true")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--show", type=int, default=0, help="false alarms shown for each set; any: misses of cases not held back")
    arguments = parser.parse_args()
    rows = [row for row in own_cases() if arguments.batch in (None, row.get("batch", 1))]
    if arguments.cases:
        for held_back in (False, True):
            print("\nheld back" if held_back else "tuned on", "\n| kind | n | vetoed | hint only |\n|---|---|---|---|")
            chosen = [row for row in rows if is_held_back(row["id"]) is held_back]
            print_cases(chosen, show=bool(arguments.show) and not held_back)
    if arguments.sets:
        print_sets(show=arguments.show)
    if arguments.speed:
        print_speed(rows)


if __name__ == "__main__":
    main()
