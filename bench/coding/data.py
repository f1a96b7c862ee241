"""Published clinical cases with expert codes (CodiEsp, CC BY 4.0) as examples: Spanish with evidence, English without."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from groundcrew.tuning.examples import EvidenceSpan, Example

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "codiesp"
LANGUAGES = ("es", "en")
#: What the data set calls evidence of a diagnosis.
_DIAGNOSIS = "DIAGNOSTICO"


def rows(split: str) -> list[dict[str, Any]]:
    """The cases of one split."""
    with gzip.open(FOLDER / f"{split}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def examples(split: str, languages: tuple[str, ...] = LANGUAGES, *, evidence: bool = True) -> list[Example]:
    """One example a case and language. `group` is the article: two cases of one article never part in a cross-validation."""
    found = []
    for row in rows(split):
        marked = tuple(
            EvidenceSpan(label=each["code"], start=start, end=end)
            for each in row["evidence"]
            if each["kind"] == _DIAGNOSIS
            for start, end in each["offsets"]
        )
        for language in languages:
            found.append(
                Example(
                    id=f"{row['id']}.{language}",
                    text=row[f"text_{language}"],
                    labels=tuple(row["diagnosis_codes"]),
                    evidence=marked if evidence and language == "es" else (),
                    group=row["id"].rsplit("-", 1)[0],
                    language=language,
                )
            )
    return found
