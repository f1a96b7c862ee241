"""Divides the input into portions that workers read side by side. Files that can not be entered in the middle (CSV, packed ones,
Parquet) are first unrolled into parts of equal size, one pass over each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from groundcrew.curation.sources import CUT_BYTES, Cut, Found, Line, read_lines
from groundcrew.curation.work import read_arrow, whole, write_arrow
from groundcrew.domain.canonical import digest

#: Rows of one unrolled part, and characters of them.
PART_ROWS_MAX = 20_000
PART_CHARACTERS_MAX = CUT_BYTES
#: A larger file that can not be entered in the middle is unrolled; smaller ones are read as they are.
WHOLE_BYTES_MAX = 2 * 1_048_576


class Segment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of the file `name`, which is the input's file number `source`: all of it; from `cut` up to the byte `end`; or what
    was unrolled into `part`."""

    source: int
    name: str
    sha256: str
    cut: Cut | None = None
    end: int | None = None
    part: str | None = None


class Portion(msgspec.Struct, frozen=True, kw_only=True):
    """What one worker reads at a time."""

    segments: tuple[Segment, ...]

    @property
    def digest(self) -> str:
        """Names what is read, wherever the parts lie: files by their content."""
        told = [
            (each.source, each.sha256, each.cut, each.end, Path(each.part).name if each.part else None) for each in self.segments
        ]
        return digest([[*row[:2], msgspec.to_builtins(row[2]), *row[3:]] for row in told])


def divided(found: Found) -> tuple[list[tuple[Segment, int]], list[Segment]]:
    """Segments that can be read at once, with their sizes in bytes; and files that have to be unrolled first."""
    ready: list[tuple[Segment, int]] = []
    closed: list[Segment] = []
    for source, file in enumerate(found.files):
        whole = Segment(source=source, name=file.name, sha256=file.sha256)
        cuts = found.cuts.get(file.name, ())
        if len(cuts) > 1:
            ends = [*(each.offset for each in cuts[1:]), file.size_bytes]
            for cut, end in zip(cuts, ends, strict=True):
                ready.append((msgspec.structs.replace(whole, cut=cut, end=end), end - cut.offset))
        elif cuts or file.size_bytes <= WHOLE_BYTES_MAX:
            ready.append((whole, file.size_bytes))
        else:
            closed.append(whole)
    return ready, closed


def packed(segments: Sequence[tuple[Segment, int]]) -> list[Portion]:
    """Portions of about CUT_BYTES out of segments of any size, in their order."""
    portions: list[Portion] = []
    open_ones: list[Segment] = []
    size = 0
    for segment, each in segments:
        if open_ones and size + each > CUT_BYTES:
            portions.append(Portion(segments=tuple(open_ones)))
            open_ones, size = [], 0
        open_ones.append(segment)
        size += each
    if open_ones:
        portions.append(Portion(segments=tuple(open_ones)))
    return portions


def unroll(segment: Segment, fields: Sequence[str], stem: str) -> int:
    """Write the records of a closed file as parts whose names begin with `stem`, and, when all are there, the list of them.

    Returns how many records there were. Raises InputError.
    """
    parts: list[str] = []
    rows: list[Line] = []
    characters = count = 0
    for line in read_lines(segment.name, fields):
        rows.append(line)
        characters += len(line.text or "")
        count += 1
        if len(rows) >= PART_ROWS_MAX or characters >= PART_CHARACTERS_MAX:
            parts.append(_write_part(rows, f"{stem}-{len(parts):05d}.arrow"))
            rows, characters = [], 0
    if rows or not parts:
        parts.append(_write_part(rows, f"{stem}-{len(parts):05d}.arrow"))
    with whole(Path(f"{stem}.json")) as building:
        building.write_bytes(msgspec.json.encode(parts))
    return count


def _write_part(rows: Sequence[Line], path: str) -> str:
    import pyarrow as pa

    columns = {
        "line": pa.array([each.line for each in rows], type=pa.int64()),
        "text": pa.array([each.text for each in rows], type=pa.large_string()),
        "typed": pa.array([each.typed for each in rows], type=pa.bool_()),
        "error": pa.array([each.error for each in rows], type=pa.string()),
        "damage": pa.array([each.damage for each in rows], type=pa.string()),
    }
    write_arrow(Path(path), pa.table(columns))
    return path


def lines_of(segment: Segment, fields: Sequence[str]) -> Iterator[Line]:
    """The records of a segment. Raises InputError naming the file."""
    if segment.part is None:
        span = (segment.cut, segment.end) if segment.cut is not None and segment.end is not None else None
        yield from read_lines(segment.name, fields, span)
        return
    table = read_arrow(Path(segment.part))
    columns = (table.column(name).to_pylist() for name in ("line", "text", "typed", "error", "damage"))
    for line, text, typed, error, damage in zip(*columns, strict=True):
        yield Line(line=line, text=text, typed=typed, error=error, damage=damage)
