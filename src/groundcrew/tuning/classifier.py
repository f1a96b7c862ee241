"""The architecture "classifier": learns one label or several for a text, on a CPU in minutes.

Linear models over hashed words and letters and a head on the shipped sentence encoder are trained in a cross-validation; what
they say of texts that they did not see decides how they are joined, how sure the result may be, and below which trust a person
decides. With `encoder: tuned` the sentence encoder is trained too, which needs torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.domain.canonical import digest
from groundcrew.errors import InputError
from groundcrew.grounding.encoder import MODEL_FILE, SHIPPED_MODEL, TOKENIZER_FILE, Encoder, model_sha256, shipped_encoder
from groundcrew.tuned.classifier import ARCHITECTURE, TRUST_FILE
from groundcrew.tuned.classifier_features import FAMILIES, Family, Table
from groundcrew.tuned.classifier_scores import LABELS_MAX, PARTS, Head, Linear, Weights, save_weights
from groundcrew.tuning import classifier_parts as parts
from groundcrew.tuning import classifier_stack as stacking
from groundcrew.tuning.architecture import Fitted, Step
from groundcrew.tuning.checkpoints import Checkpoints
from groundcrew.tuning.classifier_report import cross_validated, measure, model_card
from groundcrew.tuning.classifier_settings import Settings, parse_settings, settings_problem
from groundcrew.tuning.examples import Example

EXAMPLES_MIN = 20
#: With so many groups a fold on the average, no fold is left without others to learn from.
GROUPS_A_FOLD_MIN = 3
#: Texts whose vectors are kept together, and texts between two words of progress.
VECTORS_AT_ONCE = 1_024
TEXTS_A_TICK = 64

Truth = npt.NDArray[np.bool_]
Vectors = npt.NDArray[np.float32]


class ClassifierArchitecture:
    """Trains classifiers; see `tuning/architecture.py` for what every architecture promises."""

    name = ARCHITECTURE

    def settings_problem(self, settings: dict[str, Any]) -> str | None:
        """What is wrong with `settings`, naming the key."""
        return settings_problem(settings)

    def fit(
        self,
        train: Sequence[Example],
        validation: Sequence[Example],
        *,
        settings: dict[str, Any],
        seed: int,
        folder: Path,
        checkpoints: Path,
        progress: Callable[[Step], None],
    ) -> Fitted:
        """Writes the model's files into `folder`. InputError for settings that can not be used and for examples that nothing can
        be learned from: fewer than `EXAMPLES_MIN`, fewer than two labels, more than `LABELS_MAX`."""
        problem = settings_problem(settings)
        if problem:
            raise InputError(problem, field="settings")
        return _Fit(train, parse_settings(settings), seed, folder, checkpoints, progress).run(validation)


class _Fit:
    """One fit: its examples as arrays, and the stages in their order."""

    def __init__(
        self,
        train: Sequence[Example],
        settings: Settings,
        seed: int,
        folder: Path,
        checkpoints: Path,
        progress: Callable[[Step], None],
    ) -> None:
        # Whatever order they come in, the same examples give the same model.
        self.train = sorted(train, key=lambda example: example.id)
        self.settings, self.seed, self.folder, self._progress = settings, seed % 2**32, folder, progress
        self.texts = [example.text for example in self.train]
        self.labels = tuple(sorted({label for example in train for label in example.labels}))
        self.multi_label = _multi_label(train, settings)
        self._check()
        place = {label: at for at, label in enumerate(self.labels)}
        self.truth: Truth = np.zeros((len(self.train), len(self.labels)), dtype=np.bool_)
        for row, example in enumerate(self.train):
            self.truth[row, [place[label] for label in example.labels]] = True
        self.folds = _folds(self.train, self.seed, settings.folds)
        key = digest({"examples": self.train, "settings": settings, "seed": seed, "encoder": model_sha256(SHIPPED_MODEL)})
        self.checkpoints = Checkpoints(checkpoints, key)
        self._done = 0
        # Features, vectors, parts of each fold, parts on everything, stack, trust, validation.
        self._total = 6 + len(FAMILIES) * (settings.folds + 1) + settings.folds + 1

    def run(self, validation: Sequence[Example]) -> Fitted:
        tuned_head = self._tuned_encoder() if self.settings.encoder == "tuned" else None
        held = self.folds == 0 if tuned_head else np.ones(len(self.train), dtype=np.bool_)
        vectors = self._vectors(Encoder(self.folder) if tuned_head else shipped_encoder())
        linear, costs, scores = [], [], []
        for family in FAMILIES:
            model, cost, held_out = self._linear(family)
            linear.append(model)
            costs.append(cost)
            scores.append(held_out)
        if tuned_head:
            head, head_scores = tuned_head, tuned_head.scores(vectors).astype(np.float32)
        else:
            head, head_scores = self._head(vectors)
        joined, trusted, threshold = self._joined(np.stack([*scores, head_scores], axis=1)[held], held)
        weights = Weights(self.labels, linear[0], linear[1], head, joined.stack)
        save_weights(self.folder, weights)
        (self.folder / TRUST_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(trusted.calibration)) + b"\n")
        kept = stacking.kept_of(joined.held_out, threshold, multi_label=self.multi_label)
        metrics = cross_validated(joined.held_out, kept, self.truth[held], trusted)
        self._finished("measuring on the validation examples")
        fitted = Fitted(
            multi_label=self.multi_label,
            labels=len(self.labels),
            threshold=threshold,
            person_below=trusted.person_below,
            metrics=metrics,
            languages=tuple(sorted({example.language for example in self.train if example.language})),
            settings={**msgspec.to_builtins(self.settings), "encoder_sha256": model_sha256(SHIPPED_MODEL)},
        )
        measured = measure(self.folder, fitted, validation, self._tick) if validation else {}
        card = model_card(
            self.train, validation, fitted, measured, trusted, kind=joined.kind, costs=dict(zip(FAMILIES, costs, strict=True))
        )
        self._finished("done")
        return msgspec.structs.replace(fitted, metrics={**metrics, **measured}, card=card)

    def _check(self) -> None:
        if len(self.train) < EXAMPLES_MIN:
            raise InputError(f"{len(self.train)} examples are too few to learn from; {EXAMPLES_MIN} are needed", field="train")
        if not 2 <= len(self.labels) <= LABELS_MAX:
            raise InputError(
                f"a classifier learns 2 to {LABELS_MAX:,} labels, the examples have {len(self.labels):,}", field="train"
            )
        if len({example.id for example in self.train}) != len(self.train):
            raise InputError("two examples have one id", field="train")
        apart = len({example.group or example.text for example in self.train})
        if apart < GROUPS_A_FOLD_MIN * self.settings.folds:
            raise InputError(
                f"the examples belong to {apart} groups or texts; {self.settings.folds} folds need more", field="train"
            )
        if not self.multi_label:
            for example in self.train:
                if len(example.labels) != 1:
                    raise InputError(f"has {len(example.labels)} labels where one is learned", field=f"example {example.id}")

    def _linear(self, family: Family) -> tuple[Linear, float, Vectors]:
        """The model of a family on everything, its C, and what the folds' models say of the texts they had not seen."""
        features = parts.features_of(self.texts, family, len(self.labels), self._tick)
        self._finished(f"{family}: counted")
        by_cost = {cost: np.zeros(self.truth.shape, dtype=np.float32) for cost in self.settings.costs}
        for fold in range(self.settings.folds):
            stage = f"{family}-fold-{fold}"
            inside = self.folds != fold
            stored = self.checkpoints.load(stage)
            if stored is None:
                stored = self._linear_fold(features, inside)
                self.checkpoints.save(stage, stored)
            for at, cost in enumerate(self.settings.costs):
                by_cost[cost][~inside] = stored[f"scores{at}"]
            self._finished(f"{family}: fold {fold + 1} of {self.settings.folds}")
        # The first of equals, so that costs go from careful to eager.
        cost = max(self.settings.costs, key=lambda each: self._quality(by_cost[each]))
        stored = self.checkpoints.load(f"{family}-all")
        if stored is None:
            idf = parts.idf_of(features.counts)
            rows = parts.weighted(features.counts, idf)
            model = parts.rounded(parts.fit_linear(features, rows, idf, self.truth, cost, self.seed, self._tick))
            stored = {"hashes": model.table.hashes, "idf": model.table.idf, "weights": model.weights, "bias": model.bias}
            self.checkpoints.save(f"{family}-all", stored)
        self._finished(f"{family}: learned")
        model = Linear(Table(stored["hashes"], stored["idf"]), stored["weights"], stored["bias"])
        return model, cost, by_cost[cost]

    def _linear_fold(self, features: parts.Features, inside: Truth) -> dict[str, npt.NDArray[Any]]:
        idf = parts.idf_of(features.counts[inside])
        rows = parts.weighted(features.counts, idf)
        learned, told = rows[inside], rows[~inside]
        scores = {}
        for at, cost in enumerate(self.settings.costs):
            model = parts.fit_linear(features, learned, idf, self.truth[inside], cost, self.seed, self._tick)
            scores[f"scores{at}"] = parts.linear_scores(model, told)
        return scores

    def _quality(self, scores: Vectors) -> float:
        return stacking.micro_f1(stacking.kept_of(scores, 0.0, multi_label=self.multi_label), self.truth)

    def _vectors(self, encoder: Encoder) -> Vectors:
        """The encoder's vector of every text."""
        found = []
        for start in range(0, len(self.texts), VECTORS_AT_ONCE):
            stage = f"vectors-{start}"
            stored = self.checkpoints.load(stage)
            if stored is None:
                some = []
                for at, vector in enumerate(encoder.encode_each(self.texts[start : start + VECTORS_AT_ONCE])):
                    if at % TEXTS_A_TICK == 0:
                        self._tick(f"encoding: {start + at:,} of {len(self.texts):,} texts")
                    some.append(vector)
                stored = {"vectors": np.stack(some)}
                self.checkpoints.save(stage, stored)
            found.append(stored["vectors"])
        self._finished("encoded")
        return np.concatenate(found)

    def _head(self, vectors: Vectors) -> tuple[Head, Vectors]:
        """The head on everything, and what the folds' heads say of the texts they had not seen."""
        held_out = np.zeros(self.truth.shape, dtype=np.float32)
        for fold in range(self.settings.folds):
            inside = self.folds != fold
            head = self._stored_head(f"head-fold-{fold}", vectors[inside], self.truth[inside])
            held_out[~inside] = head.scores(vectors[~inside])
            self._finished(f"head: fold {fold + 1} of {self.settings.folds}")
        head = self._stored_head("head-all", vectors, self.truth)
        self._finished("head: learned")
        return head, held_out

    def _stored_head(self, stage: str, vectors: Vectors, truth: Truth) -> Head:
        stored = self.checkpoints.load(stage)
        if stored is None:
            stored = dict(parts.fit_head(vectors, truth, self.multi_label, self.seed, self._tick)._asdict())
            self.checkpoints.save(stage, stored)
        return Head(*(stored[name].astype(np.float64) for name in Head._fields))

    def _joined(self, scores: npt.NDArray[Any], held: Truth) -> tuple[stacking.Joined, stacking.Trusted, float]:
        truth, examples = self.truth[held], [example for example, here in zip(self.train, held, strict=True) if here]
        folds = _folds(examples, self.seed + 1, self.settings.folds)
        joined = stacking.join(scores.astype(np.float64), truth, folds, multi_label=self.multi_label, tick=self._tick)
        self._finished("joined")
        threshold = stacking.best_threshold(joined.held_out, truth) if self.multi_label else 0.0
        right = (stacking.kept_of(joined.held_out, threshold, multi_label=self.multi_label) == truth).all(axis=1)
        trusted = stacking.trusted(
            joined.held_out,
            right,
            [example.group for example in examples],
            multi_label=self.multi_label,
            wanted=self.settings.wanted_accuracy,
            confidence=self.settings.confidence,
        )
        self._finished("calibrated")
        return joined, trusted, threshold

    def _tuned_encoder(self) -> Head:
        """Trains the encoder on all folds but the first, whose texts then tell how far to trust it."""
        from groundcrew.tuning.classifier_encoder import tune_encoder

        head = tune_encoder(
            self.texts,
            self.truth,
            self.folds != 0,
            multi_label=self.multi_label,
            settings=self.settings,
            seed=self.seed,
            folder=self.folder,
            checkpoints=self.checkpoints,
            tick=self._tick,
        )
        assert (self.folder / MODEL_FILE).is_file(), "the encoder is exported with its head"
        assert (self.folder / TOKENIZER_FILE).is_file(), "and its tokenizer"
        return head

    def _tick(self, message: str, metrics: dict[str, float] | None = None) -> None:
        self._progress(Step(done=self._done, total=self._total, message=message, metrics=metrics or {}))

    def _finished(self, message: str) -> None:
        self._done = min(self._done + 1, self._total)
        self._tick(message)


def _multi_label(train: Sequence[Example], settings: Settings) -> bool:
    if settings.multi_label is not None:
        return settings.multi_label
    return any(len(example.labels) != 1 for example in train)


def _folds(examples: Sequence[Example], seed: int, folds: int) -> npt.NDArray[np.int64]:
    """The fold of each example, by a hash of its group, or of its text: neither stands in two folds. An example's fold does not
    depend on the others."""
    keys = (f"{seed}\n{example.group or example.text}".encode("utf-8", "replace") for example in examples)
    return np.array([int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big") % folds for key in keys], dtype=np.int64)


assert len(PARTS) == len(FAMILIES) + 1, "the parts are the families and the encoder"
