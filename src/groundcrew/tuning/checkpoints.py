"""Keeps what a fit has finished, stage by stage, so that a second call goes on where the first was stopped.

A folder belongs to one set of examples, settings and seed; what another fit left there is removed, never mixed in.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from groundcrew.errors import InputError
from groundcrew.tuned.loading import read_arrays

KEY_FILE = "fit.json"
#: Raised by whoever changes what a stage computes: stages of another release are not gone on with.
RELEASE = 1

Arrays = Mapping[str, npt.NDArray[Any]]


class Checkpoints:
    """Stages of one fit in `folder`, each a file of arrays."""

    def __init__(self, folder: Path, key: str) -> None:
        """`key` names examples, settings and seed."""
        self._folder = folder
        wanted = {"key": key, "release": RELEASE}
        if self._found() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True, exist_ok=True)
            self._write(KEY_FILE, json.dumps(wanted).encode())

    @property
    def folder(self) -> Path:
        """Where a stage may keep files of its own."""
        return self._folder

    def load(self, stage: str) -> dict[str, npt.NDArray[Any]] | None:
        """The arrays of a finished stage; None where it has not been finished, or its file is broken."""
        try:
            return read_arrays(self._folder / f"{stage}.npz")
        except InputError:
            return None

    def save(self, stage: str, arrays: Arrays) -> None:
        """Keeps a finished stage: whole or not at all."""
        temporary = self._folder / f"{stage}.part"
        with temporary.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **arrays)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(self._folder / f"{stage}.npz")

    def _found(self) -> object:
        try:
            return json.loads((self._folder / KEY_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def _write(self, name: str, data: bytes) -> None:
        temporary = self._folder / f"{name}.part"
        temporary.write_bytes(data)
        temporary.replace(self._folder / name)
