"""Figures of merit for codes (micro and macro F1, precision at k, mean average precision, calibration), and the model card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set

import numpy as np

from groundcrew.tuned.model import Prediction
from groundcrew.tuning.architecture import Fitted

_BINS = 10
NO_TITLES = (
    "**No titles of codes were used**: neither the data set nor the settings name a code system. Codes that no training case has "
    "can not be found, and rare ones are found less often."
)


def measure(predictions: Sequence[Prediction], truth: Sequence[Set[str]], known: Set[str]) -> dict[str, float]:
    """Figures over cases; `known` are the codes that the training cases had. All lie in 0..1; 0 where there is nothing to count.

    `map` is the mean over cases of the average precision of all suggestions (those kept first). `ece` is the expected
    calibration error of all suggestions' scores in ten bins of equal width, `trust_ece` that of the cases' trust.
    """
    kept = [set(each.labels) for each in predictions]
    figures = _f1(kept, truth)
    figures["macro_f1"] = _macro(kept, truth)
    for name, part in (("seen", True), ("unseen", False)):
        chosen = [{code for code in each if (code in known) is part} for each in kept]
        wanted = [{code for code in each if (code in known) is part} for each in truth]
        figures |= {f"{key}_{name}": value for key, value in _f1(chosen, wanted).items()}
    for k in (1, 5, 10):
        hits = [sum(s.label in labels for s in each.suggestions[:k]) / k for each, labels in zip(predictions, truth, strict=True)]
        figures[f"precision_at_{k}"] = float(np.mean(hits)) if hits else 0.0
    figures["map"] = float(np.mean([_average(each, labels) for each, labels in zip(predictions, truth, strict=True)] or [0.0]))
    scores = [s.score for each in predictions for s in each.suggestions]
    right = [float(s.label in labels) for each, labels in zip(predictions, truth, strict=True) for s in each.suggestions]
    figures["ece"] = calibration_error(scores, right)
    exact = [float(one == other) for one, other in zip(kept, truth, strict=True)]
    figures["all_right"] = float(np.mean(exact)) if exact else 0.0
    return figures


def calibration_error(said: Sequence[float], came: Sequence[float]) -> float:
    """Expected calibration error in ten bins of equal width (Guo et al. 2017)."""
    if not said:
        return 0.0
    one, other = np.asarray(said, dtype=np.float64), np.asarray(came, dtype=np.float64)
    bins = np.minimum((one * _BINS).astype(np.int64), _BINS - 1)
    return float(sum(abs(one[bins == at].mean() - other[bins == at].mean()) * (bins == at).mean() for at in np.unique(bins)))


def _f1(kept: Sequence[Set[str]], truth: Sequence[Set[str]]) -> dict[str, float]:
    right = sum(len(one & other) for one, other in zip(kept, truth, strict=True))
    said, there = sum(map(len, kept)), sum(map(len, truth))
    return {
        "micro_f1": 2 * right / (said + there) if said + there else 0.0,
        "precision": right / said if said else 0.0,
        "recall": right / there if there else 0.0,
    }


def _macro(kept: Sequence[Set[str]], truth: Sequence[Set[str]]) -> float:
    """Mean F1 of the codes that are true or kept anywhere."""
    right = Counter(code for one, other in zip(kept, truth, strict=True) for code in one & other)
    said = Counter(code for each in kept for code in each)
    there = Counter(code for each in truth for code in each)
    codes = sorted(said.keys() | there.keys())
    return float(np.mean([2 * right[code] / (said[code] + there[code]) for code in codes])) if codes else 0.0


def _average(prediction: Prediction, truth: Set[str]) -> float:
    if not truth:
        return 0.0
    right, total = 0, 0.0
    for place, suggestion in enumerate(prediction.suggestions, start=1):
        if suggestion.label in truth:
            right += 1
            total += right / place
    return total / len(truth)


def model_card(languages: Sequence[tuple[str, int, int, int]], fitted: Fitted, names: int, terms: str, person: str) -> str:
    """Markdown lines on method, data and limits. `languages`: name, cases, cases with evidence, phrases; `names`: titles used;
    `terms`: which terms, and `person`: when a person codes, in words."""
    lines = [
        "Method: phrases that coders marked (or that go with a code), phrases nearly said, titles and terms of the code system",
        "make candidates; boosted trees weigh them; isotonic curves make probabilities. What the trees saw of a training case",
        "was counted in other cases; threshold and curves come from held-out cases.",
        "",
        "| Language | Cases | With evidence | Phrases | Held-out micro F1 |",
        "|---|---|---|---|---|",
    ]
    for name, cases, marked, phrases in languages:
        f1 = fitted.metrics[f"cross_validated_micro_f1_{name}".rstrip("_")]
        lines.append(f"| {name or 'not named'} | {cases} | {marked} | {phrases} | {f1:.3f} |")
    trust = {
        "all_right": "the chance that the kept codes are all right and none is missing; with many codes a case it is small",
        "f1": "the expected F1 of the case's kept codes",
    }
    lines += [
        "",
        f"Titles of {names} codes of {fitted.code_system} were used. {terms}" if fitted.code_system else NO_TITLES,
        "",
        f"Trust is {trust[str(fitted.settings['trust'])]}. {person}",
        "",
        "Limits: codes that no training case has are found by their titles and terms alone; evidence carried over from",
        "a translation is as good as that translation; what the coders of the training cases did, the model does.",
    ]
    return "\n".join(lines)
