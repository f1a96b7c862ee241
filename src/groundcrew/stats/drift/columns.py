"""Columns as drift tests take them: values of one kind, None where a row has none, and vectors where a model made some.

Values that mean nothing (NaN, empty text) count as missing, and a share of missing values is itself something that drifts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from groundcrew.errors import InputError

Kind = Literal["number", "category", "text", "embedding"]
Floats: TypeAlias = NDArray[np.float64]

#: Strings are categories while they repeat: at most this many different ones, or one in so many rows.
CATEGORIES_INFERRED_MAX = 30
ROWS_A_CATEGORY_MIN = 10
#: Single words, such as codes and labels, are categories as long as each comes up so often on average.
WORD_ROWS_MIN = 2
#: Longer values, in characters or words, are text even where they repeat.
CATEGORY_CHARS_MAX = 60
CATEGORY_WORDS_MAX = 4
DIMENSIONS_MAX = 4_096


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a test: `values` in the order of their rows, None where a row has none.

    number: int, float or bool; category: str, int or bool; text: str, with `vectors` (rows, dimensions), a row of zeros for a
    missing text; embedding: no values, `vectors` only. Vectors come from the caller's encoder; they are compared, never made.
    """

    kind: Kind
    values: Sequence[Any] = ()
    vectors: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.values) if self.vectors is None else len(self.vectors)


def infer_kind(values: Sequence[Any], others: Sequence[Any] = ()) -> Kind:
    """The kind of a column from the values of both sides; None and NaN are passed over.

    Numbers are numbers, truth values are categories, strings are categories while they are short and repeat, and text
    otherwise. Without a single value: category. InputError for values of no kind, or of numbers mixed with strings.
    """
    present = [value for side in (values, others) for value in side if not is_missing(value)]
    if all(isinstance(value, bool) for value in present):
        return "category"
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in present):
        return "number"
    if not all(isinstance(value, str) for value in present):
        raise InputError("holds values of several kinds: make them all numbers, all texts or all true and false")
    different = set(present)
    if all(len(value.split()) == 1 for value in different) and len(different) * WORD_ROWS_MIN <= len(present):
        return "category"
    if len(different) > max(CATEGORIES_INFERRED_MAX, len(present) // ROWS_A_CATEGORY_MIN) and len(different) > 1:
        return "text"
    long = sum(1 for value in different if len(value) > CATEGORY_CHARS_MAX or len(value.split()) > CATEGORY_WORDS_MAX)
    return "text" if 2 * long > len(different) else "category"


def is_missing(value: object) -> bool:
    """Whether a value says nothing: None, NaN, or blank text."""
    return value is None or (isinstance(value, float) and math.isnan(value)) or (isinstance(value, str) and not value.strip())


def numbers_of(column: Column, field: str) -> Floats:
    """The column's numbers, NaN where a row has none. InputError for a value that is no number."""
    given = np.asarray(column.values)
    if given.dtype.kind in "fiub":
        return given.astype(np.float64)
    for value in column.values:
        if value is not None and not isinstance(value, int | float | np.number):
            raise InputError(f"holds {value!r:.60}, which is not a number", field=field)
    return np.array([math.nan if value is None else float(value) for value in column.values], dtype=np.float64)


def labels_of(column: Column, field: str) -> list[str | None]:
    """The column's categories as text, None where a row has none. InputError for a value that is no label."""
    labels: list[str | None] = []
    for value in column.values:
        if is_missing(value):
            labels.append(None)
        elif isinstance(value, str | int | float | np.generic):
            labels.append(str(value))
        else:
            raise InputError(f"holds {value!r:.60}, which is not a category", field=field)
    return labels


def vectors_of(column: Column, field: str) -> Floats:
    """The column's vectors, NaN in the rows that have none (all zeros, or not finite). InputError where there are no vectors."""
    if column.vectors is None:
        raise InputError("has no vectors: texts are compared by those of an encoder", field=field)
    vectors = np.array(column.vectors, dtype=np.float64)
    if vectors.ndim != 2 or vectors.shape[1] > DIMENSIONS_MAX:
        raise InputError(f"must be vectors of one length up to {DIMENSIONS_MAX}", field=field)
    if column.kind == "text" and len(column.values) != len(vectors):
        raise InputError(f"has {len(column.values)} texts and {len(vectors)} vectors", field=field)
    missing = ~np.isfinite(vectors).all(axis=1) | (vectors == 0).all(axis=1)
    if column.kind == "text":
        missing |= np.array([is_missing(value) for value in column.values], dtype=np.bool_)
    vectors[missing] = np.nan
    return vectors
