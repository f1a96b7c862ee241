"""JSON Schemas as guards use them: draft 2020-12, nothing fetched, regular expressions in linear time, and no schema that a
small answer could keep busy for long."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec

from groundcrew.errors import GroundcrewError
from groundcrew.guards.json_place import Path
from groundcrew.guards.schema_visits import SchemaLimit, count_visits

Schema: TypeAlias = dict[str, Any] | bool

DRAFT = "https://json-schema.org/draft/2020-12/schema"
#: Levels of an answer, and of a schema.
DEPTH_MAX = 64
#: A schema as JSON.
SCHEMA_BYTES_MAX = 256 * 1024
#: A compiled regular expression.
PATTERN_BYTES_MAX = 1024 * 1024


class SchemaError(GroundcrewError):
    """A schema that can not be used; `path` is the place in it."""

    def __init__(self, message: str, path: Path = ()) -> None:
        super().__init__(f"the schema can not be used: {message}")
        self.problem, self.path = message, path


class Checker(msgspec.Struct, frozen=True):
    """A compiled schema, the names of members that it declares, and by how many schemas one value is judged at most."""

    validator: Any
    names: frozenset[str]
    visits: int

    def shown(self, path: Path) -> str:
        """`path` as a JSON path. Members that the schema does not name are `*`: their names may be anybody's data."""
        steps = (f"[{step}]" if isinstance(step, int) else f".{step if step in self.names else '*'}" for step in path)
        return "$" + "".join(steps)

    def rule(self, error: Any) -> str:
        """What the value breaks, in words that hold nothing of it."""
        kind = error.kind.name
        if kind == "required":
            return f"lacks {error.kind.as_dict()['property']!r}"
        if kind in ("additionalProperties", "unevaluatedProperties"):
            return "holds members that the schema does not know"
        if kind == "type":
            wanted = error.kind.as_dict().get("types", ())
            return f"not of type {' or '.join(wanted)}" if wanted else "not of the declared type"
        return f"does not keep to {kind!r}"


def validator(schema: Schema) -> Checker:
    """`schema` compiled. SchemaError where it is no draft 2020-12 schema, refers to anything outside of itself, uses a regular
    expression that needs look-around or back-references, or is beyond a limit."""
    import jsonschema_rs

    visits = _check_limits(schema)
    options = jsonschema_rs.RegexOptions(size_limit=PATTERN_BYTES_MAX)
    try:
        compiled = jsonschema_rs.Draft202012Validator(schema, validate_formats=True, offline=True, pattern_options=options)
    except jsonschema_rs.ValidationError as error:
        keyword = error.kind.name
        if keyword == "format":
            raise SchemaError("a regular expression without look-around and back-references is expected", _path(error)) from None
        raise SchemaError(error.message[:200], _path(error)) from None
    except (ValueError, TypeError, OverflowError) as error:
        raise SchemaError(str(error)[:200]) from None
    declared = (each.get("properties") for _, each in _nodes(schema))
    return Checker(compiled, frozenset(str(name) for each in declared if isinstance(each, dict) for name in each), visits)


def _path(error: Any) -> Path:
    return tuple(error.instance_path)


def _check_limits(schema: Schema) -> int:
    """The visits of `schema`; SchemaError beyond a limit."""
    if isinstance(schema, bool):
        return 1
    if not isinstance(schema, dict):
        raise SchemaError("expected a mapping, true or false")
    try:
        size = len(json.dumps(schema))
    except (TypeError, ValueError, RecursionError):
        raise SchemaError("not JSON") from None
    if size > SCHEMA_BYTES_MAX:
        raise SchemaError(f"larger than {SCHEMA_BYTES_MAX} bytes")
    draft = schema.get("$schema", DRAFT)
    if str(draft).rstrip("#") != DRAFT:
        raise SchemaError(f"only draft 2020-12 ({DRAFT}) is known", ("$schema",))
    for path, node in _nodes(schema):
        if len(path) > 2 * DEPTH_MAX:
            raise SchemaError(f"more than {2 * DEPTH_MAX} levels deep", path)
        for keyword in ("$ref", "$dynamicRef"):
            target = node.get(keyword)
            if isinstance(target, str) and not target.startswith("#"):
                raise SchemaError("refers to another document; put what it needs under $defs", (*path, keyword))
        if path and isinstance(node.get("$id"), str):
            raise SchemaError("$id inside of a schema is not supported", (*path, "$id"))
    try:
        return count_visits(schema, DEPTH_MAX)
    except SchemaLimit as error:
        raise SchemaError(str(error)) from None


def _nodes(value: Any, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every mapping in `value` with its path, without recursion."""
    waiting: list[tuple[Path, Any]] = [(path, value)]
    while waiting:
        place, each = waiting.pop()
        if isinstance(each, dict):
            yield place, each
            waiting += (((*place, key), inner) for key, inner in each.items())
        elif isinstance(each, list):
            waiting += (((*place, index), inner) for index, inner in enumerate(each))
