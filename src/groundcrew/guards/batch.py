"""Scans a file of texts with one guard: JSON Lines in and out, gzipped or not; a bad row names its line."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec

from groundcrew.domain.guard import Verdict, VerdictKind
from groundcrew.errors import InputError, NotFound
from groundcrew.guards.judging import blocks, nonsense_in
from groundcrew.guards.registry import NEEDS, Context, Guard, find_guard

LINE_BYTES_MAX = 16 * 1024 * 1024
GZIP_MAGIC = b"\x1f\x8b"
#: Rows between two calls of `progress`.
PROGRESS_EVERY_ROWS = 20


class ScanRow(msgspec.Struct, frozen=True):
    """One row to scan; unknown fields are ignored, null counts as absent."""

    id: str | int
    text: str
    context: dict[str, Any] | None = None


class ScanSummary(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows got which verdict; `partial` of them were not looked at as a whole."""

    rows: int
    passed: int
    flagged: int
    blocked: int
    partial: int


Row = TypeVar("Row")


def scan_file(
    name: str,
    input: Path,
    output: Path,
    *,
    settings: Mapping[str, Any] | None = None,
    progress: Callable[[int], None] = lambda _rows: None,
) -> ScanSummary:
    """Scan every row of `input` with the guard `name` into `output` (gzipped where its name ends in .gz), in order.

    `settings` are those of a policy's rule; a row's context goes before them. Rows out: `{"id", "verdict", "score", "findings":
    [{"start", "end", "type", "score"}], "latency_ms"}`, and `"complete": false` where a part of the text was not looked at.
    InputError names file, line and field; the output file appears only when all rows were read.
    """
    try:
        chosen = find_guard(name)
    except NotFound as error:
        raise InputError(str(error), field="NAME") from None
    if output.exists() and input.exists() and output.samefile(input):
        raise InputError("is the input: the verdicts would take the texts' place", file=str(output))
    if chosen.warm is not None:
        chosen.warm()
    counts = {"pass": 0, "flag": 0, "block": 0}
    partial = 0
    scratch = output.with_name(output.name + ".part")
    try:
        with _open_output(scratch, gzipped=output.suffix == ".gz") as sink:
            for done, (line, row) in enumerate(read_rows(input), 1):
                started_s = time.perf_counter()
                verdict = _scan(chosen, row, {**(settings or {}), **(row.context or {})}, str(input), line)
                latency_ms = (time.perf_counter() - started_s) * 1000
                counts[verdict.verdict] += 1
                partial += not verdict.complete
                sink.write(msgspec.json.encode(_result(row, verdict, latency_ms)) + b"\n")
                if done % PROGRESS_EVERY_ROWS == 0:
                    progress(done)
        scratch.replace(output)
    except OSError as error:
        raise InputError(f"can not be written: {error.strerror or error}", file=str(output)) from None
    finally:
        scratch.unlink(missing_ok=True)
    progress(rows := sum(counts.values()))
    return ScanSummary(rows=rows, passed=counts["pass"], flagged=counts["flag"], blocked=counts["block"], partial=partial)


def _scan(chosen: Guard, row: ScanRow, context: Context, file: str, line: int) -> Verdict:
    """The verdict on one row; InputError where the guard gives none, or is not told what it needs to look for anything."""
    needed = NEEDS.get(chosen.name, ())
    if needed and not any(context.get(key) for key in needed):
        problem = f"the guard {chosen.name} needs {' or '.join(needed)}, here or from a policy's rule"
        raise InputError(problem, file=file, line=line, field="context")
    try:
        verdict = chosen.check(row.text, context)
    except Exception as error:
        raise InputError(f"the guard {chosen.name} failed: {error}", file=file, line=line) from error
    if wrong := nonsense_in(verdict, row.text):
        raise InputError(f"the guard {chosen.name} {wrong}", file=file, line=line)
    if (block_at := context.get("block_at")) is None:
        return verdict
    kept_back = blocks(verdict, block_at)
    kind: VerdictKind = "block" if kept_back else "flag" if verdict.verdict != "pass" or verdict.findings else "pass"
    return msgspec.structs.replace(verdict, verdict=kind)


def _result(row: ScanRow, verdict: Verdict, latency_ms: float) -> dict[str, Any]:
    findings = [{"start": each.start, "end": each.end, "type": each.type, "score": each.score} for each in verdict.findings]
    result = {
        "id": row.id,
        "verdict": verdict.verdict,
        "score": verdict.score,
        "findings": findings,
        "latency_ms": round(latency_ms, 3),
    }
    return result if verdict.complete else {**result, "complete": False}


def read_rows(path: Path) -> Iterator[tuple[int, ScanRow]]:
    """The rows of a JSON Lines file with their line numbers; blank lines are skipped. InputError for what is wrong."""
    return read_lines(path, ScanRow)


def read_lines(path: Path, kind: type[Row]) -> Iterator[tuple[int, Row]]:
    """Every line of a JSON Lines file as a `kind`, with its number; gzipped or not, blank lines are skipped. InputError names
    file, line and field."""
    decoder = msgspec.json.Decoder(kind)
    try:
        with _open_input(path) as source:
            number = 0
            while line := source.readline(LINE_BYTES_MAX + 1):
                number += 1
                if len(line) > LINE_BYTES_MAX:
                    raise InputError(f"is longer than {LINE_BYTES_MAX} bytes", file=str(path), line=number)
                if line.strip():
                    yield number, _read_row(decoder, line, path, number)
    except (OSError, EOFError) as error:
        raise InputError(f"can not be read: {getattr(error, 'strerror', None) or error}", file=str(path)) from None


def _read_row(decoder: msgspec.json.Decoder[Row], line: bytes, path: Path, number: int) -> Row:
    try:
        str(line, "utf-8")
        return decoder.decode(line)
    except UnicodeDecodeError:
        raise InputError("is not UTF-8", file=str(path), line=number) from None
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$.")
        raise InputError(message, file=str(path), line=number, field=place.rstrip("`") or None) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"is not JSON: {error}", file=str(path), line=number) from None


def _open_input(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        magic = file.read(2)
    return gzip.open(path) if magic == GZIP_MAGIC else path.open("rb")  # type: ignore[return-value]


def _open_output(path: Path, *, gzipped: bool) -> IO[bytes]:
    return gzip.open(path, "wb") if gzipped else path.open("wb")  # type: ignore[return-value]
