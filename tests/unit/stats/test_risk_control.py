"""The release threshold: what is promised, from how many labels, and what is said where nothing can be."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st

from groundcrew.domain.calibration import Guarantee, LabelledScore
from groundcrew.errors import InputError
from groundcrew.stats.intervals import clopper_pearson_upper
from groundcrew.stats.risk_control import conformal_threshold, release_threshold
from groundcrew.stats.risk_tests import (
    STAKES,
    betting_p_values,
    binomial_p_values,
    errors_allowed,
    hoeffding_bentkus_p_values,
    labels_needed,
    labels_without_error,
    least_labels,
    log_wealth,
    power,
    risk_bound,
)


def labelled(scores: Sequence[float], wrong: Sequence[bool], probability: float = 1.0) -> list[LabelledScore]:
    return [
        LabelledScore(score=score, supported=not each, probability=probability) for score, each in zip(scores, wrong, strict=True)
    ]


def ladder(n: int, wrong: Sequence[int] = ()) -> list[LabelledScore]:
    """n labels with falling scores; those at the places `wrong`, counted from 0 at the highest score, are unsupported."""
    return labelled([1 - (place + 1) / (n + 1) for place in range(n)], [place in wrong for place in range(n)])


def sample(n: int, seed: int, base: float = 0.1) -> list[LabelledScore]:
    source = np.random.default_rng(seed)
    wrong = source.random(n) < base
    scores = scipy.special.expit(source.normal(size=n) - 1.8 * wrong + 2.5)
    return labelled(scores.tolist(), wrong.tolist())


@pytest.mark.parametrize(
    ("unsupported_max", "confidence", "n"), [(0.05, 0.95, 59), (0.01, 0.95, 299), (0.1, 0.9, 22), (0.5, 0.5, 1)]
)
def test_labels_without_an_error(unsupported_max: float, confidence: float, n: int) -> None:
    assert labels_without_error(unsupported_max, confidence) == n
    assert least_labels(unsupported_max, confidence)[0] == n
    assert (1 - unsupported_max) ** n <= 1 - confidence + 1e-12
    assert errors_allowed(n, unsupported_max, confidence) == 0
    assert errors_allowed(n - 1, unsupported_max, confidence) == -1


def test_least_labels_are_the_sizes_at_which_one_more_error_passes() -> None:
    # Wilks' sample sizes: 59, 93, 124, 153, 181, 208 for the first to sixth order statistic at 95 %/95 %.
    least = least_labels(0.05, 0.95)
    assert least[:6].tolist() == [59, 93, 124, 153, 181, 208]
    for errors in (0, 5, 40, 400, 1000):
        assert (
            scipy.stats.binom.cdf(errors, int(least[errors]), 0.05)
            <= 0.05
            < scipy.stats.binom.cdf(errors, least[errors] - 1, 0.05)
        )
        assert errors_allowed(int(least[errors]), 0.05, 0.95) == errors


def test_p_values_agree_with_scipy() -> None:
    errors, n = np.array([0, 3, 10]), np.array([59, 100, 150])
    assert binomial_p_values(errors, n, 0.05) == pytest.approx(scipy.stats.binom.cdf(errors, n, 0.05))
    looser = hoeffding_bentkus_p_values(errors.astype(float), n, 0.05)
    assert bool((looser >= binomial_p_values(errors, n, 0.05) - 1e-12).all())
    # No error: Hoeffding's exp(−n·kl(0, ε)) is (1 − ε)^n.
    assert looser[0] == pytest.approx(0.95**59)
    assert binomial_p_values(np.array([0]), np.array([0]), 0.05).tolist() == [1.0]


def test_wealth_is_the_mean_of_its_bettors_and_fair_on_average() -> None:
    weights, wrong = np.array([1.0, 0.5, 0.25]), np.array([False, True, False])
    rate = 0.05 / 0.95
    expected = np.mean([(1 + s * rate) * (1 - s * 0.5) * (1 + s * rate * 0.25) for s in STAKES])
    assert math.exp(log_wealth(weights, wrong, 0.05)) == pytest.approx(expected)
    # Under the hypothesis each label multiplies the wealth by 1 on average, whatever its weight.
    for weight in (1.0, 0.3):
        won, lost = (math.exp(log_wealth(np.array([weight]), np.array([flag]), 0.05)) for flag in (False, True))
        assert 0.95 * won + 0.05 * lost == pytest.approx(1)
    assert log_wealth(np.zeros(0), np.zeros(0, dtype=bool), 0.05) == 0


def test_risk_bound_is_where_betting_just_rejects() -> None:
    weights, wrong = np.full(200, 1.0), np.arange(200) < 4
    bound = risk_bound(weights, wrong, 0.05)
    assert clopper_pearson_upper(4, 200).upper < bound < 0.08  # type: ignore[operator]
    assert log_wealth(weights, wrong, bound + 1e-6) >= math.log(20) > log_wealth(weights, wrong, bound - 1e-6)
    assert risk_bound(np.zeros(0), np.zeros(0, dtype=bool), 0.05) == pytest.approx(1)


def test_labels_needed_and_power() -> None:
    assert [labels_needed(0.05, 0.95, 0.0, share) for share in (1, 0.75, 0.5, 0.25)] == [59, 79, 118, 236]
    assert labels_needed(0.05, 0.95, 0.01) == 124
    assert labels_needed(0.05, 0.95, 0.05) is None
    assert labels_needed(0.05, 0.95, 0.0499) is None
    for risk in (0.0, 0.01, 0.02, 0.03):
        needed = labels_needed(0.05, 0.95, risk)
        assert needed is not None
        assert power(needed, 0.05, 0.95, risk) >= 0.8
    assert power(58, 0.05, 0.95, 0.0) == 0
    assert power(59, 0.05, 0.95, 0.01) == pytest.approx(0.99**59)
    assert power(118, 0.05, 0.95, 0.01, share=0.5) == pytest.approx(0.99**59)
    for wrong in ({"expected_risk": -0.1}, {"expected_risk": 0.1, "share": 0}, {"expected_risk": 0.0, "wanted_power": 1}):
        with pytest.raises(InputError):
            labels_needed(0.05, 0.95, **wrong)


def test_no_labels_release_nothing() -> None:
    found = release_threshold([])
    assert found.threshold is None
    assert (found.labels, found.released, found.risk, found.risk_upper, found.share) == (0, 0, None, 1.0, 0.0)
    assert "there are no labels" in found.reason
    assert "59 without an error" in found.reason
    assert found.more_labels == ()


def test_too_few_labels_say_how_many_would_do() -> None:
    found = release_threshold(ladder(40))
    assert found.threshold is None
    assert found.risk_upper == pytest.approx(1 - 0.05 ** (1 / 40), abs=1e-9)
    assert found.reason == (
        "with 40 labels nothing can be guaranteed at 5 %: even 0 wrong of 40 bounds the risk only at 7.22 %; "
        "59 labels without an error would do"
    )


def test_what_a_few_labels_show_is_no_forecast() -> None:
    """After a first answer that is wrong nobody should read that no number of labels would do."""
    assert release_threshold(ladder(19, [0])).more_labels == ()
    assert len(release_threshold(ladder(20, [0])).more_labels) == 4


def test_all_supported_release_everything_from_59_labels_on() -> None:
    assert release_threshold(ladder(58)).threshold is None
    found = release_threshold(ladder(59))
    assert (found.threshold, found.released, found.unsupported, found.share) == (0.0, 59, 0, 1.0)
    assert found.risk_upper == pytest.approx(1 - 0.05 ** (1 / 59))
    assert found.releases(0.0)


def test_all_unsupported_release_nothing() -> None:
    for n in (59, 200, 2000):
        found = release_threshold(ladder(n, range(n)))
        assert found.threshold is None
        assert "the score must get better" in found.reason
        assert all(each.labels is None for each in found.more_labels)


def test_the_threshold_lies_where_the_errors_begin() -> None:
    # 100 good answers above, 100 bad ones below: the walk passes 93 (one error allowed) and goes on until a second too many.
    found = release_threshold(ladder(200, range(100, 200)))
    assert found.threshold is not None
    assert (found.released, found.unsupported) == (101, 1)
    assert found.risk_upper <= 0.05
    assert found.risk_upper == pytest.approx(clopper_pearson_upper(1, 101).upper, abs=1e-9)
    assert found.share == pytest.approx(101 / 200)
    assert found.reason.startswith("at most 5 % of released answers unsupported, with 95 % confidence: of 101 labels at or above")


def test_a_first_error_ends_a_walk_that_begins_at_59() -> None:
    assert release_threshold(ladder(100, [3])).threshold is None
    found = release_threshold(ladder(100, [70]))
    assert found.released == 70


def test_equal_scores_are_released_together_or_not_at_all() -> None:
    everything = release_threshold(labelled([0.7] * 80, [False] * 80))
    assert everything.threshold == 0.0
    assert release_threshold(labelled([0.7] * 80, [False] * 76 + [True] * 4)).threshold is None
    # A judge of two words: the upper ones are all right, the lower ones are not.
    scores, wrong = [1.0] * 140 + [0.0] * 60, [False] * 140 + [True] * 60
    found = release_threshold(labelled(scores, wrong))
    assert found.threshold is not None
    assert 0.0 < found.threshold <= 1.0
    assert (found.released, found.unsupported) == (140, 0)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.integers(1, 12))
def test_what_is_found_is_what_the_labels_bear(seed: int, n: int, values: int) -> None:
    """On scores with many ties: the threshold's own labels pass the test, nothing is NaN, and the reason is never empty."""
    source = random.Random(seed)
    scores = [source.randrange(values) / values for _ in range(n)]
    wrong = [source.random() < 0.15 * (1 - score) for score in scores]
    found = release_threshold(labelled(scores, wrong))
    assert found.reason
    assert 0 <= found.share_lower <= (found.share or 0) <= found.share_upper <= 1
    if found.threshold is not None:
        above = [flag for score, flag in zip(scores, wrong, strict=True) if score >= found.threshold]
        assert (found.released, found.unsupported) == (len(above), sum(above))
        assert binomial_p_values(np.array([sum(above)]), np.array([len(above)]), 0.05)[0] <= 0.05
        assert found.risk_upper <= 0.05 + 1e-9


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(60, 300))
def test_only_the_order_of_scores_matters(seed: int, n: int) -> None:
    labels = sample(n, seed)
    pressed = [LabelledScore(score=each.score**3 / 2, supported=each.supported) for each in labels]
    found, same = release_threshold(labels), release_threshold(pressed)
    assert (found.threshold is None) == (same.threshold is None)
    assert (found.released, found.unsupported, found.share) == (same.released, same.unsupported, same.share)
    shuffled = random.Random(seed).sample(labels, n)
    assert release_threshold(shuffled).threshold == found.threshold


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(150, 400))
def test_a_promise_bears_every_weaker_one(seed: int, n: int) -> None:
    strict = release_threshold(sample(n, seed, base=0.01), 0.03)
    if strict.threshold is not None:
        assert strict.risk_upper <= 0.03 + 1e-9
        assert binomial_p_values(np.array([strict.unsupported]), np.array([strict.released]), 0.05)[0] <= 0.05


def test_one_label_of_each_group_counts() -> None:
    doubled = [
        LabelledScore(score=each.score, supported=each.supported, group=str(place))
        for place, each in enumerate(ladder(58))
        for _ in range(10)
    ]
    found = release_threshold(doubled)
    assert found.labels == 58
    assert found.threshold is None
    alone = [LabelledScore(score=each.score, supported=each.supported, group=str(place)) for place, each in enumerate(ladder(59))]
    assert release_threshold(alone).threshold == 0.0


def test_labels_of_unequal_probability_are_thinned_to_an_even_sample() -> None:
    labels = labelled([0.9] * 200, [False] * 200, 0.5) + labelled([0.2] * 400, [False] * 400, 1.0)
    found = release_threshold(labels)
    assert found.sampling == "weighted"
    assert found.threshold == 0.0
    assert 330 < found.released < 470
    assert "left out at random" in found.reason
    assert found.share == 1.0
    # Where the frequently reviewed half is bad, the share released is that of the answers, not of the labels.
    half = release_threshold(labelled([0.9] * 200, [False] * 200, 0.5) + labelled([0.2] * 400, [True] * 400, 1.0))
    assert half.threshold is not None
    assert half.share == pytest.approx(0.5)


def test_equal_probabilities_are_a_plain_sample() -> None:
    once, rare = (
        sample(300, 5),
        [LabelledScore(score=each.score, supported=each.supported, probability=0.02) for each in sample(300, 5)],
    )
    assert release_threshold(once) == release_threshold(rare)


@pytest.mark.parametrize(
    ("label", "field"),
    [
        (LabelledScore(score=0.5, supported=True, probability=0.0), "probability"),
        (LabelledScore(score=0.5, supported=True, probability=-1.0), "probability"),
        (LabelledScore(score=0.5, supported=True, probability=math.nan), "probability"),
        (LabelledScore(score=0.5, supported=True, probability=1.5), "probability"),
        (LabelledScore(score=0.5, supported=True, probability=0.05), "probability"),
        (LabelledScore(score=1.5, supported=True), "score"),
        (LabelledScore(score=math.nan, supported=True), "score"),
    ],
)
def test_weights_without_a_bound_and_scores_out_of_range_are_refused(label: LabelledScore, field: str) -> None:
    with pytest.raises(InputError) as refused:
        release_threshold([*ladder(2), label], probability_min=0.1)
    assert (refused.value.field, refused.value.line) == (field, 3)


@pytest.mark.parametrize(("unsupported_max", "confidence"), [(0.0, 0.95), (1.0, 0.95), (0.05, 1.0), (math.nan, 0.9)])
def test_a_promise_out_of_range_is_refused(unsupported_max: float, confidence: float) -> None:
    with pytest.raises(InputError):
        release_threshold(ladder(3), unsupported_max, confidence)


def test_a_test_for_one_look_is_refused_for_many() -> None:
    with pytest.raises(InputError, match="for one look"):
        release_threshold(ladder(100), monitoring="sequential", test="exact-binomial")
    unequal = labelled([0.9, 0.8], [False, False], 0.5) + ladder(100)
    with pytest.raises(InputError, match="is needed") as refused:
        release_threshold(unequal, monitoring="sequential")
    assert refused.value.field == "probability_min"
    assert release_threshold(unequal, monitoring="sequential", probability_min=0.5).sampling == "weighted"
    with pytest.raises(InputError, match=r"outside 0\.\.1"):
        release_threshold(ladder(100), monitoring="sequential", unlabelled=[2.0])


def test_betting_keeps_its_level_and_needs_fewer_cases_where_losses_spread_little() -> None:
    draw = np.random.default_rng(11)
    null = [float(betting_p_values(draw.beta(2, 3, 150), 0.4)[-1]) for _ in range(400)]
    assert np.mean(np.array(null) <= 0.05) <= 0.05
    losses = draw.beta(10, 20, 100)
    n = np.arange(1, 101)
    assert betting_p_values(losses, 0.4)[-1] < 0.05 < hoeffding_bentkus_p_values(np.cumsum(losses), n, 0.4)[-1]
    # Every loss at its most refutes nothing, and none at all refutes soon.
    assert betting_p_values(np.ones(50), 0.4)[-1] == 1.0
    assert betting_p_values(np.zeros(50), 0.05)[-1] < 0.2


def test_hoeffding_bentkus_is_never_more_generous() -> None:
    for seed in range(10):
        labels = sample(400, seed, base=0.06)
        exact, loose = release_threshold(labels), release_threshold(labels, test="hoeffding-bentkus")
        assert loose.released <= exact.released or exact.threshold is None
        if loose.threshold is not None:
            assert loose.risk_upper <= 0.05 + 1e-9


def test_repeated_looks_hold_and_cost_labels() -> None:
    labels = sample(1500, 3)
    once, anytime = release_threshold(labels), release_threshold(labels, monitoring="sequential")
    assert anytime.method == "betting"
    assert anytime.threshold is not None
    assert once.threshold is not None
    assert anytime.threshold >= once.threshold
    assert anytime.risk_upper <= 0.05 + 1e-9
    assert "20 of the 1500 labels only placed" in anytime.reason
    placed = release_threshold(labels, monitoring="sequential", unlabelled=[each.score for each in sample(500, 4)])
    assert placed.threshold is not None
    assert "only placed" not in placed.reason


def test_repeated_looks_do_not_read_the_future() -> None:
    """What is said after n labels depends on these alone: the candidates were fixed by the first ones."""
    labels = sample(900, 8)
    early = release_threshold(labels[:500], monitoring="sequential")
    late = release_threshold(labels, monitoring="sequential")
    bad = [LabelledScore(score=each.score, supported=False) for each in labels[500:]]
    again = release_threshold([*labels[:500], *bad], monitoring="sequential")
    assert early.threshold is not None
    assert late.threshold is not None
    assert again.threshold is None  # a promise is withdrawn when labels speak against it


def test_more_labels_say_what_each_share_takes() -> None:
    found = release_threshold(sample(400, 2))
    assert [each.share for each in found.more_labels] == [1.0, 0.75, 0.5, 0.25]
    assert found.more_labels[0].labels is None  # a tenth is unsupported: everything can never be released
    risks = [each.risk for each in found.more_labels]
    assert risks == sorted(risks, reverse=True) or risks[-1] < 0.05
    assert all(each.labels is None or each.labels > 59 for each in found.more_labels)


def test_conformal_threshold_allows_so_many_errors() -> None:
    assert conformal_threshold(ladder(18, [0]), 0.05) is None  # 1/(18 + 1) is above 5 %
    assert conformal_threshold(ladder(19), 0.05) == 0.0
    labels = ladder(99, range(0, 99, 10))
    found = conformal_threshold(labels, 0.05)
    assert found is not None
    wrong = sum(not each.supported and each.score >= found for each in labels)
    assert (wrong + 1) / 100 <= 0.05 < (wrong + 2) / 100
    with pytest.raises(InputError, match="equally likely"):
        conformal_threshold(labelled([0.5], [False], 0.5) + labelled([0.5], [False]), 0.05)


def test_a_guarantee_is_a_plain_value() -> None:
    import msgspec

    found = release_threshold(sample(400, 2))
    assert msgspec.json.decode(msgspec.json.encode(found), type=Guarantee) == found
