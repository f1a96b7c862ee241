"""Finds labels that the texts speak against: every record is scored by a model that was trained on the others.

The model knows of every word and pair of words how much more often it stands with a label than anywhere (smoothed by a
Dirichlet prior, Zhai and Lafferty 2004; less one standard deviation, so that a chance meeting tells nothing). What speaks for a
label is the most telling word of the text: one name of the disease is enough, and all that says nothing about it adds no noise.
Trained in folds, so that no record, and none of its group, vouches for itself: the cross-validated self-confidence of confident
learning (Northcutt, Jiang, Chuang 2021, JAIR 70).

Whether it is low is read off the records that do *not* have the label: a score's place among theirs is a p-value of "this label
is there by chance". Chance labels have even p-values, right ones crowd at the top; how many are chance at all is estimated from
the even part, and the cut is the highest at which PRECISION of what lies below is chance (Storey 2002, JRSS B 64).

Where there is too little to judge by, nothing is dropped: labels with few records, those that no word tells, and all where right
labels are not clearly apart from those by chance.

Counts and scores are whole numbers, so that order and machine change nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.curation.drawing import draws
from groundcrew.curation.population import NONE, Population
from groundcrew.curation.reasons import DOUBTFUL_LABEL
from groundcrew.curation.recipe import SPLITS, LabelNoise
from groundcrew.curation.verdicts import Bools, Verdicts
from groundcrew.curation.words import I64, Sets

#: Of what is dropped, so much is to be wrong, 0 to 1.
PRECISION: Final = 0.96
#: Cells of the table of labels and features, which is held twice, or once for each fold where they are fewer.
#: Features at least and at most.
CELLS_MAX: Final = 2**26
FEATURES_MIN, FEATURES_MAX = 2**10, 2**16
#: Buckets that features are counted in before the most frequent are chosen, and records that one needs.
BUCKETS: Final = 2**22
RECORDS_OF_FEATURE_MIN: Final = 3
#: Words of the prior: how much text of a label outweighs what is known of all texts.
PRIOR_WORDS: Final = 300.0
#: Records without the label that a score is compared with, at most and at least, and in all.
OTHERS_MAX, OTHERS_MIN = 1_000, 200
OTHERS_PAIRS: Final = 2**18
#: Score units per natural logarithm.
SCALE: Final = 1024.0
#: p-values up to here are taken for chance when chance is counted; and the cuts that are tried.
EVEN_UP_TO: Final = 0.5
#: Where the even part may end instead, the farthest first.
EVEN_EDGES: Final = (0.9, 0.8, 0.7, 0.6)
#: Up to the farthest, so many times what is to be expected at most: else right labels are not apart from chance.
UNEVEN_MAX: Final = 1.5
CUTS: Final = tuple(step / 100 for step in range(2, 100))
#: Where more than this of the records of a label, or of all, look like chance, the model can not tell, and nothing is dropped.
CHANCE_MAX: Final = 0.25
RECORDS_AT_A_TIME: Final = 20_000

I32 = npt.NDArray[np.int32]


class _Table(msgspec.Struct, frozen=True):
    """How often each feature occurs with each label (labels × features), with any, and how many features each label has."""

    cells: I32
    any: I64
    of_label: I64


class _Texts(msgspec.Struct, frozen=True, kw_only=True):
    """The records that are learned from: chosen features of each, its judged labels, its fold. `records` are their numbers."""

    records: I64
    features: Sets
    labels: Sets
    fold: I64
    feature_count: int
    label_count: int


def drop_doubtful_labels(
    asked: LabelNoise,
    people: Population,
    verdicts: Verdicts,
    split: I64,
    advance: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, int]:
    """Drop the records of which any label is found wrong; returns how many labels were judged, and how many were not and why.

    `split` numbers SPLITS for every record. Records of splits that are not asked for are neither learned from nor judged.
    """
    wanted = [SPLITS.index(each) for each in asked.splits]
    records = np.flatnonzero(verdicts.passing & (np.isin(split, wanted) | (split == NONE)))
    texts, names, rare = _texts(asked, people, records)
    if texts is None:
        return _told(0, rare + len(names), 0)
    place, owner, label = _judged_pairs(asked, texts, advance)
    told = _told_apart(place, label, len(names))
    cut = _cut(place[told[label]], sure=asked.when_unsure == "keep")
    wrong = np.flatnonzero((place < cut) & told[label])
    order = wrong[np.lexsort((label[wrong], place[wrong], owner[wrong]))]
    records = texts.records[owner[order]]

    def detail(index: int) -> str:
        name = people.label_names[names[label[order[index]]]]
        return f"{name!r} fits it no better than {100 * place[order[index]]:.0f} % of the records without that label"

    verdicts.drop(records, DOUBTFUL_LABEL, detail)
    judged = int(np.count_nonzero(told)) if cut > 0 else 0
    return _told(judged, rare, len(names) - judged)


def _told(judged: int, rare: int, vague: int) -> dict[str, int]:
    """The numbers of labels by what was done with them, those that are none left out."""
    counts = {"judged": judged, "of too few records to judge": rare, "not judged, since words do not tell them for sure": vague}
    return {name: count for name, count in counts.items() if count}


def _told_apart(place: npt.NDArray[np.float64], label: I64, count: int) -> Bools:
    """Of every label whether the model can tell it: where more than CHANCE_MAX of its records look like chance, it can not."""
    records = np.bincount(label, minlength=count)
    chance = np.bincount(label[place < EVEN_UP_TO], minlength=count) / EVEN_UP_TO
    found: Bools = np.less_equal(chance, CHANCE_MAX * records)
    return found


def _texts(asked: LabelNoise, people: Population, records: I64) -> tuple[_Texts | None, I64, int]:
    """What is learned from, the population's numbers of the labels that are judged, and how many are too rare."""
    flat, owners = _members(people.labels, records)
    counts = np.bincount(flat.astype(np.int64), minlength=len(people.label_names))
    names = np.flatnonzero(counts >= asked.min_records)
    names = np.sort(names[np.argsort(-counts[names], kind="stable")[: CELLS_MAX // FEATURES_MIN]])
    rare = int(np.count_nonzero(counts)) - len(names)
    if len(names) < 2:
        return None, names, rare
    number = np.full(len(people.label_names), NONE, dtype=np.int64)
    number[names] = np.arange(len(names))
    judged = number[flat]
    known = judged != NONE
    labels = _grouped(owners[known], judged[known], len(records))
    feature_count = min(FEATURES_MAX, max(FEATURES_MIN, 2 ** int(np.log2(CELLS_MAX // len(names)))))
    features, feature_count = _features(people, records, feature_count)
    return (
        _Texts(
            records=records,
            features=features,
            labels=labels,
            fold=_folds(asked, people, records),
            feature_count=feature_count,
            label_count=len(names),
        ),
        names,
        rare,
    )


def _grouped(owners: I64, values: I64, count: int) -> Sets:
    """Sets from (owner, value) pairs whose owners ascend."""
    starts = np.searchsorted(owners, np.arange(count + 1)).astype(np.int64)
    return Sets(values=values.astype(np.uint32), starts=starts)


def _folds(asked: LabelNoise, people: Population, records: I64) -> I64:
    """The fold of every record, by its group where it has one, by its id otherwise."""
    groups = people.column("group", records).to_pylist()
    ids = people.column("id", records).to_pylist()
    texts = (f"g{group}" if group is not None else f"i{name}" for group, name in zip(groups, ids, strict=True))
    return (draws(texts, f"fold:{asked.seed}:") % np.uint64(asked.folds)).astype(np.int64)


def _features(people: Population, records: I64, count_max: int) -> tuple[Sets, int]:
    """The features of every record, of which the `count_max` most frequent are kept, by number; and how many there are."""
    frequency = np.zeros(BUCKETS, dtype=np.int64)
    # Read by file, since that is how they lie; which file a record is in changes no count.
    by_file = np.argsort(people.portion[records], kind="stable")
    chunks = [np.sort(records[by_file[begin : begin + RECORDS_AT_A_TIME]]) for begin in range(0, len(records), RECORDS_AT_A_TIME)]
    for chunk in chunks:
        frequency += np.bincount(people.sets("features", chunk).values % BUCKETS, minlength=BUCKETS)
    often = np.flatnonzero(frequency >= RECORDS_OF_FEATURE_MIN)
    chosen = np.sort(often[np.argsort(-frequency[often], kind="stable")[:count_max]])
    number = np.full(BUCKETS, NONE, dtype=np.int32)
    number[chosen] = np.arange(len(chosen), dtype=np.int32)
    found: list[tuple[I64, Sets]] = []
    for chunk in chunks:
        sets = people.sets("features", chunk)
        columns = number[sets.values % BUCKETS]
        owners = np.repeat(np.arange(len(chunk)), np.diff(sets.starts))[columns != NONE]
        found.append((chunk, _grouped(owners, columns[columns != NONE], len(chunk))))
    return _joined(records, found), len(chosen)


def _joined(records: I64, found: list[tuple[I64, Sets]]) -> Sets:
    """The sets of all chunks as one, in the order of `records`."""
    lengths = np.zeros(len(records), dtype=np.int64)
    for chunk, sets in found:
        lengths[np.searchsorted(records, chunk)] = np.diff(sets.starts)
    starts = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(lengths)))
    values = np.empty(int(starts[-1]), dtype=np.uint32)
    while found:
        chunk, sets = found.pop()
        begins = starts[np.searchsorted(records, chunk)]
        inside = np.arange(len(sets.values)) - np.repeat(sets.starts[:-1], np.diff(sets.starts))
        values[np.repeat(begins, np.diff(sets.starts)) + inside] = sets.values
    return Sets(values=values, starts=starts)


def _judged_pairs(
    asked: LabelNoise, texts: _Texts, advance: Callable[[int, int], None]
) -> tuple[npt.NDArray[np.float64], I64, I64]:
    """For every record and label of it: the place of its score among those of records without the label (0 to 1), the record's
    place in `texts`, the label."""
    everything = np.arange(len(texts.records))
    of_fold = _fold_tables(asked, texts)
    rest = _table(texts, everything) if of_fold is None else _sum(of_fold)
    owner = np.repeat(everything, np.diff(texts.labels.starts))
    label = texts.labels.values.astype(np.int64)
    other_owner, other_label = _others(texts, label)
    score, other_score = np.zeros(len(owner), dtype=np.int64), np.zeros(len(other_owner), dtype=np.int64)
    for fold in range(asked.folds):
        own = _table(texts, everything[texts.fold == fold]) if of_fold is None else of_fold[fold]
        _shift(rest, own, np.subtract)
        for owners, labels, scores in ((owner, label, score), (other_owner, other_label, other_score)):
            chosen = np.flatnonzero(texts.fold[owners] == fold)
            for begin in range(0, len(chosen), RECORDS_AT_A_TIME):
                part = chosen[begin : begin + RECORDS_AT_A_TIME]
                scores[part] = _scores(texts, rest, owners[part], labels[part])
        _shift(rest, own, np.add)
        advance(fold + 1, asked.folds)
    return _places(label, score, other_label, other_score, texts.label_count), owner, label


def _fold_tables(asked: LabelNoise, texts: _Texts) -> list[_Table] | None:
    """The table of every fold, where there is room for all of them; each record is then counted once instead of twice."""
    if texts.label_count * texts.feature_count * (asked.folds + 1) > 2 * CELLS_MAX:
        return None
    return [_table(texts, np.flatnonzero(texts.fold == fold)) for fold in range(asked.folds)]


def _sum(tables: list[_Table]) -> _Table:
    rest = _Table(*(np.zeros_like(each) for each in msgspec.structs.astuple(tables[0])))
    for each in tables:
        _shift(rest, each, np.add)
    return rest


def _shift(rest: _Table, own: _Table, how: np.ufunc) -> None:
    """Take one table out of another, or put it back, in place."""
    for whole, part in zip(msgspec.structs.astuple(rest), msgspec.structs.astuple(own), strict=True):
        how(whole, part, out=whole)


def _table(texts: _Texts, chosen: I64) -> _Table:
    cells = np.zeros(texts.label_count * texts.feature_count, dtype=np.int32)
    some = np.zeros(texts.feature_count, dtype=np.int64)
    for begin in range(0, len(chosen), RECORDS_AT_A_TIME):
        part = chosen[begin : begin + RECORDS_AT_A_TIME]
        labels, at = _members(texts.labels, part)
        features, of_pair = _members(texts.features, part[at])
        np.add.at(cells, labels[of_pair].astype(np.int64) * texts.feature_count + features, 1)
        some += np.bincount(_members(texts.features, part)[0], minlength=texts.feature_count)
    table = cells.reshape(texts.label_count, texts.feature_count)
    return _Table(cells=table, any=some, of_label=table.sum(axis=1, dtype=np.int64))


def _members(sets: Sets, chosen: I64) -> tuple[npt.NDArray[np.uint32], I64]:
    """The members of some sets, one after another, and for each the place of its set in `chosen`."""
    lengths = np.diff(sets.starts)[chosen]
    at = np.repeat(np.arange(len(chosen)), lengths)
    inside = np.arange(len(at)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return sets.values[sets.starts[chosen][at] + inside], at


def _scores(texts: _Texts, rest: _Table, owners: I64, labels: I64) -> I64:
    """How much the most telling feature of each record speaks for the label, learned from the `rest`; 0 for not at all."""
    features, at = _members(texts.features, owners)
    together = rest.cells.reshape(-1).take(labels[at] * texts.feature_count + features).astype(np.float64)
    anywhere = rest.any + 0.5
    sure = np.maximum(together - np.sqrt(together), 0) / (anywhere / anywhere.sum())[features]
    lengths = np.diff(texts.features.starts)[owners]
    some = lengths > 0
    found = np.zeros(len(owners), dtype=np.int64)
    if some.any():
        best = np.maximum.reduceat(sure, (np.cumsum(lengths) - lengths)[some])
        of_label = rest.of_label[labels[some]]
        found[some] = np.rint(np.log((best + PRIOR_WORDS) / (of_label + PRIOR_WORDS)) * SCALE).astype(np.int64)
    return np.maximum(found, 0)


def _others(texts: _Texts, label: I64) -> tuple[I64, I64]:
    """For every label some records that do not have it, the same ones in every run: spread evenly over all records."""
    count = len(texts.records)
    size = min(max(OTHERS_MIN, min(OTHERS_MAX, OTHERS_PAIRS // texts.label_count)), count)
    spread = (np.arange(size) * count) // size
    owners, labels = np.tile(spread, texts.label_count), np.repeat(np.arange(texts.label_count), size)
    has = np.repeat(np.arange(count), np.diff(texts.labels.starts)) * texts.label_count + label
    without = ~np.isin(owners * texts.label_count + labels, has)
    return owners[without], labels[without]


def _places(label: I64, score: I64, other_label: I64, other_score: I64, label_count: int) -> npt.NDArray[np.float64]:
    """The share of the others of the same label with a lower score; those with the same count half."""
    place = np.ones(len(label))
    order = np.argsort(label, kind="stable")
    bounds = np.searchsorted(label[order], np.arange(label_count + 1))
    other_bounds = np.searchsorted(other_label, np.arange(label_count + 1))
    for number in range(label_count):
        chosen = order[bounds[number] : bounds[number + 1]]
        others = np.sort(other_score[other_bounds[number] : other_bounds[number + 1]])
        if len(others):
            low, high = (np.searchsorted(others, score[chosen], side=side) for side in ("left", "right"))
            place[chosen] = (low + high) / (2 * len(others))
    return place


def _chance(place: npt.NDArray[np.float64], *, sure: bool) -> float | None:
    """How many labels are there by chance: as many as the even part of the p-values tells of.

    None where no part is even: where right labels crowd at the top and thin out far below it, some lie among those by chance, and
    nobody can tell which. Unless `sure`, these are counted as if they were there by chance.

    The even part is taken to reach as far as it stays even (Storey's lambda): the more of it is counted, the less luck counts.
    """
    found = {edge: np.count_nonzero(place < edge) / edge for edge in (EVEN_UP_TO, *EVEN_EDGES)}
    first = found[EVEN_UP_TO]
    error = np.sqrt(first / EVEN_UP_TO)
    if sure and found[EVEN_EDGES[0]] > UNEVEN_MAX * first + error:
        return None
    return float(next((found[edge] for edge in EVEN_EDGES if found[edge] <= first + error), first))


def _cut(place: npt.NDArray[np.float64], *, sure: bool = True) -> float:
    """The highest cut below which PRECISION of the labels are there by chance; 0 where there is none."""
    even = _chance(place, sure=sure)
    if even is None or even > CHANCE_MAX * len(place):
        return 0.0
    below = np.searchsorted(np.sort(place), CUTS)
    good = [cut for cut, count in zip(CUTS, below, strict=True) if count and min(even * cut, count) >= PRECISION * count]
    return max(good, default=0.0)
