"""Runs the coder on CodiEsp, clinical cases that experts coded in ICD-10-CM: converts, curates, learns, and measures on the
publishers' development cases, in Spanish and in their machine translation into English. The data are not part of this project.

    python blueprints/medical-coding/codiesp.py --data ../shared/data/codiesp --work /tmp/codiesp

Of the publishers' training cases every seventh is held back to choose on; the development cases are only ever measured on.
"""

from __future__ import annotations

import argparse
import gzip
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from groundcrew.testing.walk import Clock, Shell, fresh, interval, say

VALIDATION_EVERY = 7
#: The publishers' files, and what the product calls what is in them.
FILES = (("train.jsonl.gz", "train"), ("dev.jsonl.gz", "test"))
LANGUAGES = ("es", "en")
RECIPE = Path(__file__).parent / "codiesp.yaml"
DATA_SET, MODEL, PASSWORD_BYTES = "codiesp", "codiesp-coder", 18
FIGURES = ("micro_f1", "micro_precision", "micro_recall", "macro_f1", "precision_at_5", "mean_average_precision")


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of one of the files."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def evidence_of(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The marked words of each diagnosis in the Spanish text. Words that stand apart are marked piece by piece."""
    diagnoses = [each for each in row["evidence"] if each["kind"] == "DIAGNOSTICO"]
    return [
        {"label": each["code"], "start": start, "end": end}
        for each in diagnoses
        for start, end in each["offsets"]
        if 0 <= start < end <= len(row["text_es"])
    ]


def records(folder: Path) -> Iterator[dict[str, Any]]:
    """Every case that has a diagnosis, once in each language. Two cases of one article stay together."""
    for name, split in FILES:
        for place, row in enumerate(read(folder / name)):
            if not row["diagnosis_codes"]:
                continue
            article = row["id"].rsplit("-", 1)[0]
            chosen_on = split == "train" and place % VALIDATION_EVERY == VALIDATION_EVERY - 1
            for language in LANGUAGES:
                yield {
                    "id": f"{row['id']}.{language}",
                    "article": article,
                    "language": language,
                    "text": row[f"text_{language}"],
                    "codes": sorted({code.upper() for code in row["diagnosis_codes"]}),
                    "evidence": evidence_of(row) if language == "es" else [],
                    "split": "validation" if chosen_on else split,
                }


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows as JSON Lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def whole_articles(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same records, with an article that lies in two splits in the first of them: curation drops what would leak."""
    split_of: dict[str, str] = {}
    for row in rows:
        split_of.setdefault(row["article"], row["split"])
    return [row if row["split"] == "test" else {**row, "split": split_of[row["article"]]} for row in rows]


def main() -> None:
    """Convert, curate, learn, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/codiesp"), help="folder of the publishers' cases")
    parser.add_argument("--work", type=Path, default=Path(".groundcrew/codiesp"), help="folder to work in; cleared")
    parser.add_argument("--summary", type=Path, help="write the figures there, as JSON")
    arguments = parser.parse_args()
    if not all((arguments.data / name).is_file() for name, _ in FILES):
        raise SystemExit(f"{arguments.data} does not hold {' and '.join(name for name, _ in FILES)}")
    clock, work = Clock(), fresh(arguments.work, ".medical-coding")
    data = work / "data"
    data.mkdir()
    shell = Shell(data, secrets.token_urlsafe(PASSWORD_BYTES))
    clock.heading("1. Convert and curate")
    rows = whole_articles(list(records(arguments.data)))
    write(work / "cases.jsonl", rows)
    say(shell.curate(RECIPE, work / "cases.jsonl", work / DATA_SET).splitlines()[-3].strip())
    clock.heading("2. Learn")
    shell.type("dataset", "register", work / DATA_SET, "--data-class", "public")
    settings = ("--architecture", "coder", "--seed", "7", "--set", "code_system=icd-10-cm")
    say(shell.type("tune", "start", MODEL, DATA_SET, *settings).splitlines()[0])
    summary = {}
    for language in LANGUAGES:
        clock.heading(f"3. Measure on the development cases: {language}")
        cases = work / f"development-{language}.jsonl"
        asked = [row for row in rows if row["split"] == "test" and row["language"] == language]
        write(cases, [{"id": r["id"], "text": r["text"], "labels": r["codes"], "group": r["article"]} for r in asked])
        found = shell.json("tune", "evaluate", f"{MODEL}@1", "--input", cases)
        for name in FIGURES:
            if name in found["report"]["figures"]:
                say(f"{name:<24} {interval(found['report']['figures'][name])}")
        spent = found["report"].get("time")
        say(f"{'seconds a case, median':<24} {spent['p50_s']['estimate']:.3f}" if spent else "")
        summary[language] = {name: each["estimate"] for name, each in found["report"]["figures"].items()}
    if arguments.summary:
        arguments.summary.write_text(json.dumps(summary, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
