"""The encoder for work that nobody waits for, in a process of its own while there is some: in a server, calls that need no
encoder would pay for it with 100 MB that stay and with bursts of computing.

A process starts with the first text, stands back behind whatever else the machine does, and ends IDLE_S after the last one. It
reads frames from its standard input (a length of four bytes, then a JSON list of texts) and answers each with the bytes of a
(texts, 384) float32 array. `python -m groundcrew.grounding.encoder_process [LAYERS]` is that process.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.errors import GroundcrewError
from groundcrew.grounding.encoder import (
    DIMENSIONS,
    SHIPPED_MODEL,
    Encoder,
    as_read,
    layered_encoder,
    model_sha256,
    shipped_encoder,
)

#: How long a process without a text stays.
IDLE_S = 10.0
#: Texts in one frame; and how long a process may take for one, its own start included, before it is given up.
FRAME_TEXTS_MAX, FRAME_S_MAX = 64, 120.0
NICENESS = 10
_LENGTH_BYTES = 4
_ARRAY_BYTES = DIMENSIONS * 4


class Encodes(Protocol):
    """What turns texts into vectors."""

    @property
    def sha256(self) -> str:
        """What the encoder is: its model and its tokenizer."""
        ...

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """(n, 384) float32, every row of length 1."""
        ...


class EncoderFailed(GroundcrewError):
    """The encoder's process ended or did not answer; the next text starts another."""


class EncoderElsewhere:
    """The shipped encoder, with the weights of `layers` where given, in a process of its own. Safe to share between threads,
    which take turns."""

    def __init__(self, layers: Path | None = None, *, idle_s: float = IDLE_S, frame_s_max: float = FRAME_S_MAX) -> None:
        self._layers, self._idle_s, self._frame_s_max = layers, idle_s, frame_s_max
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._used_s = 0.0
        self._is_closed = False

    @property
    def sha256(self) -> str:
        """SHA-256 over model and tokenizer, read without starting anything."""
        return model_sha256(SHIPPED_MODEL)

    @property
    def process_id(self) -> int | None:
        """The process that runs now; None while none does."""
        process = self._process
        return process.pid if process is not None else None

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """(n, 384) float32, as `Encoder.encode` gives it. EncoderFailed where the process ends or takes too long."""
        found = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        with self._lock:
            for first in range(0, len(texts), FRAME_TEXTS_MAX):
                some = texts[first : first + FRAME_TEXTS_MAX]
                found[first : first + len(some)] = self._ask(some)
        return found

    def close(self) -> None:
        """End the process, if one runs, and start none any more: work that is still under way must not hold up a server's end."""
        self._is_closed = True
        with self._lock:
            self._end()

    def _ask(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        if self._is_closed:
            raise EncoderFailed("the encoder is closed: this server ends")
        frame = msgspec.json.encode([as_read(each) for each in texts])
        try:
            process = self._running()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(len(frame).to_bytes(_LENGTH_BYTES, "big") + frame)
            process.stdin.flush()
            answer = _read(process.stdout, len(texts) * _ARRAY_BYTES, time.monotonic() + self._frame_s_max)
        except (OSError, EncoderFailed) as error:
            self._end(kill=True)
            raise EncoderFailed(f"the encoder's process gave no answer: {error or type(error).__name__}") from error
        self._used_s = time.monotonic()
        return np.frombuffer(answer, dtype=np.float32).reshape(len(texts), DIMENSIONS)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            self._end()
        if self._process is None:
            layers = [str(self._layers)] if self._layers else []
            command = [sys.executable, "-m", "groundcrew.grounding.encoder_process", *layers]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            self._used_s = time.monotonic()
            threading.Thread(target=self._watch, name="groundcrew-encoder", daemon=True).start()
        return self._process

    def _watch(self) -> None:
        """End the process once nobody has used it for a while."""
        while True:
            with self._lock:
                left_s = self._used_s + self._idle_s - time.monotonic()
                if self._process is None or left_s <= 0:
                    self._end()
                    return
            time.sleep(left_s)

    def _end(self, *, kill: bool = False) -> None:
        process = self._process
        if process is None:
            return
        if kill:
            process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what it no longer reads is lost with it
                    pipe.close()
        process.wait()
        self._process = None


class _Place:
    """Where this process has texts encoded that nobody waits for: in itself, unless it serves."""

    elsewhere: dict[Path | None, EncoderElsewhere] | None = None


def background_encoder(layers: Path | None = None) -> Encodes:
    """The encoder for work that nobody waits for, with the weights of `layers` where given: of this process, or within
    `encoding_elsewhere` one in a process of its own."""
    if _Place.elsewhere is None:
        return shipped_encoder() if layers is None else layered_encoder(layers)
    return _Place.elsewhere.setdefault(layers, EncoderElsewhere(layers))


@contextlib.contextmanager
def encoding_elsewhere() -> Iterator[None]:
    """While it is open, `background_encoder` gives encoders in processes of their own, which end with it."""
    before, mine = _Place.elsewhere, dict[Path | None, EncoderElsewhere]()
    _Place.elsewhere = mine
    try:
        yield
    finally:
        _Place.elsewhere = before
        for each in mine.values():
            each.close()


def _read(pipe: IO[bytes], size: int, until_s: float) -> bytes:
    """`size` bytes; EncoderFailed where they do not come in time, or the other side has ended."""
    content = bytearray()
    while len(content) < size:
        ready, _, _ = select.select([pipe], [], [], max(0.0, until_s - time.monotonic()))
        if not ready:
            raise EncoderFailed("it took too long")
        piece = os.read(pipe.fileno(), size - len(content))
        if not piece:
            raise EncoderFailed("it has ended")
        content += piece
    return bytes(content)


def main(arguments: Sequence[str]) -> None:
    """Answer frames until the standard input ends."""
    os.nice(NICENESS)
    layers = Path(arguments[0]) if arguments else None
    encoder = Encoder(SHIPPED_MODEL, layers=layers)
    frames, answers = sys.stdin.buffer, sys.stdout.buffer
    while len(head := frames.read(_LENGTH_BYTES)) == _LENGTH_BYTES:
        frame = frames.read(int.from_bytes(head, "big"))
        answers.write(encoder.encode(msgspec.json.decode(frame, type=list[str])).tobytes())
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
