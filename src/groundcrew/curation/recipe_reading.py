"""Reads a recipe from plain data. Every mistake in one names its file, line and field."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from groundcrew.curation.recipe import (
    FIELD_TYPES,
    LABELS_MAX,
    TEXT_CHARACTERS_MAX,
    Balance,
    Contradictions,
    Duplicates,
    Label,
    LabelNoise,
    LengthBounds,
    NearDuplicates,
    PersonalData,
    Recipe,
    Sample,
    Split,
)
from groundcrew.curation.recipe_rules import problem_of
from groundcrew.domain.identifiers import name_problem
from groundcrew.errors import InputError

LABEL_FILE_BYTES_MAX = 16 * 1_048_576

SECTIONS: Final[tuple[tuple[str, type[msgspec.Struct]], ...]] = (
    ("duplicates", Duplicates),
    ("duplicates.near", NearDuplicates),
    ("contradictions", Contradictions),
    ("label", Label),
    ("label_noise", LabelNoise),
    ("split", Split),
    ("personal_data", PersonalData),
    ("balance", Balance),
    ("sample", Sample),
)

T = TypeVar("T")


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
        for path, kind in SECTIONS:
            section, _, part = path.partition(".")
            value = document.get(section)
            self._refuse_unknown(value.get(part) if part and isinstance(value, dict) else value, kind, path)
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
        if isinstance(document.get("language"), str):
            document["language"] = [document["language"]]
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
        found = problem_of(recipe)
        if found:
            raise self._error(found[1], found[0])

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
