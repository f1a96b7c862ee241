"""Curves, figures and maps of scores on labels, against reference values, and on labels whose truth is known."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundcrew.domain.calibration import CalibrationMap, LabelledScore
from groundcrew.errors import InputError
from groundcrew.stats import calibration
from groundcrew.stats.calibration import calibration_report, expected_calibration_error, fit_calibration, reliability
from groundcrew.stats.discrimination import auroc, weighted_auroc
from groundcrew.stats.intervals import wilson
from groundcrew.stats.weighted import effective_size, label_arrays, weighted_share

#: scikit-learn 1.8.0 on these: roc_auc_score and brier_score_loss, plain and with WEIGHTS as sample_weight.
SCORES = (0.95, 0.9, 0.9, 0.85, 0.8, 0.7, 0.65, 0.6, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
SUPPORTED = (1, 1, 0, 1, 1, 0, 1, 1, 1, 0, 1, 0, 0, 0)
WEIGHTS = (1, 0.5, 0.25, 1, 1, 1, 0.5, 0.5, 0.25, 1, 1, 0.25, 1, 1)
AUROC, AUROC_WEIGHTED, BRIER, BRIER_WEIGHTED = 0.7604166666666667, 0.8309178743961353, 0.1833928571428571, 0.15865853658536586
#: From the structural components of DeLong, DeLong & Clarke-Pearson 1988, summed pair by pair.
DELONG_ERROR = 0.15070518760622864


def reference(*, weighted: bool = False) -> list[LabelledScore]:
    return [
        LabelledScore(score=score, supported=bool(good), probability=0.25 / weight if weighted else 1.0)
        for score, good, weight in zip(SCORES, SUPPORTED, WEIGHTS, strict=True)
    ]


def drawn(n: int, seed: int, slope: float = 1.0, intercept: float = 0.0) -> tuple[list[LabelledScore], float]:
    """Labels whose P(supported) has logit intercept + slope·logit(score), and the mean distance of score and probability."""
    source = np.random.default_rng(seed)
    scores = source.beta(4, 1.2, n)
    truth = 1 / (1 + np.exp(-(slope * np.log(scores / (1 - scores)) + intercept)))
    good = source.random(n) < truth
    labels = [LabelledScore(score=float(score), supported=bool(each)) for score, each in zip(scores, good, strict=True)]
    return labels, float(np.abs(truth - scores).mean())


def test_figures_agree_with_the_reference() -> None:
    plain, weighted = calibration_report(reference()), calibration_report(reference(weighted=True))
    assert plain.auroc.estimate == pytest.approx(AUROC)
    assert plain.auroc.upper == pytest.approx(min(1.0, AUROC + 1.959963984540054 * DELONG_ERROR))
    assert plain.auroc.lower == pytest.approx(AUROC - 1.959963984540054 * DELONG_ERROR)
    assert plain.brier.estimate == pytest.approx(BRIER)
    assert weighted.auroc.estimate == pytest.approx(AUROC_WEIGHTED)
    assert weighted.brier.estimate == pytest.approx(BRIER_WEIGHTED)
    assert (plain.labels, plain.groups) == (14, 14)


def test_no_labels_and_one_kind_of_label_are_unknown() -> None:
    empty = calibration_report([])
    for figure in (empty.auroc, empty.brier, empty.expected_calibration_error):
        assert figure.estimate is None
        assert (figure.lower or 0.0, 1.0 if figure.upper is None else figure.upper) == (0.0, 1.0)
    assert empty.reliability == ()
    one = calibration_report([LabelledScore(score=0.9, supported=True)] * 30)
    assert (one.auroc.estimate, one.auroc.lower, one.auroc.upper) == (None, 0.0, 1.0)
    assert one.expected_calibration_error.estimate == pytest.approx(0.1, abs=0.05)


def test_a_perfect_ranking_gets_no_interval_of_width_zero() -> None:
    found = auroc(np.array([0.9, 0.8, 0.7, 0.2, 0.1]), np.array([True, True, True, False, False]))
    assert (found.estimate, found.upper, found.method) == (1.0, 1.0, "newcombe-auroc")
    assert found.lower is not None
    assert 0.3 < found.lower < 0.8
    useless = auroc(np.full(40, 0.5), np.arange(40) % 2 == 0)
    assert useless.estimate == 0.5
    assert useless.lower is not None
    assert useless.upper is not None
    assert useless.lower < 0.4 < 0.6 < useless.upper


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.integers(1, 4)), min_size=2, max_size=40))
def test_auroc_counts_pairs_as_their_weights_say(rows: list[tuple[int, bool, int]]) -> None:
    scores, good = np.array([row[0] / 9 for row in rows]), np.array([row[1] for row in rows])
    weights = np.array([float(row[2]) for row in rows])
    found = float(weighted_auroc(scores, good, weights[None, :])[0])
    pairs = [(a, b) for a, b in itertools.product(rows, rows) if a[1] and not b[1]]
    if not pairs:
        assert math.isnan(found)
        return
    won = sum(a[2] * b[2] * (1.0 if a[0] > b[0] else 0.5 if a[0] == b[0] else 0.0) for a, b in pairs)
    assert found == pytest.approx(won / sum(a[2] * b[2] for a, b in pairs))


def test_bins_hold_equal_numbers_and_never_part_equal_scores() -> None:
    labels, _ = drawn(300, 1)
    curve = reliability(label_arrays(labels))
    assert [each.supported.n for each in curve] == [30] * 10
    assert all(before.upper <= after.lower for before, after in itertools.pairwise(curve))
    assert all(each.lower <= each.mean_score <= each.upper for each in curve)
    tied = reliability(label_arrays([LabelledScore(score=0.9, supported=place > 10) for place in range(200)]))
    assert [each.supported.n for each in tied] == [200]
    assert len(reliability(label_arrays(labels[:14]))) == 1


def test_shares_are_wilsons_with_equal_weights_and_wider_else() -> None:
    flags = np.arange(60) < 45
    even = weighted_share(flags, np.full(60, 0.3))
    exact = wilson(45, 60)
    assert (even.lower, even.upper) == pytest.approx((exact.lower, exact.upper))
    uneven = np.where(np.arange(60) % 3 == 0, 1.0, 0.1)
    assert effective_size(uneven) == pytest.approx((20 + 4) ** 2 / (20 + 0.4))
    wide = weighted_share(flags, uneven)
    assert wide.upper is not None
    assert wide.lower is not None
    assert wide.upper - wide.lower > exact.upper - exact.lower  # type: ignore[operator]


def test_labels_of_one_group_widen_the_intervals() -> None:
    labels, _ = drawn(60, 3, intercept=-1)
    repeated = [
        LabelledScore(score=each.score, supported=each.supported, group=str(place))
        for place, each in enumerate(labels)
        for _ in range(5)
    ]
    flat = [LabelledScore(score=each.score, supported=each.supported) for each in repeated]
    grouped, naive = calibration_report(repeated), calibration_report(flat)
    assert grouped.groups == 60
    for figure in ("auroc", "brier", "expected_calibration_error"):
        wide, narrow = getattr(grouped, figure), getattr(naive, figure)
        assert wide.upper - wide.lower > 1.3 * (narrow.upper - narrow.lower)
    wide_bin, narrow_bin = grouped.reliability[0].supported, naive.reliability[0].supported
    assert wide_bin.upper - wide_bin.lower > narrow_bin.upper - narrow_bin.lower  # type: ignore[operator]


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (1.0, -1.0), (0.5, 0.0)])
def test_calibration_error_is_not_the_noise(monkeypatch: pytest.MonkeyPatch, slope: float, intercept: float) -> None:
    monkeypatch.setattr(calibration, "BOOTSTRAP_DRAWS", 100)
    found, covered, truth = [], 0, 0.0
    for seed in range(25):
        labels, truth = drawn(200, seed, slope, intercept)
        each = expected_calibration_error(label_arrays(labels))
        assert each.estimate is not None
        assert each.lower is not None
        assert each.upper is not None
        found.append(each.estimate)
        covered += each.lower - 0.01 <= truth <= each.upper + 0.01
    # The plain figure of a calibrated score is about .06 at 200 labels in ten bins.
    assert float(np.mean(found)) == pytest.approx(truth, abs=0.04)
    assert covered >= 19


def test_few_labels_leave_the_score_as_it_was() -> None:
    for n in (0, 5, 19):
        fitted = fit_calibration(drawn(30, 1)[0][:n])
        assert (fitted.method, fitted.log_loss, fitted.labels) == ("shipped", None, n)
        assert fitted.apply(0.7) == pytest.approx(0.7)
        assert f"{n} labels are too few" in fitted.reason


@pytest.mark.parametrize("n", [60, 300, 2000])
def test_labels_mend_a_score_that_is_off(n: int) -> None:
    labels, off = drawn(n, 5, slope=0.5, intercept=-1.0)
    fitted = fit_calibration(labels)
    assert fitted.method != "shipped"
    assert fitted.log_loss is not None
    assert fitted.shipped_log_loss is not None
    assert fitted.log_loss < fitted.shipped_log_loss
    fresh, _ = drawn(2000, 6, slope=0.5, intercept=-1.0)
    scores = np.array([each.score for each in fresh])
    truth = 1 / (1 + np.exp(-(0.5 * np.log(scores / (1 - scores)) - 1.0)))
    after = np.abs(truth - [fitted.apply(float(score)) for score in scores]).mean()
    assert after < off / 3
    values = [fitted.apply(score / 200) for score in range(201)]
    assert values == sorted(values)


def test_many_labels_draw_a_curve_that_no_logistic_has() -> None:
    source = np.random.default_rng(2)
    scores = source.random(4000)
    truth = np.where(scores < 0.5, 0.2, np.where(scores < 0.8, 0.9, 0.93))
    good = source.random(4000) < truth
    labels = [LabelledScore(score=float(score), supported=bool(each)) for score, each in zip(scores, good, strict=True)]
    fitted = fit_calibration(labels)
    assert fitted.method == "isotonic"
    assert fitted.apply(0.3) == pytest.approx(0.2, abs=0.05)
    assert fitted.apply(0.65) == pytest.approx(0.9, abs=0.05)
    assert fitted.apply(1.0) < 1


@pytest.mark.parametrize("supported", [True, False])
def test_one_kind_of_label_never_makes_certain(supported: bool) -> None:
    for n in (20, 50, 400):
        fitted = fit_calibration([LabelledScore(score=0.8, supported=supported)] * n)
        assert 1 / (n + 2) - 1e-9 <= fitted.apply(0.8) <= (n + 1) / (n + 2) + 1e-9


def test_weights_count_and_groups_are_held_out_whole() -> None:
    # Frequent review of bad answers: without weights the score looks far too high.
    source = np.random.default_rng(9)
    labels = []
    for place in range(1500):
        good = bool(source.random() < 0.9)
        probability = 0.2 if good else 1.0
        if source.random() < probability:
            labels.append(LabelledScore(score=0.9, supported=good, probability=probability, group=str(place // 3)))
    fitted = fit_calibration(labels)
    assert fitted.apply(0.9) == pytest.approx(0.9, abs=0.04)
    assert calibration_report(labels).reliability[0].supported.estimate == pytest.approx(0.9, abs=0.04)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.floats(0.05, 1)), min_size=20, max_size=60))
def test_any_labels_give_a_sound_map(rows: list[tuple[float, bool, float]]) -> None:
    labels = [LabelledScore(score=score, supported=good, probability=probability) for score, good, probability in rows]
    fitted = fit_calibration(labels)
    values = [fitted.apply(score / 50) for score in range(51)]
    assert all(math.isfinite(value) and 0 < value < 1 for value in values)
    assert all(before <= after + 1e-12 for before, after in itertools.pairwise(values))
    assert isinstance(fitted, CalibrationMap)


def test_scores_out_of_range_are_refused() -> None:
    for function in (fit_calibration, calibration_report):
        with pytest.raises(InputError) as refused:
            function([LabelledScore(score=1.2, supported=True)])
        assert refused.value.field == "score"
