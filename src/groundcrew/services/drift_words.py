"""What changed between a reference and a window, in words, as points to draw, and as calls that show it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from groundcrew.domain.drift import FEATURE, Example, Point
from groundcrew.services.drift_columns import Floats, Frame
from groundcrew.stats.drift import examples
from groundcrew.stats.intervals import mean_t, wilson
from groundcrew.stats.moments import moments

#: Calls shown of each side of a change; labels named of one that has many.
EXAMPLES_MAX, LABELS_MAX = 3, 2
#: Medians that differ by less are not what changed.
CHANGE_MIN = 0.02

OUTCOME_WORDS = {"answered": "answered", "declined": "declined", "fallback": "answered by the fallback", "held": "held"}
SUBJECTS = {
    "request_language": "requests in {}",
    "request_topic": "requests on {}",
    "request_entities": "requests with personal data ({})",
    "outcome": "calls {}",
    "answer_topic": "answers on {}",
}


def words_of(feature: str, before: Frame, now: Frame) -> str:
    """What changed in one feature, in words and figures."""
    kind = FEATURE[feature].kind
    if kind == "number":
        return number_words(feature, before.numbers[feature], now.numbers[feature])
    if kind == "category":
        return _label_words(feature, before.labels[feature], now.labels[feature])
    return _meaning_words(feature, before.vectors[feature], now.vectors[feature])


def number_words(feature: str, before: Floats, now: Floats) -> str:
    """``answers got shorter by 34 %: median 412 → 271 characters``, or what else changed of a figure."""
    own = FEATURE[feature]
    was, new = before[~np.isnan(before)], now[~np.isnan(now)]
    if not was.size or not new.size:
        gone = "no call has it any more" if was.size else "no call had it before"
        return f"{own.title}: {gone}"
    for name, first, second in (
        ("median", float(np.median(was)), float(np.median(new))),
        ("mean", float(was.mean()), float(new.mean())),
    ):
        base = max(abs(first), abs(second))
        if base and abs(second - first) / base >= CHANGE_MIN:
            moved = own.up if second > first else own.down
            by = f" by {abs(second - first) / abs(first):.0%}" if first and own.unit not in ("", "stars") else ""
            return f"{moved}{by.replace('%', ' %')}: {name} {_figure(first)} → {_figure(second)} {own.unit}".rstrip()
    low, high = (np.quantile(each, (0.1, 0.9)) for each in (was, new))
    return (
        f"{own.title} is spread differently: 80 % of calls within {_figure(low[0])}–{_figure(low[1])} before, "
        f"{_figure(high[0])}–{_figure(high[1])} now {own.unit}"
    ).rstrip()


def point(feature: str, frame: Frame, reference: Frame) -> Point:
    """One figure of a feature with its interval, comparable between windows of one reference."""
    kind = FEATURE[feature].kind
    if kind == "category" and feature in frame.labels:
        usual = most_common(reference.labels.get(feature, ()))
        there = [each for each in frame.labels[feature] if each is not None]
        share = wilson(sum(each != usual for each in there), len(there))
        return Point(feature=feature, n=share.n, estimate=share.estimate, lower=share.lower, upper=share.upper, of=usual or "")
    if kind == "embedding" and feature in frame.vectors and feature in reference.vectors:
        return mean_point(feature, nearness(frame.vectors[feature], reference.vectors[feature]))
    if kind == "number" and feature in frame.numbers:
        return mean_point(feature, frame.numbers[feature])
    return Point(feature=feature, n=0)


def mean_point(feature: str, values: Floats) -> Point:
    """The mean of a figure with its 95 % interval (Student); NaN are left out."""
    there = values[~np.isnan(values)]
    found = mean_t(moments(there.tolist()))
    return Point(feature=feature, n=int(there.size), estimate=found.estimate, lower=found.lower, upper=found.upper)


def nearness(rows: NDArray[np.float32], reference: NDArray[np.float32]) -> Floats:
    """Cosine of each vector with the middle of the reference's, −1..1; NaN where a call has none."""
    middle = reference[reference.any(axis=1)].mean(axis=0, dtype=np.float64)
    length = float(np.linalg.norm(middle)) or 1.0
    lengths = np.linalg.norm(rows, axis=1).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = np.where(lengths > 0, rows.astype(np.float64) @ middle / (lengths * length), np.nan)
    return found


def most_common(labels: Sequence[str | None]) -> str | None:
    """The label that most calls have; of equal ones the first by name."""
    counts = Counter(each for each in labels if each is not None)
    return min(counts, key=lambda label: (-counts[label], label), default=None)


def shown_calls(feature: str, before: Frame, now: Frame) -> Example:
    """The calls that show the change of a feature best: what was usual and is not any more, and what is new."""
    kind = FEATURE[feature].kind
    if kind == "embedding":
        was, new = _rows_of(before.vectors[feature]), _rows_of(now.vectors[feature])
        found = examples(before.vectors[feature][was], now.vectors[feature][new], limit=EXAMPLES_MAX)
        first, second = [int(was[each]) for each in found.before], [int(new[each]) for each in found.after]
    elif kind == "category":
        moved = _moved(before.labels[feature], now.labels[feature])
        fewer = min(moved, key=lambda each: each[1], default=("", 0.0))[0]
        more = max(moved, key=lambda each: each[1], default=("", 0.0))[0]
        first, second = _having(before.labels[feature], fewer), _having(now.labels[feature], more)
    else:
        first = _typical(before.numbers[feature], now.numbers[feature])
        second = _typical(now.numbers[feature], before.numbers[feature])
    return Example(
        feature=feature, before=tuple(before.ids[each] for each in first), after=tuple(now.ids[each] for each in second)
    )


def _typical(values: Floats, others: Floats) -> list[int]:
    """Places whose values are most typical of their side: nearest to the value where its share is furthest ahead."""
    there, other = np.sort(values[~np.isnan(values)]), np.sort(others[~np.isnan(others)])
    if not there.size:
        return []
    middle = float(np.median(there))
    if other.size and abs(middle - float(np.median(other))) < CHANGE_MIN * max(abs(middle), 1e-9):
        # The middle stays where it was, so that the ends show what changed.
        middle = float(max(np.quantile(there, (0.05, 0.95)), key=lambda end: abs(end - float(np.median(other)))))
    order = np.argsort(np.where(np.isnan(values), np.inf, np.abs(values - middle)), kind="stable")
    return [int(each) for each in order[: min(EXAMPLES_MAX, there.size)]]


def _having(labels: Sequence[str | None], label: str) -> list[int]:
    return [place for place, each in enumerate(labels) if each == label][-EXAMPLES_MAX:]


def _rows_of(vectors: NDArray[np.float32]) -> NDArray[np.intp]:
    return np.flatnonzero(vectors.any(axis=1))


def _moved(before: Sequence[str | None], now: Sequence[str | None]) -> list[tuple[str, float]]:
    """Each label with by how much its share rose, by how sure that is (differences over their standard errors)."""
    was, new = [each for each in before if each is not None], [each for each in now if each is not None]
    first, second = Counter(was), Counter(new)
    found = []
    for label in sorted({*first, *second}):
        p, q = first[label] / max(len(was), 1), second[label] / max(len(new), 1)
        middle = (first[label] + second[label] + 1) / (len(was) + len(new) + 2)
        error = math.sqrt(middle * (1 - middle) * (1 / max(len(was), 1) + 1 / max(len(new), 1)))
        found.append((label, (q - p) / error))
    return found


def _label_words(feature: str, before: Sequence[str | None], now: Sequence[str | None]) -> str:
    was, new = [each for each in before if each is not None], [each for each in now if each is not None]
    if not was or not new:
        return f"{FEATURE[feature].title}: {'no call has it any more' if was else 'no call had it before'}"
    moved = sorted(_moved(before, now), key=lambda each: (-round(abs(each[1]), 6), each[0]))[:LABELS_MAX]
    first, second = Counter(was), Counter(new)
    parts = [
        f"{SUBJECTS[feature].format(_label(feature, label))}: {_share(first[label] / len(was))} → "
        f"{_share(second[label] / len(new))}"
        for label, _ in moved
    ]
    return ", ".join(parts)


def _label(feature: str, label: str) -> str:
    if feature == "outcome":
        return OUTCOME_WORDS.get(label, label)
    return "no language that can be told" if label == "not told" else label


def _meaning_words(feature: str, before: NDArray[np.float32], now: NDArray[np.float32]) -> str:
    what = "requests are" if feature.startswith("request") else "answers are"
    was, new = (float(np.nanmean(nearness(each, before))) if each.any() else math.nan for each in (before, now))
    return f"{what} about other things: nearness to the reference's middle {was:.2f} → {new:.2f}"


def _share(value: float) -> str:
    return f"{100 * value:.0f} %" if value >= 0.01 or not value else f"{100 * value:.1f} %"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
