"""The first half of the way with real tickets: curate, register, tune, evaluate on the test split.

    python blueprints/it-helpdesk/itsm.py ../shared/data/itsm_tickets/train.jsonl.gz [--limit 4000] [--summary FILE]

The tickets (47,837 of a company, anonymised, stop words stripped; CC0) are not part of groundcrew. Any file of `id`, `text` and
`label` does. All of them take about ten minutes on one core; `--limit` takes the first by the hash of their id.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import secrets
from pathlib import Path

from groundcrew.testing.walk import Clock, Shell, fresh, interval, say

BLUEPRINT = Path(__file__).parent
DATA_SET, MODEL, SEED, PASSWORD_BYTES = "itsm-tickets", "itsm-triage", 7, 18
FIGURES = ("subset_accuracy", "micro_f1", "macro_f1")


def limited(source: Path, limit: int, target: Path) -> Path:
    """A file of `limit` rows, those whose id has the smallest hash."""
    data = source.read_bytes()
    text = (gzip.decompress(data) if source.suffix == ".gz" else data).decode("utf-8")
    rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    rows.sort(key=lambda row: hashlib.sha256(str(row["id"]).encode()).digest())
    target.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows[:limit]), encoding="utf-8")
    return target


def main() -> None:
    """Curate, register, tune, evaluate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="JSON Lines of id, text and label; .gz too")
    parser.add_argument("--limit", type=int, help="take so many tickets")
    parser.add_argument("--work", type=Path, default=Path(".groundcrew/itsm-tickets"), help="folder to work in; cleared")
    parser.add_argument("--summary", type=Path, help="write the figures there, as JSON")
    options = parser.parse_args()
    clock, work = Clock(), fresh(options.work, ".it-helpdesk")
    data = work / "data"
    data.mkdir()
    shell = Shell(data, secrets.token_urlsafe(PASSWORD_BYTES))
    source = limited(options.source, options.limit, work / "tickets.jsonl") if options.limit else options.source
    clock.heading("1. Curate")
    shell.curate(BLUEPRINT / "itsm.yaml", source, work / DATA_SET)
    clock.heading("2. Register")
    say(shell.type("dataset", "register", work / DATA_SET, "--data-class", "internal").splitlines()[0])
    clock.heading("3. Tune")
    for line in shell.type("tune", "start", MODEL, DATA_SET, "--architecture", "classifier", "--seed", str(SEED)).splitlines():
        say(line)
    clock.heading("4. Evaluate on the test split")
    found = shell.json("tune", "evaluate", f"{MODEL}@1", "--data-set", DATA_SET)["report"]
    for name in FIGURES:
        say(f"{name:<16} {interval(found['figures'][name])}")
    say(f"left to a person {interval(found['person']['to_person'])}")
    say(f"right of the rest {interval(found['person']['kept_subset_accuracy'])}")
    if options.summary:
        figures = {name: found["figures"][name]["estimate"] for name in FIGURES}
        options.summary.write_text(json.dumps(figures, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
