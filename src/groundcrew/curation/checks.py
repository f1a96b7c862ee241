"""The checks of one record, in their fixed order: the first that fails is the one reason for which the record is dropped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from groundcrew.code_systems.system import CodeSystem
from groundcrew.curation.personal_data import masker_of
from groundcrew.curation.reasons import (
    DAMAGED_ENCODING,
    HEADING_CODE,
    LABEL_NOT_ALLOWED,
    MISPLACED_EVIDENCE,
    MISSING_FIELD,
    PERSONAL_DATA,
    TOO_LONG,
    TOO_SHORT,
    UNKNOWN_CODE,
    UNREADABLE,
    WRONG_LANGUAGE,
    WRONG_TYPE,
)
from groundcrew.curation.recipe import SPLITS, Recipe
from groundcrew.curation.text_checks import encoding_problem, language_problem
from groundcrew.curation.values import READERS, Reader, Value, WrongType, as_text, is_absent, kind_of, shown
from groundcrew.domain.canonical import digest, sha256_hex

#: Between the fields that are read as one text.
TEXT_SEPARATOR = "\n\n"


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What the checks of one record found. `reason` is None for a record that passes; then the rest is set.

    `record` is JSON of the recipe's fields and `digest` its SHA-256. `key` stands for the fields that make two records one.
    `near` is the text that is compared, `text` the one that is learned from. `labels` are as valid as the recipe asks.
    `removed` counts the labels that were taken out of it, by the reason for which each is not valid.
    """

    id: str | None = None
    reason: str | None = None
    detail: str | None = None
    digest: str | None = None
    record: str | None = None
    key: str | None = None
    labels: list[str] | None = None
    group: str | None = None
    time: str | None = None
    split: str | None = None
    stratum: str | None = None
    near: str | None = None
    text: str | None = None
    removed: dict[str, int] | None = None


class _Fault(Exception):
    """A check failed: the reason and its detail."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail


class Checker:
    """Checks records against one recipe. `codes` is the code system that the recipe names."""

    def __init__(self, recipe: Recipe, codes: CodeSystem | None = None) -> None:
        self._recipe, self._codes = recipe, codes
        self._fields = [(field, READERS[recipe.type_of(field)]) for field in recipe.fields]
        self._label = recipe.label.field if recipe.label else None
        self._allowed = set(recipe.label.allowed) if recipe.label and recipe.label.allowed is not None else None
        self._needed = recipe.needed
        personal = recipe.personal_data
        # What is masked is masked in the end, of the records that stay.
        self._masker = masker_of(personal) if personal is not None and personal.action == "drop" else None
        self._encoder = msgspec.json.Encoder(order="deterministic")
        #: Judged codes, so that the millionth of a code costs nothing.
        self._judged: dict[str, str | _Fault] = {}

    def check(self, text: str, *, typed: bool, damage: str | None = None) -> Checked:
        """Check one record, given as a JSON object.

        `typed` is False where the source has only text (CSV), so that a number has to be read from it. `damage` says what was
        wrong with its bytes, where they were no UTF-8 and `text` is what could be read of them.
        """
        row, unreadable = self._decoded(text)
        if row is None:
            damaged = DAMAGED_ENCODING if self._recipe.encoding == "intact" else UNREADABLE
            return unreadable if damage is None else Checked(reason=damaged, detail=damage)
        given = {field: value for field, _ in self._fields if not is_absent(value := row.get(field))}
        key = given.get(self._recipe.id)
        known_id = str(key) if isinstance(key, str | int) and not isinstance(key, bool) else None
        try:
            self._check_encoding(given, damage)
            for field in self._needed:
                if field not in given:
                    raise _Fault(MISSING_FIELD, f"{shown(field)} is absent or empty")
            values = self._values(given, typed)
            self._check_lengths(values)
            self._check_language(values)
            removed = self._check_labels(values)
            self._check_evidence(values)
            self._check_personal(values)
        except _Fault as fault:
            return Checked(id=known_id, reason=fault.reason, detail=fault.detail)
        return self._passed(values, removed)

    def _decoded(self, text: str) -> tuple[dict[str, Any] | None, Checked]:
        """The row, or None and why there is none."""
        try:
            row = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            if self._recipe.encoding == "intact" and (half := _halves(text)) is not None:
                key = half.get(self._recipe.id)
                known_id = key if isinstance(key, str) and key.isprintable() else None
                return None, Checked(id=known_id, reason=DAMAGED_ENCODING, detail="holds half of a pair of surrogates")
            return None, Checked(reason=UNREADABLE, detail="is not valid JSON")
        if not isinstance(row, dict):
            return None, Checked(reason=UNREADABLE, detail="is not a JSON object")
        return row, Checked()

    def _check_encoding(self, given: Mapping[str, object], damage: str | None) -> None:
        if damage is not None:
            raise _Fault(DAMAGED_ENCODING if self._recipe.encoding == "intact" else UNREADABLE, damage)
        if self._recipe.encoding == "intact":
            for field in self._recipe.text:
                text = given.get(field)
                problem = encoding_problem(text) if isinstance(text, str) else None
                if problem is not None:
                    raise _Fault(DAMAGED_ENCODING, f"{shown(field)}: {problem}")

    def _values(self, given: Mapping[str, object], typed: bool) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for field, read in self._fields:
            if field in given:
                try:
                    values[field] = self._read(field, given[field], read, typed)
                except WrongType as error:
                    raise _Fault(WRONG_TYPE, f"{shown(field)}: {error}") from error
        return values

    def _read(self, field: str, value: object, read: Reader, typed: bool) -> Value:
        one = field == self._label and self._recipe.label is not None and not self._recipe.label.multiple
        if (field == self._recipe.id or one) and (
            not isinstance(value, str | int) or (field == self._recipe.id and isinstance(value, bool))
        ):
            raise WrongType(f"expected a text or a whole number, found {kind_of(value)}")
        found = read(value, typed)
        split = self._recipe.split
        if split is not None and field == split.field and found not in SPLITS:
            raise WrongType(f"expected one of {', '.join(SPLITS)}")
        return found

    def _check_lengths(self, values: Mapping[str, Value]) -> None:
        lengths = [(field, len(str(values[field])), each) for field, each in self._recipe.length.items() if field in values]
        for field, length, bounds in lengths:
            if bounds.min is not None and length < bounds.min:
                raise _Fault(TOO_SHORT, f"{shown(field)} has {length} characters, at least {bounds.min} are needed")
        for field, length, bounds in lengths:
            if bounds.max is not None and length > bounds.max:
                raise _Fault(TOO_LONG, f"{shown(field)} has {length} characters, at most {bounds.max} are allowed")

    def _check_language(self, values: Mapping[str, Value]) -> None:
        if self._recipe.language:
            for field in self._recipe.text:
                problem = language_problem(str(values[field]), self._recipe.language)
                if problem is not None:
                    raise _Fault(WRONG_LANGUAGE, f"{shown(field)} is {problem}")

    def _check_labels(self, values: dict[str, Value]) -> dict[str, int]:
        """Raise for the first label that is not valid, or take those that are not out, with their evidence, while any is left;
        write codes as their system writes them, where the recipe says so. Returns how many were taken out, by reason."""
        asked, removed = self._recipe.label, dict[str, int]()
        if asked is None or (self._allowed is None and self._codes is None):
            return removed
        value = values[asked.field]
        labels = value if isinstance(value, list) else [as_text(value)]
        valid: dict[str, str] = {}
        faults: dict[str, _Fault] = {}
        for label in labels:
            try:
                valid[label] = self._valid(label)
            except _Fault as fault:
                faults[label] = fault
        if faults and (asked.on_invalid == "drop_record" or not valid):
            raise next(iter(faults.values()))
        if isinstance(value, list) and (faults or asked.normalise):
            values[asked.field] = list(dict.fromkeys(valid.values() if asked.normalise else valid))
        elif asked.normalise:
            values[asked.field] = valid[labels[0]]
        for each in faults.values():
            removed[each.reason] = removed.get(each.reason, 0) + 1
        spans = values.get(self._recipe.evidence) if faults and self._recipe.evidence is not None else None
        if isinstance(spans, list):
            spans[:] = [span for span in spans if span["label"] not in faults]
        return removed

    def _valid(self, label: str) -> str:
        found = self._judged.get(label)
        if found is None:
            try:
                found = self._judge(label)
            except _Fault as fault:
                found = fault
            self._judged[label] = found
        if isinstance(found, _Fault):
            raise _Fault(found.reason, found.detail)
        return found

    def _judge(self, label: str) -> str:
        entry = self._codes.find(label) if self._codes is not None else None
        written = entry.code if entry is not None and self._recipe.label and self._recipe.label.normalise else label
        if self._allowed is not None and written not in self._allowed:
            raise _Fault(LABEL_NOT_ALLOWED, f"{shown(label)} is not among the allowed labels")
        if self._codes is not None:
            if entry is None:
                raise _Fault(UNKNOWN_CODE, f"{shown(label)} is no code of {self._codes.name} {self._codes.release}")
            if not entry.usable:
                raise _Fault(HEADING_CODE, f"{shown(label)} is a heading of {self._codes.name}: a code under it is needed")
        return written

    def _check_evidence(self, values: dict[str, Value]) -> None:
        field = self._recipe.evidence
        if field is None or field not in values or self._recipe.label is None:
            return
        spans, length = values[field], len(str(values[self._recipe.text[0]]))
        assert isinstance(spans, list)
        label = values[self._recipe.label.field]
        labels = set(label) if isinstance(label, list) else {as_text(label)}
        for span in spans:
            if self._recipe.label.normalise and self._codes is not None and (entry := self._codes.find(span["label"])):
                span["label"] = entry.code
            if not 0 <= span["start"] < span["end"] <= length:
                place = f"{span['start']} to {span['end']}"
                raise _Fault(MISPLACED_EVIDENCE, f"a span from {place} lies outside the text of {length} characters")
            if span["label"] not in labels:
                raise _Fault(MISPLACED_EVIDENCE, f"a span marks {shown(span['label'])}, which is no label of the record")

    def _check_personal(self, values: Mapping[str, Value]) -> None:
        """Raise for personal data, where the recipe says to drop what holds some."""
        for field in self._recipe.masked_fields if self._masker is not None else ():
            text = values.get(field)
            found = self._masker.mask(text).types if self._masker is not None and isinstance(text, str) else ()
            if found:
                raise _Fault(PERSONAL_DATA, f"{shown(field)} holds {', '.join(found)}")

    def _passed(self, values: dict[str, Value], removed: dict[str, int]) -> Checked:
        recipe = self._recipe
        record = self._encoder.encode(values)
        exact = recipe.duplicates.exact if recipe.duplicates else ()
        label = values.get(self._label) if self._label else None
        split, sample = recipe.split, recipe.sample
        one = {"group": recipe.group, "time": recipe.time, "split": split and split.field, "stratum": sample and sample.stratify}
        text = TEXT_SEPARATOR.join(str(values[field]) for field in recipe.text)
        near = recipe.near_fields
        return Checked(
            id=as_text(values[recipe.id]),
            digest=sha256_hex(record),
            record=record.decode(),
            key=digest([values.get(field) for field in exact]) if exact else None,
            labels=None if label is None else [*label] if isinstance(label, list) else [as_text(label)],
            near=text if near == recipe.text else TEXT_SEPARATOR.join(str(values.get(field, "")) for field in near),
            text=text,
            removed=removed or None,
            **{name: as_text(values[field]) for name, field in one.items() if field is not None and field in values},
        )


def _halves(text: str) -> dict[str, Any] | None:
    """The JSON object in `text` where all that is wrong with it are halves of surrogate pairs; None otherwise."""
    try:
        row = json.loads(text)
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return row if isinstance(row, dict) else None
    except (ValueError, RecursionError):
        pass
    return None
