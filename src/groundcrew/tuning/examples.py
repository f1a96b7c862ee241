"""What a model learns from: the records of a curated data set as examples, read from a folder whose digest holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

from groundcrew.curation.fields import Fields
from groundcrew.domain.canonical import sha256_hex
from groundcrew.errors import InputError

RECORDS, REVISION, CARD, FUNNEL = "records.parquet", "revision.json", "CARD.md", "funnel.json"
REVISION_BYTES_MAX = 65_536
ROWS_AT_A_TIME = 10_000
#: Examples of one split that are held in memory, and the characters of all their texts together.
EXAMPLES_MAX, CHARACTERS_MAX = 2_000_000, 8_000_000_000
LABELS_OF_EXAMPLE_MAX = 1_000
SPANS_OF_EXAMPLE_MAX = 10_000
_CHUNK_BYTES = 1 << 20


class EvidenceSpan(msgspec.Struct, frozen=True, kw_only=True):
    """Characters `start` to `end` (Unicode code points, end not included) of an example's text, on which `label` rests."""

    label: str
    start: int
    end: int


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """One record: its text (several text fields are joined by a blank line), its true labels (one for a classifier of one
    label), and evidence spans where people marked them. `group` is the patient or customer that it belongs to."""

    id: str
    text: str
    labels: tuple[str, ...]
    evidence: tuple[EvidenceSpan, ...] = ()
    group: str = ""
    language: str = ""


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """What revision.json says of a data set."""

    name: str
    revision: str
    recipe_digest: str
    records: int
    records_sha256: str
    source: str = ""
    licence: str = ""
    consent: str = ""
    fields: Fields | None = None


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a data set: records by split ("" where there are no splits) and how many labels there are."""

    splits: dict[str, int]
    labels: tuple[str, ...]


def read_description(folder: Path, *, sha256: str = "") -> Description:
    """What `folder` says it holds. InputError where it is no data set of groundcrew, or its revision.json is not the one with
    `sha256` any more, where that is given: a folder that is only referred to may have been changed since it was registered."""
    path = folder / REVISION
    data = _description(path)
    if sha256 and sha256_hex(data) != sha256:
        raise InputError("was changed since the data set was registered: register this one as its own", file=str(path))
    try:
        return msgspec.json.decode(data, type=Description)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise InputError(f"no data set of groundcrew: {error}", file=str(path)) from None


def description_sha256(folder: Path) -> str:
    """The SHA-256 of `folder`'s revision.json. InputError where it can not be read."""
    return sha256_hex(_description(folder / REVISION))


def _description(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(REVISION_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(f"no data set of groundcrew: {error.strerror or type(error).__name__}", file=str(path)) from None


def fields_of(folder: Path, description: Description) -> Fields:
    """Which columns mean what. InputError where the data set does not say, as one made by an older version."""
    if description.fields is None:
        raise InputError("does not say which columns mean what: curate it again", file=str(folder / REVISION), field="fields")
    return description.fields


def read_examples(folder: Path, split: str, *, sha256: str = "") -> list[Example]:
    """The examples of one split ("train", "validation", "test") of the data set in `folder`, in the order of its records.
    `sha256` is that of the revision.json that was registered.

    InputError where the records are not those that revision.json names, where there are no splits or none of this name, or where
    a record can not be an example (it is named by its id).
    """
    description = read_description(folder, sha256=sha256)
    fields = fields_of(folder, description)
    if fields.split is None:
        raise InputError("has no splits: declare `split` in its recipe and curate again", file=str(folder), field="split")
    examples: list[Example] = []
    characters = 0
    with _records(folder, description) as file:
        for row in _rows(file, fields, folder):
            if row[fields.split] != split:
                continue
            example = _example(row, fields, folder)
            characters += len(example.text)
            if len(examples) >= EXAMPLES_MAX or characters > CHARACTERS_MAX:
                raise InputError(f"more than {EXAMPLES_MAX:,} examples or {CHARACTERS_MAX:,} characters", file=str(folder))
            examples.append(example)
    if not examples:
        raise InputError(f"no record is in the split {split!r}", file=str(folder), field="split")
    return examples


def count(folder: Path) -> Counted:
    """Check the records against revision.json, and count them by split; the labels, sorted."""
    description = read_description(folder)
    fields = description.fields
    splits: Counter[str] = Counter()
    labels: set[str] = set()
    with _records(folder, description) as file:
        if fields is None:
            return Counted(splits={"": description.records}, labels=())
        for row in _rows(file, fields, folder):
            splits[row[fields.split] if fields.split else ""] += 1
            labels.update(_labels(row, fields, folder))
    if sum(splits.values()) != description.records:
        raise InputError(f"holds {sum(splits.values()):,} records, not {description.records:,}", file=str(folder / RECORDS))
    return Counted(splits=dict(sorted(splits.items())), labels=tuple(sorted(labels)))


def _records(folder: Path, description: Description) -> IO[bytes]:
    """The records' file, open, once its digest was found to hold: what is read is what was checked."""
    import hashlib

    path = folder / RECORDS
    try:
        file = path.open("rb")
    except OSError as error:
        raise InputError(f"can not be read: {error.strerror}", file=str(path)) from None
    try:
        content = hashlib.sha256()
        while chunk := file.read(_CHUNK_BYTES):
            content.update(chunk)
        if content.hexdigest() != description.records_sha256:
            raise InputError("is not what revision.json names: its digest differs", file=str(path))
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def _rows(file: IO[bytes], fields: Fields, folder: Path) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    named = (fields.id, *fields.text, fields.label, fields.evidence, fields.group, fields.split, fields.language)
    wanted = list(dict.fromkeys(each for each in named if each is not None))
    try:
        records = parquet.ParquetFile(file)
        if missing := set(wanted) - set(records.schema_arrow.names):
            raise InputError(f"has no column {sorted(missing)[0]!r}", file=str(folder / RECORDS))
        for batch in records.iter_batches(batch_size=ROWS_AT_A_TIME, columns=wanted):
            yield from batch.to_pylist()
    except pa.ArrowException as error:
        raise InputError(f"can not be read: {type(error).__name__}", file=str(folder / RECORDS)) from None


def _example(row: dict[str, Any], fields: Fields, folder: Path) -> Example:
    texts = [str(row[each]) for each in fields.text if row[each] is not None]
    text = "\n\n".join(texts)
    return Example(
        id=str(row[fields.id]),
        text=text,
        labels=_labels(row, fields, folder),
        evidence=_evidence(row, fields, text, folder),
        group=_text(row, fields.group),
        language=_text(row, fields.language) or (fields.languages[0] if len(fields.languages) == 1 else ""),
    )


def _labels(row: dict[str, Any], fields: Fields, folder: Path) -> tuple[str, ...]:
    """The labels of a record, each once, in its order."""
    if fields.label is None:
        return ()
    value = row[fields.label]
    if fields.multiple:
        given = list(dict.fromkeys(str(each) for each in value or () if each is not None))
        if len(given) > LABELS_OF_EXAMPLE_MAX:
            raise _refused(row, fields, folder, f"more than {LABELS_OF_EXAMPLE_MAX} labels", fields.label)
        return tuple(given)
    if value is None:
        raise _refused(row, fields, folder, "has no label", fields.label)
    return (str(value).lower() if isinstance(value, bool) else str(value),)


def _evidence(row: dict[str, Any], fields: Fields, text: str, folder: Path) -> tuple[EvidenceSpan, ...]:
    value = row[fields.evidence] if fields.evidence else None
    if not value:
        return ()
    assert fields.evidence is not None
    try:
        given = msgspec.json.decode(value) if isinstance(value, str) else value
        spans = msgspec.convert(given, tuple[EvidenceSpan, ...])
    except (msgspec.MsgspecError, UnicodeError):
        raise _refused(row, fields, folder, "expected a list of {label, start, end}", fields.evidence) from None
    if len(spans) > SPANS_OF_EXAMPLE_MAX:
        raise _refused(row, fields, folder, f"more than {SPANS_OF_EXAMPLE_MAX:,} spans", fields.evidence)
    for each in spans:
        if not 0 <= each.start < each.end <= len(text):
            raise _refused(row, fields, folder, f"{each.start} to {each.end} is outside of the text", fields.evidence)
    return spans


def _text(row: dict[str, Any], field: str | None) -> str:
    return "" if field is None or row[field] is None else str(row[field])


def _refused(row: dict[str, Any], fields: Fields, folder: Path, why: str, field: str) -> InputError:
    return InputError(f"record {str(row[fields.id])[:200]!r}: {why}", file=str(folder / RECORDS), field=field)
