"""Why a record is dropped: every reason by name, in the one order in which the checks run. A record has the first that holds."""

from __future__ import annotations

from typing import Final

from groundcrew.curation.recipe import Recipe

#: Told of one record alone, in this order.
UNREADABLE: Final = "unreadable"
DAMAGED_ENCODING: Final = "damaged encoding"
MISSING_FIELD: Final = "missing field"
WRONG_TYPE: Final = "wrong type"
TOO_SHORT: Final = "too short"
TOO_LONG: Final = "too long"
WRONG_LANGUAGE: Final = "wrong language"
LABEL_NOT_ALLOWED: Final = "label not allowed"
UNKNOWN_CODE: Final = "unknown code"
HEADING_CODE: Final = "code is a heading"
MISPLACED_EVIDENCE: Final = "misplaced evidence"
PERSONAL_DATA: Final = "personal data"
#: Told of all records that passed so far, in this order.
CONTRADICTORY_LABEL: Final = "contradictory label"
DUPLICATE: Final = "duplicate"
NEAR_DUPLICATE: Final = "near-duplicate"
GROUP_LEAKAGE: Final = "group in two splits"
TIME_LEAKAGE: Final = "time of another split"
TEXT_LEAKAGE: Final = "near-equal text in two splits"
DOUBTFUL_LABEL: Final = "doubtful label"
RARE_LABEL: Final = "rare label"
BALANCED_OUT: Final = "balanced out"
SAMPLED_OUT: Final = "sampled out"

#: What each reason means, in the order of the checks.
MEANINGS: Final[dict[str, str]] = {
    UNREADABLE: "no JSON object, a row with too many or too few cells; not UTF-8, where the encoding is not checked",
    DAMAGED_ENCODING: "not UTF-8, or a text that went through the wrong code page, lost characters or holds control characters",
    MISSING_FIELD: "the id, a text, the label or a required field is absent, null or blank",
    WRONG_TYPE: "a value is not of its declared type",
    TOO_SHORT: "a text is shorter than its least length",
    TOO_LONG: "a text is longer than its greatest length",
    WRONG_LANGUAGE: "a text is in none of the wanted languages",
    LABEL_NOT_ALLOWED: "a label is not in the list of allowed ones",
    UNKNOWN_CODE: "a label is no code of this release of the code system: it never was one, or was retired",
    HEADING_CODE: "a label is a heading of the code system, which may not be assigned",
    MISPLACED_EVIDENCE: "a span lies outside the text, or marks a label that the record does not have",
    PERSONAL_DATA: "the guard found personal data, and the recipe says to drop",
    CONTRADICTORY_LABEL: "near-equal texts have different labels",
    DUPLICATE: "another record has the same id or agrees in all compared fields; the one whose id sorts first stays",
    NEAR_DUPLICATE: "the text is near-equal to that of a record that stays",
    GROUP_LEAKAGE: "records of the same group lie in another split",
    TIME_LEAKAGE: "the record lies in the time of another split",
    TEXT_LEAKAGE: "a near-equal text lies in another split",
    DOUBTFUL_LABEL: "a model trained on the other records finds the label wrong",
    RARE_LABEL: "a label of it has too few records to learn from",
    BALANCED_OUT: "its label has more records than wanted, and it was not drawn",
    SAMPLED_OUT: "was not among those drawn",
}
REASONS: Final = tuple(MEANINGS)


def reasons_of(recipe: Recipe) -> tuple[str, ...]:
    """The reasons that a recipe can drop a record for, in the order of the checks."""
    label, split, balance = recipe.label, recipe.split, recipe.balance
    coded = label is not None and label.code_system is not None
    asked = {
        DAMAGED_ENCODING: recipe.encoding == "intact",
        WRONG_LANGUAGE: bool(recipe.language),
        **dict.fromkeys((UNKNOWN_CODE, HEADING_CODE), coded),
        MISPLACED_EVIDENCE: recipe.evidence is not None,
        PERSONAL_DATA: recipe.personal_data is not None and recipe.personal_data.action == "drop",
        CONTRADICTORY_LABEL: recipe.contradictions is not None,
        NEAR_DUPLICATE: recipe.duplicates is not None and recipe.duplicates.near is not None,
        GROUP_LEAKAGE: split is not None and recipe.group is not None,
        TIME_LEAKAGE: split is not None and split.by == "time",
        TEXT_LEAKAGE: split is not None and split.near is not None,
        DOUBTFUL_LABEL: recipe.label_noise is not None,
        RARE_LABEL: balance is not None and balance.min_per_label is not None,
        BALANCED_OUT: balance is not None and balance.max_per_label is not None,
        SAMPLED_OUT: recipe.sample is not None,
    }
    return tuple(each for each in REASONS if asked.get(each, True))
