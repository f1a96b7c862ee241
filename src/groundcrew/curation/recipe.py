"""The recipe: what a record must be to enter a data set, and what is done with all of them together."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import msgspec

from groundcrew.domain.canonical import digest

FieldType: TypeAlias = Literal["string", "integer", "number", "boolean", "date", "strings", "spans"]
FIELD_TYPES: tuple[FieldType, ...] = get_args(FieldType)

#: The splits of a data set, from the one that is learned from to the one that is only ever measured on.
SplitName: TypeAlias = Literal["train", "validation", "test"]
SPLITS: tuple[SplitName, ...] = get_args(SplitName)
#: The column that a split adds to the records.
SPLIT_FIELD = "split"

#: Fields that one recipe may name, entries of one of its lists, and characters of one of its texts.
FIELDS_MAX = 500
LABELS_MAX = 200_000
TEXT_CHARACTERS_MAX = 2_000
SEED_MAX = 2**63 - 1
LANGUAGES_MAX = 20
FOLDS_MAX = 20
WORDS_MAX = 10

NetworkUse: TypeAlias = Literal["always", "prefiltered", "never"]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of a recipe. What is not said is not in the digest either, so that new keys leave old recipes their digest."""


class LengthBounds(_Section, frozen=True, kw_only=True):
    """How many characters (Unicode code points) a text may have, both bounds included."""

    min: int | None = None
    max: int | None = None


class NearDuplicates(_Section, frozen=True, kw_only=True):
    """Texts are near-equal when the Jaccard similarity of their shingles (runs of `words` words, case and punctuation left out)
    is at least `threshold`, 0 to 1. `fields` are read as one text. `seed` draws the hash functions that find candidates."""

    fields: tuple[str, ...]
    threshold: float = 0.85
    words: int = 2
    seed: int = 7


class Duplicates(_Section, frozen=True, kw_only=True):
    """Records that agree in all fields of `exact` are one record, and so are records whose texts are `near`-equal."""

    exact: tuple[str, ...] = ()
    near: NearDuplicates | None = None


class Contradictions(_Section, frozen=True, kw_only=True):
    """Near-equal texts with different labels. `keep` says what stays of such a group: `majority` keeps the label that has at
    least the share `majority` of its records, and nothing where no label has; `none` keeps nothing."""

    keep: Literal["majority", "none"] = "majority"
    majority: float = 0.6
    threshold: float = 0.85


class LabelNoise(_Section, frozen=True, kw_only=True):
    """Labels that a model trained on the other records finds wrong (confident learning over `folds` folds). A label is judged
    where at least `min_records` records have it. `splits` are those that are learned from and judged, where there are splits:
    a test split without the labels that a model finds hard would flatter every model that is measured on it. `when_unsure`: what
    is done where right labels are not clearly apart from wrong ones, nothing, or to drop right ones along with wrong ones."""

    folds: int = 5
    min_records: int = 20
    seed: int = 7
    splits: tuple[SplitName, ...] = ("train", "validation")
    when_unsure: Literal["keep", "drop"] = "keep"


class Label(_Section, frozen=True, kw_only=True):
    """The field with the truth to learn. `multiple`: a list of labels; `allowed`: the values that it may take, None allows
    every value; `code_system`: the name of the system whose usable codes are the valid labels; `normalise`: a code is rewritten
    as its system writes it (case, dot); `on_invalid`: what goes for a label that is not valid, its record, or the label alone
    with its evidence (and the record where none is left)."""

    field: str
    allowed: tuple[str, ...] | None = None
    multiple: bool = False
    code_system: str | None = None
    normalise: bool = False
    on_invalid: Literal["drop_record", "drop_label"] = "drop_record"


class Split(_Section, frozen=True, kw_only=True):
    """Shares of the records, 0 to 1, that sum to 1, and what may not be torn apart: a `group` (a patient), an `id`, or `time`
    (train lies before validation, validation before test). `field`: records bring their split along, and only leakage is
    looked for. `near`: texts of two splits may be near-equal up to this similarity; None does not look."""

    train: float | None = None
    validation: float | None = None
    test: float | None = None
    by: Literal["group", "id", "time"] = "id"
    seed: int = 7
    field: str | None = None
    near: float | None = 0.85


class PersonalData(_Section, frozen=True, kw_only=True):
    """What the guard for personal data finds in `fields` (the text fields if none are named): `mask` it, or `drop` the record.
    `types` are kinds of findings (PERSON, DATE, …), empty for all. `network` says when the shipped network looks at a text
    besides the patterns: at every one, where a cheap look can not rule a name out, or never."""

    action: Literal["mask", "drop"]
    types: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    network: NetworkUse = "prefiltered"


class Balance(_Section, frozen=True, kw_only=True):
    """Labels with fewer than `min_per_label` records are too rare to learn, and their records go until every label that is left
    has as many; of those with more than `max_per_label`, so many are drawn by `seed`. `train_only`: the other splits keep the
    balance that life has."""

    max_per_label: int | None = None
    min_per_label: int | None = None
    seed: int = 7
    train_only: bool = False


class Sample(_Section, frozen=True, kw_only=True):
    """Keep at most `n` records, drawn by `seed`; with `stratify` each value of that field keeps its share."""

    n: int
    seed: int
    stratify: str | None = None


class Recipe(_Section, frozen=True, kw_only=True):
    """A checked recipe. Two recipes that ask for the same have the same `digest`, however they are written."""

    name: str
    source: str
    licence: str
    consent: str
    id: str
    text: tuple[str, ...]
    required: tuple[str, ...] = ()
    types: dict[str, FieldType] = {}
    encoding: Literal["any", "intact"] = "any"
    language: tuple[str, ...] = ()
    length: dict[str, LengthBounds] = {}
    label: Label | None = None
    evidence: str | None = None
    group: str | None = None
    time: str | None = None
    personal_data: PersonalData | None = None
    contradictions: Contradictions | None = None
    duplicates: Duplicates | None = None
    label_noise: LabelNoise | None = None
    split: Split | None = None
    balance: Balance | None = None
    sample: Sample | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field that the recipe names, once, in the order id, text, label, rest. A record has these columns."""
        label = (self.label.field,) if self.label else ()
        near = self.duplicates.near if self.duplicates else None
        listed = (
            *(self.duplicates.exact if self.duplicates else ()),
            *(near.fields if near else ()),
            *(self.personal_data.fields if self.personal_data else ()),
        )
        one = (self.evidence, self.group, self.time, self.split and self.split.field, self.sample and self.sample.stratify)
        named = (*self.types, *self.required, *self.length, *listed, *(each for each in one if each))
        return tuple(dict.fromkeys((self.id, *self.text, *label, *named)))

    @property
    def needed(self) -> tuple[str, ...]:
        """The fields that no record may lack: id, text, label, the required ones, and what the split goes by."""
        split = self.split
        by = {"group": self.group, "time": self.time}.get(split.by) if split else None
        named = {self.id, *self.text, *self.required, *((self.label.field,) if self.label else ()), by, split and split.field}
        return tuple(each for each in self.fields if each in named)

    @property
    def near_fields(self) -> tuple[str, ...]:
        """The fields whose text is compared wherever near-equal texts are looked for."""
        near = self.duplicates.near if self.duplicates else None
        return near.fields if near else self.text

    @property
    def masked_fields(self) -> tuple[str, ...]:
        """The fields that personal data is looked for in."""
        return (self.personal_data.fields or self.text) if self.personal_data else ()

    def type_of(self, field: str) -> FieldType | None:
        """The declared type, or the one that the field's part in the recipe gives it; None for a field kept as text."""
        if field in self.types:
            return self.types[field]
        if self.label and self.label.multiple and field == self.label.field:
            return "strings"
        if field == self.evidence:
            return "spans"
        if field == self.time:
            return "date"
        return "string" if field in (*self.text, *self.length, *self.near_fields, *self.masked_fields) else None

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical JSON of the recipe, with the allowed labels in it."""
        return digest(self)
