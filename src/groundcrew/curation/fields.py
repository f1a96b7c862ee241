"""Which columns of a data set's records mean what, as its revision.json says it: what is learned from them needs no recipe."""

from __future__ import annotations

import msgspec

from groundcrew.curation.recipe import SPLIT_FIELD, Recipe

#: A field of this name says in which language (ISO 639-1) a record's text is, where the texts of a data set are in several.
LANGUAGE_FIELD = "language"


class Fields(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The columns of records.parquet by what they mean; None where there is no such column. `languages` are those that the texts
    may be in, empty where the recipe does not say; `language` is the column that tells it of each record."""

    id: str
    text: tuple[str, ...]
    label: str | None = None
    multiple: bool = False
    code_system: str = ""
    evidence: str | None = None
    group: str | None = None
    split: str | None = None
    languages: tuple[str, ...] = ()
    language: str | None = None


def fields_of(recipe: Recipe) -> Fields:
    """The columns of a data set that this recipe makes."""
    label = recipe.label
    return Fields(
        id=recipe.id,
        text=recipe.text,
        label=label.field if label else None,
        multiple=bool(label and label.multiple),
        code_system=(label.code_system or "") if label else "",
        evidence=recipe.evidence,
        group=recipe.group,
        split=SPLIT_FIELD if recipe.split else None,
        languages=recipe.language,
        language=LANGUAGE_FIELD if LANGUAGE_FIELD in recipe.fields else None,
    )
