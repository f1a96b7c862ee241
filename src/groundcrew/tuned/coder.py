"""Suggests codes of a code system for a text, each with the words it rests on: the architecture "coder" at work.

Candidates come from phrases that cases taught, from terms and titles of codes, and from what is nearly said; boosted trees weigh
them. Needs no training library, and no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.errors import InputError
from groundcrew.tuned.coder_candidates import FEATURES, Candidates, candidates
from groundcrew.tuned.coder_case import chance_all_right, expected_f1
from groundcrew.tuned.coder_forest import FIELDS, Forest
from groundcrew.tuned.coder_index import Index
from groundcrew.tuned.coder_knowledge import Knowledge, Titles, Tongue
from groundcrew.tuned.coder_text import Words, read
from groundcrew.tuned.loading import read_arrays
from groundcrew.tuned.model import Manifest, Prediction, Span, Suggestion

ARCHITECTURE = "coder"
#: What a coder's folder holds and means; another format was made by another version.
CODER_FORMAT: Final = 3
CODER_FILE, TITLES_FILE, FORESTS_FILE = "coder.json", "titles.json", "forests.npz"
#: Suggestions of one text, kept or not, and those that are shown although they are not kept: at least this likely.
SUGGESTIONS_MAX, SHOWN_MIN = 100, 0.02
#: Places of evidence of one suggestion.
EVIDENCE_MAX = 10
TEXT_CHARACTERS_MAX = 200_000

_BECAUSE = {
    "phrase": "a phrase that coders marked for this code, or that goes with it",
    "term": "a clinical term for this code",
    "near": "words close to a phrase or a term known for this code",
    "title": "words of the code's title",
}

Floats = npt.NDArray[np.float64]


class Curve(msgspec.Struct, frozen=True):
    """A rising line through points: what a score means as a probability."""

    x: tuple[float, ...]
    y: tuple[float, ...]

    def __call__(self, values: Floats) -> Floats:
        return np.asarray(np.interp(values, self.x, self.y))


class Voice(msgspec.Struct, frozen=True):
    """A language with its own curves."""

    tongue: Tongue
    scores: Curve
    trust: Curve


class Coder(msgspec.Struct, frozen=True):
    """What coder.json holds. `trust`: "all_right", or "f1" for the expected F1 of the case."""

    format: Literal[3]
    trust: Literal["all_right", "f1"]
    voices: tuple[Voice, ...]


class _Head(msgspec.Struct, frozen=True):
    """The part of coder.json that every format has."""

    format: int


class Judged(msgspec.Struct, frozen=True):
    """A text's candidates with their raw scores."""

    candidates: Candidates
    words: Words
    scores: Floats


class LoadedCoder:
    """A coder in memory. Safe to be asked from one thread at a time."""

    def __init__(self, manifest: Manifest, coder: Coder, titles: Titles, forests: dict[str, npt.NDArray[Any]]) -> None:
        self._manifest, self._coder, self._titles = manifest, coder, titles
        index = Index(titles.words, titles.heavy)
        self._known = [Knowledge(voice.tongue, titles, index) for voice in coder.voices]
        self._frequent = [frozenset(voice.tongue.frequent) for voice in coder.voices]
        self._forests = [_forest(forests, str(at)) for at in range(len(coder.voices))]

    @property
    def manifest(self) -> Manifest:
        return self._manifest

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction a text, in order. What stands after `TEXT_CHARACTERS_MAX` is not read, and a person is asked."""
        return [self._predict(text) for text in texts]

    def voice_of(self, words: Words) -> int:
        """The number of the language whose frequent words the text has most of."""
        held = set(words.stems)
        return max(range(len(self._frequent)), key=lambda at: (len(held & self._frequent[at]), -at))

    def judge(self, text: str) -> tuple[int, Judged]:
        """The language of the text, and its candidates with scores that are not calibrated yet."""
        words = read(text[:TEXT_CHARACTERS_MAX])
        at = self.voice_of(words)
        return at, judge(self._known[at], text[:TEXT_CHARACTERS_MAX], self._forests[at])

    def _predict(self, text: str) -> Prediction:
        at, judged = self.judge(text)
        if not judged.words.stems:
            return Prediction(suggestions=(), trust=0.0, needs_person=True, reason="the text has no words")
        voice = self._coder.voices[at]
        scores = voice.scores(judged.scores)
        order = sorted(range(len(scores)), key=lambda row: (-scores[row], -judged.scores[row], judged.candidates.codes[row]))
        suggestions = []
        for row in order[:SUGGESTIONS_MAX]:
            score, kept = float(scores[row]), bool(scores[row] >= self._manifest.threshold)
            if kept or score >= SHOWN_MIN:
                suggestions.append(self._suggestion(judged, row, score, kept))
        measure = chance_all_right if self._coder.trust == "all_right" else expected_f1
        raw = measure(scores.tolist(), self._manifest.threshold)
        trust = float(voice.trust(np.array([raw]))[0])
        below = self._manifest.person_below
        reasons = []
        if not any(each.kept for each in suggestions):
            reasons.append("no code reaches the threshold")
        if len(text) > TEXT_CHARACTERS_MAX:
            reasons.append(f"only the first {TEXT_CHARACTERS_MAX:,} characters were read")
        if below is not None and trust < below:
            reasons.append("the trust is below the model's bound")
        return Prediction(suggestions=tuple(suggestions), trust=trust, needs_person=bool(reasons), reason="; ".join(reasons))

    def _suggestion(self, judged: Judged, row: int, score: float, kept: bool) -> Suggestion:
        code = judged.candidates.codes[row]
        return Suggestion(
            label=code,
            score=score,
            kept=kept,
            title=self._titles.names.get(code, ""),
            evidence=_spans(judged.words, judged.candidates.places[row]),
            because=_BECAUSE[judged.candidates.sources[row]],
        )


def judge(knowledge: Knowledge, text: str, forest: Forest) -> Judged:
    """The candidates of `text` with their scores."""
    prepared = knowledge.prepare(text)
    found = candidates(knowledge, prepared)
    scores = forest.probabilities(found.rows) if found.codes else np.zeros(0)
    return Judged(found, prepared.words, scores)


def _spans(words: Words, mentions: Sequence[tuple[int, ...]]) -> tuple[Span, ...]:
    """The characters of the mentions' words; neighbouring words make one span."""
    spans: dict[Span, None] = {}
    for places in mentions:
        start, last = places[0], places[0]
        for place in [*places[1:], -1]:
            if place == last + 1:
                last = place
                continue
            spans[Span(start=words.spans[start][0], end=words.spans[last][1])] = None
            start = last = place
        if len(spans) >= EVIDENCE_MAX:
            break
    return tuple(sorted(list(spans)[:EVIDENCE_MAX], key=lambda span: (span.start, span.end)))


def _forest(arrays: dict[str, npt.NDArray[Any]], name: str) -> Forest:
    return Forest({field: arrays[f"{name}.{field}"] for field in FIELDS}, len(FEATURES))


def load_coder(folder: Path, manifest: Manifest) -> LoadedCoder:
    """The coder in `folder`. InputError, naming the file, where one is missing or does not hold what it must."""
    try:
        held = (folder / CODER_FILE).read_bytes()
        made = msgspec.json.decode(held, type=_Head).format
        if made != CODER_FORMAT:
            told = f"is of format {made}, and this version reads {CODER_FORMAT}: tune the model again"
            raise InputError(told, file=str(folder / CODER_FILE), field="format")
        coder = msgspec.json.decode(held, type=Coder)
    except (OSError, msgspec.MsgspecError) as error:
        raise InputError(f"can not be read: {error}", file=str(folder / CODER_FILE)) from None
    if not coder.voices:
        raise InputError("holds no language", file=str(folder / CODER_FILE), field="voices")
    try:
        titles = msgspec.json.decode((folder / TITLES_FILE).read_bytes(), type=Titles)
    except (OSError, msgspec.MsgspecError) as error:
        raise InputError(f"can not be read: {error}", file=str(folder / TITLES_FILE)) from None
    arrays = read_arrays(folder / FORESTS_FILE)
    try:
        return LoadedCoder(manifest, coder, titles, arrays)
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(f"does not hold a coder: {type(error).__name__}: {error}", file=str(folder)) from None
