"""Floors under what the pii guard finds on labelled sentences and notes that its network was not trained on."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from groundcrew.guards import pii

#: presidio-research → our types; others are nobody's.
TYPES = {
    "PERSON": "PERSON",
    "STREET_ADDRESS": "ADDRESS",
    "ZIP_CODE": "ADDRESS",
    "GPE": "LOCATION",
    "ORGANIZATION": "ORG",
    "DATE_TIME": "DATE",
    "AGE": "AGE",
    "CREDIT_CARD": "CREDIT_CARD",
    "PHONE_NUMBER": "PHONE",
    "EMAIL_ADDRESS": "EMAIL",
    "IBAN_CODE": "IBAN",
    "IP_ADDRESS": "IP",
    "DOMAIN_NAME": "URL",
    "US_DRIVER_LICENSE": "ID",
}


def held_out(key: str) -> bool:
    """As training/pii/data.py splits."""
    return int(hashlib.sha256(f"pii/{key}".encode()).hexdigest(), 16) % 3 == 0


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


class Tally:
    """Labelled spans and how many of them a finding of their type touches; findings and how many touch a label of theirs."""

    def __init__(self) -> None:
        self.wanted: Counter[str] = Counter()
        self.touched: Counter[str] = Counter()
        self.made = self.right = 0

    def add(self, text: str, spans: list[tuple[int, int, str]], unscored: frozenset[str] = frozenset()) -> None:
        findings = pii.find(text, detect="full")
        for start, end, kind in spans:
            self.wanted[kind] += 1
            self.touched[kind] += any(each.type == kind and each.start < end and start < each.end for each in findings)
        for each in findings:
            kinds = {kind for start, end, kind in spans if each.start < end and start < each.end}
            if kinds or each.type not in unscored:
                self.made += 1
                self.right += each.type in kinds

    def recall(self, kind: str) -> float:
        return self.touched[kind] / self.wanted[kind]


def test_sentences_from_patterns_that_training_never_saw(shared_data: Path) -> None:
    tally = Tally()
    for row in rows(shared_data / "pii_presidio" / "train.jsonl.gz"):
        if held_out(f"template {row['template_id']}"):
            tally.add(
                row["text"], [(each["start"], each["end"], TYPES[each["type"]]) for each in row["spans"] if each["type"] in TYPES]
            )
    assert sum(tally.touched.values()) / sum(tally.wanted.values()) >= 0.91, (tally.touched, tally.wanted)
    assert tally.recall("PERSON") >= 0.92
    assert tally.recall("ADDRESS") >= 0.95
    assert tally.right / tally.made >= 0.86


def test_notes_that_training_never_saw(shared_data: Path) -> None:
    tally = Tally()
    for row in rows(shared_data / "phi_aci" / "train.jsonl.gz"):
        if held_out(str(row["id"]).removeprefix("phi-")):
            spans = [(each["start"], each["end"], each["type"]) for each in row["spans"]]
            tally.add(row["text"], spans, frozenset({"PERSON", "DATE", "AGE"}))
    for kind in tally.wanted:
        assert tally.recall(kind) >= 0.95, (kind, tally.touched, tally.wanted)
    assert tally.right / tally.made >= 0.95
