"""Multinomial naive Bayes as an architecture: small, real, and slow or deadly where a test says so."""

from __future__ import annotations

import json
import math
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from groundcrew.errors import InputError
from groundcrew.tuning.architecture import Fitted, Step
from groundcrew.tuning.examples import Example

SETTINGS = {"smoothing", "chunk", "dies_at", "waits", "fails", "breaks", "diverges"}


class NaiveBayes:
    """Counts words by label, a chunk of examples a step; each step is a checkpoint. `dies_at`: the process is killed before that
    step, the first time; `waits`: never ends; `fails`: says that it can not learn this; `breaks`: on words of a record, with a
    checkpoint; `diverges`: its figures are no numbers."""

    name = "bayes"

    def settings_problem(self, settings: dict[str, Any]) -> str | None:
        unknown = sorted(settings.keys() - SETTINGS)
        if unknown:
            return f"{unknown[0]}: is not known"
        return None if settings.get("smoothing", 1.0) > 0 else "smoothing: expected more than 0"

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
        if settings.get("fails"):
            raise InputError("one label is not enough to learn", field="team")
        if settings.get("breaks"):
            (checkpoints / "state.json").write_text(train[0].text)
            raise ValueError(train[0].text)
        chunk = settings.get("chunk", 6)
        total = math.ceil(len(train) / chunk)
        state = checkpoints / "state.json"
        kept = json.loads(state.read_text()) if state.is_file() else {"step": 0, "words": {}, "labels": {}}
        words: dict[str, Counter[str]] = {label: Counter(counts) for label, counts in kept["words"].items()}
        labels: Counter[str] = Counter(kept["labels"])
        metrics: dict[str, float] = {}
        for step in range(kept["step"], total):
            if settings.get("dies_at") == step and not (checkpoints / "died").exists():
                (checkpoints / "died").touch()
                os.kill(os.getpid(), signal.SIGKILL)
            while settings.get("waits"):
                time.sleep(0.05)
            for each in train[step * chunk : (step + 1) * chunk]:
                labels[each.labels[0]] += 1
                words.setdefault(each.labels[0], Counter()).update(each.text.split())
            metrics = {"accuracy": self._accuracy(validation, words, labels, settings.get("smoothing", 1.0))}
            if settings.get("diverges"):
                metrics = {"loss": math.nan}
            part = checkpoints / "state.part"
            part.write_text(json.dumps({"step": step + 1, "words": words, "labels": labels}))
            os.replace(part, state)
            progress(Step(done=step + 1, total=total, metrics=metrics))
        weights = {"seed": seed, "labels": dict(sorted(labels.items())), "words": words}
        (folder / "weights.json").write_text(json.dumps(weights, sort_keys=True))
        return Fitted(
            multi_label=False,
            labels=len(labels),
            threshold=0.5,
            person_below=None,
            metrics=metrics,
            best_step=total,
            languages=("en",),
            settings={"smoothing": settings.get("smoothing", 1.0)},
            card="## Method\n\nMultinomial naive Bayes over words.",
        )

    def _accuracy(
        self, examples: Sequence[Example], words: dict[str, Counter[str]], labels: Counter[str], smoothing: float
    ) -> float:
        vocabulary = len({word for counts in words.values() for word in counts})

        def score(text: str, label: str) -> float:
            total = sum(words[label].values()) + smoothing * vocabulary
            found = sum(math.log((words[label][word] + smoothing) / total) for word in text.split())
            return math.log(labels[label]) + found

        right = sum(max(sorted(labels), key=lambda label: score(each.text, label)) == each.labels[0] for each in examples)
        return right / len(examples)
