"""How many records of each label stay, and how many in all: rare labels, frequent ones, and the sample."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from groundcrew.curation.drawing import draws
from groundcrew.curation.population import Population
from groundcrew.curation.reasons import BALANCED_OUT, RARE_LABEL, SAMPLED_OUT
from groundcrew.curation.recipe import Balance, Sample
from groundcrew.curation.verdicts import Bools, Verdicts
from groundcrew.curation.words import I64, U32, U64


def balance(asked: Balance, people: Population, verdicts: Verdicts, split: I64) -> None:
    """Drop what has a rare label, then what is beyond the greatest number of its labels."""
    touched = verdicts.passing & ((split <= 0) if asked.train_only else True)
    if asked.min_per_label is not None:
        _drop_rare(asked.min_per_label, people, verdicts, touched)
        touched &= verdicts.passing
    if asked.max_per_label is not None:
        _cut(asked.max_per_label, asked.seed, people, verdicts, np.flatnonzero(touched))


def _counts(people: Population, chosen: Bools) -> I64:
    owners = np.repeat(np.arange(people.count), np.diff(people.labels.starts))
    return np.bincount(people.labels.values[chosen[owners]].astype(np.int64), minlength=len(people.label_names))


def _drop_rare(least: int, people: Population, verdicts: Verdicts, touched: Bools) -> None:
    """Drop records until every label that is left has `least` records. What goes for one label may make another of its rare."""
    owners = np.repeat(np.arange(people.count), np.diff(people.labels.starts))
    while True:
        inside = touched & verdicts.passing
        counts = _counts(people, inside)
        hit = np.flatnonzero((counts < least)[people.labels.values] & inside[owners])
        if not len(hit):
            return
        records, first = np.unique(owners[hit], return_index=True)
        labels = people.labels.values[hit[first]]
        verdicts.drop(records, RARE_LABEL, _teller(people, counts, labels))


def _teller(people: Population, counts: I64, labels: U32) -> Callable[[int], str]:
    return lambda place: f"{people.label_names[labels[place]]!r} has {counts[labels[place]]} records"


def _cut(most: int, seed: int, people: Population, verdicts: Verdicts, records: I64) -> None:
    """In the order of their draws, records stay while any label of theirs has room."""
    order = records[np.argsort(_draws_of(people, records, f"balance:{seed}:"), kind="stable")]
    room = np.full(len(people.label_names), most, dtype=np.int64)
    out: list[int] = []
    for record in order.tolist():
        labels = people.labels.of(record)
        if len(labels) and not (room[labels] > 0).any():
            out.append(record)
        else:
            room[labels] -= 1
    verdicts.drop(np.array(out, dtype=np.int64), BALANCED_OUT, lambda _: f"each label has {most} records without it")


def sample(asked: Sample, people: Population, verdicts: Verdicts) -> None:
    """Keep at most `n` records: those with the smallest draws, in all or in each stratum."""
    records = np.flatnonzero(verdicts.passing)
    if len(records) <= asked.n:
        return
    drawn = _draws_of(people, records, f"{asked.seed}:")
    if asked.stratify is None:
        out = records[np.argsort(drawn, kind="stable")[asked.n :]]
    else:
        out = _outside(records, drawn, people.stratum[records], asked.n)
    verdicts.drop(np.sort(out), SAMPLED_OUT, lambda _: f"was not among the {asked.n} drawn")


def _outside(records: I64, drawn: U64, strata: I64, count: int) -> I64:
    """The records that are not drawn when every stratum keeps its share (largest remainders first, then in order of strata)."""
    numbers, sizes = np.unique(strata, return_counts=True)
    whole, rest = np.divmod(sizes * count, len(records))
    by_rest = np.lexsort((numbers, -rest))
    whole[by_rest[: count - int(whole.sum())]] += 1
    order = np.lexsort((drawn, strata))
    begins = np.cumsum(sizes) - sizes
    inside = np.arange(len(records)) - np.repeat(begins, sizes)
    return records[order[inside >= np.repeat(whole, sizes)]]


def _draws_of(people: Population, records: I64, prefix: str) -> U64:
    return draws((bytes(people.digest[each]).hex() for each in records), prefix)
