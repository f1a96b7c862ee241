"""Scores files of answers in the contracts' row format, one row at a time, so that a file of any length fits in memory.
A bad row stops the run and names its line; the output appears under its name only when it is complete."""

from __future__ import annotations

import gzip
import io
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, cast

import msgspec

from groundcrew.domain.trust import ClaimScore, TrustReport
from groundcrew.errors import InputError
from groundcrew.grounding.trust import TrustScorer

#: Longest line that is read, in characters.
ROW_CHARS_MAX = 16_000_000
#: Rows between two calls of `progress`.
PROGRESS_EVERY_ROWS = 100

Progress = Callable[[int], None]


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row to score. Unknown fields are ignored; null counts as absent."""

    id: str | int
    sources: list[str]
    answer: str
    question: str | None = None


def score_rows(lines: Iterable[str], *, scorer: TrustScorer | None = None, file: str | None = None) -> Iterator[dict[str, Any]]:
    """Scores JSON Lines rows `{"id", "sources", "question"?, "answer"}` and yields the contracts' result rows in order.
    A row that does not parse, lacks a field or has one of a wrong type raises `InputError` with its line number."""
    own = scorer
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        row = _parse(line, number, file)
        if own is None:
            own = TrustScorer.shipped()
        yield result_row(row.id, own.score(row.answer, row.sources, row.question))


def result_row(identifier: str | int, report: TrustReport) -> dict[str, Any]:
    """A report in the contracts' row format, with state, reasons and contradictions added."""
    row: dict[str, Any] = {
        "id": identifier,
        "trust": report.trust,
        "claims": [_claim_row(claim) for claim in report.claims],
        "unsupported": [list(span) for span in report.unsupported],
        "state": report.state,
    }
    if report.reason is not None:
        row["reason"] = report.reason
    return row


def _claim_row(claim: ClaimScore) -> dict[str, Any]:
    row: dict[str, Any] = {"start": claim.start, "end": claim.end, "support": claim.support}
    if claim.source is not None and claim.quote is not None:
        row["source"], row["quote"] = claim.source, list(claim.quote)
    if claim.reasons:
        row["reasons"] = list(claim.reasons)
    if claim.contradicted:
        row["contradicted"] = True
    return row


def _parse(line: str, number: int, file: str | None) -> _Row:
    if len(line) > ROW_CHARS_MAX:
        raise InputError(f"longer than {ROW_CHARS_MAX} characters", file=file, line=number)
    try:
        fields = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InputError(f"not JSON: {error}", file=file, line=number) from error
    if not isinstance(fields, dict):
        raise InputError("must be an object", file=file, line=number)
    present = {name: value for name, value in fields.items() if value is not None}
    for name in ("id", "sources", "answer"):
        if name not in present:
            raise InputError("is missing", file=file, line=number, field=name)
    if isinstance(present["sources"], list):
        present["sources"] = [source for source in present["sources"] if source is not None]
    if isinstance(present["id"], bool):
        raise InputError("must be text or a whole number", file=file, line=number, field="id")
    try:
        return msgspec.convert(present, type=_Row)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$.")
        raise InputError(message, file=file, line=number, field=path.rstrip("`").split("[")[0] or None) from error


def read_rows(path: Path) -> Iterator[str]:
    """Lines of a JSON Lines file, gzipped where its content says so. A missing or broken file raises `InputError`."""
    number = 1
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            stream = cast(IO[bytes], gzip.GzipFile(fileobj=raw) if packed else raw)
            with io.TextIOWrapper(stream, encoding="utf-8-sig") as lines:
                for line in lines:
                    yield line
                    number += 1
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8 text", file=str(path), line=number) from error
    except (gzip.BadGzipFile, EOFError) as error:
        raise InputError(f"broken gzip file: {error}", file=str(path), line=number) from error
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", file=str(path)) from error


def score_file(source: Path, target: Path, progress: Progress | None = None, *, scorer: TrustScorer | None = None) -> int:
    """Scores the rows of `source` into `target` (gzipped where its name ends in .gz) and returns how many. `target` is
    replaced only once every row is scored. `progress` is called with the number of rows done."""
    done = 0
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", file=str(target)) from error
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as raw:
            with _Packed(raw, target) as output:
                for row in score_rows(read_rows(source), scorer=scorer, file=str(source)):
                    output.write(msgspec.json.encode(row) + b"\n")
                    done += 1
                    if progress is not None and done % PROGRESS_EVERY_ROWS == 0:
                        progress(done)
            raw.flush()
            os.fsync(raw.fileno())
        part.chmod(0o644)
        part.replace(target)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", file=str(target)) from error
    finally:
        part.unlink(missing_ok=True)
    if progress is not None:
        progress(done)
    return done


class _Packed:
    """The raw stream itself, or a gzip stream on top of it that is closed without closing the raw one."""

    def __init__(self, raw: IO[bytes], target: Path) -> None:
        packed = target.name.endswith(".gz")
        self._stream = cast(IO[bytes], gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0)) if packed else raw
        self._raw = raw

    def __enter__(self) -> IO[bytes]:
        return self._stream

    def __exit__(self, *exception: object) -> None:
        if self._stream is not self._raw:
            self._stream.close()
