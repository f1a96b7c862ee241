"""Registered data sets: a curated folder becomes a named revision that runs learn from, and its exports are on record."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from groundcrew.domain.data_class import DATA_CLASSES, DataClass, rank
from groundcrew.domain.identifiers import name_problem
from groundcrew.domain.tuning import DataSet
from groundcrew.errors import Conflict, InputError, NotFound
from groundcrew.services.lookups import nearest, require_reason
from groundcrew.services.removal import check_no_hold, removal
from groundcrew.store import tuning
from groundcrew.store.database import Connection, Database

if TYPE_CHECKING:
    from groundcrew.tuning.exports import Exported, Format

#: Where copies lie, below the data folder.
COPIES = "data-sets"
REVISION_PREFIX_LENGTH_MIN = 6
#: What of a folder belongs to the data set, where it is there.
FILES = ("records.parquet", "dropped.parquet", "funnel.json", "funnel.html", "CARD.md", "revision.json")
CARD_BYTES_MAX, FUNNEL_BYTES_MAX = 1 << 20, 16 << 20


class FunnelStep(msgspec.Struct, frozen=True, kw_only=True):
    """One check of a funnel: how many records it dropped and how many were left."""

    reason: str
    dropped: int
    remaining: int


class FunnelFigures(msgspec.Struct, frozen=True, kw_only=True):
    """From all records to the kept ones."""

    records: int
    kept: int
    steps: tuple[FunnelStep, ...] = ()


class DataSetDetails(msgspec.Struct, frozen=True, kw_only=True):
    """A data set with what its folder says; None or "" where the folder is away or says nothing."""

    data_set: DataSet
    available: bool
    funnel: FunnelFigures | None
    card: str


class DataSets:
    """The registered data sets. `data` is the data folder, where copies lie."""

    def __init__(self, database: Database, data: Path) -> None:
        self._database, self._data = database, data

    def folder(self, data_set: DataSet) -> Path:
        """Where its files lie on this installation."""
        return self._data / data_set.folder

    async def register(
        self, folder: Path, *, data_class: DataClass, actor: str, reference: bool = False, reason: str = ""
    ) -> DataSet:
        """Register the curated data set in `folder`, whose records must be those that it names.

        Its files are copied below the data folder, or only referred to with `reference` (they must then stay where they are). A
        revision that is registered already is returned as it is, with its class changed where `data_class` says another; a lower
        one needs a reason. One whose copy is away is copied again. InputError for a folder that is no whole data set.
        """
        if data_class not in DATA_CLASSES:
            raise InputError(f"expected one of {', '.join(DATA_CLASSES)}", field="data_class")
        read = await asyncio.to_thread(self._read, folder, data_class, actor)
        async with self._database.read() as connection:
            known = await tuning.DATA_SETS.get(connection, read.id)
        if known is None or await asyncio.to_thread(self._is_away, known):
            place = (
                str(await asyncio.to_thread(folder.resolve)) if reference else await asyncio.to_thread(self._copy, folder, read)
            )
            read = msgspec.structs.replace(read, folder=place)
        async with self._database.write(actor) as writer:
            known = await tuning.DATA_SETS.get(writer.connection, read.id)
            if known is None:
                await tuning.DATA_SETS.put(writer, read, "register", details={"copied": read.copied, "data_class": data_class})
                return read
            if rank(data_class) < rank(known.data_class):
                require_reason(reason)
            if known.removed_at is not None and read.folder:
                # Whoever removed it had a reason: that the records are back is on record beside it.
                details = {"copied": read.copied, "data_class": data_class, "removed_before": True}
                await tuning.DATA_SETS.put(writer, read, "register", reason=reason, details=details)
                return read
            if known.data_class == data_class:
                return known
            changed = msgspec.structs.replace(known, data_class=data_class)
            details = {"from": known.data_class, "to": data_class}
            await tuning.DATA_SETS.put(writer, changed, "classify", reason=reason, details=details)
        return changed

    async def remove(self, name: str, *, reason: str, actor: str) -> DataSet:
        """Remove the copy of NAME@REVISION: its records, for good. The row and what was learned from it stay on record.

        Conflict where its files are only referred to, while a run waits or learns from it, and while a legal hold stands. Asked
        again it removes what a process that was killed has left, and changes nothing.
        """
        require_reason(reason)
        if "@" not in name:
            raise InputError("say which revision: NAME@REVISION", field="name")
        found = await self.get(name)
        if not found.copied:
            raise Conflict(f"the files of {found.name} are only referred to: remove them where they lie, {found.folder}")
        async with removal(self.folder(found)) as move, self._database.write(actor) as writer:
            known = await tuning.DATA_SETS.get(writer.connection, found.id)
            assert known is not None
            await check_no_hold(writer.connection)
            waiting = await tuning.TUNING_RUNS.find(writer.connection, data_set=known.name, state="queued")
            if runs := [each.id for each in waiting if each.data_revision == known.revision]:
                raise Conflict(f"run {runs[0]} learns from it: let it end, or cancel it")
            if known.removed_at is None:
                known = msgspec.structs.replace(known, removed_at=writer.clock.now(), removed_by=actor, removal_reason=reason)
                await tuning.DATA_SETS.put(writer, known, "remove", reason=reason)
            await move()
        return known

    async def find(self) -> list[DataSet]:
        """All revisions, the newest first."""
        async with self._database.read() as connection:
            found = await tuning.DATA_SETS.find(connection)
        return sorted(found, key=lambda each: each.registered_at, reverse=True)

    async def get(self, name: str) -> DataSet:
        """The newest revision of NAME, or the one of NAME@REVISION (a beginning of 6 characters is enough)."""
        async with self._database.read() as connection:
            return await find_data_set(connection, name)

    async def details(self, name: str) -> DataSetDetails:
        """A data set with its card and the figures of its funnel, as far as its folder has them."""
        data_set = await self.get(name)
        return await asyncio.to_thread(self._details, data_set)

    async def export(
        self, name: str, format: Format, splits: Sequence[str], output: Path, *, actor: str, prompt: str | None = None
    ) -> Exported:
        """Write splits of a data set for another trainer into the new folder `output`; its digest is on record before the folder
        appears."""
        from groundcrew.tuning.exports import export

        data_set = await self.get(name)
        loop = asyncio.get_running_loop()

        def before(exported: Exported) -> None:
            asyncio.run_coroutine_threadsafe(self._note_export(data_set, exported, actor), loop).result()

        return await asyncio.to_thread(export, self.folder(data_set), format, splits, output, prompt=prompt, before=before)

    async def _note_export(self, data_set: DataSet, exported: Exported, actor: str) -> None:
        details = {"format": exported.format, "splits": list(exported.splits), "digest": exported.digest}
        async with self._database.write(actor) as writer:
            await tuning.DATA_SETS.put(writer, data_set, "export", details=details)

    def _read(self, folder: Path, data_class: DataClass, actor: str) -> DataSet:
        from groundcrew.tuning.examples import count, description_sha256, read_description

        described = description_sha256(folder)
        description = read_description(folder, sha256=described)
        for each in (description.revision, description.records_sha256):
            if len(each) != 64 or set(each) - set("0123456789abcdef"):
                raise InputError("expected a SHA-256 in hexadecimal digits", file=str(folder / "revision.json"))
        if problem := name_problem(description.name):
            raise InputError(problem, file=str(folder / "revision.json"), field="name")
        counted = count(folder)
        fields = description.fields
        return DataSet(
            name=description.name,
            revision=description.revision,
            recipe_digest=description.recipe_digest,
            records=description.records,
            records_sha256=description.records_sha256,
            source=description.source,
            licence=description.licence,
            consent=description.consent,
            label_field=(fields.label or "") if fields else "",
            labels=len(counted.labels),
            multi_label=fields.multiple if fields else False,
            code_system=fields.code_system if fields else "",
            splits={key: value for key, value in counted.splits.items() if key},
            data_class=data_class,
            described_sha256=described,
            folder="",
            registered_at=self._database.clock.now(),
            registered_by=actor,
        )

    def _copy(self, folder: Path, data_set: DataSet) -> str:
        """Copy the files below the data folder, whole or not at all, and check the copy; where they lie, relative to it."""
        from groundcrew.tuning.examples import count, read_description

        name = f"{COPIES}/{data_set.revision}"
        target = self._data / name
        if target.is_dir() and not target.is_symlink():
            count(target)
            return name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        building = Path(tempfile.mkdtemp(prefix=".copy.", dir=target.parent))
        try:
            for each in FILES:
                source = folder / each
                if source.is_file():
                    shutil.copyfile(source, building / each)
                    _sync(building / each)
            count(building)
            copied = read_description(building)
            if (copied.revision, copied.records_sha256) != (data_set.revision, data_set.records_sha256):
                raise Conflict(f"{folder} has changed while it was copied")
            _sync(building)
            building.rename(target)
            _sync(target.parent)
        except OSError as error:
            if target.is_dir():  # Somebody else has copied it meanwhile.
                count(target)
                return name
            raise Conflict(f"{folder} can not be copied to {target}: {error.strerror or error}") from None
        finally:
            shutil.rmtree(building, ignore_errors=True)
        return name

    def _is_away(self, data_set: DataSet) -> bool:
        """Whether its copy, which was there, is not there any more: removed, or lost."""
        return data_set.copied and not (self.folder(data_set) / "records.parquet").is_file()

    def _details(self, data_set: DataSet) -> DataSetDetails:
        folder = self.folder(data_set)
        funnel: FunnelFigures | None = None
        try:
            funnel = msgspec.json.decode(_bounded(folder / "funnel.json", FUNNEL_BYTES_MAX), type=FunnelFigures)
        except (OSError, msgspec.MsgspecError, UnicodeError):
            funnel = None
        try:
            card = _bounded(folder / "CARD.md", CARD_BYTES_MAX).decode("utf-8", "replace")
        except OSError:
            card = ""
        available = (folder / "records.parquet").is_file()
        return DataSetDetails(data_set=data_set, available=available, funnel=funnel, card=card)


def uploaded_folder(files: Path, name: str) -> Path:
    """The folder `name` inside `files`, the folder of job files. InputError for a name that leads elsewhere (a link, too),
    NotFound where there is none."""
    parts = Path(name).parts
    if "\0" in name or "\\" in name or Path(name).is_absolute() or any(part == ".." or part.startswith(".") for part in parts):
        raise InputError(f"{name!r} does not lie in the folder of job files", field="folder")
    path = files / name
    if not path.is_dir():
        raise NotFound(f"there is no folder {name!r} in {files}")
    if not path.resolve().is_relative_to(files.resolve()) or any(each.is_symlink() for each in path.iterdir()):
        raise InputError(f"{name!r} does not lie in the folder of job files", field="folder")
    return path


async def find_data_set(connection: Connection, name: str) -> DataSet:
    """The newest revision of NAME, or the one of NAME@REVISION. NotFound names the nearest."""
    wanted, _, revision = name.partition("@")
    found = await tuning.DATA_SETS.find(connection, name=wanted)
    if not found:
        names = {each.name for each in await tuning.DATA_SETS.find(connection)}
        raise NotFound(f"no data set {wanted!r}{nearest(wanted, names)}")
    if not revision:
        return max(found, key=lambda each: each.registered_at)
    if len(revision) < REVISION_PREFIX_LENGTH_MIN:
        raise InputError(f"give at least {REVISION_PREFIX_LENGTH_MIN} characters of the revision", field="revision")
    fitting = [each for each in found if each.revision.startswith(revision)]
    if not fitting:
        raise NotFound(f"no revision {revision!r} of {wanted}; there are: {', '.join(each.revision[:12] for each in found)}")
    if len(fitting) > 1:
        raise InputError(f"{revision!r} fits {len(fitting)} revisions of {wanted}: give more characters", field="revision")
    return fitting[0]


def _bounded(path: Path, bytes_max: int) -> bytes:
    with path.open("rb") as file:
        return file.read(bytes_max)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
