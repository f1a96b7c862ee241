"""The kinds of tasks that a worker does, as they travel: JSON with a tag."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import msgspec

from groundcrew.curation.examining import Plan, examine
from groundcrew.curation.masking import mask_rows
from groundcrew.curation.portions import Portion, Segment, unroll
from groundcrew.curation.recipe import Recipe


class Examine(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Check the records of a portion and write them to `path`. Returns how many there were."""

    plan: Plan
    portion: Portion
    path: str


class Unroll(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Write the records of a file as parts whose names begin with `stem`. Returns how many there were."""

    segment: Segment
    fields: tuple[str, ...]
    stem: str


class Mask(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Mask the records in the rows `rows` of `file` and write them to `path`. Returns how many there were."""

    recipe: Recipe
    file: str
    rows: list[int]
    path: str


Task: TypeAlias = Examine | Unroll | Mask


def perform_task(task: bytes | str) -> int:
    """Do a task; returns of how many records. Raises InputError."""
    found = msgspec.json.decode(task, type=Task)
    if isinstance(found, Unroll):
        return unroll(found.segment, found.fields, found.stem)
    if isinstance(found, Mask):
        return mask_rows(found.recipe, Path(found.file), found.rows, Path(found.path))
    return examine(found.plan, found.portion, Path(found.path))
