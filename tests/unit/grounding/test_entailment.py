"""The shipped entailment network as the trust score uses it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundcrew.errors import InputError
from groundcrew.grounding.entailment import CLAIM_TOKENS_MAX, SHIPPED_MODEL, TOKENS_MAX, Entailment, shipped_entailment

SOURCE = "Withdrawals at machines of other banks cost CHF 2.00 each. The daily limit is CHF 2'000 and can be raised on request."
PAIRS = [
    (SOURCE, "Taking out cash at another bank's machine costs two francs."),
    (SOURCE, "The daily limit is CHF 5'000."),
    (SOURCE, "The branch in Basel opens at nine."),
    (SOURCE, SOURCE),
]


@pytest.fixture(scope="module")
def network() -> Entailment:
    return shipped_entailment()


def test_scores_are_probabilities_in_the_order_of_the_pairs(network: Entailment):
    scores = network.score(PAIRS)
    assert scores.shape == (len(PAIRS), 2)
    assert scores.dtype == np.float32
    assert ((scores >= 0) & (scores <= 1)).all()
    assert (scores.sum(axis=1) <= 1.0001).all()


def test_it_tells_a_rewording_from_a_wrong_figure_and_from_what_nobody_said(network: Entailment):
    reworded, wrong, absent, verbatim = network.score(PAIRS)[:, 0]
    assert min(reworded, verbatim) > max(wrong, absent)
    assert network.score(PAIRS)[1, 1] > network.score(PAIRS)[0, 1]


def test_the_wrong_word_is_the_most_doubtful(network: Entailment):
    claim = "The daily limit is CHF 7'000 and can be raised on request."
    (reading,) = network.read([(SOURCE, claim)])
    start, end, _ = max(reading.words, key=lambda word: word[2])
    assert claim[start:end] in ("7", "'", "000")


@pytest.mark.parametrize("pair", [("", "A claim."), (SOURCE, ""), ("", ""), ("\ud800", "\n\t"), (" ", " ")])
def test_an_empty_side_supports_nothing(network: Entailment, pair: tuple[str, str]):
    assert network.score([pair]).tolist()[0][0] < 0.5
    assert np.isfinite(network.score([pair])).all()


def test_nothing_gives_nothing(network: Entailment):
    assert network.score([]).shape == (0, 2)
    assert network.read([]) == []


def test_very_long_texts_are_cut_and_offsets_stay_inside(network: Entailment):
    claim = "The fee is due. " * 4_000
    (reading,) = network.read([(SOURCE * 500, claim)])
    assert len(reading.words) == CLAIM_TOKENS_MAX < TOKENS_MAX
    assert all(0 <= start < end <= len(claim) and 0.0 <= chance <= 1.0 for start, end, chance in reading.words)


def test_scores_do_not_depend_on_order_company_or_time(network: Entailment):
    alone = np.concatenate([network.score([pair]) for pair in PAIRS])
    assert np.array_equal(network.score(PAIRS), alone)
    assert np.array_equal(network.score(PAIRS[::-1])[::-1], alone)
    assert np.array_equal(network.score([PAIRS[0], *PAIRS, PAIRS[0]])[1:-1], alone)
    assert np.array_equal(Entailment.shipped(threads=1).score(PAIRS), alone)


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=120), st.text(max_size=120))
def test_any_text_is_scored_without_nan(evidence: str, claim: str):
    scores = shipped_entailment().score([(evidence, claim), ("🙂 " + evidence, claim + " 🇨🇭")])
    assert np.isfinite(scores).all()
    assert ((scores >= 0) & (scores <= 1)).all()


def test_missing_and_broken_files_are_named(tmp_path: Path):
    with pytest.raises(InputError, match="missing"):
        Entailment(tmp_path)
    for name in ("model.onnx", "tokenizer.json"):
        (tmp_path / name).write_text("not a model")
    with pytest.raises(InputError, match="does not load"):
        Entailment(tmp_path)
    with pytest.raises(InputError, match="at least 1"):
        Entailment(SHIPPED_MODEL, threads=0)


def test_the_files_keep_to_their_budget():
    models = SHIPPED_MODEL.parent
    assert (SHIPPED_MODEL / "model.onnx").stat().st_size <= 16_000_000
    assert sum(path.stat().st_size for path in models.rglob("*") if path.is_file()) <= 64_000_000
    assert (SHIPPED_MODEL / "MODEL_CARD.md").is_file()
