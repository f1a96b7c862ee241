"""A plan is worked out with every price said, and what it does not tell stays unknown."""

from __future__ import annotations

import pytest
from tests.unit.metrics.experiments import declared

from groundcrew.metrics.plan import plan
from groundcrew.stats import sample_size


def requirement(report, name):  # type: ignore[no-untyped-def]
    return next(each for each in report.metrics if each.name == name)


def test_fixed_plan_with_one_guardrail_divides_beta() -> None:
    report = plan(declared())
    handle_time = requirement(report, "handle_time")
    assert handle_time.power == pytest.approx(0.9)
    assert handle_time.fixed_n_per_arm == pytest.approx(sample_size.means(180, 540, 0.05, 0.9))
    assert (handle_time.control, handle_time.treatment) == (191, 191)
    assert (report.required_n, report.sufficient) == (382, True)
    assert report.days_needed == pytest.approx(382 / 40)


def test_without_guardrail_it_is_the_textbook_figure() -> None:
    baseline = {"mean": 15, "sd": 9, "n": 400, "days": 30, "source": "s"}
    metric = {"name": "handle_time", "role": "success", "kind": "duration", "direction": "decrease", "mde": 3}
    report = plan(declared(metrics=[metric | {"baseline": baseline}]))
    assert report.metrics[0].fixed_n_per_arm == pytest.approx(142.25, abs=5e-3)
    assert report.required_n == 2 * 143
    assert any("no guardrail" in line for line in report.problems)


def test_sequential_price_design_effect_and_split_are_all_paid() -> None:
    fixed = plan(declared())
    sequential = plan(declared(monitoring="sequential"))
    factor = requirement(sequential, "handle_time").sequential_factor
    assert factor == pytest.approx(sample_size.sequential_inflation(0.05, 0.9))
    assert sequential.required_n == pytest.approx(factor * fixed.required_n, abs=3)
    assert any(f"handle_time × {factor:.2f}" in line for line in sequential.assumptions)
    clustered = plan(declared(cluster="employee", icc=0.05, cluster_size=50))
    assert clustered.design_effect == pytest.approx(3.45)
    assert clustered.required_n == pytest.approx(3.45 * fixed.required_n, abs=6)
    skewed = plan(declared(arms={"control": "human", "treatment": "draft_assist", "split": 0.1}))
    assert skewed.required_treatment == pytest.approx(0.1 * skewed.required_n, abs=1)
    assert skewed.required_n > 2.7 * fixed.required_n


def test_assumed_cluster_figures_are_said() -> None:
    report = plan(declared(cluster="employee"))
    assert report.design_effect == pytest.approx(3.45)
    assert sum("is assumed" in line for line in report.assumptions) == 2


def test_guardrail_without_baseline_is_unknown_and_said() -> None:
    report = plan(declared())
    complaint = requirement(report, "complaint")
    assert complaint.required_n is None
    assert any("complaint: required n unknown" in line for line in report.assumptions)
    known = plan(declared(metric_changes={1: {"baseline": {"mean": 0.03, "n": 500, "days": 30, "source": "s"}}}))
    assert requirement(known, "complaint").fixed_n_per_arm == pytest.approx(
        sample_size.non_inferiority_proportions(0.03, 0.05, 0.05, 0.9)
    )


def test_rare_harm_counts_clean_treatment_cases() -> None:
    harm = {1: {"kind": "rare_harm", "margin": 0.01}}
    fixed = requirement(plan(declared(metric_changes=harm)), "complaint")
    assert (fixed.control, fixed.treatment) == (0, 299)
    sequential = requirement(plan(declared(metric_changes=harm, monitoring="sequential")), "complaint")
    assert sequential.treatment == 313


@pytest.mark.parametrize(
    ("changes", "metric_changes"),
    [
        ({}, {0: {"baseline": None}}),
        ({}, {0: {"mde": None}}),
        ({"alpha": 0.7}, {}),
        ({}, {0: {"kind": "proportion", "mde": 0.2, "baseline": {"mean": 0.1, "n": 99, "days": 30, "source": "s"}}}),
    ],
)
def test_what_cannot_be_known_is_none_not_a_pass(changes, metric_changes) -> None:  # type: ignore[no-untyped-def]
    report = plan(declared(metric_changes=metric_changes, **changes))
    assert (report.required_n, report.sufficient, report.feasible) == (None, None, None)
    assert any("unknown" in line for line in report.assumptions)


def test_planned_n_must_suffice_and_come_by_in_time() -> None:
    assert plan(declared(planned_n=381)).sufficient is False
    assert plan(declared(planned_n=None)).planned_n == plan(declared()).required_n
    assert plan(declared(planned_n=None)).sufficient is True
    assert plan(declared(duration_days=14)).feasible is True
    assert plan(declared(duration_days=14, minimum_days=7, planned_n=4000)).feasible is False
    assert plan(declared(duration_days=9, minimum_days=7)).feasible is False


def test_the_gates_asks_are_listed() -> None:
    asks = "\n".join(plan(declared()).gate)
    for words in ("registered", "planned_n ≥ 382", "p ≥ 0.001", "guardrail complaint worse by less than 0.05"):
        assert words in asks
    assert "grade D" in "\n".join(plan(declared(design="before_after")).gate)


def test_a_covariate_saves_what_it_explains_and_no_more_than_declared() -> None:
    plain, adjusted = plan(declared()), plan(declared(metric_changes={0: {"covariate_correlation": 0.6}}))
    expected = (1 - 0.6**2) * requirement(plain, "handle_time").fixed_n_per_arm
    assert requirement(adjusted, "handle_time").fixed_n_per_arm == pytest.approx(expected)
    assert any("correlated by 0.6" in line for line in adjusted.assumptions)
    nothing = plan(declared(metric_changes={0: {"covariate_correlation": 0}}))
    assert nothing.required_n == plain.required_n
    impossible = plan(declared(metric_changes={0: {"covariate_correlation": 1.0}}))
    assert impossible.required_n is None
    assert any("covariate_correlation" in line for line in impossible.problems)


def test_units_without_a_value_are_paid_for() -> None:
    plain, partly = plan(declared()), plan(declared(metric_changes={0: {"coverage": 0.25}}))
    assert requirement(partly, "handle_time").required_n == pytest.approx(
        4 * requirement(plain, "handle_time").required_n, rel=0.01
    )
    wrong = plan(declared(metric_changes={0: {"coverage": 0}}))
    assert wrong.required_n is None
    assert any("coverage" in line for line in wrong.problems)
