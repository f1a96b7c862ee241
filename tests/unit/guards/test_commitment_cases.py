"""The commitment guard on labelled cases in four languages: those it was tuned on, and those that were written before it and
held back. `commitment_cases/README.md` says how they came about."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from groundcrew.guards.registry import find_guard

check = find_guard("commitment").check
FOLDER = Path(__file__).parent / "commitment_cases"
LANGUAGES = ("en", "de", "fr", "it")
RECALL_MIN, PRECISION_MIN = 0.90, 0.95
CASES_MIN = 400
#: Share of words that a held-back case may have in common with one that the guard was tuned on.
LIKENESS_MAX = 0.65


def rows(split: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()]


def words(row: dict[str, Any]) -> set[str]:
    return set(re.findall(r"\w+", row["text"].lower()))


def measured(split: str, language: str) -> tuple[float, float, list[str]]:
    """Precision, recall, and the identifiers of what went wrong."""
    counts: Counter[tuple[bool, bool]] = Counter()
    wrong = []
    for row in rows(split):
        if row["language"] != language:
            continue
        blocked, should = check(row["text"], row["context"]).verdict == "block", row["label"] == "block"
        counts[blocked, should] += 1
        if blocked != should:
            wrong.append(f"{row['id']} ({row['label']}): {row['text']}")
    right, false, missed = counts[True, True], counts[True, False], counts[False, True]
    return right / (right + false), right / (right + missed), wrong


def test_the_cases_are_many_and_those_held_back_are_unlike_the_others() -> None:
    tuned, held_back = rows("tuning"), rows("held_back")
    assert len(tuned) + len(held_back) >= CASES_MIN
    known = [words(row) for row in tuned]
    for row in held_back:
        mine = words(row)
        assert max(len(mine & other) / len(mine | other) for other in known) < LIKENESS_MAX, row["text"]
    assert {row["language"] for row in held_back} == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("split", ["tuning", "held_back"])
def test_precision_and_recall_by_language(split: str, language: str) -> None:
    precision, recall, wrong = measured(split, language)
    assert (precision >= PRECISION_MIN, recall >= RECALL_MIN) == (True, True), wrong
