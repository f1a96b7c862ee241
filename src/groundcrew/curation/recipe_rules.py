"""What the parts of a recipe must agree on. Each rule names the key at fault and says what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

from groundcrew.curation.recipe import FIELDS_MAX, FOLDS_MAX, LANGUAGES_MAX, SEED_MAX, SPLIT_FIELD, WORDS_MAX, Recipe
from groundcrew.guards.pii_text import TYPES

#: A dotted key and what is wrong with it.
Problem: TypeAlias = tuple[str, str]

_LANGUAGE = re.compile(r"[a-z]{2}", re.ASCII)
#: Shares are written with a few decimals; their sum may miss 1 by this much.
SHARE_TOLERANCE = 1e-6


def problem_of(recipe: Recipe) -> Problem | None:
    """The first problem of a recipe, None where there is none."""
    for rule in (_lists, _types, _lengths, _label, _likeness, _split, _numbers):
        for problem in rule(recipe):
            return problem
    return None


def _lists(recipe: Recipe) -> Iterator[Problem]:
    duplicates, personal = recipe.duplicates, recipe.personal_data
    if not recipe.text:
        yield "text", "is an empty list"
    if duplicates is not None and not duplicates.exact and duplicates.near is None:
        yield "duplicates.exact", "is an empty list"
    if personal is not None and recipe.id in personal.fields:
        yield "personal_data.fields", "the id can not be masked: it names the record"
    near = duplicates.near if duplicates else None
    if near is not None and not near.fields:
        yield "duplicates.near.fields", "is an empty list"
    lists = {
        "text": recipe.text,
        "required": recipe.required,
        "language": recipe.language,
        "duplicates.exact": duplicates.exact if duplicates else (),
        "duplicates.near.fields": near.fields if near else (),
        "personal_data.fields": personal.fields if personal else (),
        "personal_data.types": personal.types if personal else (),
    }
    for key, values in lists.items():
        for index, value in enumerate(values):
            if not value.strip():
                yield f"{key}[{index}]", "is empty"
            if value in values[:index]:
                yield f"{key}[{index}]", f"{value!r} is listed twice"
    for index, kind in enumerate(lists["personal_data.types"]):
        # The guard would look for none of it, and all of it would stay.
        if kind not in TYPES:
            yield f"personal_data.types[{index}]", f"{kind[:40]!r} is no type of finding; known: {', '.join(TYPES)}"
    for key, field in _single_fields(recipe):
        if field is not None and not field.strip():
            yield key, "is empty"
    if len(recipe.fields) > FIELDS_MAX:
        yield "types", f"names more than {FIELDS_MAX} fields"
    if len(recipe.language) > LANGUAGES_MAX:
        yield "language", f"names more than {LANGUAGES_MAX} languages"
    for index, language in enumerate(recipe.language):
        if not _LANGUAGE.fullmatch(language):
            yield f"language[{index}]", f"{language[:20]!r} is no language; expected two small letters such as en"


def _single_fields(recipe: Recipe) -> Iterator[tuple[str, str | None]]:
    yield "label.field", recipe.label.field if recipe.label else None
    yield "evidence", recipe.evidence
    yield "group", recipe.group
    yield "time", recipe.time
    yield "split.field", recipe.split.field if recipe.split else None
    yield "sample.stratify", recipe.sample.stratify if recipe.sample else None


def _types(recipe: Recipe) -> Iterator[Problem]:
    if recipe.type_of(recipe.id) not in (None, "string", "integer"):
        yield f"types.{recipe.id}", "the id is a string or an integer"
    for field in (*recipe.text, *recipe.length, *recipe.near_fields, *recipe.masked_fields):
        if recipe.type_of(field) != "string":
            yield f"types.{field}", "a text field and a field with a length are strings"
    if recipe.time is not None and recipe.type_of(recipe.time) != "date":
        yield f"types.{recipe.time}", "the time is a date"
    for key, shared in (("group", recipe.group), ("sample.stratify", recipe.sample.stratify if recipe.sample else None)):
        if shared is not None and recipe.type_of(shared) == "spans":
            yield key, f"{shared!r} holds spans, which no records share"


def _lengths(recipe: Recipe) -> Iterator[Problem]:
    for field, bounds in recipe.length.items():
        key = f"length.{field}"
        if bounds.min is None and bounds.max is None:
            yield key, "gives neither min nor max"
        if min(bounds.min or 0, bounds.max or 0) < 0:
            yield key, "a length is at least 0"
        if bounds.min is not None and bounds.max is not None and bounds.min > bounds.max:
            yield key, f"min {bounds.min} is above max {bounds.max}"


def _label(recipe: Recipe) -> Iterator[Problem]:
    label = recipe.label
    if label is None:
        for key, asked in (
            ("evidence", recipe.evidence),
            ("contradictions", recipe.contradictions),
            ("label_noise", recipe.label_noise),
            ("balance", recipe.balance),
        ):
            if asked is not None:
                yield key, "needs a label"
        return
    if label.multiple and recipe.type_of(label.field) != "strings":
        yield f"types.{label.field}", "several labels are of the type strings"
    if not label.multiple and recipe.types.get(label.field) in ("number", "date", "strings", "spans"):
        yield f"types.{label.field}", "a label is a string, an integer or a boolean"
    if label.on_invalid == "drop_label" and not label.multiple:
        yield "label.on_invalid", "of one label nothing would be left: needs label.multiple"
    if label.on_invalid == "drop_label" and label.code_system is None and label.allowed is None:
        yield "label.on_invalid", "needs label.code_system or label.allowed"
    if label.normalise and label.code_system is None:
        yield "label.normalise", "needs label.code_system"
    if label.code_system is not None and not label.code_system.strip():
        yield "label.code_system", "is empty"
    if recipe.evidence is not None and recipe.type_of(recipe.evidence) != "spans":
        yield f"types.{recipe.evidence}", "evidence is of the type spans"
    if recipe.evidence is not None and len(recipe.text) != 1:
        yield "evidence", "its offsets count in one text field, and text names several"


def _likeness(recipe: Recipe) -> Iterator[Problem]:
    near = recipe.duplicates.near if recipe.duplicates else None
    for key, threshold in (
        ("duplicates.near.threshold", near.threshold if near else None),
        ("contradictions.threshold", recipe.contradictions.threshold if recipe.contradictions else None),
        ("split.near", recipe.split.near if recipe.split else None),
    ):
        if threshold is not None and not 0.5 <= threshold <= 1:
            yield key, "expected a similarity from 0.5 to 1"
    if near is not None and not 1 <= near.words <= WORDS_MAX:
        yield "duplicates.near.words", f"expected a whole number from 1 to {WORDS_MAX}"
    if recipe.contradictions is not None and not 0.5 < recipe.contradictions.majority <= 1:
        yield "contradictions.majority", "expected a share above 0.5, at most 1"


def _split(recipe: Recipe) -> Iterator[Problem]:
    split = recipe.split
    if split is None:
        return
    shares = (split.train, split.validation, split.test)
    if split.field is not None and any(each is not None for each in shares):
        yield "split.field", "records that bring their split along are not split again; leave out the shares"
    if split.field is None:
        if any(each is not None and not 0 <= each <= 1 for each in shares):
            yield "split", "a share is from 0 to 1"
        if abs(sum(each or 0.0 for each in shares) - 1) > SHARE_TOLERANCE:
            yield "split", "the shares train, validation and test must sum to 1"
        if not split.train:
            yield "split.train", "nothing would be left to learn from"
        if SPLIT_FIELD in recipe.fields:
            yield "split", f"adds the column {SPLIT_FIELD!r}, which a field of the recipe is named; use split.field"
    if split.field is not None and split.field != SPLIT_FIELD and SPLIT_FIELD in recipe.fields:
        yield "split.field", f"is written as the column {SPLIT_FIELD!r}, which another field of the recipe is named"
    if split.by == "group" and recipe.group is None:
        yield "split.by", "a split by group needs the key group"
    if split.by == "time" and recipe.time is None:
        yield "split.by", "a split by time needs the key time"


def _numbers(recipe: Recipe) -> Iterator[Problem]:
    noise, balance, sample, split = recipe.label_noise, recipe.balance, recipe.sample, recipe.split
    near = recipe.duplicates.near if recipe.duplicates else None
    if noise is not None and not noise.splits:
        yield "label_noise.splits", "is an empty list"
    if noise is not None and not 2 <= noise.folds <= FOLDS_MAX:
        yield "label_noise.folds", f"expected a whole number from 2 to {FOLDS_MAX}"
    if balance is not None and balance.max_per_label is None and balance.min_per_label is None:
        yield "balance", "gives neither max_per_label nor min_per_label"
    counts = {
        "label_noise.min_records": noise.min_records if noise else None,
        "balance.max_per_label": balance.max_per_label if balance else None,
        "balance.min_per_label": balance.min_per_label if balance else None,
        "sample.n": sample.n if sample else None,
    }
    for key, count in counts.items():
        if count is not None and count < 1:
            yield key, "expected a whole number of at least 1"
    seeds = {
        "duplicates.near.seed": near.seed if near else None,
        "label_noise.seed": noise.seed if noise else None,
        "split.seed": split.seed if split else None,
        "balance.seed": balance.seed if balance else None,
        "sample.seed": sample.seed if sample else None,
    }
    for key, seed in seeds.items():
        if seed is not None and not 0 <= seed <= SEED_MAX:
            yield key, f"expected a whole number from 0 to {SEED_MAX}"
