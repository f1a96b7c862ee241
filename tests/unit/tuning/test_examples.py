"""Examples come from records whose digest holds, and what can not be one is named."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from tests.unit.tuning.folders import FIELDS, tickets, write_data_set

from groundcrew.curation.fields import Fields
from groundcrew.errors import InputError
from groundcrew.tuning.architecture import ARCHITECTURES
from groundcrew.tuning.examples import EvidenceSpan, count, read_examples
from groundcrew.tuning.training_process import Assignment, _with_code_system

CODED = Fields(id="id", text=("note",), label="codes", multiple=True, evidence="spans", split="split")


def coded(**changes: object) -> dict[str, object]:
    span = {"label": "I10", "start": 0, "end": 12}
    return {
        "id": "n-1",
        "note": "Hypertension 🫀 known",
        "codes": ["I10", "E11.9", "I10"],
        "spans": [span],
        "split": "train",
        **changes,
    }


def test_the_examples_of_a_split_in_their_order(tmp_path: Path) -> None:
    folder = write_data_set(tmp_path / "set")
    train, validation = read_examples(folder, "train"), read_examples(folder, "validation")
    assert len(train) == 36
    assert [each.id for each in train] == sorted(each.id for each in train)
    assert {each.id for each in train}.isdisjoint(each.id for each in validation)
    assert train[0].text == "password trouble\n\nmy login does not work since 0 minutes"
    assert train[0].labels == ("access",)
    assert (train[0].group, train[0].language) == ("c-0", "en")
    assert count(folder).splits == {"test": 12, "train": 36, "validation": 12}
    assert count(folder).labels == ("access", "hardware", "network")


def test_several_labels_and_their_evidence(tmp_path: Path) -> None:
    folder = write_data_set(tmp_path / "set", [coded(), coded(id="n-2", codes=[], spans=[])], CODED)
    first, second = read_examples(folder, "train")
    assert first.labels == ("I10", "E11.9")
    assert first.evidence == (EvidenceSpan(label="I10", start=0, end=12),)
    assert second.labels == second.evidence == ()


def test_a_record_may_say_its_language(tmp_path: Path) -> None:
    rows = [{**row, "language": "es" if place % 2 else None} for place, row in enumerate(tickets(10))]
    fields = msgspec.structs.replace(FIELDS, language="language")
    found = read_examples(write_data_set(tmp_path / "set", rows, fields), "train")
    languages = {row["id"]: row["language"] or "en" for row in rows}
    assert {each.id: each.language for each in found} == {each.id: languages[each.id] for each in found}
    assert {each.language for each in found} == {"es", "en"}


def test_a_changed_record_is_noticed(tmp_path: Path) -> None:
    folder = write_data_set(tmp_path / "set")
    path = folder / "records.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match=r"records\.parquet: is not what revision\.json names"):
        read_examples(folder, "train")


@pytest.mark.parametrize(
    ("rows", "fields", "split", "message"),
    [
        (None, FIELDS, "dev", "no record is in the split 'dev'"),
        (None, None, "train", "does not say which columns mean what"),
        (None, Fields(id="id", text=("body",), label="team"), "train", "has no splits"),
        (None, Fields(id="id", text=("body",), label="squad", split="split"), "train", "has no column 'squad'"),
        ([{**tickets(1)[0], "team": None}, *tickets(2)], FIELDS, "train", "record 't-000': has no label"),
        ([coded(spans=[{"label": "I10", "start": 3, "end": 99}])], CODED, "train", "3 to 99 is outside of the text"),
        ([coded(spans=[{"label": "I10", "start": 3}])], CODED, "train", "expected a list of"),
    ],
)
def test_what_is_no_example_is_named(
    tmp_path: Path, rows: list[dict[str, object]] | None, fields: Fields | None, split: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_examples(write_data_set(tmp_path / "set", rows, fields), split)


def test_a_folder_that_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"revision\.json: no data set of groundcrew"):
        read_examples(tmp_path, "train")
    (tmp_path / "revision.json").write_text('{"name": "x"}')
    with pytest.raises(InputError, match=r"revision\.json: no data set of groundcrew"):
        count(tmp_path)


def test_the_code_system_of_the_data_set_is_the_default_of_who_reads_one(tmp_path: Path) -> None:
    fields = msgspec.structs.replace(FIELDS, code_system="icd-10-cm")
    folder = write_data_set(tmp_path / "set", fields=fields)
    assigned = Assignment(
        architecture="coder",
        factory="",
        name="m",
        data_set="d",
        data_revision="1",
        seed=1,
        settings={},
        examples=str(folder),
        work="",
    )
    assert _with_code_system(ARCHITECTURES["coder"](), assigned) == {"code_system": "icd-10-cm"}
    assert _with_code_system(ARCHITECTURES["classifier"](), assigned) == {}
    none = msgspec.structs.replace(assigned, settings={"code_system": ""})
    assert _with_code_system(ARCHITECTURES["coder"](), none) == {"code_system": ""}
