"""`jobs`, `trust rescore` and `knowledge quality` on the command line: what they print, and with which exit status."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Run
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.app import Wiring, main
from groundcrew.cli import jobs as cli_jobs
from groundcrew.cli.main import run as run_cli
from groundcrew.domain.job import JobView
from groundcrew.services.jobs import Jobs
from groundcrew.settings import Settings

ROW = {"sources": ["Cards are free."], "answer": "Cards are free."}


@pytest.fixture
def declared(data: Path, prepared: Prepared) -> Path:
    """A data folder with the bank declared."""
    prepared.copy("declared", f"sqlite:///{data / 'groundcrew.db'}")
    return data


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps({"id": each, **ROW}) + "\n" for each in range(3)) + '{"id": 9}\n')
    return path


def test_a_file_as_a_job(run: Run, declared: Path, answers: Path) -> None:
    assert run("jobs", "list").out == "no jobs\n"
    job_id = run("trust", "score", "--input", answers, "--job").out.split()[1]
    assert "queued" in run("jobs", "list").out
    assert run("jobs", "work", "--drain").out == "1 jobs done\n"
    shown = run("jobs", "show", job_id).out
    assert "rows: 4 of 4, 1 failed" in shown
    assert "line 4: sources: is missing" in shown
    result = declared / "files" / "results" / f"{job_id}.jsonl"
    assert str(result) in shown
    assert len(result.read_text().splitlines()) == 3
    assert run("jobs", "list", "--json").json()[0]["phase"] == "done"
    assert "is done already" in run("jobs", "cancel", job_id, status=2).err


def test_a_job_that_ends_while_it_is_looked_at_has_ended_well(run: Run, bank: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = Jobs.get

    async def slow(jobs: Jobs, job_id: str) -> JobView:
        """What was read before the job ended, given out after it did."""
        view = await looked(jobs, job_id)
        while view.job.state == "queued" and (await looked(jobs, job_id)).job.state == "queued":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return view

    monkeypatch.setattr(cli_jobs, "LOOK_S", 0.0)
    monkeypatch.setattr(Jobs, "get", slow)
    assert "3 answers scored again" in run("trust", "rescore", "assistant").out


def test_a_failed_job_is_status_1_and_a_cancelled_one_says_so(run: Run, declared: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text("{}\n")
    job_id = run("trust", "score", "--input", bad, "--job").out.split()[1]
    other = run("trust", "score", "--input", bad, "--job").out.split()[1]
    assert run("jobs", "cancel", other, "--reason", "not needed").out == f"job {other} is cancelled\n"
    run("jobs", "work", "--drain")
    assert "none of its 1 rows can be scored" in run("jobs", "show", job_id, status=1).out
    assert "cancelled by cli:" in run("jobs", "show", other).out


def test_bad_usage(run: Run, declared: Path, answers: Path, tmp_path: Path) -> None:
    assert "no job 'x'" in run("jobs", "show", "x", status=2).err
    assert "leave out --output" in run("trust", "score", "--input", answers, "--output", "o.jsonl", "--job", status=2).err
    assert "Missing option '--output'" in run("trust", "score", "--input", answers, status=2).err
    assert "absent.jsonl" in run("trust", "score", "--input", tmp_path / "absent.jsonl", "--job", status=2).err
    assert "no verifier 'judge'" in run("trust", "rescore", bank.NAME, "--verifier", "judge", status=2).err
    assert "is not a duration" in run("trust", "rescore", bank.NAME, "--since", "soon", status=2).err
    assert "no revision of policies serves" in run("knowledge", "quality", bank.BASE, status=2).err


def test_calls_scored_again(run: Run, bank: Path) -> None:
    printed = run("trust", "rescore", "assistant").out
    assert "3 answers scored again" in printed
    view = run("trust", "rescore", "assistant", "--json").json()
    assert view["job"]["result"]["report"]["n"] == 3
    waiting = run("trust", "rescore", "assistant", "--job").out.split()[1]
    run("jobs", "work", "--drain")
    assert "answers scored again" in run("jobs", "show", waiting).out


def test_the_quality_of_knowledge(run: Run, declared: Path, tmp_path: Path) -> None:
    article = tmp_path / "cards.md"
    article.write_text("# Cards\n\nA card costs CHF 20.\n\n# Prices\n\nA card costs CHF 25.\n")
    revision = run("knowledge", "add", bank.BASE, article, "--json").json()["id"]
    run("knowledge", "approve", bank.BASE, revision)
    printed = run("knowledge", "quality", bank.BASE).out
    assert "“CHF 20” here, “CHF 25” there" in printed
    finding = run("knowledge", "quality", bank.BASE, "--no-run", "--json").json()["findings"][0]["id"]
    assert "say why" in run("knowledge", "settle", bank.BASE, finding, "dismissed", status=2).err
    assert "dismissed" in run("knowledge", "settle", bank.BASE, finding, "dismissed", "--reason", "two cards").out
    assert "nothing was found" in run("knowledge", "quality", bank.BASE).out
    assert "waits" in run("knowledge", "quality", bank.BASE, "--job").out


def test_the_command_line_hands_work_to_its_wiring(declared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Settings, bool]] = []

    class Seen(Wiring):
        def work(self, settings: Settings, *, drain: bool) -> int:
            seen.append((settings, drain))
            return 0

    assert run_cli(["jobs", "work", "--data", str(declared)], wiring=Seen()) == 0
    assert (seen[0][0].data, seen[0][1]) == (declared, False)
    assert main(["jobs", "work", "--help"]) == 0
