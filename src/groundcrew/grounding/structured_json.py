"""Reads JSON of any shape into rows, each with the offsets that it rests on. Tolerant: text may stop in the middle of a
record, Python's quotes and literals count as JSON's, and what breaks the grammar ends the record, not the reading."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from groundcrew.grounding.structured_rows import (
    ROWS_MAX,
    Row,
    as_words,
    is_name_key,
    is_time_key,
    leads_with_figure,
    row_text,
    with_unit,
)

#: Objects and arrays inside one another; what lies deeper ends the record.
DEPTH_MAX = 32
#: Longest value that becomes part of a row's sentence, in characters; the quote still covers the whole value.
VALUE_CHARS_MAX = 600
#: Scalars of one array that are listed in its row.
LISTED_MAX = 40

_START = re.compile(r"[{\[](?=\s*[\"'{\[\d-])")
_SPACE = re.compile(r"\s*")
_STRING = re.compile(r"\"((?:[^\"\\\n]|\\.)*)(?:\"|\Z)|'((?:[^'\\\n]|\\.)*)(?:'|\Z)", re.DOTALL)
_BARE = re.compile(r"-?\d[\d.eE+-]*|true|false|null|True|False|None|NaN")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_CONTROL = {"n": " ", "r": " ", "t": " ", "b": " ", "f": " "}
_MONEY_KEY = re.compile(
    r"(?i)amount|value|price|fee|cost|balance|premium|betrag|preis|gebühr|kosten|wert|prix|frais|prezzo|costo"
)
_UNIT_KEY = re.compile(r"(?i)(?:unit|units|currency|einheit|währung|unité|devise|unità|valuta)$")
_PAIR_NAME = frozenset({"name", "key", "label", "property", "attribute", "field", "title"})
_PAIR_VALUE = frozenset({"value", "values", "val"})

Kind = Literal["object", "array", "string", "number", "literal"]


class Node(msgspec.Struct):
    """One value at `text[start:end]`, with its key where it is a member; `text` is the value as words."""

    kind: Kind
    start: int
    end: int
    key: str = ""
    key_start: int = -1
    text: str = ""
    children: list[Node] = []

    @property
    def first(self) -> int:
        """Where the member begins, its key included."""
        return self.key_start if self.key_start >= 0 else self.start


def json_regions(text: str) -> list[tuple[int, int, list[Row]]]:
    """Every stretch of `text` that is JSON with at least one key, as (start, end, rows), in order. Time is linear."""
    regions: list[tuple[int, int, list[Row]]] = []
    position = 0
    while (match := _START.search(text, position)) is not None and len(regions) < ROWS_MAX:
        root, stopped = _scan(text, match.start())
        rows = _rows(root)
        if rows:
            regions.append((match.start(), stopped, rows))
        position = max(stopped, match.end())
    return regions


def _scan(text: str, start: int) -> tuple[Node, int]:
    """The value that begins at `start` and where it, or what is readable of it, ends."""
    root = _container(text, start)
    stack, position, nodes = [root], start + 1, 1
    while stack and nodes < 4 * ROWS_MAX:
        top = stack[-1]
        position = _skip(text, position)
        char = text[position : position + 1]
        if char in ("}", "]"):
            if char != ("}" if top.kind == "object" else "]"):
                break
            position += 1
            top.end = position
            stack.pop()
            continue
        if char == ",":
            position += 1
            continue
        key, key_start = "", -1
        if top.kind == "object":
            string = _STRING.match(text, position)
            colon = _skip(text, string.end()) if string else position
            if string is None or text[colon : colon + 1] != ":":
                break
            key, key_start, position = _unescaped(string), position, _skip(text, colon + 1)
        child = _value(text, position)
        if child is None or (child.kind in ("object", "array") and len(stack) >= DEPTH_MAX):
            break
        child.key, child.key_start = key, key_start
        top.children.append(child)
        nodes += 1
        position = child.end
        if child.kind in ("object", "array"):
            stack.append(child)
    for unfinished in stack:
        unfinished.end = max(unfinished.start + 1, min(position, len(text)))
    return root, position


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _container(text: str, start: int) -> Node:
    return Node(kind="object" if text[start] == "{" else "array", start=start, end=start + 1, children=[])


def _value(text: str, position: int) -> Node | None:
    char = text[position : position + 1]
    if char in ("{", "["):
        return _container(text, position)
    if char in ('"', "'"):
        string = _STRING.match(text, position)
        return Node(kind="string", start=position, end=string.end(), text=_unescaped(string)) if string else None
    bare = _BARE.match(text, position)
    if bare is None:
        return None
    kind: Kind = "number" if bare.group()[0] in "-0123456789" else "literal"
    return Node(kind=kind, start=position, end=bare.end(), text=bare.group())


def _unescaped(string: re.Match[str]) -> str:
    raw = string.group(1) if string.group(1) is not None else string.group(2)
    plain = _ESCAPE.sub(lambda m: chr(int(m.group(1), 16)) if m.group(1) else _CONTROL.get(m.group(2), m.group(2)), raw)
    return " ".join(plain.split())[:VALUE_CHARS_MAX]


def _rows(root: Node) -> list[Row]:
    """One row a leaf, in the order of the text; empty where nothing has a key."""
    rows: list[Row] = []
    pending: list[tuple[Node, tuple[str, ...], str, str]] = [(root, (), "", "")]
    keyed = False
    while pending and len(rows) < ROWS_MAX:
        node, path, subject, unit = pending.pop()
        if node.kind == "object":
            keyed = keyed or bool(node.children)
            pair = _pair(node)
            if pair is not None:
                rows.append(_row(node.start, node.end, (*path[:-1], pair[0].text), subject, _text(pair[1], _unit(node))))
                continue
            name = _name(node)
            # What an object is called names its members; the path to it is then said already.
            below, path_below = (_subject(name, path, subject), ()) if name is not None else (subject, path)
            pending.extend((child, (*path_below, child.key), below, _unit_of(child, node)) for child in reversed(node.children))
        elif node.kind == "array" and any(child.kind in ("object", "array") for child in node.children):
            pending.extend((child, path, subject, "") for child in reversed(node.children))
        elif node.kind == "array":
            listed = ", ".join(filter(None, (_text(child) for child in node.children[:LISTED_MAX])))
            rows.append(_row(node.first, node.end, path, subject, listed))
        else:
            rows.append(_row(node.first, node.end, path, subject, _text(node, unit)))
    return [row for row in rows if row.text] if keyed else []


def _row(start: int, end: int, path: tuple[str, ...], subject: str, value: str) -> Row:
    words = " ".join(dict.fromkeys(" ".join(as_words(key) for key in path if key).split()))
    words, value = with_unit(words, value)
    return Row(start=start, end=end, text=row_text(words, subject, value))


def _text(node: Node, unit: str = "") -> str:
    """A scalar as words; "" for null, which supports nothing."""
    if node.kind == "literal":
        return {"true": "yes", "false": "no"}.get(node.text.lower(), "")
    if node.kind == "array":
        return ", ".join(filter(None, (_text(child) for child in node.children[:LISTED_MAX])))
    return f"{node.text} {unit}".strip() if node.kind == "number" else node.text


def _unit(parent: Node) -> str:
    return next((child.text for child in parent.children if child.kind == "string" and _UNIT_KEY.fullmatch(child.key)), "")


def _unit_of(child: Node, parent: Node) -> str:
    """The unit or currency that stands beside a number, where it is the only number or an amount."""
    if child.kind != "number":
        return ""
    alone = sum(other.kind == "number" for other in parent.children) == 1
    return _unit(parent) if alone or _MONEY_KEY.search(child.key) else ""


def _pair(node: Node) -> tuple[Node, Node] | None:
    """Name and value of `{"name": "Fee", "value": "CHF 5"}`, which describes its parent rather than a thing of its own."""
    members = {child.key.lower(): child for child in node.children}
    name = next((members[key] for key in members if key in _PAIR_NAME), None)
    value = next((members[key] for key in members if key in _PAIR_VALUE), None)
    if name is None or value is None or name.kind != "string" or value.kind == "object":
        return None
    if any(child.kind in ("object", "array") for child in value.children):
        return None
    return (name, value) if all(child in (name, value) or _UNIT_KEY.fullmatch(child.key) for child in node.children) else None


def _name(node: Node) -> str | None:
    """What an object is called: its name or title, else its date or time."""
    scalars = [child for child in node.children if child.kind in ("string", "number") and child.text]
    for wanted in (is_name_key, is_time_key):
        found = next((child.text for child in scalars if wanted(child.key)), None)
        if found:
            return found[:120]
    return None


def _subject(name: str, path: tuple[str, ...], above: str) -> str:
    """The name with the kind of thing before it where it is a bare figure or code, and with what it is part of."""
    kind = as_words(path[-1]) if path and path[-1] and leads_with_figure(name) else ""
    own = f"{kind} {name}".strip()
    return f"{own}, {above}" if above and leads_with_figure(name) and above.count(",") < 3 else own
