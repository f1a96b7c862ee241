"""The guard `schema`: what JSON keeps to a schema, what its findings say and where, and what no schema or answer may cost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundcrew.domain.guard import Verdict
from groundcrew.guards.json_place import Path, place_of
from groundcrew.guards.registry import find_guard
from groundcrew.guards.schema_validator import SchemaError, validator

ORDER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "price": {"type": "number", "minimum": 1},
        "day": {"type": "string", "format": "date"},
        "items": {
            "type": "array",
            "items": {"type": "object", "properties": {"code": {"type": "string", "pattern": "^[A-Z]+$"}}},
        },
    },
    "required": ["price"],
    "additionalProperties": False,
}


def check(text: str, **context: Any) -> Verdict:
    return find_guard("schema").check(text, {"schema": ORDER, **context})


def told(text: str, **context: Any) -> list[tuple[str, str]]:
    return [(text[each.start : each.end], each.reason) for each in check(text, **context).findings]


def test_json_that_keeps_to_the_schema_passes() -> None:
    assert check('\n {"price": 3, "items": [{"code": "AB"}], "day": "2026-05-01"}\n').verdict == "pass"


@pytest.mark.parametrize(
    ("text", "marked", "reason"),
    [
        ("Sure, here it is", "Sure, here it is", "$: not JSON"),
        ('{"price": 0.5}', "0.5", "$.price: does not keep to 'minimum'"),
        ('{"price": "3"}', '"3"', "$.price: not of type number"),
        ('{"price": 3, "items": [{}, {"code": "a"}]}', '"a"', "$.items[1].code: does not keep to 'pattern'"),
        ('{"price": 3, "day": "May"}', '"May"', "$.day: does not keep to 'format'"),
        ("{}", "{}", "$: lacks 'price'"),
        ('{"price": 3, "a@b.ch": 1}', '{"price": 3, "a@b.ch": 1}', "$: holds members that the schema does not know"),
        ('{"price": 1, "price": 2}', '{"price": 1, "price": 2}', "$: a member stands twice in one object"),
        ('{"price": NaN}', '{"price": NaN}', "$: NaN is not JSON"),
        ('{"price": 3} {"price": 3}', '{"price": 3} {"price": 3}', "$: not JSON"),
        ('```json\n{"price": 3}\n```', '```json\n{"price": 3}\n```', "$: JSON inside of a code fence"),
    ],
)
def test_a_finding_marks_the_value_and_names_the_rule(text: str, marked: str, reason: str) -> None:
    assert check(text).verdict == "block"
    assert told(text) == [(marked, reason)]


def test_names_that_the_schema_does_not_declare_are_not_repeated() -> None:
    schema = {"type": "object", "additionalProperties": {"type": "object", "properties": {"iban": {"type": "number"}}}}
    text = '{"anna@bank.example": {"iban": "CH93"}}'
    assert told(text, schema=schema) == [('"CH93"', "$.*.iban: not of type number")]


def test_a_fence_is_looked_through_where_it_is_allowed() -> None:
    assert check('```json\n{"price": 3}\n```', fenced="allow").verdict == "pass"
    assert told('```\n{"price": 0}\n```', fenced="allow") == [("0", "$.price: does not keep to 'minimum'")]
    assert check('Here:\n```json\n{"price": 3}\n```', fenced="allow").verdict == "block"


def test_arguments_of_tool_calls_keep_to_the_schema_of_their_tool() -> None:
    def calls(name: str, arguments: str) -> str:
        return json.dumps([{"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}}])

    def of(text: str, **tools: Any) -> list[str]:
        context = {"tools": tools, "role": "tool_calls"}
        return [each.reason for each in find_guard("schema").check(text, context).findings]

    assert of(calls("buy", '{"price": 3}'), buy=ORDER) == []
    assert of(calls("buy", '{"price": 0}'), buy=ORDER) == ["buy: $.price: does not keep to 'minimum'"]
    assert of(calls("buy", "{price"), buy=ORDER) == ["buy: $: not JSON"]
    assert of(calls("sell", "{}"), buy=ORDER) == ["call 0: a tool that the rule does not name"]
    assert of(calls("sell", "{}"), **{"buy": ORDER, "*": True}) == []
    assert check(calls("buy", "x"), role="tool_calls").verdict == "pass"  # no rule for tools


@pytest.mark.parametrize("role", ["beside", "system", "tool_calls"])
def test_what_is_not_the_answer_is_not_held_to_its_schema(role: str) -> None:
    assert check("I think about it.", role=role).verdict == "pass"


def test_the_schema_of_the_request_is_used_where_it_asks_for_one() -> None:
    assert check('{"price": 0}', schema="request", response_schema=None).verdict == "pass"
    assert check('{"price": 0}', schema="request", response_schema=ORDER).verdict == "block"
    assert check("nothing", schema="request", response_schema=True).verdict == "block"
    with pytest.raises(SchemaError):
        check("{}", schema="request", response_schema={"$ref": "https://example.com/x.json"})


def doubling(levels: int, **more: Any) -> dict[str, Any]:
    """Each level calls the next twice, for the same value."""
    levels_by_name = {f"d{each}": {"allOf": [{"$ref": f"#/$defs/d{each + 1}"}] * 2, **more} for each in range(levels)}
    return {"$defs": {**levels_by_name, f"d{levels}": {"type": "object"}}, "$ref": "#/$defs/d0"}


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"$ref": "https://example.com/x.json"}, "another document"),
        ({"properties": {"a": {"$ref": "other.json#/a"}}}, "another document"),
        ({"pattern": "(?=a)"}, "without look-around"),
        ({"pattern": "(a)\\1"}, "without look-around"),
        ({"properties": {"a": {"type": "text"}}}, "text"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "2020-12"),
        ({"$ref": "#"}, "refers to itself"),
        ({"$ref": "#/$defs/none"}, "names nothing"),
        (doubling(30), "too many ways"),
        (doubling(10, unevaluatedProperties=False), "too many ways"),
        ({"$defs": {"a": {"allOf": [{"items": {"$ref": "#/$defs/a"}}] * 2}}, "$ref": "#/$defs/a"}, "too many ways"),
        ({"properties": {str(each): {"type": "object"} for each in range(6_000)}}, "more than 5000"),
        ({"description": "x" * 300_000}, "larger than"),
        ("text", "expected a mapping"),
    ],
)
def test_a_schema_that_reaches_out_or_could_take_long_is_refused(schema: Any, says: str) -> None:
    with pytest.raises(SchemaError, match=says):
        validator(schema)


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {"type": "object", "properties": {"next": {"$ref": "#"}}},
        {"type": "object", "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}},
        {"pattern": "^(a+)+$"},
        {"const": {"properties": 5}},
    ],
)
def test_recursive_and_odd_schemas_are_used(schema: Any) -> None:
    validator(schema)


def test_a_pattern_takes_linear_time() -> None:
    text = json.dumps("a" * 50_000 + "b")
    assert check(text, schema={"pattern": "^(a+)+$"}).verdict == "block"


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 70 + "1" + "}" * 70, "9" * 5_000, '{"price": 1e999}', '"\\ud800"'])
def test_hostile_answers_block(text: str) -> None:
    assert check(text).verdict == "block"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


def paths(value: Any, path: Path = ()) -> list[tuple[Path, Any]]:
    found: list[tuple[Path, Any]] = [(path, value)]
    if isinstance(value, dict):
        found += [each for key, inner in value.items() for each in paths(inner, (*path, key))]
    if isinstance(value, list):
        found += [each for index, inner in enumerate(value) for each in paths(inner, (*path, index))]
    return found


@settings(max_examples=60)
@given(value=JSON, indent=st.sampled_from([None, 0, 2]))
def test_every_value_is_found_where_it_stands(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    for path, inner in paths(value):
        place = place_of(text, path)
        assert place is not None
        assert json.loads(text[slice(*place)]) == inner
    assert place_of(text, ("no such member",)) is None or isinstance(value, dict)
