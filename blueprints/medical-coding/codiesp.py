"""Runs the coder on CodiEsp, 750 clinical cases that experts coded in ICD-10-CM: converts, curates, learns, measures on the
publishers' development cases. The data are not part of this project.

    python blueprints/medical-coding/codiesp.py --data ../shared/data/codiesp --work /tmp/codiesp --language es

Of the publishers' training cases every seventh is held back to choose on; the development cases are only ever measured on.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VALIDATION_EVERY = 7
#: The files' own words for what the product calls train, validation and test.
FILES = (("train.jsonl.gz", "train"), ("dev.jsonl.gz", "test"))
RECIPE = Path(__file__).parent / "codiesp.yaml"


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


def records(folder: Path, language: str) -> Iterator[dict[str, Any]]:
    """Every case that has a diagnosis, as a record for the recipe. Evidence only in Spanish."""
    for name, split in FILES:
        for place, row in enumerate(read(folder / name)):
            if not row["diagnosis_codes"]:
                continue
            chosen_on = split == "train" and place % VALIDATION_EVERY == VALIDATION_EVERY - 1
            yield {
                "id": row["id"],
                "patient": row["id"],
                "text": row[f"text_{language}"],
                "codes": sorted({code.upper() for code in row["diagnosis_codes"]}),
                "evidence": evidence_of(row) if language == "es" else [],
                "split": "validation" if chosen_on else split,
            }


def convert(folder: Path, language: str, output: Path) -> int:
    """Write the records as JSON Lines; how many."""
    output.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with output.open("w", encoding="utf-8") as lines:
        for count, row in enumerate(records(folder, language), start=1):
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")
    return count
