"""The checks of one record, in their fixed order: the first that fails is the one reason for which the record is dropped."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import TypeAlias

import msgspec

from groundcrew.curation.reasons import LABEL_NOT_ALLOWED, MISSING_FIELD, TOO_LONG, TOO_SHORT, UNREADABLE, WRONG_TYPE
from groundcrew.curation.recipe import FieldType, Recipe
from groundcrew.domain.canonical import canonical_json, digest, sha256_hex

INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1
#: Above this a float no longer tells neighbouring whole numbers apart.
EXACT_FLOAT_MAX = 2**53
SHOWN_CHARACTERS_MAX = 60
#: Between the parts of a rank; a digest and a place never contain it.
RANK_SEPARATOR = "\0"

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_WHOLE = re.compile(r"[-+]?[0-9]{1,30}", re.ASCII)
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,4})?", re.ASCII)

Value: TypeAlias = str | int | float | bool


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What the checks of one record found. `reason` is None for a record that passes; then digest, rank and record are set.

    `rank` orders records of which one may stay: the smallest stays. `record` is JSON of the recipe's fields.
    """

    id: str | None = None
    reason: str | None = None
    detail: str | None = None
    digest: str | None = None
    duplicate_key: str | None = None
    draw: str | None = None
    rank: str | None = None
    record: str | None = None


class _WrongType(Exception):
    """A value is not of its type; carries what was found."""


class Checker:
    """Checks records against one recipe."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._fields = [(field, _READERS[recipe.type_of(field)]) for field in recipe.fields]
        self._allowed = set(recipe.label.allowed) if recipe.label and recipe.label.allowed is not None else None

    def check(self, text: str, *, typed: bool, place: str) -> Checked:
        """Check one record, given as a JSON object.

        `typed` is False where the source has only text (CSV), so that a number has to be read from it. `place` says where the
        record stands; among records that are otherwise the same, the smallest place stays.
        """
        try:
            row = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            return Checked(reason=UNREADABLE, detail="is not valid JSON")
        if not isinstance(row, dict):
            return Checked(reason=UNREADABLE, detail="is not a JSON object")
        given = {field: value for field, _ in self._fields if not _absent(value := row.get(field))}
        key = given.get(self._recipe.id)
        known_id = str(key) if isinstance(key, str | int) and not isinstance(key, bool) else None
        for field in self._recipe.needed:
            if field not in given:
                return Checked(id=known_id, reason=MISSING_FIELD, detail=f"{_shown(field)} is absent or empty")
        values: dict[str, Value] = {}
        for field, read in self._fields:
            if field in given:
                try:
                    values[field] = self._read(field, given[field], read, typed)
                except _WrongType as error:
                    return Checked(id=known_id, reason=WRONG_TYPE, detail=f"{_shown(field)}: {error}")
        fault = self._length_fault(values) or self._label_fault(values)
        if fault:
            return Checked(id=known_id, reason=fault[0], detail=fault[1])
        return self._passed(values, place)

    def _read(self, field: str, value: object, read: _Reader, typed: bool) -> Value:
        label = self._recipe.label.field if self._recipe.label else None
        if field in (self._recipe.id, label) and (
            not isinstance(value, str | int) or (field == self._recipe.id and isinstance(value, bool))
        ):
            raise _WrongType(f"expected a text or a whole number, found {_kind(value)}")
        return read(value, typed)

    def _length_fault(self, values: Mapping[str, Value]) -> tuple[str, str] | None:
        lengths = [(field, len(str(values[field])), each) for field, each in self._recipe.length.items() if field in values]
        for field, length, bounds in lengths:
            if bounds.min is not None and length < bounds.min:
                return TOO_SHORT, f"{_shown(field)} has {length} characters, at least {bounds.min} are needed"
        for field, length, bounds in lengths:
            if bounds.max is not None and length > bounds.max:
                return TOO_LONG, f"{_shown(field)} has {length} characters, at most {bounds.max} are allowed"
        return None

    def _label_fault(self, values: Mapping[str, Value]) -> tuple[str, str] | None:
        if self._allowed is None or self._recipe.label is None:
            return None
        label = as_text(values[self._recipe.label.field])
        return None if label in self._allowed else (LABEL_NOT_ALLOWED, f"{_shown(label)} is not among the allowed labels")

    def _passed(self, values: dict[str, Value], place: str) -> Checked:
        record = canonical_json(values)
        record_digest = sha256_hex(record)
        duplicates, sample = self._recipe.duplicates, self._recipe.sample
        key = as_text(values[self._recipe.id])
        return Checked(
            id=key,
            digest=record_digest,
            duplicate_key=digest([values.get(field) for field in duplicates.exact]) if duplicates else None,
            draw=sha256_hex(f"{sample.seed}:{record_digest}".encode()) if sample else None,
            rank=RANK_SEPARATOR.join((key, record_digest, place)),
            record=record.decode(),
        )


def rank_parts(rank: str) -> tuple[str, str]:
    """The id and the digest in a rank."""
    key, record_digest, _ = rank.rsplit(RANK_SEPARATOR, 2)
    return key, record_digest


def as_text(value: object) -> str:
    """A text as it is, anything else as its canonical JSON."""
    return value if isinstance(value, str) else canonical_json(value).decode()


def _absent(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _shown(word: str) -> str:
    return repr(word if len(word) <= SHOWN_CHARACTERS_MAX else word[:SHOWN_CHARACTERS_MAX] + "…")


def _kind(value: object) -> str:
    """What a JSON value is, never what it says: it may be about a person."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "an object"


def _string(value: object, _typed: bool) -> str:
    if not isinstance(value, str):
        raise _WrongType(f"expected a string, found {_kind(value)}")
    return value


def _integer(value: object, typed: bool) -> int:
    if not typed and isinstance(value, str):
        text = value.strip()
        value = int(text) if _WHOLE.fullmatch(text) else float(text) if _NUMBER.fullmatch(text) else value
    if isinstance(value, float) and value.is_integer() and abs(value) <= EXACT_FLOAT_MAX:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _WrongType(f"expected an integer, found {'a fraction' if isinstance(value, float) else _kind(value)}")
    if not INTEGER_MIN <= value <= INTEGER_MAX:
        raise _WrongType("expected an integer of at most 64 bits")
    return value


def _number(value: object, typed: bool) -> float:
    if not typed and isinstance(value, str):
        text = value.strip()
        value = float(text) if _NUMBER.fullmatch(text) else value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _WrongType(f"expected a number, found {_kind(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _WrongType("expected a number within the range of a 64-bit float")
    return number + 0.0  # Minus zero becomes zero.


def _boolean(value: object, typed: bool) -> bool:
    if not typed and isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    if not isinstance(value, bool):
        raise _WrongType(f"expected true or false, found {_kind(value)}")
    return value


def _date(value: object, _typed: bool) -> str:
    if isinstance(value, str) and _DAY.fullmatch(value.strip()):
        try:
            return date.fromisoformat(value.strip()).isoformat()
        except ValueError:
            pass
    raise _WrongType(f"expected a date as YYYY-MM-DD, found {'another text' if isinstance(value, str) else _kind(value)}")


def _as_it_is(value: object, _typed: bool) -> str:
    return as_text(value)


_Reader: TypeAlias = Callable[[object, bool], Value]
_READERS: dict[FieldType | None, _Reader] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    None: _as_it_is,
}
