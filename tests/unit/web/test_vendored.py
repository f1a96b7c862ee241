"""The vendored files are the ones that VENDORED.md names, and their licences stand beside them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

STATIC = Path(__file__).parents[3] / "src" / "groundcrew" / "web" / "static"


def test_digests_and_licences() -> None:
    rows = re.findall(r"^\| (vendor/\S+) \|.*\| ([0-9a-f]{64}) \|$", (STATIC / "VENDORED.md").read_text(encoding="utf-8"), re.M)
    assert {name for name, _ in rows} == {f"vendor/{path.name}" for path in (STATIC / "vendor").iterdir()}
    for name, digest in rows:
        assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == digest, name
