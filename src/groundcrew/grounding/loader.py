"""Turns the paths of a knowledge base into documents: walks folders in a fixed order, checks limits, and hands each file to
its format's reader. What cannot be read is refused with its name, never skipped: a base with a silent hole answers wrongly."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from groundcrew.domain.knowledge import Document
from groundcrew.errors import GroundcrewError, InputError
from groundcrew.grounding.readers import READERS, Extract
from groundcrew.grounding.readers.extract import clean_text

FILE_BYTES_MAX = 256 * 1024 * 1024
#: A gzipped file may unpack to this.
UNPACKED_BYTES_MAX = 1024 * 1024 * 1024
DOCUMENTS_MAX = 500_000
DOCUMENT_CHARACTERS_MAX = 10_000_000
FOLDER_DEPTH_MAX = 64
_GZIP_SUFFIX = ".gz"
_GZIPPED_FORMATS = frozenset({".jsonl", ".csv", ".txt"})
_WORD = re.compile(r"\w")
_STEM_SEPARATORS = re.compile(r"[-_\s]+")


def load_paths(paths: Sequence[Path]) -> list[Document]:
    """The documents of files and folders (recursive, hidden files left out), sorted by their path.

    A document's path is relative to the folder that was given, so that the same content has the same revision on every
    machine; a row of a JSON Lines or CSV file is `file#id`. Files that are empty, unreadable, too large or of an unknown
    format raise `InputError` with the file's name, and the line where there is one.
    """
    documents: dict[str, Document] = {}
    origins: dict[str, Path] = {}
    for file, name in _files(paths):
        if name in origins:
            if origins[name].resolve() == file.resolve():
                continue
            raise InputError(f"has the same name in the base as {origins[name]}; rename one", file=str(file))
        origins[name] = file
        for document in load_file(file, name):
            documents[document.path] = document
            if len(documents) > DOCUMENTS_MAX:
                raise InputError(f"more than {DOCUMENTS_MAX} documents; split the knowledge base", file=str(file))
    return [documents[path] for path in sorted(documents)]


def load_file(file: Path, name: str | None = None) -> list[Document]:
    """The documents of one file, under `name` (its own name by default)."""
    name = file.name if name is None else name
    suffix, gzipped = _format(file)
    data = _read(file, gzipped)
    try:
        extracts = READERS[suffix](data, str(file))
    except GroundcrewError:
        raise
    except Exception as error:  # a damaged file can fail anywhere inside a format's library
        raise InputError(f"is damaged or not a {suffix} file ({type(error).__name__}: {error})", file=str(file)) from error
    documents = [_document(extract, file, name) for extract in extracts]
    if not documents:
        raise InputError("holds no rows", file=str(file))
    return documents


def _document(extract: Extract, file: Path, name: str) -> Document:
    text = clean_text(extract.text)
    if not _WORD.search(text):
        raise InputError(f"holds no text{f' in row {extract.key!r}' if extract.key else ''}", file=str(file))
    if len(text) > DOCUMENT_CHARACTERS_MAX:
        raise InputError(f"has {len(text)} characters, limit {DOCUMENT_CHARACTERS_MAX}; split it", file=str(file))
    title = clean_text(extract.title)
    if not title and not extract.key:
        title = _STEM_SEPARATORS.sub(" ", file.name.split(".")[0]).strip()
    return Document(
        path=f"{name}#{extract.key}" if extract.key else name,
        title=title,
        text=text,
        sha256=hashlib.sha256(extract.content).hexdigest(),
    )


def _files(paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """(file, its name in the base)."""
    for path in paths:
        if path.is_dir():
            yield from ((file, file.relative_to(path).as_posix()) for file in _walk(path, path.resolve(), 0))
        elif path.is_file():
            yield path, path.name
        elif path.exists():
            raise InputError("is neither a file nor a folder", file=str(path))
        else:
            raise InputError("no such file or folder", file=str(path))


def _walk(folder: Path, root: Path, depth: int) -> Iterator[Path]:
    if depth > FOLDER_DEPTH_MAX:
        raise InputError(f"folders are nested deeper than {FOLDER_DEPTH_MAX}", file=str(folder))
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=str(folder)) from error
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith(".") or entry.name.startswith("~$"):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(path, root, depth + 1)
        elif not path.resolve().is_relative_to(root):
            raise InputError("links to something outside of the base's folder", file=str(path))
        elif entry.is_file():
            yield path


def _format(file: Path) -> tuple[str, bool]:
    """(extension in lower case, whether gzipped)."""
    suffix, gzipped = file.suffix.lower(), False
    if suffix == _GZIP_SUFFIX:
        suffix, gzipped = Path(file.stem).suffix.lower(), True
    if suffix not in READERS or (gzipped and suffix not in _GZIPPED_FORMATS):
        supported = ", ".join([*READERS, *(f"{each}{_GZIP_SUFFIX}" for each in sorted(_GZIPPED_FORMATS))])
        raise InputError(f"has no format that can be read; supported: {supported}", file=str(file))
    return suffix, gzipped


def _read(file: Path, gzipped: bool) -> bytes:
    try:
        size = file.stat().st_size
        if size > FILE_BYTES_MAX:
            raise InputError(f"has {size} bytes, limit {FILE_BYTES_MAX}; split it", file=str(file))
        data = file.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=str(file)) from error
    if gzipped:
        data = _unpack(data, file)
    if not data.strip():
        raise InputError("is empty", file=str(file))
    return data


def _unpack(data: bytes, file: Path) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            unpacked = stream.read(UNPACKED_BYTES_MAX + 1)
    except (OSError, EOFError, ValueError) as error:
        raise InputError(f"is not a readable gzip file: {error}", file=str(file)) from error
    except Exception as error:  # zlib.error, which is no OSError
        raise InputError(f"is a damaged gzip file: {error}", file=str(file)) from error
    if len(unpacked) > UNPACKED_BYTES_MAX:
        raise InputError(f"unpacks to more than {UNPACKED_BYTES_MAX} bytes", file=str(file))
    return unpacked
