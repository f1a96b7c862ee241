"""Reads YAML into nodes that remember their line, under limits, so that every complaint about a declaration can name its place.

Scalars follow the YAML 1.2 core schema plus plain dates: `on`, `yes`, `0777` and `10:30` are text, unlike in YAML 1.1.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import TypeAlias

import msgspec
import yaml

from groundcrew.errors import DeclarationError, InputError

#: A declaration file larger than this is not a declaration.
FILE_BYTES_MAX = 1_048_576
#: Nodes of one file, aliases expanded: an alias bomb ends here.
NODES_MAX = 50_000
#: Mappings and lists inside one another.
DEPTH_MAX = 32
DOCUMENTS_MAX = 1_000

Scalar: TypeAlias = str | int | float | bool | date | None

_NULL = re.compile(r"^(?:~|null|Null|NULL|)$")
_TRUE, _FALSE = re.compile(r"^(?:true|True|TRUE)$"), re.compile(r"^(?:false|False|FALSE)$")
_INTEGER = re.compile(r"^[-+]?(?:0|[1-9][0-9_]{0,30})$")
_FLOAT = re.compile(r"^[-+]?(?:[0-9][0-9_]{0,30})?(?:\.[0-9]{0,30})?(?:[eE][-+]?[0-9]{1,4})?$")
_NOT_FINITE = re.compile(r"^[-+]?\.(?:inf|Inf|INF|nan|NaN|NAN)$")
_DATE = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
#: Characters that no text of a declaration needs and that a database or a log would choke on; lone surrogates as well.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A scalar, list or mapping and the line (from 1) where it stands; under a mapping that is its key's line."""

    value: Scalar | list[Node] | dict[str, Node]
    line: int


def describe(node: Node) -> str:
    """What `node` is, for an error message. Never the value of a text, which might be a secret in the wrong place."""
    value = node.value
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, date):
        return f"the date {value.isoformat()}"
    return "a text" if isinstance(value, str) else f"the number {value}"


def plain(node: Node) -> object:
    """`node` without its lines: dict, list and scalars."""
    if isinstance(node.value, dict):
        return {key: plain(each) for key, each in node.value.items()}
    if isinstance(node.value, list):
        return [plain(each) for each in node.value]
    return node.value


def read_documents(path: Path, shown: str) -> list[Node]:
    """The non-empty documents of a file, `shown` naming it in errors.

    Raises InputError where the file is missing, unreadable or too large, DeclarationError where it is no valid YAML.
    """
    return parse_documents(read_text(path, shown), shown)


def read_text(path: Path, shown: str, *, bytes_max: int = FILE_BYTES_MAX) -> str:
    """The UTF-8 text of a regular file of at most `bytes_max` bytes; a byte-order mark is dropped. Raises InputError."""
    try:
        if not path.exists():
            raise InputError("no such file", file=shown)
        if not path.is_file():
            raise InputError("not a regular file", file=shown)
        with path.open("rb") as stream:
            data = stream.read(bytes_max + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise InputError(f"can not be read: {reason or 'not a usable path'}", file=shown) from error
    if len(data) > bytes_max:
        raise InputError(f"larger than {bytes_max} bytes, the most that is read", file=shown)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DeclarationError(
            f"not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}", file=shown, line=line
        ) from error


def parse_documents(text: str, shown: str) -> list[Node]:
    """The non-empty documents of a YAML text. Raises DeclarationError naming the line; never anything else."""
    loader: _Loader | None = None
    try:
        loader = _Loader(text, shown)
        return loader.documents()
    except InputError:
        raise
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise DeclarationError("contains a character that YAML does not allow", file=shown, line=line) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise DeclarationError(_syntax_message(error), file=shown, line=mark.line + 1 if mark else None) from error
    except Exception as error:  # PyYAML lets ValueError and others out on odd escapes and directives.
        line_now = loader.line_now if loader else None
        raise DeclarationError(f"not valid YAML ({type(error).__name__})", file=shown, line=line_now) from error
    finally:
        if loader:
            loader.dispose()


def _syntax_message(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "unexpected text"
    if "'\\t'" in problem:
        return "not valid YAML: a tab can not indent or start a value; use spaces"
    # An alias' name is left out: it may be a secret that begins with '*'.
    if "undefined alias" in problem:
        return "not valid YAML: '*' names an anchor that is not defined; quote a text that begins with '*'"
    return f"not valid YAML: {problem}"


class _Loader(yaml.SafeLoader):
    """PyYAML's composer with a count of nodes and depth, and without tags."""

    def __init__(self, text: str, shown: str) -> None:
        super().__init__(text)
        self._shown = shown
        self._depth = 0
        self._composed = 0
        self._expanded = 0

    @property
    def line_now(self) -> int:
        """The line that the reader has come to."""
        return int(self.get_mark().line) + 1

    def documents(self) -> list[Node]:
        found: list[Node] = []
        count = 0
        while self.check_node():
            count += 1
            if count > DOCUMENTS_MAX:
                raise self._error(f"more than {DOCUMENTS_MAX} documents in one file", self.line_now)
            composed = self.get_node()
            if composed is None:
                continue
            node = self._convert(composed, 0)
            if node.value is not None:
                found.append(node)
        return found

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        self._composed += 1
        self._depth += 1
        if self._composed > NODES_MAX:
            raise self._error(f"more than {NODES_MAX} values", line)
        if self._depth > DEPTH_MAX:
            raise self._error(f"nested more than {DEPTH_MAX} levels deep", line)
        if getattr(event, "tag", None) is not None:
            raise self._error("tags (a value that begins with '!') are not supported; quote a text that begins with '!'", line)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def _convert(self, node: yaml.Node, depth: int) -> Node:
        """Our node for PyYAML's. Aliases are expanded here, so they are counted and measured again."""
        line = node.start_mark.line + 1
        self._expanded += 1
        if self._expanded > NODES_MAX:
            raise self._error(f"more than {NODES_MAX} values once its aliases are expanded", line)
        if depth > DEPTH_MAX:
            raise self._error(f"nested more than {DEPTH_MAX} levels deep once its aliases are expanded", line)
        if isinstance(node, yaml.MappingNode):
            return Node(value=self._convert_mapping(node, depth), line=line)
        if isinstance(node, yaml.SequenceNode):
            return Node(value=[self._convert(each, depth + 1) for each in node.value], line=line)
        assert isinstance(node, yaml.ScalarNode)
        return Node(value=self._scalar(node, line), line=line)

    def _convert_mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Node]:
        mapping: dict[str, Node] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error("a key must be a plain word, found a list or mapping", line)
            key = self._text(key_node.value, line)
            if key == "<<" and key_node.style is None:
                raise self._error("merge keys ('<<') are not supported", line)
            if key in mapping:
                first = mapping[key].line
                raise self._error(f"duplicate key {key[:80]!r}, first on line {first}", line, field=key[:80])
            child = self._convert(value_node, depth + 1)
            mapping[key] = Node(value=child.value, line=line)
        return mapping

    def _scalar(self, node: yaml.ScalarNode, line: int) -> Scalar:
        text = self._text(node.value, line)
        if node.style is not None:
            return text
        if _NOT_FINITE.match(text):
            raise self._error("infinite and not-a-number values are not allowed", line)
        return resolve_scalar(text)

    def _text(self, text: str, line: int) -> str:
        if _FORBIDDEN.search(text):
            raise self._error("a text contains a control character or half a surrogate pair", line)
        return text

    def _error(self, message: str, line: int, field: str | None = None) -> DeclarationError:
        return DeclarationError(message, file=self._shown, line=line, field=field)


def resolve_scalar(text: str) -> Scalar:
    """What an unquoted scalar means: YAML 1.2's core schema, digits grouped by '_', and dates as YYYY-MM-DD."""
    if _NULL.match(text):
        return None
    if _TRUE.match(text):
        return True
    if _FALSE.match(text):
        return False
    if _INTEGER.match(text):
        return int(text.replace("_", ""))
    if _FLOAT.match(text) and any(character.isdigit() for character in text):
        number = _float(text)
        if number is not None:
            return number
    if _DATE.match(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            return text
    return text


def _float(text: str) -> float | None:
    """`text` as a finite float; None for what is rather a word (007, 1e9999)."""
    if re.match(r"^[-+]?0[0-9]", text) or text[0] in "eE":
        return None
    try:
        number = float(text.replace("_", ""))
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None
