"""Loads a tuned model's folder: every file is checked against the manifest before a byte of it is used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from groundcrew.errors import InputError
from groundcrew.tuned.model import Loaded, Manifest

#: Architecture → the function that loads a folder whose digests hold. An architecture adds its line here.
LOADERS: dict[str, Callable[[Path, Manifest], Loaded]] = {}


def load_model(folder: Path) -> Loaded:
    """The model in `folder`. InputError where the folder is no whole model: a missing, changed or additional file, an unknown
    format or architecture."""
    raise InputError("no architecture can be loaded yet", file=str(folder))
