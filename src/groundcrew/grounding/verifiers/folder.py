"""A local model's folder: which files it must hold, its configuration, and the digest by which it is known again."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from groundcrew.errors import InputError

TOKENIZER_FILE, CONFIG_FILE = "tokenizer.json", "config.json"
FILES_MAX = 200
CONFIG_BYTES_MAX = 4 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024


def folder_sha256(folder: Path) -> str:
    """SHA-256 over the names and contents of the files that lie in `folder` itself, hidden ones left out. InputError where they
    can not be read or are too many."""
    try:
        files = sorted(each for each in folder.iterdir() if each.is_file() and not each.name.startswith("."))
        if not files:
            raise InputError("holds no files", file=str(folder))
        if len(files) > FILES_MAX:
            raise InputError(f"holds more than {FILES_MAX} files", file=str(folder))
        total = hashlib.sha256()
        for path in files:
            own = hashlib.sha256()
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    own.update(chunk)
            total.update(f"{path.name}\0{own.hexdigest()}\n".encode())
    except OSError as error:
        raise InputError(f"can not be read: {error.strerror or error}", file=str(folder)) from error
    return total.hexdigest()


def read_config(folder: Path) -> dict[str, Any]:
    """config.json; empty where there is none. InputError where it is no JSON object."""
    path = folder / CONFIG_FILE
    if not path.is_file():
        return {}
    try:
        with path.open("rb") as file:
            found = msgspec.json.decode(file.read(CONFIG_BYTES_MAX + 1))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError("is no readable JSON", file=str(path)) from error
    if not isinstance(found, dict):
        raise InputError("is no JSON object", file=str(path))
    return found


def label_names(config: dict[str, Any]) -> dict[int, str]:
    """The model's labels by their numbers, as config.json says under id2label."""
    given = config.get("id2label")
    if not isinstance(given, dict):
        return {}
    return {int(number): str(name) for number, name in given.items() if str(number).isdigit()}
