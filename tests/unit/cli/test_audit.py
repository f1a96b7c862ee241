"""`audit` and `legal-hold` on the command line."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Run
from tests.unit.services.prepared import Prepared

from groundcrew.services.bundle import open_services

PASSWORD = "a long enough password"


@pytest.fixture
def declared(data: Path, prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with the bank declared and two people of legal."""
    prepared.copy("declared", f"sqlite:///{data / 'groundcrew.db'}")

    async def people() -> None:
        services = await open_services(f"sqlite:///{data / 'groundcrew.db'}", data)
        for name in ("lea", "leo"):
            await services.users.create(name, PASSWORD, roles=("legal",), actor="cli:root")
        await services.database.close()

    asyncio.run(people())
    monkeypatch.setenv("GROUNDCREW_PASSWORD", PASSWORD)
    return data


def test_the_log_is_signed_exported_in_part_and_verified_by_the_one_file(run: Run, declared: Path, tmp_path: Path) -> None:
    assert run("audit", "keys").out == "nothing was signed yet\n"
    assert "signed up to entry" in run("audit", "checkpoint").out
    (key,) = run("audit", "keys", "--json").json()
    (tmp_path / "key.txt").write_text(key["public_key"])
    exported = run("export", "audit", "--output", "part.jsonl.gz", "--use-case", "assistant").out
    assert "signed up to its end" in exported
    named = ("audit", "verify", "--file", "part.jsonl.gz", "--public-key", "key.txt")
    assert "--partial" in run(*named, status=1).out
    verified = run(*named, "--partial", "--json").out
    assert '"partial": true' in verified
    assert "nothing keeps it from signing" in run("audit", "resume-signing", "--reason", "a backup", status=2).err
    (tmp_path / "verify_audit.py").write_text(run("audit", "verifier").out)
    (tmp_path / "checkpoints.jsonl").write_text(run("audit", "checkpoints").out)
    command = [sys.executable, "-I", "verify_audit.py", "part.jsonl.gz", "--partial", "--checkpoints", "checkpoints.jsonl"]
    alone = subprocess.run([*command, "--public-key", "key.txt"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (alone.returncode, alone.stderr) == (0, "")
    assert run("export", "audit", "--output", "x.jsonl", "--actor", "nobody", status=2).err.count("\n") == 1
    assert "only a use case" in run("export", "calls", "--output", "x.jsonl", "--actor", "nobody", status=2).err
    rotated = run("audit", "rotate-key", "--reason", "every year").out
    assert key["id"] not in rotated
    assert run("audit", "keys", "--json").json()[0]["previous"] == key["id"]
    assert run("audit", "rotate-key", "--reason", "gone", "--lost", status=2).err.startswith("groundcrew: ")


def test_the_log_is_searched(run: Run, declared: Path) -> None:
    page = run("audit", "search", "--subject", "use-case/", "--limit", "1", "--json").json()
    assert page["entries"][0]["subject"] == "use-case/assistant"
    assert "more: --before" in run("audit", "search", "--limit", "2").out
    assert run("audit", "search", "--actor", "nobody").out == "nothing here is like that\n"
    assert "is no time" in run("audit", "search", "--since", "yesterday", status=2).err
    assert "no call 'x'" in run("audit", "call", "x", status=2).err


def test_a_call_shows_what_it_rested_on(run: Run, bank: Path) -> None:
    call = json.loads((run("export", "calls", "--output", "calls.jsonl"), Path("calls.jsonl").read_text())[1].splitlines()[0])
    shown = run("audit", "call", call["id"]).out
    assert "use case" in shown
    assert run("audit", "call", call["id"], "--json").json()["call_id"] == call["id"]


def test_a_hold_is_placed_and_lifted_by_two(run: Run, declared: Path) -> None:
    assert "under their own account" in run("legal-hold", "place", "m", "--reason", "r", status=2).err
    hold = run(
        "legal-hold",
        "place",
        "Complaint",
        "--reason",
        "asked",
        "--use-case",
        "assistant",
        "--until",
        "2027-01-01",
        "--as",
        "lea",
        "--json",
    ).json()
    assert "Complaint" in run("legal-hold", "list").out
    assert "use cases assistant; before 2027-01-01 00:00 UTC" in run("legal-hold", "list").out
    assert len(run("legal-hold", "list", "--use-case", "assistant", "--json").json()) == 1
    assert "lift requested" in run("legal-hold", "lift", hold["id"], "--reason", "settled", "--as", "lea").out
    assert "second person" in run("legal-hold", "lift", hold["id"], "--confirm", "--reason", "x", "--as", "lea", status=2).err
    assert "is active" in run("legal-hold", "keep", hold["id"], "--reason", "not yet", "--as", "leo").out
    run("legal-hold", "lift", hold["id"], "--reason", "settled", "--as", "lea")
    assert "is lifted" in run("legal-hold", "lift", hold["id"], "--confirm", "--reason", "read", "--as", "leo").out
    assert (
        "did you mean" in run("legal-hold", "place", "m", "--reason", "r", "--use-case", "asistant", "--as", "lea", status=2).err
    )
