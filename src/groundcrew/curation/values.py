"""The values of a record: each is read as its declared type, from JSON or from the text of a cell, or refused by kind."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date
from typing import Any, TypeAlias

import msgspec

from groundcrew.curation.recipe import FieldType
from groundcrew.domain.canonical import canonical_json

INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1
#: Above this a float no longer tells neighbouring whole numbers apart.
EXACT_FLOAT_MAX = 2**53
SHOWN_CHARACTERS_MAX = 60
#: Texts in one list, and spans of one record.
LIST_MAX = 1_000
#: Between the texts of a list in a cell.
CELL_SEPARATOR = "|"

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_WHOLE = re.compile(r"[-+]?[0-9]{1,30}", re.ASCII)
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,4})?", re.ASCII)

Value: TypeAlias = str | int | float | bool | list[Any]
Reader: TypeAlias = Callable[[object, bool], Value]


class WrongType(Exception):
    """A value is not of its type; carries what was expected and which kind was found."""


def as_text(value: object) -> str:
    """A text as it is, anything else as its canonical JSON."""
    return value if isinstance(value, str) else canonical_json(value).decode()


def is_absent(value: object) -> bool:
    """Null, a blank text, or a list of nothing."""
    return value is None or (isinstance(value, str) and not value.strip()) or value == []


def shown(word: str) -> str:
    """A word as a detail quotes it, cut where it is long."""
    return repr(word if len(word) <= SHOWN_CHARACTERS_MAX else word[:SHOWN_CHARACTERS_MAX] + "…")


def kind_of(value: object) -> str:
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
        raise WrongType(f"expected a string, found {kind_of(value)}")
    return value


def _integer(value: object, typed: bool) -> int:
    if not typed and isinstance(value, str):
        text = value.strip()
        value = int(text) if _WHOLE.fullmatch(text) else float(text) if _NUMBER.fullmatch(text) else value
    if isinstance(value, float) and value.is_integer() and abs(value) <= EXACT_FLOAT_MAX:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise WrongType(f"expected an integer, found {'a fraction' if isinstance(value, float) else kind_of(value)}")
    if not INTEGER_MIN <= value <= INTEGER_MAX:
        raise WrongType("expected an integer of at most 64 bits")
    return value


def _number(value: object, typed: bool) -> float:
    if not typed and isinstance(value, str):
        text = value.strip()
        value = float(text) if _NUMBER.fullmatch(text) else value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongType(f"expected a number, found {kind_of(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise WrongType("expected a number within the range of a 64-bit float")
    return number + 0.0  # Minus zero becomes zero.


def _boolean(value: object, typed: bool) -> bool:
    if not typed and isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    if not isinstance(value, bool):
        raise WrongType(f"expected true or false, found {kind_of(value)}")
    return value


def _date(value: object, _typed: bool) -> str:
    if isinstance(value, str) and _DAY.fullmatch(value.strip()):
        try:
            return date.fromisoformat(value.strip()).isoformat()
        except ValueError:
            pass
    raise WrongType(f"expected a date as YYYY-MM-DD, found {'another text' if isinstance(value, str) else kind_of(value)}")


def _strings(value: object, typed: bool) -> list[str]:
    """A list of texts, blanks around them gone, each once, in the order in which they stand."""
    if not typed and isinstance(value, str):
        value = [each for each in value.split(CELL_SEPARATOR) if each.strip()]
    if not isinstance(value, list):
        raise WrongType(f"expected a list of texts, found {kind_of(value)}")
    if len(value) > LIST_MAX:
        raise WrongType(f"expected a list of at most {LIST_MAX:,} texts")
    for each in value:
        if not isinstance(each, str) or not each.strip():
            raise WrongType(
                f"expected a list of texts, found {'an empty text' if isinstance(each, str) else kind_of(each)} in it"
            )
    return list(dict.fromkeys(each.strip() for each in value))


def _spans(value: object, typed: bool) -> list[dict[str, Any]]:
    """A list of {label, start, end}, in the order of the text."""
    if not typed and isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError) as error:
            raise WrongType("expected spans as JSON") from error
    if not isinstance(value, list):
        raise WrongType(f"expected a list of spans, found {kind_of(value)}")
    if len(value) > LIST_MAX:
        raise WrongType(f"expected a list of at most {LIST_MAX:,} spans")
    spans: list[dict[str, Any]] = []
    for each in value:
        if not isinstance(each, dict) or not isinstance(each.get("label"), str) or not each["label"].strip():
            raise WrongType("expected spans of label, start and end")
        start, end = _integer(each.get("start"), True), _integer(each.get("end"), True)
        spans.append({"label": each["label"].strip(), "start": start, "end": end})
    return sorted(spans, key=lambda span: (span["start"], span["end"], span["label"]))


def _as_it_is(value: object, _typed: bool) -> str:
    return as_text(value)


READERS: dict[FieldType | None, Reader] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "strings": _strings,
    "spans": _spans,
    None: _as_it_is,
}
