"""`eval` on a database of its own, without a server: declared, run, held against bounds, compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Run

from groundcrew.testing import FakeUpstream, ReceivedRequest, Reply

DECLARED = """
kind: Provider
name: fake
api: openai
base_url: {url}
data_classes: [public, internal]
---
kind: Model
name: writer
targets: [{{provider: fake, model: good, price: {{input_usd: 1, output_usd: 2}}}}]
---
kind: UseCase
name: questions
title: Questions
owner: maria@bank.example
business_unit: retail
purpose: Answer questions
affected_persons: customers
solution: product
autonomy: assist
data_classes: [internal]
model: writer
---
kind: EvaluationSuite
name: core
use_case: questions
cases: cases.jsonl
"""


def say(request: ReceivedRequest) -> Reply:
    text = str(request.body["messages"])
    number = text.partition("Question ")[2].partition("?")[0]
    return Reply(text="It is 7." if request.body["model"] == "bad" else f"It is {number}.", usage=(50, 5))


@pytest.fixture
def declared(run: Run, tmp_path: Path):  # type: ignore[no-untyped-def]
    rows = [{"id": f"c{each}", "input": f"Question {each}?", "contains": [f"is {each}"]} for each in range(12)]
    (tmp_path / "cases.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    with FakeUpstream(say) as upstream:
        (tmp_path / "suite.yaml").write_text(DECLARED.format(url=upstream.url))
        assert "EvaluationSuite core" in run("apply", "suite.yaml").out
        yield upstream


def test_a_suite_is_run_held_against_bounds_and_compared(run: Run, declared: FakeUpstream) -> None:
    assert "never run" in run("eval", "list").out
    first = run("eval", "run", "core", "--fail-under", "contains=0.7", "--concurrency", "3").out
    assert "core version 1, asked the use case's own model: done" in first
    assert "pass contains 0.7575 ≥ 0.7" in first, "twelve of twelve: Wilson's lower bound"
    assert len(declared.requests) == 12
    missed = run("eval", "run", "core", "--target", "fake/bad", "--fail-under", "contains=0.9", "--json", status=1).json()
    assert (missed["passes"], missed["verdicts"][0]["passes"]) == (False, False)
    runs = [each["job"]["id"] for each in run("eval", "show", "core", "--json").json()["runs"]]
    compared = run("eval", "compare", runs[1], runs[0], "--margin", "contains=0.1", status=1).out
    assert "worse (margin 0.1)" in compared
    assert "12 cases" in compared
    assert run("eval", "compare", runs[1], runs[1], "--margin", "answered=0.4").status == 0
    assert "worst cases" in run("eval", "show", runs[0]).out
    spent = run("spend", "--by", "use-case", "--json").json()
    assert spent["total"]["calls"] == 24, "trials are paid for"


def test_a_ceiling_that_covers_nothing_asks_nothing(run: Run, declared: FakeUpstream) -> None:
    out = run("eval", "run", "core", "--cost-max", "0", "--fail-under", "contains=0.1", status=1).out
    assert "the ceiling of 0 USD does not cover the next question" in out
    assert "MISS contains unknown" in out
    assert not declared.requests


def test_a_run_is_left_to_a_worker(run: Run, declared: FakeUpstream) -> None:
    job = run("eval", "run", "core", "--job").out.split()[1]
    assert not declared.requests
    assert "1 jobs done" in run("jobs", "work", "--drain").out
    assert len(declared.requests) == 12
    assert "12 of 12" in run("eval", "show", job).out


def test_a_stopped_use_case_is_not_asked(run: Run, declared: FakeUpstream) -> None:
    run("stop", "use-case:questions", "--reason", "odd answers")
    out = run("eval", "run", "core").out
    assert "it ended early: kill_switch" in out
    assert not declared.requests


def test_bad_usage(run: Run, declared: FakeUpstream) -> None:
    assert "METRIC=VALUE" in run("eval", "run", "core", "--fail-under", "contains", status=2).err
    assert "PROVIDER/MODEL" in run("eval", "run", "core", "--target", "fake", status=2).err
    assert "did you mean 'core'" in run("eval", "run", "cor", status=2).err
    assert "no figure 'truth'" in run("eval", "run", "core", "--fail-under", "truth=1", status=2).err
    assert "no recorded call" in run("eval", "pick", "core", "--use-case", "questions", status=2).err
