"""The file of stops in a gateway's data folder: tripped on its host without a database, kept over restarts, read by the gateway
within a blink. What can not be read is told as such; whoever asks must then deny everything."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from groundcrew.domain.canonical import canonical_json
from groundcrew.domain.local_stop import FILE_BYTES_MAX, LOCAL_STOPS_MAX, LocalPoint, LocalStop, LocalStopFile, read_file
from groundcrew.errors import Conflict, GroundcrewError
from groundcrew.services.processes import process_lives, process_started

FOLDER_MODE, FILE_MODE = 0o700, 0o600
#: What says whether the file is another one than before: device, inode, size and change times; None where there is none.
Stamp = tuple[int, int, int, int, int] | None


class LocalStops:
    """The stops of one data folder, and what its gateways say of them. Every change is on the disk before it returns."""

    def __init__(self, data: Path) -> None:
        self.folder = data / "stops"
        self.path = self.folder / "stops.json"
        self._points = self.folder / "points"

    def stamp(self) -> Stamp:
        """What changes whenever the file does. OSError where that can not be told."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    def read(self) -> tuple[LocalStopFile, str]:
        """The stops and the digest of their file ("" where there is none). InputError, OSError: it can not be read."""
        try:
            with self.path.open("rb") as file:
                content = file.read(FILE_BYTES_MAX + 1)
        except FileNotFoundError:
            return LocalStopFile(), ""
        return read_file(content, str(self.path)), hashlib.sha256(content).hexdigest()

    def add(self, stop: LocalStop) -> str:
        """Put `stop` into the file; the file's digest then. Conflict when it is full, InputError when it can not be read."""
        with self._changing():
            stops, _ = self.read()
            if len(stops.stops) >= LOCAL_STOPS_MAX:
                raise Conflict(f"{self.path} holds {LOCAL_STOPS_MAX} stops already")
            return self._write(LocalStopFile(stops=(*stops.stops, stop)))

    def keep(self, stops: Iterable[LocalStop]) -> None:
        """Put back those of `stops` that the file has lost or holds otherwise: only a reset takes one out."""
        with self._changing():
            kept = {each.id: each for each in self.read()[0].stops} | {each.id: each for each in stops}
            self._write(LocalStopFile(stops=tuple(kept.values())))

    def carried(self, stop_id: str, version: int) -> None:
        """Note that the registry knows of a stop since its `version`."""
        with self._changing():
            stops = [
                msgspec.structs.replace(each, carried_version=version) if each.id == stop_id else each
                for each in self.read()[0].stops
            ]
            self._write(LocalStopFile(stops=tuple(stops)))

    def remove(self, ids: Iterable[str]) -> None:
        """Take out stops that two people have reset."""
        gone = set(ids)
        with self._changing():
            self._write(LocalStopFile(stops=tuple(each for each in self.read()[0].stops if each.id not in gone)))

    def say(self, point: LocalPoint) -> None:
        """Write down what a gateway of this folder enforces."""
        self._make(self._points)
        _replace(self._points / f"{point.point}.json", canonical_json(point))

    def leave(self, point: str) -> None:
        """A gateway has stopped in an orderly way."""
        (self._points / f"{point}.json").unlink(missing_ok=True)

    def points(self) -> list[LocalPoint]:
        """The gateways of this folder whose processes run on this host, or stand still."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for path in sorted(self._points.glob("*.json")):
                with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
                    point = msgspec.json.decode(path.read_bytes(), type=LocalPoint)
                    if process_lives(point.process_id) and process_started(point.process_id) == point.process_started:
                        found.append(point)
        return found

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Changes take turns, also of several processes."""
        self._make(self.folder)
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            _give_to_owner(self.folder / "lock", self.folder)
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _write(self, stops: LocalStopFile) -> str:
        content = canonical_json(stops)
        _replace(self.path, content)
        return hashlib.sha256(content).hexdigest()

    @staticmethod
    def _make(folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
            _give_to_owner(folder, folder.parent)


def unreadable(error: Exception) -> str:
    """Why the file can not be read, for whoever has to repair it."""
    return str(error) if isinstance(error, GroundcrewError) else f"{type(error).__name__}: {error}"


def _replace(path: Path, content: bytes) -> None:
    """Write a whole file that is there entirely or not at all, and on the disk."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
    try:
        os.write(file, content)
        os.fsync(file)
    finally:
        os.close(file)
    _give_to_owner(beside, path.parent)
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _give_to_owner(path: Path, like: Path) -> None:
    """What root writes, the gateway's own user must be able to read: it would deny everything otherwise."""
    owner = like.stat()
    if os.geteuid() == 0 and path.stat().st_uid != owner.st_uid:
        os.chown(path, owner.st_uid, owner.st_gid)
