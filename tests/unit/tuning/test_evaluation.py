"""The figures of an evaluation: as scikit-learn computes them, with intervals that hold what they promise."""

from __future__ import annotations

import random

import msgspec
import numpy as np
import pytest

from groundcrew.errors import InputError
from groundcrew.tuning.evaluation import evaluate
from groundcrew.tuning.evaluation_draws import Draws
from groundcrew.tuning.evaluation_figures import Case, average_precision, mean_of, quantile_of
from groundcrew.tuning.evaluation_report import words

metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle here")
LABELS = ["A", "B", "C", "D", "E"]


def made(count: int, seed: int = 1, **fields: object) -> list[Case]:
    chance = random.Random(seed)
    cases = []
    for number in range(count):
        truth = frozenset(each for each in LABELS if chance.random() < 0.4)
        scores = {each: chance.betavariate(4, 2) if each in truth else chance.betavariate(2, 4) for each in LABELS[:4]}
        ranked = tuple(sorted(scores.items(), key=lambda each: (-each[1], each[0])))
        trust = chance.random()
        cases.append(
            Case(
                id=str(number),
                truth=truth,
                ranked=ranked,
                kept=frozenset(label for label, score in ranked if score > 0.5),
                trust=trust,
                needs_person=trust < 0.3,
                seconds=0.01 + chance.random() / 100,
                **fields,  # type: ignore[arg-type]
            )
        )
    return cases


def report(cases: list[Case], **more: object):  # type: ignore[no-untyped-def]
    return evaluate(cases, model="m@1", digest="d" * 64, source="test", multi_label=True, **more)  # type: ignore[arg-type]


def test_averages_are_those_of_scikit_learn() -> None:
    cases = made(120)
    truth = np.array([[label in each.truth for label in LABELS] for each in cases])
    kept = np.array([[label in each.kept for label in LABELS] for each in cases])
    found = report(cases).figures
    for average in ("micro", "macro", "weighted"):
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(truth, kept, average=average, zero_division=0)
        assert found[f"{average}_f1"].estimate == pytest.approx(f1)
        if average != "weighted":
            assert found[f"{average}_precision"].estimate == pytest.approx(precision)
            assert found[f"{average}_recall"].estimate == pytest.approx(recall)
    assert found["subset_accuracy"].estimate == pytest.approx(metrics.accuracy_score(truth, kept))
    first = np.mean([each.ranked[0][0] in each.truth for each in cases])
    assert found["precision_at_1"].estimate == pytest.approx(first)
    for interval in found.values():
        assert interval.lower is not None
        assert interval.lower <= interval.estimate <= interval.upper
        assert interval.n == 120


def test_labels_and_chapters_have_figures_of_their_own() -> None:
    cases = made(80)
    found = report(cases, titles={"A": "first"}, chapter_of={"A": "I", "B": "I", "C": "II"}, chapter_titles={"I": "one"})
    by_name = {each.name: each for each in found.labels}
    truth, kept = ([label in getattr(each, side) for each in cases] for side in ("truth", "kept") for label in ["A"])
    assert by_name["A"].f1.estimate == pytest.approx(metrics.f1_score(truth, kept))
    assert by_name["A"].title == "first"
    assert by_name["E"].suggested == 0
    assert by_name["E"].precision.estimate is None
    assert by_name["E"].recall.estimate == 0
    assert [each.name for each in found.chapters] == sorted(["I", "II"], key=lambda each: each)
    both = next(each for each in found.chapters if each.name == "I")
    assert both.support == by_name["A"].support + by_name["B"].support


def test_ranks_count_what_was_not_suggested_as_missed() -> None:
    ranked = (("A", 0.9), ("B", 0.8), ("C", 0.1))
    case = Case(id="1", truth=frozenset("ACZ"), ranked=ranked, kept=frozenset("A"))
    assert average_precision(case) == pytest.approx((1 + 2 / 3) / 3)
    assert report([case]).figures["precision_at_5"].estimate == pytest.approx(2 / 5)


def test_groups_widen_intervals_and_one_case_has_none() -> None:
    alone = made(60)
    chunks = [
        Case(**{name: getattr(each, name) for name in each.__struct_fields__} | {"id": f"{each.id}-{copy}", "group": each.id})
        for each in alone
        for copy in range(5)
    ]
    own, grouped = report(alone).figures["micro_f1"], report(chunks)
    wide = grouped.figures["micro_f1"]
    assert grouped.groups == 60
    assert wide.estimate == pytest.approx(own.estimate)
    assert (wide.upper - wide.lower) == pytest.approx(own.upper - own.lower, rel=0.25)
    single = report(alone[:1]).figures["micro_f1"]
    assert single.lower is None or single.method == "wilson"


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    chance, inside = np.random.default_rng(3), 0
    for _ in range(120):
        values = chance.binomial(1, 0.7, size=80).astype(float)
        interval = Draws([""] * 80).interval(mean_of(values.tolist()))
        assert interval.lower is not None
        inside += interval.lower <= 0.7 <= (interval.upper or 1)
    assert 0.87 <= inside / 120 <= 0.995


def test_a_perfect_model_is_no_certainty() -> None:
    cases = [Case(id=str(n), truth=frozenset("A"), ranked=(("A", 0.9),), kept=frozenset("A"), trust=0.9) for n in range(20)]
    whole = report(cases)
    for found in (whole.figures["micro_f1"], whole.person.kept_subset_accuracy, whole.coverage[0].subset_accuracy):
        assert found.estimate == 1
        assert found.lower == pytest.approx(0.839, abs=0.001)
        assert found.method == "wilson"
    assert "?" not in "".join(
        words(each) for each in (whole.score_calibration.expected_calibration_error, whole.person.to_person)
    )
    half = [msgspec.structs.replace(each, needs_person=place < 10) for place, each in enumerate(cases)]
    assert report(half).person.kept_subset_accuracy.lower == pytest.approx(0.722, abs=0.001)


def test_the_surest_cases_first() -> None:
    cases = [
        Case(id=str(n), truth=frozenset("A"), ranked=(("A", 0.9),), kept=frozenset("A" if n < 50 else "B"), trust=1 - n / 100)
        for n in range(100)
    ]
    found = report(cases)
    assert [round(each.coverage, 2) for each in found.coverage] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    assert found.coverage[4].subset_accuracy.estimate == 1
    assert found.coverage[-1].subset_accuracy.estimate == 0.5
    assert found.trust_calibration is not None
    unsure = [Case(id=str(n), truth=frozenset("A"), ranked=(), kept=frozenset()) for n in range(3)]
    assert report(unsure).coverage == ()
    assert report(unsure).trust_calibration is None


def test_what_goes_to_a_person_is_told_apart() -> None:
    cases = made(200)
    found = report(cases).person
    kept = [each for each in cases if not each.needs_person]
    assert found.to_person.estimate == pytest.approx(1 - len(kept) / 200)
    assert found.kept_subset_accuracy.estimate == pytest.approx(sum(each.exact for each in kept) / len(kept))
    assert found.kept_subset_accuracy.n == len(kept)


def test_time_stands_against_a_persons() -> None:
    cases = made(100)
    found = report(cases, human_s=1_500.0, load_s=1.2)
    mean = np.mean([each.seconds for each in cases])
    assert found.time is not None
    assert found.human is not None
    assert found.time.mean_s.estimate == pytest.approx(mean)
    assert found.time.p95_s.estimate == pytest.approx(np.quantile([each.seconds for each in cases], 0.95, method="inverted_cdf"))
    assert found.human.times_faster.estimate == pytest.approx(1_500 / mean)
    assert quantile_of([3.0, 1.0, 2.0], 0.5)(np.ones((1, 3)))[0] == 2
    with pytest.raises(InputError, match="human_s"):
        report(cases, human_s=0.0)


def test_a_baseline_is_compared_case_by_case() -> None:
    cases = made(150)
    worse = [Case(id=each.id, truth=frozenset(), ranked=(), kept=frozenset({"A"})) for each in reversed(cases)]
    found = report(cases, baseline=("always A", worse)).comparison
    assert found is not None
    difference = found.differences["micro_f1"]
    assert difference.lower is not None
    assert difference.lower > 0
    assert found.not_better["micro_f1"] == 0
    own = report(cases)
    assert difference.estimate == pytest.approx(own.figures["micro_f1"].estimate - found.figures["micro_f1"].estimate)
    same = report(cases, baseline=("itself", cases)).comparison
    assert same is not None
    assert same.differences["micro_f1"].estimate == 0
    assert same.not_better["micro_f1"] == 1
    with pytest.raises(InputError, match="first '0'"):
        report(cases, baseline=("other", worse[:-1]))


def test_what_can_not_be_evaluated() -> None:
    with pytest.raises(InputError, match="1 to"):
        report([])
    with pytest.raises(InputError, match="same id"):
        report([*made(1), *made(1)])


def test_the_same_cases_give_the_same_report() -> None:
    assert report(made(60)) == report(made(60))
