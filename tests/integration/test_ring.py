"""The ring once around on a real server, by the commands an operator types, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import signal
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.integration.server import Done, Server, groundcrew, running

from groundcrew.app import main

DECLARATION = """
kind: Provider
name: quotes
api: extractive
data_classes: [public, internal, pii]
---
kind: Model
name: writer
targets: [{provider: quotes, model: extractive}]
---
kind: KnowledgeBase
name: handbook
owner: desk@bank.example
paths: [handbook/]
---
kind: Policy
name: mail
guards:
  - {guard: pii, on: [input], action: redact}
---
kind: UseCase
name: assistant
title: E-mail assistant
owner: maria@bank.example
champion: luca@bank.example
business_unit: retail
purpose: Answer e-mails from approved articles
affected_persons: customers
solution: product
autonomy: assist
data_classes: [internal, pii]
model: writer
policy: mail
grounding: {knowledge: handbook, mode: required, threshold: 0.7, below: fallback}
budget: {tokens_per_day: 100000}
exposure: {ceiling_percent: 5, users: [desk-1]}
risk: {questionnaire: 2, none_of: [prohibited_practices, regulated_products, annex_iii], talks_to_persons: true}
hypothesis: {plan: plan.yaml}
"""
PLAN = """
name: handle-time
unit: ticket
arms: {control: human, treatment: assistant, split: 0.5}
monitoring: fixed
minimum_days: 14
duration_days: 30
planned_n: 400
metrics:
  - {name: handle_time, role: success, kind: mean, direction: decrease, unit: s, mde: 180,
     baseline: {mean: 900, sd: 540, n: 1200, days: 30, source: ticket system}}
  - {name: complaint, role: guardrail, kind: proportion, direction: decrease, margin: 0.05}
"""
ARTICLES = {
    "fees.md": (
        "# Fees\n\n## Everyday account\n\nThe everyday account costs CHF 3 a month. No monthly fee is charged to customers under "
        "26 years of age.\n\n## Cards\n\nA replacement debit card costs CHF 20 and arrives within five working days.\n"
    ),
    "hours.md": ("# Opening hours\n\nThe branch in Aarau is open on weekdays from 09:00 to 17:00. On Saturdays it is closed.\n"),
}
QUESTION = "When is the branch in Aarau open?"
PASSWORD = "correct horse battery"

Command = Callable[..., Done]


@pytest.fixture
def postgres_url(empty_postgres_url: str) -> str:
    """The commands find nothing at all and make every table."""
    return empty_postgres_url


def write(folder: Path) -> None:
    (folder / "handbook").mkdir(parents=True)
    (folder / "bank.yaml").write_text(DECLARATION)
    (folder / "plan.yaml").write_text(PLAN)
    for name, text in ARTICLES.items():
        (folder / "handbook" / name).write_text(text)


def ask(server: Server, secret: str, text: str, user: str = "desk-1") -> tuple[int, dict[str, Any]]:
    body = json.dumps({"model": "assistant", "messages": [{"role": "user", "content": text}]}).encode()
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json", "groundcrew-user-id": user}
    request = urllib.request.Request(f"{server.url}/v1/chat/completions", data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


@pytest.mark.slow
def test_the_ring_by_the_command_line(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server is a process of its own; the commands run in this one, which is as good and twenty times as fast."""
    write(tmp_path / "bank")
    monkeypatch.chdir(tmp_path)
    storage = ("--data", tmp_path / "data")
    if database_url.startswith("postgresql"):
        storage = (*storage, "--database-url", database_url)

    def run(*arguments: str | Path, status: int = 0, password: str = PASSWORD) -> Done:
        monkeypatch.setenv("GROUNDCREW_PASSWORD", password)
        ended = main([str(each) for each in (*arguments, *storage)])
        done = Done(status=ended, out=(captured := capsys.readouterr()).out, err=captured.err)
        assert done.status == status, f"{arguments}: {done.out}{done.err}"
        assert "Traceback" not in done.err
        return done

    with running(tmp_path / "data", *map(str, storage[2:])) as server:
        assert server.password
        secret = declared(run)
        earned(run, server, secret)
        stopped(run, server, secret)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0, "a server that is told to stop ends in order"

    verified = run("audit", "verify", "--json").json()
    assert verified["problems"] == []
    assert run("export", "audit", "--output", tmp_path / "audit.jsonl").out.startswith(f"{verified['entries']} rows")
    offline = groundcrew("audit", "verify", "--file", tmp_path / "audit.jsonl", "--json").json()
    # The export signed the log to its end, and its keys come with it.
    assert {name: offline[name] for name in ("entries", "head", "problems")} == {
        name: verified[name] for name in ("entries", "head", "problems")
    }
    assert offline["signed_to"] == verified["entries"]
    run("export", "calls", "--output", tmp_path / "calls.parquet")
    with running(tmp_path / "data", *map(str, storage[2:])) as server:
        assert server.password is None, "the password is printed once"
        assert ask(server, secret, QUESTION)[0] == 503, "a stop survives a restart"


def declared(run: Command) -> str:
    assert "created" in {each["action"] for each in run("apply", "bank", "--json").json()}
    assert {each["action"] for each in run("apply", "bank", "--json").json()} == {"unchanged"}
    revision = run("knowledge", "add", "handbook", "--json").json()
    run("knowledge", "approve", "handbook", revision["id"])
    for name in ("anna", "beat"):
        run("user", "add", name, "--role", "on_call")
    return str(run("key", "create", "assistant", "--json").json()["key"])


def earned(run: Command, server: Server, secret: str) -> None:
    status, body = ask(server, secret, QUESTION)
    assert status == 200
    assert "from 09:00 to 17:00" in body["choices"][0]["message"]["content"]
    refused = run("advance", "assistant", "--to", "pilot", "--reason", "try", status=1)
    assert "the n needed is 382 units" in refused.out
    assert refused.err.startswith("groundcrew: assistant can not advance to pilot: ")
    run("hypothesis", "register", "assistant")
    run("overlap", "assistant")
    probes = run("probe", "assistant", "--url", server.url, "--json").json()
    assert (probes["sent"], probes["denied"]) == (20, 20)
    drill = run("drill", "use-case:assistant", "--json").json()
    assert (drill["switch"]["state"], drill["gateways"]) == ("confirmed_stopped", 1)
    assert run("gate", "assistant", "--json").json()["passed"]
    run("advance", "assistant", "--to", "pilot", "--reason", "the gate is open")
    assert run("status", "--json").json()[0]["stage"] == "pilot"
    assert ask(server, secret, QUESTION)[0] == 200
    answers = [ask(server, secret, QUESTION, f"reader-{number}") for number in range(12)]
    refused_users = [body["error"]["code"] for status, body in answers if status != 200]
    assert set(refused_users) == {"not_in_exposure"}
    server.wait_until_shipped()
    spent = run("spend", "--by", "user", "--json").json()
    assert next(row for row in spent["rows"] if row["name"] == "desk-1")["calls"] >= 2


def stopped(run: Command, server: Server, secret: str) -> None:
    report = run("stop", "unit:retail", "--reason", "odd answers", "--as", "anna", "--json").json()
    assert (report["switch"]["state"], report["switch"]["tripped_by"]) == ("confirmed_stopped", "user:anna")
    status, body = ask(server, secret, QUESTION)
    assert (status, body["error"]["code"]) == (503, "kill_switch")
    assert "still stopped" in run("resume", "unit:retail", "--reason", "fixed", "--as", "anna").out
    again = run("resume", "unit:retail", "--reason", "fixed", "--as", "anna", status=2)
    assert "a second person must confirm" in again.err
    wrong = run("resume", "unit:retail", "--reason", "fixed", "--as", "beat", status=2, password="not the password")
    assert wrong.err == "groundcrew: name or password is wrong\n"
    assert "running again" in run("resume", "unit:retail", "--reason", "fixed", "--as", "beat").out
    assert ask(server, secret, QUESTION)[0] == 200
    run("stop", "all", "--reason", "enough for today")
    run("gate", "assistant", status=1)
