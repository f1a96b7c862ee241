"""What is told of a curation: how many records each check dropped, what the kept ones are like, and what nobody looked at. The
page and the data card say it in their ways."""

from __future__ import annotations

import msgspec

from groundcrew.curation.reasons import reasons_of
from groundcrew.curation.recipe import PersonalData, Recipe
from groundcrew.curation.sources import Found, SourceFile

EXAMPLES_MAX = 5
EXAMPLE_CHARACTERS_MAX = 200
FILES_SHOWN_MAX = 200
#: The most frequent labels that a funnel counts.
LABELS_SHOWN_MAX = 50


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One check: how many records it dropped, how many were left, and up to five ids (or places) of dropped ones."""

    reason: str
    dropped: int
    remaining: int
    examples: list[str]


class Funnel(msgspec.Struct, frozen=True, kw_only=True):
    """From all records to the kept ones. `records` = `kept` + the sum of `dropped` over the steps.

    `splits` counts the kept records of each split, `labels` those of the most frequent labels, most first, of `labels_count`
    in all; `masked` counts what the guard masked in kept records, by kind. `code_system` names the release that labels were
    checked against; `labels_removed` counts those that were taken out of kept records, by reason, and `labels_told` the labels by
    whether wrong ones could be looked for among them (see label_noise). `empty_fields` are fields of the recipe that no kept
    record has: checks of them said nothing.
    """

    name: str
    revision: str
    recipe_digest: str
    records: int
    kept: int
    steps: list[Step]
    files: tuple[SourceFile, ...]
    ignored_files: tuple[str, ...]
    splits: dict[str, int] = {}
    labels: dict[str, int] = {}
    labels_count: int = 0
    masked: dict[str, int] = {}
    code_system: str = ""
    labels_removed: dict[str, int] = {}
    labels_told: dict[str, int] = {}
    empty_fields: tuple[str, ...] = ()


class Makeup(msgspec.Struct, frozen=True, kw_only=True):
    """What the kept records are like; see Funnel."""

    splits: dict[str, int] = {}
    labels: dict[str, int] = {}
    labels_count: int = 0
    masked: dict[str, int] = {}
    code_system: str = ""
    labels_removed: dict[str, int] = {}
    labels_told: dict[str, int] = {}
    empty_fields: tuple[str, ...] = ()


def build_funnel(
    recipe: Recipe,
    found: Found,
    revision: str,
    kept: int,
    dropped: dict[str, int],
    examples: dict[str, list[str]],
    makeup: Makeup | None = None,
) -> Funnel:
    """The funnel over all checks of the recipe in their order, those that dropped nothing too."""
    remaining = records = kept + sum(dropped.values())
    steps: list[Step] = []
    for reason in reasons_of(recipe):
        count = dropped.get(reason, 0)
        remaining -= count
        steps.append(Step(reason=reason, dropped=count, remaining=remaining, examples=examples.get(reason, [])))
    return Funnel(
        name=recipe.name,
        revision=revision,
        recipe_digest=recipe.digest,
        records=records,
        kept=kept,
        steps=steps,
        files=found.files,
        ignored_files=found.ignored,
        **msgspec.structs.asdict(makeup or Makeup()),
    )


def example(key: str | None, source: str, line: int) -> str:
    """How a dropped record is named: by its id, or by its place where it has none."""
    shown = key if key is not None else f"{source}:{line}"
    return shown if len(shown) <= EXAMPLE_CHARACTERS_MAX else shown[:EXAMPLE_CHARACTERS_MAX] + "…"


def percent(part: int, whole: int) -> str:
    """A share in percent with one decimal; a dash of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else "–"


def known_limits(recipe: Recipe, funnel: Funnel) -> list[str]:
    """What no count says: checks that were not asked for, and what the checks can not do."""
    found: list[str] = []
    if funnel.empty_fields:
        found.append(
            f"No kept record has {', '.join(map(repr, funnel.empty_fields))}: what the recipe asks of it was never looked at."
        )
    if recipe.personal_data is None:
        found.append("Personal data was not looked for.")
    else:
        found += _personal_limits(recipe.personal_data, funnel)
    if recipe.encoding == "any":
        found.append("Damaged encodings were not looked for.")
    if recipe.language:
        found.append("A text whose language can not be told (short, or no running text) counts as being in a wanted one.")
    else:
        found.append("Languages were not checked.")
    if recipe.label is None:
        found.append("There are no labels.")
    else:
        if recipe.label.code_system is None and recipe.label.allowed is None:
            found.append("Labels were not checked against a list or a code system.")
        if recipe.label_noise is None:
            found.append("Wrong labels were not looked for; those of near-equal texts count as said under the checks.")
        else:
            least = recipe.label_noise.min_records
            found.append(f"Wrong labels were looked for where a label has at least {least} records; a rarer one may be wrong.")
            if recipe.split is not None:
                found.append(f"They were looked for in the splits {', '.join(recipe.label_noise.splits)} only.")
            told = ", ".join(f"{count:,} {how}" for how, count in funnel.labels_told.items())
            if told:
                found.append(f"Of the labels in these records: {told}.")
        if funnel.labels_removed:
            told = ", ".join(f"{count:,} {reason}" for reason, count in funnel.labels_removed.items())
            found.append(f"Labels were taken out of records that stay: {told}.")
        if recipe.contradictions is None:
            found.append("Near-equal texts may have different labels.")
    near = recipe.duplicates.near if recipe.duplicates is not None else None
    if near is None:
        found.append("Near-equal texts were not looked for: copies with small edits may be in it, also across splits.")
    else:
        found.append(
            f"Texts that are less alike than {near.threshold:g} (Jaccard over runs of {near.words} words) are no copies here."
        )
    if recipe.split is None:
        found.append("It has no splits; who divides it must keep the records of one person, and near-equal texts, together.")
    elif recipe.group is None:
        found.append("The splits know no persons: records of one may lie in two of them.")
    if recipe.balance is not None:
        found.append("Labels were balanced: their shares are not those of life.")
    if recipe.sample is not None:
        found.append(f"It is a sample of at most {recipe.sample.n:,} of the records that passed.")
    return found


def _personal_limits(personal: PersonalData, funnel: Funnel) -> list[str]:
    verb = "masked" if personal.action == "mask" else "dropped with their record"
    kinds = f"of the types {', '.join(personal.types)}" if personal.types else "of every type that the guard knows"
    found = [f"Findings {kinds} were {verb}. What the guard misses is still in the texts; a person must look before they leave."]
    if personal.network == "never":
        found.append("Only patterns looked for personal data: names, addresses and facilities were not looked for.")
    if personal.network == "prefiltered":
        found.append("The network looked for names where a text holds a word that is none of everyday notes in English.")
    if personal.action == "mask" and not funnel.masked:
        found.append("Nothing was masked in the kept records.")
    return found
