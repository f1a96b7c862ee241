"""Records that say the same: contradictions between them, copies, and near copies."""

from __future__ import annotations

from typing import Any

import numpy as np

from groundcrew.curation.likeness import Likeness
from groundcrew.curation.population import Population, unique_numbers
from groundcrew.curation.reasons import CONTRADICTORY_LABEL, DUPLICATE, NEAR_DUPLICATE
from groundcrew.curation.recipe import Contradictions, Recipe
from groundcrew.curation.verdicts import Verdicts
from groundcrew.curation.words import I64


def drop_contradictions(asked: Contradictions, people: Population, verdicts: Verdicts, likeness: Likeness) -> None:
    """Drop records that near-equal ones contradict.

    The neighbourhood of a record is all records whose text is near-equal to its own, itself among them; records with the same id
    and label count once. Where more than one label (or set of labels) is in it, the record stays only if its own has the share
    `majority` there. A neighbourhood is no chain: of three texts of which the first and the last are not alike, each is judged by
    those that it is like.
    """
    from scipy import sparse

    passing = np.flatnonzero(verdicts.passing)
    standing, labels = likeness.standing[passing], people.label_set[passing]
    own, text = np.unique(standing, return_inverse=True)
    votes = np.unique(np.stack((people.same_id[passing], text, labels)), axis=1)
    counts = sparse.coo_array(
        (np.ones(votes.shape[1], dtype=np.int64), (votes[1], votes[2])),
        shape=(len(own), int(people.label_set.max(initial=0)) + 1),
    ).tocsr()
    counts = _near(likeness, asked.threshold, own) @ counts
    differing = np.diff(counts.indptr)[text] > 1
    records, text, labels = passing[differing], text[differing], labels[differing]
    if not len(records):
        return
    all_votes = np.asarray(counts.sum(axis=1)).ravel()[text]
    # Looked up by row and column in the sorted matrix: one number per entry, rows first.
    counts.sort_indices()
    width = counts.shape[1]
    entries = np.repeat(np.arange(counts.shape[0], dtype=np.int64), np.diff(counts.indptr)) * width + counts.indices
    own_votes = counts.data[np.searchsorted(entries, text * width + labels)]
    lost = np.flatnonzero((own_votes < asked.majority * all_votes) | (asked.keep == "none"))
    verdicts.drop(
        records[lost],
        CONTRADICTORY_LABEL,
        lambda place: f"its label has {own_votes[lost[place]]} of {all_votes[lost[place]]} near-equal records",
    )


def _near(likeness: Likeness, threshold: float, own: I64) -> Any:
    """Which texts are near-equal, as a symmetric matrix over the texts `own`; every text is near itself."""
    from scipy import sparse

    left, right = likeness.at(threshold)
    inside = np.isin(left, own) & np.isin(right, own)
    left, right = np.searchsorted(own, left[inside]), np.searchsorted(own, right[inside])
    same = np.arange(len(own))
    rows, columns = np.concatenate((left, right, same)), np.concatenate((right, left, same))
    return sparse.coo_array((np.ones(len(rows), dtype=np.int64), (rows, columns)), shape=(len(own), len(own))).tocsr()


def drop_duplicates(recipe: Recipe, people: Population, verdicts: Verdicts) -> None:
    """Of records with the same id, and then of those that agree in all fields of `duplicates.exact`, the first stays."""
    _drop_all_but_first(people, verdicts, people.same_id, "the same id")
    if recipe.duplicates and recipe.duplicates.exact:
        same = "the same " + ", ".join(recipe.duplicates.exact)
        _drop_all_but_first(people, verdicts, unique_numbers(people.key), same)


def _drop_all_but_first(people: Population, verdicts: Verdicts, number: I64, same: str) -> None:
    passing = np.flatnonzero(verdicts.passing)
    _, first, inverse = np.unique(number[passing], return_index=True, return_inverse=True)
    winners = passing[first][inverse]
    lost = np.flatnonzero(winners != passing)
    records, stays = passing[lost], winners[lost]

    def detail(place: int) -> str:
        record, winner = records[place], stays[place]
        name = people.id_of(winner)
        if people.digest[record] == people.digest[winner]:
            return f"is a copy of the record {name!r}"
        return f"has {same} as the record {name!r}"

    verdicts.drop(records, DUPLICATE, detail)


def drop_near_duplicates(threshold: float, people: Population, verdicts: Verdicts, likeness: Likeness) -> None:
    """In the order of the records, drop each whose text is near-equal to that of one that stayed.

    So every dropped record has one that stays in its place, whereas a chain of near-equal texts, whose ends may have little in
    common, is not one text.
    """
    passing = np.flatnonzero(verdicts.passing)
    standing = likeness.standing[passing]
    own, first, text = np.unique(standing, return_index=True, return_inverse=True)
    first_record = passing[first]  # The first passing record of each text.
    winner, similarity = first_record.copy(), np.ones(len(own))
    left, right = likeness.left, likeness.right
    inside = np.flatnonzero((likeness.similarity >= threshold) & np.isin(left, own) & np.isin(right, own))
    one, other = np.searchsorted(own, left[inside]), np.searchsorted(own, right[inside])
    earlier = np.where(first_record[one] < first_record[other], one, other)
    later = one + other - earlier
    order = np.lexsort((first_record[earlier], first_record[later]))
    gone = np.zeros(len(own), dtype=bool)
    for place in order:  # When a text's turn comes, all before it are decided.
        before, after = earlier[place], later[place]
        if not gone[after] and not gone[before]:
            gone[after] = True
            winner[after], similarity[after] = first_record[before], likeness.similarity[inside[place]]
    lost = np.flatnonzero(winner[text] != passing)
    records, stays, alike = passing[lost], winner[text][lost], similarity[text][lost]
    verdicts.drop(
        records, NEAR_DUPLICATE, lambda place: f"{alike[place]:.2f} of it is in the record {people.id_of(stays[place])!r}"
    )
