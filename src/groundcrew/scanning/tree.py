"""The files of a folder that are worth reading: no vendored ones, no binary ones, within limits, and links are not followed.

What is left out is counted and told: a scan that did not see everything says so.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import msgspec

FILES_MAX = 200_000
FILE_BYTES_MAX = 4 * 1_048_576
TOTAL_BYTES_MAX = 4 * 1_073_741_824
DEPTH_MAX = 60
#: Names of folders that hold what others wrote, or what was built.
VENDORED = frozenset(
    (
        *("node_modules", ".venv", "venv", "virtualenv", "site-packages", "vendor", "third_party", "bower_components"),
        *("__pycache__", ".git", ".hg", ".svn", ".tox", ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache"),
        *(".terraform", ".gradle", ".next", ".nuxt", ".yarn", ".pnpm-store", ".cargo", "Pods", ".idea", ".eggs"),
        *(".ipynb_checkpoints", ".direnv", ".cache", "dist-packages", ".svelte-kit"),
    )
)
#: Folders of tools that hold no files of anybody's: entered never, and not worth a word.
_NO_SOURCES = frozenset(("__pycache__", ".git", ".hg", ".svn", ".mypy_cache", ".pytest_cache", ".ruff_cache"))
#: Endings of files whose content is no text, so that they are not opened.
_BINARY = frozenset(
    (
        *(".png", ".jpg", ".jpeg", ".gif", ".webp", ".ico", ".bmp", ".tiff", ".pdf", ".zip", ".gz", ".bz2", ".xz"),
        *(".zst", ".7z", ".tar", ".jar", ".war", ".class", ".so", ".dll", ".dylib", ".exe", ".bin", ".o", ".a"),
        *(".pyc", ".pyd", ".whl", ".woff", ".woff2", ".ttf", ".otf", ".eot", ".mp3", ".mp4", ".mov", ".avi", ".wav"),
        *(".onnx", ".pt", ".pth", ".safetensors", ".gguf", ".npy", ".npz", ".parquet", ".arrow", ".db", ".sqlite"),
        *(".sqlite3", ".docx", ".xlsx", ".pptx", ".pkl", ".h5"),
    )
)
_NUL_WITHIN = 8_192


class Skipped(msgspec.Struct, kw_only=True):
    """What was not read, and why. `stopped` says which limit ended the scan, if one did."""

    folders: list[str] = []
    binary: int = 0
    huge: int = 0
    links: int = 0
    unreadable: int = 0
    by_rule: int = 0
    stopped: str = ""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A file: its path within the root, and where it is."""

    path: PurePosixPath
    file: Path


def sources(root: Path, skipped: Skipped, *, leave_out: frozenset[str] = frozenset()) -> Iterator[Source]:
    """The files below `root` in a fixed order. `leave_out` are names of further folders that are not entered."""
    count = 0
    stack = [(root, PurePosixPath())]
    while stack:
        folder, inside = stack.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda each: each.name)
        except OSError:
            skipped.unreadable += 1
            continue
        folders = []
        for entry in entries:
            path = inside / entry.name
            if entry.is_symlink():
                skipped.links += 1
            elif entry.is_dir(follow_symlinks=False):
                if entry.name in _NO_SOURCES:
                    continue
                if entry.name in VENDORED or entry.name in leave_out or _is_environment(entry.path):
                    skipped.folders.append(path.as_posix())
                elif len(path.parts) > DEPTH_MAX:
                    skipped.folders.append(path.as_posix())
                    skipped.stopped = skipped.stopped or f"folders lie deeper than {DEPTH_MAX}"
                else:
                    folders.append((Path(entry.path), path))
            elif entry.is_file(follow_symlinks=False):
                if path.suffix.lower() in _BINARY:
                    skipped.binary += 1
                    continue
                count += 1
                if count > FILES_MAX:
                    skipped.stopped = f"there are more than {FILES_MAX:,} files"
                    return
                yield Source(path=path, file=Path(entry.path))
        stack.extend(reversed(folders))


def _is_environment(path: str) -> bool:
    return os.path.exists(os.path.join(path, "pyvenv.cfg"))


def read_source(source: Source, skipped: Skipped) -> str | None:
    """The text of a file; None, and counted, where it is binary, too large or can not be read."""
    try:
        with source.file.open("rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                skipped.unreadable += 1
                return None
            if status.st_size > FILE_BYTES_MAX:
                skipped.huge += 1
                return None
            data = stream.read(FILE_BYTES_MAX + 1)
    except OSError:
        skipped.unreadable += 1
        return None
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace").replace("\r\n", "\n")
    if b"\0" in data[:_NUL_WITHIN]:
        skipped.binary += 1
        return None
    return data.decode("utf-8-sig", "replace").replace("\r\n", "\n")
