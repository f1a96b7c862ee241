"""The folder in which a run keeps what it has finished, so that one that was killed goes on where it was.

Every result is a file named by the digest of all that it was made of. It appears whole or not at all.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from groundcrew.errors import Conflict, InputError

#: A name's part that tells results of one version of the code from those of another: raise it when a stage changes.
VERSION = 2
LOCK = "lock"
DIGEST_CHARACTERS = 24


class Work:
    """One run's folder. `kept` counts the results that an earlier run had finished, `made` those of this run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept = self.made = 0

    def path(self, stage: str, key: str, suffix: str = ".parquet") -> Path:
        """Where the result of a stage lies; `key` is the digest of what it is made of."""
        return self.folder / f"{stage}-{VERSION}-{key[:DIGEST_CHARACTERS]}{suffix}"

    def has(self, path: Path) -> bool:
        """Whether a result is there and whole."""
        if not path.is_file():
            return False
        try:
            if path.suffix == ".parquet":
                import pyarrow.parquet as parquet

                parquet.read_metadata(path)
        except (OSError, ValueError):  # What pyarrow raises for a damaged file is a ValueError.
            path.unlink(missing_ok=True)
            return False
        return True

    def table(self, stage: str, key: str, make: Callable[[], Any]) -> Any:
        """The Arrow table of a stage, made where it is not there yet."""
        path = self.path(stage, key, ".arrow")
        if self.has(path):
            self.kept += 1
        else:
            write_arrow(path, make())
            self.made += 1
        return read_arrow(path)


@contextmanager
def work_folder(output: Path, *, fresh: bool) -> Iterator[Work]:
    """The work folder beside `output`, for this run alone; removed when the run has ended well.

    `fresh` begins with an empty one. Raises Conflict where another run is at work on the same output.
    """
    folder = output.parent / f".{output.name}.work"
    # What is not masked yet lies in it.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Conflict(f"another run is at work on {output}") from error
        if fresh:
            for each in folder.iterdir():
                if each.name != LOCK:
                    each.unlink()
        try:
            yield Work(folder)
        except InputError:
            shutil.rmtree(folder, ignore_errors=True)  # The next run has another input, or another recipe.
            raise
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(handle)


def write_arrow(path: Path, table: Any) -> None:
    """Write a table to an Arrow file that appears whole."""
    import pyarrow as pa

    with whole(path) as building, pa.OSFile(str(building), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def read_arrow(path: Path) -> Any:
    """The table of an Arrow file, mapped into memory."""
    import pyarrow as pa

    with pa.memory_map(str(path), "r") as source, pa.ipc.open_file(source) as reader:
        return reader.read_all()


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A place to write a file to; it comes to `path` flushed and whole when the block ends well."""
    building = path.with_name(f"{path.name}.{os.getpid()}.building")
    try:
        yield building
        handle = os.open(building, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        building.replace(path)
    finally:
        building.unlink(missing_ok=True)
