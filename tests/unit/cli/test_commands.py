"""What the commands do, print and exit with."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.conftest import Run

PROVIDER = "kind: Provider\nname: quotes\napi: extractive\ndata_classes: [public, internal]\n"
USE_CASE = """
kind: UseCase
name: second
title: Another one
owner: maria@bank.example
business_unit: retail
purpose: Sort letters
affected_persons: customers
solution: vendor_feature
autonomy: assist
data_classes: [internal]
model: writer
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

#: Commands that print a table, or JSON with --json: the same rows.
TABLES: list[tuple[str, ...]] = [
    ("status",),
    ("key", "list"),
    ("key", "list", "assistant"),
    ("user", "list"),
    ("hypothesis", "show", "assistant"),
    ("shadow", "assistant"),
    ("knowledge", "list"),
    ("knowledge", "list", "policies"),
    ("audit", "verify"),
]


@pytest.mark.parametrize("command", TABLES, ids=" ".join)
def test_tables_are_json_too(run: Run, bank: Path, command: tuple[str, ...]) -> None:
    assert run(*command).out.strip()
    found = json.loads(run(*command, "--json").out)
    assert found


def test_apply_shows_a_diff_and_is_idempotent(run: Run, tmp_path: Path) -> None:
    (tmp_path / "provider.yaml").write_text(PROVIDER)
    dry = run("apply", "provider.yaml", "--dry-run").out
    assert "+ Provider quotes" in dry
    assert dry.endswith("1 changed, 0 unchanged (dry run: nothing written)\n")
    assert run("apply", "provider.yaml").out.endswith("1 changed, 0 unchanged\n")
    assert run("apply", "provider.yaml").out == "= Provider quotes\n0 changed, 1 unchanged\n"
    (tmp_path / "provider.yaml").write_text(PROVIDER.replace("internal", "confidential"))
    changed = run("apply", "provider.yaml").out
    assert "~ Provider quotes" in changed
    assert 'data_classes: ["public","internal"] → ["public","confidential"]' in changed
    (change,) = run("apply", "provider.yaml", "--json").json()
    assert (change["kind"], change["action"]) == ("Provider", "unchanged")


def test_a_use_case_that_has_nothing_can_not_advance_and_is_told_what_it_needs(run: Run, bank: Path, tmp_path: Path) -> None:
    (tmp_path / "second.yaml").write_text(USE_CASE)
    run("apply", "second.yaml")
    for command in (("gate", "second"), ("advance", "second", "--to", "pilot", "--reason", "let me")):
        refused = run(*command, status=1)
        assert "gate → pilot for second: closed" in refused.out
        assert "✗ fail" in refused.out
        assert "? unknown" in refused.out
        assert "declare hypothesis: {plan: FILE.yaml}" in refused.out
    assert refused.err == "groundcrew: second can not advance to pilot: 11 of 12 criteria are not met\n"
    evaluation = json.loads(run("advance", "second", "--to", "pilot", "--reason", "let me", "--json", status=1).out)
    assert evaluation["passed"] is False
    assert json.loads(run("gate", "second", "--json", status=1).out)["stage"] == "pilot"
    assert json.loads(run("status", "--json").out)[1]["waits_for"]


def test_a_stage_in_a_file_is_refused(run: Run, bank: Path, tmp_path: Path) -> None:
    (tmp_path / "second.yaml").write_text(USE_CASE + "stage: pilot\n")
    refused = run("apply", "second.yaml", status=2)
    assert refused.err.startswith("groundcrew: second.yaml:13: stage: ")


def test_an_amendment_closes_the_gate_and_the_refusal_names_the_n_needed(run: Run, bank: Path) -> None:
    shown = run("hypothesis", "show", "assistant").out
    assert "registered" in shown
    assert "draft" in shown
    refused = run("gate", "assistant", "--to", "pilot", status=1)
    assert "the n needed is 382 units; then `groundcrew hypothesis register assistant`" in refused.out
    registered = run("hypothesis", "register", "assistant").out
    assert registered.startswith("hypothesis 'handle-time' of assistant, version 2, is registered: ")
    run("hypothesis", "register", "assistant", status=2)


def test_demote_retire_and_no_way_back(run: Run, bank: Path) -> None:
    assert run("demote", "assistant", "--to", "discovery", "--reason", "too early").out == "assistant is in discovery\n"
    assert run("demote", "assistant", "--to", "retired", "--reason", "enough").out == "assistant is in retired\n"
    refused = run("gate", "assistant", status=2)
    assert "which has no next stage: name one with --to" in refused.err
    run("advance", "assistant", "--to", "pilot", "--reason", "again", status=2)


def test_keys_are_shown_once_and_revoked_at_once(run: Run, bank: Path) -> None:
    created = run("key", "create", "assistant", "--expires", "30m")
    secret = created.out.strip()
    assert secret.startswith("gc_")
    assert "\n" not in secret, "the key alone is on stdout, so that it can be captured"
    assert "it is not shown again" in created.err
    listed = run("key", "list").out
    assert secret not in listed
    identifier = run("key", "create", "assistant", "--json").json()["id"]
    assert run("key", "revoke", identifier, "--reason", "lost").out == f"key {identifier} of assistant is revoked\n"
    assert "was revoked at" in run("key", "revoke", identifier, status=2).err


def test_people(run: Run, bank: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDCREW_PASSWORD", "a long password")
    added = run("user", "add", "carla", "--role", "reviewer", "--role", "legal", "--qualification", "service-agent")
    assert added.out == "user carla with roles reviewer, legal, signs off as service-agent\n"
    assert "there is a user 'carla' already" in run("user", "add", "carla", "--role", "legal", status=2).err
    assert "roles are some of admin" in run("user", "add", "dora", "--role", "king", status=2).err
    listed = {each["name"]: each for each in run("user", "list", "--json").json()}
    assert listed["carla"]["qualifications"] == ["service-agent"]
    assert "password" not in json.dumps(listed)
    assert run("user", "change", "carla", "--role", "owner", "--reason", "moved").out == "user carla with roles owner\n"
    assert "has another password" in run("user", "password", "carla").out
    run("user", "close", "carla", "--reason", "left")
    assert "closed already" in run("user", "close", "carla", "--reason", "left", status=2).err
    assert {each["name"]: each["state"] for each in run("user", "list", "--json").json()}["carla"] == "closed"
    assert run("user", "reopen", "carla", "--reason", "back").out == "open again: user carla with roles owner\n"


def test_attesting_and_acting_as_somebody(run: Run, bank: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDCREW_PASSWORD", "a long password")
    done = run("attest", "assistant", "load_test", "--statement", "2,000 calls a minute for an hour", "--as", "anna")
    assert done.out.startswith("load_test of assistant is attested until ")
    assert "user:anna: 2,000 calls a minute" in json.dumps(run("gate", "assistant", "--to", "scale", "--json", status=1).json())
    monkeypatch.setenv("GROUNDCREW_PASSWORD", "something else")
    wrong = run("attest", "assistant", "load_test", "--statement", "x", "--as", "anna", status=2)
    assert wrong.err == "groundcrew: name or password is wrong\n"
    monkeypatch.setenv("GROUNDCREW_PASSWORD", "a long password")
    run("user", "add", "maria@bank.example", "--role", "owner")
    own = run("attest", "assistant", "load_test", "--statement", "x", "--as", "maria@bank.example", status=2)
    assert "someone who did not build it must attest" in own.err


def test_overlaps_are_named_settled_and_open_again(
    run: Run, ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run("overlap", "assistant").out
    assert first == "assistant: compared with 0 use cases and 0 capabilities; score from 0.5\nno overlap found\n"
    assert "name one use case" in run("overlap", status=2).err
    twin = USE_CASE.replace("Another one", "E-mail assistant")
    twin = twin.replace("Sort letters", "Draft answers to e-mails from approved articles")
    (tmp_path / "second.yaml").write_text(twin)
    run("apply", "second.yaml")
    assert "second" in run("overlap", "--all").out
    (found,) = run("overlap", "--list", "--json").json()["overlaps"]
    overlap = found["finding"]["id"]
    settle = ("settle-overlap", overlap, "justified_build", "--reason", "another country", "--until", "2099-01-01", "--as", "bea")
    monkeypatch.setenv("GROUNDCREW_PASSWORD", "a long password")
    run("user", "add", "bea", "--role", "business")
    assert "under their account" in run(*settle[:-2], status=2).err
    assert "a justified build ends" in run(*settle, status=2).err
    joined = run("settle-overlap", overlap, "join_existing", "--into", "assistant", "--reason", "one is enough", "--as", "bea")
    assert joined.out == f"overlap {overlap}: join existing\n"
    assert "join assistant, as was decided" in run("gate", "second", "--to", "pilot", status=1).out
    assert "open again" in run("settle-overlap", overlap, "reopen", "--reason", "look again", "--as", "bea").out
    german = twin.replace("E-mail assistant", "Zuweisung von Störungen").replace("second", "third")
    german = german.replace(
        "Draft answers to e-mails from approved articles", "Ordnet jede Meldung der richtigen Gruppe im Betrieb zu"
    )
    (tmp_path / "third.yaml").write_text(german)
    run("apply", "third.yaml")
    assert "1 text in another language (de 1; this one in en), hardly comparable" in run("overlap", "assistant").out


def test_what_vendors_sell_is_imported_listed_and_compared(run: Run, ready: Path, tmp_path: Path) -> None:
    table = (
        "vendor,product,name,description,status,source,checked_on\n"
        "Officia,Work,E-mail assistant,Draft answers to e-mails from approved articles,ga,https://officia.example,2026-01-01\n"
    )
    (tmp_path / "vendors.csv").write_text(table)
    assert "dry run" in run("vendor", "import", "vendors.csv", "--dry-run").out
    assert run("vendor", "list").out.startswith("none yet")
    assert "+ VendorCapability Officia Work: E-mail assistant" in run("vendor", "import", "vendors.csv").out
    assert run("vendor", "import", "vendors.csv").out == "0 changed, 1 unchanged\n"
    (listed,) = run("vendor", "list", "--vendor", "officia", "--json").json()
    assert "https://officia.example" in run("vendor", "show", listed["id"]).out
    assert "Officia Work" in run("overlap", "--list").out, "an import compares"
    (tmp_path / "wrong.csv").write_text(table.replace(",ga,", ",sold,"))
    assert "wrong.csv:2: status" in run("vendor", "import", "wrong.csv", status=2).err
    assert "53 changed" in run("vendor", "import", "--starter").out
    assert "name one file" in run("vendor", "import", status=2).err


def test_what_waits_is_listed_with_its_cost(run: Run, ready: Path, tmp_path: Path) -> None:
    out = run("purgatory").out
    assert "assistant" in out
    assert "USD in 1 use case\n" in out
    assert run("purgatory", "--json").json()["rows"][0]["use_case"] == "assistant"
    run("purgatory", "--output", "waiting.csv")
    assert (tmp_path / "waiting.csv").read_text(encoding="utf-8").startswith("use_case,title,")


def test_stopping_and_resuming(run: Run, ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = run("stop", "use-case:assistant", "--reason", "odd answers")
    assert stopped.out == "use-case:assistant: stopped, no gateway is running, none will serve it\n"
    assert json.loads(run("status", "--json").out)[0]["run_state"] == "suspended"
    asked = run("resume", "use-case:assistant", "--reason", "fixed").out
    assert "still stopped. A second person confirms: groundcrew resume use-case:assistant --as NAME" in asked
    assert "a second person must confirm" in run("resume", "use-case:assistant", "--reason", "fixed", status=2).err
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(variable, "somebody-else")
    refused = run("resume", "use-case:assistant", "--reason", "fixed", status=2).err
    assert "a second person must confirm" in refused, "who runs a command is not what a variable says"
    monkeypatch.setenv("GROUNDCREW_PASSWORD", "a long password")
    run("user", "add", "bot", "--role", "it", "--agent")
    assert "a program" in run("resume", "use-case:assistant", "--reason", "fixed", "--as", "bot", status=2).err
    run("user", "add", "sam", "--role", "auditor")
    assert "sam may not resume" in run("resume", "use-case:assistant", "--reason", "fixed", "--as", "sam", status=2).err
    run("user", "add", "anna", "--role", "on_call")
    assert run("resume", "use-case:assistant", "--reason", "fixed", "--as", "anna").out == "use-case:assistant: running again\n"
    report = run("stop", "all", "--reason", "odd answers", "--json").json()
    assert (report["switch"]["state"], report["silent"]) == ("confirmed_stopped", [])
    assert run("resume", "all", "--reason", "fixed", "--json").json()["state"] == "reset_pending"
    assert "no gateway is running" in run("drill", "unit:retail", status=2).err


def test_a_stop_that_a_gateway_does_not_confirm_exits_1(run: Run, ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.postgres import run_apart
    from tests.unit.services import bank

    async def work() -> None:
        async with bank.opened(f"sqlite:///{ready / 'groundcrew.db'}", ready, bare=True) as services:
            await bank.silent_gateway(services)

    run_apart(work())
    monkeypatch.setenv("GROUNDCREW_KILL_CONFIRM_S_MAX", "0.2")
    failed = run("stop", "use-case:assistant", "--reason", "odd answers", status=1)
    assert failed.err.startswith("STOP FAILED for use-case:assistant: ")
    assert f"(process {os.getpid()} on " in failed.err
    assert "`groundcrew stop use-case:assistant --local` on their hosts" in failed.err
    report = run("stop", "all", "--reason", "odd answers", "--json", status=1).json()
    assert (report["switch"]["state"], len(report["silent"])) == ("stop_failed", 1)


def test_only_a_gateway_that_is_known_and_silent_is_forgotten(run: Run, ready: Path) -> None:
    unknown = run("gateways", "forget", "nobody", "--reason", "it is off", status=2)
    assert "there is no gateway nobody" in unknown.err


def test_knowledge_from_files_to_an_answer(run: Run, bank: Path, tmp_path: Path) -> None:
    (tmp_path / "fees.md").write_text("# Fees\n\nThe everyday account costs CHF 3 a month.\n")
    added = run("knowledge", "add", "policies", "fees.md").out.splitlines()
    assert added[0].endswith("of policies: 1 documents, 1 passages, proposed")
    revision = added[0].split()[1]
    assert added[1] == f"a person approves it: groundcrew knowledge approve policies {revision}"
    assert run("knowledge", "approve", "policies", revision).out.startswith(f"revision {revision} of policies serves until ")
    assert "CHF 3" in run("knowledge", "search", "policies", "account fee").out
    hits = run("knowledge", "search", "policies", "account fee", "--limit", "1", "--json").json()
    assert len(hits) == 1
    run("knowledge", "withdraw", "policies", revision, "--reason", "a wrong fee")
    assert "no revision of policies serves" in run("knowledge", "search", "policies", "account fee", status=2).err


def test_outcomes_from_a_file(run: Run, bank: Path, tmp_path: Path) -> None:
    rows = [{"metric": "handle_time", "value": 60 + each, "case_id": f"case-{each}"} for each in range(3)]
    (tmp_path / "outcomes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = ("outcomes", "import", "assistant", "--input", "outcomes.jsonl")
    assert run(*command).out == "3 outcomes recorded, 0 were there already\n"
    assert run(*command).out == "0 outcomes recorded, 3 were there already\n"
    (tmp_path / "outcomes.jsonl").write_text('{"metric": "x", "value": 1, "case_id": "1"}\n{"metric": "x", "value": "1"}\n')
    refused = run(*command, status=2)
    assert refused.err.startswith("groundcrew: outcomes.jsonl:2: value: ")
    (tmp_path / "outcomes.jsonl").write_text("")
    assert "holds no rows" in run(*command, status=2).err
    (tmp_path / "outcomes.csv").write_text("metric,value,case_id\nhandle_time,60,case-0\nhandle_time,99,case-1\n")
    assert run("outcomes", "import", "assistant", "outcomes.csv").out == "1 outcomes recorded, 1 were there already\n"
    assert "Name the file once" in run("outcomes", "import", "assistant", status=2).err


def test_the_rating_queue_from_the_command_line(run: Run, bank: Path) -> None:
    put = run("ratings", "put-up", "assistant", "--newest", "3", "--raters", "1").out
    assert put.endswith(" calls put up\n")
    shown = run("ratings", "show", "assistant").out
    assert "0 ratings, 1 passed on" in shown
    assert "no call of this version has ratings of two people yet" in shown
    assert json.loads(run("ratings", "show", "assistant", "--json").out)["agreement"] is None
    assert "0 earlier ones are forgotten" in run("ratings", "rotate-link-secret").out


def test_exports_and_verification(run: Run, bank: Path, tmp_path: Path) -> None:
    for name in ("calls.parquet", "calls.jsonl", "calls.jsonl.gz"):
        assert run("export", "calls", "--output", name).out == f"4 rows in {name}\n"
    assert run("export", "calls", "--use-case", "nobody", "--output", "none.jsonl").out == "0 rows in none.jsonl\n"
    count = run("export", "audit", "--output", "audit.jsonl").out.split()[0]
    verified = run("audit", "verify", "--file", "audit.jsonl").out.splitlines()
    assert verified[-1:] == run("audit", "verify").out.splitlines()
    assert verified[-1].startswith(f"{count} entries verify, signed up to entry ")
    assert "under no signature yet" in verified[-2], "the key of the history is in another folder"
    edited = (tmp_path / "audit.jsonl").read_text().replace('"reason":"lost"', '"reason":"sold"')
    (tmp_path / "audit.jsonl").write_text(edited)
    broken = run("audit", "verify", "--file", "audit.jsonl", status=1)
    assert "its content does not match its hash; it was edited" in broken.out
    assert broken.err.startswith("groundcrew: the audit log does not verify: ")
    assert json.loads(run("audit", "verify", "--file", "audit.jsonl", "--json", status=1).out)["problems"]


def test_an_edited_row_breaks_the_verification(run: Run, bank: Path) -> None:
    import sqlite3

    with sqlite3.connect(bank / "groundcrew.db") as connection:
        connection.execute("UPDATE ratings SET document = replace(document, '\"stars\":2', '\"stars\":5')")
    connection.close()
    broken = run("audit", "verify", status=1)
    assert broken.out.count("differs from its newest audit entry; it was edited") == 1
    assert broken.err.count("\n") == 1


def test_experiments_are_planned_and_analysed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(PLAN)
    assert "required n over both arms: 382; planned: 400" in run("experiment", "plan", "plan.yaml").out
    (tmp_path / "short.yaml").write_text(PLAN.replace("planned_n: 400", "planned_n: 100"))
    run("experiment", "plan", "short.yaml", status=1)
    rows = ["unit_id,arm,metric,value,time"]
    for arm, value in (("human", 900), ("assistant", 600)):
        for each in range(200):
            moment = f"2026-03-{1 + each // 10:02d}T10:00:00Z"
            rows.append(f"{arm}-{each},{arm},handle_time,{value + (each * 37) % 300},{moment}")
            rows.append(f"{arm}-{each},{arm},complaint,{int(each % 50 == 0)},{moment}")
    (tmp_path / "rows.csv").write_text("\n".join(rows) + "\n")
    report: dict[str, Any] = run("experiment", "analyze", "plan.yaml", "--input", "rows.csv", "--json").json()
    assert {"verdict", "srm_p_value", "evidence_grade", "metrics"} <= set(report)
    assert report["verdict"] == "supported"
    assert run("experiment", "analyze", "plan.yaml", "--input", "rows.csv").out.startswith("supported (evidence grade A")


def test_trust_and_guards_on_files(run: Run, tmp_path: Path) -> None:
    source = "The fee is CHF 3 a month."
    rows = [{"id": fee, "sources": [source], "answer": f"The fee is CHF {fee} a month."} for fee in ("3", "9")]
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    scored = run("trust", "score", "--input", "answers.jsonl", "--output", "scored.jsonl")
    assert scored.out == "2 answers scored into scored.jsonl\n"
    first, second = (json.loads(line) for line in (tmp_path / "scored.jsonl").read_text().splitlines())
    assert first["trust"] > second["trust"]
    (tmp_path / "texts.jsonl").write_text('{"id": "1", "text": "Write to anna@bank.example"}\n')
    run("guard", "scan", "pii", "--input", "texts.jsonl", "--output", "verdicts.jsonl")
    assert json.loads((tmp_path / "verdicts.jsonl").read_text())["findings"][0]["type"] == "EMAIL"


def test_a_scan_takes_what_a_policy_tells_the_guard(run: Run, tmp_path: Path) -> None:
    (tmp_path / "texts.jsonl").write_text('{"id": "1", "text": "Vielen Dank, wir haben Ihre Karte heute gesperrt."}\n')
    rules = "{guard: language, allowed: [fr]}, {guard: pii}, {guard: pii, types: [IBAN]}"
    (tmp_path / "policy.yaml").write_text(f"kind: Policy\nname: desk\nguards: [{rules}]\n")
    options = ("--input", "texts.jsonl", "--output", "verdicts.jsonl", "--policy", "policy.yaml")
    assert run("guard", "scan", "language", *options).out.endswith("0 pass, 0 flag, 1 block\n")
    assert "different settings" in run("guard", "scan", "pii", *options, status=2).err
    assert "no policy with a rule for the guard topic" in run("guard", "scan", "topic", *options, status=2).err
