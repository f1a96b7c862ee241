"""The decision rule in its order: invalid, rollback, supported, hold; and grades that no declaration can lift."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import numpy as np
import pytest
from tests.unit.metrics.experiments import START, declared, experiment, rows

from groundcrew.errors import InputError
from groundcrew.metrics.analysis import analyze
from groundcrew.metrics.observations import Observation

RUNS = 60


def test_supported_with_grade_a() -> None:
    report = analyze(declared(), experiment())
    assert (report.verdict, report.evidence_grade, report.units) == ("supported", "A", {"human": 200, "draft_assist": 200})
    handle_time, complaint = report.metrics
    assert (handle_time.method, handle_time.finding, handle_time.n) == ("welch", "superior", 400)
    assert handle_time.required_n == 382
    assert (complaint.method, complaint.finding) == ("newcombe", "non_inferior")
    assert complaint.confidence == pytest.approx(0.9)
    assert report.srm_p_value == 1


def test_output_carries_the_contracts_fields() -> None:
    report = msgspec.to_builtins(analyze(declared(), experiment()))
    assert {"verdict", "srm_p_value", "evidence_grade", "metrics"} <= set(report)
    fields = {"name", "role", "estimate", "lower", "upper", "required_n", "n"}
    assert all(fields <= set(metric) for metric in report["metrics"])


def test_nothing_observed_is_hold_and_unknown() -> None:
    for monitoring in ("fixed", "sequential"):
        report = analyze(declared(monitoring=monitoring), [])
        assert (report.verdict, report.srm_p_value, report.evidence_grade) == ("hold", None, "D")
        assert {metric.finding for metric in report.metrics} == {"unknown"}


def test_split_that_does_not_hold_is_invalid_before_all_else() -> None:
    found = rows("handle_time", "human", np.full(1000, 900) + np.arange(1000) % 7)
    found += rows("handle_time", "draft_assist", np.full(1200, 9000) + np.arange(1200) % 7)
    report = analyze(declared(), found)
    assert (report.verdict, report.evidence_grade) == ("invalid", "D")
    assert report.srm_p_value == pytest.approx(2.008e-5, rel=1e-3)
    assert report.srm_e_value > 1000  # type: ignore[operator]


def test_units_in_both_arms_are_invalid() -> None:
    found = experiment()
    moved = [msgspec.structs.replace(row, unit_id="human-3") if row.unit_id == "draft_assist-3" else row for row in found]
    report = analyze(declared(), moved)
    assert report.verdict == "invalid"
    assert any("both arms" in line for line in report.reasons)


def test_primary_missing_in_one_arm_only_is_invalid() -> None:
    found = [
        row
        for row in experiment()
        if not (row.metric == "handle_time" and row.arm == "draft_assist" and row.unit_id.endswith(("1", "2", "3")))
    ]
    report = analyze(declared(), found)
    assert report.verdict == "invalid"
    assert any("missing unequally" in line for line in report.reasons)


def test_quality_metric_that_differs_is_invalid() -> None:
    plan = declared()
    quality = msgspec.convert(
        {"name": "logged", "role": "quality", "kind": "proportion", "direction": "increase"}, type(plan.metrics[0])
    )
    plan = msgspec.structs.replace(plan, metrics=(*plan.metrics, quality))
    found = experiment() + rows("logged", "human", np.ones(200)) + rows("logged", "draft_assist", np.arange(200) % 5 > 0)
    assert analyze(plan, found).verdict == "invalid"
    even = experiment() + rows("logged", "human", np.ones(200)) + rows("logged", "draft_assist", np.ones(200))
    assert analyze(plan, even).verdict == "supported"
    assert analyze(plan, experiment()).verdict == "hold"


@pytest.mark.parametrize("monitoring", ["fixed", "sequential"])
def test_credible_harm_is_rolled_back_however_good_the_primary(monitoring: str) -> None:
    found = experiment(n=400, treatment_mean=300, complaint_rates=(0.03, 0.20))
    report = analyze(declared(monitoring=monitoring), found)
    assert report.verdict == "rollback"
    assert report.reasons[0] == "guardrail complaint is credibly worse"
    worse = analyze(declared(monitoring=monitoring), experiment(n=400, treatment_mean=1400))
    assert worse.verdict == "rollback"


def test_worse_within_the_margin_is_tolerated() -> None:
    found = experiment(n=20_000, treatment_mean=700, complaint_rates=(0.03, 0.05))
    complaint = analyze(declared(), found).metrics[1]
    assert complaint.lower > 0  # type: ignore[operator]
    assert complaint.finding == "non_inferior"


def test_hold_says_what_is_missing() -> None:
    undecided = analyze(declared(), experiment(treatment_mean=880))
    assert undecided.verdict == "hold"
    assert any("not shown to be better" in line for line in undecided.reasons)
    early = analyze(declared(), experiment(days=5))
    assert early.verdict == "hold"
    assert any("at least 14" in line for line in early.reasons)
    short = analyze(declared(planned_n=1000), experiment())
    assert any("400 of 1000 units" in line for line in short.reasons)
    no_guardrail_data = analyze(declared(), [row for row in experiment() if row.metric == "handle_time"])
    assert no_guardrail_data.verdict == "hold"


def test_sequential_may_stop_before_planned_n() -> None:
    report = analyze(declared(monitoring="sequential", planned_n=4000), experiment(n=1000, treatment_mean=600))
    assert report.metrics[0].method == "asymptotic-cs"
    assert report.verdict == "supported"


def test_few_or_no_events_do_not_prove_a_guardrail() -> None:
    report = analyze(declared(monitoring="sequential"), experiment(n=25, treatment_mean=100, complaint_rates=(0, 0)))
    assert report.metrics[1].finding == "inconclusive"
    assert report.verdict == "hold"


def test_rare_harm_against_its_limit() -> None:
    harm = {1: {"kind": "rare_harm", "margin": 0.01}}
    clean, short = experiment(n=299, complaint_rates=(0, 0)), experiment(n=298, complaint_rates=(0, 0))
    assert analyze(declared(metric_changes=harm), clean).metrics[1].finding == "non_inferior"
    assert analyze(declared(metric_changes=harm), short).metrics[1].finding == "inconclusive"
    sequential = declared(metric_changes=harm, monitoring="sequential")
    assert analyze(sequential, clean).metrics[1].finding == "inconclusive"
    assert analyze(sequential, experiment(n=480, complaint_rates=(0, 0))).metrics[1].finding == "non_inferior"
    harmful = analyze(sequential, experiment(n=480, complaint_rates=(0, 0.06)))
    assert (harmful.metrics[1].finding, harmful.verdict) == ("worse", "rollback")


def test_stars_need_the_rank_test_too() -> None:
    stars = {0: {"kind": "rating", "direction": "increase", "mde": 0.3, "unit": "stars",
                 "baseline": {"mean": 3.5, "sd": 1.1, "n": 400, "days": 30, "source": "s"}}}  # fmt: skip
    rng = np.random.default_rng(5)
    better = rows("handle_time", "human", rng.integers(1, 5, 300)) + rows("handle_time", "draft_assist", rng.integers(2, 6, 300))
    result = analyze(declared(metric_changes=stars), better).metrics[0]
    assert (result.method, result.finding) == ("welch", "superior")
    assert result.tendency_p_value < 0.01  # type: ignore[operator]
    # Means differ because of a few extremes, ranks do not: not enough for stars.
    odd = rows("handle_time", "human", [3] * 190 + [1] * 10) + rows("handle_time", "draft_assist", [3] * 196 + [1] * 4)
    assert analyze(declared(metric_changes=stars), odd).metrics[0].finding != "superior"


def test_several_rows_of_a_unit_and_clusters_are_compared_robustly() -> None:
    repeated = experiment() + experiment(seed=1)
    report = analyze(declared(), repeated)
    once = analyze(declared(), experiment())
    assert report.metrics[0].method == "cluster-robust"
    width = report.metrics[0].upper - report.metrics[0].lower  # type: ignore[operator]
    assert width == pytest.approx(once.metrics[0].upper - once.metrics[0].lower, rel=0.02)  # type: ignore[operator]
    clustered = analyze(declared(cluster="employee"), experiment(clusters=20))
    assert clustered.metrics[0].method == "cluster-robust"
    sequential = analyze(declared(cluster="employee", monitoring="sequential"), experiment(clusters=20))
    assert sequential.metrics[0].method == "cluster-robust-cs"
    assert sequential.metrics[0].lower < clustered.metrics[0].lower  # type: ignore[operator]


def test_declared_randomised_but_one_arm_after_the_other_is_grade_d() -> None:
    found = experiment(days=10)
    shifted = [
        msgspec.structs.replace(row, time=row.time + timedelta(days=30)) if row.arm == "draft_assist" else row for row in found
    ]
    report = analyze(declared(), shifted)
    assert (report.verdict, report.evidence_grade) == ("supported", "D")
    assert analyze(declared(design="before_after"), shifted).evidence_grade == "D"


def test_switchback_is_grade_b_and_compared_by_day() -> None:
    rng = np.random.default_rng(6)
    found: list[Observation] = []
    for day in range(20):
        arm, mean = ("human", 900) if day % 2 else ("draft_assist", 600)
        found += rows("handle_time", arm, rng.normal(mean, 300, 20), first_unit=day * 20, first_day=day, days=0.5)
        found += rows("complaint", arm, np.arange(20) == day, first_unit=day * 20, first_day=day, days=0.5)
    report = analyze(declared(design="switchback"), found)
    assert (report.evidence_grade, report.verdict, report.srm_p_value) == ("B", "supported", None)
    once = [row for row in found if row.time < START + timedelta(days=2)]
    assert analyze(declared(design="switchback"), once).evidence_grade == "D"


def test_interrupted_series_takes_out_the_trend() -> None:
    rng = np.random.default_rng(7)
    found: list[Observation] = []
    for day in range(60):
        arm = "human" if day < 30 else "draft_assist"
        found += rows("handle_time", arm, rng.normal(900 - 8 * day, 60, 30), first_unit=day * 30, first_day=day, days=0.5)
    trend = declared(design="interrupted_time_series", planned_n=None)
    report = analyze(trend, found)
    assert report.evidence_grade == "C"
    assert report.metrics[0].method == "interrupted-series"
    assert report.metrics[0].finding == "inconclusive"
    # A plain comparison of the same rows would have called the falling trend a success.
    assert analyze(declared(design="before_after", planned_n=None), found).metrics[0].finding == "superior"
    assert analyze(trend, [row for row in found if row.arm == "human"]).evidence_grade == "D"


def test_plans_that_cannot_be_analysed_are_refused() -> None:
    for changes in ({"arms": None}, {"alpha": 0.9}, {"metrics": []}, {"arms": {"control": "a", "treatment": "b", "split": 0}}):
        with pytest.raises(InputError):
            analyze(declared(**changes), [])  # type: ignore[arg-type]
    with pytest.raises(InputError, match="is human meant"):
        analyze(declared(), [msgspec.structs.replace(experiment()[0], arm="humen")])


@pytest.mark.parametrize("kind", ["mean", "proportion"])
def test_peeking_at_nothing_is_rarely_supported(kind: str) -> None:
    """A/A: looked at six times, the sequential plan is supported in at most about α of the runs."""
    baseline = {"mean": 0.4, "sd": 1.0, "n": 400, "days": 30, "source": "s"}
    metric = {0: {"kind": kind, "mde": 0.1, "baseline": baseline}, 1: {"margin": 0.9}}
    plan = declared(metric_changes=metric, monitoring="sequential", minimum_days=1, planned_n=600)
    rng = np.random.default_rng(8)
    supported = 0
    for _ in range(RUNS):
        draw = rng.exponential(1, (2, 300)) if kind == "mean" else (rng.random((2, 300)) < 0.4).astype(float)
        for look in (50, 100, 150, 200, 250, 300):
            found = rows("handle_time", "human", draw[0, :look]) + rows("handle_time", "draft_assist", draw[1, :look])
            found += rows("complaint", "human", np.zeros(look)) + rows("complaint", "draft_assist", np.zeros(look))
            if analyze(plan, found).verdict in ("supported", "rollback"):
                supported += 1
                break
    assert supported / RUNS <= 0.05
