"""The encoder in a process of its own: the same vectors, an end when idle, and what happens when the process fails."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from groundcrew.grounding.encoder import SHIPPED_MODEL, layered_encoder, shipped_encoder
from groundcrew.grounding.encoder_process import (
    FRAME_TEXTS_MAX,
    EncoderElsewhere,
    EncoderFailed,
    background_encoder,
    encoding_elsewhere,
)

WAIT_S_MAX = 30.0
TEXTS = ["a lost card is blocked at once", "", "Straße 🚗 \ud800 x", "word " * 5_000]
LAYERS = SHIPPED_MODEL.parent / "overlap" / "layers.npz"


@pytest.fixture
def elsewhere() -> Iterator[EncoderElsewhere]:
    encoder = EncoderElsewhere()
    yield encoder
    encoder.close()


def _lives(process_id: int) -> bool:
    return Path(f"/proc/{process_id}/stat").exists()


def test_it_says_what_the_shipped_encoder_says(elsewhere: EncoderElsewhere) -> None:
    assert elsewhere.process_id is None, "nothing runs before the first text"
    np.testing.assert_array_equal(elsewhere.encode(TEXTS), shipped_encoder().encode(TEXTS))
    assert elsewhere.encode([]).shape == (0, 384)
    assert elsewhere.sha256 == shipped_encoder().sha256
    many = [f"case {number}" for number in range(FRAME_TEXTS_MAX + 1)]
    np.testing.assert_array_equal(elsewhere.encode(many)[-1], shipped_encoder().encode(many[-1:])[0])


def test_within_a_server_there_is_one_process_for_each_set_of_weights_and_none_afterwards() -> None:
    assert background_encoder() is shipped_encoder()
    with encoding_elsewhere():
        plain, tuned = background_encoder(), background_encoder(LAYERS)
        assert isinstance(plain, EncoderElsewhere)
        assert isinstance(tuned, EncoderElsewhere)
        assert background_encoder() is plain
        np.testing.assert_array_equal(tuned.encode(TEXTS[:1]), layered_encoder(LAYERS).encode(TEXTS[:1]))
        plain.encode(TEXTS[:1])
        ids = plain.process_id, tuned.process_id
    assert ids[0] != ids[1]
    assert not any(_lives(each) for each in ids if each is not None)
    assert background_encoder() is shipped_encoder()


def test_a_process_that_nobody_uses_ends_and_the_next_text_starts_another() -> None:
    encoder = EncoderElsewhere(idle_s=0.2)
    first = encoder.encode(TEXTS[:1])
    process_id = encoder.process_id
    until_s = time.monotonic() + WAIT_S_MAX
    while encoder.process_id is not None:
        assert time.monotonic() < until_s
        time.sleep(0.02)
    assert process_id is not None
    assert not _lives(process_id)
    np.testing.assert_array_equal(encoder.encode(TEXTS[:1]), first)
    encoder.close()


def test_a_process_that_was_killed_is_started_anew(elsewhere: EncoderElsewhere) -> None:
    first = elsewhere.encode(TEXTS[:1])
    process_id = elsewhere.process_id
    assert process_id is not None
    os.kill(process_id, signal.SIGKILL)
    until_s = time.monotonic() + WAIT_S_MAX
    while True:
        # The text that meets the end may be told so; what comes after it is answered.
        try:
            np.testing.assert_array_equal(elsewhere.encode(TEXTS[:1]), first)
            break
        except EncoderFailed:
            assert time.monotonic() < until_s
    assert elsewhere.process_id != process_id


def test_a_process_that_hangs_is_given_up() -> None:
    encoder = EncoderElsewhere()
    encoder.encode(TEXTS[:1])
    process_id = encoder.process_id
    assert process_id is not None
    encoder.close()
    hanging = EncoderElsewhere(frame_s_max=0.0)
    with pytest.raises(EncoderFailed, match="took too long"):
        hanging.encode(TEXTS[:1])
    assert hanging.process_id is None


def test_one_that_is_closed_starts_nothing_any_more(elsewhere: EncoderElsewhere) -> None:
    elsewhere.encode(TEXTS[:1])
    elsewhere.close()
    with pytest.raises(EncoderFailed, match="this server ends"):
        elsewhere.encode(TEXTS[:1])
    assert elsewhere.process_id is None


def test_threads_take_turns(elsewhere: EncoderElsewhere) -> None:
    texts = [f"thread {number}" for number in range(8)]
    found: dict[str, np.ndarray] = {}
    threads = [threading.Thread(target=lambda text=each: found.update({text: elsewhere.encode([text])[0]})) for each in texts]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    for each in texts:
        np.testing.assert_array_equal(found[each], shipped_encoder().encode([each])[0])
