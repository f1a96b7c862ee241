"""A model's folder is used only where it is, byte for byte, what its manifest says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.tuned import keywords

from groundcrew.errors import InputError
from groundcrew.tuned.loading import load_model, manifest_digest, read_arrays, read_manifest, write_manifest


def test_what_is_written_is_loaded_and_known_by_its_digest(tmp_path: Path) -> None:
    digest = keywords.write(tmp_path / "model")
    loaded = load_model(tmp_path / "model", digest=digest)
    prediction = loaded.predict(["fever and cough"])[0]
    assert prediction.labels == ("A01.1", "B02.2")
    assert prediction.needs_person
    assert digest == manifest_digest(loaded.manifest)
    assert keywords.write(tmp_path / "again") == digest
    assert keywords.write(tmp_path / "other", threshold=0.7) != digest


def test_writing_the_manifest_again_changes_nothing(tmp_path: Path) -> None:
    digest = keywords.write(tmp_path)
    before = (tmp_path / "model.json").read_bytes()
    assert write_manifest(tmp_path, read_manifest(tmp_path)) == digest
    assert (tmp_path / "model.json").read_bytes() == before


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), bit=st.integers(0, 7), name=st.sampled_from([keywords.FILE, "CARD.md", "model.json"]))
def test_no_changed_bit_is_ever_used(tmp_path: Path, place: int, bit: int, name: str) -> None:
    digest = keywords.write(tmp_path)
    data = bytearray((tmp_path / name).read_bytes())
    data[place % len(data)] ^= 1 << bit
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError):
        load_model(tmp_path, digest=digest)


def test_a_missing_an_additional_and_a_linked_file_are_refused(tmp_path: Path) -> None:
    keywords.write(tmp_path)
    (tmp_path / "more.json").write_text("{}")
    with pytest.raises(InputError, match=r"more.json: is no part of the model"):
        load_model(tmp_path)
    (tmp_path / "more.json").unlink()
    (tmp_path / "link.json").symlink_to(tmp_path / keywords.FILE)
    with pytest.raises(InputError, match="link"):
        load_model(tmp_path)
    (tmp_path / "link.json").unlink()
    (tmp_path / keywords.FILE).unlink()
    with pytest.raises(InputError, match=r"labels.json: a file of the model is missing"):
        load_model(tmp_path)
    with pytest.raises(InputError, match="holds no model"):
        load_model(tmp_path / "nowhere")


def test_another_model_in_its_place_is_refused(tmp_path: Path) -> None:
    digest = keywords.write(tmp_path, threshold=0.6)
    keywords.write(tmp_path)
    with pytest.raises(InputError, match="is another model"):
        load_model(tmp_path, digest=digest)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("format", 2, "unknown format 2"),
        ("architecture", "oracle", "unknown architecture 'oracle'"),
        ("threshold", 1.5, "between 0 and 1"),
        ("labels", 0, "without labels"),
        ("name", "../x", "lower-case"),
        ("surprise", 1, "unknown field"),
        ("files", {"CARD.md": "0" * 64, "../x.json": "0" * 64}, "inside the folder"),
        ("files", {"CARD.md": "0" * 64, "weights.pkl": "0" * 64}, "not loaded"),
        ("files", {"CARD.md": "nonsense"}, "SHA-256"),
        ("files", {}, "CARD.md"),
    ],
)
def test_what_a_manifest_may_not_say(tmp_path: Path, field: str, value: object, expected: str) -> None:
    keywords.write(tmp_path)
    path = tmp_path / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    with pytest.raises(InputError, match=expected):
        load_model(tmp_path)


def test_a_pickle_is_not_written_into_a_model_and_never_unpickled(tmp_path: Path) -> None:
    (tmp_path / "weights.pkl").write_bytes(b"\x80")
    with pytest.raises(InputError, match="not loaded"):
        keywords.write(tmp_path)
    np.savez(tmp_path / "objects.npz", a=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match="no readable arrays"):
        read_arrays(tmp_path / "objects.npz")
    np.savez(tmp_path / "good.npz", a=np.arange(3))
    assert read_arrays(tmp_path / "good.npz")["a"].tolist() == [0, 1, 2]
    for data in (b"", b"PK\x03\x04nonsense"):
        (tmp_path / "bad.npz").write_bytes(data)
        with pytest.raises(InputError, match="no readable arrays"):
            read_arrays(tmp_path / "bad.npz")


def test_what_a_loader_stumbles_over_names_the_folder(tmp_path: Path) -> None:
    keywords.write(tmp_path)
    (tmp_path / keywords.FILE).write_text('{"A": 1}')
    write_manifest(tmp_path, read_manifest(tmp_path))
    with pytest.raises(InputError, match=f"{tmp_path}: the model does not load"):
        load_model(tmp_path)
