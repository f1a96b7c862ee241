"""How much work a JSON Schema can make of a small answer: schemas that call others several times, level after level, double the
work with every level, and no time limit ends it, because the validator holds the interpreter meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import msgspec

#: Schemas that judge one value or anything that it stands in.
VISITS_MAX = 20_000
#: Subschemas of one schema.
NODES_MAX = 5_000

#: `unevaluatedProperties` and `unevaluatedItems` go through the schemas for the same value again, to find errors and to tell
#: them: measured, 16 of them around one another take 45 times as long as 12.
UNEVALUATED_ROUNDS = 4

#: Keywords whose schemas judge the same value: one schema, a list of them, or schemas by name.
_SAME = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "$ref", "$dynamicRef")
#: Keywords whose schemas judge what stands in the value. Of the last two, one schema judges each member or item.
_INSIDE = ("items", "contains", "additionalProperties", "patternProperties", "propertyNames")
_UNEVALUATED = ("unevaluatedItems", "unevaluatedProperties")
_ONE_INSIDE = ("properties", "prefixItems")
_BY_NAME = frozenset({"dependentSchemas", "patternProperties", "properties"})


class SchemaLimit(Exception):
    """A schema refers to nothing, to itself, or judges one value in too many ways."""


class _Subschema(msgspec.Struct):
    same: list[int]
    inside: list[int]
    one_inside: list[list[int]]
    #: How often the schemas that judge the same value are gone through.
    rounds: int


def count_visits(schema: dict[str, Any], depth_max: int) -> int:
    """By how many schemas the values on one way from an answer's root to a leaf, at most `depth_max` levels below, are judged: an
    upper bound. SchemaLimit beyond VISITS_MAX. What stands side by side in an answer multiplies it."""
    found = _subschemas(schema)
    order = _order(found)
    before = [0] * len(found)
    for _ in range(depth_max + 1):
        now = [0] * len(found)
        for index in order:
            each = found[index]
            total = 1 + each.rounds * sum([now[other] for other in each.same]) + sum([before[other] for other in each.inside])
            total += sum([max((before[other] for other in group), default=0) for group in each.one_inside])
            if total > VISITS_MAX:
                raise SchemaLimit("judges one value in too many ways; combine fewer schemas")
            now[index] = total
        if now == before:
            break
        before = now
    return before[0]


def _subschemas(schema: dict[str, Any]) -> list[_Subschema]:
    """Every schema that can be reached from `schema`, which is the first one, by keywords and references."""
    places: dict[int, int] = {id(schema): 0}
    waiting: list[dict[str, Any]] = [schema]
    found: list[_Subschema] = []

    def number(value: Any) -> list[int]:
        if not isinstance(value, dict):
            return []
        if id(value) not in places:
            places[id(value)] = len(waiting)
            waiting.append(value)
            if len(waiting) > NODES_MAX:
                raise SchemaLimit(f"more than {NODES_MAX} schemas in one")
        return [places[id(value)]]

    while len(found) < len(waiting):
        node = waiting[len(found)]
        found.append(
            _Subschema(
                same=_numbers(node, _SAME, schema, number),
                inside=_numbers(node, (*_INSIDE, *_UNEVALUATED), schema, number),
                one_inside=[_numbers(node, (name,), schema, number) for name in _ONE_INSIDE if name in node],
                rounds=UNEVALUATED_ROUNDS if any(name in node for name in _UNEVALUATED) else 1,
            )
        )
    return found


def _numbers(node: dict[str, Any], keywords: tuple[str, ...], root: Any, number: Callable[[Any], list[int]]) -> list[int]:
    numbers: list[int] = []
    for keyword in keywords:
        value = node.get(keyword)
        if value is None:
            continue
        if keyword in ("$ref", "$dynamicRef"):
            numbers += number(_resolved(root, value))
        elif isinstance(value, list):
            numbers += [each for inner in value for each in number(inner)]
        elif isinstance(value, dict) and keyword in _BY_NAME:
            numbers += [each for inner in value.values() for each in number(inner)]
        else:
            numbers += number(value)
    return numbers


def _order(found: list[_Subschema]) -> list[int]:
    """The subschemas so that each comes after those that judge the same value for it; SchemaLimit where that is a circle."""
    calls = [0] * len(found)
    for each in found:
        for other in each.same:
            calls[other] += 1
    ready = [index for index, count in enumerate(calls) if not count]
    order: list[int] = []
    while ready:
        index = ready.pop()
        order.append(index)
        for other in found[index].same:
            calls[other] -= 1
            if not calls[other]:
                ready.append(other)
    if len(order) < len(found):
        raise SchemaLimit("refers to itself without going into the value")
    return order[::-1]


def _resolved(schema: Any, reference: Any) -> Any:
    """What a reference inside of `schema` names; SchemaLimit where it names nothing."""
    if reference == "#":
        return schema
    if not isinstance(reference, str) or not reference.startswith("#/"):
        raise SchemaLimit("a reference that is no path such as #/$defs/price")
    value = schema
    for raw in reference[2:].split("/"):
        step = unquote(raw).replace("~1", "/").replace("~0", "~")
        try:
            value = value[int(step)] if isinstance(value, list) else value[step]
        except (LookupError, TypeError, ValueError):
            raise SchemaLimit(f"{reference[:100]!r} names nothing") from None
    return value
