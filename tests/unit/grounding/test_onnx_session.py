"""Shares of logits: they add up, keep their order and their type, and what is not finite says nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.grounding.entailment import SHIPPED_MODEL
from groundcrew.grounding.onnx_session import open_session, softmax

rows = st.lists(st.lists(st.floats(-1024, 1024, width=32), min_size=3, max_size=3), min_size=1, max_size=4)


@given(rows)
def test_shares_add_up_and_keep_the_order(logits: list[list[float]]) -> None:
    given_logits = np.array(logits, dtype=np.float32)
    shares = softmax(given_logits)
    assert shares.dtype == np.float32
    assert np.allclose(shares.sum(axis=-1), 1.0, atol=1e-5)
    assert (np.take_along_axis(shares, np.argsort(given_logits, axis=-1), axis=-1)[:, -1] >= shares.max(axis=-1)).all()
    assert np.array_equal(softmax(given_logits[0]), shares[0])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_says_nothing_and_spoils_no_other(value: float) -> None:
    shares = softmax(np.array([[1.0, value], [0.0, 0.0]]))
    assert np.isnan(shares[0]).all()
    assert shares[1].tolist() == [0.5, 0.5]


def test_a_session_runs_the_shipped_model_and_a_broken_file_raises(tmp_path: Path) -> None:
    session = open_session(SHIPPED_MODEL / "model.onnx")
    assert {each.name for each in session.get_inputs()} == {"input_ids", "marks"}
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(Exception, match=r".+"):
        open_session(tmp_path / "model.onnx")
