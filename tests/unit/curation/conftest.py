"""What the tests of curation share: a recipe that uses every check, rows on disk in every format, Daft or a visible skip."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from groundcrew.curation.recipe import Recipe
from groundcrew.curation.recipe_reading import parse_recipe

Row = Mapping[str, Any]

BASE: dict[str, Any] = {
    "name": "tickets",
    "source": "ticket system",
    "licence": "own data",
    "consent": "terms of 2024",
    "id": "id",
    "text": ["text"],
}
FULL: dict[str, Any] = {
    **BASE,
    "label": {"field": "team", "allowed": ["cards", "loans"]},
    "types": {"minutes": "integer"},
    "length": {"text": {"min": 3, "max": 8}},
    "duplicates": {"exact": ["text"]},
}


def recipe_of(document: Mapping[str, Any]) -> Recipe:
    return parse_recipe(dict(document), file="recipe.yaml", lines={}, folder=Path())


def good(count: int) -> list[dict[str, Any]]:
    """Rows that pass every check of FULL."""
    return [{"id": f"r{index:05d}", "text": f"t{index:05d}", "team": "cards", "minutes": index} for index in range(count)]


def write_json_lines(path: Path, rows: Sequence[Row | str]) -> Path:
    """Rows as JSON Lines, a text as the line that it is; gzipped if the name says so."""
    lines = [each if isinstance(each, str) else json.dumps(each) for each in rows]
    data = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def write_csv(path: Path, rows: Sequence[Row]) -> Path:
    """Rows as CSV; None as an empty cell."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_parquet(path: Path, rows: Sequence[Row]) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    parquet.write_table(pa.Table.from_pylist([dict(row) for row in rows]), path)
    return path


@pytest.fixture
def daft() -> Any:
    """Daft, silenced before its import as the product does."""
    from groundcrew.curation.daft_runs import load_daft
    from groundcrew.errors import InputError

    try:
        return load_daft()
    except InputError as error:
        pytest.skip(str(error))


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs `groundcrew curate …` in this process and returns its exit status."""
    from groundcrew.cli import main

    monkeypatch.setitem(main.COMMANDS, "curate", ("curate", "Build a data set."))
    return lambda *arguments: main.run(["curate", *map(str, arguments)])
