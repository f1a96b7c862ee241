"""The how-to's plan and rows are real: they parse, plan and analyse, and its figures are those of the program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from groundcrew.domain.hypothesis import parse_plan, problems
from groundcrew.metrics.analysis import analyze
from groundcrew.metrics.observations import read_observations
from groundcrew.metrics.plan import plan
from groundcrew.stats.sample_size import proportions, sequential_inflation
from groundcrew.stats.sequential_boundary import planned_boundary

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "how-to" / "plan-an-experiment.md").read_text(encoding="utf-8")


def block(language: str, position: int = 0) -> str:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[position]


def test_the_plan_is_registrable_and_its_figures_are_right() -> None:
    declared = parse_plan(yaml.safe_load(block("yaml")))
    assert problems(declared) == []
    report = plan(declared)
    assert (report.sufficient, report.feasible, report.required_n, report.days_needed) == (True, True, 688, pytest.approx(17.2))
    assert report.metrics[0].required_n == 412
    fixed = plan(parse_plan(yaml.safe_load(block("yaml")) | {"monitoring": "fixed"}))
    assert [each.required_n for each in fixed.metrics] == [382, 624]
    for figure in ("412", "688", "382", "624", "40 tickets a day", "18 days"):
        assert figure in PAGE
    with_metrics = yaml.safe_load(block("yaml"))
    with_metrics["metrics"][0] |= yaml.safe_load(block("yaml", 2))
    adjusted = plan(parse_plan(with_metrics)).metrics[0]
    assert adjusted.fixed_n_per_arm == pytest.approx(0.64 * report.metrics[0].fixed_n_per_arm)
    with_metrics["metrics"][0] = yaml.safe_load(block("yaml", 3))
    assert problems(parse_plan(with_metrics)) == []
    clustered = parse_plan(yaml.safe_load(block("yaml")) | yaml.safe_load(block("yaml", 1)))
    assert plan(clustered).design_effect == pytest.approx(3.45)


def test_the_rows_are_read_and_decided(tmp_path: Path) -> None:
    file = tmp_path / "observations.csv"
    file.write_text(block("csv"), encoding="utf-8")
    declared = parse_plan(yaml.safe_load(block("yaml")))
    assert analyze(declared, read_observations(file, declared)).verdict == "hold"


def test_figures_of_the_concept_page() -> None:
    page = (DOCS / "concepts" / "statistics.md").read_text(encoding="utf-8")
    assert "1.09 at α = .05" in page
    assert sequential_inflation() == pytest.approx(1.09, abs=0.005)
    assert "2.28 instead of 1.96" in page
    assert planned_boundary(700, 700, 0.05) == pytest.approx(2.28, abs=0.005)
    assert "1093.7" in page
    assert proportions(0.2, 0.25, null_variance="pooled") == pytest.approx(1093.7, abs=0.05)
