"""Handle time falls from 15 minutes to 2: what the command says when it was randomised, when not, and when the split broke."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from tests.unit.cli.conftest import Run

PLAN = """
name: handle-time
unit: ticket
arms: {control: human, treatment: assistant, split: 0.5}
design: DESIGN
monitoring: sequential
cluster: employee
icc: 0.05
cluster_size: 40
minimum_days: 14
duration_days: 60
planned_n: 2100
metrics:
  - {name: handle_time, role: success, kind: duration, direction: decrease, unit: min, mde: 3,
     baseline: {mean: 15, sd: 9, n: 1500, days: 30, source: ticket system}}
  - {name: complaint, role: guardrail, kind: proportion, direction: decrease, margin: 0.04,
     baseline: {mean: 0.03, n: 1500, days: 30, source: complaint register}}
"""


def write_rows(path: Path, counts: dict[str, int], first_day: dict[str, int], seed: int = 61) -> None:
    """Tickets of 40 employees, who are faster or slower by a fifth or so, over 20 days from each arm's first day on."""
    rng = np.random.default_rng(seed)
    pace = rng.normal(1, 0.2, 40).clip(0.5, 1.5)
    lines = ["unit_id,arm,metric,value,time,cluster"]
    for arm, n in counts.items():
        mean, sd = (15.0, 9.0) if arm == "human" else (2.0, 1.2)
        shape = (mean / sd) ** 2
        for ticket in range(n):
            employee = ticket % 40
            day = first_day[arm] + ticket * 20 // n
            moment = f"2026-{3 + day // 31:02d}-{1 + day % 31:02d}T{8 + ticket % 9:02d}:00:00Z"
            minutes = rng.gamma(shape, mean / shape) * pace[employee]
            lines.append(f"{arm}-{ticket},{arm},handle_time,{minutes:.3f},{moment},employee-{employee}")
            lines.append(f"{arm}-{ticket},{arm},complaint,{int(rng.random() < 0.03)},{moment},employee-{employee}")
    path.write_text("\n".join(lines) + "\n")


def analysed(run: Run, design: str, tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "plan.yaml").write_text(PLAN.replace("DESIGN", design))
    report: dict[str, Any] = run("experiment", "analyze", "plan.yaml", "--input", "rows.csv", "--json").json()
    return report


def test_randomised_by_ticket_it_is_supported(run: Run, tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.csv", {"human": 1050, "assistant": 1050}, {"human": 0, "assistant": 0})
    report = analysed(run, "randomized", tmp_path)
    assert (report["verdict"], report["evidence_grade"]) == ("supported", "A")
    handle_time = report["metrics"][0]
    assert handle_time["method"] == "cluster-robust-cs"
    assert -15.5 < handle_time["lower"] < -13 < handle_time["upper"] < -11
    assert handle_time["design_effect"] > 1
    text = run("experiment", "analyze", "plan.yaml", "--input", "rows.csv").out
    assert text.startswith("supported (evidence grade A")
    assert "cases of one cluster resemble each other" in text


def test_a_few_days_tell_but_do_not_suffice(run: Run, tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.csv", {"human": 1050, "assistant": 1050}, {"human": 0, "assistant": 0})
    header, *lines = (tmp_path / "rows.csv").read_text().splitlines()
    early = [line for line in lines if line.split(",")[4] < "2026-03-06"]
    (tmp_path / "rows.csv").write_text("\n".join([header, *early]) + "\n")
    report = analysed(run, "randomized", tmp_path)
    assert report["metrics"][0]["finding"] == "superior"
    assert report["verdict"] == "hold"
    assert any("at least 14" in reason for reason in report["reasons"])


def test_the_same_tickets_one_arm_after_the_other_are_grade_d(run: Run, tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.csv", {"human": 1050, "assistant": 1050}, {"human": 0, "assistant": 30})
    for design in ("before_after", "randomized"):
        report = analysed(run, design, tmp_path)
        assert report["evidence_grade"] == "D"
        assert any(reason.startswith("grade D: ") for reason in report["reasons"])
    assert any("before/after" in reason for reason in report["reasons"])
    (tmp_path / "plan.yaml").write_text(PLAN.replace("DESIGN", "before_after"))
    assert "scale: not reachable" in run("experiment", "plan", "plan.yaml").out


def test_a_thousand_against_twelve_hundred_is_invalid(run: Run, tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.csv", {"human": 1000, "assistant": 1200}, {"human": 0, "assistant": 0})
    report = analysed(run, "randomized", tmp_path)
    assert report["verdict"] == "invalid"
    assert "sample-ratio mismatch: 1200 treatment and 1000 control units" in report["reasons"][0]
    assert 1.9e-5 < report["srm_p_value"] < 2.1e-5
    assert report["srm_e_value"] > 1000
