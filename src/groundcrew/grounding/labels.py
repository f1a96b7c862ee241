"""Reads files of labelled scores: one JSON object a line, as `trust score` writes them, with what a person said of the answer."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec

from groundcrew.domain.calibration import LabelledScore
from groundcrew.errors import InputError
from groundcrew.grounding.batch import ROW_CHARS_MAX, read_rows

#: Rows of one file that are read.
LABELS_MAX = 1_000_000


class LabelFile(msgspec.Struct, frozen=True, kw_only=True):
    """The labels of a file in its order with their `lines`, the scores of rows that nobody labelled, and how many rows had no
    score at all."""

    labels: tuple[LabelledScore, ...]
    lines: tuple[int, ...]
    unlabelled: tuple[float, ...]
    without_score: int


def read_labels(path: Path) -> LabelFile:
    """Rows `{"id", "trust", "supported"?, "probability"? | "weight"?, "group"?}`; .gz too. Null counts as absent.

    A row without `supported` is an answer that nobody labelled; one without `trust`, such as a refusal, says nothing. Weights
    stand for 1/probability up to a factor. Raises InputError with file, line and field for a row that is wrong, an id that
    was there before, a file in which only some labels carry a probability or weight, and one without any label.
    """
    labels: list[LabelledScore] = []
    lines: list[int] = []
    unlabelled: list[float] = []
    seen: dict[str | int, int] = {}
    kinds: set[str] = set()
    without_score = count = 0
    for number, line in enumerate(read_rows(path), start=1):
        if not line.strip():
            continue
        count += 1
        if count > LABELS_MAX:
            raise InputError(f"holds more than {LABELS_MAX} rows", file=str(path), line=number)
        row = _fields(line, number, path)
        identifier = _identifier(row, number, path)
        if identifier in seen:
            raise InputError(f"{identifier!r} is already on line {seen[identifier]}", file=str(path), line=number, field="id")
        seen[identifier] = number
        if "trust" not in row:
            without_score += 1
            continue
        score = _number(row, "trust", number, path, 0.0, 1.0)
        if "supported" not in row:
            unlabelled.append(score)
            continue
        if not isinstance(row["supported"], bool):
            raise InputError("must be true or false", file=str(path), line=number, field="supported")
        kind, probability = _probability(row, number, path)
        kinds.add(kind)
        if len(kinds) > 1:
            raise InputError("all labels need a probability, or all a weight, or none", file=str(path), line=number, field=kind)
        group = row.get("group")
        if group is not None and (isinstance(group, bool) or not isinstance(group, str | int)):
            raise InputError("must be text or a whole number", file=str(path), line=number, field="group")
        lines.append(number)
        labels.append(
            LabelledScore(
                score=score,
                supported=row["supported"],
                probability=probability,
                group=None if group is None else str(group),
            )
        )
    if not labels:
        raise InputError("holds no label: rows need supported, true or false, and trust", file=str(path), field="supported")
    if kinds == {"weight"}:
        least = min(each.probability for each in labels)
        labels = [msgspec.structs.replace(each, probability=least / each.probability) for each in labels]
    return LabelFile(labels=tuple(labels), lines=tuple(lines), unlabelled=tuple(unlabelled), without_score=without_score)


def _fields(line: str, number: int, path: Path) -> dict[str, Any]:
    if len(line) > ROW_CHARS_MAX:
        raise InputError(f"longer than {ROW_CHARS_MAX} characters", file=str(path), line=number)
    try:
        fields = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InputError(f"not JSON: {error}", file=str(path), line=number) from error
    if not isinstance(fields, dict):
        raise InputError("must be an object", file=str(path), line=number)
    return {name: value for name, value in fields.items() if value is not None}


def _identifier(row: dict[str, Any], number: int, path: Path) -> str | int:
    identifier = row.get("id")
    if identifier is None:
        raise InputError("is missing", file=str(path), line=number, field="id")
    if isinstance(identifier, bool) or not isinstance(identifier, str | int):
        raise InputError("must be text or a whole number", file=str(path), line=number, field="id")
    return identifier


def _probability(row: dict[str, Any], number: int, path: Path) -> tuple[str, float]:
    """Which of the two fields says how the row was sampled, if any, and its value; a weight is returned as it is."""
    if "probability" in row and "weight" in row:
        raise InputError("give a probability or a weight, not both", file=str(path), line=number, field="weight")
    if "weight" in row:
        return "weight", _number(row, "weight", number, path, 0.0, math.inf, open_end=True)
    if "probability" in row:
        return "probability", _number(row, "probability", number, path, 0.0, 1.0, open_end=True)
    return "supported", 1.0


def _number(
    row: dict[str, Any], field: str, number: int, path: Path, low: float, high: float, *, open_end: bool = False
) -> float:
    """The number of a field within low..high, without `low` itself where `open_end`."""
    value = row[field]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError("must be a number", file=str(path), line=number, field=field)
    if not (low < value if open_end else low <= value) or not value <= high or math.isinf(value):
        reach = "must be above 0" if math.isinf(high) else f"must lie {'above 0 and at most at 1' if open_end else 'in 0..1'}"
        raise InputError(f"{reach}, is {value:g}", file=str(path), line=number, field=field)
    return float(value)
