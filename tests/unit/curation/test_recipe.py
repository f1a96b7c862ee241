"""A recipe is read whole or refused with the field that is wrong; what does not matter does not change its digest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.unit.curation.conftest import BASE, FULL, recipe_of

from groundcrew.curation.recipe_reading import parse_recipe
from groundcrew.errors import InputError


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"lenght": {}}, "lenght", "did you mean 'length'"),
        ({"consent": None}, "consent", "is required"),
        ({"source": "  "}, "source", "expected a text"),
        ({"name": "Two words"}, "name", "not a valid name"),
        ({"text": "text"}, "text", "expected `array`"),
        ({"text": []}, "text", "empty list"),
        ({"text": ["a", 1]}, "text[1]", "expected `str`"),
        ({"required": ["a", "a"]}, "required[1]", "listed twice"),
        ({"types": {"age": "integr"}}, "types.age", "did you mean 'integer'"),
        ({"types": ["age"]}, "types", "expected a mapping"),
        ({"types": {"text": "number"}}, "types.text", "are strings"),
        ({"types": {"id": "date"}}, "types.id", "a string or an integer"),
        ({"label": {"field": "team"}, "types": {"team": "number"}}, "types.team", "a label is"),
        ({"length": {"text": {"mni": 1}}}, "length.text.mni", "did you mean 'min'"),
        ({"length": {"text": {"min": "1"}}}, "length.text.min", "expected `int"),
        ({"length": {"text": {"min": 5, "max": 4}}}, "length.text", "above max"),
        ({"length": {"text": {}}}, "length.text", "neither"),
        ({"length": {"text": {"max": -1}}}, "length.text", "at least 0"),
        ({"length": {"text": 5}}, "length.text", "expected `object`"),
        ({"label": {"allowed": ["a"]}}, "label.field", "is required"),
        ({"label": {"field": "team", "allowed": [1.5]}}, "label.allowed[0]", "quote it"),
        ({"label": {"field": "team", "allowed": []}}, "label.allowed", "1 to"),
        ({"label": {"field": "team", "allowed": "no.txt"}}, "label.allowed", "No such file"),
        ({"duplicates": {"exact": []}}, "duplicates.exact", "empty list"),
        ({"duplicates": {"near": ["a"]}}, "duplicates.near", "expected `object"),
        ({"duplicates": {"like": ["a"]}}, "duplicates.like", "unknown key"),
        ({"sample": {"n": 0, "seed": 1}}, "sample.n", "at least 1"),
        ({"sample": {"n": 5}}, "sample.seed", "is required"),
        ({"sample": {"n": 5, "seed": -1}}, "sample.seed", "from 0"),
    ],
)
def test_a_mistake_names_its_field(change: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InputError) as refused:
        recipe_of({**BASE, **change})
    assert refused.value.field == field
    assert words in str(refused.value)


@pytest.mark.parametrize("document", [None, [], "recipe", 3])
def test_anything_but_a_mapping_is_refused(document: object) -> None:
    with pytest.raises(InputError, match="a recipe is a mapping"):
        parse_recipe(document, file="recipe.yaml", lines={}, folder=Path())


def test_the_line_is_that_of_the_field_or_of_what_holds_it() -> None:
    lines = {"types": 7, "length": 9, "length.text": 10}
    for change, line in (({"types": {"age": "x"}}, 7), ({"length": {"text": {"mni": 1}}}, 10), ({"sample": {"n": 1}}, None)):
        with pytest.raises(InputError) as refused:
            parse_recipe({**BASE, **change}, file="recipe.yaml", lines=lines, folder=Path())
        assert refused.value.line == line


def test_fields_come_once_and_the_needed_ones_are_known() -> None:
    recipe = recipe_of({**FULL, "required": ["opened", "text"]})
    assert recipe.fields == ("id", "text", "team", "minutes", "opened")
    assert recipe.needed == ("id", "text", "team", "opened")
    assert [recipe.type_of(each) for each in recipe.fields] == [None, "string", None, "integer", None]


def test_the_digest_sees_the_allowed_labels_wherever_they_stand(tmp_path: Path) -> None:
    (tmp_path / "teams.txt").write_text("loans\n\n cards \nloans\n", encoding="utf-8")
    written = recipe_of(FULL)
    from_file = parse_recipe(
        {**FULL, "label": {"field": "team", "allowed": "teams.txt"}}, file="r.yaml", lines={}, folder=tmp_path
    )
    assert from_file.digest == written.digest
    assert recipe_of({**FULL, "label": {"field": "team", "allowed": ["cards"]}}).digest != written.digest


def test_the_digest_does_not_see_what_is_left_out_or_null() -> None:
    assert recipe_of({**BASE, "sample": None, "required": []}).digest == recipe_of(BASE).digest
    assert recipe_of({**BASE, "consent": "other"}).digest != recipe_of(BASE).digest


LABELLED: dict[str, Any] = {**BASE, "label": {"field": "team"}}


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"duplicates": {"near": {"fields": [], "threshold": 0.9}}}, "duplicates.near.fields", "empty list"),
        ({"duplicates": {"near": {"fields": ["text"], "treshold": 0.9}}}, "duplicates.near.treshold", "did you mean 'threshold'"),
        ({"duplicates": {"near": {"fields": ["text"], "threshold": 0.2}}}, "duplicates.near.threshold", "from 0.5 to 1"),
        ({"duplicates": {"near": {"fields": ["text"], "words": 0}}}, "duplicates.near.words", "from 1"),
        ({"contradictions": {"keep": "all"}}, "contradictions.keep", "nvalid"),
        ({"contradictions": {"majority": 0.5}}, "contradictions.majority", "above 0.5"),
        ({"label_noise": {"folds": 1}}, "label_noise.folds", "from 2"),
        ({"label_noise": {"splits": []}}, "label_noise.splits", "empty list"),
        ({"label": {"field": "team", "on_invalid": "drop_label"}}, "label.on_invalid", "needs label.multiple"),
        ({"label": {"field": "tags", "multiple": True, "on_invalid": "drop_label"}}, "label.on_invalid", "or label.allowed"),
        ({"personal_data": {"action": "mask", "fields": ["id"]}, "types": {"id": "string"}}, "personal_data.fields", "the id"),
        ({"split": {"train": 0.8, "test": 0.1}}, "split", "sum to 1"),
        ({"split": {"test": 1.0}}, "split.train", "nothing would be left"),
        ({"split": {"train": 1.0, "by": "group"}}, "split.by", "needs the key group"),
        ({"split": {"train": 1.0, "by": "time"}}, "split.by", "needs the key time"),
        ({"split": {"field": "fold", "train": 1.0}}, "split.field", "leave out the shares"),
        ({"split": {"train": 1.0}, "required": ["split"]}, "split", "adds the column"),
        ({"personal_data": {"action": "mask", "types": ["PERSON", "NAME"]}}, "personal_data.types[1]", "known: PERSON, DATE"),
        ({"personal_data": {"action": "hide"}}, "personal_data.action", "nvalid"),
        ({"balance": {}}, "balance", "neither"),
        ({"balance": {"max_per_label": 0}}, "balance.max_per_label", "at least 1"),
        ({"language": "english"}, "language[0]", "two small letters"),
        ({"encoding": "whole"}, "encoding", "nvalid"),
        ({"evidence": "spans", "text": ["text", "more"]}, "evidence", "one text field"),
        ({"label": {"field": "team", "normalise": True}}, "label.normalise", "needs label.code_system"),
        ({"label": {"field": "team", "multiple": True}, "types": {"team": "string"}}, "types.team", "type strings"),
        ({"label": None, "balance": {"max_per_label": 3}}, "balance", "needs a label"),
        ({"time": "day", "types": {"day": "string"}}, "types.day", "is a date"),
    ],
)
def test_a_mistake_in_what_is_for_learning_names_its_field(change: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InputError) as refused:
        recipe_of({**LABELLED, **change})
    assert refused.value.field == field
    assert words in str(refused.value)


def test_what_a_split_goes_by_is_needed_and_new_keys_leave_old_digests() -> None:
    recipe = recipe_of({**LABELLED, "group": "who", "time": "day", "split": {"train": 0.5, "test": 0.5, "by": "group"}})
    assert recipe.needed == ("id", "text", "team", "who")
    assert recipe.type_of("day") == "date"
    # As it was before there were splits, code systems and all the rest.
    assert recipe_of(FULL).digest == "5d5d0f2e98fdd00c976d76af2308dd48876acaee81266ee9fde72b858fdae953"
