"""What the injection network says about a text: how likely it is an attack as a whole, holds an instruction that is out of place,
or any instruction to an assistant, and where. Scores are calibrated: one in a hundred harmless texts reaches 0.5, one in a
thousand 0.9."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.errors import InputError
from groundcrew.guards.network import MODELS, Network, Window

FOLDER = MODELS / "injection"
CALIBRATION_FILE = "calibration.json"
#: Windows of one text that the network reads at most: about 4,800 tokens, 0.3 s on one core.
WINDOWS_MAX = 30
#: Longer texts (code points) are read from both ends; the middle can hold no window anyway.
READ_LENGTH_MAX = 120_000
#: A sentence or line, the unit whose mean logit counts, has at least so many tokens.
SEGMENT_TOKENS_LEAST = 3
_SENTENCE_ENDS = frozenset(".!?;…。！？")
#: Columns of the network's output, as training/injection/model.py names them.
PLANTED, ORDER, DIRECT = 0, 1, 2

Head = Literal["direct", "planted", "order"]
FLAG_SCORE, BLOCK_SCORE = 0.5, 0.9


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """The logits at which a head's score is 0.5 (`flag`) and 0.9 (`block`), and how fast its log odds fall below the flag
    (`slope`): there the heads' scores are compared, and nothing else depends on it."""

    flag: float
    block: float
    slope: float

    def score(self, logit: float) -> float:
        """0..1, rising with `logit`."""
        slope = self.slope if logit < self.flag else math.log(9.0) / max(0.1, self.block - self.flag)
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, slope * (logit - self.flag)))))


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """One line per head."""

    direct: Line
    planted: Line
    order: Line


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A run of the text, in code points, and the highest score that a head gives it."""

    start: int
    end: int
    score: float


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """Logits of a whole text, the highest over its windows and, of the token heads, its sentences (-inf for a text without
    tokens); the parts of the text by head that speak for them; and whether all of the text was read."""

    logits: dict[Head, float]
    parts: dict[Head, tuple[Part, ...]]
    complete: bool


NOTHING: dict[Head, float] = {"direct": -math.inf, "planted": -math.inf, "order": -math.inf}


class InjectionScores:
    """The network with its calibration, loaded on first use."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder, self._network = folder, Network(folder)
        self._calibration: Calibration | None = None

    def warm(self) -> None:
        """Load the network; InputError where a file is missing or broken."""
        self._network.warm()
        _ = self.calibration

    @property
    def calibration(self) -> Calibration:
        """Read once."""
        if self._calibration is None:
            path = self._folder / CALIBRATION_FILE
            try:
                self._calibration = msgspec.json.decode(path.read_bytes(), type=Calibration)
            except (OSError, msgspec.MsgspecError) as error:
                raise InputError(f"the injection guard's calibration can not be read: {error}", file=str(path)) from error
        return self._calibration

    def read(self, text: str) -> Reading:
        """The network over `text`."""
        calibration = self.calibration
        pieces = [(0, text)]
        if len(text) > READ_LENGTH_MAX:
            half = READ_LENGTH_MAX // 2
            pieces = [(0, text[:half]), (len(text) - half, text[-half:])]
        logits, complete = dict(NOTHING), len(pieces) == 1
        parts: dict[Head, list[Part]] = {"direct": [], "planted": [], "order": []}
        for start, piece in pieces:
            windows, whole = self._network.windows(piece, windows_max=WINDOWS_MAX // len(pieces))
            complete = complete and whole
            for window in windows:
                _read_window(piece, start, window, calibration, logits, parts)
        return Reading(logits=logits, parts={head: tuple(found) for head, found in parts.items()}, complete=complete)


def _read_window(
    text: str,
    shift: int,
    window: Window,
    calibration: Calibration,
    logits: dict[Head, float],
    parts: dict[Head, list[Part]],
) -> None:
    values: npt.NDArray[np.float32] = window.logits
    places = window.offsets
    whole = float(values[0, DIRECT])
    logits["direct"] = max(logits["direct"], whole)
    if (score := calibration.direct.score(whole)) >= FLAG_SCORE:
        parts["direct"].append(Part(start=shift + places[0][0], end=shift + places[-1][1], score=score))
    heads: tuple[tuple[Head, int, Line], ...] = (("planted", PLANTED, calibration.planted), ("order", ORDER, calibration.order))
    for first, after in _segments(text, places):
        for head, column, line in heads:
            logit = float(values[first:after, column].mean())
            logits[head] = max(logits[head], logit)
            if (score := line.score(logit)) >= FLAG_SCORE:
                parts[head].append(Part(start=shift + places[first][0], end=shift + places[after - 1][1], score=score))


def _segments(text: str, places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sentences and lines as runs of tokens, (first, after); those of fewer than `SEGMENT_TOKENS_LEAST` tokens go with the next
    one, or the last one."""
    found: list[tuple[int, int]] = []
    first, last = 0, len(places) - 1
    for index, (start, end) in enumerate(places):
        following = places[index + 1][0] if index < last else end
        ends = text[start:end] in _SENTENCE_ENDS and following > end
        if index < last and (index + 1 - first < SEGMENT_TOKENS_LEAST or not (ends or "\n" in text[end:following])):
            continue
        if index == last and found and index + 1 - first < SEGMENT_TOKENS_LEAST:
            first = found.pop()[0]
        found.append((first, index + 1))
        first = index + 1
    return found
