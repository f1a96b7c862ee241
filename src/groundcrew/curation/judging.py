"""Judges all records together, in the order of the reasons. What is decided depends on the records and the recipe alone."""

from __future__ import annotations

import msgspec

from groundcrew.curation.balancing import balance, sample
from groundcrew.curation.examining import threshold_of
from groundcrew.curation.label_noise import drop_doubtful_labels
from groundcrew.curation.likeness import Likeness, find_pairs, standing_for
from groundcrew.curation.population import Population
from groundcrew.curation.progress import Progress
from groundcrew.curation.recipe import Recipe
from groundcrew.curation.sameness import drop_contradictions, drop_duplicates, drop_near_duplicates
from groundcrew.curation.splitting import split_and_drop_leaks
from groundcrew.curation.verdicts import Verdicts
from groundcrew.curation.words import I64
from groundcrew.curation.work import Work


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """The verdicts, and the split of every record (a number of SPLITS, NONE where there is none). `labels_told` counts the labels
    by whether their records could be judged."""

    verdicts: Verdicts
    split: I64
    labels_told: dict[str, int] = {}


def judge(recipe: Recipe, people: Population, work: Work, key: str, progress: Progress) -> Judged:
    """Judge a population. `key` is the digest of all that it was made of; finished parts are kept in `work` under it."""
    verdicts = Verdicts(people.count)
    likeness = _likeness(recipe, people, work, key, progress)
    if recipe.contradictions is not None and likeness is not None:
        drop_contradictions(recipe.contradictions, people, verdicts, likeness)
    drop_duplicates(recipe, people, verdicts)
    near = recipe.duplicates.near if recipe.duplicates else None
    if near is not None and likeness is not None:
        drop_near_duplicates(near.threshold, people, verdicts, likeness)
    split = split_and_drop_leaks(recipe, people, verdicts, likeness)
    told: dict[str, int] = {}
    if recipe.label_noise is not None:
        with progress("labels against texts") as advance:
            told = drop_doubtful_labels(recipe.label_noise, people, verdicts, split, advance)
    if recipe.balance is not None:
        balance(recipe.balance, people, verdicts, split)
    if recipe.sample is not None:
        sample(recipe.sample, people, verdicts)
    return Judged(verdicts=verdicts, split=split, labels_told=told)


def _likeness(recipe: Recipe, people: Population, work: Work, key: str, progress: Progress) -> Likeness | None:
    import pyarrow as pa

    threshold, prints, bands = threshold_of(recipe), people.print, people.bands
    if threshold is None or prints is None or bands is None:
        return None

    def make() -> object:
        with progress("near-equal texts") as advance:
            found = find_pairs(prints, bands, threshold, lambda wanted: people.sets("shingles", wanted), advance)
        return pa.table({"left": found.left, "right": found.right, "similarity": found.similarity})

    table = work.table("pairs", key, make)
    left, right, similarity = (table.column(name).to_numpy() for name in ("left", "right", "similarity"))
    return Likeness(standing=standing_for(prints), left=left, right=right, similarity=similarity)
