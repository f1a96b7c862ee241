"""Finds a code system by name: those that ship, those that were imported. An imported one is a file that is named by the digest
of its content, so that a data set or a model that names the digest finds the very same codes."""

from __future__ import annotations

import difflib
import gzip
import re
import zlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from groundcrew.code_systems import icd10cm
from groundcrew.code_systems.keeping import keep
from groundcrew.code_systems.system import Code, CodeSystem, content_digest
from groundcrew.code_systems.term_files import Added, add, with_terms
from groundcrew.domain.identifiers import name_problem
from groundcrew.errors import Conflict, InputError, NotFound
from groundcrew.settings import load as load_settings

#: How a table is published: BfArM's metadata, ClaML, CHOP's and plain tables.
Format: TypeAlias = Literal["metadata", "claml", "chop", "csv"]
FORMATS: tuple[Format, ...] = get_args(Format)
FOLDER: Final = "code-systems"
SUFFIX: Final = ".json.gz"
FILE_BYTES_MAX: Final = 256 * 1_048_576
SYSTEMS_MAX: Final = 1_000
KEPT_MAX: Final = 8
_NUMBER = re.compile(r"(\d+)")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A code system in the catalogue. `path` is empty for one that ships."""

    name: str
    release: str
    language: str
    digest: str
    codes: int
    path: str = ""


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    release: str
    language: str
    digest: str
    codes: list[Code]


def default_folder() -> Path:
    """Where imported code systems are: in the data folder of this installation."""
    return load_settings().data / FOLDER


def code_system(name: str, *, folder: Path | None = None) -> CodeSystem:
    """The code system `name`, or its edition `NAME@RELEASE`; without one the edition whose release sorts last (numbers as
    numbers), with its terms. `folder` holds imported ones, in the data folder if not given. NotFound, with the nearest name,
    where there is none; InputError where its file is damaged."""
    folder = folder if folder is not None else default_folder()
    return with_terms(_without_terms(name, folder), folder)


def add_terms(name: str, path: Path, *, folder: Path | None = None) -> Added:
    """Keep the table of terms at `path` for the code system `name` in `folder`. Raises NotFound, and InputError naming file, line
    and field."""
    folder = folder if folder is not None else default_folder()
    return add(_without_terms(name, folder), path, folder)


def _without_terms(name: str, folder: Path) -> CodeSystem:
    wanted, _, release = name.partition("@")
    if wanted == icd10cm.NAME:
        system = icd10cm.load()
        if release and release != system.release:
            raise NotFound(f"the edition of {wanted} that is installed is {system.release!r}, not {release!r}")
        return system
    imported = list(_imported(folder))
    found = [each for each in imported if each.name == wanted and release in ("", each.release)]
    if not found:
        known = sorted({icd10cm.NAME, *(each.name for each in imported), *(f"{each.name}@{each.release}" for each in imported)})
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        raise NotFound(f"no code system {name!r}" + (f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"))
    return _read(Path(max(found, key=lambda each: _release_key(each.release)).path))


def catalogue(folder: Path | None = None) -> list[Entry]:
    """Every code system that can be named, those that ship first."""
    shipped = icd10cm.load()
    own = Entry(
        name=shipped.name,
        release=shipped.release,
        language=shipped.language,
        digest=shipped.digest,
        codes=sum(each.usable for each in shipped.codes.values()),
    )
    imported = _imported(folder if folder is not None else default_folder())
    return [own, *sorted(imported, key=lambda each: (each.name, _release_key(each.release)))]


def import_system(
    name: str,
    path: Path,
    *,
    format: Format,
    release: str = "",
    language: str = "",
    folder: Path | None = None,
    columns: Mapping[str, str] | None = None,
) -> Entry:
    """Read the published table at `path` and keep it in `folder` as `name`. The same content again is the same file. Raises
    InputError naming file and line; Conflict where this edition of the name is there with other content."""
    problem = name_problem(name)
    if problem or name == icd10cm.NAME:
        raise InputError(problem or f"{name} ships with the package {icd10cm.PACKAGE}; choose another name", field="name")
    if columns and format not in ("csv", "chop"):
        raise InputError("only tables of the formats csv and chop have named columns", field="column")
    system = _loaded(name, path, format, release, language, columns)
    folder = folder if folder is not None else default_folder()
    for each in _imported(folder):
        if (each.name, each.release) == (name, system.release) and each.digest != system.digest:
            raise Conflict(
                f"{name} {each.release} is there with other content ({each.digest[:12]}); import this one under another release"
            )
    return _store(system, folder)


def _loaded(name: str, path: Path, format: Format, release: str, language: str, columns: Mapping[str, str] | None) -> CodeSystem:
    if format == "metadata":
        from groundcrew.code_systems.bfarm import load_metadata

        return load_metadata(path, name=name, release=release, language=language or "de")
    if format == "claml":
        from groundcrew.code_systems.claml import load_claml

        return load_claml(path, name=name, release=release, language=language)
    from groundcrew.code_systems.tables import load_csv

    return load_csv(path, name=name, release=release, language=language, columns=columns)


def _store(system: CodeSystem, folder: Path) -> Entry:
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{system.digest}{SUFFIX}"
    stored = _Stored(
        name=system.name,
        release=system.release,
        language=system.language,
        digest=system.digest,
        codes=list(system.codes.values()),
    )
    if not target.exists():
        keep(target, gzip.compress(msgspec.json.encode(stored), mtime=0))
    return _entry(stored, target)


def _entry(stored: _Stored, path: Path) -> Entry:
    return Entry(
        name=stored.name,
        release=stored.release,
        language=stored.language,
        digest=stored.digest,
        codes=sum(each.usable for each in stored.codes),
        path=str(path),
    )


def _imported(folder: Path) -> Iterator[Entry]:
    if folder.is_dir():
        for path in sorted(folder.glob(f"*{SUFFIX}"))[:SYSTEMS_MAX]:
            yield _entry(_decoded(path, path.stat().st_mtime_ns), path)


def _read(path: Path) -> CodeSystem:
    return _checked(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=KEPT_MAX)
def _decoded(path: Path, _changed: int) -> _Stored:
    try:
        with gzip.open(path, "rb") as stream:
            data = stream.read(FILE_BYTES_MAX + 1)
        if len(data) > FILE_BYTES_MAX:
            raise InputError(f"is larger than {FILE_BYTES_MAX:,} bytes", file=str(path))
        return msgspec.json.decode(data, type=_Stored)
    except (OSError, EOFError, zlib.error, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError("is a damaged code system; remove the file and import it again", file=str(path)) from error


@lru_cache(maxsize=KEPT_MAX)
def _checked(path: Path, changed: int) -> CodeSystem:
    stored = _decoded(path, changed)
    digest = content_digest(stored.name, stored.release, stored.codes)
    if digest != stored.digest or path.name != f"{digest}{SUFFIX}":
        raise InputError("is not what its name says; remove the file and import it again", file=str(path))
    return CodeSystem(
        name=stored.name,
        release=stored.release,
        language=stored.language,
        digest=digest,
        codes={each.code: each for each in stored.codes},
    )


def _release_key(release: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in _NUMBER.split(release) if part]
