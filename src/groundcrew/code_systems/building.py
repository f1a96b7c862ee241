"""From rows to a code system: what every loader of a published table does alike, with the line of whatever is wrong."""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Final

import msgspec

from groundcrew.code_systems.system import CODE_LENGTH_MAX, DEPTH_MAX, Code, CodeSystem, compact, content_digest
from groundcrew.errors import InputError

TABLE_BYTES_MAX: Final = 128 * 1_048_576
#: All tables of a folder or an archive, unpacked.
PUBLICATION_BYTES_MAX: Final = 256 * 1_048_576
ENTRIES_MAX: Final = 500_000
TITLE_LENGTH_MAX: Final = 2_000
ARCHIVE_FILES_MAX: Final = 1_000


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as a table has it, and where. `parent` None: the longest code that this one begins with."""

    entry: Code
    file: str
    line: int
    parent: str | None = None


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a publication."""

    name: str
    text: str


def read_tables(path: Path) -> list[Table]:
    """The text files at `path`: a file, those in a folder, or those in a ZIP archive, by name. Nothing is unpacked to disk.
    Raises InputError, also for more than TABLE_BYTES_MAX a file, PUBLICATION_BYTES_MAX together or ARCHIVE_FILES_MAX files."""
    try:
        if path.is_dir():
            files = sorted(each for each in path.rglob("*") if each.is_file() and each.suffix.lower() in _SUFFIXES)
            return _gathered(path, ((str(each), partial(_opened, each)) for each in files))
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                inside = [
                    each for each in archive.infolist() if Path(each.filename).suffix.lower() in _SUFFIXES and not each.is_dir()
                ]
                return _gathered(path, ((f"{path}/{each.filename}", partial(archive.open, each)) for each in inside))
        return _gathered(path, [(str(path), partial(_opened, path))])
    except OSError as error:
        raise InputError(f"can not be read: {error.strerror or error}", file=str(path)) from error
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError) as error:
        raise InputError(f"is a damaged archive: {error}", file=str(path)) from error
    except (RuntimeError, NotImplementedError) as error:  # Encrypted, or packed in a way that is not known.
        raise InputError(f"is an archive that can not be opened: {error}", file=str(path)) from error


_SUFFIXES = frozenset({".txt", ".csv", ".xml", ".asc"})


def _opened(path: Path) -> IO[bytes]:
    return path.open("rb")


def _gathered(path: Path, files: Iterable[tuple[str, Callable[[], IO[bytes]]]]) -> list[Table]:
    tables: list[Table] = []
    read = 0
    for name, opened in files:
        if len(tables) == ARCHIVE_FILES_MAX:
            raise InputError(f"holds more than {ARCHIVE_FILES_MAX:,} tables", file=str(path))
        with opened() as stream:
            data = stream.read(TABLE_BYTES_MAX + 1)
        read += len(data)
        if len(data) > TABLE_BYTES_MAX:
            raise InputError(f"is larger than {TABLE_BYTES_MAX:,} bytes", file=name)
        if read > PUBLICATION_BYTES_MAX:
            raise InputError(f"is larger than {PUBLICATION_BYTES_MAX:,} bytes, unpacked", file=str(path))
        tables.append(Table(name=name, text=_text(data, name)))
    return tables


def _text(data: bytes, name: str) -> str:
    """UTF-8, or the Western table of Windows, in which older editions were published."""
    if data[:4] == b"PK\x03\x04":
        raise InputError("is a spreadsheet or an archive; save the table as CSV (UTF-8)", file=name)
    for encoding in ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252"):
        try:
            return io.IncrementalNewlineDecoder(None, translate=True).decode(data.decode(encoding))
        except UnicodeDecodeError:
            continue
    raise InputError("is neither UTF-8 nor Windows-1252 text", file=name)


def build(name: str, release: str, language: str, rows: Iterable[Row], *, file: str) -> CodeSystem:
    """The code system of `rows`, in their order. Raises InputError for a code that is none, that comes twice, or whose parent is
    not there, naming file and line."""
    found: dict[str, Row] = {}
    compacted: dict[str, str] = {}
    for row in rows:
        problem = _problem(row, found, compacted)
        if problem:
            raise InputError(problem, file=row.file, line=row.line)
        found[row.entry.code] = row
        compacted[compact(row.entry.code.upper())] = row.entry.code
        if len(found) > ENTRIES_MAX:
            raise InputError(f"more than {ENTRIES_MAX:,} entries", file=row.file, line=row.line)
    if not found:
        raise InputError("holds no code", file=file)
    codes = {code: _placed(row, found, compacted) for code, row in found.items()}
    for code, entry in codes.items():
        codes[code] = msgspec.structs.replace(entry, chapter=entry.chapter or _chapter(entry, codes, found[code]))
    return CodeSystem(
        name=name, release=release, language=language, digest=content_digest(name, release, codes.values()), codes=codes
    )


def _problem(row: Row, found: Mapping[str, Row], compacted: Mapping[str, str]) -> str | None:
    code = row.entry.code
    if not 1 <= len(code) <= CODE_LENGTH_MAX or not compact(code) or not code.isprintable():
        return f"{code[:CODE_LENGTH_MAX]!r} is no code"
    if not row.entry.title.strip() or len(row.entry.title) > TITLE_LENGTH_MAX:
        return f"the title of {code} has not 1 to {TITLE_LENGTH_MAX:,} characters"
    if code in found:
        return f"the code {code} comes twice, first in {found[code].file}:{found[code].line}"
    other = compacted.get(compact(code.upper()))
    if other is not None and row.entry.kind == "code" and found[other].entry.kind == "code":
        return f"the code {code} differs from {other} in its dots and case alone"
    return None


def _placed(row: Row, found: Mapping[str, Row], compacted: Mapping[str, str]) -> Code:
    entry = row.entry
    if row.parent is None:
        whole = compact(entry.code.upper())
        above = (compacted.get(whole[:length]) for length in range(len(whole) - 1, 0, -1))
        parent = next((each for each in above if each is not None and found[each].entry.kind == "code"), "")
        return msgspec.structs.replace(entry, parent=parent or entry.parent)
    if row.parent and (row.parent not in found or row.parent == entry.code):
        raise InputError(f"{entry.code} lies under {row.parent!r}, which is no other entry", file=row.file, line=row.line)
    return msgspec.structs.replace(entry, parent=row.parent)


def _chapter(entry: Code, codes: Mapping[str, Code], row: Row) -> str:
    above = entry
    for _ in range(DEPTH_MAX):
        if above.kind == "chapter" or not above.parent or above.parent not in codes:
            return above.code if above.kind == "chapter" or above is not entry else ""
        above = codes[above.parent]
    raise InputError(f"the entries above {entry.code} go in circles", file=row.file, line=row.line)
