"""`groundcrew metrics`: what is measured of a use case, what each metric is, and where measures of calls disagree."""

from __future__ import annotations

from pathlib import Path

from tests.unit.cli.conftest import Run


def test_the_metrics_of_a_use_case(run: Run, bank: Path) -> None:
    report = run("metrics", "assistant", "--since", "2026-01-01", "--until", "2026-12-31", "--no-meanings", "--json").json()
    found = {each["name"]: each for each in report["figures"]}
    assert (report["use_case"], report["current"]) == ("assistant", True)
    assert found["handle_time"]["unit"] == "s"
    assert found["stars"]["interval"]["method"] == "betting-cs"
    table = run("metrics", "assistant", "--since", "2026-01-01", "--no-meanings").out
    assert "95 % interval" in table
    assert "automation_rate: unknown; needs outcomes named resolved" in table
    assert "did you mean 'assistant'?" in run("metrics", "asistant", status=2).err
    assert (
        "no call of assistant was answered by a version ffffff"
        in run("metrics", "assistant", "--version", "ffffff", status=2).err
    )
    assert "lies after" in run("metrics", "assistant", "--since", "2026-03-02", "--until", "2026-03-01", status=2).err


def test_what_each_metric_is(run: Run) -> None:
    found = {each["name"]: each for each in run("metrics", "--json").json()}
    assert {"stars", "semantic_similarity", "reference_similarity", "edit_similarity", "trust", "decline_rate"} <= found.keys()
    assert {
        "fallback_rate",
        "automation_rate",
        "handle_time",
        "median_handle_time",
        "cost_per_case",
        "latency_p90",
    } <= found.keys()
    assert {"business", "good_ratings", "latency_p50", "latency_p99"} <= found.keys()
    for each in found.values():
        assert each["formula"]
        assert each["empty"]
        assert each["source"]


def test_where_measures_disagree(run: Run, bank: Path) -> None:
    report = run("metrics", "assistant", "--signals", "--json").json()
    assert len(report["correlations"]) == 10
    shown = run("metrics", "assistant", "--signals").out
    assert "stars × trust" in shown
    assert "Spearman" in shown
