"""The labelled pilots and capabilities that overlap scores are developed on and measured with, and how they were split.

A third of the families (of `same`) is held back: drawn by seed before anything was tuned. A pair is held back where either of its
two is, so that no held-back text was ever seen while developing.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
SPLIT_SEED = 20261127


def items(name: str = "pilots.yaml") -> list[dict[str, Any]]:
    """All pilots and capabilities of a file; a pilot has `purpose`, a capability `vendor`."""
    content = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return [*content["pilots"], *content["capabilities"]]


def held_back(found: list[dict[str, Any]]) -> set[int]:
    """Which of the items belong to the third that is held back."""
    families = sorted({_family(each) for each in found})
    random.Random(SPLIT_SEED).shuffle(families)
    chosen = set(families[: len(families) // 3])
    return {number for number, each in enumerate(found) if _family(each) in chosen}


def pairs(found: list[dict[str, Any]]) -> list[tuple[int, int, bool]]:
    """(first, second, whether they overlap) of all pairs that are compared: no two capabilities are."""
    return [
        (first, second, bool(set(found[first]["same"]) & set(found[second]["same"])))
        for first in range(len(found))
        for second in range(first + 1, len(found))
        if "purpose" in found[first] or "purpose" in found[second]
    ]


def _family(item: dict[str, Any]) -> str:
    return str(item["same"][0]) if item["same"] else f"{item['vendor']}/{item['name']}"
