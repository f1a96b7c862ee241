"""Whatever is given, the answer is one clear line on stderr, status 2, and no stack trace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Run

from groundcrew.app import main
from groundcrew.services.use_cases import UseCases

#: What is typed, and what the line must say. The data folder holds a bank.
REFUSALS: list[tuple[tuple[str, ...], str]] = [
    (("no-such-command",), "No such command 'no-such-command'"),
    (("gate",), "groundcrew gate evaluate: Missing argument 'USE_CASE'; see groundcrew gate evaluate --help"),
    (("gate", "asistant"), "no use-case 'asistant'; did you mean 'assistant'?"),
    (("gate", "assistant", "--to", "moon"), "'moon' is not one of 'discovery', 'pilot'"),
    (("gate", "assistant", "--no-such-option"), "No such option"),
    (("advance", "assistant", "--to", "scale", "--reason", "jump"), "the next stage is production_readiness"),
    (("advance", "assistant", "--to", "production_readiness", "--reason", " "), "reason: say why"),
    (("advance", "assistant", "--to", "pilot"), "Missing option '--reason'"),
    (("demote", "assistant", "--to", "scale", "--reason", "up"), "scale is not an earlier stage"),
    (("hypothesis", "register", "nobody"), "no use-case 'nobody'"),
    (("attest", "assistant", "x", "--statement", " "), "statement: say what is attested"),
    (("attest", "assistant", "x", "--statement", "x", "--valid", "2y"), "valid: '2y' is not a duration"),
    (("attest", "assistant", "x", "--statement", "x", "--valid", "9999d"), "at most 366 days"),
    (("key", "create", "assistant", "--expires", "soon"), "expires: 'soon' is not a duration"),
    (("key", "create", "assistant", "--expires", "0d"), "expires: a key lives for more than 0"),
    (("key", "create", "assistant", "--expires", "9" * 30 + "w"), "is too long"),
    (("key", "create", "assistant", "--expires", "d"), "is not a duration"),
    (("key", "create", "assistant", "--expires", ""), "is not a duration"),
    (("key", "revoke", "no-such-key"), "no key 'no-such-key'"),
    (("stop", "everything", "--reason", "x"), "scope: 'everything' is not a scope: use all, use-case:NAME"),
    (("stop", "use-case:asistant", "--reason", "x"), "did you mean 'assistant'?"),
    (("stop", "all", "--reason", ""), "reason: say why"),
    (("resume", "all", "--reason", "x"), "all is not stopped"),
    (("drill", "use-case:"), "is not a scope"),
    (("knowledge", "add", "polices"), "did you mean 'policies'?"),
    (("knowledge", "add", "policies"), "no paths given and none declared"),
    (("knowledge", "add", "policies", "absent.md"), "absent.md"),
    (("knowledge", "approve", "policies", "abc"), "give at least 6 characters"),
    (("knowledge", "search", "policies", "fee", "--limit", "0"), "0 is not in the range"),
    (("outcomes", "import", "assistant", "--input", "absent.jsonl"), "absent.jsonl: No such file"),
    (("outcomes", "import", "assistant", "--input", "."), ".: Is a directory"),
    (("export", "calls", "--output", "calls.csv"), "name the file .jsonl"),
    (("export", "calls", "--output", "none/calls.jsonl"), "its folder does not exist"),
    (("export", "everything", "--output", "x.jsonl"), "'everything' is not one of 'calls', 'audit'"),
    (("audit", "verify", "--file", "absent.jsonl"), "absent.jsonl: No such file"),
    (("probe", "assistant", "--url", "http://127.0.0.1:1"), "no gateway answers at http://127.0.0.1:1"),
    (("probe", "assistant", "--url", "nonsense"), "nonsense"),
    (("apply", "absent.yaml"), "absent.yaml: no such file or folder"),
    (("apply",), "Missing argument 'PATHS...'"),
    (("experiment", "plan", "absent.yaml"), "absent.yaml"),
    (("trust", "score", "--input", "absent.jsonl", "--output", "x.jsonl"), "absent.jsonl"),
    (("guard", "scan", "pie", "--input", "absent.jsonl", "--output", "x.jsonl"), ""),
    (("up", "--port", "99999"), "99999 is not in the range"),
    (("up", "--host", "256.0.0.1", "--port", "0"), "can not listen on 256.0.0.1:0"),
    (("demo", "--input", "absent.jsonl"), "absent.jsonl: No such file"),
    (("status", "--database-url", "mysql://localhost/x"), "a database URL starts with sqlite:/// or postgresql://"),
    (
        ("status", "--database-url", "postgresql://u:secret@127.0.0.1:1/x"),
        "postgresql://127.0.0.1:1/x: the database can not be opened",
    ),
]


@pytest.mark.parametrize(("arguments", "says"), REFUSALS, ids=[" ".join(each)[:60] for each, _ in REFUSALS])
def test_what_is_refused(run: Run, bank: Path, arguments: tuple[str, ...], says: str) -> None:
    refused = run(*arguments, status=2)
    assert says in refused.err
    assert "hush-hush" not in refused.err


BROKEN: list[tuple[bytes, str]] = [
    (b"kind: [", "bank.yaml:1: "),
    (b"kind: Provider\nname: quotes\napi: extractive\n  data_classes: x\n", "bank.yaml:4"),
    (b"\xff\xfe\x00", "bank.yaml"),
    (b"", "bank.yaml: "),
    (b"- 1\n- 2\n", "bank.yaml:1"),
    (b"kind: Rocket\nname: x\n", "bank.yaml:1: kind: "),
    (b"kind: Provider\nname: Quotes!\napi: extractive\n", "bank.yaml:2: name: "),
    (b"kind: Provider\nname: quotes\napi: extractiv\n", "did you mean 'extractive'"),
    (b"kind: Provider\nname: quotes\nname: other\napi: extractive\n", "bank.yaml:3: "),
    (b"kind: Model\nname: m\ntargets: [{provider: nobody, model: x}]\n", "bank.yaml:3: targets[0].provider: "),
    (b"a: &a [x]\nb: [*a, *a]\n", "bank.yaml:1"),
]


@pytest.mark.parametrize(("content", "says"), BROKEN, ids=range(len(BROKEN)))
def test_broken_declarations_name_file_line_and_field(run: Run, bank: Path, tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "bank.yaml").write_bytes(content)
    refused = run("apply", "bank.yaml", status=2)
    assert says in refused.err
    assert run("audit", "verify").status == 0


def test_a_dry_run_lists_everything_that_is_wrong(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: Policy\nname: A\nguards: [{guard: nope}]\n")
    (tmp_path / "b.yaml").write_text("kind: Model\nname: m\ntargets: [{provider: nobody, model: x}]\n")
    told = run("apply", "a.yaml", "b.yaml", "--dry-run", status=2)
    assert [line.split(":")[0] for line in told.out.splitlines()] == ["! a.yaml", "! a.yaml"]
    assert told.err.count("\n") == 1, "one line says what ended it"
    (tmp_path / "a.yaml").write_text("kind: Model\nname: n\ntargets: [{provider: nobody, model: x}]\n")
    errors = json.loads(run("apply", "a.yaml", "b.yaml", "--dry-run", "--json", status=2).out)["errors"]
    assert [(each["file"], each["line"], each["field"]) for each in errors] == [
        ("a.yaml", 3, "targets[0].provider"),
        ("b.yaml", 3, "targets[0].provider"),
    ]
    assert run("apply", "a.yaml", "b.yaml", status=2).out == ""


def test_commands_before_there_is_any_data(run: Run, tmp_path: Path) -> None:
    for command in (("status",), ("gate", "x"), ("audit", "verify"), ("stop", "all", "--reason", "x")):
        refused = run(*command, status=2)
        assert "no groundcrew data here: start with `groundcrew apply PATH` or `groundcrew up`" in refused.err
    assert not (tmp_path / "data").exists(), "a question makes no database"


def test_a_data_folder_that_is_none(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "Directory 'file' is a file" in run("status", "--data", "file", status=2).err
    (tmp_path / "provider.yaml").write_text("kind: Provider\nname: quotes\napi: extractive\n")
    assert run("apply", "provider.yaml", "--data", "file/below", status=2).err


def test_a_database_that_is_none(run: Run, data: Path) -> None:
    (data / "groundcrew.db").write_bytes(b"this is no database" * 1_000)
    refused = run("status", status=2)
    assert "groundcrew.db: the database can not be opened: file is not a database" in refused.err
    (data / "groundcrew.db").unlink()
    (data / "groundcrew.db").mkdir()
    assert "groundcrew.db: the database can not be opened" in run("status", status=2).err


def test_a_damaged_row_is_one_line_too(run: Run, bank: Path) -> None:
    """Whatever goes wrong inside, no stack trace and no statement with its parameters reaches the reader."""
    import sqlite3

    with sqlite3.connect(bank / "groundcrew.db") as connection:
        connection.execute("UPDATE use_cases SET document = '{}'")
    connection.close()
    refused = run("status", status=2)
    assert refused.err.startswith("groundcrew: internal error: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "70000"),
        ("SNAPSHOT_AGE_S_MAX", "0"),
        ("SNAPSHOT_AGE_S_MAX", "inf"),
        ("SNAPSHOT_AGE_S_MAX", "nan"),
        ("KILL_CONFIRM_S_MAX", "-1"),
        ("SHIP_BATCH_MAX", "1.5"),
        ("SECURE_COOKIES", "perhaps"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(
    run: Run, bank: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"GROUNDCREW_{name}", value)
    assert name.lower() in run("status", status=2).err.lower()


def test_an_interrupt_is_one_line(bank: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """After the one that ends the terminal's own ``^C``."""

    async def interrupted(_: UseCases) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(UseCases, "find", interrupted)
    assert main(["status", "--data", str(bank)]) == 2
    assert capsys.readouterr().err == "\ngroundcrew: interrupted\n"
