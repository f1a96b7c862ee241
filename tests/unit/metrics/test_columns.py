"""Columns say the same as rows; companions of a metric are taken in; what nobody declared beforehand is not used."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.metrics.experiments import START, declared, experiment, rows

from groundcrew.domain.hypothesis import frozen_digest, parse_plan
from groundcrew.errors import InputError
from groundcrew.metrics.analysis import analyze, analyze_columns, loss_problem, split_check
from groundcrew.metrics.observations import (
    EXPOSURE_METRIC,
    Columns,
    Observation,
    check_columns,
    columns_of,
    read_observations,
)

RATIO = {0: {"kind": "ratio", "mde": 0.5, "unit": "USD"}}


def changed(columns: Columns, **changes: Any) -> Columns:
    return msgspec.structs.replace(columns, **changes)


@pytest.mark.parametrize("monitoring", ["fixed", "sequential"])
def test_rows_and_columns_in_any_order_say_the_same(monitoring: str) -> None:
    plan, found = declared(monitoring=monitoring), experiment(clusters=10)
    report = analyze(plan, found)
    columns = columns_of(found)
    order = np.random.default_rng(1).permutation(len(found))
    mixed = {name: getattr(columns, name)[order] for name in ("unit_id", "arm", "metric", "value", "time") if len(found)}
    renamed = changed(columns, unit_id=columns.unit_id * 7 - 3, metric_names=(*columns.metric_names, "unheard of"))
    assert analyze_columns(plan, renamed) == report
    again = analyze_columns(plan, changed(columns, cluster=columns.cluster[order], **mixed))  # type: ignore[index]
    assert (again.verdict, again.evidence_grade, again.units) == (report.verdict, report.evidence_grade, report.units)
    for one, other in zip(report.metrics, again.metrics, strict=True):
        assert (one.lower, one.upper, one.finding) == (pytest.approx(other.lower), pytest.approx(other.upper), other.finding)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"arm_names": ("human", "draft_asist")}, "arm: unknown arm 'draft_asist'; is draft_assist meant"),
        ({"metric_names": ("handle_time", "complains")}, "is complaint meant"),
        ({"value": np.full(800, np.nan)}, "value: is not a finite number in row 0"),
        ({"value": np.full(800, 2.0)}, "is not 0 or 1"),
        ({"time": np.zeros(3, dtype=np.int64)}, "time: has 3 entries, value has 800"),
        ({"arm": np.full(800, 9)}, "arm: is no position in the names in row 0"),
        ({"denominator": np.full(800, -1.0)}, "denominator: is negative"),
    ],
)
def test_columns_that_do_not_fit_are_refused(change: dict[str, Any], says: str) -> None:
    columns = columns_of(experiment())
    with pytest.raises(InputError) as caught:
        check_columns(declared(), changed(columns, **change))
    assert says in str(caught.value)


def test_declared_clusters_and_bounds_are_asked_of_columns() -> None:
    with pytest.raises(InputError, match="cluster: is empty"):
        check_columns(declared(cluster="employee"), columns_of(experiment()))
    bounded = declared(metric_changes={0: {"bounds": [0, 1000]}})
    with pytest.raises(InputError, match="the bounds of handle_time"):
        check_columns(bounded, columns_of(experiment()))
    assert analyze(declared(), []).verdict == "hold"


def test_bounds_declared_in_advance_are_bet_on() -> None:
    plan = declared(monitoring="sequential", metric_changes={0: {"bounds": [-3000, 5000], "kind": "mean"}})
    result = analyze(plan, experiment()).metrics[0]
    assert result.method == "asymptotic+betting-cs"
    few = analyze(plan, experiment(n=5)).metrics[0]
    assert few.finding == "inconclusive"  # known, though wide, where a central limit theorem says nothing yet


def with_before(found: list[Observation], by: str) -> list[Observation]:
    """The rows with each unit's figure from before, in a column or in rows of their own."""
    rng, before = np.random.default_rng(2), {}
    for row in found:
        if row.metric == "handle_time":
            level = row.value + (200 if row.arm == "draft_assist" else 0)
            before[row.unit_id] = 0.8 * level + rng.normal(0, 200)
    if by == "column":
        return [msgspec.structs.replace(row, covariate=before[row.unit_id]) for row in found]
    return [
        *found,
        *(
            msgspec.structs.replace(row, metric="pre:handle_time", value=before[row.unit_id], time=row.time - timedelta(days=1))
            for row in found
            if row.metric == "handle_time"
        ),
    ]


@pytest.mark.parametrize("by", ["column", "rows"])
@pytest.mark.parametrize("monitoring", ["fixed", "sequential"])
def test_a_declared_covariate_narrows_the_interval(monitoring: str, by: str) -> None:
    plan = declared(monitoring=monitoring, metric_changes={0: {"covariate_correlation": 0.8}})
    found = experiment()
    plain, adjusted = analyze(plan, found).metrics[0], analyze(plan, with_before(found, by)).metrics[0]
    assert "cuped" in adjusted.method
    assert "cuped" not in plain.method
    assert any("no row has one" in note for note in plain.notes)
    assert adjusted.covariate_correlation == pytest.approx(0.9, abs=0.05)
    ratio = (adjusted.upper - adjusted.lower) / (plain.upper - plain.lower)  # type: ignore[operator]
    assert ratio == pytest.approx((1 - adjusted.covariate_correlation**2) ** 0.5, abs=0.03)  # type: ignore[operator]


def test_a_covariate_that_nobody_declared_is_not_used_and_that_is_said() -> None:
    report = analyze(declared(), with_before(experiment(), "column"))
    assert report.metrics[0].method == "welch"
    assert any("not declared" in reason for reason in report.reasons)


def test_a_covariate_touched_by_the_treatment_is_not_used() -> None:
    plan = declared(metric_changes={0: {"covariate_correlation": 0.8}})
    touched = [msgspec.structs.replace(row, covariate=row.value) for row in experiment(treatment_mean=500)]
    result = analyze(plan, touched).metrics[0]
    assert result.method == "welch"
    assert any("not from before" in note for note in result.notes)


def test_clusters_and_a_covariate_go_together() -> None:
    plan = declared(cluster="employee", metric_changes={0: {"covariate_correlation": 0.5}})
    result = analyze(plan, with_before(experiment(clusters=20), "rows")).metrics[0]
    assert result.method == "cuped-cluster-robust"
    assert result.icc is not None


def ratio_rows(by: str) -> tuple[list[Observation], float]:
    """Costs of customers with several cases each, and the difference of cost per case."""
    rng, found = np.random.default_rng(3), []
    sums = {}
    for arm, level in (("human", 2.0), ("draft_assist", 1.5)):
        cases = rng.integers(1, 6, 300).astype(float)
        costs = cases * rng.gamma(4, level / 4, 300)
        sums[arm] = costs.sum() / cases.sum()
        base = rows("handle_time", arm, costs)
        if by == "column":
            found += [msgspec.structs.replace(row, denominator=float(n)) for row, n in zip(base, cases, strict=True)]
        else:
            found += [row for row in base if row.value > 0]
            found += rows("per:handle_time", arm, cases)
    return found, sums["draft_assist"] - sums["human"]


@pytest.mark.parametrize("by", ["column", "rows"])
@pytest.mark.parametrize(("monitoring", "method"), [("fixed", "delta"), ("sequential", "delta-cs")])
def test_a_ratio_divides_sums_per_unit(by: str, monitoring: str, method: str) -> None:
    found, expected = ratio_rows(by)
    result = analyze(declared(monitoring=monitoring, planned_n=600, metric_changes=RATIO), found).metrics[0]
    assert (result.method, result.finding) == (method, "superior")
    assert result.estimate == pytest.approx(expected)
    assert result.treatment_mean - result.control_mean == pytest.approx(expected)  # type: ignore[operator]


def test_units_with_cases_and_no_cost_cost_nothing_and_units_without_cases_are_left_out() -> None:
    found = rows("per:handle_time", "human", [2.0] * 40) + rows("per:handle_time", "draft_assist", [2.0] * 40)
    found += rows("handle_time", "human", [6.0] * 10) + rows("handle_time", "draft_assist", [4.0] * 5, first_unit=38)
    result = analyze(declared(metric_changes=RATIO), found).metrics[0]
    assert result.control_mean == pytest.approx(60 / 80)
    assert result.treatment_mean == pytest.approx(8 / 80)  # units 38 and 39; 40 to 42 have no cases
    assert any("3 values are left out" in note for note in result.notes)


def test_exposures_count_for_the_split_and_the_loss() -> None:
    found = experiment(n=400, seed=3)
    exposed = [msgspec.structs.replace(row, metric=EXPOSURE_METRIC, value=0.0) for row in found if row.metric == "handle_time"]
    lost = [row for row in found if not (row.arm == "draft_assist" and row.unit_id.endswith(("1", "5", "9")))]
    for monitoring in ("fixed", "sequential"):
        plan = declared(monitoring=monitoring, planned_n=800)
        assert analyze(plan, [*found, *exposed]).verdict == "supported"
        report = analyze(plan, [*lost, *exposed])
        assert report.srm_p_value == 1
        assert report.verdict == "invalid"
        assert "missing unequally" in report.reasons[0]


def test_a_sequential_split_test_is_not_fooled_by_looking() -> None:
    """At p just below .001 one look voids, a test for every look does not yet; 1000 against 1200 is void by both."""
    for monitoring in ("fixed", "sequential"):
        check = split_check(declared(monitoring=monitoring), 1000, 1200)
        assert check.p_value == pytest.approx(2.008e-5, rel=1e-3)
        assert "sample-ratio mismatch: 1000 treatment and 1200 control units" in check.problem
    assert split_check(declared(), 1000, 1160).problem
    assert not split_check(declared(monitoring="sequential"), 1000, 1160).problem
    assert "cannot be checked" in split_check(declared(), 0, 0).problem
    assert loss_problem(declared(monitoring="sequential"), (400, 400), (400, 400)) == ""


@given(st.integers(1, 400))
def test_past_the_planned_n_what_held_goes_on_to_hold(extra: int) -> None:
    found = experiment(n=300, seed=4)
    plan = declared(monitoring="sequential", planned_n=200)
    early = analyze(plan, [row for row in found if row.time < START + timedelta(days=20 / 3)]).metrics[0]
    late = analyze(plan, [row for row in found if row.time < START + timedelta(days=20 / 3 + extra / 40)]).metrics[0]
    assert late.lower is not None
    if late.lower < late.estimate < late.upper:  # type: ignore[operator]
        assert late.upper - late.lower <= early.upper - early.lower + 1e-9  # type: ignore[operator]


def test_a_metric_that_few_units_have_reaches_its_plan_with_theirs() -> None:
    found = [row for row in experiment(n=400) if row.metric == "complaint" or row.unit_id.endswith(("2", "7"))]
    result, partly = (
        analyze(declared(monitoring="sequential", planned_n=800, metric_changes={0: changes}), found).metrics[0]
        for changes in ({}, {"coverage": 0.2})
    )
    ratio = (partly.upper - partly.lower) / (result.upper - result.lower)  # type: ignore[operator]
    assert ratio < 0.75


def test_grade_of_a_stepped_wedge_is_computed() -> None:
    rng, found = np.random.default_rng(5), []
    for day in range(24):
        for employee in range(8):
            arm = "draft_assist" if day >= 5 + 5 * (employee % 3) else "human"
            mean = (600 if arm == "draft_assist" else 900) + 40 * employee - 5 * day
            rows_of_day = rows("handle_time", arm, rng.normal(mean, 80, 4), first_unit=1000 * day + 10 * employee, first_day=day,
                               days=0.5)  # fmt: skip
            found += [msgspec.structs.replace(row, cluster=f"e{employee}") for row in rows_of_day]
    plan = declared(design="stepped_wedge", cluster="employee", planned_n=100)
    report = analyze(plan, found)
    assert (report.evidence_grade, report.metrics[0].method) == ("B", "stepped-wedge")
    assert report.metrics[0].estimate == pytest.approx(-300, abs=40)
    assert report.metrics[0].finding == "superior"
    assert analyze(declared(design="randomized"), found).evidence_grade == "D"
    at_once = [
        msgspec.structs.replace(row, arm="draft_assist" if row.time > START + timedelta(days=10) else "human") for row in found
    ]
    graded = analyze(plan, at_once)
    assert graded.evidence_grade == "D"
    assert any("a stepped wedge needs" in reason for reason in graded.reasons)
    apart = [msgspec.structs.replace(row, cluster=None) for row in found]
    assert analyze(declared(design="stepped_wedge"), apart).evidence_grade == "D"


def test_mixed_arms_are_no_switchback() -> None:
    found = experiment()
    assert analyze(declared(), found).evidence_grade == "A"
    graded = analyze(declared(design="switchback"), found)
    assert graded.evidence_grade == "D"
    assert any("ran at the same time" in reason for reason in graded.reasons)


def test_skewed_values_tell_their_median_and_need_the_bootstrap() -> None:
    rng = np.random.default_rng(6)
    plan = declared(metric_changes={0: {"kind": "duration"}})
    found = rows("handle_time", "human", rng.lognormal(6, 0.5, 200)) + rows(
        "handle_time", "draft_assist", rng.lognormal(5, 0.5, 200)
    )
    result = analyze(plan, found).metrics[0]
    assert result.finding == "superior"
    assert result.control_median == pytest.approx(np.exp(6), rel=0.15)
    assert result.treatment_median < result.treatment_mean  # type: ignore[operator]


def test_the_design_effect_is_measured_and_compared_with_the_plan() -> None:
    rng = np.random.default_rng(7)
    level = {f"employee-{each}": rng.normal(0, 300) for each in range(8)}
    found = [
        msgspec.structs.replace(row, value=row.value + level[row.cluster]) if row.metric == "handle_time" else row  # type: ignore[index]
        for row in experiment(n=400, clusters=8)
    ]
    plan = declared(cluster="employee", icc=0.01, cluster_size=20, planned_n=400)
    report = analyze(plan, found)
    handle_time = report.metrics[0]
    assert handle_time.icc > 0.1  # type: ignore[operator]
    assert handle_time.design_effect > 5  # type: ignore[operator]
    assert any("the plan reckons with a design effect of 1.19" in reason for reason in report.reasons)


def test_new_fields_leave_old_digests_alone() -> None:
    from groundcrew.domain.canonical import canonical_json, sha256_hex
    from groundcrew.domain.hypothesis import Hypothesis

    plan = declared()
    old = msgspec.to_builtins(plan)
    for metric in old["metrics"]:
        assert metric.pop("covariate_correlation") is None
        assert metric.pop("bounds") is None
        assert metric.pop("coverage") is None
    for part in (old, old["arms"]):
        for field in ("on_rollback", "holdout", "variants", "block_hours", "steps"):
            part.pop(field, None)
    content = {"use_case": "mail", "version": 1, "plan": old}
    assert frozen_digest(Hypothesis(use_case="mail", plan=plan)) == sha256_hex(canonical_json(content))
    changed_plan = declared(metric_changes={0: {"covariate_correlation": 0.2}})
    assert frozen_digest(Hypothesis(use_case="mail", plan=changed_plan)) != sha256_hex(canonical_json(content))
    assert parse_plan(msgspec.to_builtins(changed_plan)) == changed_plan


def test_optional_columns_are_read_and_checked(tmp_path: Any) -> None:
    file = tmp_path / "rows.csv"
    header = "unit_id,arm,metric,value,time,covariate,denominator\n"
    file.write_text(header + "t1,human,handle_time,8,2026-03-02,7.5,2\nt2,human,exposure,0,2026-03-02,,\n", encoding="utf-8")
    first, second = read_observations(file, declared(metric_changes=RATIO))
    assert (first.covariate, first.denominator, second.covariate, second.metric) == (7.5, 2.0, None, "exposure")
    for cells, says in (
        ("x,2", "covariate: 'x' is not a number"),
        ("1,-2", "denominator: -2 is negative"),
        ("inf,1", "covariate"),
    ):
        file.write_text(header + f"t1,human,handle_time,8,2026-03-02,{cells}\n", encoding="utf-8")
        with pytest.raises(InputError) as caught:
            read_observations(file, declared(metric_changes=RATIO))
        assert says in str(caught.value)
