"""Exports: the shapes that others read, the same bytes each time, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from tests.unit.tuning.folders import FIELDS, write_data_set
from tests.unit.tuning.test_examples import CODED, coded

from groundcrew.curation.fields import Fields
from groundcrew.errors import Conflict, InputError
from groundcrew.tuning.exports import FORMATS, Format, export


def rows(path: Path) -> list[dict[str, object]]:
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]


def test_a_chat_as_openai_takes_it(tmp_path: Path) -> None:
    folder = write_data_set(tmp_path / "set")
    exported = export(folder, "openai-chat", ("validation", "train"), tmp_path / "out", prompt="Which team?")
    assert [each.name for each in exported.files] == ["train.jsonl", "validation.jsonl"]
    assert [each.rows for each in exported.files] == [36, 12]
    first = rows(tmp_path / "out" / "train.jsonl")[0]
    assert first == {
        "messages": [
            {"role": "system", "content": "Which team?"},
            {"role": "user", "content": "password trouble\n\nmy login does not work since 0 minutes"},
            {"role": "assistant", "content": "access"},
        ]
    }
    assert (tmp_path / "out" / "train.jsonl").stat().st_mode & 0o077 == 0


def test_chats_as_trl_takes_them(tmp_path: Path) -> None:
    folder = write_data_set(tmp_path / "set", [coded(), coded(id="n-2", codes=[], spans=[])], CODED)
    export(folder, "hf-prompt-completion", ("train",), tmp_path / "out")
    with_labels, without = rows(tmp_path / "out" / "train.jsonl")
    assert [each["role"] for each in with_labels["prompt"]] == ["system", "user"]  # type: ignore[attr-defined]
    assert with_labels["completion"] == [{"role": "assistant", "content": "I10\nE11.9"}]
    assert without["completion"] == [{"role": "assistant", "content": "none"}]
    export(folder, "hf-chat", ("train",), tmp_path / "chat")
    assert rows(tmp_path / "chat" / "train.jsonl")[0].keys() == {"messages"}


def test_classification_with_its_features(tmp_path: Path) -> None:
    export(write_data_set(tmp_path / "one"), "classification", ("train",), tmp_path / "single")
    assert rows(tmp_path / "single" / "train.jsonl")[1]["label"] == "hardware"
    info = msgspec.json.decode((tmp_path / "single" / "dataset_info.json").read_bytes())
    assert info["features"]["label"] == {"names": ["access", "hardware", "network"], "_type": "ClassLabel"}
    assert info["splits"] == {"train": {"num_examples": 36}}
    export(write_data_set(tmp_path / "more", [coded()], CODED), "classification", ("train",), tmp_path / "several")
    assert rows(tmp_path / "several" / "train.jsonl")[0]["labels"] == ["I10", "E11.9"]
    info = msgspec.json.decode((tmp_path / "several" / "dataset_info.json").read_bytes())
    assert info["features"]["labels"] == {"_type": "Sequence", "feature": {"names": ["E11.9", "I10"], "_type": "ClassLabel"}}


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_bytes_each_time(tmp_path: Path, format: Format) -> None:
    folder = write_data_set(tmp_path / "set")
    first = export(folder, format, ("train", "test"), tmp_path / "a")
    second = export(folder, format, ("test", "train"), tmp_path / "b")
    assert first.digest == second.digest
    assert export(folder, format, ("train",), tmp_path / "c").digest != first.digest


def test_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = write_data_set(tmp_path / "set")

    def refuse(_: object) -> None:
        raise RuntimeError("the log can not be written")

    with pytest.raises(RuntimeError):
        export(folder, "hf-chat", ("train",), tmp_path / "out", before=refuse)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["set"]
    (tmp_path / "taken").mkdir()
    with pytest.raises(Conflict, match="is there already"):
        export(folder, "hf-chat", ("train",), tmp_path / "taken")
    with pytest.raises(InputError, match="expected some of train, validation, test"):
        export(folder, "hf-chat", ("training",), tmp_path / "out")
    unlabelled = write_data_set(tmp_path / "bare", None, Fields(id="id", text=("body",), split="split"))
    with pytest.raises(InputError, match="has no label to learn"):
        export(unlabelled, "hf-chat", ("train",), tmp_path / "out")
    assert FIELDS.label == "team"
