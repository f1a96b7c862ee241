"""Holds a window of calls against a reference: one test over all features, blocked by what hangs together, and what it says."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from datetime import UTC, datetime

import msgspec
import numpy as np

from groundcrew.domain.drift import FEATURE, FEATURES, Example, FeatureDrift, Point
from groundcrew.domain.use_case import DriftRule
from groundcrew.services import drift_words
from groundcrew.services.drift_columns import Floats, Frame
from groundcrew.stats.drift import Column, ColumnDrift, detect, detect_all
from groundcrew.store.drift import Stars

#: What is kept together when labels are dealt out anew: the coarsest that can still give a p-value far enough below alpha.
BLOCKS: tuple[str, ...] = ("users", "days", "hours")
P_LEAST_SHARE = 0.25
#: Share of calls that must say who asked, for users to be kept together.
USERS_SHARE_MIN = 0.8
#: Ratings of a window below which they tell nothing.
STARS_MIN = 10
STARS = "stars"


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What a test of all features said. `drifted` is None, with a `reason`, where nothing could be told."""

    drifted: bool | None
    p_value: float | None
    permuted: str
    features: tuple[FeatureDrift, ...]
    points: tuple[Point, ...]
    examples: tuple[Example, ...]
    reason: str = ""


def compare(
    reference: Frame,
    window: Frame,
    rule: DriftRule,
    *,
    alpha: float | None = None,
    stars: tuple[Sequence[Stars], Sequence[Stars]] = ((), ()),
) -> Comparison:
    """Hold `window` against `reference`: any false alarm has a chance of `alpha` (the rule's). Ratings come later than calls, and
    not of each: `stars` of both times are a test of their own, which gets its part of alpha."""
    alpha = rule.alpha if alpha is None else alpha
    names = watched(rule)
    before, now, skipped = _columns(reference, window, [each for each in names if each != STARS])
    starred = STARS in names and min(map(len, stars)) >= STARS_MIN
    parts = len(before) + starred
    if not parts:
        return Comparison(
            drifted=None,
            p_value=None,
            permuted="",
            features=tuple(skipped.values()),
            points=points_of(window, reference, names, stars[1]),
            examples=(),
            reason="no feature is in both the reference and the window",
        )
    found: dict[str, ColumnDrift] = {}
    permuted, p_values = "", list[float]()
    if before:
        permuted, blocks = _blocks(reference, window, alpha * len(before) / parts)
        test = detect_all(
            before,
            now,
            alpha=alpha * len(before) / parts,
            blocks_reference=blocks[0] if blocks else None,
            blocks_current=blocks[1] if blocks else None,
        )
        found |= {each.column: each for each in test.columns}
        if test.p_value is not None:
            p_values.append(test.p_value * parts / len(before))
    if starred:
        one = _stars(*stars, alpha / parts)
        found[STARS] = msgspec.structs.replace(one, column=STARS)
        if one.p_value is not None:
            p_values.append(one.p_value * parts)
    features = tuple(
        _said(name, found[name], reference, window, stars) if name in found else skipped[name]
        for name in names
        if name in found or name in skipped
    )
    told = [each.drifted for each in features if each.drifted is not None]
    return Comparison(
        drifted=any(told) if told else None,
        p_value=min(1.0, *p_values) if p_values else None,
        permuted=permuted,
        features=features,
        points=points_of(window, reference, names, stars[1]),
        examples=tuple(
            drift_words.shown_calls(each.feature, reference, window)
            for each in sorted((each for each in features if each.drifted), key=lambda each: each.p_value or 0.0)
            if each.feature != STARS
        ),
        reason="" if told else next((each.reason for each in features if each.reason), "nothing could be told"),
    )


def watched(rule: DriftRule) -> list[str]:
    """The features that are watched, in the order of their list."""
    return [each.name for each in FEATURES if not rule.features or each.name in rule.features]


def points_of(frame: Frame, reference: Frame, names: Sequence[str], stars: Sequence[Stars] = ()) -> tuple[Point, ...]:
    """The figure of each feature that there is."""
    found = [drift_words.point(name, frame, reference) for name in names if name != STARS]
    if stars:
        found.append(drift_words.mean_point(STARS, _values(stars)))
    return tuple(each for each in found if each.n)


def _columns(
    reference: Frame, window: Frame, names: Sequence[str]
) -> tuple[dict[str, Column], dict[str, Column], dict[str, FeatureDrift]]:
    """The columns that both have, and what is to be said of a feature that only one of them has."""
    before, now, skipped = dict[str, Column](), dict[str, Column](), dict[str, FeatureDrift]()
    for name in names:
        was, new = reference.column(name), window.column(name)
        if was is None and new is None:
            continue
        if was is not None and new is not None:
            before[name], now[name] = was, new
            continue
        where = "the reference" if was is None else "the window"
        skipped[name] = FeatureDrift(feature=name, drifted=None, reason=f"no call of {where} has it")
    return before, now, skipped


def _said(
    name: str, found: ColumnDrift, reference: Frame, window: Frame, stars: tuple[Sequence[Stars], Sequence[Stars]]
) -> FeatureDrift:
    words = ""
    if found.drifted:
        words = (
            drift_words.number_words(STARS, *map(_values, stars))
            if name == STARS
            else drift_words.words_of(name, reference, window)
        )
        if found.statistic_name.startswith("share of missing"):
            was, new = found.reference_missing / found.reference_rows, found.current_missing / found.current_rows
            words = f"{FEATURE[name].title} is missing in {was:.0%} → {new:.0%} of calls".replace("%", " %")
    return FeatureDrift(
        feature=name,
        drifted=found.drifted,
        statistic_name=found.statistic_name,
        statistic=found.statistic,
        threshold=found.threshold,
        p_value=found.p_value,
        words=words,
        reason=found.reason,
    )


def _stars(before: Sequence[Stars], now: Sequence[Stars], alpha: float) -> ColumnDrift:
    """The test of ratings, raters kept together where there are enough of them."""
    columns = [Column(kind="number", values=_values(each)) for each in (before, now)]  # type: ignore[arg-type]
    raters = [tuple(each.rater for each in side) for side in (before, now)]
    together = _least(*raters) <= P_LEAST_SHARE * alpha
    return detect(
        columns[0],
        columns[1],
        alpha=alpha,
        blocks_reference=raters[0] if together else None,
        blocks_current=raters[1] if together else None,
    )


def _values(stars: Sequence[Stars]) -> Floats:
    return np.array([each.stars for each in stars], dtype=np.float64)


def _blocks(reference: Frame, window: Frame, alpha: float) -> tuple[str, tuple[Sequence[Hashable], Sequence[Hashable]] | None]:
    """What is kept together: the coarsest of users, days and hours with which an alarm is possible at all, else single calls."""
    for name in BLOCKS:
        blocks = _named(name, reference), _named(name, window)
        if name == "users" and not all(_says_who(each) for each in (reference, window)):
            continue
        if _least(*blocks) <= P_LEAST_SHARE * alpha:
            return name, blocks
    return "calls", None


def _named(name: str, frame: Frame) -> Sequence[Hashable]:
    if name == "users":
        # Who does not say who asks is a block alone.
        return tuple(user or call_id for user, call_id in zip(frame.users, frame.ids, strict=True))
    form = "%Y-%m-%d" if name == "days" else "%Y-%m-%dT%H"
    return tuple(datetime.fromtimestamp(each, UTC).strftime(form) for each in frame.at.tolist())


def _says_who(frame: Frame) -> bool:
    return sum(map(bool, frame.users)) >= USERS_SHARE_MIN * len(frame)


def _least(before: Sequence[Hashable], now: Sequence[Hashable]) -> float:
    """The smallest p-value that dealing these blocks out anew can give: one over the number of deals."""
    first, second = Counter(before), Counter(now)
    both = first.keys() & second.keys()
    alone, later = len(first.keys() | second.keys()) - len(both), len(second) - len(both)
    deals = math.lgamma(alone + 1) - math.lgamma(later + 1) - math.lgamma(alone - later + 1) + len(both) * math.log(2)
    return math.exp(-deals)
