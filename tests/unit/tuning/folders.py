"""Curated data set folders for tests, small ones, written the way that `curate` writes them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as parquet

from groundcrew.curation.fields import Fields

WORDS = {
    "access": ("password", "login", "locked"),
    "hardware": ("screen", "keyboard", "dock"),
    "network": ("vpn", "wifi", "proxy"),
}
FIELDS = Fields(id="id", text=("subject", "body"), label="team", group="customer", split="split", languages=("en",))


def tickets(count: int = 60) -> list[dict[str, Any]]:
    """Tickets that a model can tell apart: of each five, three are learned from, one is for validation and one for the test."""
    rows = []
    for number in range(count):
        team = sorted(WORDS)[number % 3]
        words = WORDS[team]
        split = ("train", "train", "train", "validation", "test")[(number // 3) % 5]
        rows.append(
            {
                "id": f"t-{number:03d}",
                "subject": f"{words[number % 3]} trouble",
                "body": f"my {words[(number + 1) % 3]} does not work since {number} minutes",
                "team": team,
                "customer": f"c-{number % 7}",
                "split": split,
            }
        )
    return rows


def write_data_set(
    folder: Path, rows: Sequence[dict[str, Any]] | None = None, fields: Fields | None = FIELDS, *, name: str = "tickets"
) -> Path:
    """A data set folder with these records."""
    chosen = tickets() if rows is None else rows
    folder.mkdir(parents=True)
    parquet.write_table(pa.Table.from_pylist(list(chosen)), folder / "records.parquet", compression="zstd")
    sha256 = hashlib.sha256((folder / "records.parquet").read_bytes()).hexdigest()
    revision = {
        "name": name,
        "revision": hashlib.sha256(sha256.encode()).hexdigest(),
        "recipe_digest": "0" * 64,
        "records": len(chosen),
        "records_sha256": sha256,
        "source": "made for tests",
        "licence": "none needed",
        "consent": "nobody's",
        **({} if fields is None else {"fields": msgspec.to_builtins(fields)}),
    }
    (folder / "revision.json").write_bytes(msgspec.json.encode(revision))
    steps = [{"reason": "duplicate", "dropped": 15, "remaining": len(chosen), "examples": ["t-900"]}]
    funnel = {"name": name, "records": len(chosen) + 15, "kept": len(chosen), "steps": steps}
    (folder / "funnel.json").write_bytes(msgspec.json.encode(funnel))
    (folder / "CARD.md").write_text(f"# Data card: {name}\n\nMade for tests.\n", encoding="utf-8")
    return folder
