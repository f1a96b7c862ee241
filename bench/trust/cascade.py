"""What a cascade saves: how many claims a judge is asked about, and at what quality against the stack and the judge alone.

    python bench/trust/cascade.py [--data FOLDER] [--rows N]

Scores are those of the shipped stack; the judge is scripted, with known error rates. Bounds are fitted on one half of the source
documents and measured on the other, both ways round. Sets of `--data` (../shared/data/grounding) that are not there are left out.
"""

from __future__ import annotations

import argparse
import gzip
import random
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from groundcrew.errors import InputError
from groundcrew.grounding.cascade import SUPPORT_THRESHOLD
from groundcrew.grounding.cascade_fit import LabelledClaim, asked_shares, fit_cascade
from groundcrew.grounding.trust import TrustScorer

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "unit" / "grounding" / "cases"
SETS = ("wice_claim_dev", "infotabs_dev", "summedits_train", "fib_train", "ragtruth_qa_adapt", "quintd_train")
#: (P(calls an unsupported claim supported), P(calls a supported claim unsupported)).
JUDGES = ((0.02, 0.04), (0.05, 0.05), (0.1, 0.1))
SEED = 20_261_127


class Claim(msgspec.Struct):
    """A labelled claim with the shipped stack's word on it."""

    group: str
    supported: bool
    support: float
    contradicted: bool


def own_cases() -> Iterator[dict[str, Any]]:
    """The cases of the repository."""
    for path in sorted(CASES.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip():
                yield msgspec.json.decode(line)


def shared_rows(path: Path, limit: int) -> list[dict[str, Any]]:
    """At most `limit` rows of a shared set, chosen by their names so that they are always the same."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [msgspec.json.decode(line) for line in file if line.strip()]
    rows.sort(key=lambda row: zlib.crc32(str(row["id"]).encode()))
    return [{**row, "supported": not row["hallucinated"]} for row in rows[:limit]]


def scored(rows: Sequence[dict[str, Any]], trust: TrustScorer) -> list[Claim]:
    """Each row as one claim: its least supported claim counts."""
    found = []
    for row in rows:
        report = trust.score(row["answer"], row["sources"], row.get("question"))
        if not report.claims:
            continue
        worst = min(report.claims, key=lambda claim: claim.support)
        group = str(row.get("group") or msgspec.json.encode(row["sources"]))
        found.append(Claim(group=group, supported=row["supported"], support=worst.support, contradicted=worst.contradicted))
    return found


def scripted(claims: Sequence[Claim], rates: tuple[float, float], seed: int) -> list[float]:
    """What the judge says: wrong at `rates`, by chance."""
    chance = random.Random(seed)
    wrong_support, wrong_doubt = rates
    return [
        (0.05 if chance.random() < wrong_doubt else 0.95)
        if claim.supported
        else (0.95 if chance.random() < wrong_support else 0.05)
        for claim in claims
    ]


def measure(verdicts: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Accuracy, and F1 for unsupported claims."""
    hits = int((~verdicts & ~labels).sum())
    flagged, wrong = int((~verdicts).sum()), int((~labels).sum())
    return float((verdicts == labels).mean()), 2 * hits / (flagged + wrong) if flagged + wrong else 1.0


def report(name: str, claims: Sequence[Claim], rates: tuple[float, float], margin: float, repeats: int = 20) -> str:
    """One line: share asked, and accuracy / F1 of the three, means over `repeats` draws of the judge and of the halves."""
    sums = np.zeros(7)
    for repeat in range(repeats):
        judge = np.array(scripted(claims, rates, SEED + repeat))
        half = np.array([zlib.crc32(f"{repeat} {claim.group}".encode()) % 2 == 0 for claim in claims])
        cheap = np.array([claim.support for claim in claims])
        labels = np.array([claim.supported for claim in claims])
        decided = np.array([claim.contradicted for claim in claims])
        verdicts, asked = judge >= SUPPORT_THRESHOLD, np.ones(len(claims), dtype=bool)
        for fitted_on in (half, ~half):
            rows = [
                LabelledClaim(
                    supported=bool(labels[i]), supports=(float(cheap[i]), float(judge[i])), contradicted=bool(decided[i])
                )
                for i in np.flatnonzero(fitted_on)
            ]
            bounds = fit_cascade(rows, margin=margin).bounds[0]
            sure = np.where(decided, bounds.veto, (cheap >= bounds.accept) | (cheap <= bounds.reject))
            mine = ~fitted_on & sure
            verdicts = np.where(mine, (cheap >= SUPPORT_THRESHOLD) & ~decided, verdicts)
            asked &= ~mine
        sums += [
            float(asked.mean()),
            *measure((cheap >= SUPPORT_THRESHOLD) & ~decided, labels),
            *measure(judge >= SUPPORT_THRESHOLD, labels),
            *measure(verdicts, labels),
        ]
    share, *rest = sums / repeats
    figures = " | ".join(f"{accuracy:.3f} / {f1:.3f}" for accuracy, f1 in zip(rest[::2], rest[1::2], strict=True))
    return f"| {name} | {len(claims)} | {rates[0]:.0%} / {rates[1]:.0%} | {share:.1%} | {figures} |"


def default_share(claims: Sequence[Claim]) -> float:
    """The share that the bounds which ship leave open."""
    from groundcrew.grounding.cascade import Bounds

    supports = np.array([[claim.support, 0.5] for claim in claims])
    return asked_shares(supports, np.array([claim.contradicted for claim in claims]), [Bounds()])[0]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "grounding")
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--margin", type=float, default=0.01)
    arguments = parser.parse_args()
    trust = TrustScorer.shipped()
    sets = {"own cases": scored(list(own_cases()), trust)}
    for name in SETS:
        path = arguments.data / f"{name}.jsonl.gz"
        if path.is_file():
            sets[name] = scored(shared_rows(path, arguments.rows), trust)
    print("| set | claims | judge's errors (support, doubt) | asked | stack alone | judge alone | cascade |")
    print("|---|---|---|---|---|---|---|")
    for name, claims in sets.items():
        for rates in JUDGES:
            try:
                print(report(name, claims, rates, arguments.margin), flush=True)
            except InputError as error:
                print(f"| {name} | {len(claims)} | – | {error} | | | |")
                break
    print()
    for name, claims in sets.items():
        print(f"{name}: the bounds that ship leave {default_share(claims):.1%} open")


if __name__ == "__main__":
    main()
