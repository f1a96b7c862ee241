"""`groundcrew curate`: its arguments, its one-line errors, and the how-to page that promises what it does."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.curation.conftest import BASE, FULL, good, write_csv, write_json_lines

from groundcrew.curation.data_set import FILES
from groundcrew.curation.reasons import REASONS


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    # JSON is YAML; one key a line, so that lines can be named.
    path.write_text(json.dumps(FULL, indent=1), encoding="utf-8")
    return path


@pytest.mark.usefixtures("daft")
def test_the_command_takes_several_inputs(
    tmp_path: Path, recipe_file: Path, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = good(4)
    one, two = write_json_lines(tmp_path / "1.jsonl", rows[:2]), write_csv(tmp_path / "2.csv", rows[2:])
    assert command(recipe_file, "--input", one, two, "--output", tmp_path / "out", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["state"], told["funnel"]["kept"]) == ("written", 4)
    assert command(recipe_file, "--input", one, "--input", two, "--output", tmp_path / "out") == 0
    shown = capsys.readouterr()
    assert "4 of 4 records kept (100.0 %)" in shown.out
    assert "left alone" in shown.out
    assert not shown.err


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ("name: a\nsource: b\nlicense: c\n", "recipe.yaml:3: license: unknown key 'license'; did you mean 'licence'?"),
        ("name: [\n", "recipe.yaml:"),
        ("", "recipe.yaml: expected one recipe, found 0"),
        ("- a\n", "recipe.yaml: a recipe is a mapping"),
        (json.dumps({**BASE, "length": {"text": {"min": "x"}}}), "recipe.yaml:1: length.text.min: expected `int"),
    ],
)
def test_a_broken_recipe_is_one_line_and_exit_2(
    tmp_path: Path, command: Callable[..., int], capsys: pytest.CaptureFixture[str], recipe: str, words: str
) -> None:
    (tmp_path / "recipe.yaml").write_text(recipe, encoding="utf-8")
    source = write_json_lines(tmp_path / "rows.jsonl", good(2))
    assert command(tmp_path / "recipe.yaml", "--input", source, "--output", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


@pytest.mark.usefixtures("daft")
def test_missing_inputs_and_a_taken_output_are_exit_2(
    tmp_path: Path, recipe_file: Path, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_json_lines(tmp_path / "rows.jsonl", good(2))
    assert command(recipe_file, "--input", tmp_path / "none.jsonl", "--output", tmp_path / "out") == 2
    assert "none.jsonl: no such file or folder" in capsys.readouterr().err
    assert command(tmp_path / "none.yaml", "--input", source, "--output", tmp_path / "out") == 2
    assert "none.yaml: no such file" in capsys.readouterr().err
    assert command(recipe_file, "--input", source, "--output", source) == 2
    assert "overlaps" in capsys.readouterr().err


def test_without_daft_the_extra_is_named(
    tmp_path: Path,
    recipe_file: Path,
    command: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "daft", None)
    source = write_json_lines(tmp_path / "rows.jsonl", good(2))
    assert command(recipe_file, "--input", source, "--output", tmp_path / "out") == 2
    assert "pip install 'groundcrew[batch]'" in capsys.readouterr().err


@pytest.mark.usefixtures("daft")
def test_the_how_to_does_what_it_says(
    tmp_path: Path, command: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "curate-a-data-set.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for mark, name in (("yaml", "tickets.yaml"), ("jsonl", "export.jsonl")):
        (block,) = re.findall(rf"```{mark}\n(.*?)```", page, re.DOTALL)
        Path(name).write_text(block, encoding="utf-8")
    (line,) = re.findall(r"^    groundcrew curate (.*)$", page, re.MULTILINE)
    assert command(*line.split(), "--json") == 0
    funnel = json.loads(capsys.readouterr().out)["funnel"]
    assert (funnel["records"], funnel["kept"]) == (7, 1)
    dropped = {each["reason"]: each["dropped"] for each in funnel["steps"]}
    assert [reason for reason, count in dropped.items() if not count] == ["too long", "sampled out"]
    for name in (*FILES, *REASONS):
        assert name in page
