"""Takes the fields of one declared mapping, each with its type and range, and collects every complaint it has.

A field that is wrong yields a harmless stand-in of its type, so that reading goes on; whatever was read is dropped when a
complaint was made.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from datetime import date
from typing import TypeVar

from groundcrew.domain.identifiers import name_problem
from groundcrew.errors import DeclarationError
from groundcrew.services.declaration_yaml import Node, describe

#: A complaint past this many says nothing new.
ERRORS_MAX = 100
TEXT_LENGTH_MAX = 2_000
ITEMS_MAX = 1_000
SHOWN_LENGTH_MAX = 60
DURATION_S_MAX = 10 * 366 * 86_400

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"^([0-9]{1,9})\s?([smhdw])$")
_EMAIL = re.compile(r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]$")

Choice = TypeVar("Choice", bound=str)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The entry of `known` that `word` most likely means, or None."""
    by_folded = {each.lower().replace("-", "_"): each for each in known}
    close = difflib.get_close_matches(word.lower().replace("-", "_"), by_folded, n=1, cutoff=0.6)
    return by_folded[close[0]] if close else None


def suggestion(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` where something is close, else the choices."""
    known = sorted(known)
    match = nearest(word, known)
    if match is not None:
        return f"; did you mean {match!r}?"
    return f"; known: {', '.join(known)}" if known else ""


def shown(word: str) -> str:
    """`word` quoted and cut to a length that fits a line."""
    return repr(word if len(word) <= SHOWN_LENGTH_MAX else word[:SHOWN_LENGTH_MAX] + "…")


class Complaints:
    """Everything that is wrong, with its place; at most ERRORS_MAX are kept."""

    def __init__(self) -> None:
        self.errors: list[DeclarationError] = []

    def add(self, error: DeclarationError) -> None:
        """Keep `error`."""
        if len(self.errors) < ERRORS_MAX:
            self.errors.append(error)

    def withdraw(self, error: DeclarationError) -> None:
        """Drop `error`, which another one explains."""
        self.errors = [each for each in self.errors if each is not error]


class Fields:
    """One mapping of a document. Each field is asked for once; `finish` refuses the keys that nothing asked for."""

    def __init__(self, node: Node, file: str, complaints: Complaints, prefix: str = "") -> None:
        self._mapping = node.value if isinstance(node.value, dict) else {}
        self._line, self._file, self._prefix = node.line, file, prefix
        self._complaints = complaints
        self._asked: set[str] = set()
        self._refused: set[str] = set()
        self._missing: dict[str, DeclarationError] = {}

    def path(self, key: str) -> str:
        """The dotted path of `key` from the document's root."""
        return f"{self._prefix}.{key}" if self._prefix else key

    def line(self, key: str) -> int:
        """The line of `key`, or that of the mapping where it is absent."""
        node = self._mapping.get(key)
        return node.line if node else self._line

    def complain(self, key: str, message: str, line: int | None = None) -> None:
        """Note that `key` is wrong."""
        place = self.line(key) if line is None else line
        self._complaints.add(DeclarationError(message, file=self._file, line=place, field=self.path(key)))

    def has(self, key: str) -> bool:
        """Whether `key` is given with a value; null counts as absent."""
        self._asked.add(key)
        node = self._mapping.get(key)
        return node is not None and node.value is not None

    def empty(self) -> bool:
        """Whether no key is given with a value."""
        return all(node.value is None for node in self._mapping.values())

    def is_choice(self, key: str, word: str) -> bool:
        """Whether `key` is given as `word`."""
        node = self._mapping.get(key)
        return node is not None and node.value == word

    def node(self, key: str, *, required: bool = False) -> Node | None:
        """The node of `key`, or None where it is absent (a complaint where it is required)."""
        if self.has(key):
            return self._mapping[key]
        if required:
            missing = DeclarationError("is required", file=self._file, line=self.line(key), field=self.path(key))
            self._missing[key] = missing
            self._complaints.add(missing)
        return None

    def refuse(self, key: str, why: str) -> None:
        """Refuse `key` with an explanation, where it is given."""
        if key in self._mapping:
            self._refused.add(key)
            self.complain(key, why)

    def rest(self) -> dict[str, Node]:
        """The keys that nothing asked for yet, now asked for."""
        found = {key: node for key, node in self._mapping.items() if key not in self._asked}
        self._asked.update(found)
        return found

    def finish(self) -> None:
        """Complain about every key that nothing asked for, with the nearest one that exists.

        A required key that is only misspelt counts once, as the misspelling.
        """
        for key in self._mapping:
            if key in self._asked or key in self._refused:
                continue
            meant = self._missing.pop(nearest(key, self._asked) or "", None)
            if meant:
                self._complaints.withdraw(meant)
            self.complain(key[:SHOWN_LENGTH_MAX], f"unknown key {shown(key)}{suggestion(key, self._asked)}", self.line(key))

    def text(self, key: str, *, required: bool = False, default: str = "", length_max: int = TEXT_LENGTH_MAX) -> str:
        """A text of 1 to `length_max` characters, stripped."""
        node = self.node(key, required=required)
        return default if node is None else self._text(key, node, length_max)

    def _text(self, key: str, node: Node, length_max: int = TEXT_LENGTH_MAX) -> str:
        if not isinstance(node.value, str):
            hint = "; quote it" if not isinstance(node.value, dict | list) else ""
            self.complain(key, f"expected text, found {describe(node)}{hint}", node.line)
            return ""
        text = node.value.strip()
        if not text:
            self.complain(key, "is empty", node.line)
        elif len(text) > length_max:
            self.complain(key, f"longer than {length_max} characters", node.line)
        return text

    def name(self, key: str, *, required: bool = True) -> str:
        """A name as `domain.identifiers` defines it."""
        node = self.node(key, required=required)
        if node is None:
            return ""
        text = self._text(key, node)
        problem = name_problem(text) if text else None
        if problem:
            # The words without the value, which `shown` cuts to a line's length.
            self.complain(key, f"{shown(text)} {problem.removeprefix(repr(text)).strip()}", node.line)
        return text

    def email(self, key: str, *, required: bool = False) -> str | None:
        """A plausible e-mail address, lower-cased in its domain."""
        if not (text := self.text(key, required=required, length_max=254)):
            return None
        if not is_email(text):
            self.complain(key, f"expected an e-mail address, found {shown(text)}")
            return text
        local, _, domain = text.rpartition("@")
        return f"{local}@{domain.lower()}"

    def choice(self, key: str, choices: tuple[Choice, ...], *, default: Choice | None = None) -> Choice:
        """One of `choices`; required unless there is a default."""
        node = self.node(key, required=default is None)
        if node is None:
            return choices[0] if default is None else default
        return self._choice(key, node, choices)

    def _choice(self, key: str, node: Node, choices: tuple[Choice, ...]) -> Choice:
        if not isinstance(node.value, str):
            self.complain(key, f"expected one of {', '.join(choices)}; found {describe(node)}", node.line)
            return choices[0]
        for each in choices:
            if each == node.value:
                return each
        match = nearest(node.value, choices)
        hint = f"; did you mean {match!r}?" if match else ""
        self.complain(key, f"expected one of {', '.join(choices)}; found {shown(node.value)}{hint}", node.line)
        return choices[0]

    def choices(self, key: str, choices: tuple[Choice, ...], *, default: tuple[Choice, ...] | None = None) -> tuple[Choice, ...]:
        """A non-empty list out of `choices`, each at most once; required unless there is a default."""
        items = self.items(key, required=default is None)
        if items is None:
            return default or ()
        found: list[Choice] = []
        for item_key, node in items:
            before = len(self._complaints.errors)
            value = self._choice(item_key, node, choices)
            if value in found and len(self._complaints.errors) == before:
                self.complain(item_key, f"{value!r} is listed twice", node.line)
            found.append(value)
        return tuple(found)

    def texts(self, key: str, *, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A non-empty list of texts."""
        items = self.items(key)
        return default if items is None else tuple(self._text(item_key, node) for item_key, node in items)

    def items(self, key: str, *, required: bool = False) -> list[tuple[str, Node]] | None:
        """The entries of a non-empty list with the key (`key[0]`) that names each; None where it is absent or no list."""
        node = self.node(key, required=required)
        if node is None:
            return None
        if not isinstance(node.value, list):
            self.complain(key, f"expected a list, found {describe(node)}", node.line)
            return []
        if not node.value:
            self.complain(key, "is an empty list", node.line)
        elif len(node.value) > ITEMS_MAX:
            self.complain(key, f"more than {ITEMS_MAX} entries", node.line)
        return [(f"{key}[{index}]", each) for index, each in enumerate(node.value[:ITEMS_MAX])]

    def number(
        self,
        key: str,
        *,
        low: float,
        high: float | None = None,
        above: bool = False,
        required: bool = False,
    ) -> float | None:
        """A number from `low` (excluded with `above`) to `high`; None where it is absent or wrong."""
        node = self.node(key, required=required)
        if node is None:
            return None
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.complain(key, f"expected a number, found {describe(node)}", node.line)
            return None
        if value < low or (above and value == low) or (high is not None and value > high):
            lower = f"above {low:g}" if above else f"at least {low:g}"
            limits = f"{lower} and at most {high:g}" if high is not None else lower
            self.complain(key, f"expected a number {limits}, found {value:g}", node.line)
            return None
        return float(value)

    def integer(self, key: str, *, low: int, high: int, required: bool = False) -> int | None:
        """A whole number from `low` to `high`; None where it is absent or wrong."""
        node = self.node(key, required=required)
        if node is None:
            return None
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int):
            self.complain(key, f"expected a whole number, found {describe(node)}", node.line)
            return None
        if not low <= value <= high:
            self.complain(key, f"expected a whole number from {low} to {high}, found {value}", node.line)
            return None
        return value

    def boolean(self, key: str, *, default: bool = False, required: bool = False) -> bool:
        """true or false."""
        node = self.node(key, required=required)
        if node is None:
            return default
        if not isinstance(node.value, bool):
            found = shown(node.value) if isinstance(node.value, str) else describe(node)
            self.complain(key, f"expected true or false, found {found}", node.line)
            return default
        return node.value

    def duration_s(self, key: str, *, default: int, low: int = 1, high: int = DURATION_S_MAX) -> int:
        """A duration such as 30s, 10m, 24h, 180d or 2w in seconds, from `low` to `high`."""
        node = self.node(key)
        if node is None:
            return default
        match = _DURATION.match(node.value) if isinstance(node.value, str) else None
        if match is None:
            found = shown(node.value) if isinstance(node.value, str) else describe(node)
            self.complain(key, f"expected a duration such as 30s, 10m, 24h or 180d, found {found}", node.line)
            return default
        seconds = int(match[1]) * _SECONDS[match[2]]
        if not low <= seconds <= high:
            self.complain(key, f"expected a duration from {_spell(low)} to {_spell(high)}, found {match[0]}", node.line)
            return default
        return seconds

    def day(self, key: str) -> date | None:
        """A date as YYYY-MM-DD, quoted or not."""
        node = self.node(key)
        if node is None:
            return None
        if isinstance(node.value, date):
            return node.value
        if isinstance(node.value, str):
            try:
                return date.fromisoformat(node.value)
            except ValueError:
                pass
        found = shown(node.value) if isinstance(node.value, str) else describe(node)
        self.complain(key, f"expected a date as YYYY-MM-DD, found {found}", node.line)
        return None

    def section(self, key: str, *, required: bool = False) -> Fields | None:
        """The mapping under `key`; None where it is absent or no mapping."""
        node = self.node(key, required=required)
        return None if node is None else self._section(key, node)

    def _section(self, key: str, node: Node) -> Fields | None:
        if not isinstance(node.value, dict):
            self.complain(key, f"expected a mapping, found {describe(node)}", node.line)
            return None
        return Fields(node, self._file, self._complaints, self.path(key))

    def sections(self, key: str, *, required: bool = False) -> list[Fields]:
        """The mappings of a non-empty list."""
        found = (self._section(item_key, node) for item_key, node in self.items(key, required=required) or [])
        return [each for each in found if each is not None]


def is_email(text: str) -> bool:
    """Whether `text` is a plausible e-mail address."""
    return bool(_EMAIL.match(text)) and ".." not in text


def lines_by_field(node: Node, prefix: str = "") -> dict[str, int]:
    """The line of every field of a document by its dotted path."""
    lines: dict[str, int] = {}
    if isinstance(node.value, dict):
        children = [(f"{prefix}.{key}" if prefix else key, each) for key, each in node.value.items()]
    elif isinstance(node.value, list):
        children = [(f"{prefix}[{index}]", each) for index, each in enumerate(node.value)]
    else:
        children = []
    for path, each in children:
        lines[path] = each.line
        lines.update(lines_by_field(each, path))
    return lines


def _spell(seconds: int) -> str:
    for unit in ("d", "h", "m"):
        if seconds % _SECONDS[unit] == 0:
            return f"{seconds // _SECONDS[unit]}{unit}"
    return f"{seconds}s"
