"""One record, judged: the reason is the first failing check, and the source's format is no matter."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.curation.conftest import BASE, FULL, recipe_of

from groundcrew.curation.checks import Checked, Checker

GOOD: dict[str, Any] = {"id": "a1", "text": "hello", "team": "cards", "minutes": 3}
#: Faults in the order of the checks, each on other fields or on top of the ones before it.
FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("missing field", {"team": None}),
    ("wrong type", {"minutes": "three"}),
    ("too short", {"text": "hi"}),
    ("too long", {"note": "x" * 10}),
    ("label not allowed", {"team": "pets"}),
]


def judge(row: object, document: dict[str, Any] = FULL, *, typed: bool = True) -> Checked:
    text = row if isinstance(row, str) else json.dumps(row)
    return Checker(recipe_of(document)).check(text, typed=typed)


@given(st.sets(st.integers(0, len(FAULTS) - 1)), st.booleans())
def test_the_reason_is_the_first_check_that_fails(chosen: set[int], broken: bool) -> None:
    document = {**FULL, "length": {**FULL["length"], "note": {"max": 9}}}
    row = dict(GOOD)
    for index in sorted(chosen, reverse=True):  # An earlier fault overwrites a later one on the same field.
        row.update(FAULTS[index][1])
    found = judge(json.dumps(row)[: -1 if broken else None], document)
    expected = "unreadable" if broken else FAULTS[min(chosen)][0] if chosen else None
    assert found.reason == expected
    assert (found.record is None) == (expected is not None)
    assert found.id == (None if broken else "a1")


@pytest.mark.parametrize("line", ["{", "[1]", '"text"', "null", '{"id": "\\ud800"}', '{"id": NaN}', "[" * 100_000])
def test_what_is_no_json_object_is_unreadable(line: str) -> None:
    assert judge(line).reason == "unreadable"


@pytest.mark.parametrize("value", [None, "", " \t\n"])
@pytest.mark.parametrize("field", ["id", "text", "team"])
def test_null_and_blank_are_missing(field: str, value: object) -> None:
    found = judge({**GOOD, field: value})
    assert (found.reason, found.detail) == ("missing field", f"{field!r} is absent or empty")


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("integer", 3, 3),
        ("integer", 3.0, 3),
        ("integer", 3.5, None),
        ("integer", True, None),
        ("integer", "3", None),
        ("integer", 2**63 - 1, 2**63 - 1),
        ("integer", 2**63, None),
        ("integer", 10**30, None),
        ("number", 3, 3.0),
        ("number", -0.0, 0.0),
        ("number", 10**400, None),
        ("number", False, None),
        ("number", "1.5", None),
        ("boolean", True, True),
        ("boolean", 1, None),
        ("boolean", "true", None),
        ("date", "2024-02-29", "2024-02-29"),
        ("date", "2023-02-29", None),
        ("date", "20240229", None),
        ("date", "2024-02-29T10:00:00Z", None),
        ("date", 20240229, None),
        ("string", "x", "x"),
        ("string", 1, None),
        ("string", ["x"], None),
    ],
)
def test_types_of_json_values(kind: str, value: object, kept: object) -> None:
    found = judge({"id": "a", "text": "b", "field": value}, {**BASE, "types": {"field": kind}})
    if kept is None:
        assert found.reason == "wrong type"
    else:
        assert found.record is not None
        assert repr(json.loads(found.record)["field"]) == repr(kept)


@pytest.mark.parametrize(
    ("kind", "cell", "kept"),
    [
        ("integer", " 12 ", 12),
        ("integer", "12.0", 12),
        ("integer", "1_000", None),
        ("integer", "٣", None),
        ("number", "-1.5e3", -1500.0),
        ("number", "1e999", None),
        ("number", "nan", None),
        ("number", "1,5", None),
        ("boolean", "TRUE", True),
        ("boolean", "yes", None),
        ("date", " 2024-01-31 ", "2024-01-31"),
        ("string", "12", "12"),
    ],
)
def test_types_of_cells(kind: str, cell: str, kept: object) -> None:
    found = judge({"id": "a", "text": "b", "field": cell}, {**BASE, "types": {"field": kind}}, typed=False)
    assert (found.reason == "wrong type") == (kept is None)
    if found.record is not None:
        assert json.loads(found.record)["field"] == kept


@given(st.integers(-(2**63), 2**63 - 1), st.booleans(), st.dates(), st.floats(allow_nan=False, allow_infinity=False))
def test_a_cell_and_a_json_value_make_the_same_record(whole: int, yes: bool, day: Any, number: float) -> None:
    document = {**BASE, "types": {"w": "integer", "y": "boolean", "d": "date", "n": "number"}}
    row = {"id": "a", "text": "b", "w": whole, "y": yes, "d": day.isoformat(), "n": number}
    cells = {key: str(value) for key, value in row.items()}
    assert judge(row, document).digest == judge(cells, document, typed=False).digest is not None


def test_a_field_without_a_type_is_kept_as_text() -> None:
    document = {**BASE, "required": ["extra"]}
    for value, text in (
        ("x", "x"),
        (3, "3"),
        (True, "true"),
        ({"b": 1, "a": [None]}, '{"a":[null],"b":1}'),
        (10**30, "1" + "0" * 30),
    ):
        found = judge({"id": 7, "text": "b", "extra": value}, document)
        assert found.record is not None
        assert json.loads(found.record) == {"id": "7", "text": "b", "extra": text}


def test_a_detail_never_repeats_a_text() -> None:
    secret = "Anna Keller, 756.1234"
    for row in ({"minutes": secret}, {"text": secret * 9}, {"team": None, "minutes": secret}):
        assert secret not in str(judge({**GOOD, **row}).detail)


@pytest.mark.parametrize("value", [True, 1.5, ["a"], {"a": 1}])
def test_an_id_is_a_text_or_a_whole_number(value: object) -> None:
    found = judge({**GOOD, "id": value})
    assert (found.reason, found.id) == ("wrong type", None)


def test_fields_that_the_recipe_does_not_name_do_not_come_along() -> None:
    assert judge({**GOOD, "customer": "Anna"}) == judge(GOOD)


def test_length_counts_code_points_and_includes_its_bounds() -> None:
    for text, reason in (("🦀🦀", "too short"), ("🦀🦀🦀", None), ("🦀" * 8, None), ("🦀" * 9, "too long")):
        assert judge({**GOOD, "text": text}).reason == reason
