"""What the entailment network learns from: faults and their faithful counterparts, told apart by the evidence alone."""

from __future__ import annotations

import random
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest

TRAINING = Path(__file__).resolve().parents[3] / "training" / "trust"


@pytest.fixture(scope="module", autouse=True)
def training_modules():
    """Training scripts import each other by name."""
    sys.path.insert(0, str(TRAINING))
    yield
    sys.path.remove(str(TRAINING))


@pytest.fixture
def planted():
    import corruptions
    import pairs

    base = pairs.Pair(
        set="wikisplit_en",
        group="g",
        answer="a",
        evidence="The bridge was opened in June 1932. It is 503 metres long and has two arches in the north of the old town.",
        claim="The bridge in the north of the old town was opened in June 1932 and is 503 metres long.",
        label=pairs.SUPPORTED,
        spans=[],
    )
    other = msgspec.structs.replace(base, group="h", evidence="A clinic opened in Bern.", claim="A clinic was opened in Bern.")
    return list(corruptions.matched([base, other], random.Random(1), 400))


def test_about_half_of_the_planted_pairs_are_faithful(planted):
    faithful = sum(pair.label == 0 for pair in planted) / len(planted)
    assert 0.45 <= faithful <= 0.65


def test_the_edit_alone_gives_nothing_away(planted):
    """Where evidence was edited too, the very same claim stands on both sides."""
    kinds = {pair.kind for pair in planted}
    assert {"number", "date", "opposite", "laterality", "negation"} <= kinds
    by_claim: dict[str, set[int]] = {}
    for pair in planted:
        if pair.kind in ("number", "date", "laterality"):
            by_claim.setdefault(pair.claim, set()).add(min(pair.label, 1))
    both = sum(len(labels) == 2 for labels in by_claim.values())
    assert both >= 0.8 * len(by_claim)


def test_marked_words_lie_inside_the_claim_and_only_faults_have_them(planted):
    for pair in planted:
        assert bool(pair.spans) is (pair.label != 0)
        assert all(0 <= start < end <= len(pair.claim) for start, end in pair.spans)


def test_business_pairs_are_the_same_for_the_same_seed_and_balanced_in_both_languages():
    import pairs
    from business import business_pairs

    first, second = (list(business_pairs(random.Random(4), 400)) for _ in range(2))
    assert first == second
    for name in ("business_en", "business_de"):
        labels = Counter(pair.label == pairs.SUPPORTED for pair in first if pair.set == name)
        assert 0.35 <= labels[True] / labels.total() <= 0.65
    assert all("{" not in pair.evidence + pair.claim for pair in first)


def test_a_group_keeps_its_fold_on_every_machine():
    import pairs

    groups = [f"group-{number}" for number in range(2_000)]
    counts = Counter(pairs.fold_of(group) for group in groups)
    assert sorted(counts) == list(range(pairs.FOLDS))
    assert min(counts.values()) > 300
    assert [pairs.fold_of(group) for group in ("ragtruth:1", "business:en-0", "infotabs:T19")] == [3, 1, 3]
