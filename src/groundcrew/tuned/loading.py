"""Loads a tuned model's folder: every file is checked against the manifest before a byte of it is used, and what is not named
there is refused. Weights are arrays, JSON or ONNX graphs, never pickles: to load a model must not be to run its author's code."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from groundcrew.domain.canonical import canonical_json, digest
from groundcrew.errors import InputError
from groundcrew.tuned.model import FORMAT, MANIFEST, Loaded, Manifest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

#: The model card, which every folder holds.
CARD = "CARD.md"
FILES_MAX = 64
MANIFEST_BYTES_MAX = 1024 * 1024
FILE_BYTES_MAX = 4 * 1024**3
FOLDER_BYTES_MAX = 8 * 1024**3
#: What a file's name may end in: data that is read, never code that is run. `.bin`, `.pt` and `.pkl` may be pickles.
SUFFIXES = frozenset({".json", ".jsonl", ".npz", ".npy", ".onnx", ".safetensors", ".md", ".txt", ".tsv", ".csv"})
#: Files that some systems put into any folder, which are no part of a model.
_IGNORED = frozenset({".DS_Store", "Thumbs.db"})
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_CHUNK_BYTES = 1024 * 1024


#: Architecture → the function that loads a folder whose digests hold. An architecture adds its line here; what it needs is
#: imported when it is asked for.
LOADERS: dict[str, Callable[[Path, Manifest], Loaded]] = {}


def _classifier(folder: Path, manifest: Manifest) -> Loaded:
    from groundcrew.tuned.classifier import load_classifier

    return load_classifier(folder, manifest)


LOADERS["classifier"] = _classifier


def _coder(folder: Path, manifest: Manifest) -> Loaded:
    from groundcrew.tuned.coder import load_coder

    return load_coder(folder, manifest)


LOADERS["coder"] = _coder


def load_model(folder: Path, *, digest: str | None = None) -> Loaded:
    """The model in `folder`, the one with `digest` where that is given. InputError where the folder is no whole model: a missing,
    changed or additional file, an unknown format or architecture, or another model."""
    manifest = read_manifest(folder)
    if manifest.architecture not in LOADERS:
        known = ", ".join(sorted(LOADERS)) or "none"
        why = f"unknown architecture {manifest.architecture!r}; known: {known}"
        raise InputError(why, file=str(folder / MANIFEST), field="architecture")
    manifest = verify_folder(folder, digest=digest)
    try:
        return LOADERS[manifest.architecture](folder, manifest)
    except InputError:
        raise
    except Exception as error:  # what an architecture's files hold is checked by what reads them: numpy, JSON, onnxruntime
        raise InputError(f"the model does not load: {type(error).__name__}: {error}", file=str(folder)) from error


def verify_folder(folder: Path, *, digest: str | None = None) -> Manifest:
    """The manifest of a folder that holds exactly what its manifest says. InputError, as with `load_model`, otherwise."""
    manifest = read_manifest(folder)
    found = manifest_digest(manifest)
    if digest is not None and found != digest:
        raise InputError(f"is another model: its digest is {found[:12]}…, not {digest[:12]}…", file=str(folder / MANIFEST))
    present = dict(_files(folder))
    for name in sorted(manifest.files.keys() - present.keys()):
        raise InputError("a file of the model is missing", file=str(folder / name))
    for name in sorted(present.keys() - manifest.files.keys()):
        raise InputError("is no part of the model: the manifest does not name it", file=str(present[name]))
    for name, path in sorted(present.items()):
        if _sha256(path) != manifest.files[name]:
            raise InputError("was changed: its digest is not the one that the manifest names", file=str(path))
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """`model.json` alone, checked in itself; the files are not looked at. InputError where it can not be used."""
    path = folder / MANIFEST
    try:
        if path.is_symlink() or not path.is_file():
            raise InputError("is missing: this folder holds no model", file=str(path))
        with path.open("rb") as file:
            data = file.read(MANIFEST_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(f"can not be read: {error.strerror or error}", file=str(path)) from error
    if len(data) > MANIFEST_BYTES_MAX:
        raise InputError(f"is larger than {MANIFEST_BYTES_MAX} bytes", file=str(path))
    _check_format(data, path)
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(f"is no manifest of a model: {error}", file=str(path)) from error
    if problem := _problem(manifest):
        raise InputError(problem[1], file=str(path), field=problem[0])
    return manifest


def manifest_digest(manifest: Manifest) -> str:
    """The model's digest: it binds every byte of the folder, by way of the digests of the files."""
    return digest(manifest)


def write_manifest(folder: Path, manifest: Manifest) -> str:
    """Write `model.json` into `folder`, which holds everything else of the model already; the model's digest.

    `manifest.files` is filled in here, from what lies there. InputError where the folder could not be loaded afterwards.
    """
    files = dict(_files(folder))
    whole = msgspec.structs.replace(manifest, format=FORMAT, files={name: _sha256(path) for name, path in sorted(files.items())})
    path = folder / MANIFEST
    if problem := _problem(whole):
        raise InputError(problem[1], file=str(path), field=problem[0])
    temporary = folder / f".{MANIFEST}.part"
    try:
        with temporary.open("wb") as file:
            file.write(msgspec.json.format(canonical_json(whole), indent=2) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise InputError(f"can not be written: {error.strerror or error}", file=str(path)) from error
    return manifest_digest(whole)


def read_arrays(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """The arrays of an .npz file by name. InputError where it is none, or holds objects, which would have to be unpickled."""
    import zipfile

    import numpy as np

    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            return {name: np.asarray(found[name]) for name in found.files}
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(f"holds no readable arrays: {error}", file=str(path)) from error


def _check_format(data: bytes, path: Path) -> None:
    """The format first: what a later one holds besides is not to be complained of as wrong."""
    try:
        found: Any = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(f"is no JSON: {error}", file=str(path)) from error
    version = found.get("format") if isinstance(found, dict) else None
    if version != FORMAT:
        raise InputError(f"unknown format {version!r}; this version reads format {FORMAT}", file=str(path), field="format")


def _problem(manifest: Manifest) -> tuple[str, str] | None:
    """Field and what is wrong with it, where the manifest can not be used."""
    if not _NAME.match(manifest.name):
        return "name", "must be lower-case letters, digits and hyphens, 63 at most, with a letter or digit first"
    if manifest.labels < 1:
        return "labels", "a model without labels says nothing"
    if not 0 <= manifest.threshold <= 1:
        return "threshold", "must lie between 0 and 1"
    if manifest.person_below is not None and not 0 <= manifest.person_below <= 1:
        return "person_below", "must lie between 0 and 1"
    if wrong := next((name for name, value in manifest.metrics.items() if not math.isfinite(value)), None):
        return f"metrics.{wrong}", "must be a finite number"
    if CARD not in manifest.files:
        return "files", f"{CARD}, the model card, is not among them"
    if len(manifest.files) > FILES_MAX:
        return "files", f"names more than {FILES_MAX} files"
    for name, sha256 in manifest.files.items():
        if reason := _name_problem(name):
            return f"files.{name}", reason
        if not _SHA256.match(sha256):
            return f"files.{name}", "is no SHA-256 in hexadecimal"
    return None


def _name_problem(name: str) -> str:
    path = PurePosixPath(name)
    if name != str(path) or path.is_absolute() or not path.parts or ".." in path.parts or "\\" in name or "\0" in name:
        return "must be a plain path inside the folder"
    if name == MANIFEST:
        return "the manifest does not name itself"
    if path.suffix not in SUFFIXES:
        return f"files of this kind are not loaded; known kinds: {', '.join(sorted(SUFFIXES))}"
    return ""


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file below `folder` but the manifest, by its name in a manifest. InputError where one is no plain file, or where they
    are too many or too large."""
    count, total_bytes = 0, 0
    try:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise InputError("is a link or no plain file", file=str(path))
            if path.is_dir() or name in (MANIFEST, f".{MANIFEST}.part") or path.name in _IGNORED:
                continue
            if reason := _name_problem(name):
                raise InputError(reason, file=str(path))
            count, size = count + 1, path.stat().st_size
            total_bytes += size
            if count > FILES_MAX:
                raise InputError(f"holds more than {FILES_MAX} files", file=str(folder))
            if size > FILE_BYTES_MAX:
                raise InputError(f"is larger than {FILE_BYTES_MAX} bytes", file=str(path))
            if total_bytes > FOLDER_BYTES_MAX:
                raise InputError(f"holds more than {FOLDER_BYTES_MAX} bytes", file=str(folder))
            yield name, path
    except OSError as error:
        raise InputError(f"can not be read: {error.strerror or error}", file=str(folder)) from error


def _sha256(path: Path) -> str:
    found = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                found.update(chunk)
    except OSError as error:
        raise InputError(f"can not be read: {error.strerror or error}", file=str(path)) from error
    return found.hexdigest()
