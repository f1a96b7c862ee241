"""Pilots that are looked at after every case: rarely called better when nothing is there, and found at hardly the fixed price.

The simulations are those of `bench/evidence`, with fewer pilots; that they judge as the analysis does is shown first.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import scipy
from bench.evidence import coverage, pilots, sequential
from tests.unit.metrics.experiments import declared

from groundcrew.domain.hypothesis import HypothesisPlan
from groundcrew.metrics.analysis import analyze_columns
from groundcrew.metrics.observations import Columns
from groundcrew.stats.sample_size import sequential_inflation

#: Were the true share just what is allowed, a test would fail by chance this rarely.
FALSE_ALARM = 1e-4
PILOTS = 300
LOOKS = (30, 60, 150, 299, 300, 301, 420)

KINDS = {
    "mean (normal)": {"kind": "mean"},
    "duration (gamma)": {"kind": "duration"},
    "cost per case (lognormal)": {"kind": "cost"},
    "proportion, 20 %": {"kind": "proportion"},
    "proportion, 2 %": {"kind": "proportion"},
    "rating": {"kind": "rating"},
    "ratio": {"kind": "ratio"},
    "mean with a covariate (CUPED)": {"kind": "mean", "covariate_correlation": 0.6},
    "clusters, cases assigned": {"kind": "mean"},
    "clusters assigned whole": {"kind": "mean"},
}


def kind_of(name: str) -> pilots.Kind:
    return next(kind for kind in pilots.KINDS if kind.name == name)


def plan_of(name: str, planned_n: int) -> HypothesisPlan:
    changes = KINDS[name] | {"direction": "increase", "mde": 0.1, "baseline": None}
    return declared(
        metric_changes={0: changes},
        monitoring="sequential",
        planned_n=planned_n,
        cluster="employee" if "clusters" in name else None,
    )


def columns(drawn: pilots.Pilots, run: int, look: int, covariate: bool) -> Columns:
    """The first `look` cases of one pilot, as a store would hand them over."""
    start = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp() * 1e6)
    beside = None if drawn.beside is None else drawn.beside[run, :look]
    return Columns(
        unit_id=np.arange(look),
        arm=drawn.treated[run, :look].astype(np.int64),
        metric=np.zeros(look, dtype=np.int64),
        value=drawn.values[run, :look],
        time=start + np.arange(look) * int(timedelta(minutes=7) / timedelta(microseconds=1)),
        arm_names=("human", "draft_assist"),
        metric_names=("handle_time",),
        cluster=None if drawn.cluster is None else drawn.cluster[run, :look],
        covariate=beside if covariate else None,
        denominator=None if covariate else beside,
    )


def allowed(share: float, runs: int) -> int:
    return int(scipy.stats.binom.ppf(1 - FALSE_ALARM, runs, share))


@pytest.mark.parametrize("name", KINDS)
def test_pilots_are_judged_as_the_analysis_judges(name: str) -> None:
    """Bound by bound up to the planned n, and the same call past it."""
    kind, planned = kind_of(name), 300
    drawn = kind.draw(np.random.default_rng(31), 4, 420, 2.0 * kind.effect)
    looks = kind.judge(drawn, pilots.sequential_rule(420, planned))
    better, worse = pilots.superior(looks), pilots.worse(looks)
    for run in range(4):
        for look in LOOKS:
            result = analyze_columns(plan_of(name, planned), columns(drawn, run, look, "covariate" in name)).metrics[0]
            lower, upper = looks.lower[run, look - 1], looks.upper[run, look - 1]
            if look <= planned and "betting" not in result.method:
                found = [np.nan if bound is None else bound for bound in (result.lower, result.upper)]
                assert found == pytest.approx([lower, upper], nan_ok=True, rel=1e-9)
            if look <= planned and "betting" in result.method:
                # The analysis may also know from bets how large the difference is; the simulation only asks for its sign.
                assert result.lower >= np.nan_to_num(lower, nan=-9) - 2e-4
                assert result.upper <= np.nan_to_num(upper, nan=9) + 2e-4
            if result.finding == "superior":
                assert better[run, look - 1]
            if result.finding == "worse":
                assert worse[run, look - 1]


@pytest.mark.parametrize("kind", pilots.KINDS, ids=lambda kind: kind.name)
def test_a_pilot_without_an_effect_is_rarely_ever_supported(kind: pilots.Kind) -> None:
    found = sequential.peeking(kind, runs=PILOTS, cases=600, planned_n=400)
    assert found.supported * PILOTS <= allowed(0.025, PILOTS)
    assert found.worse * PILOTS <= allowed(0.025, PILOTS)


@pytest.mark.parametrize("kind", pilots.KINDS[:9], ids=lambda kind: kind.name)
def test_power_at_the_planned_size_is_that_of_the_fixed_test(kind: pilots.Kind) -> None:
    """With 1.15 times the fixed test's cases the sequential one has its power, and stops before the fixed test's end."""
    n, runs = round(1.15 * kind.fixed_n), 400
    drawn = kind.draw(np.random.default_rng(32), runs, n, kind.effect)
    called = pilots.superior(kind.judge(drawn, pilots.sequential_rule(n, n)))
    assert called[:, -1].mean() >= 0.8 - 3 * (0.16 / runs) ** 0.5
    stopped = np.where(called[:, -1], called.argmax(axis=1) + 1, n)
    assert stopped.mean() <= 0.95 * kind.fixed_n


def test_the_planned_price_is_within_fifteen_per_cent() -> None:
    for alpha in (0.05, 0.025, 0.01):
        for power in (0.8, 0.9, 0.95):
            for sides in (1, 2):
                assert 1 < sequential_inflation(alpha, power, sides) < 1.15  # type: ignore[arg-type]


@pytest.mark.parametrize(("position", "margin"), [(0, 3.0), (1, 3.0), (3, 0.05), (4, 0.02)])
def test_a_guardrail_that_fails_by_its_margin_rarely_ever_passes(position: int, margin: float) -> None:
    passed = sequential.guardrail_passed(pilots.KINDS[position], margin, runs=PILOTS, cases=500)
    assert passed * PILOTS <= allowed(0.05, PILOTS)


def test_a_harm_at_its_limit_is_rarely_ever_shown_to_be_rare() -> None:
    passed, _ = sequential.rare_harm_passed(0.01, runs=1000)
    assert passed * 1000 <= allowed(0.05, 1000)
    assert sequential.rare_harm_passed(0.0, runs=3) == (1.0, 313)


def test_the_sequential_split_test_is_quiet_and_sees() -> None:
    assert sequential.split_refused(0.5, runs=1000, cases=3000) * 1000 <= allowed(0.001, 1000)
    assert sequential.split_refused(0.56, runs=100, cases=3000) >= 0.9


@pytest.mark.parametrize("case", coverage.CASES, ids=lambda case: f"{case.name}, {case.situation}")
def test_intervals_cover(case: coverage.Case) -> None:
    runs = max(60, case.runs // 50)
    missed = runs - case.hits(np.random.default_rng(33), runs)
    assert missed <= allowed(1 - case.lowest, runs)
