"""The shipped encoder: its files, the shape and stability of its vectors, and that likeness of meaning shows in them."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundcrew.errors import InputError
from groundcrew.grounding.encoder import LAYERS_OF, SHIPPED_MODEL, Encoder, model_sha256, shipped_encoder

MODEL_BYTES_MAX = 25_000_000


def test_the_model_card_names_the_checksums_of_the_shipped_files() -> None:
    card = (SHIPPED_MODEL / "MODEL_CARD.md").read_text(encoding="utf-8")
    for name in ("model.onnx", "tokenizer.json"):
        checksum = hashlib.sha256((SHIPPED_MODEL / name).read_bytes()).hexdigest()
        assert f"{checksum}  {name}" in card


def test_the_model_stays_small_enough_for_a_package() -> None:
    assert (SHIPPED_MODEL / "model.onnx").stat().st_size < MODEL_BYTES_MAX


def test_likeness_of_meaning_beats_likeness_of_words() -> None:
    question, same, other = shipped_encoder().encode(
        ["How do I block a lost card?", "My debit card was stolen, stop it please", "How do I build a lost wooden chair?"]
    )
    assert question @ same > question @ other


def test_nothing_in_gives_no_rows() -> None:
    assert shipped_encoder().encode([]).shape == (0, 384)


def test_long_and_empty_texts_are_encoded_too() -> None:
    vectors = shipped_encoder().encode(["", " \n", "word " * 100_000, "\ud800", "\x00"])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


@settings(max_examples=15)
@given(st.text(max_size=200), st.lists(st.text(max_size=200), max_size=4))
def test_a_text_has_the_same_vector_whatever_stands_beside_it(text: str, neighbours: list[str]) -> None:
    alone = shipped_encoder().encode([text])[0]
    together = shipped_encoder().encode([*neighbours, text])[-1]
    np.testing.assert_array_equal(alone, together)
    assert abs(float(np.linalg.norm(alone)) - 1.0) < 1e-5


def test_threads_share_one_encoder() -> None:
    texts = [f"Fee number {number} is {number} francs." for number in range(24)]
    expected = shipped_encoder().encode(texts)
    with ThreadPoolExecutor(max_workers=4) as pool:
        found = np.stack(list(pool.map(lambda text: shipped_encoder().encode([text])[0], texts)))
    np.testing.assert_array_equal(found, expected)
    assert shipped_encoder() is shipped_encoder()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"model\.onnx: the encoder's file is missing"):
        Encoder(tmp_path)
    with pytest.raises(InputError, match=r"model\.onnx"):
        model_sha256(tmp_path)


def test_a_broken_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match=r"tokenizer\.json: the encoder's tokenizer does not load"):
        Encoder(tmp_path)
    (tmp_path / "tokenizer.json").write_bytes((SHIPPED_MODEL / "tokenizer.json").read_bytes())
    with pytest.raises(InputError, match=r"model\.onnx: the encoder's model does not load"):
        Encoder(tmp_path)


def test_threads_below_one_are_refused() -> None:
    with pytest.raises(InputError, match="threads"):
        Encoder.shipped(threads=0)


def test_layers_of_a_file_stand_in_for_the_models_own(tmp_path: Path) -> None:
    """The encoder of overlaps is the shipped one with other weights in its last layers."""
    with np.load(SHIPPED_MODEL.parent / "overlap" / "layers.npz", allow_pickle=False) as content:
        layers = dict(content)
    np.savez(tmp_path / "some.npz", **layers)
    pair = ["Reads bills and books them", "Takes invoices into the ledger"]
    plain, other = shipped_encoder().encode(pair), Encoder(SHIPPED_MODEL, layers=tmp_path / "some.npz").encode(pair)
    assert not np.allclose(plain, other)
    np.testing.assert_allclose(np.linalg.norm(other, axis=1), 1.0, atol=1e-5)
    np.testing.assert_array_equal(plain, Encoder.shipped().encode(pair))


@pytest.mark.parametrize("broken", ["missing", "no npz", "for another model"])
def test_layers_that_can_not_be_used_are_named(tmp_path: Path, broken: str) -> None:
    file = tmp_path / "layers.npz"
    if broken == "no npz":
        file.write_bytes(b"PK nothing")
    if broken == "for another model":
        np.savez(file, **{LAYERS_OF: np.array("0" * 64), "weights.embeddings_LayerNorm_bias": np.zeros(384, dtype=np.float32)})
    with pytest.raises(InputError, match="encoder"):
        Encoder(SHIPPED_MODEL, layers=file)
