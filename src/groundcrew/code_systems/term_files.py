"""What people say for a code, in any language, as data beside a code system: tables of terms that ship and such as were added.

Titles are written for coders; terms are how notes put it. A table has no say in which codes there are: it lies beside the system.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from groundcrew.code_systems.keeping import keep
from groundcrew.code_systems.system import CodeSystem, Terms
from groundcrew.domain.identifiers import name_problem
from groundcrew.errors import InputError

SHIPPED: Final = Path(__file__).resolve().parent / "terms"
#: The folder of added tables within that of imported code systems.
FOLDER: Final = "terms"
SUFFIX: Final = ".tsv"
FILE_BYTES_MAX: Final = 32 * 1_048_576
FILES_MAX: Final = 1_000
TERM_LENGTH_MAX: Final = 200
TERMS_MAX: Final = 1_000_000
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")
#: Systems with their terms that stay in memory, by their digest and by what tables they have.
KEPT_MAX: Final = 8
_kept: dict[tuple[object, ...], CodeSystem] = {}


class Row(msgspec.Struct, frozen=True):
    """A line of a table: a code, a language, and what is said for the code."""

    code: str
    language: str
    terms: tuple[str, ...]
    line: int


class Added(msgspec.Struct, frozen=True, kw_only=True):
    """A table that was added: to which system, how many `codes` have `terms` by it, and where it is kept."""

    system: str
    codes: int
    terms: int
    languages: tuple[str, ...]
    path: str


def rows(path: Path) -> Iterator[Row]:
    """The lines of the table at `path`: CODE, language and terms between tabs, terms between bars; empty lines and such as begin
    with # say nothing. Raises InputError naming file, line and field."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise InputError(f"is larger than {FILE_BYTES_MAX:,} bytes", file=str(path))
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"can not be read: {error.strerror or error}", file=str(path)) from error
    except UnicodeDecodeError as error:
        raise InputError(f"is no UTF-8 text: byte {error.start}", file=str(path)) from error
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip() and not line.startswith("#"):
            yield _row(line, number, str(path))


def _row(line: str, number: int, file: str) -> Row:
    cells = [each.strip() for each in line.split("\t")]
    if len(cells) != 3:
        told = f"has {len(cells)} fields; a line is CODE, language and terms (term | term) between tabs"
        raise InputError(told, file=file, line=number)
    code, language, said = cells
    if not _LANGUAGE.fullmatch(language):
        raise InputError(f"{language[:20]!r} is no language such as en or es", file=file, line=number, field="language")
    terms = tuple(dict.fromkeys(each.strip() for each in said.split("|") if each.strip()))
    if not terms:
        raise InputError("holds no term", file=file, line=number, field="terms")
    for term in terms:
        if len(term) > TERM_LENGTH_MAX or not term.isprintable() or not any(map(str.isalnum, term)):
            told = f"{term[:40]!r} is no term of 1 to {TERM_LENGTH_MAX} characters with a letter or a digit"
            raise InputError(told, file=file, line=number, field="terms")
    return Row(code, language, terms, number)


def checked(path: Path, system: CodeSystem) -> list[Row]:
    """The table at `path`, each code as `system` writes it. InputError for a code that no case may have, naming its line."""
    found = []
    for row in rows(path):
        problem = system.problem(row.code)
        entry = system.find(row.code)
        if problem or entry is None:
            raise InputError(problem or "is no code", file=str(path), line=row.line, field="code")
        found.append(msgspec.structs.replace(row, code=entry.code))
    if not found:
        raise InputError("holds no terms", file=str(path))
    if sum(len(each.terms) for each in found) > TERMS_MAX:
        raise InputError(f"holds more than {TERMS_MAX:,} terms", file=str(path))
    return found


def add(system: CodeSystem, path: Path, folder: Path) -> Added:
    """Keep the table at `path` among the code systems in `folder` as further terms of `system`; the same terms again are the same
    file. Raises InputError naming file and line: nothing is kept then."""
    found = checked(path, system)
    lines = sorted(f"{row.code}\t{row.language}\t{' | '.join(row.terms)}\n" for row in found)
    content = "".join(lines).encode()
    target = _folder_of(system.name, folder / FOLDER) / f"{hashlib.sha256(content).hexdigest()}{SUFFIX}"
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        keep(target, content)
    return Added(
        system=system.name,
        codes=len({row.code for row in found}),
        terms=sum(len(row.terms) for row in found),
        languages=tuple(sorted({row.language for row in found})),
        path=str(target),
    )


def with_terms(system: CodeSystem, folder: Path) -> CodeSystem:
    """`system` with the terms that ship for it and those that were added in `folder`. A code that this edition does not have, or
    that no case may have, gets none: tables are checked against an edition when they are added, and outlive it."""
    paths = [*_tables(_folder_of(system.name, SHIPPED)), *_tables(_folder_of(system.name, folder / FOLDER))]
    key = (system.digest, *((str(each), each.stat().st_mtime_ns) for each in paths))
    found = _kept.get(key)
    if found is None:
        found = _kept[key] = _joined(system, paths)
        while len(_kept) > KEPT_MAX:
            _kept.pop(next(iter(_kept)), None)
    return found


def _joined(system: CodeSystem, paths: Iterable[Path]) -> CodeSystem:
    found: dict[str, dict[str, dict[str, None]]] = {}
    for path in paths:
        for row in rows(path):
            entry = system.find(row.code)
            if entry is not None and entry.usable:
                found.setdefault(row.language, {}).setdefault(entry.code, {}).update(dict.fromkeys(row.terms))
    terms = {language: {code: tuple(each) for code, each in sorted(codes.items())} for language, codes in sorted(found.items())}
    return msgspec.structs.replace(system, terms=terms, terms_digest=terms_digest(terms))


def terms_digest(terms: Terms) -> str:
    """The SHA-256 of all terms; empty where there are none."""
    if not terms:
        return ""
    hashed = hashlib.sha256()
    for language, codes in terms.items():
        for code, said in codes.items():
            hashed.update("\x1f".join((language, code, *said, "\n")).encode())
    return hashed.hexdigest()


def _folder_of(name: str, folder: Path) -> Path:
    problem = name_problem(name)
    if problem:
        raise InputError(problem, field="name")
    return folder / name


def _tables(folder: Path) -> Iterable[Path]:
    return sorted(folder.glob(f"*{SUFFIX}"))[:FILES_MAX] if folder.is_dir() else ()
