"""The architecture "classifier" at work: one label or several for a text, each with its probability and the words that moved
it, and whether a person should look. Needs numpy, onnxruntime and tokenizers only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from groundcrew.domain.calibration import CalibrationMap
from groundcrew.errors import InputError
from groundcrew.grounding.encoder import MODEL_FILE, SHIPPED_MODEL, Encoder, model_sha256, shipped_encoder
from groundcrew.tuned.classifier_features import FAMILIES, Floats, words_of
from groundcrew.tuned.classifier_scores import PARTS, Read, Weights, load_weights, raw_trust, read
from groundcrew.tuned.model import Manifest, Prediction, Span, Suggestion

ARCHITECTURE = "classifier"
TRUST_FILE = "trust.json"
#: Of one label so many are told; of several, the kept ones and the next until there are so many.
SUGGESTIONS_MAX = 5
#: What does not reach this probability is not worth telling.
SCORE_MIN = 0.005
#: Words that are marked: the strongest, until they make up this share of what spoke for the label, and at most so many.
EVIDENCE_SHARE = 0.7
EVIDENCE_WORDS_MAX = 6


class Classifier:
    """A classifier in memory. Safe to be asked from one thread at a time."""

    def __init__(self, manifest: Manifest, weights: Weights, trust: CalibrationMap, encoder: Encoder) -> None:
        self._manifest, self._weights, self._trust, self._encoder = manifest, weights, trust, encoder

    @property
    def manifest(self) -> Manifest:
        return self._manifest

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction a text, in order."""
        return [self._predict(text) for text in texts]

    def _predict(self, text: str) -> Prediction:
        if not text.strip():
            return Prediction(suggestions=(), trust=0.0, needs_person=True, reason="the text is empty")
        seen = read(self._weights, words_of(text))
        scores = self._scores(seen, text)
        probabilities = self._weights.stack.probabilities(scores[None])[0]
        kept = self._kept(probabilities)
        order = np.argsort(-probabilities, kind="stable")
        told = [int(at) for at in order if kept[at] or probabilities[at] >= SCORE_MIN][: max(SUGGESTIONS_MAX, int(kept.sum()))]
        suggestions = tuple(self._suggestion(at, seen, scores, float(probabilities[at]), bool(kept[at])) for at in told)
        raw = float(raw_trust(probabilities[None], multi_label=self._weights.stack.multi_label)[0])
        trust = self._trust.apply(raw)
        reason = self._why_a_person(seen, trust)
        return Prediction(suggestions=suggestions, trust=trust, needs_person=bool(reason), reason=reason)

    def _scores(self, seen: Read, text: str) -> Floats:
        """(parts, labels)."""
        linear = [self._weights.linear(family).scores(seen.rows[family]) for family in FAMILIES]
        return np.stack([*linear, self._weights.head.scores(self._encoder.encode([text]))[0]])

    def _kept(self, probabilities: Floats) -> np.ndarray:
        if self._weights.stack.multi_label:
            return np.asarray(probabilities >= self._manifest.threshold)
        return np.asarray(np.arange(probabilities.size) == int(np.argmax(probabilities)))

    def _why_a_person(self, seen: Read, trust: float) -> str:
        """Empty where no person is needed."""
        if not seen.known:
            return "no word of the text was seen in training"
        bound = self._manifest.person_below
        if bound is None:
            return ""
        return f"trust {trust:.3f} is below {bound:.3f}" if trust < bound else ""

    def _suggestion(self, label: int, seen: Read, scores: Floats, probability: float, kept: bool) -> Suggestion:
        moved = self._moved(label, seen)
        spoke = float(np.maximum(moved, 0).sum())
        meaning = max(float(scores[PARTS.index("encoder")] @ self._pull(len(PARTS) - 1, label)), 0.0)
        evidence = _spans(seen, moved) if spoke > 0 else ()
        if not evidence:
            because = "no single word spoke for it; the text as a whole did, as the sentence encoder reads it"
        else:
            share = spoke / (spoke + meaning)
            because = (
                f"the marked words moved the score of the words most; words gave {share:.0%} of what spoke for the label, the "
                "sentence encoder the rest, which no word can be named for"
            )
        return Suggestion(label=self._weights.labels[label], score=probability, kept=kept, evidence=evidence, because=because)

    def _pull(self, part: int, label: int) -> Floats:
        """How each score of a part moves the label's logit; of one label, relative to the mean of all labels' logits."""
        stack, count = self._weights.stack, len(self._weights.labels)
        pull = np.zeros(count)
        pull[label] = stack.own[part, label]
        if not stack.multi_label:
            pull = pull - stack.own[part] / count
        if stack.cross.size:
            cross = stack.cross[part * count : (part + 1) * count]
            pull = pull + cross[:, label] - (0.0 if stack.multi_label else cross.mean(axis=1))
        return np.asarray(pull)

    def _moved(self, label: int, seen: Read) -> Floats:
        """How far each word moved the label's logit through the linear parts: the exact contributions of its features, those
        of a pair of words split between the two, those of a feature that occurs repeatedly between its occurrences."""
        moved = np.zeros(len(seen.words.forms))
        for part, family in enumerate(FAMILIES):
            linear, row, found = self._weights.linear(family), seen.rows[family], seen.found[family]
            if not row.places.size:
                continue
            each = row.values * (linear.weights[row.places].astype(np.float64) @ self._pull(part, label))
            known = linear.table.hashes[row.places]
            at = np.minimum(np.searchsorted(known, found.hashes), known.size - 1)
            here = known[at] == found.hashes
            at = at[here]
            half = 0.5 * (each / np.bincount(at, minlength=known.size))[at]
            np.add.at(moved, found.first[here], half)
            np.add.at(moved, found.last[here], half)
        return moved


def _spans(seen: Read, moved: Floats) -> tuple[Span, ...]:
    """The words that spoke for the label most, in the order of the text; neighbours are one span."""
    order = np.argsort(-moved, kind="stable")[:EVIDENCE_WORDS_MAX]
    wanted, spoke, chosen = EVIDENCE_SHARE * float(np.maximum(moved, 0).sum()), 0.0, []
    for at in order:
        if moved[at] <= 0 or spoke >= wanted:
            break
        chosen.append(int(at))
        spoke += float(moved[at])
    spans: list[Span] = []
    last = -2
    for at in sorted(chosen):
        start, end = int(seen.words.starts[at]), int(seen.words.ends[at])
        if at == last + 1:
            start = spans.pop().start
        spans.append(Span(start=start, end=end))
        last = at
    return tuple(spans)


def load_classifier(folder: Path, manifest: Manifest) -> Classifier:
    """The classifier in `folder`, whose digests were checked before. InputError where it can not work here, also where it was
    made for another sentence encoder than the one that this release ships."""
    weights = load_weights(folder)
    if weights.stack.multi_label != manifest.multi_label or len(weights.labels) != manifest.labels:
        raise InputError("the manifest speaks of other labels than the weights", file=str(folder))
    try:
        trust = msgspec.json.decode((folder / TRUST_FILE).read_bytes(), type=CalibrationMap)
    except (OSError, msgspec.DecodeError, InputError) as error:
        raise InputError(f"the calibration does not load: {error}", file=str(folder / TRUST_FILE)) from error
    if (folder / MODEL_FILE).is_file():
        return Classifier(manifest, weights, trust, Encoder(folder))
    made_for = manifest.settings.get("encoder_sha256")
    if made_for != model_sha256(SHIPPED_MODEL):
        raise InputError("was made for another sentence encoder than this release ships; tune it again", file=str(folder))
    return Classifier(manifest, weights, trust, shipped_encoder())
