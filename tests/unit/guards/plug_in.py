"""Packages with guards in them, as an installer would leave them: a module and its entry points, in a folder on the path."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundcrew.guards import plug_ins, registry

TONE = """
import msgspec

from groundcrew.domain.guard import Finding, Verdict
from groundcrew.guards.registry import Guard


class Settings(msgspec.Struct, forbid_unknown_fields=True):
    words: list[str]
    score: float = 0.9


def check(text, context):
    found = [
        Finding(start=text.index(word), end=text.index(word) + len(word), type="RUDE", score=context.get("score", 0.9))
        for word in context.get("words", ["stupid"])
        if word in text
    ]
    score = max((each.score for each in found), default=0.0)
    return Verdict(verdict="block" if found else "pass", score=score, findings=tuple(found))


tone = Guard(name="another name", check=check, inline=True, quick=lambda text, context: 1 / 0, schema=Settings)
not_a_guard = "text"
"""


def install(folder: Path, package: str, module: str, entries: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Put `package` with the source `module` and `entries` (name → what of the module) where Python finds it."""
    folder.mkdir(exist_ok=True)
    name = package.replace("-", "_")
    (folder / f"{name}.py").write_text(module)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [f"{each} = {name}:{what}" if what else f"{each} = {name}" for each, what in entries.items()]
    (info / "entry_points.txt").write_text("\n".join([f"[{plug_ins.GROUP}]", *lines, ""]))
    monkeypatch.syspath_prepend(str(folder))
    plug_ins.forget()


def clean_up(before: dict[str, registry.Guard]) -> None:
    """Forget what a test has installed and registered."""
    plug_ins.forget()
    for name in registry._GUARDS.keys() - before.keys() - registry.BUILT_IN.keys():
        del registry._GUARDS[name]
    registry._GUARDS.update(before)
