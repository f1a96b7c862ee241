"""Divides records into train, validation and test, and finds what leaks from one into another."""

from __future__ import annotations

import numpy as np

from groundcrew.curation.drawing import draws, shares
from groundcrew.curation.likeness import Likeness
from groundcrew.curation.population import NONE, Population
from groundcrew.curation.reasons import GROUP_LEAKAGE, TEXT_LEAKAGE, TIME_LEAKAGE
from groundcrew.curation.recipe import SPLITS, Recipe, Split
from groundcrew.curation.verdicts import Verdicts
from groundcrew.curation.words import I64


def split_and_drop_leaks(recipe: Recipe, people: Population, verdicts: Verdicts, likeness: Likeness | None) -> I64:
    """The split of every record as a number of SPLITS (NONE for what had been dropped before), after dropping the leaks."""
    asked = recipe.split
    if asked is None:
        return np.full(people.count, NONE, dtype=np.int64)
    found = people.split if asked.field is not None else _assigned(asked, people, verdicts)
    split = np.where(verdicts.passing, found, NONE)
    if recipe.group is not None:
        _drop_torn_groups(people, verdicts, split)
    if asked.by == "time":
        _drop_out_of_time(people, verdicts, split)
    if asked.near is not None and likeness is not None:
        _drop_near_texts(asked.near, verdicts, split, likeness)
    return split


def _assigned(asked: Split, people: Population, verdicts: Verdicts) -> I64:
    bounds = np.cumsum([asked.train or 0.0, asked.validation or 0.0])
    if asked.by == "time":
        return _by_time(bounds, people, verdicts)
    column = people.ids if asked.by == "id" else None
    if column is not None:
        names = column.to_pylist()
        place = shares(draws(names, f"split:{asked.seed}:"))
    else:
        texts = people.column("group", np.arange(people.count)).to_pylist() if people.count else []
        first = dict(zip(people.group.tolist(), texts, strict=True))
        numbers = sorted(first)
        by_number = shares(draws([first[each] for each in numbers], f"split:{asked.seed}:"))
        place = by_number[np.searchsorted(numbers, people.group)]
    return np.searchsorted(bounds, place, side="right").astype(np.int64)


def _by_time(bounds: np.ndarray[tuple[int], np.dtype[np.float64]], people: Population, verdicts: Verdicts) -> I64:
    """By day: a day belongs where the middle of its records falls when all are laid out by time."""
    days, counts = np.unique(people.day[verdicts.passing], return_counts=True)
    middle = (np.cumsum(counts) - counts / 2) / max(int(counts.sum()), 1)
    of_day = np.searchsorted(bounds, middle, side="right")
    return of_day[np.minimum(np.searchsorted(days, people.day), max(len(days) - 1, 0))] if len(days) else people.day


def _drop_torn_groups(people: Population, verdicts: Verdicts, split: I64) -> None:
    """A group stays where most of its records are; where two splits have as many, in the later one of SPLITS."""
    chosen = np.flatnonzero(verdicts.passing & (people.group != NONE))
    if not len(chosen):
        return
    groups, inverse = np.unique(people.group[chosen], return_inverse=True)
    counts = np.zeros((len(groups), len(SPLITS)), dtype=np.int64)
    np.add.at(counts, (inverse, split[chosen]), 1)
    home = len(SPLITS) - 1 - np.argmax(counts[:, ::-1], axis=1)
    lost = np.flatnonzero(split[chosen] != home[inverse])
    records, where = chosen[lost], home[inverse][lost]
    verdicts.drop(records, GROUP_LEAKAGE, lambda place: f"most records of its group are in {SPLITS[where[place]]}")


def _drop_out_of_time(people: Population, verdicts: Verdicts, split: I64) -> None:
    """Two days divide three splits: those that put the fewest records into the time of another. These records go."""
    chosen = np.flatnonzero(verdicts.passing)
    day, of = people.day[chosen], split[chosen]
    lost = np.zeros(len(chosen), dtype=bool)
    details = np.zeros(len(chosen), dtype=np.int64)
    for later in range(1, len(SPLITS)):
        days = np.unique(day)
        before = np.searchsorted(days, day)
        early, late = np.bincount(before[of < later], minlength=len(days)), np.bincount(before[of >= later], minlength=len(days))
        if not early.sum() or not late.sum():
            continue
        # The last day of the earlier splits: after it no early record, up to it no late one. -1 would be before every day.
        wrong = np.cumsum(late) + early.sum() - np.cumsum(early)
        last = int(np.argmin(wrong))
        out = ((before > last) & (of < later)) | ((before <= last) & (of >= later))
        details[out & ~lost] = days[last]
        lost |= out
    places = np.flatnonzero(lost)
    records = chosen[places]

    def detail(place: int) -> str:
        divide = np.datetime64(int(details[places[place]]), "D")
        return f"{SPLITS[of[places[place]]]} is divided from its neighbour after {divide}; this lies on the other side"

    verdicts.drop(records, TIME_LEAKAGE, detail)


def _drop_near_texts(threshold: float, verdicts: Verdicts, split: I64, likeness: Likeness) -> None:
    """Of near-equal texts in two splits, those in the earlier one of SPLITS go: what is measured on was not learned from."""
    left, right = likeness.at(threshold)
    for later in range(len(SPLITS) - 1, 0, -1):
        passing = verdicts.passing
        measured = np.zeros(len(split), dtype=bool)
        measured[likeness.standing[passing & (split == later)]] = True
        near = measured.copy()
        near[right[measured[left]]] = True
        near[left[measured[right]]] = True
        records = np.flatnonzero(passing & (split < later) & near[likeness.standing])
        verdicts.drop(records, TEXT_LEAKAGE, lambda _, name=SPLITS[later]: f"a near-equal text is in {name}")  # type: ignore[misc]
