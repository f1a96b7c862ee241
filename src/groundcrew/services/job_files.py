"""Files of jobs: what may be read as a job's input and where results lie. Names are relative to DATA/files; nothing outside of it
is ever opened."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO, cast

from groundcrew.domain.identifiers import new_id
from groundcrew.errors import InputError, NotFound

INPUTS, RESULTS = "inputs", "results"
#: An upload of the API; larger files are put into DATA/files by whoever runs the server.
UPLOAD_BYTES_MAX = 64 * 1024 * 1024
#: Longest line that is read, in bytes; a longer one is a row that can not be done.
LINE_BYTES_MAX = 16 * 1024 * 1024
NAME_LENGTH_MAX = 500
#: Uploads and results are removed after this time; they hold texts.
KEPT_S = 30 * 86_400
_CHUNK_BYTES = 1 << 20


def find(folder: Path, name: str) -> Path:
    """The file `name` inside `folder`. InputError for a name that leads elsewhere (a link, too), NotFound where there is none."""
    if not name or len(name) > NAME_LENGTH_MAX or "\0" in name or "\\" in name:
        raise InputError("is not the name of a file", field="input")
    parts = Path(name).parts
    if Path(name).is_absolute() or any(part == ".." or part.startswith(".") for part in parts):
        raise InputError(f"{name!r} does not lie in the folder of job files", field="input")
    path = folder / name
    try:
        inside = path.resolve(strict=True).is_relative_to(folder.resolve())
    except FileNotFoundError:
        raise NotFound(f"there is no file {name!r} in {folder}") from None
    except OSError as error:
        raise InputError(f"{name!r} can not be read: {error.strerror or error}", field="input") from None
    if not inside:
        raise InputError(f"{name!r} does not lie in the folder of job files", field="input")
    if not path.is_file():
        raise InputError(f"{name!r} is not a file", field="input")
    return path


def adopt(folder: Path, source: Path, *, ending: str = ".jsonl") -> str:
    """Copy `source`, which may lie anywhere, to where jobs read; its name there."""
    name, part, target = _new(folder, ending + (".gz" if source.name.endswith(".gz") else ""))
    try:
        shutil.copyfile(source, part)
        os.replace(part, target)
    except OSError as error:
        raise InputError(f"can not be read: {error.strerror or error}", file=str(source)) from None
    finally:
        part.unlink(missing_ok=True)
    return name


async def receive(folder: Path, chunks: AsyncIterator[bytes], *, ending: str = ".jsonl", bytes_max: int | None = None) -> str:
    """Store an upload (gzipped where its content says so); its name. InputError past `bytes_max` (None: UPLOAD_BYTES_MAX).
    Also for an empty one."""
    name, part, target = _new(folder, ending)
    most = UPLOAD_BYTES_MAX if bytes_max is None else bytes_max
    size = 0
    try:
        with part.open("xb") as file:
            async for chunk in chunks:
                size += len(chunk)
                if size > most:
                    raise InputError(f"larger than {most} bytes: put the file into {folder} instead")
                file.write(chunk)
        if not size:
            raise InputError("the body is empty: send the file's bytes")
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return name


def digest_and_rows(path: Path) -> tuple[str, int]:
    """SHA-256 of the file's bytes and how many rows (lines with something in them) it has."""
    content = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            content.update(chunk)
    return content.hexdigest(), sum(1 for _, line in lines(path) if line is None or line.strip())


def lines(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """(number from 1, line) of a file, gzipped where its content says so; None for a line beyond LINE_BYTES_MAX.

    InputError, with the line, where the file can not be read on.
    """
    number = 1
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            stream = cast(IO[bytes], gzip.GzipFile(fileobj=raw) if packed else raw)
            while line := stream.readline(LINE_BYTES_MAX + 1):
                if len(line) > LINE_BYTES_MAX and not line.endswith(b"\n"):
                    while (rest := stream.readline(_CHUNK_BYTES)) and not rest.endswith(b"\n"):
                        pass
                    yield number, None
                else:
                    yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                number += 1
    except (gzip.BadGzipFile, EOFError) as error:
        raise InputError(f"broken gzip file: {error}", file=path.name, line=number) from None
    except OSError as error:
        raise InputError(f"can not be read: {error.strerror or error}", file=path.name, line=number) from None


def sweep(folder: Path, *, now_s: float | None = None) -> int:
    """Remove uploads and results older than KEPT_S; how many."""
    oldest_s = (time.time() if now_s is None else now_s) - KEPT_S
    removed = 0
    for kind in (INPUTS, RESULTS):
        for path in (folder / kind).glob("*"):
            if path.is_file() and path.stat().st_mtime < oldest_s:
                path.unlink(missing_ok=True)
                removed += 1
    return removed


def _new(folder: Path, ending: str) -> tuple[str, Path, Path]:
    """(name, where it is written, where it will lie) of a new input."""
    place = folder / INPUTS
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = new_id() + ending
    return f"{INPUTS}/{name}", place / f".{name}.part", place / name
