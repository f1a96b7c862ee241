"""`knowledge search` in a process of its own, as a person runs it: nothing has loaded the encoder before the index."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

DECLARATIONS = """
kind: KnowledgeBase
name: handbook
owner: desk@library.example
"""


def groundcrew(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "groundcrew", *arguments], capture_output=True, text=True, timeout=120, cwd=folder
    )


def test_a_search_from_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(DECLARATIONS)
    (tmp_path / "books.md").write_text("# Books\n\nA book may be kept for 28 days.\n")
    assert groundcrew(tmp_path, "apply", "base.yaml").returncode == 0
    added = json.loads(groundcrew(tmp_path, "knowledge", "add", "handbook", "books.md", "--json").stdout)
    found = groundcrew(
        tmp_path, "knowledge", "search", "handbook", "how long may I keep a book", "--revision", added["id"], "--json"
    )
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)[0]["passage"]["text"] == "A book may be kept for 28 days."
