"""What a fitted classifier is worth: figures from the cross-validation and on the validation examples, and the card's lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from groundcrew.stats.intervals import Interval, wilson
from groundcrew.tuned.classifier import ARCHITECTURE, load_classifier
from groundcrew.tuned.classifier_features import Floats
from groundcrew.tuned.model import FORMAT, Manifest, Prediction
from groundcrew.tuning.architecture import Fitted
from groundcrew.tuning.classifier_stack import Trusted, macro_f1, micro_f1
from groundcrew.tuning.examples import Example

BINS = 10
TEXTS_A_TICK = 32
LABELS_TOLD_MAX = 30

Truth = npt.NDArray[np.bool_]


def cross_validated(held_out: Floats, kept: Truth, truth: Truth, trusted: Trusted) -> dict[str, float]:
    """Figures on texts that the parts had not seen, with intervals; every name begins with `cv_`."""
    right = (kept == truth).all(axis=1)
    figures = _figures(kept, truth, trusted.held_out, right)
    figures |= _with_bounds("answered_share", trusted.answered) | _with_bounds("answered_accuracy", trusted.right)
    scores = held_out[kept] if kept.any() else np.zeros(0)
    figures["label_calibration_error"] = calibration_error(scores, truth[kept])
    return {f"cv_{name}": value for name, value in figures.items()}


def measure(folder: Path, fitted: Fitted, validation: Sequence[Example], tick: Callable[[str], None]) -> dict[str, float]:
    """The same figures of the written files, loaded as they will be served, on the validation examples. A label that training
    did not have can only be missed, and counts as missed."""
    predictions = predict(folder, fitted, [example.text for example in validation], tick)
    labels = sorted(
        {label for example in validation for label in example.labels} | {label for p in predictions for label in p.labels}
    )
    place = {label: at for at, label in enumerate(labels)}
    kept, truth = (np.zeros((len(validation), len(labels)), dtype=np.bool_) for _ in range(2))
    for row, (example, prediction) in enumerate(zip(validation, predictions, strict=True)):
        truth[row, [place[label] for label in example.labels]] = True
        kept[row, [place[label] for label in prediction.labels]] = True
    right = (kept == truth).all(axis=1)
    trust = np.array([prediction.trust or 0.0 for prediction in predictions])
    answered = np.array([not prediction.needs_person for prediction in predictions])
    figures = _figures(kept, truth, trust, right)
    count = int(answered.sum())
    figures |= _with_bounds("answered_share", wilson(count, len(answered)))
    return figures | _with_bounds("answered_accuracy", wilson(int(right[answered].sum()), count))


def predict(folder: Path, fitted: Fitted, texts: Sequence[str], tick: Callable[[str], None]) -> list[Prediction]:
    """What the files in `folder`, loaded as they will be served, say of each text."""
    manifest = Manifest(
        format=FORMAT,
        name="measured",
        architecture=ARCHITECTURE,
        multi_label=fitted.multi_label,
        labels=fitted.labels,
        data_set="",
        data_revision="",
        seed=0,
        threshold=fitted.threshold,
        person_below=fitted.person_below,
        files={},
        settings=fitted.settings,
    )
    model, found = load_classifier(folder, manifest), []
    for start in range(0, len(texts), TEXTS_A_TICK):
        tick(f"measuring: {start:,} of {len(texts):,} texts")
        found.extend(model.predict(texts[start : start + TEXTS_A_TICK]))
    return found


def calibration_error(scores: Floats, right: Truth) -> float:
    """Expected calibration error over `BINS` bins of equal count (Naeini et al. 2015; bins of equal count: Nixon et al. 2019)."""
    if not scores.size:
        return 0.0
    order = np.argsort(scores, kind="stable")
    gaps = [
        len(each) * abs(float(scores[each].mean()) - float(right[each].mean()))
        for each in np.array_split(order, BINS)
        if len(each)
    ]
    return sum(gaps) / scores.size


def _figures(kept: Truth, truth: Truth, trust: Floats, right: Truth) -> dict[str, float]:
    accuracy = wilson(int(right.sum()), len(right))
    return {
        **_with_bounds("accuracy", accuracy),
        "micro_f1": micro_f1(kept, truth),
        "macro_f1": macro_f1(kept, truth),
        "calibration_error": calibration_error(trust, right),
        "examples": float(len(right)),
    }


def _with_bounds(name: str, interval: Interval) -> dict[str, float]:
    named = {name: interval.estimate, f"{name}_low": interval.lower, f"{name}_high": interval.upper}
    return {key: value for key, value in named.items() if value is not None}


def model_card(
    train: Sequence[Example],
    validation: Sequence[Example],
    fitted: Fitted,
    measured: Mapping[str, float],
    trusted: Trusted,
    *,
    kind: str,
    costs: Mapping[str, float],
) -> str:
    """Markdown on method, figures and limits."""
    several = "several labels" if fitted.multi_label else "one label"
    encoder = "trained along with it" if fitted.settings.get("encoder") == "tuned" else "as shipped, not trained"
    promise = (
        f"trust {fitted.person_below:.3f}: below it a person decides. On held-out texts {_percent(trusted.answered)} were "
        f"answered without one, {_percent(trusted.right)} of these rightly."
        if trusted.promised
        else f"everything goes to a person: the promise could not be given ({trusted.reason})."
    )
    counts = Counter(label for example in train for label in example.labels)
    lines = [
        "## Method",
        "",
        f"{several.capitalize()} a text. Linear models over hashed words and pairs of words (C {costs['words']:g}) and over 3 "
        f"to 5 letters within words (C {costs['letters']:g}), and a head on a sentence encoder ({encoder}), joined by "
        f"a penalised regression (kind `{kind}`) on scores of texts that the parts had not seen.",
        "",
        "## When a person decides",
        "",
        f"Wanted: {fitted.settings.get('wanted_accuracy', 0):.1%} right, with {fitted.settings.get('confidence', 0):.0%} "
        f"confidence. {promise}",
        "",
        "## Figures",
        "",
        f"| figure | cross-validation on {len(train):,} | validation on {len(validation):,} |",
        "|---|---|---|",
        *(
            _row(name, fitted.metrics.get(f"cv_{name}"), measured.get(name))
            for name in ("accuracy", "micro_f1", "macro_f1", "calibration_error", "answered_share", "answered_accuracy")
        ),
        "",
        "Accuracy counts a text as right where exactly the true labels are kept.",
        "",
        "## Labels in training",
        "",
        *(f"- `{label}`: {count:,}" for label, count in counts.most_common(LABELS_TOLD_MAX)),
        *([f"- {len(counts) - LABELS_TOLD_MAX:,} more"] if len(counts) > LABELS_TOLD_MAX else []),
        "",
        "## Limits",
        "",
        "- Evidence marks the words that moved the linear parts most, by their exact contributions: what the model went by, not "
        "why the label is right. The sentence encoder's part can not be put down to words.",
        "- The promise holds for texts of the kind that it was made on. Watch trust and accuracy for drift, and tune again.",
        "- The shipped sentence encoder reads English and the first 256 tokens; words and letters carry other languages.",
        "- Words are kept as 64-bit hashes, which hides them from a reader but not from whoever guesses a word.",
    ]
    return "\n".join(lines) + "\n"


def _row(name: str, crossed: float | None, measured: float | None) -> str:
    return f"| {name.replace('_', ' ')} | {_figure(crossed)} | {_figure(measured)} |"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _percent(interval: Interval) -> str:
    if interval.estimate is None or interval.lower is None or interval.upper is None:
        return "none"
    return f"{interval.estimate:.1%} [{interval.lower:.1%}, {interval.upper:.1%}]"
