"""What a worker does with one portion: reads its records, checks each, turns texts into numbers, writes one row per record."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from groundcrew.code_systems.catalogue import code_system
from groundcrew.curation.checks import Checked, Checker
from groundcrew.curation.daft_runs import load_daft
from groundcrew.curation.portions import Portion, lines_of
from groundcrew.curation.reasons import UNREADABLE
from groundcrew.curation.recipe import Recipe
from groundcrew.curation.words import I64, U32, Bands, Words, as_sets, band_keys, bands_for, fingerprints, mixed, shingles
from groundcrew.curation.work import whole

#: Hashes of one text that a model of labels looks at: its words and pairs of words.
PAIR: Final = 2
#: Columns that only the records themselves need; all others are small.
RECORD: Final = "record"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker needs to know besides its portion: the recipe, and where imported code systems lie."""

    recipe: Recipe
    codes_folder: str | None = None


def threshold_of(recipe: Recipe) -> float | None:
    """The least similarity at which any part of the recipe calls two texts near-equal; None where no part asks."""
    near = recipe.duplicates.near if recipe.duplicates else None
    asked = [
        near.threshold if near else None,
        recipe.contradictions.threshold if recipe.contradictions else None,
        recipe.split.near if recipe.split else None,
    ]
    return min((each for each in asked if each is not None), default=None)


def shingle_size(recipe: Recipe) -> tuple[int, int]:
    """Words of a shingle, and the seed of the signatures."""
    near = recipe.duplicates.near if recipe.duplicates else None
    return (near.words, near.seed) if near else (PAIR, 7)


def examine(plan: Plan, portion: Portion, path: Path) -> int:
    """Check the records of a portion and write what was found to `path`; returns how many there were. Raises InputError."""
    checker, words = _tools(msgspec.json.encode(plan))
    rows: list[Checked] = []
    places: list[tuple[int, int]] = []
    for segment in portion.segments:
        for line in lines_of(segment, plan.recipe.fields):
            places.append((segment.source, line.line))
            if line.text is None:
                rows.append(Checked(reason=UNREADABLE, detail=line.error))
            else:
                rows.append(checker.check(line.text, typed=line.typed, damage=line.damage))
    _write(plan.recipe, words, rows, places, path)
    return len(rows)


@lru_cache(maxsize=2)
def _tools(plan_json: bytes) -> tuple[Checker, Words]:
    """The checker and the remembered words of a process, made once."""
    plan = msgspec.json.decode(plan_json, type=Plan)
    label = plan.recipe.label
    folder = Path(plan.codes_folder) if plan.codes_folder else None
    codes = code_system(label.code_system, folder=folder) if label and label.code_system else None
    return Checker(plan.recipe, codes), Words()


def _write(recipe: Recipe, words: Words, rows: list[Checked], places: list[tuple[int, int]], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    text, encode = pa.large_string(), msgspec.json.encode
    columns: dict[str, Any] = {
        "source": pa.array([each[0] for each in places], type=pa.int32()),
        "line": pa.array([each[1] for each in places], type=pa.int64()),
        "digest": pa.array([bytes.fromhex(each.digest) if each.digest else None for each in rows], type=pa.binary(32)),
        "key": pa.array([bytes.fromhex(each.key)[:16] if each.key else bytes(16) for each in rows], type=pa.binary(16)),
        "labels": pa.array([each.labels for each in rows], type=pa.list_(pa.string())),
        "removed": pa.array([encode(each.removed).decode() if each.removed else None for each in rows], type=pa.string()),
    }
    for name in ("id", "reason", "detail", "group", "time", "split", "stratum", RECORD):
        columns[name] = pa.array([getattr(each, name) for each in rows], type=text if name == RECORD else pa.string())
    columns |= _numbers(recipe, words, rows)
    with whole(path) as building:
        parquet.write_table(
            pa.table(columns),
            building,
            compression={name: "zstd" if name in (RECORD, "detail") else "none" for name in _leaves(columns)},
            compression_level={RECORD: 1},
            use_dictionary=["reason", "split", "stratum"],
            write_statistics=False,
        )


def _leaves(columns: dict[str, Any]) -> list[str]:
    """How Parquet names the columns: the values of a list have a name of their own."""
    import pyarrow as pa

    return [f"{name}.list.element" if pa.types.is_list(array.type) else name for name, array in columns.items()]


def _numbers(recipe: Recipe, words: Words, rows: list[Checked]) -> dict[str, Any]:
    """The columns of hashes: what near-equal texts are found by, and what labels are judged by."""
    import pyarrow as pa

    columns: dict[str, Any] = {}
    threshold = threshold_of(recipe)
    hashed: tuple[U32, I64] | None = None
    if threshold is not None:
        near = [words.split(each.near or "") for each in rows]
        hashed = words.hashes(near)
        size, seed = shingle_size(recipe)
        bands: Bands = bands_for(threshold)
        sets = shingles(*hashed, size)
        keys = band_keys(load_daft(), near, size, seed, bands)
        columns["print"] = _fixed(np.ascontiguousarray(fingerprints(sets)).tobytes(), 16, len(rows))
        columns["bands"] = _fixed(keys.tobytes(), 8 * bands.count, len(rows))
        columns["shingles"] = pa.ListArray.from_arrays(pa.array(sets.starts.astype(np.int32)), pa.array(sets.values))
    if recipe.label_noise is not None:
        if hashed is None or recipe.near_fields != recipe.text:
            hashed = words.hashes([words.split(each.text or "") for each in rows])
        hashes, starts = hashed
        pairs = shingles(hashes, starts, PAIR)
        count = len(rows)
        owners = [np.repeat(np.arange(count, dtype=np.int64), np.diff(each)) for each in (starts, pairs.starts)]
        codes = mixed(hashes.astype(np.uint64)), mixed(pairs.values.astype(np.uint64) + np.uint64(2**32))
        features = as_sets(np.concatenate(owners), np.concatenate(codes), count)
        columns["features"] = pa.ListArray.from_arrays(pa.array(features.starts.astype(np.int32)), pa.array(features.values))
    return columns


def _fixed(data: bytes, width: int, count: int) -> Any:
    import pyarrow as pa

    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), count, [None, pa.py_buffer(data)])
