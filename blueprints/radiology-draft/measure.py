"""How well the trust score sees the errors that are planted in this blueprint's drafts, and how often it doubts a right one:
`python blueprints/radiology-draft/measure.py`. The README's figures come from here."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

from groundcrew.domain.trust import ClaimScore, TrustReport
from groundcrew.grounding.trust import ScoreRequest, TrustScorer
from groundcrew.grounding.withdrawn import without_withdrawn
from groundcrew.stats.intervals import wilson

DATA = Path(__file__).parent / "data"
#: What the use case declares: an answer below it is said to be doubtful.
THRESHOLD = 0.5
#: Support of a claim below which the reviewer page marks it.
SUPPORT_MIN = 0.5
BATCH = 50


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of a data file."""
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def scored(pairs: list[tuple[str, str]]) -> list[TrustReport]:
    """The report on each (dictation, draft), as the gateway would make it."""
    scorer = TrustScorer.shipped()
    found: list[TrustReport] = []
    for start in range(0, len(pairs), BATCH):
        batch = [
            ScoreRequest(answer=draft, sources=[without_withdrawn(dictation)], question="")
            for dictation, draft in pairs[start : start + BATCH]
        ]
        found += scorer.score_many(batch)
    return found


def is_marked(claim: ClaimScore) -> bool:
    """Whether the signer sees the claim marked."""
    return claim.contradicted or claim.support < SUPPORT_MIN


def is_doubted(report: TrustReport) -> bool:
    """Whether the signer is told that the draft as a whole is doubtful."""
    return report.contradicted or report.trust is None or report.trust < THRESHOLD


def measure() -> dict[str, Any]:
    """False alarms on the prepared drafts, and by kind of error how many are seen: in the claim itself, and in the draft."""
    dictations = {row["id"]: row for row in rows("dictations.jsonl")}
    right = scored([(row["text"], row["draft"]) for row in dictations.values()])
    errors = rows("planted.jsonl")
    wrong = scored([(dictations[row["dictation"]]["text"], row["answer"]) for row in errors])
    planted, at_place, in_draft = Counter[str](), Counter[str](), Counter[str]()
    for row, report in zip(errors, wrong, strict=True):
        touched = [each for each in report.claims if each.start < row["end"] and row["start"] < each.end]
        for kind in (row["kind"], "all"):
            planted[kind] += 1
            at_place[kind] += any(map(is_marked, touched))
            in_draft[kind] += is_doubted(report)
    claims = [claim for report in right for claim in report.claims]
    return {
        "drafts": len(right),
        "doubted_drafts": sum(map(is_doubted, right)),
        "claims": len(claims),
        "marked_claims": sum(map(is_marked, claims)),
        "planted": {kind: {"n": n, "marked": at_place[kind], "doubted": in_draft[kind]} for kind, n in planted.items()},
    }


def _share(found: int, of: int) -> str:
    interval = wilson(found, of)
    return f"{found:>3} of {of:<3} {found / of:6.1%}  [{interval.lower:.1%}, {interval.upper:.1%}]"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print them as JSON")
    found = measure()
    if parser.parse_args().json:
        print(json.dumps(found, indent=2))
        return
    print("right drafts")
    print(f"  doubted as a whole     {_share(found['doubted_drafts'], found['drafts'])}")
    print(f"  claims marked          {_share(found['marked_claims'], found['claims'])}")
    print("planted errors           marked at its place                  draft doubted")
    for kind, row in sorted(found["planted"].items(), key=lambda each: (each[0] == "all", each[0])):
        print(f"  {kind:<12}           {_share(row['marked'], row['n'])}   {_share(row['doubted'], row['n'])}")


if __name__ == "__main__":
    main()
