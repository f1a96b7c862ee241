"""The recipe: what a record must be to enter a data set. Every mistake in one names its file, line and field."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar, get_args

import msgspec

from groundcrew.domain.canonical import digest
from groundcrew.domain.identifiers import name_problem
from groundcrew.errors import InputError

FieldType: TypeAlias = Literal["string", "integer", "number", "boolean", "date"]
FIELD_TYPES: tuple[FieldType, ...] = get_args(FieldType)

#: Fields that one recipe may name, entries of one of its lists, and characters of one of its texts.
FIELDS_MAX = 500
LABELS_MAX = 200_000
LABEL_FILE_BYTES_MAX = 16 * 1_048_576
TEXT_CHARACTERS_MAX = 2_000
SEED_MAX = 2**63 - 1

T = TypeVar("T")


class LengthBounds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How many characters (Unicode code points) a text may have, both bounds included."""

    min: int | None = None
    max: int | None = None


class Duplicates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Records that agree in all fields of `exact` are one record."""

    exact: tuple[str, ...]


class Label(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The field with the truth to learn, and the values that it may take; None allows every value."""

    field: str
    allowed: tuple[str, ...] | None = None


class Sample(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Keep at most `n` records, drawn by `seed`."""

    n: int
    seed: int


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A checked recipe. Two recipes that ask for the same have the same `digest`, however they are written."""

    name: str
    source: str
    licence: str
    consent: str
    id: str
    text: tuple[str, ...]
    required: tuple[str, ...] = ()
    types: dict[str, FieldType] = {}
    length: dict[str, LengthBounds] = {}
    duplicates: Duplicates | None = None
    label: Label | None = None
    sample: Sample | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field that the recipe names, once, in the order id, text, label, rest. A record has these columns."""
        label = (self.label.field,) if self.label else ()
        exact = self.duplicates.exact if self.duplicates else ()
        return tuple(dict.fromkeys((self.id, *self.text, *label, *self.types, *self.required, *self.length, *exact)))

    @property
    def needed(self) -> tuple[str, ...]:
        """The fields that no record may lack: id, text, label and the required ones."""
        named = {self.id, *self.text, *self.required, *((self.label.field,) if self.label else ())}
        return tuple(each for each in self.fields if each in named)

    def type_of(self, field: str) -> FieldType | None:
        """The declared type; text fields and fields with a length are strings; None for a field kept as text."""
        if field in self.types:
            return self.types[field]
        return "string" if field in self.text or field in self.length else None

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical JSON of the recipe, with the allowed labels in it."""
        return digest(self)


def parse_recipe(document: object, *, file: str, lines: Mapping[str, int], folder: Path) -> Recipe:
    """A recipe from plain data (dict, list, scalars).

    `lines` gives the line of a dotted field path, where it is known; `folder` is where a file of labels is looked for.
    Raises InputError naming file, line and field.
    """
    return _Parser(file, lines, folder).recipe(document)


class _Parser:
    """One reading of one recipe: remembers file and lines for its complaints."""

    def __init__(self, file: str, lines: Mapping[str, int], folder: Path) -> None:
        self._file, self._lines, self._folder = file, lines, folder

    def recipe(self, document: object) -> Recipe:
        if not isinstance(document, dict):
            raise InputError("a recipe is a mapping of name, source, licence, consent, id, text …", file=self._file)
        document = {key: value for key, value in document.items() if value is not None}
        self._refuse_unknown(document, Recipe, "")
        for section, kind in (("duplicates", Duplicates), ("label", Label), ("sample", Sample)):
            self._refuse_unknown(document.get(section), kind, section)
        for section in ("types", "length"):
            if not isinstance(document.get(section, {}), dict):
                raise self._error("expected a mapping of fields", section)
        for field, value in document.get("types", {}).items():
            if value not in FIELD_TYPES:
                raise self._error(f"{str(value)[:60]!r} is not a type{_suggestion(str(value), FIELD_TYPES)}", f"types.{field}")
        for field, value in document.get("length", {}).items():
            self._refuse_unknown(value, LengthBounds, f"length.{field}")
            self._convert(value, LengthBounds, f"length.{field}")
        if isinstance(document.get("label"), dict):
            document["label"] = self._with_labels(document["label"])
        recipe = self._convert(document, Recipe, "")
        self._check(recipe)
        return recipe

    def _check(self, recipe: Recipe) -> None:
        problem = name_problem(recipe.name)
        if problem:
            raise self._error(problem, "name")
        for key in ("name", "source", "licence", "consent", "id"):
            text = getattr(recipe, key)
            if not text.strip() or len(text) > TEXT_CHARACTERS_MAX:
                raise self._error(f"expected a text of 1 to {TEXT_CHARACTERS_MAX:,} characters", key)
        exact = recipe.duplicates.exact if recipe.duplicates else None
        for key, fields in (("text", recipe.text), ("duplicates.exact", exact)):
            if fields is not None and not fields:
                raise self._error("is an empty list", key)
        for key, fields in (("text", recipe.text), ("required", recipe.required), ("duplicates.exact", exact or ())):
            self._check_list(fields, key)
        if recipe.label and not recipe.label.field.strip():
            raise self._error("is empty", "label.field")
        if len(recipe.fields) > FIELDS_MAX:
            raise self._error(f"names more than {FIELDS_MAX} fields", "types")
        if recipe.type_of(recipe.id) not in (None, "string", "integer"):
            raise self._error("the id is a string or an integer", f"types.{recipe.id}")
        if recipe.label and recipe.types.get(recipe.label.field) in ("number", "date"):
            raise self._error("a label is a string, an integer or a boolean", f"types.{recipe.label.field}")
        self._check_bounds(recipe)

    def _check_list(self, fields: tuple[str, ...], key: str) -> None:
        for index, field in enumerate(fields):
            if not field.strip():
                raise self._error("is empty", f"{key}[{index}]")
            if field in fields[:index]:
                raise self._error(f"{field!r} is listed twice", f"{key}[{index}]")

    def _check_bounds(self, recipe: Recipe) -> None:
        for field in (*recipe.text, *recipe.length):
            if recipe.types.get(field, "string") != "string":
                raise self._error("a text field and a field with a length are strings", f"types.{field}")
        for field, bounds in recipe.length.items():
            key = f"length.{field}"
            if bounds.min is None and bounds.max is None:
                raise self._error("gives neither min nor max", key)
            if min(bounds.min or 0, bounds.max or 0) < 0:
                raise self._error("a length is at least 0", key)
            if bounds.min is not None and bounds.max is not None and bounds.min > bounds.max:
                raise self._error(f"min {bounds.min} is above max {bounds.max}", key)
        if recipe.sample and recipe.sample.n < 1:
            raise self._error("expected a whole number of at least 1", "sample.n")
        if recipe.sample and not 0 <= recipe.sample.seed <= SEED_MAX:
            raise self._error(f"expected a whole number from 0 to {SEED_MAX}", "sample.seed")

    def _with_labels(self, label: dict[str, Any]) -> dict[str, Any]:
        """The section with `allowed` as a sorted list of texts, read from its file where it names one."""
        allowed = label.get("allowed")
        if allowed is None:
            return {key: value for key, value in label.items() if key != "allowed"}
        if isinstance(allowed, str):
            allowed = self._label_file(allowed)
        if not isinstance(allowed, list):
            raise self._error("expected a list of labels or the name of a file with one label a line", "label.allowed")
        if not 1 <= len(allowed) <= LABELS_MAX:
            raise self._error(f"expected 1 to {LABELS_MAX:,} labels, found {len(allowed):,}", "label.allowed")
        for index, each in enumerate(allowed):
            if not isinstance(each, str | int):
                raise self._error("a label is a text or a whole number; quote it", f"label.allowed[{index}]")
        # As a record's label is written: true is the JSON literal, not Python's True.
        texts = {str(each).lower() if isinstance(each, bool) else str(each) for each in allowed}
        return {**label, "allowed": sorted(texts)}

    def _label_file(self, name: str) -> list[object]:
        path = self._folder / name
        try:
            with path.open("rb") as stream:
                data = stream.read(LABEL_FILE_BYTES_MAX + 1)
            text = data.decode("utf-8-sig")
        except (OSError, ValueError) as error:
            reason = (
                "is not UTF-8" if isinstance(error, UnicodeDecodeError) else getattr(error, "strerror", None) or "no usable path"
            )
            raise self._error(f"the file {name!r} can not be read: {reason}", "label.allowed") from error
        if len(data) > LABEL_FILE_BYTES_MAX:
            raise self._error(f"the file {name!r} is larger than {LABEL_FILE_BYTES_MAX} bytes", "label.allowed")
        return [line.strip() for line in text.splitlines() if line.strip()]

    def _refuse_unknown(self, value: object, kind: type[msgspec.Struct], path: str) -> None:
        if not isinstance(value, dict):
            return
        known = kind.__struct_fields__
        for key in value:
            if key not in known:
                where = f"{path}.{key}" if path else key
                raise self._error(f"unknown key {key[:60]!r}{_suggestion(key, known)}", where)

    def _convert(self, value: object, kind: type[T], path: str) -> T:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            message, _, at = str(error).partition(" - at `$")
            where = ".".join(part for part in (path, at.rstrip("`").lstrip(".")) if part)
            missing = re.fullmatch(r"Object missing required field `(\w+)`", message)
            if missing:
                message, where = "is required", f"{where}.{missing[1]}" if where else missing[1]
            raise self._error(message[:1].lower() + message[1:], where) from error

    def _error(self, message: str, field: str) -> InputError:
        parent = field
        while parent and parent not in self._lines:
            parent = re.sub(r"(?:^|\.)[^.\[]*$|\[[^\[]*$", "", parent) if parent else ""
        return InputError(message, file=self._file, line=self._lines.get(parent), field=field)


def _suggestion(word: str, known: Iterable[str]) -> str:
    choices = list(known)
    close = difflib.get_close_matches(word.lower(), choices, n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(choices)}"
