"""The demo as a user runs it: one command, a real server in its own process, the official openai package."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TIMEOUT_S = 240


def demo(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `groundcrew demo` with its data in `folder`."""
    command = [sys.executable, "-m", "groundcrew", "demo", "--data", str(folder / "data"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, cwd=folder)


@pytest.mark.slow
def test_the_ring_once_around(tmp_path: Path) -> None:
    done = demo("--limit", "60", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["emails"] == 60
    assert result["answered"] + result["declined"] + result["held"] == 60
    assert result["answered"] >= 20
    quality = result["quality"]
    assert quality["unanswerable_declined"] >= 0.7 * quality["unanswerable"]
    assert result["caught"] == result["inventions"] >= 12
    assert result["audit_problems"] == []
    # Sample ratings and outcomes are shown, and open nothing.
    assert {"verdict", "rating", "guardrails", "return_on_investment"} <= set(result["missing_for_next_stage"])


@pytest.mark.slow
def test_own_messages_and_own_knowledge(tmp_path: Path) -> None:
    (tmp_path / "handbook.md").write_text(
        "# Bicycle lending\n\nA bicycle is lent for at most three days. Returning a bicycle late costs 4 euros for each day.\n"
    )
    rows = [
        {"id": "1", "text": "How much does it cost if I return the bicycle late?", "extra": True},
        {"id": "2", "text": "What is the capital of Mongolia?"},
    ]
    (tmp_path / "messages.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = demo("--input", "messages.jsonl", "--knowledge", "handbook.md", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["emails"], result["declined"], result["answered"]) == (2, 1, 1)


def test_a_bad_row_is_named_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "messages.jsonl").write_text('{"id": "1", "text": "Hello?"}\n{"id": "2"}\n')
    done = demo("--input", "messages.jsonl", folder=tmp_path)
    assert done.returncode == 2
    assert "messages.jsonl:2" in done.stderr
    assert "text" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "precious.txt").write_text("keep me")
    done = demo(folder=tmp_path)
    assert done.returncode == 2
    assert "was not made by the demo" in done.stderr
    assert (tmp_path / "data" / "precious.txt").read_text() == "keep me"
