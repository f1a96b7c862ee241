"""`scan` and `inventory` on the command line, from a repository to a finding that belongs to a use case."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Run
from tests.unit.services import bank

CODE = "import openai\nclient = openai.OpenAI()\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "mails"
    (folder / "node_modules").mkdir(parents=True)
    (folder / "a.py").write_text(CODE)
    (folder / "b.py").write_text('import openai\nclient = openai.OpenAI(base_url="http://localhost:8400/v1")\n')
    return folder


def test_code_is_scanned_without_any_data(run: Run, repository: Path) -> None:
    done = run("scan", "--code", repository)
    assert "sdk_constructor" in done.out
    assert "2 files read; folders of others left out: node_modules; governed: openai (1)" in done.out
    rows = [json.loads(line) for line in run("scan", "--code", repository, "--json").out.splitlines()]
    assert [(each["source"], each["path"], each["line"], each["service"], each["kind"], each["severity"]) for each in rows] == [
        ("code", "a.py", 2, "openai", "sdk_constructor", "high")
    ]
    assert rows[0]["reason"]
    run("scan", "--code", repository, "--fail-on", "critical")
    run("scan", "--code", repository, "--fail-on", "high", status=1)
    (repository / "a.py").write_text(CODE.replace("OpenAI()", "OpenAI()  # groundcrew: ignore a spike"))
    accepted = run("scan", "--code", repository, "--fail-on", "low")
    assert "[accepted: a spike]" in accepted.out
    assert "1 finding, 1 of them accepted in the files" in accepted.out


def test_wrong_usage_is_one_line(run: Run, repository: Path, tmp_path: Path) -> None:
    for arguments, words in (
        ((), "say what to scan"),
        (("--code", "nowhere"), "nowhere: no such file or folder"),
        (("--egress", "nowhere.log"), "nowhere.log: no such file"),
        (("--code", repository, "--gateway", "::"), "no address"),
        (("--code", repository, "--catalogue", "none.yaml"), "none.yaml: can not be read"),
        (("--code", repository, "--record"), "no groundcrew data here"),
        (("--code", repository, "--keys", "--output", "x.json"), "scan one thing"),
    ):
        assert words in run("scan", *arguments, status=2).err
    (tmp_path / "e.csv").write_text("a,b\n1,2\n")
    assert "e.csv:1: no column names a vendor" in run("scan", "--expenses", "e.csv", status=2).err
    assert "expected FIELD=NAME" in run("scan", "--expenses", "e.csv", "--column", "x", status=2).err


def test_logs_and_expenses(run: Run, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(
        "1795773600.1 4 10.0.0.5 TCP_TUNNEL/200 9 CONNECT api.openai.com:443 anna H/1 -\n"
        "1795773600.1 4 10.0.0.9 TCP_TUNNEL/200 9 CONNECT api.openai.com:443 - H/1 -\nbroken\n"
    )
    done = run("scan", "--egress", "access.log", "--gateway-host", "10.0.0.9")
    assert "3 lines read as squid; 1 are the gateway's own; 1 could not be read, the first is line 3" in done.out
    (row,) = [
        json.loads(line)
        for line in run("scan", "--egress", "access.log", "--gateway-host", "10.0.0.9", "--json").out.splitlines()
    ]
    assert (row["user"], row["host"], row["service"], row["kind"], row["count"]) == (
        "anna",
        "api.openai.com",
        "openai",
        "egress",
        1,
    )
    (tmp_path / "e.csv").write_text("Merchant,Amount\nOPENAI *CHATGPT SUBSCR,20\n")
    assert "paid 20.00 to OpenAI in 1 expense" in run("scan", "--expenses", "e.csv").out


def test_from_a_scan_to_a_use_case(run: Run, bank_with_anna: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "2 new" not in run("scan", "--code", repository, "--record", "--name", "letters").out
    (item,) = json.loads(run("inventory", "list", "--root", "letters", "--json").out)
    assert "1 known" in run("scan", "--code", repository, "--record", "--name", "letters").out
    assert "a.py:2" in run("inventory", "list").out
    assert "letters" in run("inventory", "list", "--owner", "").out
    name = item["id"]
    assert (
        "petra settles it by 2027-06-01" in run("inventory", "assign", name, "--owner", "petra", "--deadline", "2027-06-01").out
    )
    shown = run("inventory", "show", name).out
    assert "A program talks to a model provider directly" in shown
    assert "petra, by 2027-06-01" in shown
    assert "kind: UseCase" in run("inventory", "draft", name).out
    assert "wrote draft.yaml" in run("inventory", "draft", name, "--output", "draft.yaml").out
    assert "draft.yaml" in run("apply", "draft.yaml", status=2).err
    monkeypatch.setenv("GROUNDCREW_PASSWORD", "correct horse battery")
    assert "own account" in run("inventory", "register", name, "--use-case", bank.NAME, status=2).err
    registered = run("inventory", "register", name, "--use-case", bank.NAME, "--as", "anna-scan")
    assert f"belongs to the use case {bank.NAME}" in registered.out
    assert "is open again" in run("inventory", "reopen", name, "--reason", "another one").out
    accepted = run("inventory", "accept", name, "--reason", "a spike", "--until", "2027-01-31", "--as", "anna-scan")
    assert "accepted until 2027-01-31" in accepted.out
    run("inventory", "reopen", name, "--reason", "it is over")
    assert "scan again to confirm it" in run("inventory", "retire", name, "--reason", "deleted").out
    assert "no inventory-finding" in run("inventory", "show", "none", status=2).err
    assert "entries verify" in run("audit", "verify").out


def test_a_report_is_written_for_who_posts_it(run: Run, repository: Path, tmp_path: Path) -> None:
    assert "wrote report.json" in run("scan", "--code", repository, "--name", "letters", "--output", "report.json").out
    written = json.loads((tmp_path / "report.json").read_text())
    assert (written["root"], written["complete"], len(written["findings"])) == ("letters", True, 1)


def test_keys(run: Run, bank: Path) -> None:
    rows = run("scan", "--keys", "--json").out.splitlines()
    assert all(json.loads(each)["source"] == "keys" for each in rows)


@pytest.fixture
def bank_with_anna(run: Run, bank: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GROUNDCREW_PASSWORD", "correct horse battery")
    run("user", "add", "anna-scan", "--role", "owner")
    monkeypatch.delenv("GROUNDCREW_PASSWORD")
    return bank
