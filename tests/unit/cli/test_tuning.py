"""`dataset` and `tune` on the command line: from a recipe to a registered version, and what goes wrong in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Run
from tests.unit.services.prepared import Prepared
from tests.unit.tuning.bayes import NaiveBayes
from tests.unit.tuning.folders import tickets, write_data_set

from groundcrew.cli.tune import print_figures
from groundcrew.tuning.architecture import ARCHITECTURES

RECIPE = """
name: tickets
source: made for tests
licence: none needed
consent: nobody's
id: id
text: [subject, body]
label: {field: team}
split: {by: id, train: 0.6, validation: 0.2, test: 0.2, near: null}
"""


@pytest.fixture
def declared(data: Path, prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with the bank declared, and an architecture that learns in no time."""
    prepared.copy("declared", f"sqlite:///{data / 'groundcrew.db'}")
    monkeypatch.setitem(ARCHITECTURES, "bayes", NaiveBayes)
    return data


def test_from_a_recipe_to_a_version(run: Run, declared: Path, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    rows = [{key: value for key, value in each.items() if key != "split"} for each in tickets(90)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    run("curate", "recipe.yaml", "--input", "rows.jsonl", "--output", "set")
    assert run("dataset", "list").out == "no data sets\n"
    found = run("dataset", "register", "set", "--data-class", "internal", "--json").json()
    assert (found["records"], found["label_field"], sum(found["splits"].values())) == (90, "team", 90)
    assert found["revision"][:12] in run("dataset", "list").out
    assert "kept 90 of 90 records" in run("dataset", "show", "tickets").out
    assert run("dataset", "show", "tickets", "--card").out.startswith("# Data card: tickets")
    (tmp_path / "settings.yaml").write_text("chunk: 9\n")
    asked = ("tune", "start", "router", "tickets", "--architecture", "bayes", "--seed", "7", "--settings", "settings.yaml")
    made = run(*asked, "--set", "smoothing=0.5").out
    assert made.startswith("router@1 is registered\n  accuracy ")
    listed = run("tune", "list", "--json").json()
    assert (listed[0]["phase"], listed[0]["run"]["settings"]) == ("done", {"chunk": 9, "smoothing": 0.5})
    run_id = listed[0]["run"]["id"]
    shown = run("tune", "show", run_id).out
    assert "made router@1" in shown
    assert "None" not in shown
    watched = run("tune", "watch", run_id).out
    assert watched.splitlines()[0].startswith("step 1 of ")
    assert "router@1  active" in run("tune", "models").out.replace("   ", "  ")
    lineage = run("tune", "lineage", "router").out
    assert found["revision"] in lineage
    assert run_id in lineage
    waiting = run(*asked, "--job").out.split()[1]
    assert run("tune", "cancel", waiting).out == f"run {waiting} is cancelled\n"
    assert "cancelled" in run("tune", "watch", waiting, status=2).err
    assert run("tune", "retire", "router@1", "--reason", "replaced").out == "router@1 is retired\n"
    assert run("tune", "remove", "router@1", "--reason", "old").out == "the files of router@1 are removed\n"
    (tmp_path / "texts.jsonl").write_text('{"id": "a", "text": "card", "labels": "cards"}\n')
    for asked in (("evaluate", "router@1"), ("suggest", "router@1", "--output", "said.jsonl")):
        assert "were removed on" in run("tune", *asked, "--input", "texts.jsonl", status=2).err
    revision = run("dataset", "list", "--json").json()[0]["revision"]
    removed = run("dataset", "remove", f"tickets@{revision}", "--reason", "its people withdrew").out
    assert removed == f"the records of tickets@{revision[:12]} are removed\n"
    assert "its people withdrew" in run("dataset", "show", "tickets").out


def test_exports_and_what_goes_wrong(run: Run, declared: Path, tmp_path: Path) -> None:
    write_data_set(tmp_path / "set")
    assert "did you mean" not in run("dataset", "show", "nothing", status=2).err
    run("dataset", "register", "set", "--data-class", "phi", "--reference")
    assert "say why" in run("dataset", "register", "set", "--data-class", "public", status=2).err
    (tmp_path / "prompt.txt").write_text("Which team?\n")
    first = run("dataset", "export", "tickets", "--format", "openai-chat", "--output", "a", "--prompt", "prompt.txt").out
    second = run("dataset", "export", "tickets", "--format", "openai-chat", "--output", "b", "--prompt", "prompt.txt", "--json")
    assert second.json()["digest"] in first
    assert "Which team?" in (tmp_path / "a" / "train.jsonl").read_text()
    assert "is there already" in run("dataset", "export", "tickets", "--format", "hf-chat", "--output", "a", status=2).err
    asked = ("tune", "start", "router", "tickets")
    assert "architecture: say what learns; there are: bayes" in run(*asked, status=2).err
    assert "'x' is no setting" in run(*asked, "--architecture", "bayes", "--set", "x", status=2).err
    assert "one label is not enough" in run(*asked, "--architecture", "bayes", "--set", "fails=true", status=2).err
    failed = run("tune", "list", "--json").json()[0]["run"]["id"]
    assert "failed" in run("tune", "show", failed, status=1).out
    asked_elsewhere = (*asked, "--runner", "openai", "--provider", "quotes", "--set", "base_model=m")
    assert "remote runs need an OpenAI-style one" in run(*asked_elsewhere, status=2).err
    assert (tmp_path / "set" / "revision.json").is_file()


def test_a_figure_stands_beside_its_interval(capsys: pytest.CaptureFixture[str]) -> None:
    print_figures({"accuracy": 0.7896, "accuracy_low": 0.6367, "accuracy_high": 0.8893, "examples": 38.0, "a_low": 2.5})
    assert capsys.readouterr().out.splitlines() == ["  a_low 2.500", "  accuracy 0.790 [0.637, 0.889]", "  examples 38"]
