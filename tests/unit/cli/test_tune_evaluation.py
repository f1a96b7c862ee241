"""`tune evaluate` and `tune suggest`: what they print and write, and when they exit with 1."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Run
from tests.unit.services import bank as seeded
from tests.unit.tuning import tuned_bank

from groundcrew.tuned.answer import read_answer


@pytest.fixture
def model(bank: Path, tmp_path: Path) -> str:
    """A registered model on a registered data set, which the assistant answers with."""

    async def make() -> str:
        services = await seeded.open_empty(f"sqlite:///{bank / 'groundcrew.db'}", bank)
        try:
            made = await tuned_bank.tuned(services, await tuned_bank.registered(services, tmp_path / "notes"))
            await tuned_bank.answers_with(services, made)
        finally:
            await services.database.close()
        return made.id

    return asyncio.run(make())


def test_an_evaluation_is_printed_written_and_held_against_targets(run: Run, model: str, tmp_path: Path) -> None:
    printed = run("tune", "evaluate", model, "--data-set", "notes", "--human-seconds", "1500", "--report", "report.html").out
    for expected in ("F1, over all labels (micro)", "0.930", "Times faster than 1,500 s", "Recorded as evidence for assistant"):
        assert expected in printed
    assert "leaked" not in printed
    page = (tmp_path / "report.html").read_text()
    assert "Against" not in page
    assert "The surest cases first" in page
    again = run("tune", "evaluate", model, "--data-set", "notes", "--json", "--fail-under", "micro_f1=0.5").out
    found = json.loads(again)
    assert found["report"]["cases"] == 30
    assert found["leaked"] == 0
    assert "assistant" in found["recorded"]
    missed = run("tune", "evaluate", model, "--data-set", "notes", "--fail-under", "micro_f1=0.92", status=1)
    assert "micro_f1: the lower bound" in missed.err
    run("tune", "evaluate", model, "--data-set", "notes", "--fail-under", "micro_f1=0.92", "--by-estimate")
    lineage = json.loads(run("tune", "lineage", model, "--json").out)
    assert {(each["use_case"], each["state"]) for each in lineage["evaluations"]} >= {("assistant", "valid")}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("coder@9", "--data-set", "notes"), "no version 9"),
        (("coder@1",), "either a data set or a file"),
        (("coder@1", "--data-set", "notes", "--fail-under", "micro=2"), "no target"),
        (("coder@1", "--data-set", "notes", "--fail-under", "speed=0.5"), "there is no figure 'speed'"),
        (("coder@1", "--input", "absent.jsonl"), "absent.jsonl: can not be read"),
        (("coder@1", "--data-set", "notes", "--split", "validation"), "no record is in the split"),
    ],
)
def test_what_can_not_be_evaluated(run: Run, model: str, arguments: tuple[str, ...], expected: str) -> None:
    assert expected in run("tune", "evaluate", *arguments, status=2).err


def test_suggestions_are_written_as_the_gateway_gives_them(run: Run, model: str, tmp_path: Path) -> None:
    (tmp_path / "texts.jsonl").write_text('{"id": 1, "text": "fever"}\n{"id": "b", "text": "nothing"}\n')
    said = run("tune", "suggest", model, "--input", "texts.jsonl", "--output", "out.jsonl").out
    assert "2 answers in out.jsonl; 1 of them need a person" in said
    first, second = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert (first.pop("id"), second["id"]) == ("1", "b")
    answer = read_answer(json.dumps(first))
    assert answer is not None
    assert (answer.model, answer.labels) == (model, ("A01.1",))
    assert "can not be written" in run("tune", "suggest", model, "--input", "texts.jsonl", "--output", "out.jsonl", status=2).err
